"""`fake.name()`, `fake.email()` and the rest of Faker, drawn from the instance's own randomness.

Faker is an extra (`windtunnel[fake]`) and is loaded when a template names `fake`, not before.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping
from random import Random
from typing import TYPE_CHECKING, Any

from windtunnel.errors import ExpressionError, did_you_mean

if TYPE_CHECKING:
    from faker import Generator


_OWN = frozenset(
    {
        *(
            "add_provider",
            "del_arguments",
            "format",
            "get_arguments",
            "get_formatter",
            "get_providers",
            "optional",
        ),
        *("parse", "provider", "providers", "random", "seed", "seed_instance", "set_arguments"),
        *("set_formatter", "unique"),
    }
)
"""The methods of a generator that affect all instances: templates must not call them."""


class Fake:
    """`fake` in a template. One generator serves all instances; each call draws from its own `draw`."""

    __slots__ = ("_draw",)

    def __init__(self, draw: Callable[[], Random]) -> None:
        self._draw = draw

    def __getattr__(self, name: str) -> Callable[..., Any]:
        made = _generator()
        if name.startswith("_") or name in _OWN:
            raise AttributeError(name)
        method = getattr(made, name)

        def fake(*arguments: Any, **named: Any) -> Any:
            _require_small(method, arguments, named)
            # Nothing runs between these two lines: what is drawn depends on this instance alone.
            made.random = self._draw()
            return method(*arguments, **named)

        return fake


_SIZES = re.compile(r"nb|length|chars|digits|size|count|num|rows|files|elements|levels|depth|deep|indent")
"""What is in the names of the parameters that say how much to make, unlike those of a value such as `max`."""

MOST = 10_000


def _require_small(method: Callable[..., Any], arguments: tuple[Any, ...], named: Mapping[str, Any]) -> None:
    """Raise ExpressionError for a call that would make very much."""
    if not arguments and not named:
        return
    names = list(inspect.signature(method).parameters) if arguments else []
    for name, value in (*zip(names, arguments, strict=False), *named.items()):
        size = len(value) if isinstance(value, str | bytes | list | tuple | dict) else value
        if isinstance(size, int) and size > MOST and (size is not value or _SIZES.search(name)):
            raise ExpressionError(f"fake makes at most {MOST:,} of something, not {name}={size:,}")


def require_fake(name: str | None) -> None:
    """Raise ExpressionError if Faker is not installed or has no method `name`."""
    try:
        known = [each for each in dir(_generator()) if not each.startswith("_") and each not in _OWN]
    except ImportError:
        raise ExpressionError(
            "`fake` needs Faker, which is not installed", hint="pip install 'windtunnel[fake]'"
        ) from None
    if name is not None and name not in known:
        hint = did_you_mean(name, known) or "see the providers of Faker: https://faker.readthedocs.io"
        raise ExpressionError(f'Faker has no "{name}"', hint=hint)


@functools.lru_cache(maxsize=1)
def _generator() -> Generator:
    from faker import Factory

    return Factory.create("en_US")
