"""References to the environment in a file: `${NAME}` and `${NAME:-default}`, with `$${` for a literal `${`.

They act on scalars after the YAML was parsed, so that a value of the environment can never add keys, lists or
comments. As in a shell, `:-` also stands in for a variable that is set to nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from windtunnel.config.scalars import is_number

__all__ = ["Expansion", "expand", "secret_values"]

_REFERENCE = re.compile(
    r"""\$\$\{
      | \$\{ (?P<name> [A-Za-z_][A-Za-z0-9_]* ) (?: :- (?P<default> (?: [^}$] | \$(?!\{) )* ) )? \}
      | \$\{ [^}]{0,40} \}?""",
    re.VERBOSE,
)
_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")
_SHORTEST_SECRET = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Expansion:
    """A text with its references replaced.

    `whole`: the text was one reference and nothing else. `read` are the variables whose values went into it;
    `missing` those that have neither value nor default; `malformed` what looks like a reference and is none.
    """

    text: str
    whole: bool = False
    read: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    malformed: tuple[str, ...] = ()


def expand(text: str, environment: Mapping[str, str]) -> Expansion:
    """Replace every reference in `text`. Never raises: what can't be replaced is listed and left as it is."""
    if "${" not in text:
        return Expansion(text=text)
    read: dict[str, str] = {}
    missing: list[str] = []
    malformed: list[str] = []

    def replace(match: re.Match[str]) -> str:
        name, default = match["name"], match["default"]
        if match[0] == "$${":
            return "${"
        if name is None:
            malformed.append(match[0])
            return match[0]
        value = environment.get(name)
        if value is None or (value == "" and default is not None):
            if default is None:
                missing.append(name)
            return default or ""
        read[name] = value
        return value

    expanded = _REFERENCE.sub(replace, text)
    only = _REFERENCE.fullmatch(text)
    return Expansion(
        text=expanded,
        whole=only is not None and only["name"] is not None,
        read=read,
        missing=tuple(missing),
        malformed=tuple(malformed),
    )


def secret_values(read: Iterable[Mapping[str, str]], *, public: Collection[str] = ()) -> frozenset[str]:
    """The values that must never be written, of the variables (name to value) that the files read.

    Everything from the environment is secret but URLs, numbers, what `public` names, and values of fewer
    than 8 characters, which would hide ordinary words all over a record.
    """
    return frozenset(
        value
        for variables in read
        for name, value in variables.items()
        if name not in public and len(value) >= _SHORTEST_SECRET and not _URL.match(value) and not is_number(value)
    )
