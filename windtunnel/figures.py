"""Numbers for people: 14,203 · 812 ms · 1.24 s · 0.4% · 344/s · 1.5 MiB.

The one format for every page, table and message: three significant digits, never an exponent, the unit that
keeps the number from 1 to 999, thousands grouped. A count is written in full. `digits=EXACT` is for values that
the user wrote, such as the limit of a threshold. `literal` alone rounds and groups nothing: it is for values of
JSON and YAML. What is no finite number reads `∞`, `-∞` or `no number`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from decimal import Context, Decimal

EXACT = 15
"""Significant digits: as many as a float holds of any decimal number."""

_TIMES = (("µs", 0.001, 1000), ("ms", 1.0, 1000), ("s", 1000.0, 60))
"""(unit, its length in milliseconds, the number at which the next unit begins)."""

_DIGITS = Context(prec=400)
"""Room for every digit before the point of the largest float."""

_SIZES = ("B", "KiB", "MiB", "GiB", "TiB")
_DECIMAL_SIZES = ("B", "kB", "MB", "GB", "TB")


def number(value: float, *, digits: int = 3) -> str:
    """`14,203`; a fraction has three digits, or those before the point: `0.25`, `12.5`, `344`, `1,235`."""
    return _not_finite(value) or f"{_rounded(value, digits):,f}"


def literal(value: float | Decimal) -> str:
    """A number of JSON or YAML, with the digits that it needs: `0.00001`, `12500000000000000000000`, `3.0`."""
    if not isinstance(value, float | Decimal) or not math.isfinite(value):
        return str(value)
    return f"{Decimal(repr(value)) if isinstance(value, float) else value:f}"


def given(value: object) -> str:
    """A value of any kind that somebody wrote, for a message: a number by `literal`, any other as `repr`."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return literal(value)
    return repr(value)


def signed(value: float, *, digits: int = 3) -> str:
    """A difference: `+12.3`, `-0.4`."""
    return _not_finite(value) or f"{_rounded(value, digits):+,f}"


def plural(count: int, noun: str, nouns: str | None = None) -> str:
    """`1 instance`, `2,000 instances`."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"


def duration(ms: float, *, digits: int = 3) -> str:
    """A duration given in milliseconds: `40 µs`, `0.4 µs`, `812 ms`, `1.24 s`, `2 min 5 s`, `1 h 3 min`."""
    if ms <= 0:
        return "0 ms"
    if odd := _not_finite(ms):
        return odd
    for unit, factor, end in _TIMES:
        shown = _rounded(ms / factor, digits)
        if shown < end:
            return f"{shown:,f} {unit}"
    seconds = _rounded(ms / 1000, digits) if digits > 3 else Decimal(round(ms / 1000))
    if digits <= 3 and seconds >= 3600:
        seconds = Decimal(round(ms / 60_000) * 60)
    hours, rest = _DIGITS.divmod(seconds, Decimal(3600))
    minutes, rest = _DIGITS.divmod(rest, Decimal(60))
    parts = ((hours, "h"), (minutes, "min"), (rest, "s"))
    return " ".join(f"{_plain(value):,f} {unit}" for value, unit in parts if value)


def offset(seconds: float, *, digits: int = 3) -> str:
    """A duration given in seconds, such as an offset from the start: `0 s`, `42 ms`, `41.3 s`, `2 min 5 s`."""
    return duration(seconds * 1000, digits=digits) if seconds >= 0.001 else "0 s"


def as_written(seconds: float) -> str:
    """A duration that the user wrote, with all its digits: `1.25 s`, `1 min 30 s`."""
    return offset(seconds, digits=EXACT)


def share(fraction: float, *, digits: int = 3) -> str:
    """A fraction of 1 as a percentage; only 1 reads `100%`, only 0 reads `0%`."""
    if fraction <= 0:
        return "0%"
    if odd := _not_finite(fraction):
        return odd
    percent = _rounded(fraction * 100, digits)
    while fraction < 1 and percent >= 100 and digits < 17:
        digits += 1
        percent = _rounded(fraction * 100, digits)
    return f"{percent:,f}%"


def per_second(rate: float, *, digits: int = 3) -> str:
    """`344/s`, `12.5/s`, `0.25/s`."""
    return f"{number(rate, digits=digits)}/s"


def size(count: float, *, digits: int = 3) -> str:
    """A number of bytes: `612 B`, `1.4 KiB`, `64 MiB`; `EXACT` also writes `10 MB` where that is the round one."""
    decimal = digits == EXACT and count % 1000 == 0 and count % 1024 != 0
    base, units = (1000, _DECIMAL_SIZES) if decimal else (1024, _SIZES)
    value = float(count)
    if odd := _not_finite(value):
        return odd
    for unit in units:
        shown = _rounded(value, digits)
        if shown < base or unit == units[-1]:
            break
        value /= base
    return f"{shown:,f} {unit}"


def told_apart(value: float, limit: float, write: Callable[..., str]) -> str:
    """`value` as `write` puts it, in three digits or in as many as tell it from `limit`.

    Rounding keeps the order, so texts that differ stand on the right side of each other.
    """
    for digits in (3, 4, 5, 6) if value != limit else ():
        shown = write(value, digits=digits)
        if shown != write(limit, digits=digits):
            return shown
    return write(value, digits=EXACT)


def clock_time(unix: float) -> str:
    """A moment in UTC: `2026-11-22 20:15:12 UTC`; empty when it is unknown or no date."""
    if not 0 < unix < 1e11:
        return ""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(unix))


def _rounded(value: float, digits: int) -> Decimal:
    """`value` with so many significant digits, or all those before the point where there are more."""
    whole = len(str(int(abs(value)))) if abs(value) >= 1 else 0
    return _plain(Decimal(f"{value:.{max(digits, whole)}g}"))


def _plain(value: Decimal) -> Decimal:
    """Without trailing zeros, and without an exponent when it is formatted."""
    return _DIGITS.normalize(value) if value else Decimal(0)


def _not_finite(value: float) -> str:
    """What to write for a value without digits; empty for every other one."""
    if isinstance(value, int) or math.isfinite(value):
        return ""
    return "no number" if math.isnan(value) else "∞" if value > 0 else "-∞"
