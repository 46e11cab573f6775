"""Numbers as a person writes them: 14,203 · 812 ms · 1.2 s · 0.4% · 344/s."""

from __future__ import annotations

import time

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def number(value: float) -> str:
    """`14,203`; a fraction only where it says something: `0.25`, `12.5`."""
    if float(value).is_integer():
        return f"{int(value):,}"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:,.1f}" if abs(value) >= 10 else f"{value:,.2f}"


def plural(count: int, noun: str, nouns: str | None = None) -> str:
    """`1 instance`, `2,000 instances`."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"


def duration(ms: float) -> str:
    """A duration given in milliseconds: `0.04 ms`, `0.4 ms`, `812 ms`, `1.2 s`, `2 min 5 s`, `1 h 3 min`."""
    if ms <= 0:
        return "0 ms"
    if ms < 0.1:
        return f"{ms:.2f} ms" if ms >= 0.005 else "< 0.01 ms"
    if ms < 9.95:
        return f"{ms:.1f} ms"
    if ms < 999.5:
        return f"{ms:.0f} ms"
    seconds = ms / 1000
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return _two(whole // 60, "min", whole % 60, "s")
    minutes = round(seconds / 60)
    return _two(minutes // 60, "h", minutes % 60, "min")


def offset(seconds: float) -> str:
    """A length or a moment of the run, in seconds from its start: `0 s`, `42 ms`, `41.3 s`, `2 min 5 s`."""
    return duration(seconds * 1000) if seconds >= 0.001 else "0 s"


def share(fraction: float) -> str:
    """A fraction of 1 as a percentage; only what is all is `100%`, only what is none is `0%`."""
    if fraction <= 0:
        return "0%"
    if fraction >= 1:
        return "100%"
    percent = fraction * 100
    if percent < 0.01:
        return "< 0.01%"
    if percent > 99.99:
        return "> 99.99%"
    digits = 2 if percent < 0.095 or percent > 99.9 else 1
    return f"{percent:.{digits}f}".rstrip("0").rstrip(".") + "%"


def per_second(rate: float) -> str:
    """`344/s`, `12.5/s`, `0.25/s`."""
    return f"{number(rate)}/s"


def size(count: int) -> str:
    """A number of bytes: `612 B`, `1.4 KiB`, `64 MiB`."""
    value = float(count)
    for unit in _UNITS:
        if value < 1023.5 or unit == _UNITS[-1]:
            break
        value /= 1024
    return f"{value:,.1f} {unit}" if unit != "B" and value < 9.95 else f"{value:,.0f} {unit}"


def clock_time(unix: float) -> str:
    """A moment in UTC: `2026-11-22 20:15:12 UTC`; empty when it is unknown or no date."""
    if not 0 < unix < 1e11:
        return ""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(unix))


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large} {large_unit} {small} {small_unit}" if small else f"{large} {large_unit}"
