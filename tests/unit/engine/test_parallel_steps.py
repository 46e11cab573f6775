"""Branches at the same time: what each sees, what is left when they have joined, how they end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from tests.support.journeys import Finished, Run, get, pause, scenario
from windtunnel.engine.run.shutdown import Shutdown, Stop
from windtunnel.testing.scripted import Answer, Sent, json_answer


def parallel(name: str, *branches: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {"type": "parallel", "name": name, "branches": [{"steps": steps} for steps in branches], **more}


def by_path(**answers: Answer) -> Callable[[Sent], Answer]:
    return lambda sent: answers[sent.target.strip("/").partition("?")[0]]


def told(finished: Finished) -> list[tuple[str, str]]:
    return [(step.step, step.outcome) for step in finished.steps]


def test_branches_take_as_long_as_the_longest(run: Run) -> None:
    finished = run(scenario(parallel("p", [pause("a", "3s")], [pause("b", "1s"), pause("c", "1s")])))

    assert told(finished) == [("b", "passed"), ("c", "passed"), ("a", "passed"), ("p", "passed")]
    assert finished.steps[-1].duration_us == 3_000_000


def test_a_branch_sees_what_was_set_before_and_afterwards_everything_is_there(run: Run) -> None:
    journey = scenario(
        parallel(
            "p",
            [get("slow", "/slow?{{ n }}", extract={"one": "$.v"})],
            [get("fast", "/fast?{{ n }}", extract={"two": "$.v"})],
        ),
        get("use", "/use?{{ one }}-{{ two }}-{{ steps.slow.json.v }}-{{ response.json.v }}"),
        variables={"n": 7},
    )
    finished = run(
        journey, answers=by_path(slow=json_answer({"v": 1}, latency_s=2), fast=json_answer({"v": 2}), use=Answer())
    )

    # The last response is that of the last branch as it is written, not of the slowest.
    assert [sent.target for sent in finished.transport.sent] == ["/slow?7", "/fast?7", "/use?1-2-1-2"]


def test_what_a_branch_draws_does_not_depend_on_which_is_faster(run: Run) -> None:
    def drawn(first_s: float, second_s: float) -> list[str]:
        journey = scenario(
            {
                "type": "repeat",
                "name": "r",
                "times": 2,
                "steps": [
                    parallel(
                        "p",
                        [get("a", "/a?{{ random_int(1, 10000) }}"), get("b", "/b?{{ random_int(1, 10000) }}")],
                        [get("c", "/c?{{ random_int(1, 10000) }}"), get("d", "/d?{{ random_int(1, 10000) }}")],
                    )
                ],
            }
        )
        answers = by_path(
            a=Answer(latency_s=first_s), b=Answer(), c=Answer(latency_s=second_s), d=Answer(latency_s=0.5)
        )
        return sorted(sent.target for sent in run(journey, answers=answers).transport.sent)

    assert drawn(0.1, 2) == drawn(2, 0.1)
    assert len(set(drawn(1, 1))) == 8


def test_all_branches_run_to_their_end_before_a_failure_ends_the_flow(run: Run) -> None:
    finished = run(
        scenario(parallel("p", [get("a", "/a")], [pause("b", "5s"), get("c", "/c")]), get("d")),
        answers=by_path(a=Answer(status=500), c=Answer()),
    )

    assert told(finished) == [("a", "failed"), ("b", "passed"), ("c", "passed"), ("p", "failed")]
    assert finished.instances[0].failed_step == "a"


def test_no_more_than_six_requests_of_one_user_are_under_way(run: Run) -> None:
    branches = [[get(f"s{number}", f"/{number}")] for number in range(10)]
    finished = run(scenario(parallel("p", *branches)), answers=lambda sent: Answer(latency_s=1))

    ends = sorted(step.t for step in finished.steps if step.step != "p")
    assert [round(t - ends[0]) for t in ends] == [0] * 6 + [1] * 4


def test_an_interruption_ends_every_branch_with_a_line_of_its_own(run: Run) -> None:
    def stop_soon(shutdown: Shutdown) -> None:
        asyncio.get_running_loop().call_later(1, shutdown.request, Stop(reason="enough", grace_s=1.0))

    finished = run(scenario(parallel("p", [pause("a", "1h")], [pause("b", "1h")])), during=stop_soon)

    assert sorted(told(finished)) == [("a", "interrupted"), ("b", "interrupted"), ("p", "interrupted")]
    assert finished.instances[0].outcome == "interrupted"


def test_a_bug_in_one_branch_ends_the_others_and_is_shown_once(run: Run) -> None:
    def answer(sent: Any) -> None:
        raise RuntimeError("a bug of ours")

    finished = run(scenario(parallel("p", [get("a")], [pause("b", "1h")])), answers=answer)

    assert sorted((step.step, step.outcome, step.error) for step in finished.steps) == [
        ("a", "errored", "internal"),
        ("b", "interrupted", "interrupted"),
        ("p", "errored", "nested"),
    ]
    assert finished.instances[0].failed_step == "a"


def test_branches_inside_branches_share_the_six_connections(run: Run) -> None:
    inner = [[get(f"s{number}", "/")] for number in range(4)]
    other = [[get(f"t{number}", "/")] for number in range(4)]
    finished = run(
        scenario(parallel("p", [parallel("p1", *inner)], [parallel("p2", *other)])),
        answers=lambda sent: Answer(latency_s=1),
    )

    ends = sorted(step.t for step in finished.steps if step.action == "http")
    assert [round(t - ends[0]) for t in ends] == [0] * 6 + [1] * 2
