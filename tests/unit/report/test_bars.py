"""A bar has a sign for each part of a request, where it was and as long as it took."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from windtunnel.model.record import Timings
from windtunnel.report.bars import PART_OF_SIGN, SIGNS, request_bar, step_bar
from windtunnel.report.model import RequestStory, StepStory


def request(began_us: int, **timings: int) -> RequestStory:
    return RequestStory(
        method="GET",
        url="http://shop/",
        service="",
        status=200,
        error=None,
        error_detail=None,
        attempt=1,
        span_id="",
        failed=False,
        poll=False,
        resent=False,
        bytes_sent=1,
        bytes_received=1,
        began_us=began_us,
        timings=Timings(**timings),
    )


def step(began_us: int, duration_us: int, *requests: RequestStory, **more: Any) -> StepStory:
    return StepStory(
        name="pay",
        action="http",
        outcome="passed",
        began_us=began_us,
        duration_us=duration_us,
        requests=requests,
        **more,
    )


def test_each_part_has_its_own_sign_in_its_place() -> None:
    sent = request(1_000, queue=1_000, dns=1_000, connect=1_000, tls=1_000, send=1_000, wait=2_000, receive=1_000)
    assert step_bar(step(1_000, 9_000, sent), 10_000, 10) == " ·░▒▓▀██▄─"
    assert request_bar(sent, 10_000, 10) == " ·░▒▓▀██▄ "


def test_the_signs_are_told_apart_without_colour() -> None:
    assert len(PART_OF_SIGN) == len(SIGNS)


def test_what_is_too_short_for_a_cell_leaves_the_mark_of_its_longest_part() -> None:
    assert step_bar(step(5_000, 3, request(5_000, send=1, wait=2)), 10_000, 10) == "     █    "
    assert step_bar(step(10_000, 0), 10_000, 4) == "   ─"
    assert request_bar(request(0), 10_000, 4) == "▀   "


def test_retries_stand_where_they_were_with_the_pause_between_them() -> None:
    retried = step(0, 8_000, request(0, wait=2_000), request(6_000, wait=2_000))
    assert step_bar(retried, 8_000, 8) == "██────██"


@given(
    began=st.integers(0, 2**53),
    took=st.integers(0, 2**53),
    wait=st.integers(0, 2**53),
    total=st.integers(1, 2**53),
    cells=st.integers(1, 80),
)
def test_a_bar_is_as_wide_as_it_should_be_and_never_empty(
    began: int, took: int, wait: int, total: int, cells: int
) -> None:
    bar = step_bar(step(began, took, request(began, wait=wait)), total, cells)
    assert len(bar) == cells
    assert set(bar) <= {" ", *SIGNS.values()}
    assert bar.strip()
