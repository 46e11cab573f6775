"""What a plain YAML scalar means: the core schema of YAML 1.2.2 (section 10.3.2), and references.

null    (empty) ~ null Null NULL
bool    true True TRUE false False FALSE           not yes, no, on, off
int     12  -7  010 (ten)  0o17  0x1F              not 1_000, not 1:30
float   1.5  .5  1e3  -.inf  .nan
text    everything else, dates included

`${NAME}` refers to the environment, `${file:/run/secrets/token}` to a file with one secret, as Docker,
Kubernetes and CI systems mount them. Both take a default (`${NAME:-default}`); `$${` is a literal `${`.
References act on scalars after the YAML was parsed: no value can add keys, lists or comments. As in a shell,
`:-` also replaces an empty value. A value from outside has a type only where that loses nothing (`typed`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from windtunnel.errors import ExpressionError, RefusedError
from windtunnel.expressions.text import text_of
from windtunnel.project import Project, TooLargeError, is_withheld, withheld
from windtunnel.secret import SHORTEST_SECRET, userinfo_secrets

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_DECIMAL = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITY = re.compile(r"[-+]?\.(inf|Inf|INF)")
_NOT_A_NUMBER = re.compile(r"\.(nan|NaN|NAN)")
_MOST_DIGITS = 1000


def resolve(text: str) -> bool | int | float | str | None:
    """The value of an unquoted scalar. Raises ValueError for a whole number of more than 1,000 digits."""
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if text[0] not in "+-.0123456789":
        return text
    for pattern, base in ((_DECIMAL, 10), (_OCTAL, 8), (_HEXADECIMAL, 16)):
        if pattern.fullmatch(text):
            if len(text) > _MOST_DIGITS:
                raise ValueError(f"a number with {len(text):,} digits")
            return int(text.removeprefix("0o") if base == 8 else text, base)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _INFINITY.fullmatch(text):
        return float("-inf") if text[0] == "-" else float("inf")
    if _NOT_A_NUMBER.fullmatch(text):
        return float("nan")
    return text


def is_number(text: str) -> bool:
    """Whether the text, unquoted, would be a number."""
    return any(pattern.fullmatch(text) for pattern in (_DECIMAL, _OCTAL, _HEXADECIMAL, _FLOAT))


_WORDS = {"true": True, "false": False, "null": None}
_JSON_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,999})(\.[0-9]+)?")


def typed(text: str) -> bool | int | float | str | None:
    """The value of a text from outside (`--set`, a whole `${NAME}`, a cell): typed only where it loses nothing.

    That is where JSON would write the value back as it was: `3`, `2.5`, `true`, `null`. `01234`, `1.10`, `1e3`,
    `+31` and no text at all stay text.
    """
    if text in _WORDS:
        return _WORDS[text]
    if _JSON_NUMBER.fullmatch(text):
        value = float(text) if "." in text else int(text)
        return value if reads_as(value, text) else text
    return text


def reads_as(value: float, text: str) -> bool:
    """Whether this is the text of a number or a boolean."""
    try:
        return text_of(value) == text
    except ExpressionError:  # infinite, or too many digits
        return False


def texts(mapping: Mapping[str, Any]) -> dict[str, str]:
    """A mapping to scalars as one to texts; null leaves its key out."""
    return {key: str(text_of(value)) for key, value in mapping.items() if value is not None}


_REFERENCE = re.compile(
    r"""\$\$\{
      | \$\{ (?: (?P<name> [A-Za-z_][A-Za-z0-9_]* ) | file: (?P<file> [^}$]+? ) )
            (?: :- (?P<default> (?: [^}$] | \$(?!\{) )* ) )? \}
      | \$\{ [^}]{0,40} \}?""",
    re.VERBOSE,
)
_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")

FILE = "file:"
"""What the name of a reference to a file begins with."""

ReadSecret = Callable[[str], str]
"""From a path as written to the content. Raises ExpressionError that says why it can't be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expansion:
    """A text with its references replaced.

    `template` differs from the text where a value would be part of a template: it has the value as a constant.
    `whole`: the text was one reference and nothing else. `read` are the variables whose values went into it (a
    file as `file:` and its path); `missing` those that have neither value nor default; `malformed` what looks like
    a reference and is none; `unreadable` why a file or a variable could not be read.
    """

    text: str
    template: str = ""
    whole: bool = False
    read: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    malformed: tuple[str, ...] = ()
    unreadable: tuple[ExpressionError, ...] = ()


