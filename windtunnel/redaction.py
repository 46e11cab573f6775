"""Hides secrets before anything is written.

In two ways (rule 29): by value, every string of at least 8 characters from the environment is hidden wherever it
occurs; by key, the value under a name that indicates a secret is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

import msgspec

from windtunnel.model.sut import Redactions

HIDDEN = "[redacted]"
SHORTEST_SECRET = 8
NO_REDACTIONS = Redactions()
SECRET_KEYS = re.compile(
    r"authorization|cookie|token|secret|password|passwd|api[-_]?key|^sig(nature)?$", re.IGNORECASE
)

_JSON_FIELD = re.compile(
    r"""(?P<before>['"](?P<key>[^'"\\]{1,80})['"]\s*:\s*)(?:"(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s,}\]]+)"""
)
"""A key and its plain value in JSON (or a Python dict), which may be cut off anywhere."""


class Redactor:
    """Hides secrets. Cheap when there is nothing to hide: a clean URL costs one scan of it."""

    def __init__(self, *, secrets: Iterable[str] = (), names: Redactions = NO_REDACTIONS) -> None:
        self._values = {s for s in secrets if len(s) >= SHORTEST_SECRET}
        self._pattern = _pattern_of(self._values)
        own = [re.escape(name) for name in (*names.headers, *names.query, *map(_last_name, names.json)) if name]
        self._own_keys = re.compile(rf"^(?:{'|'.join(own)})$", re.IGNORECASE) if own else None

    def hide(self, value: str) -> None:
        """Hide a value from now on, such as an access token that was fetched during the run."""
        if len(value) >= SHORTEST_SECRET and value not in self._values:
            self._values.add(value)
            self._pattern = _pattern_of(self._values)

    def is_secret_key(self, key: str) -> bool:
        """Whether the value under this header, query or JSON key is hidden."""
        return bool(SECRET_KEYS.search(key) or (self._own_keys and self._own_keys.match(key)))

    def text(self, text: str, also: Sequence[str] = ()) -> str:
        """The text without any secret value; `also` are values that only this instance keeps secret."""
        for value in also:
            text = text.replace(value, HIDDEN)
        return self._pattern.sub(HIDDEN, text) if self._pattern else text

    def excerpt(self, text: str, also: Sequence[str] = ()) -> str:
        """A part of a body, as messages quote it, also without the values under secret JSON keys."""
        return self.text(_JSON_FIELD.sub(self._hide_field, text), also)

    def _hide_field(self, field: re.Match[str]) -> str:
        return f'{field["before"]}"{HIDDEN}"' if self.is_secret_key(field["key"]) else field[0]

    def url(self, url: str, also: Sequence[str] = ()) -> str:
        """The URL without userinfo, secret query values and secret values anywhere in it."""
        if "?" in url or "@" in url:
            url = self._url_parts(url)
        return self.text(url, also) if also or self._pattern else url

    def named(self, key: str, value: str, also: Sequence[str] = ()) -> str:
        """The value as it may be shown under its key."""
        return HIDDEN if self.is_secret_key(key) else self.excerpt(value, also)

    def body(self, body: bytes, also: Sequence[str] = ()) -> bytes:
        """A body without secrets: JSON and form fields by key, everything by value.

        JSON without a secret comes back byte for byte.
        """
        try:
            hidden, changed = self._json(msgspec.json.decode(body))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return self.text(self._form(body.decode("utf-8", "replace")), also).encode()
        shown = msgspec.json.encode(hidden) if changed else body
        return self.text(shown.decode("utf-8", "replace"), also).encode() if also or self._pattern else shown

    def _url_parts(self, url: str) -> str:
        try:
            parts = urlsplit(url)
        except ValueError:
            return HIDDEN
        host = parts.netloc.rpartition("@")[2]
        query = self._form(parts.query)
        return urlunsplit(parts._replace(netloc=host, query=query))

    def _form(self, text: str) -> str:
        """`a=1&token=x` with the secret values hidden; a text without secret fields comes back unchanged."""
        fields = parse_qsl(text, keep_blank_values=True)
        if not any(self.is_secret_key(key) for key, _ in fields):
            return text
        return "&".join(
            f"{field.partition('=')[0]}={HIDDEN}" if self.is_secret_key(field.partition("=")[0]) else field
            for field in text.split("&")
        )

    def _json(self, value: Any) -> tuple[Any, bool]:
        """(the value with secret keys hidden, whether anything was)."""
        if isinstance(value, dict):
            pairs = {
                key: (HIDDEN, True) if self.is_secret_key(str(key)) else self._json(item)
                for key, item in value.items()
            }
            return {key: item for key, (item, _) in pairs.items()}, any(changed for _, changed in pairs.values())
        if isinstance(value, list):
            items = [self._json(item) for item in value]
            return [item for item, _ in items], any(changed for _, changed in items)
        return value, False


def _pattern_of(values: Iterable[str]) -> re.Pattern[str] | None:
    """Finds any of the values, as they are, percent-encoded as in a URL, or escaped as in JSON."""
    forms = {form for value in values for form in (value, quote(value, safe=""), _in_json(value))}
    # The longest first, so that a secret which contains another one is hidden whole.
    longest_first = sorted(forms, key=lambda form: (-len(form), form))
    return re.compile("|".join(re.escape(form) for form in longest_first)) if forms else None


def _last_name(json_path: str) -> str:
    """The last key of a redaction path. It is hidden wherever it occurs: more than the path says, never less."""
    names = re.findall(r"[\w-]+", json_path)
    return names[-1] if names else ""


def _in_json(value: str) -> str:
    return msgspec.json.encode(value).decode()[1:-1]
