"""`auth` of a step: in place of what its service says, and with templates where that can't have any."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from windtunnel.actions.compile.context import CompileContext, Field
from windtunnel.actions.request.target import Target
from windtunnel.expressions.functions import Scope
from windtunnel.model.auth import Auth, auth_objections, auth_of, basic_credentials
from windtunnel.model.scenario import Step

_OPTION_OF = {"header": "headers", "query": "query", "cookie": "cookies"}


@dataclass(frozen=True, slots=True, kw_only=True)
class StepAuth:
    """What `auth` of a step comes to.

    `step` is the step with what varies written among its headers, query or cookies; `instead` stands in for the
    service's own auth, None when that counts; `authorization` renders a header that no template could.
    """

    step: Step
    instead: Auth | None = None
    authorization: Callable[[Scope], str] | None = None

    def applied_to(self, target: Target) -> Target:
        """The target with this auth in place of its service's, and with the query parameters of either."""
        if self.instead is not None:
            target = replace(target, service=replace(target.service, auth=self.instead))
        query = "&".join(f"{quote(name)}={quote(value, safe='')}" for name, value in target.service.auth.query)
        if not query:
            return target
        base_url, render = f"{target.service.base_url}/", target.render

        def at_home(location: str) -> str:
            # Another host than the service's, which a template led to, gets no key of it.
            if not location.startswith(("/", base_url)):
                return location
            return f"{location}{'&' if '?' in location else '?'}{query}"

        return replace(
            target,
            text=None if target.text is None else at_home(target.text),
            render=lambda scope: at_home(render(scope)),
        )


def compile_auth(step: Step, context: CompileContext) -> StepAuth:
    """The auth of a step; what is wrong with it is noted."""
    data = step.options.get("auth")
    if data is None:
        return StepAuth(step=step)
    field = context.at(step) / "auth"
    objections = list(auth_objections(data))
    for key, message, hint in objections:
        (field if key is None else field / key).problem(message, hint=hint, key=key is not None)
    if objections:
        return StepAuth(step=step)
    headers = {str(name).lower() for name in step.options.get("headers") or {}}
    if data["type"] != "none" and "authorization" in headers:
        field.problem("`auth` and an Authorization header say different things", hint="leave one of them out")
        return StepAuth(step=step)
    if not any(isinstance(value, str) and "{{" in value for value in data.values()):
        return StepAuth(step=step, instead=auth_of(data))
    return _templated(step, field, data)


def _templated(step: Step, field: Field, data: Mapping[str, Any]) -> StepAuth:
    kind = data["type"]
    if kind == "bearer":
        return _written(step, "headers", "Authorization", f"Bearer {data['token']}")
    if kind == "api_key":
        where = next(where for where in _OPTION_OF if where in data)
        return _written(step, _OPTION_OF[where], data[where], data["key"])
    if kind == "basic":
        user, password = (field / "user").text(data["user"]), (field / "password").text(data["password"])
        return StepAuth(
            step=step,
            instead=Auth(),
            authorization=lambda scope: basic_credentials(user(scope), password(scope)),
        )
    field.problem("a client of oauth2 is the same for every instance", hint="write it without templates")
    return StepAuth(step=step)


def _written(step: Step, option: str, name: str, value: str) -> StepAuth:
    own = step.options.get(option) or {}
    return StepAuth(step=replace(step, options={**step.options, option: {**own, name: value}}), instead=Auth())
