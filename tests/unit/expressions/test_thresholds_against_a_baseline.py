"""The grammar of limits that follow from a baseline."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windtunnel.errors import ExpressionError
from windtunnel.expressions.threshold import parse_threshold


@pytest.mark.parametrize(
    ("selector", "written", "text", "times", "plus"),
    [
        ("http_req_duration", "p(95)<baseline*1.1", "p(95) < baseline * 1.1", 1.1, 0.0),
        ("http_req_duration", "p(95) <= baseline", "p(95) <= baseline", 1.0, 0.0),
        ("http_req_duration", "avg < baseline + 50ms", "avg < baseline + 50 ms", 1.0, 50_000.0),
        ("http_req_duration", "avg < baseline + 50", "avg < baseline + 50 ms", 1.0, 50_000.0),
        ("http_req_failed", "rate < baseline + 1%", "rate < baseline + 1%", 1.0, 0.01),
        ("checks", "rate >= baseline - 0.5%", "rate >= baseline - 0.5%", 1.0, -0.005),
        ("http_reqs", "rate > baseline * 0.9", "rate > baseline * 0.9", 0.9, 0.0),
        ("iterations", "rate >= baseline", "rate >= baseline", 1.0, 0.0),
    ],
)
def test_a_limit_may_follow_from_the_baseline(
    selector: str, written: str, text: str, times: float, plus: float
) -> None:
    threshold = parse_threshold(selector, written)
    assert (threshold.text, threshold.baseline_times, threshold.baseline_plus) == (text, times, plus)
    assert parse_threshold(selector, threshold.text).text == text
    assert threshold.limit == 0.0


def test_a_plain_limit_has_nothing_to_do_with_a_baseline() -> None:
    threshold = parse_threshold("http_req_duration", "p(95) < 400ms")
    assert (threshold.limit, threshold.baseline_times, threshold.baseline_plus) == (400_000, None, 0.0)


@pytest.mark.parametrize(
    "written",
    [
        "p(95) < baseline *",
        "p(95) < baseline * 1.1ms",
        "p(95) < baseline 5",
        "p(95) < baseline / 2",
        "p(95) < 1.1 * baseline",
        "p(95) < baselines",
        "p(95) < baseline + 5 %",
        "p(95) < baseline * 1.1 * 2",
        "baseline < 5",
    ],
)
def test_anything_else_is_refused_with_a_hint(written: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        parse_threshold("http_req_duration", written)
    assert raised.value.hint


@given(st.text(alphabet="baseline*+-<=p()95. ms%0", max_size=30))
def test_no_text_does_worse_than_an_expression_error(text: str) -> None:
    with contextlib.suppress(ExpressionError):
        parse_threshold("http_req_duration", f"p(95) < {text}")
