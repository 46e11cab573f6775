r"""Files of `KEY=VALUE` lines (`--env-file`), as docker compose and dotenv read them, without interpolation.

# a comment
TOKEN=abc 123           # to the end of the line, a comment after a blank left out
export NAME='as is'     # single quotes: nothing is special inside
TEXT="two\nlines"       # double quotes: \n \r \t \\ \" and \$ mean what they mean in a shell
EMPTY=
"""

from __future__ import annotations

import re

from windtunnel.config.reader import MAX_BYTES
from windtunnel.errors import ConfigError, ExpressionError, Location, Problem
from windtunnel.project import Project, read_named

PIPE_S = 10.0
"""How long a pipe such as `<(…)` may take."""

_LINE = re.compile(r"\s*(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=[ \t]*(?P<rest>.*)", re.DOTALL)
_SINGLE = re.compile(r"'(?P<value>[^']*)'\s*(?:#.*)?")
_DOUBLE = re.compile(r'"(?P<value>(?:[^"\\]|\\.)*)"\s*(?:#.*)?')
_COMMENT = re.compile(r"(?:^|\s)#.*")
_ESCAPE = re.compile(r"\\(.)")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


def read_env_file(path: str, project: Project = Project()) -> dict[str, str]:
    """The variables in the file. Raises ConfigError with every line that is none; values are never shown.

    `project` says where a link in place of the file may lead.
    """
    values: dict[str, str] = {}
    problems: list[Problem] = []
    for number, line in enumerate(_lines(path, project), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        value = None if match is None else _value(match["rest"].strip())
        if match is None or value is None:
            what = "not a KEY=VALUE line" if match is None else f"the quotes of {match['name']} are not closed"
            where = Location(file=path, line=number, column=1)
            problems.append(Problem(message=what, where=where, hint='write NAME=value, or NAME="a value"'))
        else:
            values[match["name"]] = value
    if problems:
        raise ConfigError(problems)
    return values


def _lines(path: str, project: Project) -> list[str]:
    try:
        content = read_named(path, most=MAX_BYTES, patience_s=PIPE_S, project=project)
    except ExpressionError as error:
        raise ConfigError.of(str(error), hint=error.hint, flag="--env-file") from None
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n").split("\n")
    except UnicodeDecodeError:
        raise ConfigError.of(f'"{path}" is not UTF-8', hint="save it as UTF-8", flag="--env-file") from None


def _value(text: str) -> str | None:
    """What stands behind the `=`; None when a quote is opened and not closed, or something follows it."""
    if text.startswith("'"):
        single = _SINGLE.fullmatch(text)
        return single["value"] if single else None
    if text.startswith('"'):
        double = _DOUBLE.fullmatch(text)
        return _ESCAPE.sub(lambda found: _ESCAPES.get(found[1], found[1]), double["value"]) if double else None
    return _COMMENT.sub("", text, count=1).strip()
