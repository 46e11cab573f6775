"""References in a file: `${NAME}` to the environment, `${file:/run/secrets/token}` to a file with a secret.

Both take a default (`${NAME:-default}`); `$${` is a literal `${`. They act on scalars after the YAML was parsed:
no value can add keys, lists or comments. As in a shell, `:-` also stands in for what is empty.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from windtunnel.config.scalars import is_number

_REFERENCE = re.compile(
    r"""\$\$\{
      | \$\{ (?: (?P<name> [A-Za-z_][A-Za-z0-9_]* ) | file: (?P<file> [^}$]+? ) )
            (?: :- (?P<default> (?: [^}$] | \$(?!\{) )* ) )? \}
      | \$\{ [^}]{0,40} \}?""",
    re.VERBOSE,
)
_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")
_SHORTEST_SECRET = 8

FILE = "file:"
"""What the name of a reference to a file begins with."""

ReadSecret = Callable[[str], tuple[str | None, str]]
"""From a path as written to (the content, or None; why it can't be read)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expansion:
    """A text with its references replaced.

    `whole`: the text was one reference and nothing else. `read` are the variables whose values went into it (a
    file as `file:` and its path); `missing` those that have neither value nor default; `malformed` what looks like
    a reference and is none; `unreadable` why a file could not be read.
    """

    text: str
    whole: bool = False
    read: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    malformed: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()


def expand(
    text: str,
    environment: Mapping[str, str],
    read_secret: ReadSecret = lambda path: (None, f'"{path}" is not read here'),
) -> Expansion:
    """Replace every reference in `text`. Never raises: what can't be replaced is listed and left as it is."""
    if "${" not in text:
        return Expansion(text=text)
    read: dict[str, str] = {}
    missing: list[str] = []
    malformed: list[str] = []
    unreadable: list[str] = []

    def replace(match: re.Match[str]) -> str:
        name, default = match["name"], match["default"]
        if match[0] == "$${":
            return "${"
        if name is None and match["file"] is None:
            malformed.append(match[0])
            return match[0]
        value, reason = (environment.get(name), "") if name else read_secret(match["file"])
        name = name or FILE + match["file"]
        if value is None or (value == "" and default is not None):
            if default is None and reason:
                unreadable.append(reason)
            elif default is None:
                missing.append(name)
            return default or ""
        read[name] = value
        return value

    expanded = _REFERENCE.sub(replace, text)
    only = _REFERENCE.fullmatch(text)
    return Expansion(
        text=expanded,
        whole=only is not None and (only["name"] or only["file"]) is not None,
        read=read,
        missing=tuple(missing),
        malformed=tuple(malformed),
        unreadable=tuple(unreadable),
    )


def secret_values(read: Iterable[Mapping[str, str]], *, public: Collection[str] = ()) -> frozenset[str]:
    """The values that must never be written, of the variables (name to value) that the files read.

    Everything from the environment is secret but URLs, numbers, what `public` names, and values of fewer
    than 8 characters, which would hide ordinary words all over a record. What came from a file always is, if it is
    that long: nobody puts into one what may be seen.
    """
    return frozenset(
        value
        for variables in read
        for name, value in variables.items()
        if len(value) >= _SHORTEST_SECRET
        and (name.startswith(FILE) or not (name in public or _URL.match(value) or is_number(value)))
    )
