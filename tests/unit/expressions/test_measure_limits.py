"""The limits of the judge's measures, as a plan writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windtunnel.errors import ExpressionError
from windtunnel.expressions.measure_limit import parse_measure_limit
from windtunnel.model.resilience import MEASURES


@pytest.mark.parametrize(
    ("measure", "text", "limit", "printed"),
    [
        ("time_to_recover", "< 15s", 15e6, "< 15 s"),
        ("time_to_recover", "<=1m30s", 90e6, "<= 1 min 30 s"),
        ("retry_amplification", "< 1.2", 1.2, "< 1.2"),
        ("error_budget", " < 250 % ", 2.5, "< 250%"),
        ("duplicates", "== 0", 0.0, "== 0"),
    ],
)
def test_a_limit_is_read_in_the_unit_of_its_measure(measure: str, text: str, limit: float, printed: str) -> None:
    parsed = parse_measure_limit(measure, text)

    assert parsed.limit == limit
    assert parsed.text == printed


@pytest.mark.parametrize(
    ("measure", "text", "said", "hint"),
    [
        ("time_to_recver", "< 15s", 'there is no measure "time_to_recver"', 'did you mean "time_to_recover"?'),
        ("time_to_recover", "15s", '"15s" is no limit of time_to_recover', "such as < 15s"),
        ("time_to_recover", "< 15", '"< 15" has no unit: time_to_recover is a time', "such as < 15s"),
        ("time_to_recover", "=> 15s", '"=> 15s" is no limit of time_to_recover', "such as < 15s"),
        ("error_budget", "< 1", '"< 1" is no limit of error_budget', "such as < 100%"),
        ("duplicates", "< 5%", '"< 5%" is no limit of duplicates', "such as < 1.2"),
    ],
)
def test_a_limit_that_can_not_be_is_told_with_what_to_write(measure: str, text: str, said: str, hint: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_measure_limit(measure, text)

    assert str(caught.value) == said
    assert hint in (caught.value.hint or "")


@given(
    st.sampled_from(sorted(MEASURES)),
    st.text(max_size=20) | st.from_regex(r"[0-9]{1,6}(\.[0-9]{1,3})?(ms|s|m|%)?", fullmatch=True),
)
def test_any_text_is_a_limit_or_said_not_to_be_one(measure: str, text: str) -> None:
    try:
        parsed = parse_measure_limit(measure, f"< {text}")
    except ExpressionError:
        return
    assert 0 <= parsed.limit < 1e15
    assert parsed.text.startswith("< ")
