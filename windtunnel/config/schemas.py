"""The JSON Schemas of the YAML files: loading them, validating against them, and what they say of step types.

A schema has annotations of our own in addition to the standard keywords; editors ignore them:

    x-expects    what the value should be, for the sentence `"timeout" must be …`
    x-hint       the hint for an unknown key when no similar one is known, and for a template in place of a mapping
    x-hints      of an enum: the hint for words that are not in it but mean something elsewhere
    x-text       where only text can stand, an unquoted scalar is what was written: true, or the keys (of a mapping
                 that can stand there instead) whose values and lists are so too

The schema of a step type declares the steps inside a step and the variables it sets. Step types of Windtunnel
and of plugins are read in the same way:

    {"$ref": "#/$defs/steps"}         a list of steps
    {"$ref": "#/$defs/steps_file"}    the path of a file with steps
    "x-variables": "set"              names of variables the step sets: the keys of a mapping, the items of a list,
                                      or the text itself (`default` if absent)
    "x-variables": "scoped"           the same, for variables that exist only inside the step
"""

from __future__ import annotations

import functools
import json
import math
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from windtunnel import plugins
from windtunnel.config.messages import QUANTITIES, Complaint, Violation, explain
from windtunnel.config.nodes import MOST_PROBLEMS
from windtunnel.config.reader import Document
from windtunnel.errors import ConfigError, ExpressionError, Problem
from windtunnel.model.source import DataPath

if TYPE_CHECKING:
    from jsonschema import ValidationError
    from jsonschema.protocols import Validator


_PACKAGE = Path(__file__).parents[1]


def load_schema(name: str) -> dict[str, Any]:
    """The published schema `name`: sut, scenario or plan. From the package, or from a checkout around it."""
    folder = _PACKAGE / "schemas" if (_PACKAGE / "schemas").is_dir() else _PACKAGE.parent / "schemas"
    schema: dict[str, Any] = json.loads((folder / f"{name}.schema.json").read_text(encoding="utf-8"))
    return schema


def complaints(document: Document, schema: Mapping[str, Any]) -> Iterator[Complaint]:
    """Everything in which the document departs from the schema; some of it may come twice.

    Before that, scalars that stand where only text can become their source text.
    """
    for path, text in document.written.items():
        if _is_text_there(schema, schema, document.data, path):
            around = functools.reduce(operator.getitem, path[:-1], document.data)
            around[path[-1]] = text
    for error in validator_of(schema).iter_errors(document.data):
        yield from explain(
            Violation(
                keyword=str(error.validator),
                wanted=error.validator_value,
                value=error.instance,
                path=tuple(error.absolute_path),
                schema=error.schema if isinstance(error.schema, Mapping) else {},
                root=schema,
                of_key="propertyNames" in error.absolute_schema_path,
            )
        )


def _is_text_there(schema: Any, root: Mapping[str, Any], value: Any, path: DataPath) -> bool:
    """Whether the schema of `value` says `x-text` of what is at `path` inside it."""
    if not isinstance(schema, Mapping):
        return False
    marked = schema.get("x-text")
    if marked and not path:
        return True
    if isinstance(marked, list) and all(isinstance(key, int) or key in marked for key in path):
        return True
    together = [each for word in ("allOf", "anyOf", "oneOf") for each in schema.get(word, ())]
    if "$ref" in schema:
        together.append(functools.reduce(operator.getitem, schema["$ref"].split("/")[1:], root))
    if "if" in schema:
        holds = validator_of(root).evolve(schema=schema["if"]).is_valid(value)
        together.append(schema.get("then" if holds else "else"))
    if any(_is_text_there(each, root, value, path) for each in together):
        return True
    if not path:
        return False
    key, *rest = path
    inside = schema.get("items")
    if isinstance(key, str):
        inside = schema.get("properties", {}).get(key, schema.get("additionalProperties"))
    return _is_text_there(inside, root, value[key], tuple(rest))


def validate(document: Document, schema: Mapping[str, Any]) -> list[Problem]:
    """Everything in which the document departs from the schema, in the order of the file, each thing once."""
    return problems_of(document, complaints(document, schema))


def problems_of(document: Document, complaints: Iterable[Complaint]) -> list[Problem]:
    """The complaints as problems, in the order of the file, each thing once."""
    found: dict[Problem, None] = {}
    for complaint in complaints:
        problem = document.problem(complaint.message, complaint.path, key=complaint.at_key, hint=complaint.hint)
        found[problem] = None
    problems = sorted(found, key=place_of)
    left_out = len(problems) - MOST_PROBLEMS
    if left_out > 0:
        problems[MOST_PROBLEMS:] = [document.problem(f"{left_out:,} more problems are not shown")]
    return problems


