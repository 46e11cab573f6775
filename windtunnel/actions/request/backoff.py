"""The delay before the next attempt or poll: longer each time, up to a limit.

    delay(n) = min(max, initial * factor^(n - 1)), and with jitter a draw from the upper half of that

The draw keeps users that failed together from coming back together. It comes from the instance's own randomness.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from windtunnel.actions.compile.context import Field

INITIAL_S = 0.1
FACTOR = 2.0
MAX_S = 10.0


class Backoff:
    """Growing delays. `constant` gives the same one every time, without a draw."""

    __slots__ = ("_factor", "_initial_s", "_jitter", "_max_s")

    def __init__(self, *, initial_s: float, factor: float, max_s: float, jitter: bool) -> None:
        self._initial_s, self._factor, self._max_s, self._jitter = initial_s, factor, max_s, jitter

    @classmethod
    def constant(cls, delay_s: float) -> Backoff:
        """The same delay every time."""
        return cls(initial_s=delay_s, factor=1.0, max_s=delay_s, jitter=False)

    def delays(self, random: Random | None) -> Iterator[float]:
        """Seconds before the second, third, … time, without end. `random` is needed if there is jitter."""
        delay_s = min(self._initial_s, self._max_s)
        while True:
            yield delay_s * random.uniform(0.5, 1.0) if self._jitter and random is not None else delay_s
            delay_s = min(delay_s * self._factor, self._max_s)

    @property
    def draws(self) -> bool:
        """Whether randomness is needed."""
        return self._jitter


def compile_backoff(field: Field, value: Any) -> Backoff:
    """The backoff of a mapping, or the default; problems are noted."""
    options = field.mapping(value)
    field.only_keys(options, ("initial", "factor", "max", "jitter"))
    factor = options.get("factor", FACTOR)
    if isinstance(factor, bool) or not isinstance(factor, int | float) or not 1 <= factor <= 100:
        (field / "factor").problem("the factor is a number from 1 to 100", hint="factor: 2")
        factor = FACTOR
    return Backoff(
        initial_s=(field / "initial").duration(options.get("initial"), INITIAL_S),
        factor=float(factor),
        max_s=(field / "max").duration(options.get("max"), MAX_S),
        jitter=(field / "jitter").boolean(options.get("jitter"), True),
    )
