"""The levels of a fault: a setting that is another one at each of them, by a sweep or by `repeat` with `step`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from windtunnel.errors import ExpressionError
from windtunnel.expressions.quantities import parse_duration, parse_percentage, parse_size
from windtunnel.figures import EXACT, as_written, literal, share, size
from windtunnel.turbulence.settings import parse_speed

PROBABILITY = "probability"
"""The name of what is no setting of a type, and can have levels all the same."""

_CENTRES = ("median", "mean")

N = TypeVar("N", int, float)


def with_main(written: Any, level: Any) -> Any:
    """A setting at a level: of a distribution its median or mean, of anything else the whole."""
    if isinstance(written, Mapping) and not isinstance(level, Mapping):
        (kind, inside), *_ = written.items()
        centre = next((each for each in _CENTRES if isinstance(inside, Mapping) and each in inside), None)
        if centre is None:
            return level
        return {kind: {**inside, centre: level}}
    return level


def added(base: Any, amount: Any, times: int) -> Any:
    """A setting after something was added to it some times. Raises ExpressionError where that can't be.

    To a distribution it is added to its median or mean; to a uniform one, to both ends.
    """
    if base is None:
        raise ExpressionError("the fault has no such setting to add to")
    if isinstance(base, Mapping):
        (kind, inside), *_ = base.items()
        if isinstance(inside, Mapping):
            return {
                kind: {
                    key: added(each, amount, times) if key in _CENTRES else each for key, each in inside.items()
                }
            }
        return {kind: [added(each, amount, times) for each in inside]}
    sign, text = _signed(amount)
    if text.endswith("%") or (isinstance(base, str) and base.strip().endswith("%")):
        return min(1.0, _at_least_zero(parse_percentage(base) + sign * times * parse_percentage(text)))
    if text.endswith("/s"):
        speed = parse_speed(base) + sign * times * parse_speed(text)
        if speed <= 0:
            raise ExpressionError("would make it zero or less")
        return f"{round(speed)}B/s"
    if isinstance(base, int | float) and text.replace(".", "", 1).isdigit():
        value = _at_least_zero(base + sign * times * float(text))
        return int(value) if isinstance(base, int) and value == int(value) else value
    if text.upper().endswith("B"):
        return f"{_at_least_zero(parse_size(base) + sign * times * parse_size(text))}B"
    return round(_at_least_zero(parse_duration(base) + sign * times * parse_duration(text)), 9)


def level_text(key: str, value: Any) -> str:
    """A level as people read it: `400 ms`, `25%`, `64 KiB`, `10 KiB/s`."""
    if isinstance(value, Mapping):
        inside = next(iter(value.values()))
        if not isinstance(inside, Mapping):
            return " to ".join(level_text(key, each) for each in inside)
        return level_text(key, next((inside[each] for each in _CENTRES if each in inside), ""))
    if key == PROBABILITY or (isinstance(value, str) and value.strip().endswith("%")):
        return share(parse_percentage(value))
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        for parse, write in _TEXTS:
            try:
                return write(parse(value))
            except ExpressionError:
                continue
        return value
    return as_written(value) if key in _TIMES else literal(value)


def _exact_size(count: float) -> str:
    return size(count, digits=EXACT)


_TEXTS = (
    (parse_duration, as_written),
    (parse_size, _exact_size),
    (parse_speed, lambda speed: f"{_exact_size(speed)}/s"),
)
_TIMES = frozenset({"delay", "gap", "after", "backoff", "jitter", "over"})
"""Settings that are times: a bare number is seconds."""


def _signed(amount: Any) -> tuple[int, str]:
    text = str(amount).strip()
    if isinstance(amount, bool) or not isinstance(amount, str | int | float):
        raise ExpressionError("must be an amount", hint="write it like +50ms")
    return (-1 if text.startswith("-") else 1), text.lstrip("+-").strip()


def _at_least_zero(value: N) -> N:
    if value < 0:
        raise ExpressionError("would make it less than zero")
    return value
