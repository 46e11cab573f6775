"""What the shop does right and wrong, and what the judge says of it: ten seeds each, in virtual time.

The fast tier has one seed, and of the shops that recover the one that is right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.tiers import slow_unless
from tests.support.turbulent_shop import OUTAGE, OUTAGE_ENDS_S, Judged, judged
from windtunnel.demo.settings import Behaviour, Virtue
from windtunnel.expressions.threshold import parse_threshold
from windtunnel.model.turbulence import (
    DuplicateLimit,
    FaultSpec,
    FaultTarget,
    JudgeSettings,
    LossLimit,
    MeasureLimit,
    RetryLimit,
    Schedule,
)
from windtunnel.model.vocabulary import ResilienceWord

PAYMENTS = FaultTarget(proxy="payments")
SLOW = FaultSpec(name="brownout", type="latency", on=PAYMENTS, schedule=OUTAGE, settings={"delay": "800ms"})
CUT = FaultSpec(name="cut", type="blackhole", on=PAYMENTS, schedule=OUTAGE)
DOWN = FaultSpec(name="down", type="status", on=PAYMENTS, schedule=OUTAGE, settings={"code": 503})
LOST_REPLY = FaultSpec(
    name="lost reply",
    type="lose_response",
    on=FaultTarget(step="check_out"),
    probability=0.1,
    settings={"then": {"retry": {"attempts": 2, "same_key": True}}},
)
SOME_FAIL = FaultSpec(
    name="some fail",
    type="status",
    on=PAYMENTS,
    schedule=Schedule(pattern="every_nth", settings={"every_nth": 8}),
    settings={"code": 503},
)


@dataclass(frozen=True, kw_only=True)
class Switch:
    """One thing that the shop can do without, where that decides. `shared` it does without in either case."""

    virtue: Virtue
    fault: FaultSpec
    right: ResilienceWord
    wrong: ResilienceWord
    shared: Sequence[Virtue] = ()
    judge: JudgeSettings = field(default_factory=JudgeSettings)

    def __str__(self) -> str:
        return f"{self.virtue} {self.fault.name}"


SWITCHES = [
    Switch(virtue="breaker", shared=("budget",), fault=SLOW, right="degraded", wrong="metastable"),
    Switch(virtue="budget", shared=("breaker",), fault=SLOW, right="degraded", wrong="metastable"),
    Switch(
        virtue="budget",
        shared=("breaker",),
        fault=DOWN,
        right="degraded",
        wrong="failed",
        judge=JudgeSettings(retry_amplification=(RetryLimit(proxy="payments", at_most=1.3),)),
    ),
    Switch(
        virtue="timeout",
        fault=CUT,
        right="degraded",
        wrong="failed",
        judge=JudgeSettings(measures=(MeasureLimit(measure="fail_fast", text="< 1s"),)),
    ),
    Switch(
        virtue="idempotency",
        fault=LOST_REPLY,
        right="resilient",
        wrong="failed",
        judge=JudgeSettings(
            duplicates=DuplicateLimit(by="Idempotency-Key", same="$.id"),
            lost=LossLimit(acknowledged="check_out", found_by="find_order"),
        ),
    ),
    Switch(
        virtue="retries",
        fault=SOME_FAIL,
        right="resilient",
        wrong="failed",
        judge=JudgeSettings(during=(parse_threshold("instances", "rate > 95%"),)),
    ),
]
SEEDS = slow_unless(lambda seed: seed < 1, range(10))


@pytest.mark.parametrize("switch", SWITCHES, ids=str)
@pytest.mark.parametrize("seed", SEEDS)
def test_the_judge_tells_right_from_wrong(tmp_path: Path, switch: Switch, seed: int) -> None:
    right, wrong = Behaviour().without(*switch.shared), Behaviour().without(switch.virtue, *switch.shared)
    words = [
        judged(behaviour, switch.fault, folder=tmp_path / name, seed=seed, judge=switch.judge).resilience.word
        for name, behaviour in (("right", right), ("wrong", wrong))
    ]
    assert words == [switch.right, switch.wrong]


def recovered_s(found: Judged) -> float:
    """When the system was back, as the judge says."""
    took_s = found.resilience.time_to_recover_s
    assert took_s is not None
    return OUTAGE_ENDS_S + took_s


@pytest.mark.parametrize("fault", [SLOW, CUT], ids=lambda fault: fault.name)
@pytest.mark.parametrize(
    "without", slow_unless(lambda each: not each, [(), ("breaker",), ("retries",)]), ids=" ".join
)
@pytest.mark.parametrize("seed", SEEDS)
def test_the_time_to_recover_is_that_of_the_shops_own_log(
    tmp_path: Path, fault: FaultSpec, without: tuple[Virtue, ...], seed: int
) -> None:
    found = judged(Behaviour().without(*without), fault, folder=tmp_path, seed=seed)
    assert recovered_s(found) == pytest.approx(found.moments("outage_ended")[-1], abs=1.0)


def test_a_shop_that_nothing_happens_to_is_not_judged(tmp_path: Path) -> None:
    never = FaultSpec(name="never", type="status", on=PAYMENTS, probability=0.0, settings={"code": 503})
    found = judged(Behaviour(), never, folder=tmp_path, seed=1)
    assert found.resilience.word == "not_judged"
    assert found.log == ()
