"""What runs once a run and once a user: when, with which variables and cookies, and what a failure of it means."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.journeys import Finished, Run, facts_of, get, pause, scenario, section
from windtunnel.engine.run.shutdown import Shutdown, Stop
from windtunnel.metrics.aggregate import Aggregate
from windtunnel.metrics.measure import Counter as Count
from windtunnel.metrics.measure import Rate, select
from windtunnel.model.load import ClosedLoad, OpenLoad
from windtunnel.model.record import RunEnded, RunStarted
from windtunnel.testing.scripted import Answer, Sent, json_answer


def targets(finished: Finished) -> list[str]:
    return [sent.target for sent in finished.transport.sent]


def counted(finished: Finished) -> Aggregate:
    aggregate = Aggregate()
    aggregate.write(finished.records)
    return aggregate


def numbered() -> Callable[[Sent], Answer]:
    """Answers that count from 1."""
    numbers = iter(range(1, 1000))
    return lambda sent: json_answer({"n": next(numbers)})


def test_setup_runs_once_before_the_load_and_every_instance_sees_what_it_extracted_and_set(run: Run) -> None:
    journey = scenario(
        get("use", "/use/{{ id }}/{{ twice }}/{{ size }}"),
        setup=section(
            get("create", "/create?{{ size }}", extract={"id": "$.n"}),
            {"type": "set", "name": "s", "variables": {"twice": "{{ id * 2 }}"}},
        ),
        teardown=section(get("delete", "/delete/{{ id }}")),
        variables={"size": "big"},
    )
    finished = run(journey, answers=numbered(), load=ClosedLoad(count=3, parallel=2))

    assert targets(finished) == ["/create?big", *["/use/1/2/big"] * 3, "/delete/1"]
    assert [
        (record.instance_id, record.phase, record.outcome) for record in finished.instances if record.phase
    ] == [
        ("journey-setup", "setup", "passed"),
        ("journey-teardown", "teardown", "passed"),
    ]
    assert {step.phase for step in finished.steps if step.step in {"create", "s"}} == {"setup"}
    assert len({record.correlation_id for record in finished.instances}) == 5


def test_what_runs_beside_the_load_is_in_no_metric(run: Run) -> None:
    journey = scenario(
        get("use"),
        setup=section(get("create")),
        user_setup=section(get("login")),
        teardown=section(get("delete")),
    )
    aggregate = counted(run(journey, load=ClosedLoad(count=2)))

    assert select(aggregate, "http_reqs") == Count(total=2, samples=2)
    assert select(aggregate, "instances") == Rate(matches=2, count=2)
    assert select(aggregate, "checks") == Rate(matches=2, count=2)
    assert select(aggregate, "http_reqs", {"phase": "setup"}) == Count(total=1, samples=1)


def test_after_a_failed_setup_nothing_of_the_load_is_sent_and_the_teardown_runs(run: Run) -> None:
    journey = scenario(get("use"), setup=section(get("create")), teardown=section(get("delete")))
    finished = run(journey, answers=[Answer(status=500), Answer()], load=ClosedLoad(count=5))

    assert [step.step for step in finished.steps] == ["create", "delete"]
    assert {record.reason for record in finished.of(type(finished.ending))} == {"setup failed", "completed"}


def test_every_teardown_step_runs_also_when_one_fails(run: Run) -> None:
    journey = scenario(get("use"), teardown=section(get("a"), get("b")))
    finished = run(journey, answers=[Answer(), Answer(status=500), Answer()])

    assert [(step.step, step.outcome) for step in finished.steps] == [
        ("use", "passed"),
        ("a", "failed"),
        ("b", "passed"),
    ]


def test_a_stop_during_the_load_still_tears_down_within_the_grace(run: Run) -> None:
    def stop_soon(shutdown: Shutdown) -> None:
        asyncio.get_running_loop().call_later(1, shutdown.request, Stop(reason="enough", grace_s=2.0))

    journey = scenario(pause("long", "1h"), teardown=section(get("quick"), pause("endless", "1h"), get("never")))
    finished = run(journey, during=stop_soon)

    assert [(step.step, step.outcome) for step in finished.steps if step.phase] == [
        ("quick", "passed"),
        ("endless", "interrupted"),
    ]


def test_a_stop_during_the_setup_ends_it_and_there_is_no_load(run: Run) -> None:
    def stop_soon(shutdown: Shutdown) -> None:
        asyncio.get_running_loop().call_later(1, shutdown.request, Stop(reason="enough", grace_s=2.0))

    journey = scenario(get("use"), setup=section(pause("endless", "1h")), teardown=section(get("delete")))
    finished = run(journey, during=stop_soon)

    assert [(step.step, step.outcome) for step in finished.steps] == [
        ("endless", "interrupted"),
        ("delete", "passed"),
    ]


MADE = {"made": "{{ uuid() }}"}


def sent_by(finished: Finished) -> dict[str, tuple[str, object]]:
    """The last part of the path of each request, and whose cookies its client had, by the first part."""
    return {
        sent.target.split("/")[1]: (sent.target.rpartition("/")[2], sent.cookies)
        for sent in finished.transport.sent
    }


def test_a_teardown_begins_with_the_cookies_and_variables_of_its_setup_and_instances_with_the_variables(
    run: Run,
) -> None:
    journey = scenario(
        get("use", "/use/{{ id }}"),
        setup=section(get("create", "/create/{{ made }}", extract={"id": "$.n"})),
        teardown=section(get("delete", "/delete/{{ made }}"), get("last", "/last/{{ id }}")),
        variables=MADE,
    )
    sent = sent_by(run(journey, answers=numbered()))

    assert sent["delete"] == sent["create"] == (sent["create"][0], "cookies of journey-setup")
    assert sent["last"] == ("1", "cookies of journey-setup")
    assert sent["use"] == ("1", "cookies of journey-0")


def test_each_teardown_has_the_cookies_of_its_own_setup_and_none_without_one(run: Run) -> None:
    sections = {"setup": section(get("create", "/create-{{ id }}"))}
    journeys = [
        scenario(
            get("use"),
            id=id,
            variables={"id": id},
            teardown=section(get("delete", f"/delete-{id}")),
            **(sections if id != "b" else {}),
        )
        for id in ("a", "b", "c")
    ]
    sent = sent_by(run(*journeys))

    assert {target: cookies for target, (_, cookies) in sent.items() if "delete" in target} == {
        "delete-a": "cookies of a-setup",
        "delete-b": "cookies of b-teardown",
        "delete-c": "cookies of c-setup",
    }


@pytest.mark.parametrize("end", ["a step that fails", "a stop"])
def test_a_setup_that_ended_half_way_leaves_what_it_had(run: Run, end: str) -> None:
    def stop_soon(shutdown: Shutdown) -> None:
        asyncio.get_running_loop().call_later(1, shutdown.request, Stop(reason="enough", grace_s=2.0))

    failing = get("broken", "/broken", expect={"status_code": 200})
    last = pause("endless", "1h") if end == "a stop" else failing
    journey = scenario(
        get("use"),
        setup=section(get("create", "/create/{{ made }}", extract={"id": "$.n"}), last),
        teardown=section(get("delete", "/delete/{{ made }}"), get("last", "/last/{{ id }}")),
        variables=MADE,
    )
    finished = run(
        journey,
        answers=lambda sent: json_answer({"n": 7}, status=500 if sent.target == "/broken" else 200),
        during=stop_soon if end == "a stop" else None,
    )
    sent = sent_by(finished)

    assert "use" not in sent
    assert sent["delete"] == sent["create"]
    assert sent["last"] == ("7", "cookies of journey-setup")


def test_what_a_setup_extracts_as_secret_is_hidden_in_its_teardown(run: Run) -> None:
    secret = {"json": "$.t", "secret": True}
    journey = scenario(
        get("use"),
        setup=section(get("create", "/create", extract={"key": secret})),
        teardown=section(get("delete", "/{{ key }}")),
    )
    finished = run(journey, answers=lambda _: json_answer({"t": "secret-of-the-setup"}))

    assert targets(finished)[-1] == "/secret-of-the-setup"
    assert "secret-of-the-setup" not in repr(finished.records)


def test_without_an_answering_service_nothing_is_sent_and_both_segments_say_so(run: Run) -> None:
    finished = run(scenario(get("use"), setup=section(get("create"))), refused="connection refused")

    assert finished.steps == []
    assert [record.kind for record in finished.of(RunStarted)] == ["load", "setup"]
    assert [record.unreachable for record in finished.of(RunEnded)] == ["connection refused"] * 2


@pytest.mark.parametrize("load", [ClosedLoad(count=6, parallel=2), OpenLoad(rate=10, count=6, max_parallel=2)])
def test_a_user_is_set_up_once_and_keeps_its_variables_and_cookies(run: Run, load: Any) -> None:
    journey = scenario(
        get("use", "/use/{{ token }}/{{ user_index }}"),
        user_setup=section(get("login", "/login/{{ user_index }}", extract={"token": "$.n"})),
    )
    finished = run(
        journey, answers=lambda sent: json_answer({"n": f"t{sent.target[-1]}"}, latency_s=0.15), load=load
    )

    used = Counter(targets(finished))
    assert {target: count for target, count in used.items() if "login" in target} == {"/login/0": 1, "/login/1": 1}
    assert all(target.split("/")[2] == f"t{target[-1]}" for target in used if "use" in target)
    assert [record.phase for record in finished.instances if record.index < 0] == ["user_setup"] * 2


def test_an_instance_whose_user_cannot_be_set_up_fails_and_the_next_one_tries_again(run: Run) -> None:
    journey = scenario(get("use"), user_setup=section(get("login")))
    finished = run(journey, answers=[Answer(status=401), Answer(), Answer()], load=ClosedLoad(count=2))

    assert [(record.instance_id, record.outcome) for record in finished.instances] == [
        ("journey-user-0", "failed"),
        ("journey-0", "failed"),
        ("journey-user-0", "passed"),
        ("journey-1", "passed"),
    ]
    failed = finished.instances[1]
    assert (failed.failed_step, failed.error, failed.message) == (
        "login",
        "user_setup",
        "user_setup: status_code: expected below 400 but got 401",
    )


def test_a_user_setup_that_is_cut_short_interrupts_its_instance(run: Run) -> None:
    journey = scenario(get("use"), user_setup=section(pause("endless", "1h")))
    finished = run(journey, load=ClosedLoad(parallel=2, duration_s=5.0, graceful_stop_s=1.0))

    assert sorted((record.instance_id, record.outcome, record.failed_step) for record in finished.instances) == [
        ("journey-0", "interrupted", "user_setup"),
        ("journey-1", "interrupted", "user_setup"),
        ("journey-user-0", "interrupted", None),
        ("journey-user-1", "interrupted", None),
    ]


def test_users_that_cannot_be_set_up_without_a_request_take_turns(run: Run) -> None:
    nowhere = {"type": "set", "name": "broken", "variables": {"a": "{{ [][instance_index] }}"}}
    finished = run(scenario(get("use"), user_setup=section(nowhere)), load=ClosedLoad(parallel=2, count=6))

    ended = [record for record in finished.instances if not record.phase]
    assert [record.user for record in ended] == [0, 1, 0, 1, 0, 1]
    assert {(record.outcome, record.failed_step) for record in ended} == {("errored", "broken")}


def test_what_setup_and_user_setup_extract_as_secret_is_hidden_in_every_instance(run: Run) -> None:
    secret = {"json": "$.t", "secret": True}
    journey = scenario(
        get("use", "/{{ one }}/{{ two }}"),
        setup=section(get("create", "/create", extract={"one": secret})),
        user_setup=section(get("login", "/login", extract={"two": secret})),
    )
    finished = run(
        journey,
        answers=lambda sent: json_answer({"t": f"secret-of{sent.target.replace('/', '-')}"}),
        load=ClosedLoad(count=2),
    )

    assert targets(finished)[-1] == "/secret-of-create/secret-of-login"
    assert {facts_of(step).url for step in finished.steps if step.step == "use"} == {
        "http://sut/[redacted]/[redacted]"
    }


def test_scenarios_without_sections_write_one_segment(run: Run) -> None:
    assert len(run(scenario(get("a"))).of(type(run(scenario(get("a"))).ending))) == 1
