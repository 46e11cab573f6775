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
from windtunnel.figures import plural
from windtunnel.model.load import ClosedLoad
from windtunnel.model.plan import LoadPart
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
    """A problem for each file whose rows two scenarios share in different orders: a row could go to both."""
    first: dict[tuple[str, str], Feeder] = {}
    problems = []
    shared = [feeder for scenario in scenarios for feeder in scenario.data if feeder.share != "instance"]
    for feeder in shared:
        other = first.setdefault((feeder.share, feeder.identity), feeder)
        if other.order != feeder.order:
            rows = "unique rows" if feeder.share == "unique" else "rows of users"
            message = f"the {rows} of this file are taken in another order ({other.order}) at {other.where}"
            problems.append(Problem(message=message, where=feeder.where, hint=f"order: {other.order}"))
    return problems


def missing_rows_problems(parts: Sequence[LoadPart]) -> list[Problem]:
    """A problem for each data file with fewer rows than users, of which each is to have one. An open load has as
    many as turn out to be needed, so that it is the instances without a row that tell.
    """
    users: dict[str, int] = {}
    problems = []
    for part in parts:
        feeders = {
            each.identity: each for scenario in part.scenarios for each in scenario.data if each.share == "user"
        }
        for feeder in feeders.values():
            needed = users.get(feeder.identity, 0) + part.load.most_at_once
            users[feeder.identity] = needed
            missing = needed - len(feeder.rows)
            if missing > 0 and feeder.on_end == "fail" and isinstance(part.load, ClosedLoad):
                have = plural(len(feeder.rows), "row")
                message = (
                    f"the file has {have}, and each of {plural(needed, 'user')} needs one: {missing:,} missing"
                )
                hint = f"add {plural(missing, 'row')}, run fewer users, or write `on_end: recycle` to share rows"
                problems.append(Problem(message=message, where=feeder.where, hint=hint))
    return problems


def _feeder(document: Document, path: DataPath, name: str, entry: Mapping[str, Any]) -> Feeder:
    file = Path(document.source.file).parent / entry["file"]
    content = _read(document, (*path, "file"), file)
    text = _text(str(file), content)
    table = parse_rows(str(file), text, _format(entry))
    share = entry.get("share", "instance")
    return Feeder(
        name=name,
        file=str(file),
        identity=os.path.realpath(file),
        columns=table.columns,
        rows=table.rows,
        order=entry.get("order", "sequential"),
        # A row that is used once can't come round again: who did not say what then gets an error, never less load.
        on_end=entry.get("on_end", "fail" if share == "unique" else "recycle"),
        share=share,
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
    share, order, on_end = entry.get("share"), entry.get("order"), entry.get("on_end")
    unique = share == "unique"
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
    if share == "user" and on_end == "stop":
        message = "`on_end: stop` ends the load after the last row, and with `share: user` a user keeps its row"
        hint = "write `on_end: fail`, or `on_end: recycle` to give one row to several users"
        problems.append(document.problem(message, (*path, "on_end"), hint=hint))
    elif not unique and order == "random" and on_end in ("stop", "fail"):
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
