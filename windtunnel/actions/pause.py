"""How long a pause is: `2s`, `"{{ think_time }}"`, or drawn for every instance anew.

uniform: [1s, 3s]                anything from 1 s to 3 s
normal: { mean: 2s, sd: 500ms }  never below 0
exponential: { mean: 2s }        as between independent arrivals
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from windtunnel.actions.place import Place
from windtunnel.expressions.quantities import parse_duration
from windtunnel.interfaces import Instance

__all__ = ["Draw", "compile_pause"]

Draw = Callable[[Instance], float]
"""Seconds, never negative. Raises ExpressionError when a template doesn't yield a duration."""


def compile_pause(place: Place, value: Any) -> Draw:
    """The compiled form of `duration`; problems are noted at `place`."""
    if isinstance(value, Mapping):
        return _compile_distribution(place, value)
    if isinstance(value, str) and "{{" in value:
        template = place.template(value)
        return lambda instance: parse_duration(template(instance.scope))
    constant = place.duration(value, 0.0)
    if value is None:
        place.problem("a pause needs a length", hint="duration: 2s")
    return lambda _: constant


def _compile_distribution(place: Place, value: Mapping[str, Any]) -> Draw:
    place.only_keys(value, _DISTRIBUTIONS)
    known = [name for name in value if name in _DISTRIBUTIONS]
    if len(known) == 1:
        return _DISTRIBUTIONS[known[0]](place / known[0], value[known[0]])
    if len(known) == len(value):
        place.problem("a pause has exactly one distribution", hint="duration: { uniform: [1s, 3s] }")
    return lambda _: 0.0


def _uniform(place: Place, value: Any) -> Draw:
    if not isinstance(value, list | tuple) or len(value) != 2:
        place.problem("expected the shortest and the longest duration here", hint="uniform: [1s, 3s]")
        return lambda _: 0.0
    low, high = ((place / index).duration(item, 0.0) for index, item in enumerate(value))
    if low > high:
        place.problem("the first duration is longer than the second", hint="uniform: [1s, 3s]")
    return lambda instance: instance.random.uniform(low, high)


def _normal(place: Place, value: Any) -> Draw:
    mean, sd = _parameters(place, value, ("mean", "sd"), "normal: { mean: 2s, sd: 500ms }")
    return lambda instance: max(0.0, instance.random.normalvariate(mean, sd))


def _exponential(place: Place, value: Any) -> Draw:
    (mean,) = _parameters(place, value, ("mean",), "exponential: { mean: 2s }")
    return lambda instance: instance.random.expovariate(1 / mean) if mean else 0.0


def _parameters(place: Place, value: Any, names: tuple[str, ...], hint: str) -> list[float]:
    """The durations of a mapping that has exactly these keys."""
    if isinstance(value, Mapping) and value.keys() == set(names):
        return [(place / name).duration(value[name], 0.0) for name in names]
    place.problem(f"expected {' and '.join(names)} here", hint=hint)
    return [0.0] * len(names)


_DISTRIBUTIONS: Mapping[str, Callable[[Place, Any], Draw]] = {
    "uniform": _uniform,
    "normal": _normal,
    "exponential": _exponential,
}
"""Every distribution by the name it has in YAML."""
