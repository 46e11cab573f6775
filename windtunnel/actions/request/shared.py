"""What a request carries beyond what its step says: `auth`, and the headers of the scenario.

default < service < scenario < step: of each header the highest one is sent, and of `auth` the highest one. What is
constant becomes a part of the service, what varies is added to each request. It goes to the service of the step
alone, never to another host that a URL or a redirect leads to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from windtunnel.actions.compile.context import CompileContext, Field
from windtunnel.actions.request.auth import RenderAuth, SharedField, compile_auth, note_objections
from windtunnel.errors import ExpressionError
from windtunnel.expressions.functions import Scope
from windtunnel.expressions.text import encode_component
from windtunnel.interfaces import Instance, Request
from windtunnel.model.auth import Auth
from windtunnel.model.http import LINE_BREAKS, sendable
from windtunnel.model.origin import parse_base_url, split_url
from windtunnel.model.scenario import Scenario, Step
from windtunnel.model.sut import Service

_IN_AUTHORIZATION = frozenset({"none", "bearer", "basic", "oauth2"})
_Varying = tuple[str, Callable[[Scope], str | None], str]
"""A header of the scenario: its name, its template, and where it stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnParts:
    """What the step says itself: its place, its `auth`, its headers, and its cookies where they are constant.

    `by_code`: the values are those of one request of code.
    """

    name: str
    field: Field
    auth: Mapping[str, Any] | None = None
    headers: Mapping[str, Any]
    has_cookies: bool = False
    cookie: str | None = None
    by_code: bool = False


class Shared:
    """What the requests of one step share with others. `complete` adds what varies; None when nothing does."""

    def __init__(self, context: CompileContext, own: OwnParts) -> None:
        self._context, self._own = context, own
        self.complete: Callable[[Request, Instance], Request] | None = None

    @classmethod
    def of_step(cls, step: Step, context: CompileContext, constant: Mapping[str, str]) -> Shared:
        """Those of a step of YAML with these constant headers."""
        options = step.options
        return cls(
            context,
            OwnParts(
                name=step.name,
                field=context.at(step),
                auth=options.get("auth"),
                headers=options.get("headers") or {},
                has_cookies="cookies" in options,
                cookie=constant.get("Cookie"),
            ),
        )

    def adjusted(self, service: Service) -> Service:
        """The service with everything constant; problems are noted. Call it once."""
        scenario, own = self._context.scenario, self._own
        of_sut = any(service.base_url == each.base_url for each in self._context.sut.all_services)
        written = _Chosen.of(self._context, own, service, of_sut=of_sut)
        names = {str(name).lower() for name in own.headers}
        headers = (
            {}
            if not of_sut
            else {name: value for name, value in scenario.headers.items() if str(name).lower() not in names}
        )
        if written.is_of_step and written.sets_authorization:
            headers = _without(headers, {"authorization"})
        constant, varying = self._headers(scenario, headers)
        gone = {str(name).lower() for name, value in (*own.headers.items(), *constant.items()) if value is None}
        if written.is_above_service and written.sets_authorization:
            gone.add("authorization")
        below = _without(service.headers, gone | {name.lower() for name in constant})
        above = names if written.is_above_service else names | {name.lower() for name in headers}
        auth = written.auth
        if isinstance(auth, Auth):
            auth = _left(auth, set() if written.is_of_step else above)
            if (auth.cookies and own.has_cookies) or (own.by_code and written.is_of_step):
                auth = _always(auth)
        if varying or callable(auth):
            self.complete = _Completion(
                context=self._context,
                service=service,
                headers=varying,
                auth=auth if callable(auth) else None,
                above=frozenset() if written.is_of_step else frozenset(above),
                cookie=own.cookie,
            )
        return replace(
            service,
            headers={**below, **{name: value for name, value in constant.items() if value is not None}},
            auth=Auth() if callable(auth) else auth,
        )

    def _headers(
        self, scenario: Scenario, headers: Mapping[str, Any]
    ) -> tuple[dict[str, str | None], list[_Varying]]:
        """The constant and the varying headers of the scenario."""
        place = SharedField.of(self._context, scenario.source, ("headers",), self._own.name)
        constant: dict[str, str | None] = {}
        varying: list[_Varying] = []
        for name, value in headers.items():
            here = place / name
            template = here.optional_text(value, in_header=True)
            if not template.constant:
                varying.append((str(name), template.evaluate, f"headers.{name} of the scenario"))
            elif (text := template({})) is not None:
                constant[name] = here.attempt(partial(sendable, str(name), text, LINE_BREAKS), "")
            else:
                constant[name] = None
        return constant, varying


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chosen:
    """The `auth` that holds for a step: a constant one, or one to render."""

    auth: Auth | RenderAuth
    kind: str = ""
    is_of_step: bool = False
    is_above_service: bool = False

    @classmethod
    def of(cls, context: CompileContext, own: OwnParts, service: Service, *, of_sut: bool) -> _Chosen:
        """That of the step, else that of the scenario, else that of the service; problems are noted."""
        scenario = context.scenario
        if own.auth is not None:
            field = own.field / "auth"
            data = own.auth if note_objections(field, own.auth, own.headers) else {"type": "none"}
            auth = compile_auth(field, data, "auth")
            return cls(auth=auth, kind=str(data["type"]), is_of_step=True, is_above_service=True)
        if scenario.auth is not None and of_sut:
            place = SharedField.of(context, scenario.source, ("auth",), own.name)
            auth = compile_auth(place, scenario.auth, "auth", " of the scenario")
            return cls(auth=auth, kind=str(scenario.auth["type"]), is_above_service=True)
        written = service.auth.written
        if written is None:
            return cls(auth=service.auth)
        path, source = service.auth.place, context.sut.source
        label = ".".join(map(str, path))
        place = SharedField.of(context, source, path, own.name, scenario=scenario.id)
        return cls(auth=compile_auth(place, written, label, f" of {source.file}"))

    @property
    def sets_authorization(self) -> bool:
        """Whether it decides about the Authorization header."""
        return self.kind in _IN_AUTHORIZATION


