"""`schema`: the body matches a JSON Schema, which `actions/schema` compiled from a file or the scenario.

The time of validation is bounded, because the SUT chooses the document: `pattern` has the time limit of any other
pattern, `uniqueItems` compares texts instead of all pairs.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from windtunnel.actions.compile.context import Field
from windtunnel.actions.response.judge import Check
from windtunnel.actions.response.safe_regex import compile_pattern
from windtunnel.actions.response.text import not_json, shorten, show
from windtunnel.errors import NotJsonError, UnreadableBodyError
from windtunnel.expressions.functions import Scope
from windtunnel.model.http import Exchange

if TYPE_CHECKING:
    from jsonschema import ValidationError
    from jsonschema.protocols import Validator


_HINT = "put the schema into a file in the scenario's folder; schemas are not downloaded"
MAX_BYTES = 16 * 1024 * 1024
MAX_JUDGEMENTS = 100_000
"""Keywords that are applied to values of one document at most, each a few microseconds."""

_MAX_ERRORS = 20
"""Maximum number of errors among which the most relevant one is chosen."""


_OVER_ITEMS = re.compile(r"items$|^contains$|Properties$|^propertyNames$|Items$")
"""Keywords that look at each item or key of a value, even if their own schema says nothing."""


class _TooMuch(Exception):  # noqa: N818  (caught by the check that runs the schema)
    """The schema has looked at the document as often as it may."""


class Spent:
    """What a schema may still look at in the document that it judges."""

    left = MAX_JUDGEMENTS


def _counted(name: str, judge: Callable[..., Any], spent: Spent) -> Callable[..., Any]:
    over_items = _OVER_ITEMS.search(name) is not None and name != "uniqueItems"

    def counted(validator: Any, wanted: Any, instance: Any, schema: Any) -> Any:
        spent.left -= 1 + (len(instance) if over_items and isinstance(instance, list | dict) else 0)
        if spent.left < 0:
            raise _TooMuch
        return judge(validator, wanted, instance, schema)

    return counted


def schema_checks(field: Field, value: Any) -> list[Check]:
    """The check `schema`, of a file, a part of one or an inline schema; problems are noted."""
    # Only here: most runs judge no schema, and what reads them must not delay every start.
    from windtunnel.actions.schema.compile import compile_schema

    named = value if isinstance(value, str) else "the schema"
    compiled = field.attempt(lambda: compile_schema(value, field.source), None)
    if compiled is None:
        return []
    spent = Spent()
    return [_check(_validator(*compiled, spent), spent, named)]


def _check(validator: Validator, spent: Spent, named: str) -> Check:
    from jsonschema.exceptions import best_match

    def run(exchange: Exchange, _scope: Scope) -> str | None:
        spent.left = MAX_JUDGEMENTS
        try:
            document = exchange.json
            error = best_match(itertools.islice(validator.iter_errors(document), _MAX_ERRORS))
        except RecursionError:
            return "a document nested too deep"
        except ArithmeticError:
            return "a number too large to be checked"
        except _TooMuch:
            return f"a document too large to be checked: the schema would look at it {MAX_JUDGEMENTS:,} times"
        except NotJsonError as error:
            return not_json(exchange, error)
        except UnreadableBodyError as error:
            return str(error)
        return None if error is None else _describe(error)

    return Check(name="schema", run=run, expected=lambda _: f"a body that matches {shorten(named, 100)}")


def _describe(error: ValidationError) -> str:
    """The actual value, its place, and what the schema asks for."""
    where = shorten("$" + "".join(map(_step, error.absolute_path)), 80)
    keyword, wanted, instance = str(error.validator), error.validator_value, error.instance
    came = show(instance, 60)
    if keyword == "required":
        return f"{came} at {where}, without {_missing_keys(wanted, instance)}"
    if keyword == "additionalProperties":
        return f"{came} at {where}, where {shorten(error.message, 80)} is not allowed"
    if wanted is None:  # the schema `false`
        return f"{came} at {where}, where nothing is allowed"
    return f"{came} at {where}, where {keyword} is {show(wanted, 80)}"


def _missing_keys(wanted: Any, instance: Any) -> str:
    return ", ".join(show(key, 40) for key in wanted if key not in instance)


def _step(key: str | int) -> str:
    if isinstance(key, int):
        return f"[{key}]"
    return f".{key}" if key.isidentifier() else f"[{show(key, 40)}]"


def _validator(start: str, resources: Mapping[str, Any], spent: Spent) -> Validator:
    """What judges documents by a compiled schema."""
    from jsonschema import Draft202012Validator, validators
    from referencing import Registry, Resource
    from referencing.jsonschema import DRAFT202012

    contents = {
        address: Resource.from_contents(schema, default_specification=DRAFT202012)
        for address, schema in resources.items()
    }
    extend: Callable[..., type[Validator]] = validators.extend
    keywords = {**Draft202012Validator.VALIDATORS, **_BOUNDED}
    counted = {name: _counted(name, judge, spent) for name, judge in keywords.items()}
    registry: Registry[Any] = Registry()
    return extend(Draft202012Validator, counted)(
        {"$ref": start}, registry=registry.with_resources(contents.items()).crawl()
    )


# ── keywords whose cost the SUT could choose ─────────────────────────────────────────────────────────────────


def _pattern(_validator: Validator, pattern: str, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    from jsonschema import ValidationError

    if isinstance(instance, str) and not compile_pattern(pattern).is_in(instance):
        yield ValidationError("pattern")


def _pattern_properties(validator: Any, patterns: Any, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, dict):
        for pattern, wanted in patterns.items():
            for key in filter(compile_pattern(pattern).is_in, instance):
                yield from validator.descend(instance[key], wanted, path=key, schema_path=pattern)


def _additional_properties(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    from jsonschema import ValidationError

    if not isinstance(instance, dict):
        return
    patterns = [compile_pattern(pattern) for pattern in schema.get("patternProperties", ())]
    known = schema.get("properties", ())
    others = [key for key in instance if key not in known and not any(pattern.is_in(key) for pattern in patterns)]
    if isinstance(wanted, Mapping):
        for key in others:
            yield from validator.descend(instance[key], wanted, path=key)
    elif wanted is False and others:
        yield ValidationError(", ".join(show(key, 40) for key in others))


def _unique_items(_validator: Validator, wanted: Any, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    from jsonschema import ValidationError

    if wanted is True and isinstance(instance, list):
        texts = {_exactly(item) for item in instance}
        if len(texts) < len(instance):
            yield ValidationError("uniqueItems")


def _exactly(value: Any) -> bytes:
    """JSON in which equal values read the same: keys sorted, 1.0 as 1."""
    if isinstance(value, float) and value.is_integer():
        return b"%d" % int(value)
    return msgspec.json.encode(value, order="sorted")


_BOUNDED = {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "uniqueItems": _unique_items,
}
