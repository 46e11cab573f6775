"""The `data` section of a scenario: its files, read, and what is wrong with them."""

from __future__ import annotations

import codecs
import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from windtunnel.config.feeder_files import DELIMITED, OBJECTS, Format, parse_rows, refused
from windtunnel.config.reader import Document
from windtunnel.errors import ConfigError, ExpressionError, Problem
from windtunnel.model.scenario import Feeder, Scenario
from windtunnel.model.source import DataPath
from windtunnel.project import TooLargeError

MAX_DATA_BYTES = 64 * 1024 * 1024


def read_feeders(document: Document) -> tuple[tuple[Feeder, ...], list[Problem]]:
    """The feeders of a valid scenario file, and a problem for each that can't be used."""
    feeders: list[Feeder] = []
    problems: list[Problem] = []
    for name, entry in document.data.get("data", {}).items():
        path: DataPath = ("data", name)
        problems += _contradictions(document, path, entry)
        try:
            feeders.append(_feeder(document, path, name, entry))
        except ConfigError as error:
            problems += error.problems
    return tuple(feeders), problems


def shared_rows_problems(scenarios: Sequence[Scenario]) -> list[Problem]:
    """A problem for each file whose unique rows two scenarios take in different orders: a row could go to both."""
    first: dict[str, Feeder] = {}
    problems = []
    for feeder in (feeder for scenario in scenarios for feeder in scenario.data if feeder.unique):
        other = first.setdefault(feeder.identity, feeder)
        if other.order != feeder.order:
            message = f"the unique rows of this file are taken in another order ({other.order}) at {other.where}"
            problems.append(Problem(message=message, where=feeder.where, hint=f"order: {other.order}"))
    return problems


def _feeder(document: Document, path: DataPath, name: str, entry: Mapping[str, Any]) -> Feeder:
    file = Path(document.source.file).parent / entry["file"]
    content = _read(document, (*path, "file"), file)
    text = _text(str(file), content)
    table = parse_rows(str(file), text, _format(entry))
    unique = entry.get("share") == "unique"
    return Feeder(
        name=name,
        file=str(file),
        identity=os.path.realpath(file),
        columns=table.columns,
        rows=table.rows,
        order=entry.get("order", "sequential"),
        # A row that is used once can't come round again: who did not say what then gets an error, never less load.
        on_end=entry.get("on_end", "fail" if unique else "recycle"),
        unique=unique,
        size=len(content),
        digest=hashlib.sha256(content).hexdigest(),
        where=document.source.locate((*path, "file")),
    )


def _format(entry: Mapping[str, Any]) -> Format:
    delimiter = entry.get("delimiter", "")
    return Format(
        delimiter="\t" if delimiter == "tab" else delimiter,
        comment=entry.get("comment") or "",
        cast=entry.get("cast", False),
    )


def _contradictions(document: Document, path: DataPath, entry: Mapping[str, Any]) -> list[Problem]:
    unique, order, on_end = entry.get("share") == "unique", entry.get("order"), entry.get("on_end")
    problems = []
    if Path(entry["file"]).suffix.lower() in OBJECTS:
        problems += [
            document.problem(f"`{key}` is for text in columns, and this file holds JSON", (*path, key), key=True)
            for key in ("delimiter", "comment", "cast")
            if key in entry
        ]
    elif entry.get("comment") and entry["comment"] == entry.get("delimiter"):
        problems.append(document.problem("the same character separates the columns", (*path, "comment")))
    if unique and order == "random":
        message = "`order: random` can repeat rows, and `share: unique` forbids it"
        problems.append(document.problem(message, (*path, "order"), hint="write `order: shuffle`"))
    if unique and on_end == "recycle":
        message = "`on_end: recycle` repeats rows, and `share: unique` forbids it"
        problems.append(
            document.problem(message, (*path, "on_end"), hint="write `on_end: stop` or `on_end: fail`")
        )
    if not unique and order == "random" and on_end in ("stop", "fail"):
        message = f"rows drawn at random never end, so `on_end: {on_end}` does nothing"
        problems.append(document.problem(message, (*path, "on_end"), hint="remove it, or write `order: shuffle`"))
    return problems


def _read(document: Document, path: DataPath, file: Path) -> bytes:
    if file.suffix.lower() not in {*DELIMITED, *OBJECTS}:
        kinds = ", ".join((*DELIMITED, *OBJECTS))
        raise ConfigError(
            document.problem(
                f'"{file.name}" is not the name of a data file', path, hint=f"the name must end in {kinds}"
            )
        )
    try:
        return document.source.project.read(file, most=MAX_DATA_BYTES)
    except ExpressionError as error:
        hint = "split it, or keep only the columns you need" if isinstance(error, TooLargeError) else error.hint
        raise ConfigError(document.problem(str(error), path, hint=hint)) from None


def _text(file: str, content: bytes) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):  # as Excel writes "Unicode text"
        try:
            return content.decode("utf-16")
        except UnicodeDecodeError:
            raise refused(file, 0, "its first bytes say UTF-16, and it is not", hint="save it as UTF-8") from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise refused(
            file, line, f"not UTF-8: byte 0x{content[error.start]:02x}", hint="save it as UTF-8"
        ) from None