class _Completion:
    """Adds to a request what varies of what it shares with others."""

    __slots__ = ("_above", "_auth", "_authorized", "_cookie", "_headers", "_origin")

    def __init__(
        self,
        *,
        context: CompileContext,
        service: Service,
        headers: list[_Varying],
        auth: RenderAuth | None,
        above: frozenset[str],
        cookie: str | None,
    ) -> None:
        self._headers, self._auth, self._above, self._cookie = headers, auth, above, cookie
        self._authorized = context.transport.authorized
        self._origin = parse_base_url(service.base_url).origin

    def __call__(self, request: Request, instance: Instance) -> Request:
        """The request with everything. Raises ExpressionError with the place of what can't be rendered."""
        if not self._is_at_home(request.target):
            return request
        scope = instance.scope
        headers = list(request.headers)
        for name, render, place in self._headers:
            try:
                if (value := render(scope)) is not None:
                    headers.append((name, sendable(name, value, LINE_BREAKS)))
            except ExpressionError as error:
                error.path = (place, *error.path)
                raise
        if self._auth is None:
            return request.replace(headers=headers)
        auth = self._auth(scope)
        instance.ids.hide(*auth.secrets)
        if self._above:
            auth = _left(auth, self._above)
        headers += auth.headers
        if auth.oauth2 is None and not auth.query and not auth.cookies:
            return request.replace(headers=headers)
        if auth.cookies:
            own = next((value for name, value in headers if name.lower() == "cookie"), self._cookie)
            headers = [pair for pair in headers if pair[0].lower() != "cookie"]
            headers.append(("Cookie", _joined(auth.cookies, own)))
        target = request.target
        if auth.query:
            query = "&".join(f"{encode_component(name)}={encode_component(value)}" for name, value in auth.query)
            target = f"{target}{'&' if '?' in target else '?'}{query}"
        endpoint = request.endpoint
        if auth.oauth2 is not None:
            endpoint = self._authorized(endpoint, auth.oauth2, hide=instance.ids.hide)
        return request.replace(headers=headers, target=target, endpoint=endpoint)

    def _is_at_home(self, target: str) -> bool:
        """Whether a request goes to the service."""
        if target.startswith("/"):
            return True
        try:
            return split_url(target)[0] == self._origin
        except ExpressionError:
            return False


def _always(auth: Auth) -> RenderAuth:
    return lambda _: auth


def _left(auth: Auth, above: frozenset[str] | set[str]) -> Auth:
    """The auth without what headers of these names, which are set above it, replace."""
    if above.isdisjoint([name.lower() for name, _ in auth.headers]) and (
        auth.oauth2 is None or "authorization" not in above
    ):
        return auth
    return replace(
        auth,
        headers=tuple(pair for pair in auth.headers if pair[0].lower() not in above),
        oauth2=None if "authorization" in above else auth.oauth2,
    )


def _without(headers: Mapping[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: value for name, value in headers.items() if name.lower() not in names}


def _joined(cookies: tuple[tuple[str, str], ...], own: str | None) -> str:
    """The Cookie header of an auth and of a step, whose own cookies win."""
    names = {pair.partition("=")[0].strip() for pair in (own or "").split(";")}
    added = [f"{name}={value}" for name, value in cookies if name not in names]
    return "; ".join([*added, *([own] if own else [])])
