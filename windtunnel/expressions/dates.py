"""The filters `date`, `iso` and `timestamp`. Imported when a template first uses one.

    seconds since 1970, a text of ISO 8601 (RFC 3339) or an HTTP date ──▶ a moment ──▶ moved ──▶ text

Weeks and days move the calendar of the time zone: the hour stays, also where clocks change. Hours, minutes and
seconds are of elapsed time. A text without an offset is read in UTC.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta, timezone, tzinfo
from email.utils import parsedate_to_datetime
from typing import Any

from windtunnel.errors import ExpressionError, did_you_mean
from windtunnel.expressions.limits import charge
from windtunnel.expressions.text import kind_of
from windtunnel.figures import given

_LONGEST_FORMAT = 200
_ISO = re.compile(
    r"(?P<date>\d{4}-?\d\d-?\d\d)"
    r"(?:[T ](?P<time>\d\d(?::?\d\d(?::?\d\d)?)?)(?:[.,](?P<fraction>\d{1,12}))?)?"
    r"\s?(?P<zone>[Zz]|[+-]\d\d(?::?\d\d)?)?",
    re.ASCII,
)
_DIRECTIVE = re.compile(r"%(-?)(.?)", re.DOTALL)
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def date(
    value: Any,
    format: str = "%Y-%m-%d",
    *,
    weeks: float = 0,
    days: float = 0,
    hours: float = 0,
    minutes: float = 0,
    seconds: float = 0,
    tz: str = "UTC",
) -> str:
    """A moment as text by the directives of `strftime`, moved by what is given, in a time zone."""
    if not isinstance(format, str) or len(format) > _LONGEST_FORMAT:
        raise ExpressionError(f"the format of date is a text of at most {_LONGEST_FORMAT} characters")
    moment = _moved(value, tz, calendar=(weeks, days), elapsed=(hours, minutes, seconds))
    charge(len(format))
    return _DIRECTIVE.sub(lambda found: _written(moment, found[1], found[2]), format)


def iso(
    value: Any,
    *,
    weeks: float = 0,
    days: float = 0,
    hours: float = 0,
    minutes: float = 0,
    seconds: float = 0,
    tz: str = "UTC",
) -> str:
    """A moment in ISO 8601 with milliseconds, as JavaScript's `toISOString` writes it."""
    moment = _moved(value, tz, calendar=(weeks, days), elapsed=(hours, minutes, seconds))
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + (
        "Z" if moment.utcoffset() == timedelta() else ""
    )


def timestamp(value: Any) -> float | int:
    """Seconds since 1970: a whole number where there is no fraction."""
    seconds = (_moment(value) - _EPOCH) / timedelta(seconds=1)
    return int(seconds) if seconds.is_integer() else seconds


def _moved(value: Any, tz: Any, *, calendar: tuple[Any, ...], elapsed: tuple[Any, ...]) -> datetime:
    charge(1)
    if not isinstance(tz, str):
        raise ExpressionError(f"{given(tz)} is not a time zone", hint='write it like tz="Europe/Berlin"')
    zone = _zone(tz)
    weeks, days, hours, minutes, seconds = map(_amount, (*calendar, *elapsed), _UNITS)
    try:
        moment = _moment(value).astimezone(zone) + timedelta(weeks=weeks, days=days)
        if hours or minutes or seconds:
            moved = moment.astimezone(timezone.utc) + timedelta(hours=hours, minutes=minutes, seconds=seconds)
            moment = moved.astimezone(moment.tzinfo)
        return moment
    except OverflowError:
        raise ExpressionError("the date is not between the years 1 and 9999") from None


_UNITS = ("weeks", "days", "hours", "minutes", "seconds")


