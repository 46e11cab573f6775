"""The errors a user can meet, each with its place, its message and its help.

WindtunnelError
├── ConfigError        the files or flags are wrong; nothing was sent            exit 2
├── UnreachableError   no service of the SUT accepts a connection                exit 3
├── EvidenceError      records can't be written or read; evidence is incomplete  exit 5
├── ExpressionError    text in a template, path or threshold is wrong; becomes a
│                      Problem where the place of the text is known
└── BugError           any other exception: a bug in Windtunnel                      exit 1
"""

from __future__ import annotations

import difflib
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Lack = Literal["default-sut", "default-scenarios", "file", "output"]
"""What a job may not find: the default files, a file that was named, a folder to write to."""

LONGEST_EXCERPT = 120
LONGEST_TEXT = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A place in a file: line and column count from 1; `excerpt` is the whole line, `width` the marked part."""

    file: str
    line: int = 0
    column: int = 0
    excerpt: str = ""
    width: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong with the user's input: its place, the message, and how to correct it.

    `flag` is the flag with the wrong value, as it is typed: `--count`. In the action it is the input it came from.
    `lacks` is what is not there: the help depends on where the job runs.
    """

    message: str
    where: Location | None = None
    hint: str | None = None
    flag: str = ""
    lacks: Lack | None = None

    @property
    def text(self) -> str:
        """The message, after the flag if it is about one."""
        return visible(f"{self.flag}: {self.message}" if self.flag else self.message)

    def __str__(self) -> str:
        """The problem as plain text: `file:line:column: message`, the line with a marker, the suggestion."""
        lines = [f"{self.where}: {self.text}" if self.where else self.text]
        if self.where and self.where.line and self.where.excerpt:
            number, (excerpt, column) = str(self.where.line), _around(self.where)
            indent = "".join(c if c == "\t" else " " for c in excerpt[: column - 1])
            width = max(1, min(self.where.width, len(excerpt) - column + 1))
            lines += [
                f"  {number} | {excerpt}",
                f"  {' ' * len(number)} | {indent}{'^' * width}",
            ]
        if self.hint:
            lines.append(f"  help: {self.hint}")
        return visible("\n".join(lines))


def _around(where: Location) -> tuple[str, int]:
    """The line to show and the column in it; a very long line is cut around the place."""
    excerpt, column = where.excerpt.rstrip(), where.column
    if len(excerpt) <= LONGEST_EXCERPT:
        return excerpt, column
    start = max(0, column - 1 - LONGEST_EXCERPT // 2)
    before = "…" if start else ""
    piece = excerpt[start : start + LONGEST_EXCERPT]
    after = "…" if start + LONGEST_EXCERPT < len(excerpt) else ""
    return f"{before}{piece}{after}", column - start + len(before)


class WindtunnelError(Exception):
    """The root of all errors that a user can cause or meet."""


class ConfigError(WindtunnelError):
    """The files or flags are wrong. Carries every problem found, in file order; nothing was sent."""

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    @classmethod
    def of(
        cls,
        message: str,
        *,
        hint: str | None = None,
        where: Location | None = None,
        flag: str = "",
        lacks: Lack | None = None,
    ) -> ConfigError:
        """A ConfigError with one problem."""
        return cls(Problem(message=message, hint=hint, where=where, flag=flag, lacks=lacks))


class UnreachableError(WindtunnelError):
    """No service of the SUT accepts a connection; nothing was sent."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        self.hint = hint
        super().__init__(message)


class EvidenceError(WindtunnelError):
    """Records can't be written or read: the evidence of the run is incomplete."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        self.hint = hint
        super().__init__(message)


class BugError(WindtunnelError):
    """An exception that is a bug of ours: its traceback as text, which holds no secret."""


class ExpressionError(WindtunnelError):
    """A template, JSON path, condition, duration or threshold that can't be compiled or evaluated.

    `path` leads to the text inside the value that was compiled (keys and indexes), where it is nested; `word` is
    what is wrong in that text, where it is one word.
    """

    def __init__(
        self, message: str, *, hint: str | None = None, path: tuple[str | int, ...] = (), word: str = ""
    ) -> None:
        self.hint, self.path, self.word = hint, path, word
        super().__init__(message)


class UnreadableBodyError(ExpressionError):
    """The body of a response can't be read as text or JSON, for a reason that is not in its content."""


class NotJsonError(ValueError):
    """The body of a response is not JSON: where and why, without any text of it."""


class RefusedError(ExpressionError):
    """What the files of a test may not read unless the user says so."""


def describe(error: BaseException) -> str:
    """The kind of an exception of foreign code and its text, which that code makes: `KeyError: 'id'`."""
    kind = type(error).__name__
    try:
        text = str(error)[:LONGEST_TEXT].strip()
    except BaseException as inner:  # noqa: BLE001  the text is made by the same code
        text = f"its text can't be made ({type(inner).__name__})"
    return f"{kind}: {text}" if text else kind


def is_interrupt(error: BaseException) -> bool:
    """Whether an exception out of foreign code is Ctrl-C, which ends the program, and not raised by that code.

    Ctrl-C raises KeyboardInterrupt itself only where Python's own handler is in place; ours raise a kind of it.
    """
    if type(error) is not KeyboardInterrupt:
        return isinstance(error, KeyboardInterrupt)
    return signal.getsignal(signal.SIGINT) is signal.default_int_handler


def visible(text: str) -> str:
    """The text with a mark for every character that can't be shown: controls, lone surrogates, reading direction.

    What is quoted from a file or a flag may hold them. A mark for each keeps the columns; lines and tabs stay.
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() or character in "\n\t\xa0" else "\N{REPLACEMENT CHARACTER}"
        for character in text
    )


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """The suggestion for a mistyped word: `did you mean "method"?`, or None without a similar one."""
    spelled = {candidate.lower(): candidate for candidate in known}
    near = difflib.get_close_matches(word.lower(), spelled, n=1, cutoff=0.6)
    return f'did you mean "{spelled[near[0]]}"?' if near else None
