"""Authentication of requests: `auth` of the SUT file, a service or a step."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus, urlsplit

_PLACES = ("header", "query", "cookie")
_KEYS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "none": ((), ()),
    "bearer": (("token",), ()),
    "basic": (("user", "password"), ()),
    "api_key": (("key",), _PLACES),
    "oauth2": (("token_url", "client_id", "client_secret"), ("scope", "params", "credentials")),
}
"""Type -> (required keys, optional keys)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuth2:
    """Client credentials (RFC 6749, 4.4): a token is fetched from `token_url` and sent as a bearer token.

    `in_header`: id and secret are sent in an Authorization header, as the RFC recommends, otherwise in the form.
    `params` are further fields of the form, such as an audience.
    """

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    scope: str = ""
    params: tuple[tuple[str, str], ...] = ()
    in_header: bool = True

    @property
    def form(self) -> tuple[tuple[str, str], ...]:
        """The fields of a token request."""
        scope = (("scope", self.scope),) if self.scope else ()
        own = () if self.in_header else (("client_id", self.client_id), ("client_secret", self.client_secret))
        return (("grant_type", "client_credentials"), *scope, *self.params, *own)

    @property
    def authorization(self) -> str | None:
        """The Authorization header of a token request; both parts are form-encoded first (RFC 6749, 2.3.1)."""
        return (
            basic_credentials(quote_plus(self.client_id), quote_plus(self.client_secret))
            if self.in_header
            else None
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth:
    """What is added to requests: `headers`, `query` and `cookies`, each a (name, value), or a token of `oauth2`.

    An empty one overrides that of the service or the SUT. `secrets` are the parts that must not be written.
    """

    headers: tuple[tuple[str, str], ...] = ()
    query: tuple[tuple[str, str], ...] = ()
    cookies: tuple[tuple[str, str], ...] = ()
    oauth2: OAuth2 | None = None
    secrets: tuple[str, ...] = field(default=(), repr=False)


def auth_of(data: Mapping[str, Any]) -> Auth:
    """The Auth of a valid mapping."""
    kind = data["type"]
    if kind == "bearer":
        token = str(data["token"])
        return Auth(headers=(("Authorization", f"Bearer {token}"),), secrets=(token,))
    if kind == "basic":
        user, password = str(data["user"]), str(data["password"])
        credentials = basic_credentials(user, password)
        return Auth(headers=(("Authorization", credentials),), secrets=(password, credentials.split()[1]))
    if kind == "api_key":
        place = next(place for place in _PLACES if place in data)
        pair = ((str(data[place]), str(data["key"])),)
        parts: dict[str, Any] = {{"header": "headers", "cookie": "cookies"}.get(place, place): pair}
        return Auth(**parts, secrets=(str(data["key"]),))
    return Auth(oauth2=_oauth2(data), secrets=(str(data["client_secret"]),)) if kind == "oauth2" else Auth()


def auth_objections(data: Mapping[str, Any]) -> Iterator[tuple[str | None, str, str | None]]:
    """(the key it is about, what is wrong, how to mend it) of a mapping that its schema accepts."""
    kind = data["type"]
    needed, possible = _KEYS[kind]
    for key in needed:
        if key not in data:
            yield None, f"auth of type {kind} needs `{key}`", f"add `{key}:`"
    for key in data:
        if key not in ("type", *needed, *possible):
            known = ", ".join((*needed, *possible)) or "none"
            yield key, f"`{key}` does not belong to auth of type {kind}", f"the keys are {known}"
    places = [place for place in _PLACES if place in data]
    if kind == "api_key" and len(places) != 1:
        yield None, "auth of type api_key needs exactly one of `header`, `query` and `cookie`", "header: X-Api-Key"
    if kind == "basic" and ":" in str(data.get("user", "")):
        yield "user", "the user of basic auth must not contain a colon", None
    if "token_url" in data and kind == "oauth2" and not _is_url(str(data["token_url"])):
        yield "token_url", "`token_url` must be an http or https URL", "token_url: https://login.test/oauth/token"


def basic_credentials(user: str, password: str) -> str:
    """The value of an Authorization header (RFC 7617)."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _oauth2(data: Mapping[str, Any]) -> OAuth2:
    scope = data.get("scope", "")
    return OAuth2(
        token_url=data["token_url"],
        client_id=str(data["client_id"]),
        client_secret=str(data["client_secret"]),
        scope=scope if isinstance(scope, str) else " ".join(scope),
        params=tuple((name, str(value)) for name, value in data.get("params", {}).items()),
        in_header=data.get("credentials", "header") == "header",
    )


def _is_url(text: str) -> bool:
    """Whether it has the parts of a URL; its host is checked when the transport is made."""
    try:
        parts = urlsplit(text)
        has_port = parts.port is None or parts.port > 0
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None and has_port
    except ValueError:
        return False
