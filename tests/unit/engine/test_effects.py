"""What answers say was done: the same twice for one idempotency key, and what was acknowledged found again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.journeys import Finished, Run, get, scenario
from windtunnel.interfaces import Clock, FaultInjector, MakeFaults
from windtunnel.metrics.turbulence import EffectSeries
from windtunnel.model.load import ClosedLoad
from windtunnel.model.record import EffectRecord, FaultRecord
from windtunnel.model.turbulence import (
    DuplicateLimit,
    FaultSpec,
    FaultTarget,
    JudgeSettings,
    LossLimit,
    Phases,
    Turbulence,
)
from windtunnel.testing.scripted import Answer, Sent, json_answer
from windtunnel.turbulence.client import FaultyClients

PHASES = Phases(steady_s=1, inject_s=20, recover_s=1)
FIVE = ClosedLoad(count=5)
LOST_REPLY = FaultSpec(
    name="lost reply",
    type="lose_response",
    on=FaultTarget(step="order"),
    settings={"then": {"retry": {"attempts": 2, "same_key": True}}},
)
ORDER = get("order", "/orders", method="POST", headers={"Idempotency-Key": "{{ uuid() }}"})


def effects_of(finished: Finished) -> EffectSeries:
    series = EffectSeries()
    for record in finished.of(EffectRecord):
        series.add(record)
    return series


@pytest.fixture
def judged(run: Run) -> Callable[..., Finished]:
    """Run a journey with a judge of effects, with a fault from the first second on."""

    def run_it(*steps: dict[str, Any], answers: Callable[[Sent], Answer], **judge: Any) -> Finished:
        turbulence = Turbulence(
            phases=Phases(steady_s=0, inject_s=100, recover_s=1),
            faults=(LOST_REPLY,),
            judge=JudgeSettings(**judge),
        )

        def make(clock: Clock, report: Callable[[FaultRecord], None]) -> FaultInjector:
            return FaultyClients(turbulence, seed=1, clock=clock, report=report)

        faults: MakeFaults = make
        return run(scenario(*steps), answers=answers, load=FIVE, turbulence=turbulence, faults=faults)

    return run_it


class Orders:
    """A service that makes orders, by their key if it is one of the right ones."""

    def __init__(self, *, keeps_keys: bool) -> None:
        self._keeps_keys = keeps_keys
        self.made: list[str | None] = []

    def __call__(self, sent: Sent) -> Answer:
        key = sent.header("Idempotency-Key")
        if not self._keeps_keys or key not in self.made:
            self.made.append(key)
            return json_answer({"id": len(self.made), "at": len(self.made)})
        return json_answer({"id": self.made.index(key) + 1, "at": "again"})


BY_KEY = DuplicateLimit(by="idempotency-KEY", same="$.id")


def test_a_second_order_for_one_key_is_a_duplicate_though_its_first_reply_was_lost(
    judged: Callable[..., Finished],
) -> None:
    careless = Orders(keeps_keys=False)
    finished = judged(ORDER, answers=careless, duplicates=BY_KEY)
    assert len(careless.made) == 10
    assert effects_of(finished).duplicates == 5
    assert {each.kind for each in finished.of(EffectRecord)} == {"answered"}


def test_the_same_order_again_is_no_duplicate_whatever_else_the_answer_says(
    judged: Callable[..., Finished],
) -> None:
    careful = Orders(keeps_keys=True)
    finished = judged(ORDER, answers=careful, duplicates=BY_KEY)
    assert len(careful.made) == 5
    assert effects_of(finished).duplicates == 0


@pytest.mark.parametrize(
    ("answer", "duplicates"),
    [
        (lambda n: Answer(status=503), None),  # nothing was done
        (lambda n: Answer(status=409), None),
        (lambda n: Answer(status=201, body=b"no JSON"), 0),
        (lambda n: Answer(status=201, body=f"no JSON {n}".encode()), 5),  # all of it is compared
        (lambda n: json_answer({"other": n}), None),  # there is nothing at the path
        (lambda n: Answer(status=204), None),
        (lambda n: json_answer({"id": 1}) if n % 2 == 0 else Answer(status=409), 0),  # the second is refused
        (lambda n: json_answer({"id": 1}) if n % 2 == 0 else Answer(status=503), None),  # nothing is known of it
    ],
    ids=[
        "failed",
        "refused",
        "the same text",
        "other text",
        "nothing there",
        "no content",
        "refused again",
        "failed again",
    ],
)
def test_what_counts_as_another_effect(
    judged: Callable[..., Finished], answer: Callable[[int], Answer], duplicates: int | None
) -> None:
    numbers = iter(range(100))
    step = {**ORDER, "on_failure": "continue", "expect": {"status_code": ["2xx", "4xx", "5xx"]}}
    finished = judged(step, answers=lambda sent: answer(next(numbers)), duplicates=BY_KEY)
    assert effects_of(finished).duplicates == duplicates


def test_a_request_without_the_key_is_none_of_its_business(judged: Callable[..., Finished]) -> None:
    finished = judged(get("order"), answers=lambda sent: json_answer({"id": 1}), duplicates=BY_KEY)
    assert finished.of(EffectRecord) == []


@pytest.mark.parametrize(
    ("found", "acknowledged", "lost"),
    [
        (json_answer({"id": 1}), 5, 0),
        (Answer(status=404), 5, 5),
        (json_answer({"id": 2}), 5, 5),  # something else is there
        (Answer(status=503), 0, None),  # it can't be told
        (Answer(error="closed"), 0, None),
    ],
    ids=["found", "not there", "something else", "unavailable", "no answer"],
)
def test_what_was_acknowledged_must_be_found(
    judged: Callable[..., Finished], found: Answer, acknowledged: int, lost: int | None
) -> None:
    look = get("look", "/orders/1", expect={"status_code": 200, "json": {"$.id": 1}})
    finished = judged(
        get("make", "/orders", method="POST"),
        look,
        answers=lambda sent: found if sent.method == "GET" else json_answer({"id": 1}),
        lost=LossLimit(acknowledged="make", found_by="look"),
    )
    assert len(effects_of(finished).acknowledged) == acknowledged
    assert effects_of(finished).lost == lost


def test_what_was_never_acknowledged_is_not_missed(judged: Callable[..., Finished]) -> None:
    """The reply that would have acknowledged it was lost on purpose."""
    finished = judged(
        {**ORDER, "on_failure": "continue"},
        get("look", "/orders/1"),
        answers=lambda sent: Answer(status=404) if sent.method == "GET" else Answer(status=503),
        lost=LossLimit(acknowledged="order", found_by="look"),
    )
    assert finished.of(EffectRecord) == []


def test_a_record_of_an_effect_holds_no_key_and_no_value(judged: Callable[..., Finished]) -> None:
    step = {**ORDER, "headers": {"Idempotency-Key": "key-{{ instance_index }}-of-a-customer"}}
    finished = judged(step, answers=lambda sent: json_answer({"id": "account-4711"}), duplicates=BY_KEY)
    told = finished.of(EffectRecord)
    assert told
    assert not any("customer" in str(each) or "4711" in str(each) for each in told)
