"""The dates of cookies, in every form that browsers read. A module of its own: few runs meet one."""

from __future__ import annotations

import re
from datetime import datetime, timezone

_between_date_tokens = re.compile(r"[\t\x20-\x2f\x3b-\x40\x5b-\x60\x7b-\x7e]+")
_time = re.compile(r"([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?![0-9])").match
_day = re.compile(r"([0-9]{1,2})(?![0-9])").match
_year = re.compile(r"([0-9]{2,4})(?![0-9])").match
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def parse_cookie_date(text: str) -> float | None:
    """The date of an Expires attribute as unix seconds; None for none (RFC 6265, 5.1.1).

    Browsers take the first time, day, month and year that they find, whatever stands between them. Years of two
    digits are from 1970 to 2069; the time zone is always UTC.
    """
    time: re.Match[str] | None = None
    day = month = year = 0
    for token in _between_date_tokens.split(text):
        if time is None and (found := _time(token)):
            time = found
        elif not day and (found := _day(token)):
            day = int(found[1]) or 32  # no month has it
        elif not month and token[:3].lower() in _MONTHS:
            month = _MONTHS.index(token[:3].lower()) + 1
        elif not year and (found := _year(token)):
            year = int(found[1])
            year += 1900 if 70 <= year <= 99 else 2000 if year <= 69 else 0
    if time is None or year < 1601:
        return None
    hour, minute, second = map(int, time.groups())
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc).timestamp()
    except ValueError:
        return None
