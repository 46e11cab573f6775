"""What GitHub Actions reads: outputs, the job summary, annotations, and a log without commands in it.

The forms are those of GitHub's pages "Workflow commands for GitHub Actions" and "Usage limits".
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TextIO

from windtunnel.report.text import for_log, printable

MAX_ANNOTATIONS = 10
"""Of one level in one step; GitHub drops what is over it."""
MAX_ANNOTATION_LENGTH = 4096
"""Characters of a message, escapes counted."""
SUMMARY_BUDGET = 900 * 1024
"""Bytes of a step's summary. GitHub shows nothing at all of one over 1 MiB."""

_TITLE_LENGTH = 120
_CUT_NOTE = "\n\n_The rest is omitted to save space; see the report._\n"
_MESSAGE_ESCAPES = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_PROPERTY_ESCAPES = {**_MESSAGE_ESCAPES, ":": "%3A", ",": "%2C"}
_OTHER_LINE_ENDS = re.compile(r"\r\n?|[\x85\u2028\u2029]")


def without_commands(text: str) -> str:
    """The text with every workflow command (`::name::`, `##[name]`) defused: text of the SUT commands nothing."""
    # The runner's reader ends a line at a lone carriage return too.
    return for_log(_OTHER_LINE_ENDS.sub("\n", text))


class SafeLog(io.TextIOBase):
    """A text stream that passes on whole lines without workflow commands."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._begun = ""

    def writable(self) -> bool:
        """Yes."""
        return True

    def fileno(self) -> int:
        """That of the stream."""
        return self._stream.fileno()

    def write(self, text: str) -> int:
        """Take text; pass on the lines that are complete."""
        lines, end, self._begun = (self._begun + text).rpartition("\n")
        if end:
            self._stream.write(without_commands(lines) + end)
        return len(text)

    def flush(self) -> None:
        """Flush complete lines. An incomplete one stays: its next piece may turn it into a command."""
        self._stream.flush()


class RunnerFile:
    """A file that GitHub's runner names and reads when the step has ended: outputs, or the job summary.

    Text of earlier steps stays, ours follows it. `write` replaces ours: the essentials can be written early, in
    case the job is killed, and the rest later. `used` is the size of the text of earlier steps, in bytes.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self.used = path.stat().st_size if path.is_file() else 0
        except OSError:  # `write` says why
            self.used = 0

    def write(self, text: str) -> str | None:
        """Write our part, or replace it. Returns a warning, or None."""
        try:
            self._path.touch(mode=0o644)
            with self._path.open("r+b", buffering=0) as file:
                file.truncate(self.used)
                file.seek(self.used)
                content = text.encode("utf-8", "replace")
                if file.write(content) < len(content):
                    file.truncate(self.used)
                    return f"can't write {self._path}: {os.strerror(errno.ENOSPC)}"
        except OSError as error:
            with contextlib.suppress(OSError):
                os.truncate(self._path, self.used)  # half of an output is none
            return f"can't write {self._path}: {error.strerror}"
        return None


def outputs_text(outputs: Mapping[str, str]) -> str:
    """What is appended to the file `GITHUB_OUTPUT`: each value between random delimiters."""
    parts = []
    for name, value in outputs.items():
        delimiter = f"windtunnel-{secrets.token_hex(16)}"
        parts.append(f"{name}<<{delimiter}\n{value}\n{delimiter}\n")
    return "".join(parts)


def fitted_summary(markdown: str, *, used: int = 0, budget: int = SUMMARY_BUDGET) -> str:
    """The job summary within `budget` bytes of UTF-8, `used` of which are taken already.

    The verdict is at the top, so the cut drops details: whole paragraphs if there are any, else lines. A block of
    code and what is folded stay whole.
    """
    encoded = markdown.encode("utf-8", "replace")
    room = budget - used
    if len(encoded) <= room:
        return encoded.decode()
    room -= len(_CUT_NOTE.encode())
    kept = encoded[: max(0, room)].decode("utf-8", "ignore")
    end = kept.rfind("\n\n")
    if end < 0:
        end = kept.rfind("\n")
    end = min(end, _open_at(kept[: max(0, end)]))
    return kept[:end].rstrip("\n") + _CUT_NOTE if end > 0 else ""


def _open_at(markdown: str) -> int:
    """Where the block of code or the folded part begins in which the text ends; without one, its length."""
    at, begins, fence, folds = 0, len(markdown), "", 0
    for line in markdown.split("\n"):
        opened = bool(fence or folds)
        if fence:
            fence = "" if line == fence else fence
        elif line.startswith("```"):
            fence = line[: len(line) - len(line.lstrip("`"))]
        else:
            folds += (line == "<details>") - (line == "</details>")
        if not opened and (fence or folds):
            begins = at
        at += len(line) + 1
    return begins if fence or folds else len(markdown)


Level = Literal["error", "warning", "notice"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """A message that GitHub shows next to the code. `file` is relative to the workspace; `line` counts from 1."""

    title: str
    message: str
    file: str | None = None
    line: int | None = None


def annotation_commands(annotations: Sequence[Annotation], *, limit: int = MAX_ANNOTATIONS) -> list[str]:
    """`::error …` lines for the first `limit` annotations, the worst first; the last one says how many follow."""
    shown = list(annotations[:limit])
    left_out = len(annotations) - len(shown)
    if shown and left_out:
        last = shown[-1]
        shown[-1] = Annotation(
            title=last.title,
            message=f"+{left_out} more, see the log. {last.message}",
            file=last.file,
            line=last.line,
        )
    return [annotation_command(annotation) for annotation in shown]


def annotation_command(annotation: Annotation, *, level: Level = "error") -> str:
    """`::error file=…,line=…,title=…::message`, escaped, with a message of at most 4,096 characters.

    `level` is error, warning or notice.
    """
    properties = {}
    if annotation.file:
        properties["file"] = annotation.file
        if annotation.line:
            properties["line"] = str(annotation.line)
    properties["title"] = printable(annotation.title, limit=_TITLE_LENGTH)
    named = ",".join(f"{name}={_escaped(value, _PROPERTY_ESCAPES)}" for name, value in properties.items())
    message = printable(annotation.message, limit=MAX_ANNOTATION_LENGTH, lines=True)
    return f"::{level} {named}::{_within(_escaped(message, _MESSAGE_ESCAPES), MAX_ANNOTATION_LENGTH)}"


def _escaped(text: str, escapes: Mapping[str, str]) -> str:
    return "".join(escapes.get(character, character) for character in text)


def _within(escaped: str, limit: int) -> str:
    """At most `limit` characters of escaped text, cut before an escape and never inside one."""
    if len(escaped) <= limit:
        return escaped
    return re.sub(r"%[0-9A-F]?$", "", escaped[: limit - 1]) + "…"


def fenced(lines: Iterable[str]) -> str:
    """Text as a Markdown code block, with a fence that the text does not contain."""
    text = "\n".join(lines)
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}\n"
