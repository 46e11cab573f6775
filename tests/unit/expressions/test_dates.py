"""The filters of dates. The clock is the instance's, and the test's."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from windtunnel.errors import ExpressionError
from windtunnel.expressions.template import compile_template

T = 1_700_000_000.5  # 2023-11-14T22:13:20.5Z


def value(text: str, **scope: Any) -> Any:
    return compile_template(f"{{{{ {text} }}}}")({"_now": lambda: T, **scope})


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("now() | date", "2023-11-14"),
        ("now() | date('%d/%m/%y %H:%M:%S')", "14/11/23 22:13:20"),
        ("now() | date('%Y-%m-%d', days=1)", "2023-11-15"),
        ("now() | date('%F %T', days=-14, hours=2, minutes=-13, seconds=-20.5)", "2023-11-01 00:00:00"),
        ("now() | date('%F', weeks=1)", "2023-11-21"),
        ("now() | date('%F', days=30 * 12)", "2024-11-08"),
        ("now() | date('%FT%T%z', tz='Asia/Kolkata')", "2023-11-15T03:43:20+0530"),
        ("now() | date('%H:%M %Z', tz='America/New_York')", "17:13 EST"),
        ("now() | date('%H', tz='+02:00')", "00"),
        ("now() | date('%Y%m%dT%H%M%SZ')", "20231114T221320Z"),
        ("now() | date('%a, %d %b %Y %H:%M:%S GMT')", "Tue, 14 Nov 2023 22:13:20 GMT"),
        ("now() | date('%s.%L.%f')", "1700000000.500.500000"),
        ("now() | date('100 %% of %-d.%-m. at %-I %p')", "100 % of 14.11. at 10 PM"),
        ("'2024-01-02T03:04:05Z' | date('%-d.%-m. %-H:%-M')", "2.1. 3:4"),
        ("now() | iso", "2023-11-14T22:13:20.500Z"),
        ("now() | iso(days=1)", "2023-11-15T22:13:20.500Z"),
        ("now() | iso(tz='Europe/Berlin')", "2023-11-14T23:13:20.500+01:00"),
        ("0 | iso", "1970-01-01T00:00:00.000Z"),
        ("-1.5 | iso", "1969-12-31T23:59:58.500Z"),
        ("'2024-02-29' | iso", "2024-02-29T00:00:00.000Z"),
        ("'2024-02-29 10:11' | iso", "2024-02-29T10:11:00.000Z"),
        ("'2024-02-29T10:11:12.3456789+0200' | iso", "2024-02-29T08:11:12.345Z"),
        ("'20240229T101112Z' | iso", "2024-02-29T10:11:12.000Z"),
        ("'2024-02-29t10:11:12-05' | upper | iso", "2024-02-29T15:11:12.000Z"),
        ("'Sun, 06 Nov 1994 08:49:37 GMT' | iso", "1994-11-06T08:49:37.000Z"),
        ("now() | iso | iso", "2023-11-14T22:13:20.500Z"),
        ("'2024-05-01' | date('%A', days=2)", "Friday"),
    ],
)
def test_a_date_as_text(expression: str, text: str) -> None:
    assert value(expression) == text


@pytest.mark.parametrize(
    ("expression", "seconds"),
    [
        ("'2023-11-14T22:13:20Z' | timestamp", 1_700_000_000),
        ("'2023-11-14T22:13:20.5Z' | timestamp", T),
        ("'Tue, 14 Nov 2023 23:13:20 +0100' | timestamp", 1_700_000_000),
        ("(now() | date('%s') | int) + 60", 1_700_000_060),
        ("now() | int", 1_700_000_000),
        ("(now() * 1000) | int", 1_700_000_000_500),
        ("now() + 0.5", 1_700_000_001.0),
    ],
)
def test_a_date_as_a_number(expression: str, seconds: float) -> None:
    assert value(expression) == seconds


def test_days_keep_the_hour_where_clocks_change_and_hours_pass() -> None:
    """In Berlin, 2024-03-31 has 23 hours."""
    noon = "'2024-03-30T11:00:00Z' | date('%d. %H:%M', tz='Europe/Berlin'"

    assert value(f"{noon})") == "30. 12:00"
    assert value(f"{noon}, days=1)") == "31. 12:00"
    assert value(f"{noon}, hours=24)") == "31. 13:00"


@pytest.mark.parametrize(
    ("expression", "message", "hint"),
    [
        ("now() | date(tz='Europe/Berln')", "'Europe/Berln' is not a time zone", 'did you mean "Europe/Berlin"?'),
        ("now() | date(tz='Tokyo')", "'Tokyo' is not a time zone", 'did you mean "Asia/Tokyo"?'),
        ("now() | date(tz='../etc/passwd')", "'../etc/passwd' is not a time zone", None),
        ("now() | date(tz=5)", "5 is not a time zone", None),
        ("now() | date('%Q')", "%Q is not a part of a date", None),
        ("now() | date('100%')", "% is not a part of a date", None),
        ("now() | date('%F' * 101)", "the format of date is a text of at most 200 characters", None),
        ("now() | date(days='1')", "days is a number, not '1'", "make a text a number: … | float"),
        ("now() | date(days=9999999)", "the date is not between the years 1 and 9999", None),
        (
            "1700000000000 | iso",
            "1700000000000 seconds since 1970 is not between the years 1 and 9999",
            "divide milliseconds by 1000",
        ),
        (
            "1e300 | iso",
            "that many seconds since 1970 is not between the years 1 and 9999",
            "divide milliseconds by 1000",
        ),
        ("now() | date(tz='+25:00')", "'+25:00' is not a time zone", 'write it like tz="Europe/Berlin"'),
        ("'1700000000' | iso", "'1700000000' is not a date", "make seconds a number first: … | float"),
        ("'2024-02-30' | iso", "'2024-02-30' is not a date", "write it like 2024-05-01T10:00:00Z"),
        ("'tomorrow' | iso", "'tomorrow' is not a date", "write it like 2024-05-01T10:00:00Z"),
        ("true | iso", "a date is made of seconds or of a text, not of a boolean", None),
        ("'9999-12-31T23:59:59Z' | iso(tz='+02:00')", "the date is not between the years 1 and 9999", None),
        ("[1] | timestamp", "a date is made of seconds or of a text, not of a list", None),
    ],
)
def test_what_is_no_date_is_said(expression: str, message: str, hint: str | None) -> None:
    with pytest.raises(ExpressionError) as caught:
        value(expression)

    assert str(caught.value) == message
    assert hint is None or caught.value.hint == hint


@pytest.mark.parametrize("day", [datetime.date(2024, 2, 29), datetime.datetime(2024, 2, 29)])
def test_a_date_of_python_code_is_one(day: datetime.date) -> None:
    assert value("day | iso(hours=1)", day=day) == "2024-02-29T01:00:00.000Z"
