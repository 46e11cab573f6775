"""Numbers look as a person would write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windtunnel import figures


@pytest.mark.parametrize(
    ("ms", "shown"),
    [
        (0, "0 ms"),
        (0.001, "< 0.01 ms"),
        (0.04, "0.04 ms"),
        (0.4, "0.4 ms"),
        (9.94, "9.9 ms"),
        (9.96, "10 ms"),
        (812.4, "812 ms"),
        (999.4, "999 ms"),
        (999.6, "1.0 s"),
        (1234, "1.2 s"),
        (59_949, "59.9 s"),
        (59_960, "1 min"),
        (125_000, "2 min 5 s"),
        (3_599_900, "1 h"),
        (3_780_000, "1 h 3 min"),
    ],
)
def test_durations(ms: float, shown: str) -> None:
    assert figures.duration(ms) == shown


@pytest.mark.parametrize(
    ("fraction", "shown"),
    [
        (0, "0%"),
        (0.00001, "< 0.01%"),
        (0.0005, "0.05%"),
        (0.01, "1%"),
        (0.0123, "1.2%"),
        (0.9996, "99.96%"),
        (0.99999, "> 99.99%"),
        (1, "100%"),
    ],
)
def test_shares(fraction: float, shown: str) -> None:
    assert figures.share(fraction) == shown


@given(st.floats(min_value=0, max_value=1, exclude_min=True, exclude_max=True))
def test_only_all_is_all_and_only_none_is_none(fraction: float) -> None:
    assert figures.share(fraction) not in {"0%", "100%"}


def test_counts_rates_sizes_and_moments() -> None:
    assert figures.number(14203) == "14,203"
    assert figures.number(0.25) == "0.25"
    assert figures.plural(1, "instance") == "1 instance"
    assert figures.plural(2000, "instance") == "2,000 instances"
    assert figures.per_second(343.9) == "344/s"
    assert figures.size(612) == "612 B"
    assert figures.size(1434) == "1.4 KiB"
    assert figures.size(64 * 1024) == "64 KiB"
    assert figures.offset(0.0) == "0 s"
    assert figures.offset(41.3) == "41.3 s"
    assert figures.clock_time(1_795_378_512.0) == "2026-11-22 20:15:12 UTC"
    assert figures.clock_time(0) == ""
