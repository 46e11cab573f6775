"""One secret, and where a text holds it in any form that an encoder makes of it (rule 50)."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from urllib.parse import quote, quote_plus, unquote, urlsplit

from windtunnel.encodings import Layer, code_forms, fold, half_decoded

SHORTEST_SECRET = 8
SHORTEST_PART = 4
"""What is left of a secret that was cut is hidden from this length on."""

LONGEST_ENCODED = 12
"""The maximum number of characters that common encoders make of one."""

CUT = "…"
"""What stands where a text was cut."""

USERINFO = re.compile(
    r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]{0,20}://)(?P<userinfo>(?:"
    r"[^\s/?#@\"'<>]*"
    r"|[^\s/?#@\"'<>:\[]{0,100}:(?!\d{0,5}[/?#]|\$?\{)[^\s/?#@\"'<>]{0,200}[/?#][^\s@\"'<>]{0,200}"
    r")@(?:[^\s/?#@\"'<>]*@)*)"
)
"""Who the user is in a URL, also with a password that should have been encoded: what is no port is one."""

_MAX_CUTS = 50
_CODE_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789+/_-")
_UNFINISHED = re.compile(r"(?:%[0-9a-f]?|&#?\w*|\\u?[0-9a-f]{0,3})$")


class Secret:
    """One value that is hidden, and the forms in which it is found, in folded text.

    `plain` is the value itself: the layers of a text undo what an encoder did to it. `codes`, what base64 and hex
    make of it, are computed where a text has room for the shortest of them.
    """

    __slots__ = ("_codes", "_value", "find_code", "looks_encoded", "plain", "shortest_code")

    def __init__(self, value: str) -> None:
        self._value = value
        is_simple = value.isalnum() and value.isascii()
        self.plain = (fold(value),) if is_simple else _plain_forms(value)
        self.looks_encoded = not is_simple and len(half_decoded(value)) > 1
        self.shortest_code = len(value) * 4 // 3 - 2
        self.find_code = _find_run(self.shortest_code)
        self._codes: tuple[str, ...] | None = None

    @property
    def longest(self) -> int:
        """The maximum number of characters of any form."""
        return LONGEST_ENCODED * len(self._value) + 16

    @property
    def codes(self) -> tuple[str, ...]:
        """What base64 and hex make of the value: in upper and in lower case, from a form and from JSON too."""
        if self._codes is None:
            self._codes = tuple(frozenset().union(*map(code_forms, _before_coding(self._value))))
        return self._codes

    def may_be_in(self, folded: str) -> bool:
        """Whether a folded text without any encoding may hold the value or a form of it."""
        for form in self.plain:
            if form in folded:
                return True
        return len(folded) >= self.shortest_code and self.find_code(folded) is not None

    def parts(self, folded: str, runs: str) -> Iterator[tuple[int, int]]:
        """Where the value or a form of it is in a folded text; `runs` are its parts that base64 or hex can be."""
        for form in self.plain:
            yield from _occurrences(folded, form)
        if len(runs) >= self.shortest_code:
            for form in self.codes:
                if form not in runs:
                    continue
                for start, end in _occurrences(folded, form):
                    # The characters beside it hold its first and last bits, and padding tells its length.
                    before = start > 0 and folded[start - 1] in _CODE_CHARACTERS
                    after = end < len(folded) and folded[end] in _CODE_CHARACTERS
                    end += after
                    while folded.startswith("=", end):
                        end += 1
                    yield start - before, end

    def cut_parts(self, folded: str, cuts: Sequence[int]) -> Iterator[tuple[int, int]]:
        """Where a text that was cut ends with the beginning of a form, or goes on with the end of one."""
        for form in (*self.plain, *self.codes):
            for cut in cuts:
                start = max(0, cut - len(form) - 6)
                tail = folded[start:cut]
                # A cut goes through an encoded character too: what is left of that one is part of no form.
                for piece in {tail, _UNFINISHED.sub("", tail)}:
                    length = _overlap(piece, form)
                    if length:
                        yield start + len(piece) - length, cut
                length = _overlap(form, folded[cut + 1 : cut + 1 + len(form)])
                if length:
                    yield cut + 1, cut + 1 + length


def found_in(layer: Layer, secrets: Sequence[Secret]) -> Iterator[tuple[int, int]]:
    """The parts of the outermost text that are a secret in this layer of it."""
    folded = fold(layer.text)
    runs = _runs(folded, min(secret.shortest_code for secret in secrets))
    cuts = [match.start() for match in re.finditer(CUT, folded)][:_MAX_CUTS] if CUT in folded else ()
    for secret in secrets:
        for start, end in secret.parts(folded, runs):
            yield layer.place(start, end)
        for start, end in secret.cut_parts(folded, cuts) if cuts else ():
            yield layer.place(start, end)


def texts_in(value: object) -> Iterator[str]:
    """The texts in a value, and its numbers as they are written."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from texts_in(item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from texts_in(item)
    elif value is not None:
        yield str(value)


