"""`schema`: the body matches a JSON Schema, which is read from a file, compiled once and never fetched.

The time of validation is bounded, because the SUT chooses the document: `pattern` has the time limit of any other
pattern, `uniqueItems` compares texts instead of all pairs.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import msgspec

from windtunnel.actions.compile.context import Field
from windtunnel.actions.response.judge import Check
from windtunnel.actions.response.safe_regex import compile_pattern
from windtunnel.actions.response.text import shorten, show, show_body
from windtunnel.errors import ExpressionError
from windtunnel.expressions.functions import Scope
from windtunnel.model.http import Exchange, UnreadableBodyError
from windtunnel.project import Project, is_there

if TYPE_CHECKING:
    from jsonschema import ValidationError
    from jsonschema.protocols import Validator
    from referencing import Resource


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
    """The check `schema`, of a file or an inline schema; problems are noted."""
    project = field.source.project
    if isinstance(value, str):
        file = field.file(value)
        if file is None:
            return []
        path, named, schema = file, value, field.attempt(lambda: _read(file, project), None)
    else:
        path, named, schema = Path(field.source.file), "the schema", value
    if schema is None:
        return []
    spent = Spent()
    validator = field.attempt(lambda: _validator(schema, path.resolve(), project, spent), None)
    return [] if validator is None else [_check(validator, spent, named)]


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
        except ValueError:
            return f"not JSON: {show_body(exchange)}"
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


def _read(path: Path, project: Project) -> Any:
    """The JSON in a file of the project. Raises ExpressionError."""
    content = project.read(path, most=MAX_BYTES)
    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ExpressionError(f"{path} is not JSON: {error}") from None


def _validator(schema: Any, path: Path, project: Project, spent: Spent) -> Validator:
    """The compiled schema, with everything it refers to read and looked up. Raises ExpressionError."""
    from jsonschema import Draft202012Validator, validators
    from referencing import Registry, Resource
    from referencing.jsonschema import DRAFT202012

    if not isinstance(schema, Mapping | bool):
        raise ExpressionError(f"a schema is a mapping, not {show(schema, 60)}", hint=_HINT)
    kind = validators.validator_for(schema, default=Draft202012Validator)
    uri = path.as_uri()
    found: dict[str, Resource[Any]] = {uri: Resource.from_contents(schema, default_specification=DRAFT202012)}

    def retrieve(wanted: str) -> Resource[Any]:
        found[wanted] = Resource.from_contents(_local(wanted, project), default_specification=DRAFT202012)
        return found[wanted]

    # attrs names the argument after the private field, which mypy does not follow.
    registry: Registry[Any] = Registry(retrieve=retrieve).with_resource(uri, found[uri])  # type: ignore[call-arg]
    checked: set[str] = set()
    while missing := [name for name in found if name not in checked]:
        for name in missing:
            checked.add(name)
            _require_schema(kind, found[name].contents, name if name != uri else "")
            _look_up(registry.resolver(base_uri=name), found[name])
    extend: Callable[..., type[Validator]] = validators.extend
    keywords = {name: _counted(name, judge, spent) for name, judge in {**kind.VALIDATORS, **_BOUNDED}.items()}
    return extend(kind, keywords)({"$ref": uri}, registry=Registry().with_resources(found.items()).crawl())


def _require_schema(kind: Any, contents: Any, file: str) -> None:
    from jsonschema import SchemaError

    try:
        kind.check_schema(contents)
    except SchemaError as error:
        path = () if file else tuple(error.absolute_path)
        where = "" if path or not error.absolute_path else f" ({'.'.join(map(str, error.absolute_path))})"
        name = f"{file.rpartition('/')[2]} is " if file else ""
        raise ExpressionError(
            f"{name}not a JSON Schema{where}: {shorten(error.message, 120)}", path=path
        ) from None
    except RecursionError:
        raise ExpressionError("the schema is nested too deep") from None


def _look_up(resolver: Any, resource: Resource[Any]) -> None:
    """Follow every reference and compile every pattern, so that whatever is wrong with one is found at load."""
    from referencing.exceptions import Unresolvable

    contents = resource.contents
    if isinstance(contents, Mapping):
        for reference in filter(None, (contents.get("$ref"), contents.get("$dynamicRef"))):
            try:
                resolver.lookup(reference)
            except Unresolvable as error:
                raise _refusal(error) or ExpressionError(
                    f'"{shorten(str(reference), 100)}" cannot be resolved', hint=_HINT
                ) from None
        patterns = contents.get("patternProperties")
        for pattern in (contents.get("pattern"), *(patterns if isinstance(patterns, Mapping) else ())):
            if isinstance(pattern, str):
                compile_pattern(pattern)
    for inner in resource.subresources():
        _look_up(resolver.in_subresource(inner), inner)


def _refusal(error: BaseException | None) -> ExpressionError | None:
    """What `_local` said about the file, below the errors that the library put around it."""
    while error is not None and not isinstance(error, ExpressionError):
        error = error.__cause__
    return error


def _local(uri: str, project: Project) -> Any:
    """The schema in a local file. Raises NoSuchResource for another address, ExpressionError for another file."""
    from referencing.exceptions import NoSuchResource

    parts = urlsplit(uri)
    path = Path(url2pathname(parts.path))
    if parts.scheme != "file" or parts.netloc:
        raise NoSuchResource(uri)
    project.contain(path)
    if not is_there(path):
        raise NoSuchResource(uri)
    return _read(path, project)


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
