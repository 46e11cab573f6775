"""Data files as a run keeps them: written anew from their rows, without what is secret in them."""

from __future__ import annotations

import csv
import io
from pathlib import PurePath
from typing import Any

import msgspec

from windtunnel.model.feeder import ABSENT, Feeder
from windtunnel.redaction import Redactor


def data_text(feeder: Feeder, redactor: Redactor) -> str:
    """The rows of a data file in its own format; values of columns that speak of a secret are hidden."""
    rows = [
        {
            name: _shown(name, value, redactor)
            for name, value in zip(feeder.columns, row, strict=True)
            if value is not ABSENT
        }
        for row in feeder.rows
    ]
    if PurePath(feeder.file).suffix.lower() == ".csv":
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(feeder.columns)
        writer.writerows([row.values() for row in rows])
        return text.getvalue()
    lines = [redactor.body(msgspec.json.encode(row)).decode() for row in rows]
    if PurePath(feeder.file).suffix.lower() == ".json":
        return "[\n  " + ",\n  ".join(lines) + "\n]\n"
    return "\n".join(lines) + "\n"


def _shown(name: str, value: Any, redactor: Redactor) -> Any:
    if isinstance(value, str):
        return redactor.named(name, value)
    return redactor.named(name, str(value)) if redactor.is_secret_key(name) else value
