"""`auth` as a file has it, compiled: a constant one, or one that is rendered for each request."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from windtunnel.actions.compile.context import CompileContext, Field
from windtunnel.errors import ExpressionError, Problem
from windtunnel.expressions.functions import Scope
from windtunnel.expressions.template import Template
from windtunnel.expressions.text import text_of
from windtunnel.model.auth import COLON_IN_USER, NOT_A_URL, Auth, auth_objections, auth_of, is_token_url
from windtunnel.model.http import COOKIE_BREAKS, LINE_BREAKS, sendable, wire_text
from windtunnel.model.origin import HostRules, split_url
from windtunnel.model.source import DataPath, Source

RenderAuth = Callable[[Scope], Auth]

_AS_WRITTEN = ("type", "grant", "credentials")
_LITERAL_HOST = re.compile(r"https?://[^/?#{]+(?=[/?#]|$)", re.IGNORECASE)
_is_name = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+").fullmatch
_NOT_SET = " is not set by any earlier step"


class SharedField(Field):
    """A value that is for many steps, while it is compiled for one of them, which messages name."""

    __slots__ = ("_owner", "_step")

    def __init__(self, context: CompileContext, path: DataPath, source: Source, step: str, owner: str) -> None:
        super().__init__(context, path, source)
        self._step, self._owner = step, owner

    @classmethod
    def of(
        cls, context: CompileContext, source: Source, path: DataPath, step: str, *, scenario: str = ""
    ) -> SharedField:
        """The value at `path`, for a step; `scenario` is named if the value is not in it."""
        return cls(context, path, source, step, f' of the scenario "{scenario}"' if scenario else "")

    def __truediv__(self, key: str | int) -> SharedField:
        return SharedField(self.context, (*self.path, key), self.source, self._step, self._owner)

    def _checked(self, value: Any, template: Template) -> Template:
        problems = self.context.problems
        before = len(problems)
        super()._checked(value, template)
        problems[before:] = [self._for_step(problem) for problem in problems[before:]]
        return template

    def _for_step(self, problem: Problem) -> Problem:
        step = f'the step "{self._step}"{self._owner}' if self._step else "the code of the scenario"
        key = "auth: { type: none }" if "auth" in self.path else f"headers: {{ {self.path[-1]}: null }}"
        if not problem.message.endswith(_NOT_SET):
            from windtunnel.actions.compile.references import WITHOUT_ROWS  # only where it is read in vain

            hint = (
                f"write `{key}` there if it is sent without" if WITHOUT_ROWS in problem.message else problem.hint
            )
            return replace(problem, message=f"{problem.message}; {step} needs it", hint=hint)
        return replace(
            problem,
            message=f"{problem.message.removesuffix(_NOT_SET)} is not set before {step}",
            hint=problem.hint
            if (problem.hint or "").startswith("did you mean")
            else f"write `{key}` there if it is sent without, or set the variable earlier",
        )


def note_objections(field: Field, data: Mapping[str, Any], headers: Mapping[str, Any]) -> bool:
    """Note what is wrong with an `auth`, beside these headers; whether nothing is."""
    objections = list(auth_objections(data))
    for key, message, hint in objections:
        (field if key is None else field / key).problem(message, hint=hint, key=key is not None)
    if objections:
        return False
    if data["type"] != "none" and "authorization" in {str(name).lower() for name in headers}:
        field.problem("`auth` and the Authorization header both set credentials", hint="remove one of them")
        return False
    return True


def compile_auth(field: Field, data: Mapping[str, Any], label: str, where: str = "") -> Auth | RenderAuth:
    """The `auth` that stands at `field`, without objections; problems are noted.

    A message of a step that can't render it says `label`, the key, and `where` that is.
    """
    if any(auth_objections(data)):
        return Auth()
    before = len(field.context.problems)
    parts = {key: _part(field / key, key, value) for key, value in data.items() if key not in _AS_WRITTEN}
    if len(field.context.problems) > before:
        return Auth()
    kept = {key: value for key, value in data.items() if key in _AS_WRITTEN}
    if all(template.constant for template in parts.values()):
        values = {key: template({}) for key, template in parts.items()}
        return field.attempt(lambda: auth_of(_checked({**kept, **values})), Auth())
    return _renderer(field, parts, kept, label=label, where=where, url=data.get("token_url", ""))


def _part(field: Field, key: str, value: Any) -> Template:
    if key in ("params", "scope"):
        return field.template(value)
    return field.text(value, encode=wire_text if key in ("token", "key") else None)


def _renderer(
    field: Field, parts: Mapping[str, Template], kept: Mapping[str, Any], *, label: str, where: str, url: str
) -> RenderAuth:
    rules = None if _LITERAL_HOST.match(str(url)) else HostRules.of(field.context.sut)
    evaluates = [(key, template.evaluate) for key, template in parts.items()]

    def render(scope: Scope) -> Auth:
        values = dict(kept)
        key = ""
        try:
            for key, evaluate in evaluates:
                values[key] = evaluate(scope)
            key = ""
            return auth_of(_checked(values, rules))
        except ExpressionError as error:
            keys = ".".join(map(str, (label, *([key] if key else []), *error.path)))
            error.path = (f"{keys}{where}",)
            raise

    return render


def _checked(values: dict[str, Any], rules: HostRules | None = None) -> dict[str, Any]:
    """Rendered values as `auth_of` takes them. Raises ExpressionError, with the key, for what can't be sent."""
    kind = values["type"]
    if kind == "basic" and ":" in values["user"]:
        raise ExpressionError(COLON_IN_USER, path=("user",))
    if kind == "bearer":
        _sendable("token", values["token"], LINE_BREAKS)
    for place in ("header", "cookie"):
        if place in values:
            if not _is_name(values[place]):
                raise ExpressionError(
                    f"the name of a {place} has letters, digits and -, not blanks", path=(place,)
                )
            _sendable("key", values["key"], COOKIE_BREAKS if place == "cookie" else LINE_BREAKS)
    if kind == "oauth2":
        _require_url(values["token_url"], rules)
        values["scope"] = " ".join(_texts(values.get("scope"), "scope"))
        values["params"] = {
            name: _texts(value, "params", name) for name, value in values.get("params", {}).items()
        }
    return values


def _sendable(key: str, value: str, refused: re.Pattern[str]) -> None:
    try:
        sendable(key, value, refused)
    except ExpressionError as error:
        raise ExpressionError(str(error), path=(key,)) from None


def _require_url(url: str, rules: HostRules | None) -> None:
    if not is_token_url(url):
        raise ExpressionError(NOT_A_URL, path=("token_url",))
    if rules is None:
        return
    origin, _ = split_url(url)
    if not rules.allow(origin):
        raise ExpressionError(
            f'the host "{origin.host}" is neither a service of the SUT nor in its allow_hosts', path=("token_url",)
        )


def _texts(value: Any, *path: str) -> list[str]:
    """One text or several; null is none."""
    try:
        values = value if isinstance(value, list | tuple) else [value]
        if any(isinstance(each, Mapping | list | tuple) for each in values):
            raise ExpressionError("expected a text, or a list of texts")
        return [text_of(each) for each in values if each is not None]
    except ExpressionError as error:
        error.path = path
        raise