def require_valid(document: Document, schema: Mapping[str, Any]) -> None:
    """Raise ConfigError with all problems if there is one."""
    if problems := validate(document, schema):
        raise ConfigError(problems)


def place_of(problem: Problem) -> tuple[int, int]:
    """Line and column, to sort the problems of one file."""
    return (problem.where.line, problem.where.column) if problem.where else (0, 0)


def validator_of(schema: Mapping[str, Any]) -> Validator:
    """What finds the violations of a schema, our own formats included."""
    # jsonschema takes longer to import than everything else here, and most commands need it only now.
    from jsonschema import Draft202012Validator, FormatChecker, validators

    formats = FormatChecker(formats=())
    for name, quantity in QUANTITIES.items():
        formats.checks(name, raises=ExpressionError)(quantity.holds)
    extend: Callable[..., type[Validator]] = validators.extend
    numbers = Draft202012Validator.TYPE_CHECKER.redefine("number", _is_number)
    kind = extend(Draft202012Validator, {"pattern": _pattern}, type_checker=numbers)
    return kind(schema, format_checker=formats)


def _pattern(validator: Validator, pattern: str, instance: object, schema: object) -> Iterator[ValidationError]:
    """`pattern` as ECMA-262 has it: `$` is the very end, not also the place before a last line break."""
    from jsonschema import ValidationError

    del validator, schema
    if isinstance(instance, str) and not re.search(re.sub(r"(?<!\\)\$$", r"\\Z", pattern), instance):
        yield ValidationError("pattern")


def _is_number(_checker: object, value: object) -> bool:
    """A number that counts something: neither `.inf` nor `.nan` does."""
    return not isinstance(value, bool) and (
        isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
    )


