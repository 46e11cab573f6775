"""Numbers for people: three significant digits, no exponent, a fitting unit, thousands grouped."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windtunnel import figures

NUMBER = re.compile(r"[+-]?\d{1,3}(,\d{3})*(\.\d*[1-9])?")


def value_of(text: str) -> float:
    assert NUMBER.fullmatch(text), text
    return float(text.replace(",", ""))


@pytest.mark.parametrize(
    ("ms", "shown"),
    [
        (0, "0 ms"),
        (0.0004, "0.4 µs"),
        (0.04, "40 µs"),
        (0.72, "720 µs"),
        (0.9994, "999 µs"),
        (0.9995, "1 ms"),
        (9.94, "9.94 ms"),
        (9.996, "10 ms"),
        (720, "720 ms"),
        (812.4, "812 ms"),
        (999.4, "999 ms"),
        (999.5, "1 s"),
        (1234, "1.23 s"),
        (3600, "3.6 s"),
        (59_949, "59.9 s"),
        (59_950, "1 min"),
        (125_000, "2 min 5 s"),
        (3_599_900, "1 h"),
        (3_780_000, "1 h 3 min"),
        (100_000_000, "27 h 47 min"),
    ],
)
def test_durations(ms: float, shown: str) -> None:
    assert figures.duration(ms) == shown


@pytest.mark.parametrize(
    ("ms", "shown"),
    [
        (400, "400 ms"),
        (999.5, "999.5 ms"),
        (1001.5, "1.0015 s"),
        (0.3, "300 µs"),
        (61_500, "1 min 1.5 s"),
        (5_400_000, "1 h 30 min"),
    ],
)
def test_exact_durations(ms: float, shown: str) -> None:
    assert figures.duration(ms, digits=figures.EXACT) == shown


@given(st.floats(min_value=1e-3, max_value=59_949))
def test_a_duration_under_a_minute_has_three_digits_and_a_number_from_1_to_999(ms: float) -> None:
    shown, unit = figures.duration(ms).split(" ")

    factor = {"µs": 0.001, "ms": 1, "s": 1000}[unit]
    value = value_of(shown)
    assert 1 <= value < 1000
    assert len(shown.replace(".", "").strip("0")) <= 3
    assert value * factor == pytest.approx(ms, rel=0.005001)


@given(st.floats(min_value=0, max_value=1e7), st.floats(min_value=0, max_value=1e7))
def test_a_longer_duration_never_reads_shorter(one: float, other: float) -> None:
    lengths = {"µs": 0.001, "ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000}

    def read(ms: float) -> float:
        words = figures.duration(ms).split(" ")
        return sum(value_of(n) * lengths[unit] for n, unit in zip(words[::2], words[1::2], strict=True))

    shorter, longer = sorted((one, other))
    assert read(shorter) <= read(longer)


@pytest.mark.parametrize(
    ("fraction", "shown"),
    [
        (0, "0%"),
        (0.00001, "0.001%"),
        (0.0005, "0.05%"),
        (0.01, "1%"),
        (0.0123, "1.23%"),
        (0.995, "99.5%"),
        (0.9996, "99.96%"),
        (0.99999, "99.999%"),
        (1, "100%"),
    ],
)
def test_shares(fraction: float, shown: str) -> None:
    assert figures.share(fraction) == shown


@given(st.floats(min_value=0, max_value=1, exclude_min=True, exclude_max=True))
def test_only_all_is_all_and_only_none_is_none(fraction: float) -> None:
    assert figures.share(fraction) not in {"0%", "100%"}


@given(st.floats(min_value=-1e12, max_value=1e12))
def test_a_number_is_grouped_has_no_exponent_and_is_off_by_half_a_digit_at_most(value: float) -> None:
    assert value_of(figures.number(value)) == pytest.approx(value, rel=0.005001)


@given(st.integers(min_value=0, max_value=10**14))
def test_a_count_is_written_in_full(value: int) -> None:
    assert figures.number(value) == f"{value:,}"


@given(st.integers(min_value=0, max_value=10**15))
def test_a_size_is_under_1024_of_its_unit(count: int) -> None:
    shown, unit = figures.size(count).split(" ")

    power = ("B", "KiB", "MiB", "GiB", "TiB").index(unit)
    assert value_of(shown) < 1024
    assert value_of(shown) * 1024**power == pytest.approx(count, rel=0.005001)


def test_counts_rates_sizes_and_moments() -> None:
    assert figures.number(14203) == "14,203"
    assert figures.number(0.25) == "0.25"
    assert figures.number(1234.56) == "1,235"
    assert figures.signed(12.34) == "+12.3"
    assert figures.signed(-0.4) == "-0.4"
    assert figures.plural(1, "instance") == "1 instance"
    assert figures.plural(2000, "instance") == "2,000 instances"
    assert figures.per_second(343.9) == "344/s"
    assert figures.size(612) == "612 B"
    assert figures.size(1434) == "1.4 KiB"
    assert figures.size(64 * 1024) == "64 KiB"
    assert figures.size(10_000_000, digits=figures.EXACT) == "10 MB"
    assert figures.offset(0.0) == "0 s"
    assert figures.offset(41.3) == "41.3 s"
    assert figures.clock_time(1_795_378_512.0) == "2026-11-22 20:15:12 UTC"
    assert figures.clock_time(0) == ""


@pytest.mark.parametrize(
    ("value", "limit", "shown"),
    [
        (812.4, 500, "812 ms"),
        (500.4, 500, "500.4 ms"),
        (500, 500, "500 ms"),
        (1234.6, 1234.5, "1.235 s"),
        (1006, 1006, "1.006 s"),
        (1000.0000001, 1000, "1.0000000001 s"),
    ],
)
def test_a_value_is_told_apart_from_its_limit(value: float, limit: float, shown: str) -> None:
    assert figures.told_apart(value, limit, figures.duration) == shown


@given(st.floats(min_value=0.01, max_value=59_000), st.floats(min_value=0.01, max_value=59_000))
def test_a_value_reads_on_its_side_of_the_limit(value: float, limit: float) -> None:
    factors = {"µs": 0.001, "ms": 1, "s": 1000}

    def read(text: str) -> float:
        shown, unit = text.split(" ")
        return value_of(shown) * factors[unit]

    shown = read(figures.told_apart(value, limit, figures.duration))
    exact = read(figures.duration(limit, digits=figures.EXACT))
    assert (shown > exact) <= (value > limit)
    assert (shown < exact) <= (value < limit)


MAGNITUDES = [digits * 10.0**power for power in range(-6, 16) for digits in (1, 1.5, 7.2, 9.9995)]
FORMATS: dict[str, Callable[[float], str]] = {
    "number": figures.number,
    "signed": figures.signed,
    "literal": figures.literal,
    "given": figures.given,
    "duration": figures.duration,
    "duration in two digits": partial(figures.duration, digits=2),
    "offset": figures.offset,
    "share": figures.share,
    "per_second": figures.per_second,
    "size": figures.size,
    "as_written": figures.as_written,
    "told_apart": lambda value: figures.told_apart(value, value * 1.0001, figures.number),
}


@pytest.mark.parametrize("name", FORMATS)
def test_no_number_of_any_magnitude_has_an_exponent(name: str) -> None:
    shown = [FORMATS[name](value) for value in (0, *MAGNITUDES, 1e300, -7.2e2)]

    assert [text for text in shown if re.search(r"\de|e[+-]?\d", text, re.IGNORECASE)] == []
    assert all(re.search(r"\d", text) for text in shown)


@pytest.mark.parametrize(("value", "shown"), [(1e308 * 10, "∞"), (-1e308 * 10, "-∞"), (float("nan"), "no number")])
def test_what_is_no_finite_number_is_said_and_stops_nothing(value: float, shown: str) -> None:
    everywhere = {FORMATS[name](value) for name in ("number", "signed")}

    assert everywhere == {shown}
    assert figures.duration(1e308 * 10) == figures.size(1e308 * 10) == figures.share(1e308 * 10) == "∞"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_literal_reads_back_as_the_same_number(value: float) -> None:
    assert float(figures.literal(value)) == value


@pytest.mark.parametrize(
    ("value", "shown"),
    [(float("inf"), "inf"), (1e-5, "0.00001"), (1e22, "1" + "0" * 22), (3.0, "3.0"), (True, "True"), ("a", "'a'")],
)
def test_a_value_that_somebody_wrote(value: object, shown: str) -> None:
    assert figures.given(value) == shown
