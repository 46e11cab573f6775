"""The length of a pause: `2s`, `"{{ think_time }}"`, or drawn by each instance.

uniform: [1s, 3s]                anything from 1 s to 3 s
normal: { mean: 2s, sd: 500ms }  never below 0
exponential: { mean: 2s }        as between independent arrivals
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from windtunnel.actions.compile.context import Field
from windtunnel.expressions.quantities import parse_duration
from windtunnel.interfaces import Instance

Draw = Callable[[Instance], float]
"""Seconds, never negative. Raises ExpressionError when a template doesn't yield a duration."""


def compile_pause(field: Field, value: Any) -> Draw:
    """The compiled form of `duration`; problems are noted."""
    if isinstance(value, Mapping):
        return _compile_distribution(field, value)
    if isinstance(value, str) and "{{" in value:
        template = field.template(value)
        return lambda instance: parse_duration(template(instance.scope))
    constant = field.duration(value, 0.0)
    if value is None:
        field.problem("a pause needs a length", hint="duration: 2s")
    return lambda _: constant


def _compile_distribution(field: Field, value: Mapping[str, Any]) -> Draw:
    field.only_keys(value, _DISTRIBUTIONS)
    known = [name for name in value if name in _DISTRIBUTIONS]
    if len(known) == 1:
        return _DISTRIBUTIONS[known[0]](field / known[0], value[known[0]])
    if len(known) == len(value):
        field.problem("a pause has exactly one distribution", hint="duration: { uniform: [1s, 3s] }")
    return lambda _: 0.0


def _uniform(field: Field, value: Any) -> Draw:
    if not isinstance(value, list | tuple) or len(value) != 2:
        field.problem("expected the shortest and the longest duration here", hint="uniform: [1s, 3s]")
        return lambda _: 0.0
    low, high = ((field / index).duration(item, 0.0) for index, item in enumerate(value))
    if low > high:
        field.problem("the first duration is longer than the second", hint="uniform: [1s, 3s]")
    return lambda instance: instance.random.uniform(low, high)


def _normal(field: Field, value: Any) -> Draw:
    mean, sd = _parameters(field, value, ("mean", "sd"), "normal: { mean: 2s, sd: 500ms }")
    return lambda instance: max(0.0, instance.random.normalvariate(mean, sd))


def _exponential(field: Field, value: Any) -> Draw:
    (mean,) = _parameters(field, value, ("mean",), "exponential: { mean: 2s }")
    return lambda instance: instance.random.expovariate(1 / mean) if mean else 0.0


def _parameters(field: Field, value: Any, names: tuple[str, ...], hint: str) -> list[float]:
    """The durations of a mapping that has exactly these keys."""
    if isinstance(value, Mapping) and value.keys() == set(names):
        return [(field / name).duration(value[name], 0.0) for name in names]
    field.problem(f"expected {' and '.join(names)} here", hint=hint)
    return [0.0] * len(names)


_DISTRIBUTIONS: Mapping[str, Callable[[Field, Any], Draw]] = {
    "uniform": _uniform,
    "normal": _normal,
    "exponential": _exponential,
}
"""Every distribution by the name it has in YAML."""
