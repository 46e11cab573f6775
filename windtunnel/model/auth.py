"""Authentication of requests: `auth` of the SUT file, a service, a scenario or a step."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus, urlsplit

from windtunnel.model.source import DataPath
from windtunnel.model.vocabulary import Grant

_PLACES = ("header", "query", "cookie")
_KEYS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "none": ((), ()),
    "bearer": (("token",), ()),
    "basic": (("user", "password"), ()),
    "api_key": (("key",), _PLACES),
    "oauth2": (
        ("token_url", "client_id"),
        ("client_secret", "grant", "username", "password", "refresh_token", "scope", "params", "credentials"),
    ),
}
"""Type -> (required keys, optional keys)."""

_OF_GRANT: Mapping[str, tuple[str, ...]] = {
    "client_credentials": (),
    "password": ("username", "password"),
    "refresh_token": ("refresh_token",),
}
_FIELDS_OF_KEYS = {"grant_type": "grant", "scope": "scope"} | {
    key: key for keys in _OF_GRANT.values() for key in keys
}
"""The fields of a token request that have a key of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuth2:
    """How a token is got from `token_url` (RFC 6749, 4.3, 4.4 and 6), to be sent as a bearer token.

    A client without a secret is a public one: its id is sent in the form (2.3.1). `in_header`: id and secret are
    sent in an Authorization header, as the RFC recommends, otherwise in the form. `params` are further fields of
    the form, such as an audience. Two that are equal have the same token.
    """

    token_url: str
    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    grant: Grant = "client_credentials"
    username: str = ""
    password: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    scope: str = ""
    params: tuple[tuple[str, str], ...] = ()
    in_header: bool = True

    def form(self, refresh_token: str = "") -> tuple[tuple[str, str], ...]:
        """The fields of a token request: those of the grant, or those that renew with a token of an answer."""
        own: tuple[tuple[str, str], ...] = ()
        if self.client_secret is None:
            own = (("client_id", self.client_id),)
        elif not self.in_header:
            own = (("client_id", self.client_id), ("client_secret", self.client_secret))
        grant: Grant = "refresh_token" if refresh_token else self.grant
        fields: dict[str, str] = {"grant_type": grant}
        if grant == "password":
            fields |= {"username": self.username, "password": self.password}
        elif grant == "refresh_token":
            fields["refresh_token"] = refresh_token or self.refresh_token
        if self.scope:
            fields["scope"] = self.scope
        return (*fields.items(), *self.params, *own)

    @property
    def authorization(self) -> str | None:
        """The Authorization header of a token request; both parts are form-encoded first (RFC 6749, 2.3.1)."""
        if self.client_secret is None or not self.in_header:
            return None
        parts = [quote_plus(part, errors="replace") for part in (self.client_id, self.client_secret)]
        return basic_credentials(*parts)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What of it must not be written."""
        sent = (self.authorization or "").removeprefix("Basic ")
        return tuple(filter(None, (self.client_secret, self.password, self.refresh_token, sent)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth:
    """What is added to requests: `headers`, `query` and `cookies`, each a (name, value), or a token of `oauth2`.

    An empty one overrides that of the service or the SUT. `secrets` are the parts that must not be written. One
    with templates is `written` as the SUT file has it at `place`; the rest of it is empty until they are rendered.
    """

    headers: tuple[tuple[str, str], ...] = ()
    query: tuple[tuple[str, str], ...] = ()
    cookies: tuple[tuple[str, str], ...] = ()
    oauth2: OAuth2 | None = None
    secrets: tuple[str, ...] = field(default=(), repr=False)
    written: Mapping[str, Any] | None = field(default=None, repr=False)
    place: DataPath = ()

    @property
    def names_in_query(self) -> list[str]:
        """The query parameters that hold a secret."""
        return [*(name for name, _ in self.query), *_names(self.written, "query")]

    @property
    def names_in_headers(self) -> list[str]:
        """The headers and cookies that hold a secret."""
        return [*(name for name, _ in (*self.headers, *self.cookies)), *_names(self.written, "header", "cookie")]


def auth_of(data: Mapping[str, Any]) -> Auth:
    """The Auth of a valid mapping without templates."""
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
    if kind == "oauth2":
        oauth2 = _oauth2(data)
        return Auth(oauth2=oauth2, secrets=oauth2.secrets)
    return Auth()


def auth_objections(data: Mapping[str, Any]) -> Iterator[tuple[str | None, str, str | None]]:
    """(the key it is about, what is wrong, how to mend it) of a mapping that its schema accepts."""
    kind = str(data.get("type"))
    if kind not in _KEYS:
        yield "type", f"the type of auth is one of {', '.join(_KEYS)}", "type: bearer"
        return
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
    user = str(data.get("user", ""))
    if kind == "basic" and ":" in user and "{{" not in user:
        yield "user", COLON_IN_USER, None
    if kind == "oauth2":
        yield from _oauth2_objections(data)


COLON_IN_USER = "the user of basic auth must not contain a colon"
NOT_A_URL = "`token_url` must be an http or https URL"


def basic_credentials(user: str, password: str) -> str:
    """The value of an Authorization header (RFC 7617)."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode(errors="replace")).decode()


