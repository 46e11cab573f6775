"""Templates in their general form: Jinja2 in its immutable sandbox, with strict undefined.

Every cheaper form in `template.py` must give what this one gives; tests compare them.
"""

from __future__ import annotations

import functools
import itertools
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from jinja2 import Environment, StrictUndefined, TemplateError, TemplateSyntaxError, nodes
from jinja2.meta import find_undeclared_variables
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing

from windtunnel.errors import ExpressionError
from windtunnel.expressions.calls import BoundedEscapeFormatter, BoundedFormatter, require_call
from windtunnel.expressions.fake import require_fake
from windtunnel.expressions.filters import FILTERS, TESTS
from windtunnel.expressions.functions import FUNCTIONS, Scope
from windtunnel.expressions.known_names import GLOBALS, of_other_tool, require_known
from windtunnel.expressions.known_names import require_call as require_known_call
from windtunnel.expressions.limits import (
    MAX_DIGITS,
    MAX_PARTS,
    MAX_STEPS,
    MAX_TEXT,
    METER,
    joined,
    require_operation,
    too_long,
)
from windtunnel.expressions.metering import OPERATIONS, metered
from windtunnel.expressions.text import kind_of, reason_of, text_of
from windtunnel.expressions.text_filters import percent
from windtunnel.model.http import Exchange, wire_text

Evaluate = Callable[[Scope], Any]
Encode = Callable[[str], str]

_NO_LOADER = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)
_CAPTURES = (nodes.AssignBlock, nodes.CallBlock, nodes.FilterBlock, nodes.Macro)


Member = tuple[str, ...]
"""A dotted name such as ("data", "shopper", "email"), of `data` and `env`, which are known before the load."""

_KNOWN_ROOTS = ("data", "env")


_GIVEN = (
    "correlation_id",
    "data",
    "env",
    "instance_id",
    "instance_index",
    "response",
    "run_id",
    "steps",
    "user_index",
)
_KEYWORDS = (
    *("and", "else", "false", "False", "if", "in", "is", "loop", "namespace", "none", "None", "not", "or"),
    *("range", "self", "true", "True"),
)

RESERVED = frozenset((*FUNCTIONS, *_GIVEN, *_KEYWORDS))
"""Reserved names, besides those that begin with an underscore (`is_reserved`)."""


def is_reserved(name: str) -> bool:
    """Whether `name` is no name for a variable."""
    return name in RESERVED or name.startswith("_")


class Parsed(NamedTuple):
    """A template's syntax tree, and the variables it reads (functions left out).

    `members` are the dotted names in it that lead into `data` and `env`, each beginning of one too.
    """

    text: str
    tree: nodes.Template
    names: frozenset[str]
    functions: tuple[str, ...]
    members: frozenset[Member] = frozenset()


class _Undefined(StrictUndefined):
    """The value of an undefined name or path: any use of it raises UndefinedError."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        if self._undefined_hint:
            return self._undefined_hint
        if self._undefined_obj is missing:
            return f'"{self._undefined_name}" is not defined'
        owner = kind_of(self._undefined_obj)
        if isinstance(self._undefined_name, str):
            return f'"{self._undefined_name}" is not defined: {owner} has no such member'
        return f"item {self._undefined_name!r} is not defined: {owner} has no such item"


class _Environment(ImmutableSandboxedEnvironment):
    """The sandbox, with our rules: a mapping's key wins over its attributes, and nothing grows without bound."""

    intercepted_binops = frozenset({"*", "**", "+", "-", "/", "//", "%"})
    concat = staticmethod(joined)

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, Exchange):
            return self._of_response(obj, attribute)
        if isinstance(obj, Mapping) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, Exchange) and isinstance(argument, str):
            return self._of_response(obj, argument)
        return super().getitem(obj, argument)

    def _of_response(self, response: Exchange, attribute: str) -> Any:
        """A public attribute of a response. None of them is a method, so the sandbox's slow checks are skipped."""
        if attribute.startswith("_"):
            return self.unsafe_undefined(response, attribute)
        try:
            return getattr(response, attribute)
        except AttributeError:
            return self.undefined(obj=response, name=attribute)
        except (ValueError, RecursionError) as error:
            raise ExpressionError(f"the response is not JSON: {error}") from error

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        require_operation(operator, left, right)
        if operator == "%" and isinstance(left, str):
            return percent(left, right)
        return super().call_binop(context, operator, left, right)

    def call(self, context: Context, function: Any, /, *given: Any, **named: Any) -> Any:
        require_call(function, given, named)
        return super().call(context, function, *given, **named)

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        if getattr(value, "__name__", "") not in ("format", "format_map"):
            return None
        text: Any = getattr(value, "__self__", None)
        if not isinstance(text, str):
            return None
        is_map = value.__name__ == "format_map"
        escape = getattr(text, "escape", None)  # of a text that is marked as HTML
        formatter = BoundedEscapeFormatter(self, escape=escape) if escape else BoundedFormatter(self)

        def format(*given: Any, **named: Any) -> str:
            return type(text)(formatter.vformat(text, () if is_map else given, given[0] if is_map else named))

        return format


