"""Which requests a run keeps with headers and bodies: those that failed, and all of some instances."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.journeys import Run, get, scenario
from windtunnel.engine.load.mix import Mix
from windtunnel.engine.load.whole import ranks
from windtunnel.model.load import ClosedLoad, Segment
from windtunnel.model.record import RequestFacts, StepRecord
from windtunnel.model.vocabulary import KeepBodies
from windtunnel.testing.scripted import Answer, Sent

COUNT = 40


def answer(request: Sent) -> Answer:
    fails = request.instance_id == "journey-39"
    return Answer(status=500 if fails else 200, headers=(("X-Answer", request.instance_id),), body=b"here")


def kept(facts: RequestFacts | None) -> bool:
    assert facts is not None
    with_head = facts.request_headers is not None and facts.response_headers is not None
    assert with_head == (facts.response_body is not None)
    return with_head


@given(st.text(), st.integers(min_value=1, max_value=10**9))
def test_a_scenario_has_few_that_are_kept_however_many_there_are(key: str, count: int) -> None:
    chosen = list(ranks(key))
    within = sum(rank < count for rank in chosen)

    assert chosen == sorted(set(chosen))
    assert chosen[:4] == [0, 1, 2, 3]
    assert len(chosen) == 62
    assert count.bit_length() * 2 - 2 <= within + 1 <= count.bit_length() * 2 + 1


@given(
    st.lists(st.integers(min_value=1, max_value=9), min_size=1, max_size=5), st.integers(), st.integers(0, 10**6)
)
def test_the_instance_of_a_rank_runs_its_scenario_and_is_the_only_one(
    weights: list[int], seed: int, rank: int
) -> None:
    mix = Mix(weights, seed)

    for scenario_ in range(len(weights)):
        index = mix.index(scenario_, rank)
        assert mix.scenario(index) == scenario_
        assert mix.ranks({scenario_}).rank(index) == rank


@pytest.mark.parametrize(
    ("keep", "expected"),
    [
        ("failures", lambda step, whole: whole or step.outcome == "failed"),
        ("all", lambda step, whole: True),
        ("none", lambda step, whole: False),
    ],
)
def test_failures_and_the_requests_of_some_instances_are_kept(
    run: Run, keep: KeepBodies, expected: Callable[[StepRecord, bool], bool]
) -> None:
    finished = run(scenario(get("a"), get("b")), answers=answer, load=ClosedLoad(count=COUNT), bodies=keep)

    whole = {record.instance_id for record in finished.instances if record.whole}
    assert len(whole) == (0 if keep == "none" else sum(rank < COUNT for rank in ranks("1:journey")))
    for step in finished.steps:
        assert kept(step.request) == expected(step, step.instance_id in whole)


@pytest.mark.parametrize(
    ("type_", "more"),
    [("http", {"retry": {"attempts": 2, "on": ["503"]}}), ("wait", {"interval": "1s", "timeout": "3s"})],
)
def test_the_request_by_which_a_step_of_several_failed_is_kept_although_it_was_answered_well(
    run: Run, type_: str, more: dict[str, object]
) -> None:
    def late(request: Sent) -> Answer:
        return Answer(status=503 if type_ == "http" and request.attempt == 1 else 200, body=b"something else")

    step = {"type": type_, "name": "a", "path": "/", "expect": {"body": "this"}, **more}
    finished = run(scenario(step), answers=late, load=ClosedLoad(count=COUNT))

    whole = {record.instance_id for record in finished.instances if record.whole}
    last = {record.instance_id: record.request for record in finished.requests if record.instance_id not in whole}
    assert len(last) > COUNT // 2
    assert {(facts.status, facts.failed, kept(facts)) for facts in last.values()} == {(200, False, True)}


def test_every_scenario_of_a_mix_has_its_own(run: Run) -> None:
    rare, often = scenario(get("a"), id="rare", weight=1), scenario(get("b"), id="often", weight=9)
    finished = run(rare, often, answers=answer, load=ClosedLoad(count=200))

    assert Counter(record.scenario for record in finished.instances if record.whole) == {
        "rare": sum(rank < 20 for rank in ranks("1:rare")),
        "often": sum(rank < 180 for rank in ranks("1:often")),
    }


def test_a_request_that_is_not_kept_says_nothing_of_its_headers(run: Run) -> None:
    finished = run(scenario(get("a")), answers=answer, load=ClosedLoad(count=COUNT))

    not_kept = [step.request for step in finished.steps if not kept(step.request)]
    assert len(not_kept) > COUNT // 2
    assert all(facts is not None and facts.headers_left_out == 0 for facts in not_kept)


def test_the_same_instances_are_kept_whole_however_many_shards_there_are(run: Run) -> None:
    def whole(number: int, of: int) -> set[int]:
        finished = run(
            scenario(get("a"), id="one", weight=2),
            scenario(get("a"), id="two"),
            answers=answer,
            load=ClosedLoad(count=100, parallel=of),
            segment=Segment(number=number, of=of),
        )
        return {record.index for record in finished.instances if record.whole}

    assert whole(0, 1) == set().union(*(whole(number, 3) for number in range(3)))
