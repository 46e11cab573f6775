from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windtunnel.errors import ExpressionError
from windtunnel.expressions.quantities import parse_duration, parse_percentage, parse_rate, parse_size


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("250ms", 0.25),
        ("5s", 5.0),
        ("2m", 120.0),
        ("1h", 3600.0),
        ("300us", 0.0003),
        ("300\u00b5s", 0.0003),
        ("300\u03bcs", 0.0003),
        ("1m30s", 90.0),
        ("1h 30m 10s 5ms", 5410.005),
        ("1.5 s", 1.5),
        (".5s", 0.5),
        ("0s", 0.0),
        ("7", 7.0),
        (7, 7.0),
        (0.25, 0.25),
        (0, 0.0),
    ],
)
def test_a_duration_is_seconds(written: str | float, seconds: float) -> None:
    assert parse_duration(written) == seconds


@pytest.mark.parametrize(
    "written",
    [
        *(
            "",
            " ",
            "s",
            "5x",
            "5 min",
            "-1s",
            "1e3s",
            "30s1m",
            "1s1s",
            "5s,",
            "0x10",
            "\u0665s",
            "nan",
            "inf",
            "9" * 41,
        ),
        *(True, False, -1, -0.5, math.nan, math.inf, None, [5]),
    ],
)
def test_what_is_no_duration_is_refused_with_a_hint(written: object) -> None:
    with pytest.raises(ExpressionError, match="is not a duration") as caught:
        parse_duration(written)  # type: ignore[arg-type]  # the point of the test
    assert "250ms" in (caught.value.hint or "")


@given(st.integers(0, 36 * 10**6), st.sampled_from([("ms", 1e3), ("us", 1e6), ("s", 1.0)]))
@settings(max_examples=60)
def test_a_whole_number_of_a_unit_is_the_nearest_float(number: int, unit: tuple[str, float]) -> None:
    assert parse_duration(f"{number}{unit[0]}") == number / unit[1]


@given(st.text(max_size=12))
@settings(max_examples=100)
def test_no_text_does_anything_but_parse_or_raise_expression_error(text: str) -> None:
    for parse in (parse_duration, parse_percentage, parse_size, parse_rate):
        try:
            number = parse(text)
        except ExpressionError:
            continue
        assert 0 <= number < math.inf


@pytest.mark.parametrize(
    ("written", "fraction"), [("5%", 0.05), ("99.9 %", 0.999), (0.05, 0.05), ("0.05", 0.05), (1, 1.0)]
)
def test_a_percentage_is_a_fraction(written: str | float, fraction: float) -> None:
    assert parse_percentage(written) == fraction


@pytest.mark.parametrize("written", [5, "5", "101%", "-1%", "%", "5 %%", True, math.nan, None, ""])
def test_what_is_no_percentage_or_more_than_all_is_refused(written: object) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_percentage(written)  # type: ignore[arg-type]  # the point of the test
    assert "5%" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("written", "size"),
    [
        ("64KiB", 65536),
        ("10MiB", 10 * 2**20),
        ("2GiB", 2 * 2**30),
        ("1kB", 1000),
        ("1.5 MiB", 1572864),
        ("12 B", 12),
        ("12", 12),
        (12, 12),
        (2**49, 2**49),
    ],
)
def test_a_size_is_whole_bytes(written: str | int, size: int) -> None:
    assert parse_size(written) == size
    assert isinstance(parse_size(written), int)


@pytest.mark.parametrize(
    "written", ["0.5B", "1M", "1mib", "-1", -1, 0.5, True, math.inf, math.nan, "", "KiB", None]
)
def test_what_is_no_size_is_refused(written: object) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_size(written)  # type: ignore[arg-type]  # the point of the test
    assert "10MiB" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("written", "rate"), [("100/s", 100.0), ("6000/m", 100.0), ("3600 / h", 1.0), ("0.5/s", 0.5)]
)
def test_a_rate_is_events_per_second(written: str, rate: float) -> None:
    assert parse_rate(written) == rate


@pytest.mark.parametrize("written", ["100", 100, "100/d", "/s", "-1/s", "1/s/s", "1e2/s", "", True, None])
def test_what_is_no_rate_is_refused(written: object) -> None:
    with pytest.raises(ExpressionError, match="is not a rate") as caught:
        parse_rate(written)  # type: ignore[arg-type]  # the point of the test
    assert "100/s" in (caught.value.hint or "")
