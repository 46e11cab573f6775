"""The demo shop without sockets: the rules of its checkout and its payments, answering requests in virtual time.

client ── faults ──▶ shop (Checkouts, PaymentCalls) ──▶ Proxy (faults) ──▶ PaymentService

The rules are the shop's own; only what carries them is different: `ScriptedTransport` in place of HTTP.
"""

from __future__ import annotations

import asyncio
import json
import math
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from windtunnel.demo.calling import PaymentCalls, ShopLog
from windtunnel.demo.checkout import REFUSALS, Checkouts
from windtunnel.demo.payment import Ask, Payment, PaymentAnswer, PaymentService
from windtunnel.demo.settings import PAYMENT_PLACES, PAYMENT_S, Behaviour, Latencies, ShopSettings
from windtunnel.demo.state import Order, Session, priced
from windtunnel.model.record import FaultRecord, ProxiedRecord, Record
from windtunnel.model.turbulence import FaultSpec, Phases
from windtunnel.testing.scripted import Answer, Sent, json_answer
from windtunnel.testing.virtual_clock import VirtualClock
from windtunnel.turbulence.decision import Asked, decide
from windtunnel.turbulence.schedule import Timeline, timeline

_FOR_EVER_S = 3600.0


@dataclass(kw_only=True)
class _Disturbed:
    fault: FaultSpec
    when: Timeline
    asked: int = 0


class ModelProxy:
    """A proxy before the payment service: does the faults `latency`, `blackhole` and `status` of a plan to
    payments, and puts on record what it did and saw. It is a `Proxy` of the engine that listens nowhere.
    """

    def __init__(self, name: str, ask: Ask, faults: Sequence[FaultSpec], phases: Phases, *, seed: int) -> None:
        self.name, self._ask, self._seed = name, ask, seed
        self._faults = [_Disturbed(fault=each, when=timeline(each, phases, seed=seed)) for each in faults]
        self._attempts: Counter[tuple[str, str]] = Counter()
        self._last: dict[tuple[str, str], float] = {}
        self._in_flight = 0
        self._clock = VirtualClock()
        self._began = math.inf
        self._switching: asyncio.Future[None] | None = None
        self._report: Callable[[Record], None] = lambda record: None

    @property
    def address(self) -> str:
        """Nowhere."""
        return self.name

    def reporting(self, report: Callable[[Record], None]) -> ModelProxy:
        """The same proxy, which hands its records over."""
        self._report = report
        return self

    async def start(self) -> None:
        """There is nothing to listen on."""

    def reroute(self, origin: str, address: str) -> None:
        """Its upstream is a function."""

    def end(self) -> None:
        """Its faults end by their schedule."""

    def begin(self, began: float) -> None:
        """The load begins."""
        self._began = began
        self._switching = asyncio.ensure_future(self._switch())

    async def close(self) -> None:
        """The load is over."""
        if self._switching is not None:
            self._switching.cancel()

    async def _switch(self) -> None:
        """Put on record when each fault is on, as the load goes on."""
        moments = sorted(
            (t_s, event, each)
            for number, disturbed in enumerate(self._faults)
            for window in disturbed.when.windows
            for t_s, event, each in ((window.begin_s, "on", number), (window.end_s, "off", number))
        )
        for t_s, event, number in moments:
            await asyncio.sleep(self._began + t_s - self._clock.now())
            fault = self._faults[number].fault
            record = FaultRecord(t=self._clock.unix(), name=fault.name, kind=fault.type, event="on")
            record.event = "on" if event == "on" else "off"
            record.proxy = self.name
            self._report(record)

    async def __call__(self, payment: Payment) -> PaymentAnswer:
        """One attempt at a payment, through the proxy."""
        began, logical = self._clock.now(), (payment.ids.get("X-Correlation-ID", ""), payment.key)
        self._attempts[logical] += 1
        attempt, since_s = self._attempts[logical], began - self._last.get(logical, began)
        self._last[logical] = began
        self._in_flight += 1
        answer: PaymentAnswer = "failed"
        try:
            answer = await self._disturbed(payment, logical[0], attempt)
            return answer
        finally:
            self._report(
                ProxiedRecord(
                    t=self._clock.unix(),
                    proxy=self.name,
                    correlation_id=logical[0],
                    method="POST",
                    path="/charge",
                    status={"accepted": 201, "declined": 402, "failed": 503}[answer],
                    duration_us=round((self._clock.now() - began) * 1e6),
                    attempt=attempt,
                    since_us=round(since_s * 1e6),
                    in_flight=self._in_flight,
                )
            )
            self._in_flight -= 1

    async def _disturbed(self, payment: Payment, correlation_id: str, attempt: int) -> PaymentAnswer:
        for each in self._faults:
            fault, now = each.fault, self._clock.now() - self._began
            window = each.when.window(now)
            each.asked += window is not None
            if not each.when.takes(request=attempt, instance=each.asked):
                continue
            asked = Asked(scenario="", index=0, step=correlation_id, occurrence=1, attempt=attempt)
            decision = decide(self._seed, fault.name, asked)
            if window is None or decision >= fault.probability * each.when.share(now):
                continue
            record = FaultRecord(t=self._clock.unix(), name=fault.name, kind=fault.type, event="applied")
            record.proxy, record.correlation_id, record.decision = self.name, correlation_id, decision
            self._report(record)
            if fault.type == "latency":
                await asyncio.sleep(float(fault.settings["delay"].removesuffix("ms")) / 1000)
            elif fault.type == "blackhole":
                await asyncio.sleep(_FOR_EVER_S)
            else:
                return "failed"
        return await self._ask(payment)


