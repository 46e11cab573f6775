"""Faults that are wrong, of plans and of packages: said before the load, or on record; the load goes on."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.support.faulty import PHASES, Load, fault, schedule, send_all, with_load
from windtunnel.errors import ExpressionError
from windtunnel.interfaces import Request
from windtunnel.model.http import Exchange
from windtunnel.model.turbulence import FaultSpec
from windtunnel.testing.scripted import Answer
from windtunnel.turbulence.active import ActiveFault
from windtunnel.turbulence.faults.fault import Case, Forward
from windtunnel.turbulence.faults.table import compile_fault


@pytest.mark.parametrize(
    ("spec", "path", "says"),
    [
        (fault("latncy", delay=1), ("type",), 'there is no fault "latncy" on our own requests'),
        (fault("latency"), (), '"delay" is missing'),
        (fault("latency", delya=1), ("delya",), 'unknown key "delya"'),
        (fault("latency", delay="fast"), ("delay",), "'fast' is not a duration"),
        (fault("latency", delay={"lognormal": {"median": "1s"}}), ("delay", "lognormal"), '"sigma" is missing'),
        (fault("latency", delay={"uniform": ["3s", "1s"]}), ("delay", "uniform"),
         "the shortest duration comes first"),
        (fault("latency", delay={"gauss": 1}), ("delay",),
         "must be a duration, or exactly one of uniform, normal, exponential, lognormal"),
        (fault("abort", after="120%"), ("after",), "'120%' is more than 100%"),
        (fault("lose_response", then={"retry": {}}), ("then", "retry"), '"attempts" is missing'),
        (fault("lose_response", then={"retry": {"attempts": 0}}), ("then", "retry", "attempts"),
         "must be at least 1, not 0"),
        (fault("duplicate", concurrent="yes"), ("concurrent",), "must be true or false"),
        (fault("slow_read", rate="10"), ("rate",), '"10" is no speed'),
        (fault("drop_connection", at="befor"), ("at",), "must be before or after"),
        (fault("status", code=99), ("code",), "must be at least 200, not 99"),
        (fault("status", code=503, headers={"X": "a\nb"}), ("headers", "X"),
         'the value of "X" must not contain a line break or a null character'),
        (fault("stale_token", value="a\nb"), ("value",),
         'the value of "value" must not contain a line break or a null character'),
        (fault("thundering_herd", size=1), ("size",), "must be at least 2, not 1"),
        (fault("retry_storm", budget="200%"), ("budget",), "'200%' is more than 100%"),
        (fault("latency", delay=1, when=schedule("sweep", sweep=["1s", "fast"])), ("schedule", "sweep"),
         "'fast' is not a duration"),
    ],
)  # fmt: skip
def test_a_mistake_has_its_place(spec: FaultSpec, path: tuple[str, ...], says: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        ActiveFault(spec, PHASES, seed=1)
    assert (str(caught.value), caught.value.path) == (says, path)


class Broken:
    """A fault of a package."""

    words = "break"

    def __init__(self, *, sends_first: bool, returns: object = None) -> None:
        self._sends_first, self._returns = sends_first, returns

    async def apply(self, request: Request, forward: Forward, case: Case) -> Any:
        if self._sends_first:
            await forward(request)
        if self._returns is None:
            raise KeyError("oh")
        return self._returns


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Any:
    def make(fault_: Broken) -> tuple[list[Exchange], Load]:
        monkeypatch.setattr(ActiveFault, "fault", lambda *_: fault_)
        return send_all(fault("status", code=503), answers=[Answer(status=201), Answer(status=202)])

    return make


@pytest.mark.parametrize("sends_first", [True, False])
@pytest.mark.parametrize(
    ("returns", "says"), [(None, "KeyError: 'oh'"), ("nonsense", "TypeError: it returned no Exchange")]
)
def test_a_fault_that_raises_is_missed_and_the_request_is_sent_once(
    broken: Any, sends_first: bool, returns: object, says: str
) -> None:
    (answer,), load = broken(Broken(sends_first=sends_first, returns=returns))
    assert (answer.status, answer.fault, len(load.transport.sent)) == (201, None, 1)
    assert load.told == [("status", "missed", f"the fault status raised {says}")]


def test_a_bug_below_is_not_that_of_the_fault() -> None:
    with pytest.raises(AssertionError, match="the script has no answer"):
        send_all(fault("latency", delay=1), answers=[])


def test_guards_bound_the_requests_that_have_a_fault_at_the_same_time() -> None:
    async def test(load: Load) -> None:
        await asyncio.gather(*[load.instance(index).send(load.request()) for index in range(5)])
        await load.instance(5).send(load.request())

    load = with_load(test, fault("latency", delay="1s"), max_active=2)
    assert [each.event for each in load.records].count("applied") == 3
    why = "as many requests as guards.max_active have a fault at this moment"
    assert [each.detail for each in load.records if each.event == "missed"] == [why] * 3


@pytest.mark.parametrize(
    ("at_s", "is_on"), [(0.0, False), (9.9, False), (10.0, True), (19.9, True), (20.0, False)]
)
def test_a_fault_is_done_within_its_time_alone(at_s: float, is_on: bool) -> None:
    async def test(load: Load) -> None:
        await asyncio.sleep(at_s)
        await load.instance().send(load.request())

    load = with_load(test, fault("status", code=503, when=schedule(at=10, length=10)))
    assert bool(load.records) == is_on


def test_after_the_end_no_fault_is_done() -> None:
    async def test(load: Load) -> None:
        load.clients.end()
        await load.instance().send(load.request())

    assert with_load(test, fault("status", code=503)).records == []


def test_no_fault_is_done_after_one_that_ends_the_matter() -> None:
    (answer,), load = send_all(
        fault("latency", delay="1s"), fault("lose_response"), fault("status", code=503), answers=[Answer()]
    )
    assert [(name, event) for name, event, _ in load.told] == [
        ("latency", "applied"),
        ("lose_response", "applied"),
    ]
    assert (answer.status, answer.fault, len(load.transport.sent)) == (0, "lose_response", 1)


def test_each_level_is_compiled_and_on_record() -> None:
    requests = [{"timeout_s": 50}] * 40
    _, load = send_all(fault("latency", delay="1s", when=schedule("sweep", sweep=["1s", "4s"])), requests=requests)
    assert {(each.level, each.delay_us) for each in load.records} == {("1 s", 1_000_000), ("4 s", 4_000_000)}
    assert compile_fault(fault("latency", delay="1s"), {"delay": 2}).words == "wait 2 s longer"


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        ({}, {"a", "b", "c"}),
        ({"step": "b"}, {"b"}),
        ({"method": "get"}, {"c"}),
        ({"path": "/pay*"}, {"a", "c"}),
        ({"path": "/p?y"}, {"a"}),
        ({"path": "/[pay]"}, set()),
        ({"service": "other"}, set()),
        ({"scenario": "shop", "path": "*cart"}, {"b"}),
        ({"scenario": "other"}, set()),
    ],
)
def test_a_target_says_which_requests_are_meant(on: dict[str, str], expected: set[str]) -> None:
    requests = [
        {"step": "a", "path": "/pay?x=/cart"},
        {"step": "b", "path": "http://shop.test/cart#top"},
        {"step": "c", "path": "/payments", "method": "GET"},
    ]
    _, load = send_all(fault("status", code=503, on=on), requests=requests)
    assert {each.step for each in load.records} == expected
