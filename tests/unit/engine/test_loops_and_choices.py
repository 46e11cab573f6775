"""`repeat` and `choose`: how often, with what, and what is left afterwards."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.support.journeys import Finished, Run, get, pause, scenario
from windtunnel.model.load import ClosedLoad
from windtunnel.testing.scripted import Answer, json_answer


def repeat(name: str, *steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "repeat", "name": name, "steps": list(steps), **more}


def choose(name: str, **weights: float) -> dict[str, Any]:
    options = [{"weight": weight, "steps": [get(step)]} for step, weight in weights.items()]
    return {"type": "choose", "name": name, "options": options}


def put(**variables: Any) -> dict[str, Any]:
    return {"type": "set", "name": f"set_{'_'.join(variables)}", "variables": variables}


def targets(finished: Finished) -> list[str]:
    return [sent.target for sent in finished.transport.sent]


def rounds(finished: Finished) -> list[tuple[str, int]]:
    return [(step.step, step.round) for step in finished.steps]


def test_steps_inside_know_their_round_and_the_loop_itself_has_none(run: Run) -> None:
    finished = run(scenario(repeat("r", get("a", "/{{ loop.index }}"), get("b"), times=2), get("c")))

    assert rounds(finished) == [("a", 1), ("b", 1), ("a", 2), ("b", 2), ("r", 0), ("c", 0)]
    assert targets(finished) == ["/1", "/", "/2", "/", "/"]
    assert finished.instances[0].steps == 6


def test_a_loop_inside_a_loop_counts_for_itself(run: Run) -> None:
    finished = run(scenario(repeat("outer", repeat("inner", get("a"), times=2), get("b"), times=2)))

    once = [("a", 1), ("a", 2)]
    assert rounds(finished) == [*once, ("inner", 1), ("b", 1), *once, ("inner", 2), ("b", 2), ("outer", 0)]


def test_the_polls_of_a_loop_have_its_round_too(run: Run) -> None:
    poll = {"type": "wait", "name": "w", "path": "/", "expect": {"status_code": 200}}
    finished = run(scenario(repeat("r", poll, times=1)), answers=[Answer(status=503), Answer()])

    assert [request.round for request in finished.requests] == [1, 1]


@pytest.mark.parametrize("times", [0, "{{ n }}"])
def test_a_loop_of_no_rounds_passes(run: Run, times: int | str) -> None:
    finished = run(scenario(repeat("r", get("a"), times=times), variables={"n": 0}))

    assert [(step.step, step.outcome) for step in finished.steps] == [("r", "passed")]


@pytest.mark.parametrize("times", [-1, "'3'", "2.5", "none"])
def test_a_number_of_rounds_that_is_none_errors_the_step(run: Run, times: int | str) -> None:
    finished = run(scenario(repeat("r", get("a"), times=f"{{{{ {times} }}}}")))

    (step,) = finished.steps
    assert (step.outcome, step.error) == ("errored", "template")
    assert (step.message or "").startswith("times is ")


def test_each_item_is_there_for_its_round_alone(run: Run) -> None:
    journey = scenario(
        get("cart", extract={"items": "$.items"}),
        repeat(
            "r",
            get("a", "/{{ line.id }}?{{ loop.last }}-{{ loop.length }}"),
            for_each="{{ items }}",
            **{"as": "line"},
        ),
        get("after", "/{{ line }}"),
        variables={"line": "mine"},
    )
    finished = run(journey, answers=lambda sent: json_answer({"items": [{"id": "p-1"}, {"id": "p-2"}]}))

    assert targets(finished) == ["/", "/p-1?false-2", "/p-2?true-2", "/mine"]


def test_a_loop_over_what_is_no_list_errors_the_step(run: Run) -> None:
    finished = run(scenario(repeat("r", get("a"), for_each="{{ 'abc' }}")))

    assert finished.steps[0].message == "for_each takes a list, not a text"


def test_while_asks_before_every_round_and_sees_what_the_last_one_set(run: Run) -> None:
    journey = scenario(
        put(cursor="start"),
        repeat(
            "pages",
            get("page", "/?{{ cursor }}", extract={"cursor": "$.next"}),
            **{"while": "cursor != none", "max_times": 9},
        ),
    )
    finished = run(journey, answers=[json_answer({"next": "b"}), json_answer({"next": None})])

    assert targets(finished) == ["/?start", "/?b"]
    assert finished.instances[0].outcome == "passed"


def test_a_loop_follows_links_until_there_is_none(run: Run) -> None:
    page = {**get("page", "{{ to }}"), "extract": {"to": {"link": "next", "default": None}}}
    linked = [Answer(headers=(("Link", f'</items?page={number}>; rel="next"'),)) for number in (2, 3)]
    finished = run(
        scenario(
            repeat("r", page, **{"while": "to is not none", "max_times": 9}), variables={"to": "/items?page=1"}
        ),
        answers=[*linked, Answer()],
    )

    assert [target.removeprefix("http://sut") for target in targets(finished)] == [
        "/items?page=1",
        "/items?page=2",
        "/items?page=3",
    ]
    assert finished.instances[0].outcome == "passed"


def test_a_while_that_would_go_on_fails(run: Run) -> None:
    finished = run(scenario(repeat("r", get("a"), **{"while": "true", "max_times": 2})))

    assert rounds(finished) == [("a", 1), ("a", 2), ("r", 0)]
    last = finished.steps[-1]
    assert (last.outcome, last.error, last.message) == (
        "failed",
        "max_times",
        "the condition still holds after 2 rounds",
    )
    assert finished.instances[0].failed_step == "r"


def test_a_failed_step_ends_the_loop_and_the_flow(run: Run) -> None:
    finished = run(scenario(repeat("r", get("a"), times=3), get("b")), answers=[Answer(), Answer(status=500)])

    assert [(step.step, step.outcome) for step in finished.steps] == [
        ("a", "passed"),
        ("a", "failed"),
        ("r", "failed"),
    ]


def test_a_step_that_continues_lets_the_loop_go_on(run: Run) -> None:
    finished = run(
        scenario(repeat("r", get("a", on_failure="continue"), times=2), get("b")),
        answers=[Answer(status=500), Answer(), Answer()],
    )

    assert [(step.step, step.outcome) for step in finished.steps] == [
        ("a", "failed"),
        ("a", "passed"),
        ("r", "failed"),
        ("b", "passed"),
    ]


def test_max_steps_ends_a_loop(run: Run) -> None:
    finished = run(scenario(repeat("r", get("a"), times=1000), max_steps=5))

    assert (len(finished.transport.sent), finished.instances[0].error) == (4, "max_steps")


def test_a_response_by_the_name_of_a_step_in_a_loop_is_the_last_one(run: Run) -> None:
    journey = scenario(
        repeat("r", get("a"), times=2),
        assertions=[{"type": "assert", "name": "x", "step": "a", "expect": {"json": {"$.n": 2}}}],
    )
    finished = run(journey, answers=[json_answer({"n": 1}), json_answer({"n": 2})])

    assert finished.assertions[0].outcome == "passed"


def test_options_are_drawn_by_weight_and_one_seed_draws_the_same(run: Run) -> None:
    journey = scenario(choose("c", often=3, seldom=1, never=0))
    first = run(journey, load=ClosedLoad(count=400), seed=5)
    again = run(journey, load=ClosedLoad(count=400, parallel=7), seed=5)

    drawn = Counter(step.step for step in first.steps)
    assert drawn["never"] == 0
    assert 260 < drawn["often"] < 340
    by_index = {step.instance_id: step.step for step in first.steps if step.step != "c"}
    assert {step.instance_id: step.step for step in again.steps if step.step != "c"} == by_index


def test_a_loop_of_pauses_takes_its_time(run: Run) -> None:
    finished = run(scenario(repeat("r", pause("p", "2s"), times=3)))

    assert round(finished.steps[-1].duration_us / 1e6) == 6


def test_requests_count_how_often_an_instance_has_sent_for_their_step(run: Run) -> None:
    poll = {"type": "wait", "name": "poll", "path": "/", "interval": "1s"}
    retried = get("retried", retry={"attempts": 2, "on": ["5xx"]})
    flow = scenario(repeat("outer", repeat("inner", get("a"), times=2), times=2), poll, retried)
    bad, good = Answer(status=503), Answer()
    finished = run(flow, answers=[good] * 4 + [bad, good] + [bad, good])

    assert [(sent.step, sent.occurrence, sent.attempt) for sent in finished.transport.sent] == [
        ("a", 1, 1),
        ("a", 2, 1),
        ("a", 3, 1),
        ("a", 4, 1),
        ("poll", 1, 1),
        ("poll", 2, 1),
        ("retried", 1, 1),
        ("retried", 1, 2),
    ]