class ShopModel:
    """Answers the requests of journeys: `/api/cart`, `/api/checkout`, `/api/orders/…`, `/api/products`."""

    def __init__(
        self, behaviour: Behaviour, *, seed: int, proxied: Callable[[Ask], Ask] = lambda ask: ask
    ) -> None:
        clock = VirtualClock()
        self._stream = random.Random(seed)
        self._latencies = Latencies()
        self.service = PaymentService(
            delay_s=PAYMENT_S,
            failure_rate=0.0,
            stream=self._stream,
            places=PAYMENT_PLACES,
            queue=ShopSettings().payment_queue,
        )
        self.log = ShopLog(clock.unix)
        calls = PaymentCalls(
            proxied(self.service.charge), behaviour, stream=self._stream, log=self.log, clock=clock.now
        )
        self._checkouts = Checkouts(calls.pay, idempotency=behaviour.idempotency, capacity=50_000, clock=clock.now)
        self._sessions: dict[str, Session] = {}

    async def __call__(self, sent: Sent) -> Answer:
        """Answer one request."""
        owner = str(sent.cookies)
        session = self._sessions.setdefault(owner, Session())
        latencies = self._latencies
        if sent.target == "/api/cart":
            await asyncio.sleep(latencies.cart.draw(self._stream))
            session.quantities[json.loads(sent.body)["item_id"]] = 1
            return json_answer({"count": priced(session.quantities).count}, status=201)
        if sent.target.startswith("/api/orders/"):
            await asyncio.sleep(latencies.order.draw(self._stream))
            found = self._checkouts.orders.get(sent.target.rsplit("/", 1)[1])
            return json_answer({"id": found.id}) if found else json_answer({"error": "unknown_order"}, status=404)
        if sent.target != "/api/checkout":
            await asyncio.sleep(latencies.products.draw(self._stream))
            return json_answer({"items": []})
        await asyncio.sleep(latencies.checkout.draw(self._stream))
        ids = {"X-Correlation-ID": sent.correlation_id}
        outcome = await self._checkouts.check_out(
            session, owner=owner, key=sent.header("Idempotency-Key"), ids=ids
        )
        if not isinstance(outcome, Order):
            status, message = REFUSALS[outcome]
            return json_answer({"error": outcome, "message": message}, status=status)
        return json_answer({"id": outcome.id}, status=201)
