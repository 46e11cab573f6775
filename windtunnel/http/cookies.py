"""The cookies of one instance: RFC 6265 without the public suffix list (a domain without a dot is refused).

They are forgotten with the instance, so there is nothing to expire in the background.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timezone
from email.utils import parsedate_to_datetime
from math import inf

_MAX_COOKIES = 200
_MAX_SIZE = 4096

_is_address = re.compile(r"\d+\.\d+\.\d+\.\d+|.*:.*").fullmatch
_control = re.compile(r"[\x00-\x1f\x7f]").search


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
        return path == self.path or path.startswith(self.path if self.path.endswith("/") else f"{self.path}/")


class CookieJar:
    """Cookies by (domain, path, name), in the order in which they were first set."""

    __slots__ = ("_cookies",)

    def __init__(self) -> None:
        self._cookies: dict[tuple[str, str, str], Cookie] = {}

    def __len__(self) -> int:
        return len(self._cookies)

    def store(self, values: Iterable[str], *, host: str, target: str, secure: bool, now: float) -> None:
        """Take the Set-Cookie values of a response from `host` to a request for `target`, at unix time `now`."""
        for value in values:
            cookie = parse_set_cookie(value, host=host, target=target, secure=secure, now=now)
            if cookie is None:
                continue
            key = (cookie.domain, cookie.path, cookie.name)
            if cookie.expires <= now:
                self._cookies.pop(key, None)
            elif key in self._cookies or len(self._cookies) < _MAX_COOKIES:
                self._cookies[key] = cookie

    def header(self, *, host: str, target: str, secure: bool, now: float) -> str | None:
        """The value of the Cookie header of a request, or None without any; longer paths first."""
        path = target.partition("?")[0]
        found = [c for c in self._cookies.values() if c.goes_to(host, path, secure=secure, now=now)]
        found.sort(key=lambda cookie: -len(cookie.path))
        return "; ".join([f"{cookie.name}={cookie.value}" for cookie in found]) or None


def parse_set_cookie(text: str, *, host: str, target: str, secure: bool, now: float) -> Cookie | None:
    """A Set-Cookie value as a cookie, or None for one that must be ignored (RFC 6265, 5.2 and 5.3).

    A deletion comes back as a cookie that has expired.
    """
    if len(text) > _MAX_SIZE or _control(text):
        return None
    pair, _, rest = text.partition(";")
    name, equals, value = (part.strip() for part in pair.partition("="))
    if not equals or not name:
        return None
    attributes: dict[str, str] = {}
    for attribute in rest.split(";"):
        key, _, content = attribute.partition("=")
        attributes[key.strip().lower()] = content.strip()
    domain = attributes.get("domain", "").removeprefix(".").lower()
    host_only = not domain or domain == host
    if not host_only and ("." not in domain or not _is_below(host, domain)):
        return None
    if "secure" in attributes and not secure:
        return None
    path = attributes.get("path", "")
    return Cookie(
        name=name,
        value=value,
        domain=domain or host,
        path=path if path.startswith("/") else _default_path(target),
        host_only=host_only and not domain,
        secure="secure" in attributes,
        expires=_expiry(attributes, now),
    )


def _is_below(host: str, domain: str) -> bool:
    return host.endswith(f".{domain}") and not _is_address(host)


def _default_path(target: str) -> str:
    """RFC 6265, 5.1.4: the path up to its last slash."""
    path = target.partition("?")[0]
    return path[: path.rfind("/")] or "/" if path.startswith("/") else "/"


def _expiry(attributes: dict[str, str], now: float) -> float:
    """Max-Age wins over Expires; what can't be read counts as not there."""
    max_age = attributes.get("max-age", "")
    if re.fullmatch(r"-?[0-9]{1,12}", max_age):
        seconds = int(max_age)
        return now + seconds if seconds > 0 else -inf
    try:
        expires = parsedate_to_datetime(attributes["expires"])
    except (KeyError, ValueError, TypeError, IndexError, OverflowError):
        return inf
    return (expires if expires.tzinfo else expires.replace(tzinfo=timezone.utc)).timestamp()


def join_cookies(own: str, kept: str) -> str:
    """One Cookie header out of a step's own and the jar's; of one name, the step's own is sent."""
    names = {pair.partition("=")[0].strip() for pair in own.split(";")}
    return "; ".join([own, *(pair for pair in kept.split("; ") if pair.partition("=")[0] not in names)])
