"""Hides secrets before anything is written: the one place that all text passes on its way out.

In two ways (rules 29 and 50): by value, every secret of at least 8 characters is hidden wherever it occurs, in
every form that an encoder makes of it; by key, the value under a name that indicates a secret is.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar
from urllib.parse import parse_qsl, unquote, unquote_plus, urlsplit, urlunsplit

import msgspec

from windtunnel.encodings import fold, layers
from windtunnel.figures import plural
from windtunnel.model.sut import Redactions
from windtunnel.secret import CUT, SHORTEST_SECRET, USERINFO, Secret, found_in, secrets_in

__all__ = ["HIDDEN", "SHORTEST_SECRET", "Redactor"]

HIDDEN = "[redacted]"
NO_REDACTIONS = Redactions()
SECRET_KEYS = re.compile(
    r"authorization|cookie|token|secret|password|passwd|api[-_]?key|^sig(nature)?$", re.IGNORECASE
)
# Compiling patterns for them would cost each start a per cent.
_SCHEMES = frozenset(
    {
        "basic",
        "bearer",
        "digest",
        "dpop",
        "negotiate",
        "ntlm",
        "oauth",
        "token",
        "apikey",
        "aws4-hmac-sha256",
    }
)
_ATTRIBUTES = frozenset({"path", "domain", "expires", "max-age", "samesite", "priority"})
_FLAGS = frozenset({"secure", "httponly", "partitioned"})
"""Attributes of Set-Cookie, which say nothing of the value of the cookie (RFC 6265, 4.1.1)."""

_LONGEST_NAME, _LONGEST_ATTRIBUTE = 80, 200
_MAX_KNOWN, _LONGEST_KNOWN = 4096, 1000
_ENCODED = re.compile(f"[%&\\\\\n\u200b\u00ad{CUT}]").search
"""Finds a character without which a text is its only layer, and not cut."""


_FIELD = re.compile(
    r"""(?P<before>(?P<slashes>\\{0,8})(?P<quote>['"])(?P<key>(?:[^'"\\]|\\.){1,80}?)(?P=slashes)(?P=quote)\s*:\s*)"""
    r"""(?P<value>\\{1,8}"(?:[^"\\]|\\.(?<!\\"))*(?:\\{1,8}"|$)|"(?:[^"\\]|\\.)*"?|'[^']*'?|[\[{]|[^\s,}\]\[{]+)"""
)
"""A key and its value, or the bracket the value begins with, in JSON (or a Python dict) cut off anywhere."""

_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[\]{}]')
_QUERY = re.compile(r"""(?P<before>[?&#](?P<key>[^=&?#\s"'<>]{1,80})=)(?P<value>[^&#\s"'<>]+)""")
_ELEMENT = re.compile(r"(?P<before><(?P<key>[\w:.-]{1,80})(?:\s[^<>]{0,200})?>)(?P<value>[^<]+)")
_PART = re.compile(
    r"""(?P<before>content-disposition:[^\r\n]*?\bname="?(?P<key>[^";\r\n]{1,80})[^\r\n]*(?:\r?\n[^\r\n]+){0,8}"""
    r"""\r?\n\r?\n)(?P<value>.*?)(?=\r?\n--|\Z)""",
    re.IGNORECASE | re.DOTALL,
)
_Record = TypeVar("_Record", bound=msgspec.Struct)


class Redactor:
    """Hides secrets. Cheap when there is nothing to hide: a clean URL costs one scan of it.

    One for a whole job, so that what one part learns to be secret no other part writes. `also` are everywhere the
    values that one instance alone keeps secret. `holds_secrets`: there are values to hide for all instances.
    """

    def __init__(self, *, secrets: Iterable[str] = (), names: Redactions = NO_REDACTIONS) -> None:
        self.holds_secrets = False
        self._values: dict[str, Secret] = {}
        self._secrets: tuple[Secret, ...] = ()
        self._known: dict[str, str] = {}
        self._own: dict[str, Secret] = {}
        own = [re.escape(name) for name in (*names.headers, *names.query, *map(_last_name, names.json)) if name]
        self._own_keys = re.compile(rf"^(?:{'|'.join(own)})$", re.IGNORECASE) if own else None
        for secret in secrets:
            self.hide(secret)

    def hide(self, value: str) -> None:
        """Hide a value from now on, such as an access token that was fetched during the run."""
        new = [part for part in secrets_in(value) if part not in self._values]
        if new:
            self._values |= {part: Secret(part) for part in new}
            self._secrets = tuple(self._values.values())
            self.holds_secrets = True
            self._known.clear()

    def is_secret_key(self, key: str) -> bool:
        """Whether the value under this header, query or JSON key is hidden."""
        return bool(SECRET_KEYS.search(key) or (self._own_keys and self._own_keys.match(key)))

    def under_secret_keys(self, value: Any) -> Iterator[Any]:
        """The values that lists and mappings hold under keys that indicate a secret."""
        if isinstance(value, dict):
            for key, item in value.items():
                if self.is_secret_key(key):
                    yield item
                else:
                    yield from self.under_secret_keys(item)
        elif isinstance(value, list | tuple):
            for item in value:
                yield from self.under_secret_keys(item)

    def text(self, text: str, also: Sequence[str] = ()) -> str:
        """The text without any secret value and without the user info of URLs."""
        if "@" in text and "://" in text:
            text = USERINFO.sub(r"\g<scheme>", text)
        if not self._secrets:
            return self._without(text, self._of_instance(also)) if also else text
        if also and len(text) > _LONGEST_KNOWN:
            return self._without(text, (*self._secrets, *self._of_instance(also)))
        shown = self._known.get(text)
        if shown is None:
            shown = self._without(text, self._secrets)
            if len(text) <= _LONGEST_KNOWN:
                if len(self._known) >= _MAX_KNOWN:
                    self._known.clear()
                self._known[text] = shown
        if not also:
            return shown
        own = self._of_instance(also)
        # Secrets that overlap are hidden together, so that nothing of either is left.
        return self._without(text, own) if shown == text else self._without(text, (*self._secrets, *own))

    def excerpt(self, text: str, also: Sequence[str] = ()) -> str:
        """A part of a body, as messages quote it, also without the values under secret keys."""
        return self.text(self._by_key(text), also)

    def url(self, url: str, also: Sequence[str] = ()) -> str:
        """The URL without userinfo, secret query values and secret values anywhere in it."""
        if "?" in url or "@" in url or "#" in url:
            url = self._url_parts(url)
        return self.text(url, also) if also or self._secrets else url

    def argument(self, word: str) -> str:
        """A word of the command line, without secrets, such as the value of `--set password=…`."""
        flag, equals, setting = word.partition("=") if word.startswith("--") else ("", "", word)
        name, assigned, _ = setting.partition("=")
        if assigned and name.isidentifier() and self.is_secret_key(name):
            return f"{flag}{equals}{name}={HIDDEN}"
        return self.text(self.url(word))

    def named(self, key: str, value: str, also: Sequence[str] = ()) -> str:
        """The value as it may be shown under its key."""
        return HIDDEN if self.is_secret_key(key) else self.excerpt(value, also)

    def header(self, name: str, value: str, also: Sequence[str] = ()) -> str:
        """The value of a header field. Of a secret one, what tells no secret stays.

        That is the scheme of credentials, the names of cookies and their attributes.
        """
        if not self.is_secret_key(name):
            return self.excerpt(value, also)
        if self._own_keys is not None and self._own_keys.match(name):
            return HIDDEN
        # First by value: an encoder may have put a semicolon into a secret, which is no end of an attribute.
        return _around_secret(name.lower(), self.text(value, also))

    def compared(self, key: str, expected: str, actual: str, also: Sequence[str] = ()) -> tuple[str, str]:
        """What was expected under a key and what came, as a failed check shows them.

        Where they are hidden, it still says why they differ: nothing came, or the lengths.
        """
        if self.is_secret_key(key):
            shown, came = _withheld(expected), _withheld(actual)
        else:
            shown, came = self.excerpt(expected, also), self.excerpt(actual, also)
        if shown == came and HIDDEN in came:
            return shown, f"{came}, a different value" if expected != actual else came
        return shown, came

    def body(self, body: bytes, also: Sequence[str] = (), *, limit: int | None = None) -> bytes:
        """A body without secrets: JSON, forms, multipart and XML by key, everything by value.

        At most the first `limit` bytes, with no part of a secret that ends behind them. A body without a secret
        comes back byte for byte.
        """
        text, encoding = _text_and_encoding(body if limit is None else body[: limit + self._longest_form(also)])
        shown = self._by_key(text)
        if self._secrets or also:
            shown = self.text(shown + CUT, also).removesuffix(CUT)
        return (body if shown == text else shown.encode(encoding, "replace"))[:limit]

    def struct(self, struct: _Record) -> _Record:
        """A struct whose texts, keys of mappings included, hold no secret."""
        fields = {name: self.data(getattr(struct, name)) for name in struct.__struct_fields__}
        return msgspec.structs.replace(struct, **fields)

    def data(self, value: Any, also: Sequence[str] = ()) -> Any:
        """Lists, mappings, structs and texts without secrets; anything else as it is."""
        if isinstance(value, str):
            return self.text(value, also)
        if isinstance(value, dict):
            return {self.data(key, also): self.data(item, also) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(self.data(item, also) for item in value)
        return self.struct(value) if isinstance(value, msgspec.Struct) else value

    def _of_instance(self, values: Sequence[str]) -> list[Secret]:
        own = self._own
        if len(own) > _MAX_KNOWN:
            own.clear()
        return [own.get(value) or own.setdefault(value, Secret(value)) for value in values]

    def _longest_form(self, also: Sequence[str]) -> int:
        return max((secret.longest for secret in (*self._secrets, *self._of_instance(also))), default=0)

    def _without(self, text: str, secrets: Sequence[Secret]) -> str:
        if not _ENCODED(text):
            # The hot path: the URLs of every request come through here.
            folded = fold(text)
            for secret in secrets:
                if secret.may_be_in(folded):
                    break
            else:
                return text
        found: list[tuple[int, int]] = []
        for layer in layers(text, in_every_order=any(secret.looks_encoded for secret in secrets)):
            found += found_in(layer, secrets)
        return _replaced(text, found) if found else text

    def _by_key(self, text: str) -> str:
        """The text without the values under secret keys, whatever the format; each pattern is linear."""
        if ":" in text:
            text = self._json(text)
            if "form-data" in text:
                text = _PART.sub(self._hide_value, text)
        if "=" in text:
            is_form = not re.match(r"\s*[<{\[]|[^=&]*\s", text)
            text = self._form(text) if is_form else _QUERY.sub(self._hide_value, text)
        return _ELEMENT.sub(self._hide_value, text) if "</" in text else text

    def _hide_value(self, field: re.Match[str]) -> str:
        return f"{field['before']}{HIDDEN}" if self.is_secret_key(unquote(field["key"])) else field[0]

    def _json(self, text: str) -> str:
        """JSON, whole or a part of it, with the value under every secret key hidden."""
        pieces: list[str] = []
        at = look = 0
        while match := _FIELD.search(text, look):
            key, start = match["key"], match.start("value")
            is_container = text[start] in "[{"
            look = start if is_container else match.end()
            if self.is_secret_key(next(reversed(list(layers(key)))).text if "\\" in key else key):
                look = _end_of(text, start) if is_container else look
                quote = f'{match["slashes"]}"'
                pieces += (text[at:start], f"{quote}{HIDDEN}{quote}")
                at = look
        return "".join([*pieces, text[at:]]) if pieces else text

    def _url_parts(self, url: str) -> str:
        try:
            parts = urlsplit(url)
        except ValueError:
            return HIDDEN
        host = parts.netloc.rpartition("@")[2]
        return urlunsplit(
            parts._replace(netloc=host, query=self._form(parts.query), fragment=self._form(parts.fragment))
        )

    def _form(self, text: str) -> str:
        """`a=1&token=x` with the secret values hidden; a text without secret fields comes back unchanged."""
        if "=" not in text:
            return text
        fields = parse_qsl(text, keep_blank_values=True)
        if not any(self.is_secret_key(key) for key, _ in fields):
            return text
        return "&".join(
            f"{key}={HIDDEN}" if equals and self.is_secret_key(unquote_plus(key)) else f"{key}{equals}{value}"
            for key, equals, value in (field.partition("=") for field in text.split("&"))
        )


def _around_secret(name: str, value: str) -> str:
    """What may be shown of a field that is a secret by its name, in lower case."""
    if name in {"authorization", "proxy-authorization"}:
        scheme, _, credentials = value.partition(" ")
        return f"{scheme} {HIDDEN}" if scheme.lower() in _SCHEMES and credentials.strip() else HIDDEN
    # A value in quotes may hold semicolons, so that its parts can't be told apart.
    if name not in {"cookie", "set-cookie"} or '"' in value:
        return HIDDEN
    first, *others = (part.strip() for part in value.split(";"))
    if name == "cookie":
        return "; ".join(map(_cookie, (first, *others)))
    return "; ".join([_cookie(first), *(each if _is_attribute(each) else HIDDEN for each in others)])


def _cookie(pair: str) -> str:
    """`name=[redacted]`."""
    name, equals, _ = pair.partition("=")
    is_name = equals and 0 < len(name) <= _LONGEST_NAME and not any(c.isspace() or c == "," for c in name)
    return f"{name}={HIDDEN}" if is_name else HIDDEN


def _is_attribute(text: str) -> bool:
    name, equals, value = text.partition("=")
    return name.lower() in (_ATTRIBUTES if equals else _FLAGS) and len(value) <= _LONGEST_ATTRIBUTE


_PHRASE = re.compile(
    r"(?:(?:not|every item:|any item:|(?:not )?containing|matching|(?:starting|ending) with|one of|length"
    r"|above|below|at least|at most|between) )*"
)
"""What a matcher says before a value."""

_PLAIN = frozenset({"a value", "no value", "something empty", "something not empty", "no response", "null"})


def _withheld(shown: str) -> str:
    """What a check says of a value, without the value: whether there is one, and its length."""
    phrase = _PHRASE.match(shown)
    assert phrase is not None, "it matches nothing, too"
    value = shown[phrase.end() :]
    if value in _PLAIN:
        return shown
    if value.startswith(("nothing", "no ")):
        return "missing"
    more = value.endswith(CUT)
    with contextlib.suppress(msgspec.MsgspecError, UnicodeEncodeError):
        value = msgspec.json.decode(value, type=str)
    return f"{phrase[0]}{HIDDEN} ({'more than ' * more}{plural(len(value) - more, 'character')})"


def _replaced(text: str, found: list[tuple[int, int]]) -> str:
    """The text with every part that was found hidden; parts that overlap or touch are one."""
    pieces: list[str] = []
    at = -1
    for start, end in sorted(found):
        if start > at:
            pieces += (text[max(at, 0) : start], HIDDEN)
            at = end
        else:
            at = max(at, end)
    return "".join([*pieces, text[at:]])


def _end_of(text: str, start: int) -> int:
    """Where the array or object that begins at `start` ends; the end of the text if it is cut off."""
    depth = 0
    for match in _BRACKETS.finditer(text, start):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(match[0], 0)
        if depth == 0:
            return match.end()
    return len(text)


def _text_and_encoding(body: bytes) -> tuple[str, str]:
    """A body as text, and the encoding that gives its bytes back."""
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        name = "utf-16-le" if body.startswith(b"\xff\xfe") else "utf-16-be"
        try:
            return body.decode(name), name
        except UnicodeDecodeError:
            pass
    try:
        return body.decode(), "utf-8"
    except UnicodeDecodeError as error:
        # A cut may have gone through a character.
        if error.start >= len(body) - 3 and error.reason == "unexpected end of data":
            return body[: error.start].decode(), "utf-8"
        return body.decode("latin-1"), "latin-1"


def _last_name(json_path: str) -> str:
    """The last key of a redaction path. It is hidden wherever it occurs: more than the path says, never less."""
    names = re.findall(r"[\w-]+", json_path)
    return names[-1] if names else ""
