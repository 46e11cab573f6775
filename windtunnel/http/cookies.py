"""The cookies of one instance: RFC 6265 with what browsers made of it since (RFC 6265bis).

Without the public suffix list: a domain without a dot is refused. Names, values and paths are opaque and go back
as the bytes that came (`model.http.wire_text`). Cookies are forgotten with the instance, so there is nothing to
expire in the background. SameSite and Partitioned change nothing: a scenario has no page of another site.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

from windtunnel.model.http import header_text
from windtunnel.model.vocabulary import NoteKind

_MAX_COOKIES = 200
_MAX_SIZE = 4096
"""Of name and value together, in bytes."""

_MAX_ATTRIBUTE = 1024
"""A longer value of an attribute is ignored with the attribute."""

_LONGEST_SHOWN = 100
_BLANKS = " \t"
_is_address = re.compile(r"\d+\.\d+\.\d+\.\d+|.*:.*").fullmatch
_control = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]").search


@dataclass(frozen=True, slots=True, kw_only=True)
class Cookie:
    """A cookie as stored. `expires` is unix seconds, `inf` for as long as the jar lives."""

    name: str
    value: str
    domain: str
    path: str
    host_only: bool
    secure: bool
    expires: float

    def goes_to(self, host: str, path: str, *, secure: bool, now: float) -> bool:
        """Whether a request carries this cookie."""
        if self.expires <= now or (self.secure and not secure):
            return False
        if host != self.domain and (self.host_only or not _is_below(host, self.domain)):
            return False
        return _covers(self.path, path)

    def hides(self, other: Cookie) -> bool:
        """Whether `other`, which came without TLS, would replace this one or hide it (RFC 6265bis, 5.7)."""
        near = self.domain == other.domain or _is_below(self.domain, other.domain)
        near = near or _is_below(other.domain, self.domain)
        return self.secure and self.name == other.name and near and _covers(self.path, other.path)


class Refusal(NamedTuple):
    """Why a cookie is not taken, and the beginning of its name, as it is shown."""

    kind: NoteKind
    name: str


class CookieJar:
    """Cookies by (domain, path, name), in the order in which they were first set."""

    __slots__ = ("_cookies",)

    def __init__(self) -> None:
        self._cookies: dict[tuple[str, str, str], Cookie] = {}

    def __len__(self) -> int:
        return len(self._cookies)

    def store(self, values: Iterable[bytes], *, host: str, target: str, secure: bool, now: float) -> list[Refusal]:
        """Take the Set-Cookie values of a response from `host` to a request for `target`, at unix time `now`.

        `secure`: the way there is trusted. Returns what was refused.
        """
        refused = []
        # Over plain HTTP none of these may be replaced, and none is added.
        guarded = frozenset() if secure else frozenset(kept.name for kept in self._cookies.values() if kept.secure)
        for value in values:
            cookie = parse_set_cookie(value, host=host, target=target, secure=secure, now=now)
            refusal = cookie if isinstance(cookie, Refusal) else self._take(cookie, guarded, now)
            if refusal is not None:
                refused.append(refusal)
        return refused

    def snapshot(self) -> Mapping[tuple[str, str, str], Cookie]:
        """The cookies as they are now, for `forget`."""
        return dict(self._cookies)

    def forget(self, values: Iterable[bytes], before: Mapping[tuple[str, str, str], Cookie]) -> None:
        """Have the cookies that Set-Cookie values are about as they were at a snapshot."""
        names = {_wire(value.partition(b"=")[0].strip(b" \t")) for value in values}
        for key in [key for key in {**self._cookies, **before} if key[2] in names]:
            if key in before:
                self._cookies[key] = before[key]
            else:
                del self._cookies[key]

    def _take(self, cookie: Cookie, guarded: frozenset[str], now: float) -> Refusal | None:
        key = (cookie.domain, cookie.path, cookie.name)
        if cookie.name in guarded and any(kept.hides(cookie) for kept in self._cookies.values()):
            return Refusal("cookie_secure", _shown(_bytes(cookie.name)))
        if cookie.expires <= now:
            self._cookies.pop(key, None)
        elif key in self._cookies or len(self._cookies) < _MAX_COOKIES:
            self._cookies[key] = cookie
        else:
            return Refusal("cookie_number", _shown(_bytes(cookie.name)))
        return None

    def header(self, *, host: str, target: str, secure: bool, now: float) -> str | None:
        """The value of the Cookie header of a request, as wire text, or None without any; longer paths first."""
        path = target.partition("?")[0]
        found = [c for c in self._cookies.values() if c.goes_to(host, path, secure=secure, now=now)]
        found.sort(key=lambda cookie: -len(cookie.path))
        return "; ".join([f"{cookie.name}={cookie.value}" for cookie in found]) or None


def parse_set_cookie(field: bytes, *, host: str, target: str, secure: bool, now: float) -> Cookie | Refusal:
    """A Set-Cookie value as a cookie, or why it is refused (RFC 6265bis, 5.6 and 5.7).

    A deletion comes back as a cookie that has expired. A cookie without a name is refused, as in RFC 6265.
    """
    pair, _, rest = field.partition(b";")
    name_bytes, equals, value = (part.strip(b" \t") for part in pair.partition(b"="))
    name, shown = _wire(name_bytes), _shown(name_bytes)
    if not equals or not name or _control(field):
        return Refusal("cookie_syntax", shown)
    if len(name_bytes) + len(value) > _MAX_SIZE:
        return Refusal("cookie_size", shown)
    attributes = dict(_attributes(_wire(rest)))
    domain = _domain(attributes.get("domain", ""), host)
    if domain is None:
        return Refusal("cookie_domain", shown)
    is_secure, path = "secure" in attributes, attributes.get("path", "")
    if is_secure and not secure:
        return Refusal("cookie_secure", shown)
    if not _keeps_promise(name, host_only=not domain, is_secure=is_secure, path=path):
        return Refusal("cookie_prefix", shown)
    return Cookie(
        name=name,
        value=_wire(value),
        domain=domain or host,
        path=path if path.startswith("/") else _default_path(target),
        host_only=not domain,
        secure=is_secure,
        expires=_expiry(attributes, now),
    )


def _shown(name: bytes) -> str:
    return str(header_text(name))[:_LONGEST_SHOWN]


def _bytes(wire: str) -> bytes:
    return wire.encode("utf-8", "surrogateescape")


def _wire(part: bytes) -> str:
    return part.decode("utf-8", "surrogateescape")


def _attributes(text: str) -> Iterator[tuple[str, str]]:
    """The attributes by lower-case name; of several with one name, the last that can be read counts."""
    for attribute in filter(None, text.split(";")):
        key, _, content = attribute.partition("=")
        name, value = key.strip(_BLANKS).lower(), content.strip(_BLANKS)
        if len(value) > _MAX_ATTRIBUTE:
            continue
        if name == "max-age" and not (value.isascii() and value.removeprefix("-").isdigit()):
            continue
        if name == "expires" and _date(value) is None:
            continue
        yield name, value


def _date(text: str) -> float | None:
    from windtunnel.http.cookie_dates import (
        parse_cookie_date,
    )  # its patterns take time, and few servers send dates

    return parse_cookie_date(text)


def _domain(written: str, host: str) -> str | None:
    """The domain whose hosts get the cookie, "" for this host alone, or None for one that is not this host's.

    A name without a dot is a public suffix, such as `com` or `localhost`: a host of that name keeps it to itself.
    """
    domain = written.removeprefix(".").lower()
    if not domain.isascii():
        return None
    if not domain or domain.strip("[]") == host:
        return domain if "." in domain and not _is_address(domain) else ""
    return domain if "." in domain and _is_below(host, domain) else None


def _keeps_promise(name: str, *, host_only: bool, is_secure: bool, path: str) -> bool:
    """Whether a cookie is what the prefix of its name says (RFC 6265bis, 4.1.3)."""
    lower = name.lower()
    if lower.startswith("__host-"):
        return is_secure and host_only and path == "/"
    return is_secure or not lower.startswith("__secure-")


def _is_below(host: str, domain: str) -> bool:
    return host.endswith(f".{domain}") and not _is_address(host)


def _covers(path: str, of_request: str) -> bool:
    """RFC 6265, 5.1.4: path-match."""
    return of_request == path or of_request.startswith(path if path.endswith("/") else f"{path}/")


def _default_path(target: str) -> str:
    """RFC 6265, 5.1.4: the path up to its last slash."""
    path = target.partition("?")[0]
    return path[: path.rfind("/")] or "/" if path.startswith("/") else "/"


def _expiry(attributes: Mapping[str, str], now: float) -> float:
    """Max-Age wins over Expires."""
    max_age = attributes.get("max-age")
    if max_age is not None:
        if max_age.startswith("-") or not max_age.strip("0"):
            return -inf
        return now + int(max_age) if len(max_age) <= 12 else inf
    expires = _date(attributes["expires"]) if "expires" in attributes else None
    return inf if expires is None else expires


def join_cookies(own: str, kept: str) -> str:
    """One Cookie header out of a step's own and the jar's; of one name, the step's own is sent."""
    names = {pair.partition("=")[0].strip() for pair in own.split(";")}
    return "; ".join([own, *(pair for pair in kept.split("; ") if pair.partition("=")[0] not in names)])
