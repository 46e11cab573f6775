"""The `python` step: a function of the user's is one step, whatever it does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.journeys import Run, facts_of, get, run, scenario
from windtunnel.errors import ConfigError
from windtunnel.model.record import FailedCheck
from windtunnel.testing.scripted import Answer, json_answer

__all__ = ["run"]

CODE = """
def sign(context, key, times=1):
    context.variables["signature"] = f"{key}x{times}-{context.variables['who']}"

async def buy(context):
    first = await context.http.get(None, "/a", name="first")
    await context.http.post(None, "/b", json={"id": first.json("$.id")})
    context.check("cheap", first.json("$.price") < 10, expected="below 10", actual=first.json("$.price"))

async def look(context):
    assert context.response.json("$.id") == 7
    assert context.steps["one"].status == 200
    await context.pause(2)
    await context.http.get(None, "/only")

async def give_up(context):
    await context.http.get(None, "/a", on_failure="stop")
    raise AssertionError("never comes here")

def fail(context):
    return {}["key"]

def forget(context):
    pass

def overstep(context):
    context.variables["other"] = 1
"""


@pytest.fixture(autouse=True)
def _module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "steps_of_the_test.py").write_text(CODE)
    monkeypatch.chdir(tmp_path)


def call(function: str, name: str = "own", **more: Any) -> dict[str, Any]:
    return {"type": "python", "name": name, "call": f"steps_of_the_test:{function}", **more}


def problems(run: Run, *steps: Any) -> list[tuple[str, str | None]]:
    with pytest.raises(ConfigError) as caught:
        run(scenario(*steps))
    return [(problem.message, problem.hint) for problem in caught.value.problems]


def told(record: Any) -> tuple[Any, ...]:
    return record.step, record.action, record.outcome, record.error, record.requests


def test_what_it_sets_is_there_for_the_steps_after_it(run: Run) -> None:
    finished = run(
        scenario(
            call("sign", args={"key": "{{ 'k' ~ 1 }}", "times": 2}, sets=["signature"]),
            get("next", "/{{ signature }}"),
            variables={"who": "ada"},
        )
    )
    assert [sent.target for sent in finished.transport.sent] == ["/k1x2-ada"]
    assert told(finished.steps[0]) == ("own", "python", "passed", None, 0)


def test_its_requests_and_checks_are_its_own(run: Run) -> None:
    finished = run(scenario(call("buy")), answers=[json_answer({"id": 1, "price": 12}), Answer(status=503)])
    (step,) = finished.steps
    assert told(step) == ("own", "python", "failed", "check", 2)
    assert step.message == "status_code: expected below 400 but got 503"
    assert step.checks == [
        "status_code",
        FailedCheck(name="status_code", expected="below 400", actual="503"),
        FailedCheck(name="cheap", expected="below 10", actual="12"),
    ]
    assert [(record.step, record.request.status, record.request.failed) for record in finished.requests] == [
        ("own", 200, False),
        ("own", 503, True),
    ]


def test_a_single_request_stands_in_its_line(run: Run) -> None:
    finished = run(scenario(get("one"), call("look")), answers=[json_answer({"id": 7}), Answer(status=204)])
    step = finished.steps[1]
    assert (step.outcome, facts_of(step).status, step.requests, step.duration_us) == ("passed", 204, 0, 2_000_000)
    assert finished.requests == []


def test_a_request_can_end_it(run: Run) -> None:
    finished = run(scenario(call("give_up"), get("after")), answers=[Answer(error="reset")])
    assert [told(step) for step in finished.steps] == [("own", "python", "failed", "reset", 0)]
    assert finished.instances[0].outcome == "failed"


def test_what_it_raises_is_its_outcome(run: Run) -> None:
    finished = run(scenario(call("fail"), get("after")))
    (step,) = finished.steps
    assert told(step) == ("own", "python", "errored", "KeyError", 0)
    assert (step.message or "").splitlines()[0] == "KeyError: 'key'"
    assert (step.message or "").splitlines()[1].endswith("steps_of_the_test.py:21 in fail")
    assert finished.ending.bug is None


def test_a_variable_that_it_does_not_set_after_all(run: Run) -> None:
    (step,) = run(scenario(call("forget", sets=["signature", "key"]))).steps
    assert (step.outcome, step.error) == ("errored", "python")
    assert step.message == "the function did not set key, signature, which the step's `sets` names"


def test_a_variable_that_it_may_not_set(run: Run) -> None:
    (step,) = run(scenario(call("overstep"))).steps
    assert 'the step may not set "other"; add it to `sets`' in (step.message or "")


@pytest.mark.parametrize(
    ("step", "problem"),
    [
        (call("sing"), ('there is no function "sing" in the module "steps_of_the_test"', 'did you mean "sign"?')),
        (
            call("sign", args={"kee": 1}),
            ("sign(context, kee=…) can't be called: missing a required argument: 'key'", None),
        ),
        (
            {"type": "python", "name": "own", "call": "steps_of_the_tests:sign"},
            ('there is no module "steps_of_the_tests"', 'did you mean "steps_of_the_test"?'),
        ),
    ],
)
def test_what_is_wrong_is_found_before_anything_is_sent(run: Run, step: Any, problem: Any) -> None:
    assert problems(run, step) == [problem]


def test_a_module_that_cannot_be_loaded_is_shown_at_its_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("x = 1\ny = z\n")
    steps = [{"type": "python", "name": name, "call": f"broken:{name}"} for name in "fg"]
    with pytest.raises(ConfigError) as caught:
        run(scenario(*steps))
    (found,) = caught.value.problems
    said = "broken.py:2:1: this file can't be loaded: NameError: name 'z' is not defined"
    assert str(found).splitlines()[0] == said