def is_token_url(text: str) -> bool:
    """Whether it has the parts of a URL; its host is checked when the transport is made."""
    try:
        parts = urlsplit(text)
        has_port = parts.port is None or parts.port > 0
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None and has_port
    except ValueError:
        return False


def _names(written: Mapping[str, Any] | None, *keys: str) -> list[str]:
    """The names under these keys, as far as they are no templates."""
    names = [str((written or {}).get(key, "")) for key in keys]
    return [name for name in names if name and "{{" not in name]


def _oauth2_objections(data: Mapping[str, Any]) -> Iterator[tuple[str | None, str, str | None]]:
    grant = str(data.get("grant", "client_credentials"))
    needed, params, credentials = _OF_GRANT.get(grant), data.get("params", {}), data.get("credentials")
    if needed is None or not isinstance(params, Mapping):
        key, what = ("grant", f"one of {', '.join(_OF_GRANT)}") if needed is None else ("params", "a mapping")
        yield key, f"`{key}` is {what}", None
        return
    for key in needed:
        if key not in data:
            yield None, f"the grant {grant} needs `{key}`", f"add `{key}:`"
    for other, keys in _OF_GRANT.items():
        for key in [key for key in keys if key in data and key not in needed]:
            yield key, f"`{key}` does not belong to the grant {grant}", f"write `grant: {other}`, or remove it"
    if "client_secret" in data and credentials == "none":
        yield "client_secret", "`credentials: none` sends no client_secret", "remove one of them"
    if "client_secret" not in data and credentials != "none":
        if credentials is not None:
            yield "credentials", f"`credentials: {credentials}` needs `client_secret`", "add `client_secret:`"
        elif grant == "client_credentials" and "client_assertion" not in params:
            hint = "add `client_secret:`, or `credentials: none` for a client without one"
            yield None, "auth of type oauth2 needs `client_secret`", hint
    for name in [name for name in params if name in _FIELDS_OF_KEYS]:
        yield "params", f"`params` can't set {name}", f"write `{_FIELDS_OF_KEYS[name]}:` beside `params`"
    url = str(data.get("token_url", ""))
    begins_well = re.match(r"https?://[^/]", url, re.IGNORECASE) or url.startswith("{{")
    if "token_url" in data and not (begins_well if "{{" in url else is_token_url(url)):
        yield "token_url", NOT_A_URL, "token_url: https://login.test/oauth/token"


def _oauth2(data: Mapping[str, Any]) -> OAuth2:
    scope, secret = data.get("scope", ""), data.get("client_secret")
    return OAuth2(
        token_url=str(data["token_url"]),
        client_id=str(data["client_id"]),
        client_secret=None if secret is None else str(secret),
        grant=data.get("grant", "client_credentials"),
        username=str(data.get("username", "")),
        password=str(data.get("password", "")),
        refresh_token=str(data.get("refresh_token", "")),
        scope=str(scope) if isinstance(scope, str) else " ".join(scope),
        params=tuple(
            (name, str(each))
            for name, value in data.get("params", {}).items()
            for each in (value if isinstance(value, list | tuple) else [value])
        ),
        in_header=data.get("credentials", "header") == "header",
    )
