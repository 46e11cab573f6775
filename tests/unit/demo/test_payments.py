"""How the shop calls its payment service, well and badly: the rules, in virtual time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest

from tests.support.tiers import slow_unless
from windtunnel.demo.calling import PaymentCalls, ShopLog
from windtunnel.demo.payment import Ask, Payment, PaymentAnswer, PaymentService
from windtunnel.demo.settings import Behaviour
from windtunnel.testing.virtual_clock import EPOCH, VirtualClock, run_virtual

OUTAGE_S = (2.0, 6.0)
CARELESS = Behaviour().without("budget", "breaker")


class Line:
    """The way to a payment service: cut for a while, and it counts what goes through."""

    def __init__(self, ask: Ask, cut_s: tuple[float, float] = OUTAGE_S) -> None:
        self._ask, self._cut_s = ask, cut_s
        self.attempts: list[tuple[float, Payment]] = []

    async def __call__(self, payment: Payment) -> PaymentAnswer:
        now = VirtualClock().now()
        self.attempts.append((now, payment))
        if self._cut_s[0] <= now < self._cut_s[1]:
            await asyncio.sleep(60)
        return await self._ask(payment)


class Till:
    """A shop's payments under a steady load, and what became of each."""

    def __init__(self, behaviour: Behaviour, *, seed: int = 1, cut_s: tuple[float, float] = OUTAGE_S) -> None:
        stream = random.Random(seed)
        service = PaymentService(delay_s=0.1, failure_rate=0.0, stream=stream, places=4, queue=100)
        self.service, self.line = service, Line(service.charge, cut_s)
        self.log = ShopLog(VirtualClock().unix)
        self.calls = PaymentCalls(self.line, behaviour, stream=stream, log=self.log, clock=VirtualClock().now)
        self.answers: list[tuple[float, float, PaymentAnswer]] = []

    async def pay(self, number: int) -> None:
        began = VirtualClock().now()
        answer = await self.calls.pay(Payment(key=f"k-{number}"))
        self.answers.append((began, VirtualClock().now() - began, answer))

    async def work(self, *, per_s: int = 20, for_s: int = 20) -> None:
        running = []
        for number in range(per_s * for_s):
            running.append(asyncio.ensure_future(self.pay(number)))
            await asyncio.sleep(1 / per_s)
        await asyncio.gather(*running)

    def share(self, begin_s: float, end_s: float) -> float:
        """The share of payments that began in this time and were accepted."""
        found = [answer for began, _, answer in self.answers if begin_s <= began < end_s]
        return found.count("accepted") / len(found)

    def moments(self, event: str) -> list[float]:
        return [each.at - EPOCH for each in self.log.events if each.event == event]


def in_virtual_time(till: Till, work: Callable[[Till], Awaitable[None]] = Till.work) -> Till:
    async def main() -> None:
        await work(till)
        await till.service.close()

    run_virtual(main())
    return till


SEEDS = slow_unless(lambda seed: seed < 2, range(10))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_retry_storm_keeps_the_payments_down_after_the_outage(seed: int) -> None:
    till = in_virtual_time(Till(CARELESS, seed=seed))
    assert till.share(0, 2) == 1
    assert till.share(10, 20) < 0.2


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    "behaviour",
    [Behaviour(), Behaviour().without("breaker"), Behaviour().without("budget"), Behaviour().without("retries")],
    ids=["right", "budget alone", "breaker alone", "no retries"],
)
def test_a_budget_and_a_breaker_each_bring_them_back(behaviour: Behaviour, seed: int) -> None:
    till = in_virtual_time(Till(behaviour, seed=seed))
    assert till.share(0, 2) == 1
    assert till.share(12, 20) > 0.95


def test_careful_retries_stay_within_their_budget() -> None:
    till = in_virtual_time(Till(Behaviour().without("breaker")))
    assert len(till.line.attempts) < 1.2 * len(till.answers)


def test_careful_retries_come_at_moments_of_their_own_and_those_of_a_storm_together() -> None:
    async def two_at_once(till: Till) -> None:
        await asyncio.gather(till.pay(1), till.pay(2))

    storm = in_virtual_time(Till(CARELESS, cut_s=(0, 60)), two_at_once)
    careful = in_virtual_time(Till(Behaviour().without("breaker"), cut_s=(0, 60)), two_at_once)
    assert len({at for at, _ in storm.line.attempts}) == 5
    assert len({at for at, _ in careful.line.attempts}) == 1 + 2 * 2


def test_an_open_breaker_refuses_at_once() -> None:
    till = in_virtual_time(Till(Behaviour()))
    refused = [took for began, took, answer in till.answers if answer == "failed" and 4 <= began < 5]
    assert sorted(refused)[len(refused) // 2] == 0


def test_a_timeout_ends_a_payment_that_is_not_answered() -> None:
    quick = in_virtual_time(Till(Behaviour().without("retries", "breaker")))
    slow = in_virtual_time(Till(Behaviour().without("retries", "breaker", "timeout")))
    assert max(took for _, took, _ in quick.answers) == pytest.approx(0.5)
    assert max(took for _, took, _ in slow.answers) == pytest.approx(30)


def test_the_log_tells_when_the_outage_and_the_breaker_began_and_ended() -> None:
    till = in_virtual_time(Till(Behaviour()))
    assert till.moments("outage_began") == [pytest.approx(2.5, abs=0.1)]
    assert till.moments("breaker_opened") == [pytest.approx(2.8, abs=0.2)]
    # The breaker asks once a second, so it learns within a second and a half that the outage is over.
    assert till.moments("outage_ended") == till.moments("breaker_closed")
    assert 6 < till.moments("outage_ended")[0] < 7.6
    assert till.log.lines().count(b"\n") == 4


def test_the_money_of_one_key_is_taken_once() -> None:
    async def main() -> list[PaymentAnswer]:
        # The second of the stream would be declined.
        service = PaymentService(delay_s=0.1, failure_rate=0.5, stream=random.Random(10), places=2, queue=1)
        return [await service.charge(Payment(key="k")) for _ in range(3)]

    assert set(run_virtual(main())) == {"accepted"}


def test_a_full_queue_fails_at_once() -> None:
    async def main() -> list[PaymentAnswer]:
        service = PaymentService(delay_s=0.1, failure_rate=0, stream=random.Random(1), places=2, queue=3)
        return await asyncio.gather(*(service.charge(Payment()) for _ in range(7)))

    assert sorted(run_virtual(main())) == ["accepted"] * 5 + ["failed"] * 2
