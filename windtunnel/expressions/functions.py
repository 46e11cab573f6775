"""The functions a template can call.

Each draws from the instance's own seeded randomness (`scope["_random"]`) and clock (`scope["_now"]`), so that a
replay of an instance draws the same values.
"""

from __future__ import annotations

import string
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from windtunnel.errors import ExpressionError
from windtunnel.expressions.text import kind_of
from windtunnel.figures import given

Scope = Mapping[str, Any]
"""The names an expression can read. `_random` and `_now` are callables: a random.Random, and unix seconds."""

Binder = Callable[[Scope], Callable[..., Any]]

_MAX_RANDOM_STRING = 100_000
_LETTERS_AND_DIGITS = string.ascii_letters + string.digits


def _now(scope: Scope) -> Callable[..., Any]:
    def now() -> float:
        """Unix seconds."""
        return float(scope["_now"]())

    return now


def _uuid(scope: Scope) -> Callable[..., Any]:
    def new_uuid() -> str:
        """A random UUID: RFC 9562, version 4."""
        return str(uuid.UUID(int=scope["_random"]().getrandbits(128), version=4))

    return new_uuid


def _random_int(scope: Scope) -> Callable[..., Any]:
    def random_int(low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        for bound in (low, high):
            if isinstance(bound, bool) or not isinstance(bound, int):
                raise ExpressionError(f"random_int takes whole numbers, not {given(bound)}")
        if low > high:
            raise ExpressionError(f"random_int({low}, {high}): the first number is larger than the second")
        drawn: int = scope["_random"]().randint(low, high)
        return drawn

    return random_int


def _choice(scope: Scope) -> Callable[..., Any]:
    def choice(values: Sequence[Any]) -> Any:
        """One of a list."""
        if not isinstance(values, list | tuple):
            raise ExpressionError(f"choice takes a list, not {kind_of(values)}")
        if not values:
            raise ExpressionError("choice from an empty list")
        return scope["_random"]().choice(values)

    return choice


def _random_string(scope: Scope) -> Callable[..., Any]:
    def random_string(length: int) -> str:
        """Random letters and digits."""
        if isinstance(length, bool) or not isinstance(length, int) or not 0 <= length <= _MAX_RANDOM_STRING:
            raise ExpressionError(
                f"random_string takes a length from 0 to {_MAX_RANDOM_STRING}, not {given(length)}"
            )
        return "".join(scope["_random"]().choices(_LETTERS_AND_DIGITS, k=length))

    return random_string


def _fake(scope: Scope) -> Callable[..., Any]:
    from windtunnel.expressions.fake import Fake

    made: Any = Fake(scope["_random"])
    return made  # type: ignore[no-any-return]  # its attributes are the functions


def _hmac(_scope: Scope) -> Callable[..., Any]:
    from windtunnel.expressions.encoders import hmac

    return hmac


def _jwt_sign(_scope: Scope) -> Callable[..., Any]:
    from windtunnel.expressions.encoders import jwt_sign

    return jwt_sign


FUNCTIONS: dict[str, Binder] = {
    "choice": _choice,
    "fake": _fake,
    "hmac": _hmac,
    "jwt_sign": _jwt_sign,
    "now": _now,
    "random_int": _random_int,
    "random_string": _random_string,
    "uuid": _uuid,
}
"""Name -> binder: from the scope of an instance to the function. Only those a template names are bound."""

COUNTED = frozenset({"hmac", "jwt_sign"})
"""The functions whose cost depends on what they are given."""