_COMMON_KEYS = ("type", "name", "service", "when", "expect", "extract", "timeout", "tags", "on_failure")
_STEPS, _FILE = "#/$defs/steps", "#/$defs/steps_file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A value in a step: `options` is the mapping around it, `options_path` and `path` lead to the two."""

    value: Any
    path: DataPath
    options: Mapping[str, Any]
    options_path: DataPath

    @property
    def key(self) -> str:
        """The key of `options` under which the value stands."""
        return str(self.path[len(self.options_path)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What the schema of a type declares about one step: its lists of steps, files with steps, and variables.

    `name_paths` lead to the values that name the variables it sets.
    """

    lists: tuple[Place, ...] = ()
    files: tuple[Place, ...] = ()
    sets: frozenset[str] = frozenset()
    scoped: frozenset[str] = frozenset()
    name_paths: tuple[DataPath, ...] = ()


def with_step_types(schema: Mapping[str, Any], step_schemas: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The scenario schema with more step types: `step_schemas` maps the type to the schema of its own keys.

    The keys that every step takes are added, and unknown ones refused. The schema handed in is not changed.
    """
    common = {key: schema["$defs"]["http"]["properties"][key] for key in _COMMON_KEYS}
    definitions = {
        name: {
            "title": f"{name} step",
            **own,
            "required": ["type", "name", *own.get("required", ())],
            "properties": {**common, **own.get("properties", {})},
        }
        for name, own in step_schemas.items()
    }
    return with_types(schema, "step", definitions, place="{}_step")


def with_types(
    schema: Mapping[str, Any], choice: str, added: Mapping[str, Mapping[str, Any]], *, place: str
) -> dict[str, Any]:
    """A schema whose definition `choice` chooses by `type` among more: `added` maps a type to its definition.

    `place` names the definitions, with the type in place of `{}`. The schema handed in is not changed.
    """
    extended: dict[str, Any] = json.loads(json.dumps(schema))
    definitions = extended["$defs"]
    for name, definition in added.items():
        definitions[choice]["properties"]["type"]["enum"].append(name)
        definitions[choice]["allOf"].append(
            {
                "if": {"type": "object", "properties": {"type": {"const": name}}, "required": ["type"]},
                "then": {"$ref": f"#/$defs/{place.format(name)}"},
            }
        )
        definitions[place.format(name)] = {"type": "object", "additionalProperties": False, **definition}
    return extended


class StepTypes:
    """The step types of the published schema, and those of installed packages that a file uses."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._published = schema
        self._added: dict[str, Mapping[str, Any]] = {}
        self._use(schema)

    def schema_for(self, data: Any) -> Mapping[str, Any]:
        """The schema of scenarios, with every step type of a plugin that `data` uses.

        Raises ConfigError when a plugin cannot be imported.
        """
        unknown = _types_in(data) - self._by_type.keys()
        installed = plugins.installed(plugins.ACTIONS) if unknown else {}
        found = {name: plugins.require(installed[name]).schema for name in sorted(unknown) if name in installed}
        if found:
            self._added |= found
            self._use(with_step_types(self._published, self._added))
        return self._schema

    def declared(self, step: Any) -> Declared:
        """What the schema of its type declares about a step as written, which may break the schema."""
        kind = step.get("type") if isinstance(step, Mapping) else None
        return self._of_mapping(self._by_type.get(kind, {}) if isinstance(kind, str) else {}, step)

    def may_hold_steps(self, kind: str) -> bool:
        """Whether the schema of a type has a place for steps, or for a file with steps."""
        return self._leads_to_steps(self._by_type.get(kind, {}), set())

    def declared_of_file(self, data: Mapping[str, Any]) -> Declared:
        """The same for a file with steps."""
        return self._of_mapping({"$ref": "#/$defs/fragment"}, data)

    def _use(self, schema: Mapping[str, Any]) -> None:
        self._schema = schema
        rules = schema["$defs"]["step"]["allOf"]
        self._by_type = {rule["if"]["properties"]["type"]["const"]: rule["then"] for rule in rules}

    def _of_mapping(self, schema: Mapping[str, Any], value: Any) -> Declared:
        marked = list(self._marked(schema, Place(value=value, path=(), options=value, options_path=())))
        return Declared(
            lists=tuple(place for mark, place in marked if mark == _STEPS and isinstance(place.value, list)),
            files=tuple(place for mark, place in marked if mark == _FILE),
            sets=frozenset(name for mark, place in marked if mark == "set" for name in _names(place.value)),
            scoped=frozenset(name for mark, place in marked if mark == "scoped" for name in _names(place.value)),
            name_paths=tuple(place.path for mark, place in marked if mark == "set"),
        )

    def _leads_to_steps(self, schema: Any, followed: set[str]) -> bool:
        """`followed` are the references that were looked into before."""
        if isinstance(schema, list):
            return any(self._leads_to_steps(each, followed) for each in schema)
        if not isinstance(schema, Mapping):
            return False
        reference = schema.get("$ref")
        if reference in (_STEPS, _FILE):
            return True
        if reference is not None and reference not in followed:
            followed.add(reference)
            if self._leads_to_steps(self._resolved(reference), followed):
                return True
        return any(self._leads_to_steps(each, followed) for each in schema.values())

    def _resolved(self, reference: str) -> Any:
        return functools.reduce(operator.getitem, reference.split("/")[1:], self._schema)

    def _marked(self, schema: Mapping[str, Any] | bool, place: Place) -> Iterator[tuple[str, Place]]:
        """Each value with a mark in its schema: the mark, and the place of the value."""
        if isinstance(schema, bool):
            return
        reference, value = schema.get("$ref"), place.value
        if "x-variables" in schema:
            yield schema["x-variables"], place
        if reference in (_STEPS, _FILE):
            yield reference, place
            return
        if reference is not None:
            yield from self._marked(self._resolved(reference), place)
        for inner in _combined(schema):
            yield from self._marked(inner, place)
        if isinstance(value, Mapping):
            for key, inner in schema.get("properties", {}).items():
                if key in value:
                    item = value[key]
                elif isinstance(inner, Mapping) and "x-variables" in inner and "default" in inner:
                    item = inner["default"]
                else:
                    continue
                there = Place(value=item, path=(*place.path, key), options=value, options_path=place.path)
                yield from self._marked(inner, there)
        elif isinstance(value, list) and "items" in schema:
            for index, item in enumerate(value):
                yield from self._marked(schema["items"], replace(place, value=item, path=(*place.path, index)))


def _combined(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any] | bool]:
    """The subschemas that apply together with this one; the keys of a value decide between `then` and `else`."""
    for word in ("allOf", "anyOf", "oneOf"):
        yield from schema.get(word, ())
    yield from (schema[word] for word in ("then", "else") if word in schema)


def _names(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [str(name) for name in value] if isinstance(value, Mapping | list) else []


def _types_in(data: Any) -> set[str]:
    """Every `type` of a mapping in a list, at any depth."""
    if isinstance(data, Mapping):
        return {name for value in data.values() for name in _types_in(value)}
    if not isinstance(data, list):
        return set()
    here = [each.get("type") for each in data if isinstance(each, Mapping)]
    return {name for name in here if isinstance(name, str)} | {name for each in data for name in _types_in(each)}