@functools.lru_cache(maxsize=8)
def environment(encode: Encode | None = None) -> Environment:
    """The environment whose expressions become text through `text_of` and `encode`. Templates do not change it."""
    made = _Environment(
        undefined=_Undefined,
        autoescape=False,
        keep_trailing_newline=True,
        finalize=text_of if encode is None else lambda value: encode(text_of(value)),
    )
    made.globals = {name: made.globals[name] for name in GLOBALS}
    made.filters = {**FILTERS, **OPERATIONS}
    made.tests = dict(TESTS)
    return made


def parse(text: str, *, written: str | None = None) -> Parsed:
    """The syntax tree of a template, which messages quote as `written`.

    Raises ExpressionError for a syntax error or an unsupported construct.
    """
    written = text if written is None else written
    METER.left = MAX_STEPS
    # Jinja2 turns every line ending into \n; a body must stay as it was written, so \r travels in disguise.
    disguise = next(char for char in map(chr, range(0xFDD0, 0xFDF0)) if char not in text)
    try:
        tree = environment().parse(text.replace("\r", disguise))
        parts = list(itertools.islice(tree.find_all(nodes.Node), MAX_PARTS + 1))
        if len(parts) > MAX_PARTS:
            raise ExpressionError(f"the template has more than {MAX_PARTS:,} parts", hint="split it")
        _check_parts(parts, disguise)
        _check_supported(tree)
        undeclared = find_undeclared_variables(tree)  # which folds constants
        for call in parts:
            if isinstance(call, nodes.Call) and isinstance(call.node, nodes.Name) and call.node.name in undeclared:
                require_known_call(call.node.name, call)
    except TemplateSyntaxError as error:
        raise ExpressionError(_syntax_message(written, error), hint=_syntax_hint(written, error)) from error
    except RecursionError as error:
        raise ExpressionError("the template is nested too deep") from error
    except ValueError as error:  # of a number with more digits than Python reads
        raise ExpressionError(f"a number of more than {MAX_DIGITS:,} digits") from error
    except ExpressionError:
        raise
    except Exception as error:  # folding evaluates, which can raise anything
        raise ExpressionError(f"can't evaluate {shown(written)}: {reason_of(error)}") from error
    if "fake" in undeclared:
        _check_fake(tree)
    hidden = sorted(name for name in undeclared if name.startswith("_"))
    if hidden:
        hint = of_other_tool(hidden[0])
        raise ExpressionError(
            f'"{hidden[0]}" is not a variable: names that begin with "_" are reserved', hint=hint
        )
    return Parsed(
        text=written,
        tree=tree,
        names=frozenset(undeclared.difference(FUNCTIONS, GLOBALS)),
        functions=tuple(sorted(undeclared.intersection(FUNCTIONS))),
        members=_members(tree, _KNOWN_ROOTS) if undeclared.intersection(_KNOWN_ROOTS) else frozenset(),
    )


def _check_parts(parts: list[nodes.Node], disguise: str) -> None:
    """Refuse unknown filters and tests, and take the `disguise` off the line ends in texts."""
    for node in parts:
        if isinstance(node, nodes.TemplateData | nodes.Const):
            field = "data" if isinstance(node, nodes.TemplateData) else "value"
            if isinstance(value := getattr(node, field), str):
                setattr(node, field, value.replace(disguise, "\r"))
        elif isinstance(node, nodes.Filter | nodes.Test):
            require_known(node)


def _members(tree: nodes.Template, roots: tuple[str, ...]) -> frozenset[Member]:
    found = {member_of(node) for node in tree.find_all((nodes.Getattr, nodes.Getitem))}
    return frozenset(member for member in found if member and member[0] in roots)


def _check_fake(tree: nodes.Template) -> None:
    require_fake(None)
    for member in sorted(_members(tree, ("fake",))):
        require_fake(member[1])


def member_of(node: nodes.Node) -> Member:
    """`data.a["b"]` as ("data", "a", "b"); empty for anything but a plain chain of names."""
    if isinstance(node, nodes.Name):
        return (node.name,)
    if isinstance(node, nodes.Getattr):
        key: Any = node.attr
    elif isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        key = node.arg.value
    else:
        return ()
    before = member_of(node.node)
    return (*before, key) if before and isinstance(key, str) else ()