def secrets_in(value: str) -> Iterator[str]:
    """The value without blanks around it, and each line of it: lines are logged and quoted one by one."""
    stripped = value.strip()
    if len(stripped) >= SHORTEST_SECRET:
        yield stripped
        lines = stripped.splitlines()
        if len(lines) > 1:
            yield from (line.strip() for line in lines if len(line.strip()) >= SHORTEST_SECRET)
    elif len(value) >= SHORTEST_SECRET:
        yield value


def userinfo_secrets(url: str) -> Iterator[str]:
    """What is secret in a URL with `user:password@`: the password, and both together as Basic auth sends them."""
    userinfo = ""
    with contextlib.suppress(ValueError):
        userinfo = urlsplit(url).netloc.rpartition("@")[0]
    if not userinfo and (found := USERINFO.match(url.strip())):
        userinfo = found["userinfo"][:-1]
    user, colon, password = userinfo.partition(":")
    if userinfo:
        yield unquote(password if colon else user)
        yield f"{unquote(user)}:{unquote(password)}"


def _plain_forms(value: str) -> tuple[str, ...]:
    """The value folded, also where its upper case is another text (`ß`), and with the blanks of a form."""
    forms: set[str] = set()
    for each in half_decoded(value):
        if len(each) >= SHORTEST_SECRET:
            forms |= {fold(each), fold(each.upper()), fold(each.lower())}
    forms |= {form.replace(" ", "+") for form in forms if " " in form}
    if not value.isascii():
        # Headers, and bodies of an unknown charset, are shown one character a byte.
        forms.add(fold(value.encode("utf-8", "surrogatepass").decode("latin-1")))
    return tuple(forms)


def _before_coding(value: str) -> set[str]:
    """What the value may be before base64 or hex: form-encoded in credentials, escaped in the JSON of a token."""
    texts = {value, value.upper(), value.lower()}
    if not (value.isascii() and value.isalnum()):
        with contextlib.suppress(UnicodeEncodeError):
            texts |= {quote(value, safe=""), quote_plus(value)}
        texts |= {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    return texts


def _occurrences(text: str, part: str) -> Iterator[tuple[int, int]]:
    start = text.find(part)
    while start >= 0:
        yield start, start + len(part)
        start = text.find(part, start + 1)


def _runs(folded: str, length: int) -> str:
    """All that base64 or hex of at least this length can be."""
    return " ".join(_runs_of(length)(folded))


def _overlap(first: str, second: str) -> int:
    """How many characters, but no fewer than a part of a secret has, end the first text and begin the second."""
    beginning = second[:SHORTEST_PART]
    start = first.find(beginning) if len(beginning) == SHORTEST_PART else -1
    while start >= 0:
        if second.startswith(first[start:]):
            return len(first) - start
        start = first.find(beginning, start + 1)
    return 0


@lru_cache(maxsize=256)
def _find_run(length: int) -> Callable[[str], re.Match[str] | None]:
    """A search for so many characters of base64 or hex in a row."""
    return re.compile(f"[a-z0-9+/_-]{{{length}}}").search


@lru_cache(maxsize=256)
def _runs_of(length: int) -> Callable[[str], list[str]]:
    """A list of all that base64 or hex of at least this length can be."""
    return re.compile(f"[a-z0-9+/_-]{{{length},}}").findall
