"""Where a failing instance parts from a passing one: the first telling difference, and the values before it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.stories import request, step, story
from windtunnel.report.difference import Comparison, PassingOnes, compare, passing_ones
from windtunnel.report.model import CheckStory, RequestStory, StepStory, Story
from windtunnel.report.observed import LONGEST_VALUE, VALUES, Spot, observe


def between(failing: StepStory, passing: StepStory) -> Comparison:
    return compare(story(failing, index=1, outcome="failed"), story(passing))


def told(found: Comparison) -> str:
    assert found.first is not None
    return found.first.sentence


FAILED_CHECK = CheckStory(name="json $.total", ok=False, expected="3", actual="4")


@pytest.mark.parametrize(
    ("failing", "passing", "sentence"),
    [
        (step("pay", request(503), outcome="failed"), step("pay", request(200)), "status 200 became 503"),
        (
            step("pay", request(0, error="timeout", error_detail="deadline of 2 s"), outcome="failed"),
            step("pay", request(200)),
            "no complete response: deadline of 2 s",
        ),
        (
            step("pay", request(), outcome="failed", checks=(FAILED_CHECK,)),
            step("pay", request(), checks=(CheckStory(name="json $.total", ok=True),)),
            'check "json $.total" failed: expected 3, got 4',
        ),
        (
            step("pay", request(500, fault="lost reply"), outcome="failed"),
            step("pay", request(200)),
            'fault "lost reply" was injected',
        ),
        (step("pay", outcome="skipped"), step("pay"), "outcome passed became skipped"),
        (
            step("pay", request(), request(500), outcome="failed"),
            step("pay", request()),
            "one more request, answered with 500",
        ),
        (
            step("pay", request(), outcome="failed"),
            step("pay", request(), request(204)),
            "one request less: none was answered with 204",
        ),
    ],
)
def test_the_first_telling_difference_has_a_sentence(
    failing: StepStory, passing: StepStory, sentence: str
) -> None:
    assert told(between(failing, passing)) == f'step "pay": {sentence}'


@pytest.mark.parametrize(
    ("failing", "passing", "sentence"),
    [
        ({"items": [{"price": 4}]}, {"items": [{"price": 3}]}, "$.items[0].price 3 became 4"),
        ({"a": 1}, {"a": 1, "b": {"c": [1, 2]}}, "$.b is missing, it was {…}"),
        ({"a": 1, "odd name": "x"}, {"a": 1}, '$["odd name"] is new: "x"'),
        ({"items": []}, {"items": [1, 2]}, "$.items [2] became [0]"),
        ("one\nthree", "one\ntwo", "line 2 two became three"),
    ],
)
def test_values_before_the_parting_are_told(failing: object, passing: object, sentence: str) -> None:
    found = between(
        step("pay", request(response=failing), outcome="failed", checks=(FAILED_CHECK,)),
        step("pay", request(response=passing)),
    )

    assert found.first is not None
    assert found.first.part == "check"
    assert found.before[0].sentence == f'step "pay": response body {sentence}'


def test_what_follows_the_parting_is_its_consequence() -> None:
    found = compare(
        story(step("browse", request()), step("pay", request(500, response="oops"), outcome="failed"), index=1),
        story(step("browse", request()), step("pay", request(response="fine")), step("ship", request())),
    )

    assert told(found) == 'step "pay": status 200 became 500'
    assert found.before == ()
    assert found.rows == ((0, 0), (1, 1), (None, 2))


def test_a_header_that_differs_is_named_and_one_that_always_differs_is_not() -> None:
    def answered(cache: str, number: int) -> RequestStory:
        return request(
            response_headers=(
                ("X-Cache", cache),
                ("Date", f"Mon, 02 Nov 2026 10:00:0{number} GMT"),
                ("X-Request-ID", str(number)),
                ("X-Seen", f"shop-{number} at 2026-11-02T10:00:0{number}Z"),
            )
        )

    found = compare(
        story(step("pay", answered("MISS", 1), outcome="failed"), index=1), story(step("pay", answered("HIT", 0)))
    )

    assert [each.sentence for each in found.before] == ['step "pay": response header X-Cache HIT became MISS']


def test_what_differs_between_passing_instances_is_no_difference() -> None:
    def bought(price: int, *, items: int = 1) -> StepStory:
        return step("cart", request(response={"items": [{"price": price}] * items}))

    others = [story(bought(price), index=price) for price in (3, 7)]
    failing = story(bought(9), step("pay", request(503), outcome="failed"), index=1)

    alone = compare(failing, others[0])
    among = compare(failing, others[0], PassingOnes(others))

    assert [each.what for each in alone.before] == ["$.items[0].price"]
    assert among.before == ()
    assert told(among) == told(alone)


def test_a_status_that_a_passing_instance_shows_too_is_no_difference() -> None:
    others = [story(step("browse", request(status)), index=status) for status in (200, 304)]
    failing = story(step("browse", request(304)), step("pay", request(500), outcome="failed"), index=1)

    assert told(compare(failing, others[0], PassingOnes(others))) == 'step "pay": only the failing instance ran it'


def test_steps_are_paired_by_round_and_more_polls_are_no_difference() -> None:
    failing = story(
        step("poll", request(poll=True), request(poll=True), request()),
        step("add", request(), round=1),
        step("add", request(409), round=2, outcome="failed"),
        index=1,
    )
    passing = story(step("poll", request()), step("add", request(), round=1), step("add", request(), round=2))

    found = compare(failing, passing)

    assert found.first is not None
    assert (found.first.here, found.first.there) == (2, 2)
    assert told(found) == 'step "add": status 200 became 409'


def test_a_step_in_another_order_is_the_same_step() -> None:
    found = compare(story(step("b"), step("a"), index=1), story(step("a"), step("b")))

    assert found.first is None
    assert found.rows == ((0, 1), (1, 0))


def test_a_body_that_one_of_the_two_did_not_keep_is_no_difference() -> None:
    found = between(step("pay", request(response={"a": 1})), step("pay", request()))

    assert found.first is None


def test_a_passing_one_of_the_same_scenario_that_has_bodies_is_chosen() -> None:
    failing = story(step(), index=1, outcome="failed")
    found = passing_ones(
        [
            failing,
            story(step(), index=2),
            story(step("pay", request(response="x")), index=20),
            story(step("pay", request(response="x")), index=9),
            story(step("pay", request(response="x")), index=3, fault="lost reply"),
            story(step("pay", request(response="x")), index=1, scenario="other", instance_id="other-1"),
            story(step(), index=3, outcome="errored", scenario="lonely", instance_id="lonely-3"),
        ]
    )

    nearest = found["shop"].nearest(failing)

    assert nearest is not None
    assert nearest.instance_id == "shop-9"
    assert set(found) == {"shop", "other"}


def test_deep_and_broad_bodies_are_read_within_bounds() -> None:
    deep = "[" * 5_000 + "]" * 5_000
    broad = [{"value": "x" * 1_000}] * 10_000
    found = between(
        step("pay", request(response=deep), request(response=broad), outcome="failed", checks=(FAILED_CHECK,)),
        step("pay", request(response="[]"), request(response=[])),
    )

    assert told(found).endswith("got 4")
    assert all(len(each.sentence) < 3 * LONGEST_VALUE for each in found.before)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
STATUSES = st.sampled_from([0, 200, 404, 503])
STEPS = st.builds(
    lambda name, status, content, round_, outcome: step(
        name,
        request(status, response=content, error=None if status else "timeout"),
        outcome=outcome,
        round=round_,
    ),
    st.sampled_from("abc"),
    STATUSES,
    JSON,
    st.integers(0, 2),
    st.sampled_from(["passed", "failed", "skipped"]),
)
STORIES = st.lists(STEPS, max_size=6).map(lambda steps: story(*steps))


@given(STORIES)
def test_an_instance_never_differs_from_itself(one: Story) -> None:
    found = compare(one, one)

    assert found.first is None
    assert found.rows == tuple((n, n) for n in range(len(one.steps)))


@given(STORIES, STORIES)
def test_every_step_of_both_is_in_one_row_and_the_first_difference_is_real(one: Story, other: Story) -> None:
    found = compare(one, other)

    assert sorted(a for a, _ in found.rows if a is not None) == list(range(len(one.steps)))
    assert sorted(b for _, b in found.rows if b is not None) == list(range(len(other.steps)))
    if found.first is None:
        assert telling(one) == telling(other)
    else:
        assert found.first.failing != found.first.passing
        assert found.first.sentence
    assert not any(each.telling for each in found.before)


def telling(one: Story) -> dict[Spot, object]:
    return {
        spot: section.raw
        for sections in observe(one).sections.values()
        for spot, section in sections.items()
        if spot[2] not in VALUES
    }
