"""`auth` of a step: it replaces the auth of the step's service, and may hold templates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from windtunnel.actions.compile.context import CompileContext, Field
from windtunnel.expressions.functions import Scope
from windtunnel.model.auth import Auth, auth_objections, auth_of, basic_credentials
from windtunnel.model.scenario import Step

_OPTION_OF = {"header": "headers", "query": "query", "cookie": "cookies"}


@dataclass(frozen=True, slots=True, kw_only=True)
class StepAuth:
    """The compiled `auth` of a step.

    `step` is the step with templated credentials among its headers, query or cookies; `auth` replaces the auth of
    the service, unless it is None; `authorization` renders a header that no template could.
    """

    step: Step
    auth: Auth | None = None
    authorization: Callable[[Scope], str] | None = None


def compile_auth(step: Step, context: CompileContext) -> StepAuth:
    """The auth of a step; problems are noted."""
    data, field = step.options["auth"], context.at(step) / "auth"
    objections = list(auth_objections(data))
    for key, message, hint in objections:
        (field if key is None else field / key).problem(message, hint=hint, key=key is not None)
    if objections:
        return StepAuth(step=step)
    headers = {str(name).lower() for name in step.options.get("headers") or {}}
    if data["type"] != "none" and "authorization" in headers:
        field.problem("`auth` and the Authorization header both set credentials", hint="remove one of them")
        return StepAuth(step=step)
    if not any(isinstance(value, str) and "{{" in value for value in data.values()):
        return StepAuth(step=step, auth=auth_of(data))
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
            auth=Auth(),
            authorization=lambda scope: basic_credentials(user(scope), password(scope)),
        )
    field.problem("oauth2 of a step cannot hold templates", hint="write it without templates")
    return StepAuth(step=step)


def _written(step: Step, option: str, name: str, value: str) -> StepAuth:
    own = step.options.get(option) or {}
    return StepAuth(step=replace(step, options={**step.options, option: {**own, name: value}}), auth=Auth())