def _amount(value: Any, unit: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ExpressionError(f"{unit} is a number, not {given(value)}", hint="make a text a number: … | float")
    return value


def _moment(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value if value.tzinfo is not None else value.replace(tzinfo=timezone.utc)
    if isinstance(value, str):
        return _read(value)
    if hasattr(value, "isoformat"):  # a date of Python code
        return _read(str(value.isoformat()))
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ExpressionError(f"a date is made of seconds or of a text, not of {kind_of(value)}")
    try:
        return _EPOCH + timedelta(seconds=value)
    except (OverflowError, ValueError):
        amount = given(value) if abs(value) < 1e18 else "that many"
        raise ExpressionError(
            f"{amount} seconds since 1970 is not between the years 1 and 9999",
            hint="divide milliseconds by 1000",
        ) from None


def _read(text: str) -> datetime:
    stripped = text.strip()
    try:
        if found := _ISO.fullmatch(stripped):
            digits = f"{found['date']}{found['time'] or '00'}".replace("-", "").replace(":", "").ljust(14, "0")
            moment = datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=_offset(found["zone"]))
            return moment.replace(microsecond=int((found["fraction"] or "0").ljust(6, "0")[:6]))
        if stripped[:1].isalpha() and len(stripped) < 64:
            moment = parsedate_to_datetime(stripped)
            return moment if moment.tzinfo is not None else moment.replace(tzinfo=timezone.utc)
    except (ValueError, TypeError, IndexError):
        pass
    is_number = re.fullmatch(r"[+-]?\d+(\.\d+)?", stripped, re.ASCII)
    hint = "make seconds a number first: … | float" if is_number else "write it like 2024-05-01T10:00:00Z"
    raise ExpressionError(f"{given(text[:80])} is not a date", hint=hint)


def _offset(zone: str | None) -> tzinfo:
    if zone is None or zone in "Zz":
        return timezone.utc
    digits = zone[1:].replace(":", "").ljust(4, "0")
    away = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-away if zone[0] == "-" else away)


@functools.lru_cache(maxsize=64)
def _zone(name: str) -> tzinfo:
    from zoneinfo import ZoneInfo, available_timezones

    if name in ("UTC", "Z"):
        return timezone.utc
    if (offset := re.fullmatch(r"[+-]\d\d:?\d\d", name, re.ASCII)) is not None:
        with suppress(ValueError):  # of a day and more
            return _offset(offset[0])
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        known = available_timezones()
        cities = {each.rpartition("/")[2]: each for each in known}
        near = cities.get(name)
        hint = f'did you mean "{near}"?' if near else did_you_mean(name, known)
        cure = "pip install tzdata" if not known else 'write it like tz="Europe/Berlin"'
        raise ExpressionError(f"{given(name)} is not a time zone", hint=hint or cure) from None


# ── directives ───────────────────────────────────────────────────────────────────────────────────────────────


def _strftime(moment: datetime, directive: str) -> str:
    return moment.strftime(f"%{directive}")


_OWN: Mapping[str, Callable[[datetime], str]] = {
    "%": lambda _: "%",
    "Y": lambda moment: f"{moment.year:04}",
    "F": lambda moment: moment.date().isoformat(),
    "T": lambda moment: f"{moment:%H:%M:%S}",
    "L": lambda moment: f"{moment.microsecond // 1000:03}",
    "s": lambda moment: str((moment - _EPOCH) // timedelta(seconds=1)),
}
"""Directives that C libraries lack, or write in different ways. `%L` is Ruby's: milliseconds."""

_DIRECTIVES = frozenset("aAbBcdfGHIjmMpSuUVwWxXyzZ") | _OWN.keys()
_UNPADDED = frozenset("dHIjmMSUVWy")


def _written(moment: datetime, dash: str, directive: str) -> str:
    if directive not in _DIRECTIVES or (dash and directive not in _UNPADDED):
        known = " ".join(f"%{each}" for each in sorted(_DIRECTIVES, key=lambda each: (each.lower(), each)))
        raise ExpressionError(
            f"%{dash}{directive} is not a part of a date", hint=f"one of {known}; %- drops zeros"
        )
    text = _OWN[directive](moment) if directive in _OWN else _strftime(moment, directive)
    return text.lstrip("0") or "0" if dash else text