def expand(
    text: str, environment: Mapping[str, str], read_secret: ReadSecret, allowed: frozenset[str]
) -> Expansion:
    """Replace every reference in `text`. Never raises: what can't be replaced is listed and left as it is.

    `allowed` are the tokens of a CI system that may be read.
    """
    if "${" not in text:
        return Expansion(text=text, template=text)
    read: dict[str, str] = {}
    missing: list[str] = []
    malformed: list[str] = []
    unreadable: list[ExpressionError] = []

    def replace(match: re.Match[str]) -> str:
        name, default = match["name"], match["default"]
        if match[0] == "$${":
            return "${"
        if name is None and match["file"] is None:
            malformed.append(match[0])
            return match[0]
        try:
            value = _variable(name, environment, allowed) if name else read_secret(match["file"])
        except ExpressionError as error:
            # A default stands for what is not there, never for what may not be read.
            if default is None or isinstance(error, RefusedError):
                unreadable.append(error)
                return ""
            value = None
        name = name or FILE + match["file"]
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
        template=_as_template(text, read) if _BEGIN.search(expanded) else expanded,
        whole=only is not None and (only["name"] or only["file"]) is not None,
        read=read,
        missing=tuple(missing),
        malformed=tuple(malformed),
        unreadable=tuple(unreadable),
    )


_BEGIN = re.compile(r"\{[{%#]")
_ENDS = {"{{": "}}", "{%": "%}", "{#": "#}"}
_IN_QUOTES = {"\\": "\\\\", "'": "\\'", '"': '\\"', "\n": "\\n", "\r": "\\r"}
_BRACE = '{{ "{" }}'


def _as_template(text: str, read: Mapping[str, str]) -> str:
    """A text with references as a template in which the values that were read are texts.

    Inside quotes of an expression a value stays inside of them. Bare in an expression, it is a part of it.
    """
    done = end = quote = ""
    at = 0
    for match in _REFERENCE.finditer(text):
        done += text[at : match.start()]
        end, quote = _state(text[at : match.start()], end, quote)
        at = match.end()
        name, default = match["name"] or (match["file"] and FILE + match["file"]), match["default"] or ""
        value = read.get(name, default) if name else match[0].replace("$${", "${")
        if quote:
            done += "".join([_IN_QUOTES.get(character, character) for character in value])
        elif not end:
            done = (done[:-1] + _BRACE if done.endswith("{") else done) + value.replace("{", _BRACE)
        elif end != "#}":
            done += value
            end, quote = _state(value, end, quote)
    return done + text[at:]


def _state(text: str, end: str, quote: str) -> tuple[str, str]:
    """What ends the part of a template that is open behind the text, and the quote that is open in it."""
    at = 0
    while at < len(text):
        if quote:
            quote, at = ("" if text[at] == quote else quote), at + (2 if text[at] == "\\" else 1)
        elif not end:
            found = _BEGIN.search(text, at)
            if found is None:
                break
            end, at = _ENDS[found[0]], found.end()
        elif text.startswith(end, at):
            end, at = "", at + 2
        else:
            quote, at = (text[at] if text[at] in "'\"" and end != "#}" else ""), at + 1
    return end, quote


def _variable(name: str, environment: Mapping[str, str], allowed: frozenset[str]) -> str | None:
    if is_withheld(name, allowed):
        raise withheld(name)
    return environment.get(name)


def secret_values(read: Iterable[Mapping[str, str]], *, public: Collection[str] = ()) -> frozenset[str]:
    """The values that must never be written, of the variables (name to value) that the files read.

    Everything from the environment is secret but URLs, numbers, what `public` names, and values of fewer
    than 8 characters, which would hide ordinary words all over a record. What came from a file always is, if it is
    that long: a secret file holds nothing that may be shown. Of a URL, its user info is.
    """
    found: set[str] = set()
    for variables in read:
        for name, value in variables.items():
            shown = not name.startswith(FILE) and (name in public or _URL.match(value) or is_number(value))
            found.update(userinfo_secrets(value) if shown else (value,))
    return frozenset(value for value in found if len(value) >= SHORTEST_SECRET)


class ReadEnvironment(Mapping[str, str]):
    """An environment that keeps what was read of it, and of files with secrets.

    Owned by the call that loads a job. `public` are the variables whose values may be shown, as soon as the file
    that names them is read.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._read: dict[str, str] = {}
        self.public: Collection[str] = ()

    @property
    def secrets(self) -> frozenset[str]:
        """The secret values among what was read."""
        return secret_values([self._read], public=self.public)

    def keep(self, read: Mapping[str, str]) -> None:
        """Keep what was read elsewhere: the content of a file by `file:` and its path."""
        self._read.update(read)

    def __getitem__(self, name: str) -> str:
        value = self._read[name] = self._environment[name]
        return value

    def __contains__(self, name: object) -> bool:
        return name in self._environment

    def __iter__(self) -> Iterator[str]:
        return iter(self._environment)

    def __len__(self) -> int:
        return len(self._environment)


MAX_SECRET_BYTES = 64 * 1024


def secret_file_reader(file: str, project: Project) -> ReadSecret:
    """What reads the secrets that `file` refers to: a relative path starts at its folder."""
    folder = Path(file).parent

    def read(path: str) -> str:
        name = folder / path
        try:
            # An editor and `echo` end a file with a line break that is not part of the secret.
            return project.read(name, most=MAX_SECRET_BYTES).decode("utf-8-sig").rstrip("\r\n")
        except TooLargeError as error:
            raise ExpressionError(f"{error}, too large for a secret") from None
        except UnicodeDecodeError:
            raise ExpressionError(f'"{name}" is not UTF-8 text') from None

    return read
