"""`submit`: a form of a page, sent as a browser would send it, with changes.

    submit: { form: "{{ f }}", fields: { user: ada, remember: null }, button: save }

The method, the URL and the encoding are those of the form, or of its button, where the step does not say them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote_plus

from windtunnel.actions.compile.context import CompileContext
from windtunnel.actions.request.multipart import multipart_of, step_boundary
from windtunnel.actions.request.target import SUBMITTED, format_params, join_query
from windtunnel.actions.request.template import BODIES, RequestTemplate, compile_request
from windtunnel.actions.response.html_forms import MULTIPART, PLAIN, URLENCODED
from windtunnel.actions.response.text import show
from windtunnel.errors import ExpressionError
from windtunnel.expressions.functions import Scope
from windtunnel.expressions.text import text_of
from windtunnel.interfaces import Instance, Request
from windtunnel.model.http import Exchange
from windtunnel.model.scenario import Step

_KEYS = ("form", "fields", "button")
_LINE_END = re.compile(r"\r\n|\r|\n")
BOUNDARY = "windtunnel-form-1f6b0c58d2e94a7c"
"""The boundary between the parts of a multipart form that code sends."""

_NO_BODY = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A form that is filled in; `action` is null where it is no URL that can be requested."""

    action: str | None
    method: str
    enctype: str
    fields: Mapping[str, Any]

    @property
    def has_body(self) -> bool:
        """Whether the fields stand in the body, and not in the query."""
        return self.method not in _NO_BODY

    @property
    def url(self) -> str:
        """Where it is sent: without a body, the fields replace the query of the action. Raises ExpressionError."""
        if self.action is None:
            raise ExpressionError(
                "the action of the form is no http URL", hint="give the step a `path` of its own"
            )
        return self.action if self.has_body else self.action.partition("?")[0]

    def encoded(self) -> str:
        """The fields in application/x-www-form-urlencoded."""
        return format_params(self.fields, lambda text: quote_plus(with_line_ends(text), errors="replace"))

    def body(self, boundary: str) -> bytes:
        """The body in the encoding of the form."""
        if self.enctype == MULTIPART:
            return multipart_of(self.fields, boundary, with_line_ends)
        if self.enctype == PLAIN:
            lines = [f"{name}={text}\r\n" for name, values in self.fields.items() for text in _texts(values)]
            return "".join(lines).encode("utf-8", "replace")
        return self.encoded().encode()


def content_type(enctype: str, boundary: str = BOUNDARY) -> str:
    """The content type of a form that is sent in a body."""
    return f"{enctype}; boundary={boundary}" if enctype == MULTIPART else enctype


def fill(form: Any, changes: Mapping[str, Any], button: str | None, method: str | None = None) -> Filled:
    """A form with changes: null leaves a field out, other names are added. Raises ExpressionError."""
    if not isinstance(form, Mapping) or not isinstance(form.get("fields"), Mapping) or "action" not in form:
        raise ExpressionError(
            f"expected a form here, not {show(form, 60)}",
            hint='extract it before: extract: { f: { form: "#login" } }',
        )
    fields = {**form["fields"], **changes}
    pressed = {} if button is None else _pressed(form.get("buttons") or (), button)
    if pressed.get("kind") == "image":
        prefix = f"{pressed['name']}." if pressed["name"] else ""
        fields |= {f"{prefix}x": 0, f"{prefix}y": 0}
    elif name := pressed.get("name"):
        known = fields.get(name)
        before = known if isinstance(known, list | tuple) else [known]
        fields[name] = pressed["value"] if known is None else [*before, pressed["value"]]
    return Filled(
        action=pressed.get("action", form["action"]),
        method=method or str(pressed.get("method", form.get("method", "GET"))).upper(),
        enctype=str(pressed.get("enctype", form.get("enctype", URLENCODED))),
        fields=fields,
    )


def _pressed(buttons: Any, wanted: str) -> Mapping[str, Any]:
    """The button of that name, id, text or value, in this order."""
    for key in ("name", "id", "text", "value"):
        for button in buttons:
            if wanted and button.get(key) == wanted:
                return dict(button)
    names = [button.get("name") or button.get("id") or button.get("text") for button in buttons]
    there = f"its buttons are {', '.join(filter(None, names))}" if any(names) else "it has no button with a name"
    raise ExpressionError(f'the form has no button "{wanted}": {there}')