def render_value(parsed: Parsed, expression: nodes.Expr) -> Evaluate:
    """`expression`, the only thing in its template, evaluated by Jinja2; its value keeps its type."""
    assign = nodes.Assign(nodes.Name("result", "store"), expression)
    tree = nodes.Template([assign])
    tree.set_lineno(1)
    template = _compiled(parsed, tree, encode=None)

    def evaluate(scope: Scope) -> Any:
        METER.left = MAX_STEPS
        context = template.new_context(_context(parsed, scope))
        deque(template.root_render_func(context), maxlen=0)
        return defined(context.vars["result"])

    return _tried(parsed, guarded(parsed.text, evaluate))


def render_text(parsed: Parsed, *, encode: Encode | None = None) -> Evaluate:
    """The whole template rendered by Jinja2 to a str, each expression through `encode`.

    Raises ExpressionError when blocks that capture text are used together with `encode`: it would act twice, which
    changes nothing with `wire_text` alone.
    """
    if encode not in (None, wire_text) and _has(parsed.tree, _CAPTURES):
        raise ExpressionError(
            "macro, call, filter and set blocks can't be used here", hint="use plain {{ }} and {% if %}"
        )
    template = _compiled(parsed, parsed.tree, encode=encode)

    def evaluate(scope: Scope) -> str:
        METER.left = MAX_STEPS
        return joined(template.root_render_func(template.new_context(_context(parsed, scope))))

    return _tried(parsed, guarded(parsed.text, evaluate))


def _tried(parsed: Parsed, evaluate: Evaluate) -> Evaluate:
    """`evaluate`. What reads nothing fails every time, if it fails: better at load than in each instance."""
    if not parsed.names and not parsed.functions:
        evaluate({})
    return evaluate


def defined(value: Any) -> Any:
    """`value`. Raises if it is undefined, or a function, whose parentheses are missing then."""
    if isinstance(value, StrictUndefined):
        str(value)  # raises UndefinedError
    if callable(value):
        raise ExpressionError(f"{getattr(value, '__name__', 'this')} is a function", hint="call it with ( )")
    return value


def bounded(value: Any) -> Any:
    """`value`. Raises if it is a text larger than `MAX_TEXT`."""
    if isinstance(value, str | bytes) and len(value) > MAX_TEXT:
        raise too_long()
    return value


def guarded(text: str, evaluate: Evaluate) -> Evaluate:
    """`evaluate`, with every exception turned into an ExpressionError."""

    def guard(scope: Scope) -> Any:
        try:
            return evaluate(scope)
        except ExpressionError:
            raise
        except TemplateError as error:  # undefined, or refused by the sandbox: the message says it all
            raise ExpressionError(str(error)) from error
        except Exception as error:  # a user's arithmetic, filter or call can raise anything
            raise ExpressionError(f"can't evaluate {shown(text)}: {reason_of(error)}") from error

    return guard


def _compiled(parsed: Parsed, tree: nodes.Template, *, encode: Encode | None) -> Any:
    METER.left = MAX_STEPS
    try:
        return environment(encode).from_string(metered(tree))
    except TemplateSyntaxError as error:
        raise ExpressionError(
            _syntax_message(parsed.text, error), hint=_syntax_hint(parsed.text, error)
        ) from error
    except ExpressionError:
        raise
    except Exception as error:  # Jinja2 evaluates constant parts at once
        raise ExpressionError(f"can't evaluate {shown(parsed.text)}: {reason_of(error)}") from error


def _context(parsed: Parsed, scope: Scope) -> dict[str, Any]:
    variables = {name: scope[name] for name in parsed.names if name in scope}
    for name in parsed.functions:
        variables[name] = FUNCTIONS[name](scope)
    return variables


def _has(tree: nodes.Template, kinds: tuple[type[nodes.Node], ...]) -> bool:
    return next(tree.find_all(kinds), None) is not None


def _check_supported(tree: nodes.Template) -> None:
    if _has(tree, _NO_LOADER):
        raise ExpressionError("a template can't include, import or extend another")
    if _has(tree, (nodes.Pow,)):
        raise ExpressionError("** is not supported in templates", hint="multiply instead")


def _syntax_message(text: str, error: TemplateSyntaxError) -> str:
    return f"{shown(text)} is not a template: {(error.message or 'syntax error').rstrip('.')}"


def _syntax_hint(text: str, error: TemplateSyntaxError) -> str | None:
    if "'$'" not in (error.message or ""):
        return None
    from windtunnel.expressions.unknown_names import dollar_sign

    return dollar_sign(text)


def shown(text: str) -> str:
    """A template in quotes, shortened."""
    return f'"{text if len(text) <= 80 else text[:77] + "..."}"'
