r"""Files of `KEY=VALUE` lines (`--env-file`), as docker compose and dotenv read them, without interpolation.

# a comment
TOKEN=abc 123           # to the end of the line, a comment after a blank left out
export NAME='as is'     # single quotes: nothing is special inside
TEXT="two\nlines"       # double quotes: \n \r \t \\ \" and \$ mean what they mean in a shell
KEY="-----BEGIN KEY-----
MC4CAQAw…"              # in quotes, a value goes on over several lines
EMPTY=
"""

from __future__ import annotations

import re

from windtunnel.config.reader import MAX_BYTES
from windtunnel.errors import ConfigError, ExpressionError, Lack, Location, Problem
from windtunnel.project import Project, is_there, read_named

PIPE_S = 10.0
"""How long a pipe such as `<(…)` may take."""

_NAME = re.compile(r"[ \t]*(?:export[ \t]+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*")
_SINGLE = re.compile(r"'(?P<value>[^']*)'")
_DOUBLE = re.compile(r'"(?P<value>(?:[^"\\]|\\.)*)"', re.DOTALL)
_NOTHING = re.compile(r"[ \t]*(?:#.*)?$", re.MULTILINE)
_COMMENT = re.compile(r"(?:^|\s)#.*")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


def read_env_file(path: str, project: Project = Project()) -> dict[str, str]:
    """The variables in the file. Raises ConfigError with every line that is none; values are never shown.

    `project` says where a link in place of the file may lead.
    """
    text = _text(path, project)
    values: dict[str, str] = {}
    problems: list[Problem] = []
    position = 0
    while position < len(text):
        match, end = _NAME.match(text, position), _end_of_line(text, position)
        if match is not None:
            value, wrong, end = _value(text, match.end(), end)
            if value is None:
                problems.append(_problem(path, text, position, wrong.format(match["name"])))
            else:
                values[match["name"]] = value
        elif not _NOTHING.match(text, position):
            problems.append(_problem(path, text, position, "not a KEY=VALUE line"))
        position = end + 1
    if problems:
        raise ConfigError(problems)
    return values


def _problem(path: str, text: str, position: int, message: str) -> Problem:
    where = Location(file=path, line=text.count("\n", 0, position) + 1, column=1)
    return Problem(message=message, where=where, hint='write NAME=value, or NAME="a value"')


def _end_of_line(text: str, position: int) -> int:
    end = text.find("\n", position)
    return len(text) if end < 0 else end


def _text(path: str, project: Project) -> str:
    try:
        content = read_named(path, most=MAX_BYTES, patience_s=PIPE_S, project=project)
    except ExpressionError as error:
        lacks: Lack | None = None if is_there(path) else "file"
        raise ConfigError.of(str(error), hint=error.hint, flag="--env-file", lacks=lacks) from None
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise ConfigError.of(f'"{path}" is not UTF-8', hint="save it as UTF-8", flag="--env-file") from None


def _value(text: str, start: int, end: int) -> tuple[str | None, str, int]:
    """What stands at `start`, behind the `=`, what is wrong with it, and where its last line ends."""
    quote = text[start : start + 1]
    if quote not in ("'", '"'):
        return _COMMENT.sub("", text[start:end], count=1).strip(), "", end
    quoted = (_SINGLE if quote == "'" else _DOUBLE).match(text, start)
    if quoted is None:
        return None, "the quotes of {} are not closed", end
    if not _NOTHING.match(text, quoted.end()):
        if quoted.end() <= end:
            return None, "unexpected text after the closing quote of {}", end
        # It is most likely the quote of another value that closes it.
        return None, "the quotes of {} are not closed", end
    value = quoted["value"]
    if quote == '"':
        value = _ESCAPE.sub(lambda found: _ESCAPES.get(found[1], found[1]), value)
    return value, "", _end_of_line(text, quoted.end())