def with_line_ends(text: str) -> str:
    """A text with the line ends that forms are sent with."""
    return _LINE_END.sub("\r\n", text)


def _texts(value: Any) -> list[str]:
    values = value if isinstance(value, list | tuple) else [value]
    return [with_line_ends(text_of(each)) for each in values if each is not None]


class SubmittedTemplate(RequestTemplate):
    """A request that submits a form: one template for each method and encoding that it can have."""

    __slots__ = ("_boundary", "_fill", "_templates")

    def __init__(
        self,
        fill_in: Callable[[Scope], Filled],
        templates: Mapping[tuple[str, str], RequestTemplate],
        boundary: str,
    ) -> None:
        self._fill, self._templates, self._boundary = fill_in, templates, boundary
        self.timeout_s = next(iter(templates.values())).timeout_s

    def render(
        self, instance: Instance, step: str, on_hop: Callable[[Exchange], None], timeout_s: float
    ) -> Request:
        """The next request of a step. Raises ExpressionError."""
        filled = self._fill(instance.scope)
        instance.scope[SUBMITTED] = filled
        kind = filled.enctype if filled.has_body else ""
        template = self._templates.get((filled.method, kind))
        if template is None:
            raise ExpressionError(f"a form can't be sent with {filled.method} as {filled.enctype}")
        request = template.render(instance, step, on_hop, timeout_s)
        if kind:
            return request.replace(body=filled.body(self._boundary))
        return request.replace(target=join_query(request.target, filled.encoded()))


def compile_submit(step: Step, context: CompileContext, *, timeout: Any) -> RequestTemplate | None:
    """The request of a step with `submit`; None after problems were noted. `timeout` as for `compile_request`."""
    field, options = context.at(step), step.options
    for key in BODIES.keys() & options.keys():
        message = "`submit` has a body of its own"
        (field / key).problem(message, hint="put the values under `fields` of `submit`", key=True)
    here = field / "submit"
    given = here.mapping(options["submit"])
    here.only_keys(given, _KEYS)
    form = (here / "form").template(given.get("form")).evaluate
    changes = [
        (str(name), (here / "fields" / name).template(value).evaluate)
        for name, value in (here / "fields").mapping(given.get("fields")).items()
    ]
    button = (here / "button").optional_text(given.get("button")).evaluate
    own = str(options["method"]).upper() if "method" in options else None
    boundary = step_boundary(here)
    templates = {}
    for method, kind, content_type in _variants(own, boundary):
        problems = len(context.problems)
        variant = replace(step, options=_as_sent(options, method, content_type))
        template = compile_request(variant, context, timeout=timeout)
        if template is None or len(context.problems) > problems:
            return None  # the other variants have the same problems
        templates[method, kind] = template

    def fill_in(scope: Scope) -> Filled:
        return fill(form(scope), {name: value(scope) for name, value in changes}, button(scope), own)

    return SubmittedTemplate(fill_in, templates, boundary)


def _variants(method: str | None, boundary: str) -> list[tuple[str, str, str | None]]:
    """Each method and encoding that the request can have, with its content type."""
    kinds = [(enctype, content_type(enctype, boundary)) for enctype in (URLENCODED, MULTIPART, PLAIN)]
    methods = ("GET", "POST") if method is None else (method,)
    return [
        variant
        for each in methods
        for variant in ([(each, "", None)] if each in _NO_BODY else [(each, *kind) for kind in kinds])
    ]


def _as_sent(options: Mapping[str, Any], method: str, content_type: str | None) -> Mapping[str, Any]:
    """The options of a step with its method, and with the content type of its body unless it has one."""
    headers = options.get("headers") or {}
    if content_type is None or not isinstance(headers, Mapping):
        return {**options, "method": method}
    if not any(str(name).lower() == "content-type" for name in headers):
        headers = {**headers, "Content-Type": content_type}
    return {**options, "method": method, "headers": headers}
