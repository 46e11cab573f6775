"""Durations, percentages, sizes and rates, parsed to plain numbers.

    quantity     = part { [ space ] part }         parts with a unit, the largest unit first: 1m30s
    part         = digits [ "." digits ] [ space ] unit

Sums are made in decimal, so that `0.1s` is the float 0.1 and `300us` is 0.0003.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Mapping
from decimal import Decimal

from windtunnel.errors import ExpressionError
from windtunnel.figures import given

_DURATION_UNITS: Mapping[str, Decimal] = {
    "h": Decimal(3600),
    "m": Decimal(60),
    "s": Decimal(1),
    "ms": Decimal("0.001"),
    "us": Decimal("0.000001"),
    "\u00b5s": Decimal("0.000001"),  # the micro sign
    "\u03bcs": Decimal("0.000001"),  # the Greek letter: keyboards differ
}
_SIZE_UNITS: Mapping[str, int] = {
    "B": 1,
    "kB": 1000,
    "KB": 1000,
    "MB": 1000**2,
    "GB": 1000**3,
    "TB": 1000**4,
    "KiB": 1024,
    "MiB": 1024**2,
    "GiB": 1024**3,
    "TiB": 1024**4,
}
_RATE_UNITS: Mapping[str, int] = {"s": 1, "m": 60, "h": 3600}

_PART = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?|\.[0-9]+)\s*([A-Za-z\u00b5\u03bc%]+)")
_WHOLE = re.compile(r"-?[0-9]+")
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?|\.[0-9]+")
_MAX_LENGTH = 40

MAX_HOURS = 10_000
"""Maximum hours of a duration: more than a year, and what every clock and timer can wait for."""

MAX_RATE = 1_000_000
"""Maximum events per second."""

MAX_TIB = 1024
"""Maximum TiB of a size."""

MAX_WHOLE = 2**53 - 1
"""Maximum of a count or a seed: what every program that reads JSON can hold."""

MAX_USERS = 1_000_000
"""Maximum users, or instances at the same time."""

_DURATION_HINT = "write a number and a unit, such as 250ms, 5s, 2m, 1h or 1m30s; a bare number is seconds"
_PERCENTAGE_HINT = "write a percentage such as 5%, or a fraction from 0 to 1 such as 0.05"
_SIZE_HINT = "write whole bytes, or a number and a unit, such as 64KiB, 10MiB, 2GiB or 1kB"
_SPEED_HINT = "write a size per second, such as 10KiB/s or 1MB/s"
_RATE_HINT = "write a number per second, minute or hour, such as 100/s, 6000/m or 3600/h"


def parse_duration(value: str | float) -> float:
    """Seconds of `250ms`, `5s`, `2m`, `1h`, `1m30s` or a bare number (of seconds).

    Raises ExpressionError for anything else, for negatives and for more than `MAX_HOURS`.
    """
    if not isinstance(value, str):
        return _bounded_duration(Decimal(_plain_number(value, "duration", _DURATION_HINT)), value)
    text = _short(value, "duration", _DURATION_HINT)
    if _NUMBER.fullmatch(text):
        return _bounded_duration(Decimal(text), value)
    total, previous, position = Decimal(0), Decimal("Infinity"), 0
    while position < len(text):
        part = _PART.match(text, position)
        factor = _DURATION_UNITS.get(part[2]) if part else None
        if part is None or factor is None or factor >= previous:
            raise _not_a("duration", value, _DURATION_HINT)
        total += Decimal(part[1]) * factor
        previous, position = factor, part.end()
    return _bounded_duration(total, value)


def _bounded_duration(seconds: Decimal, value: object) -> float:
    if seconds > MAX_HOURS * 3600:
        raise ExpressionError(f"{_shown(value)} is longer than {MAX_HOURS:,} hours", hint=_DURATION_HINT)
    return float(seconds)


def parse_percentage(value: str | float) -> float:
    """The fraction, 0 to 1, of `5%` or 0.05.

    Raises ExpressionError for anything else; more than 100% is an error too, as a bare 5 may mean either.
    """
    if not isinstance(value, str):
        fraction = _plain_number(value, "percentage", _PERCENTAGE_HINT)
    else:
        text = _short(value, "percentage", _PERCENTAGE_HINT)
        number = text.removesuffix("%").rstrip()
        if not _NUMBER.fullmatch(number):
            raise _not_a("percentage", value, _PERCENTAGE_HINT)
        scale = Decimal("0.01") if text.endswith("%") else Decimal(1)
        fraction = float(Decimal(number) * scale)
    if fraction > 1:
        raise ExpressionError(f"{_shown(value)} is more than 100%", hint=_PERCENTAGE_HINT)
    return fraction


def parse_size(value: str | float) -> int:
    """Bytes of `64KiB`, `10MiB`, `2GiB`, `1kB` or a whole number.

    Raises ExpressionError for anything else, for negatives, fractions of a byte and more than `MAX_TIB`.
    """
    if not isinstance(value, str):
        _plain_number(value, "size", _SIZE_HINT)
        size = Decimal(value)
    else:
        text = _short(value, "size", _SIZE_HINT)
        part = _PART.fullmatch(text)
        if _NUMBER.fullmatch(text):
            size = Decimal(text)
        elif part and part[2] in _SIZE_UNITS:
            size = Decimal(part[1]) * _SIZE_UNITS[part[2]]
        else:
            raise _not_a("size", value, _SIZE_HINT)
    if size != size.to_integral_value():
        raise ExpressionError(f"{_shown(value)} is not a whole number of bytes", hint=_SIZE_HINT)
    if size > MAX_TIB * _SIZE_UNITS["TiB"]:
        raise ExpressionError(f"{_shown(value)} is more than {MAX_TIB:,} TiB", hint=_SIZE_HINT)
    return int(size)


def parse_rate(value: str) -> float:
    """Events per second of `100/s`, `6000/m` or `3600/h`. Raises ExpressionError for anything else or too much.

    A bare number is refused: nothing tells whether it counts per second or per minute.
    """
    if not isinstance(value, str):
        raise _not_a("rate", value, _RATE_HINT)
    text = _short(value, "rate", _RATE_HINT)
    number, slash, unit = (part.strip() for part in text.partition("/"))
    if not slash or unit not in _RATE_UNITS or not _NUMBER.fullmatch(number):
        raise _not_a("rate", value, _RATE_HINT)
    rate = Decimal(number) / _RATE_UNITS[unit]
    if rate > MAX_RATE:
        raise ExpressionError(f"{_shown(value)} is more than {MAX_RATE:,} per second", hint=_RATE_HINT)
    if 0 < rate * 3600 * MAX_HOURS < 1:
        raise ExpressionError(f"{_shown(value)} is less than one in {MAX_HOURS:,} hours", hint=_RATE_HINT)
    return float(rate)


def parse_speed(value: str) -> float:
    """Bytes per second of `10KiB/s`. Raises ExpressionError for anything else, and for none at all."""
    text = _short(value, "speed", _SPEED_HINT) if isinstance(value, str) else ""
    size, slash, unit = (part.strip() for part in text.partition("/"))
    if not slash or unit != "s" or not size:
        raise _not_a("speed", value, _SPEED_HINT)
    speed = parse_size(size)
    if not speed:
        raise ExpressionError(f"{_shown(value)} moves nothing", hint=_SPEED_HINT)
    return float(speed)


def is_percentage(value: object) -> bool:
    """Whether a time or a size is written as a share of something: `40%`."""
    return isinstance(value, str) and value.rstrip().endswith("%")


def parse_whole(value: object, *, least: int = 0, most: int = MAX_WHOLE) -> int:
    """A whole number, as text or as such. Raises ExpressionError for anything else and beyond the bounds."""
    digits = value if isinstance(value, str) and _WHOLE.fullmatch(value) else None
    try:
        if isinstance(value, bool):
            raise TypeError
        # Python reads no number of more than 4,300 digits, and takes its time for long ones.
        number = int(digits[:_MAX_LENGTH]) if digits else operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise ExpressionError(f"{_quoted(value)} is not a whole number", hint="write it like 50") from None
    if number < least:
        raise ExpressionError(f"must be at least {least}, not {_quoted(value)}")
    if number > most:
        raise ExpressionError(f"must be at most {most:,}, not {_quoted(value)}")
    return number


def _quoted(value: object) -> str:
    """A value as it was written, on one line and not too long."""
    text = str(value) if not isinstance(value, int) or abs(value) < 10**40 else "a huge number"
    text = "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text[:61])
    shown = text if len(text) <= 60 else f"{text[:59]}…"
    is_number = _WHOLE.fullmatch(text) or (isinstance(value, int) and not isinstance(value, bool))
    return shown if is_number else f'"{shown}"'


def _plain_number(value: object, what: str, hint: str) -> float:
    """A number of YAML. `True` is an int in Python, but not a quantity."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise _not_a(what, value, hint)
    if value > 1e40:
        return 1e40  # beyond every bound, and a float
    return float(value)


def _short(text: str, what: str, hint: str) -> str:
    stripped = text.strip()
    if not stripped or len(stripped) > _MAX_LENGTH:
        raise _not_a(what, text, hint)
    return stripped


def _not_a(what: str, value: object, hint: str) -> ExpressionError:
    return ExpressionError(f"{_shown(value)} is not a {what}", hint=hint)


def _shown(value: object) -> str:
    shown = given(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
