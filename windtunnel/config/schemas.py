"""The JSON Schemas of the three YAML files: loading them, and validating against them.

A schema holds annotations of our own beside the standard keywords; editors pass over them:

    x-expects    what the value should be, for the sentence `"timeout" must be …`
    x-hint       the hint about an unknown key when no similar one is known
    x-variables  the value names variables (see step_types.py)
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from windtunnel.config.messages import Complaint, Violation, explain
from windtunnel.config.nodes import MOST_PROBLEMS
from windtunnel.config.reader import Document
from windtunnel.errors import ConfigError, ExpressionError, Problem
from windtunnel.expressions.quantities import parse_duration, parse_size

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
    """Everything in which the document departs from the schema; some of it may come twice."""
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
    formats.checks("windtunnel-duration", raises=ExpressionError)(_is_duration)
    formats.checks("windtunnel-positive-duration", raises=ExpressionError)(_is_positive_duration)
    formats.checks("windtunnel-size", raises=ExpressionError)(_is_size)
    extend: Callable[..., type[Validator]] = validators.extend
    kind = extend(Draft202012Validator, {"pattern": _pattern})
    return kind(schema, format_checker=formats)


def _pattern(validator: Validator, pattern: str, instance: object, schema: object) -> Iterator[ValidationError]:
    """`pattern` as ECMA-262 has it: `$` is the very end, not also the place before a last line break."""
    from jsonschema import ValidationError

    del validator, schema
    if isinstance(instance, str) and not re.search(re.sub(r"(?<!\\)\$$", r"\\Z", pattern), instance):
        yield ValidationError("pattern")


def _is_duration(value: object) -> bool:
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        parse_duration(value)
    return True


def _is_positive_duration(value: object) -> bool:
    return isinstance(value, bool) or not isinstance(value, str | int | float) or parse_duration(value) > 0


def _is_size(value: object) -> bool:
    return isinstance(value, bool) or not isinstance(value, str | int) or parse_size(value) > 0
