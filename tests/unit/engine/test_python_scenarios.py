"""A scenario that is a function leaves the same records as one of YAML, whatever happens on the way."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path
from typing import Any

import pytest

import windtunnel
from tests.support.journeys import Finished, Run, facts_of, get, pause, run, scenario
from windtunnel import User
from windtunnel.actions.python.response import Response
from windtunnel.metrics.aggregate import Aggregate
from windtunnel.metrics.summary import step_summaries
from windtunnel.model.http import Exchange
from windtunnel.model.load import ClosedLoad
from windtunnel.model.record import FailedCheck
from windtunnel.model.scenario import Scenario, StopWhen
from windtunnel.model.source import Source
from windtunnel.testing.scripted import Answer, Sent, json_answer

__all__ = ["run"]


def python(function: Any, *, on_failure: Any = "continue", **more: Any) -> Scenario:
    described = windtunnel.scenario("journey", on_failure=on_failure)(function)
    return Scenario(
        id="journey",
        steps=(),
        source=Source(file="scenario.py"),
        function=described,
        stop_when=StopWhen(step_fails=on_failure == "stop"),
        **more,
    )


def told(record: Any) -> tuple[Any, ...]:
    return record.step, record.action, record.outcome, record.error


def test_a_request_is_a_step_with_its_checks(run: Run) -> None:
    async def flow(user: User) -> None:
        response = await user.http.post(
            None, "/cart", name="add", json={"qty": 2}, query={"a": ["x y", 1]}, headers={"X-Key": "k"}
        )
        assert (response.status, response.ok, response.passed) == (201, True, True)
        assert response.json("$.items[0].id") == "p-1"

    finished = run(python(flow), answers=[json_answer({"items": [{"id": "p-1"}]}, status=201)])
    (sent,) = finished.transport.sent
    assert (sent.method, sent.target, sent.body) == ("POST", "/cart?a=x%20y&a=1", b'{"qty":2}')
    assert sent.header("content-type") == "application/json"
    assert sent.header("x-key") == "k"
    (step,) = finished.steps
    assert told(step) == ("add", "http", "passed", None)
    assert step.checks == ["status_code"]
    assert facts_of(step).status == 201
    assert finished.instances[0].outcome == "passed"


def test_a_form_of_a_page_is_submitted_with_changes(run: Run) -> None:
    page = b"<form id=f method=post action=/do><input type=hidden name=t value='{{ 1 }}'><input name=u></form>"

    async def flow(user: User) -> None:
        form = (await user.http.get(None, "/login", name="page")).form("#f")
        assert form["fields"] == {"t": "{{ 1 }}", "u": ""}
        await user.http.submit(form, fields={"u": "a b", "t2": None}, name="send")
        await user.http.submit(form, method="get", path="/own?a=1", fields={"t": None}, name="search")
        multipart = {**form, "enctype": "multipart/form-data"}
        await user.http.submit(multipart, name="parts", headers={"X-A": "1"})
        with pytest.raises(ValueError, match='the form has no button "save"'):
            await user.http.submit(form, button="save")
        with pytest.raises(ValueError, match="is not a CSS selector"):
            Response("page", Exchange("GET", "", ""), passed=True).form("#")

    answers = [Answer(body=page, headers=(("Content-Type", "text/html"),)), *[Answer()] * 3]
    finished = run(python(flow), answers=answers)
    assert finished.instances[0].outcome == "passed"
    _, send, search, parts = finished.transport.sent
    assert (send.method, send.target) == ("POST", "http://sut/do")
    assert (send.body, send.header("content-type")) == (
        b"t=%7B%7B+1+%7D%7D&u=a+b",
        "application/x-www-form-urlencoded",
    )
    assert (search.method, search.target, search.body) == ("GET", "/own?a=1&u=", b"")
    assert b'name="t"\r\n\r\n{{ 1 }}\r\n' in parts.body
    assert "multipart/form-data; boundary=" in str(parts.header("content-type"))


def test_values_become_text_as_in_yaml_and_none_is_left_out(run: Run) -> None:
    async def flow(user: User) -> None:
        values = {"a": True, "b": 3.0, "c": None, "d": [1e22, None]}
        cookies: Any = {"a": False, "b": None}
        headers: Any = {"X-A": 1e-7, "X-B": None, "X-C": {"n": None}}
        await user.http.post(None, "/cart", query=values, form=values, headers=headers, cookies=cookies)

    (sent,) = run(python(flow)).transport.sent
    assert sent.target == "/cart?a=true&b=3&d=10000000000000000000000"
    assert sent.body == b"a=true&b=3&d=10000000000000000000000"
    assert [sent.header(name) for name in ("x-a", "x-b", "x-c", "cookie")] == [
        "0.0000001",
        None,
        '{"n":null}',
        "a=false",
    ]


def test_attempts_of_a_retry_show_and_requests_of_a_loop_of_the_users_own_are_requests(run: Run) -> None:
    async def flow(user: User) -> None:
        backoff = {"initial": "1s", "factor": 1, "jitter": False}
        await user.http.get(None, "/a", name="a", retry={"attempts": 3, "on": [503], "backoff": backoff})
        while not (await user.http.get(None, "/b", name="b")).ok:
            pass

    finished = run(python(flow), answers=[Answer(status=503)] * 2 + [Answer(), Answer(status=503), Answer()])
    aggregate = Aggregate()
    aggregate.write(finished.records)

    a, b = step_summaries(aggregate, [])
    assert (a.step, a.count, a.requests, a.retries, round(a.latency.max)) == ("a", 1, 3, 2, 2_000)
    assert (b.step, b.count, b.failed, b.requests, b.retries) == ("b", 2, 1, 2, 0)


def test_a_failed_request_fails_the_instance_and_hands_its_response_over(run: Run) -> None:
    async def flow(user: User) -> None:
        response = await user.http.get(None, "/a", name="a")
        assert (response.status, response.ok, response.passed) == (503, False, False)
        await user.http.get(None, "/b", name="b")

    finished = run(python(flow), answers=[Answer(status=503), Answer()])
    assert [told(step) for step in finished.steps] == [
        ("a", "http", "failed", "check"),
        ("b", "http", "passed", None),
    ]
    (instance,) = finished.instances
    assert (instance.outcome, instance.failed_step, instance.steps) == ("failed", "a", 2)


def test_a_transport_error_is_a_value(run: Run) -> None:
    async def flow(user: User) -> None:
        response = await user.http.get(None, "/a", name="a")
        assert (response.error, response.status, response.ok) == ("refused", 0, False)
        assert response.json("$.x", default=7) == 7

    finished = run(python(flow), answers=[Answer(error="refused")])
    assert told(finished.steps[0]) == ("a", "http", "failed", "refused")
    assert finished.instances[0].error == "refused"


@pytest.mark.parametrize("where", ["scenario", "request"])
def test_a_failure_can_end_the_flow_as_in_yaml(run: Run, where: str) -> None:
    async def flow(user: User) -> None:
        with contextlib.suppress(Exception):  # the end of a flow is no exception of the user's
            await user.http.get(None, "/a", name="a", on_failure="stop" if where == "request" else None)
        await user.http.get(None, "/b", name="b")

    finished = run(
        python(flow, on_failure="stop" if where == "scenario" else "continue"), answers=[Answer(status=500)]
    )
    assert [step.step for step in finished.steps] == ["a"]
    assert finished.instances[0].outcome == "failed"


def test_a_value_that_a_response_has_not_got_fails_the_instance(run: Run) -> None:
    async def flow(user: User) -> None:
        response = await user.http.get(None, "/a", name="a")
        response.json("$.items[0]")

    finished = run(python(flow), answers=[json_answer({"items": []})])
    assert [told(step) for step in finished.steps] == [
        ("a", "http", "passed", None),
        ("flow", "python", "failed", "extract"),
    ]
    assert finished.steps[1].message == 'a: $.items[0] not found in {"items": []}'
    assert finished.instances[0].outcome == "failed"


def test_a_value_of_a_response_that_failed_already_is_not_missed_twice(run: Run) -> None:
    async def flow(user: User) -> None:
        response = await user.http.get(None, "/a", name="a")
        response.json("$.items[0]")

    finished = run(python(flow), answers=[Answer(status=500, body=b"sorry")])
    assert [told(step) for step in finished.steps] == [("a", "http", "failed", "check")]
    assert finished.instances[0].failed_step == "a"


def test_an_exception_of_the_code_is_an_outcome_with_the_frames_of_the_user(run: Run) -> None:
    def pick(items: dict[str, Any]) -> Any:
        return items["first"]

    async def flow(user: User) -> None:
        await user.pause(1)
        pick({})

    finished = run(python(flow))
    (step,) = finished.steps
    assert told(step) == ("flow", "python", "errored", "KeyError")
    name = Path(__file__).name
    first, inner, outer = (step.message or "").splitlines()
    assert first == "KeyError: 'first'"
    assert inner.startswith("  at ")
    assert f"{name}:" in inner
    assert inner.endswith(" in pick")
    assert outer.endswith(" in flow")
    (instance,) = finished.instances
    assert (instance.outcome, instance.error, instance.duration_us) == ("errored", "KeyError", 1_000_000)
    assert finished.ending.bug is None


def test_code_that_exits_ends_its_instance_only(run: Run) -> None:
    async def flow(user: User) -> None:
        sys.exit(3)

    assert run(python(flow)).instances[0].error == "SystemExit"


def test_one_instance_that_goes_wrong_takes_no_other_with_it(run: Run) -> None:
    async def flow(user: User) -> None:
        if user.index == 1:
            raise ValueError("one")
        await user.http.get(None, "/", name="a")

    finished = run(python(flow), load=ClosedLoad(count=3))
    assert [instance.outcome for instance in finished.instances] == ["passed", "errored", "passed"]


def test_a_mistake_in_a_call_is_the_code_s_error(run: Run) -> None:
    async def flow(user: User) -> None:
        await user.http.get(None, "products", name="a")

    (step,) = run(python(flow)).steps
    assert told(step) == ("flow", "python", "errored", "ValueError")
    assert (step.message or "").splitlines()[
        0
    ] == 'ValueError: a path begins with /, or it is a whole URL: "products"'


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"expect": {"status": 200}}, 'expect: unknown key "status"'),
        ({"expect": {"json": {"$.a": {"abov": 1}}}}, 'expect: unknown matcher "abov"'),
        ({"json": 1, "body": "x"}, "a request has one body, not 2: body, json"),
        ({"timeout": "5 parsecs"}, "parsecs"),
        ({"retry": {"attempts": 0}}, "retry: `attempts` must be a whole number"),
        ({"file": "nothing.bin"}, 'there is no file "nothing.bin"'),
    ],
)
def test_what_cannot_be_a_request_is_said(run: Run, options: Any, said: str) -> None:
    async def flow(user: User) -> None:
        await user.http.post(None, "/", name="a", **options)

    (step,) = run(python(flow)).steps
    assert step.error == "ValueError"
    assert said in (step.message or "")


def test_expectations_are_those_of_yaml_with_plain_values(run: Run) -> None:
    async def flow(user: User) -> None:
        await user.http.get(
            None,
            "/",
            name="a",
            expect={"status_code": [200, 204], "json": {"$.name": "{{ 6 * 7 }}", "$.n": {"above": 1}}},
        )

    finished = run(python(flow), load=ClosedLoad(count=1), answers=[json_answer({"name": "{{ 6 * 7 }}", "n": 1})])
    (step,) = finished.steps
    assert step.checks == [
        "status_code",
        "json:$.name",
        FailedCheck(name="json:$.n", expected="above 1", actual="1", key="$.n"),
    ]


def test_a_check_is_an_assertion(run: Run) -> None:
    async def flow(user: User) -> None:
        assert user.check("good", 1 == 1) is True
        assert user.check("bad", [] != [], expected="something", actual="nothing") is False
        await user.http.get(None, "/", name="a")

    finished = run(python(flow))
    good, bad = finished.assertions
    assert (good.name, good.outcome, good.checks) == ("good", "passed", ["condition"])
    assert bad.checks == [FailedCheck(name="condition", expected="something", actual="nothing")]
    assert (finished.instances[0].outcome, finished.instances[0].failed_step) == ("failed", "bad")


def test_a_check_that_was_given_something_to_await_is_a_mistake(run: Run) -> None:
    async def flow(user: User) -> None:
        user.check("ok", asyncio.sleep(0))

    with pytest.warns(RuntimeWarning, match="never awaited"):
        (step,) = run(python(flow)).steps
    assert step.error == "TypeError"


def test_an_assertion_looks_at_the_last_response_or_another(run: Run) -> None:
    async def flow(user: User) -> None:
        first = await user.http.get(None, "/a", name="a")
        await user.http.get(None, "/b", name="b")
        assert user.expect("last", {"status_code": 201})
        assert user.expect("first", {"status_code": 200, "condition": "response.json.x == 1"}, response=first)
        assert user.expect("last_again", {"condition": "{{ response.status == 201 }}"})
        assert not user.expect("wrong", {"status_code": 500})

    finished = run(python(flow), answers=[json_answer({"x": 1}), Answer(status=201)])
    assert [(each.name, each.outcome) for each in finished.assertions] == [
        ("last", "passed"),
        ("first", "passed"),
        ("last_again", "passed"),
        ("wrong", "failed"),
    ]


def test_a_pause_with_a_name_is_a_step_and_draws_what_yaml_draws(run: Run) -> None:
    async def flow(user: User) -> None:
        await user.pause(1, 3, name="think")

    ours = run(python(flow))
    theirs = run(scenario({"type": "wait", "name": "think", "duration": {"uniform": ["1s", "3s"]}}))
    assert ours.steps[0].duration_us == theirs.steps[0].duration_us
    assert told(ours.steps[0]) == ("think", "wait", "passed", None)


def test_a_poll_asks_until_it_holds(run: Run) -> None:
    answers = [json_answer({"status": "pending"}), Answer(error="refused"), json_answer({"status": "shipped"})]

    async def flow(user: User) -> None:
        response = await user.http.poll(
            None, "/orders/1", name="shipped", expect={"json": {"$.status": "shipped"}}, interval="100ms"
        )
        assert response.json("$.status") == "shipped"

    finished = run(python(flow), answers=answers)
    assert finished.steps[0].requests == 3
    assert finished.steps[0].duration_us == pytest.approx(200_000, abs=10)
    assert [record.request.poll for record in finished.requests] == [True, True, False]


def test_a_request_is_tried_again_as_in_yaml(run: Run) -> None:
    async def flow(user: User) -> None:
        response = await user.http.get(None, "/", name="a", retry={"attempts": 3, "on": [503]})
        assert response.passed

    finished = run(python(flow), answers=[Answer(status=503), Answer(status=503), Answer()])
    assert [(record.request.attempt, record.request.status) for record in finished.requests] == [
        (1, 503),
        (2, 503),
        (3, 200),
    ]
    assert [told(step) for step in finished.steps] == [("a", "http", "passed", None)]


def test_work_of_one_s_own_is_a_step(run: Run) -> None:
    async def flow(user: User) -> None:
        with user.step("sign") as step:
            await user.pause(2)
            step.check("signed", True)
            step.check("short", False, expected="at most 10", actual=12)

    (step,) = run(python(flow)).steps
    assert (*told(step), step.duration_us) == ("sign", "python", "failed", "check", 2_000_000)
    assert step.checks == ["signed", FailedCheck(name="short", expected="at most 10", actual="12")]


def test_an_exception_in_a_step_of_one_s_own_is_told_there_and_only_there(run: Run) -> None:
    async def flow(user: User) -> None:
        with user.group("all"), user.step("sign"):
            raise LookupError("no key")

    finished = run(python(flow))
    assert [told(step) for step in finished.steps] == [
        ("sign", "python", "errored", "LookupError"),
        ("all", "group", "errored", "LookupError"),
    ]


def test_a_group_takes_as_long_as_what_is_in_it_and_fails_with_it(run: Run) -> None:
    async def flow(user: User) -> None:
        with user.group("first"):
            await user.pause(1)
            await user.http.get(None, "/a", name="a")
        with user.group("second"):
            await user.http.get(None, "/b", name="b")

    finished = run(python(flow), answers=[Answer(status=500), Answer()])
    assert [told(step) for step in finished.steps] == [
        ("a", "http", "failed", "check"),
        ("first", "group", "failed", "nested"),
        ("b", "http", "passed", None),
        ("second", "group", "passed", None),
    ]
    assert finished.steps[1].duration_us == 1_000_000


def test_variables_are_those_that_templates_see(run: Run) -> None:
    async def flow(user: User) -> None:
        assert dict(user.variables) == {"qty": 4}
        user.variables["qty"] += 1
        assert user.expect("five", {"condition": "qty == 5"})
        with pytest.raises(KeyError, match="reserved"):
            user.variables["response"] = 1
        with pytest.raises(KeyError, match='did you mean "qty"'):
            user.variables["qyt"]

    finished = run(python(flow, variables={"qty": "{{ 2 + 2 }}"}))
    assert [(each.name, each.outcome) for each in finished.assertions] == [("five", "passed")]
    assert finished.steps == []


def test_too_many_steps_end_the_instance(run: Run) -> None:
    async def flow(user: User) -> None:
        while True:
            await user.http.get(None, "/", name="again")

    finished = run(python(flow, max_steps=5))
    assert len(finished.steps) == 5
    assert (finished.instances[0].outcome, finished.instances[0].error) == ("errored", "max_steps")


def test_requests_at_the_same_time(run: Run) -> None:
    async def flow(user: User) -> None:
        both = await asyncio.gather(*(user.http.get(None, f"/{name}", name=name) for name in "ab"))
        assert [response.step for response in both] == ["a", "b"]

    finished = run(python(flow), answers=lambda sent: Answer(latency_s=1.0))
    assert finished.instances[0].duration_us == 1_000_000


def test_secrets_stay_out_of_what_code_says(run: Run) -> None:
    async def flow(user: User) -> None:
        raise ValueError("the token is hunter2-hunter2")

    (step,) = run(python(flow), secrets=("hunter2-hunter2",)).steps
    assert (step.message or "").splitlines()[0] == "ValueError: the token is [redacted]"


def test_python_and_yaml_leave_the_same_records(run: Run) -> None:
    async def flow(user: User) -> None:
        products = await user.http.get("catalog", "/api/products", name="get_products")
        await user.pause(1, 3, name="think")
        cart = await user.http.post(
            "cart", "/api/cart", name="add_to_cart", json={"item_id": products.json("$.items[0].id"), "qty": 1}
        )
        user.expect("cart_not_empty", {"status_code": 201}, response=cart)

    yaml = scenario(
        get("get_products", "/api/products", service="catalog", extract={"item": "$.items[0].id"}),
        {**pause("think", "0s"), "duration": {"uniform": ["1s", "3s"]}},
        {
            **get("add_to_cart", "/api/cart", service="cart", method="POST"),
            "json": {"item_id": "{{ item }}", "qty": 1},
        },
        assertions=[{"type": "assert", "name": "cart_not_empty", "expect": {"status_code": 201}}],
    )

    def answers(sent: Sent) -> Answer:
        return json_answer({"items": [{"id": "p-1"}]}, status=201 if sent.method == "POST" else 200)

    def facts(finished: Finished) -> list[tuple[Any, ...]]:
        return [
            (type(each).__name__, each.outcome, each.t, getattr(each, "step", ""), getattr(each, "checks", ""))
            for each in finished.records
            if hasattr(each, "outcome")
        ]

    ours, theirs = run(python(flow), answers=answers), run(yaml, answers=answers)
    assert [sent.body for sent in ours.transport.sent] == [sent.body for sent in theirs.transport.sent]
    assert facts(ours) == facts(theirs)
