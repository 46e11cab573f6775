"""Reads the settings of a fault or a schedule as they were written; each mistake names the key it is in."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from windtunnel.errors import ExpressionError, did_you_mean
from windtunnel.expressions.quantities import parse_duration, parse_percentage, parse_size, parse_whole

T = TypeVar("T")

_SPEED = re.compile(r"(.+?)\s*/\s*s")
_SPEED_HINT = "write bytes per second, such as 10KiB/s"


class Settings:
    """The keys of one mapping. Every method raises ExpressionError with the path of what it can't read."""

    def __init__(self, values: Mapping[str, Any], path: tuple[str | int, ...] = ()) -> None:
        self.values, self._path = values, path

    def __contains__(self, key: str) -> bool:
        return self.values.get(key) is not None

    def only(self, keys: tuple[str, ...]) -> None:
        """Raise ExpressionError for a key that is none of these."""
        for key in self.values:
            if key not in keys:
                known = ", ".join(keys) or "none"
                hint = did_you_mean(str(key), keys) or f"keys: {known}"
                raise ExpressionError(f'unknown key "{key}"', hint=hint, path=(*self._path, key))

    def read(self, key: str, parse: Callable[[Any], T], default: T | None = None) -> T:
        """The value of a key as `parse` reads it. A key without a default is required."""
        value = self.values.get(key)
        if value is None:
            if default is None:
                raise ExpressionError(f'"{key}" is missing', path=self._path)
            return default
        try:
            return parse(value)
        except ExpressionError as error:
            error.path = (*self._path, key, *error.path)
            raise

    def duration(self, key: str, default: float | None = None) -> float:
        """Seconds."""
        return self.read(key, parse_duration, default)

    def positive(self, key: str, default: float | None = None) -> float:
        """Seconds, more than zero."""
        return self.read(key, positive_duration, default)

    def share(self, key: str, default: float | None = None) -> float:
        """A fraction from 0 to 1."""
        return self.read(key, parse_percentage, default)

    def size(self, key: str, default: int | None = None) -> int:
        """Bytes."""
        return self.read(key, parse_size, default)

    def speed(self, key: str) -> float:
        """Bytes per second."""
        return self.read(key, parse_speed)

    def whole(self, key: str, default: int | None = None, *, least: int = 1, most: int = 2**53 - 1) -> int:
        """A whole number."""
        return self.read(key, lambda value: parse_whole(value, least=least, most=most), default)

    def flag(self, key: str, default: bool) -> bool:
        """True or false."""

        def parse(value: Any) -> bool:
            if not isinstance(value, bool):
                raise ExpressionError("must be true or false")
            return value

        return self.read(key, parse, default)

    def text(self, key: str, default: str | None = None) -> str:
        """Text; a number or a boolean as it is written in YAML."""
        return self.read(key, _text, default)

    def choice(self, key: str, choices: tuple[str, ...], default: str) -> str:
        """One of a few words."""

        def parse(value: Any) -> str:
            if value not in choices:
                raise ExpressionError(f"must be {' or '.join(choices)}", hint=did_you_mean(str(value), choices))
            return str(value)

        return self.read(key, parse, default)

    def inside(self, key: str) -> Settings:
        """The settings of a mapping in these; empty where it is not given."""

        def parse(value: Any) -> Settings:
            if not isinstance(value, Mapping):
                raise ExpressionError("must be a mapping")
            return Settings(value, (*self._path, key))

        return self.read(key, parse, Settings({}, (*self._path, key)))


def positive_duration(value: Any) -> float:
    """Seconds, more than zero. Raises ExpressionError."""
    seconds = parse_duration(value)
    if not seconds:
        raise ExpressionError("must be more than zero")
    return seconds


def parse_speed(value: Any) -> float:
    """Bytes per second of `10KiB/s`. Raises ExpressionError."""
    found = _SPEED.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ExpressionError(f'"{value}" is no speed', hint=_SPEED_HINT)
    speed = parse_size(found[1])
    if not speed:
        raise ExpressionError("must be more than zero", hint=_SPEED_HINT)
    return float(speed)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str | int | float):
        raise ExpressionError("must be text")
    return str(value)
