"""A client around another one, that does faults to the requests of one instance of the load.

send ─▶ which faults hit? ── none ───────────────────────────────────────────────▶ inner.send
                └─ those that pass on, in their order, up to the first that doesn't ──▶ inner.send

One `FaultyClients` a process knows the faults, when they are on, and how many are being done.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from windtunnel.errors import describe
from windtunnel.http.cookies import Cookie, CookieJar
from windtunnel.interfaces import Client, Clock, Request
from windtunnel.model.http import Exchange
from windtunnel.model.record import FaultRecord
from windtunnel.model.turbulence import Turbulence
from windtunnel.model.vocabulary import FaultEvent
from windtunnel.turbulence.active import ActiveFault
from windtunnel.turbulence.decision import Asked, decide, draw, is_in_control
from windtunnel.turbulence.faults.fault import Fault, Forward
from windtunnel.turbulence.schedule import Window

UNSENT_S = 0.001
"""How long a request takes at least that is answered without being sent: users without a pause must not spin."""

Cookies = Mapping[tuple[str, str, str], Cookie]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ids:
    """The ids of an instance."""

    scenario: str
    index: int
    correlation_id: str
    instance_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A request that a fault is done to: what was asked, in which window, and the number that decided."""

    asked: Asked
    window: Window
    decision: float


class FaultyClients:
    """Makes the clients of instances. Owned by the process that runs them, one for all instances of a load.

    `report` takes a record of what was done to each request that a fault was asked for.
    """

    def __init__(
        self, turbulence: Turbulence, seed: int, clock: Clock, report: Callable[[FaultRecord], None]
    ) -> None:
        """`seed` is that of the run, for a plan without its own.

        Raises ExpressionError for a fault that can't be.
        """
        self.seed = seed if turbulence.seed is None else turbulence.seed
        self.clock, self.report = clock, report
        self._faults = [ActiveFault(spec, turbulence.phases, seed=self.seed) for spec in turbulence.client_faults]
        self._control = turbulence.control
        self._most = turbulence.guards.max_active
        self._began = math.inf
        self._active = 0

    def begin(self, began: float) -> None:
        """The load begins, at this reading of the clock. Before that no fault is done."""
        self._began = began

    def end(self) -> None:
        """No fault is done any more, and no request is held: the load is over, or a guard ended the faults."""
        self._began = math.inf
        for fault in self._faults:
            fault.end()

    def of_instance(
        self, client: Client, *, scenario: str, index: int, instance_id: str, correlation_id: str
    ) -> Client:
        """The client of an instance, around the one that is given; that one where no fault is for the instance."""
        if is_in_control(self.seed, self._control, index):
            return client
        faults = [fault for fault in self._faults if fault.matcher.takes_scenario(scenario)]
        if not faults:
            return client
        ids = _Ids(scenario=scenario, index=index, correlation_id=correlation_id, instance_id=instance_id)
        return FaultyClient(client, self, faults, ids)

    def elapsed(self) -> float:
        """Seconds since the load began; negative while no fault may be done."""
        return self.clock.now() - self._began

    def enter(self) -> bool:
        """Count a request that faults are done to; False where the guard allows no further one."""
        if self._most is not None and self._active >= self._most:
            return False
        self._active += 1
        return True

    def leave(self) -> None:
        """The request that was counted has ended."""
        self._active -= 1


class FaultyClient:
    """The client of one instance.

    `_sent` counts the requests by fault and step, `_extra` the attempts that faults made of the last request of a
    step, by its occurrence.
    """

    def __init__(self, inner: Client, owner: FaultyClients, faults: list[ActiveFault], ids: _Ids) -> None:
        self._inner, self._owner, self._faults, self._ids = inner, owner, faults, ids
        self._sent: dict[tuple[str, str], int] = {}
        self._extra: dict[str, tuple[int, int]] = {}

    async def send(self, request: Request) -> Exchange:
        """Send a request, with the faults that hit it. Raises CancelledError alone."""
        request = self._numbered(request)
        cases = self._cases(request)
        if not cases:
            return await self._inner.send(request)
        if not self._owner.enter():
            for case in cases:
                case.missed("as many requests as guards.max_active have a fault at this moment")
            return await self._inner.send(request)
        try:
            return await self._disturbed(request, cases)
        finally:
            self._owner.leave()

    async def _disturbed(self, request: Request, cases: list[_Case]) -> Exchange:
        """Send a request with faults. All but the time of the exchange that the step receives held the step."""
        clock = self._owner.clock
        began = clock.now()
        times: dict[int, float] = {}

        async def inner(request: Request) -> Exchange:
            sent = clock.now()
            exchange = await self._inner.send(request)
            times[id(exchange)] = clock.now() - sent
            return exchange

        forward: Forward = inner
        for case in reversed(cases):
            forward = partial(case.run, forward=forward)
        exchange = await forward(request)
        if not times:
            await clock.sleep(UNSENT_S)
        if exchange.fault is None:
            held_s = clock.now() - began - times.get(id(exchange), 0.0)
            exchange.held_us = max(0, round(held_s * 1e6))
        return exchange

    def begin_instance(self, *, instance_id: str, correlation_id: str, cookies: object | None = None) -> None:
        """Pass the call on."""
        self._inner.begin_instance(instance_id=instance_id, correlation_id=correlation_id, cookies=cookies)

    @property
    def cookies(self) -> object:
        """The cookies of the instance."""
        return self._inner.cookies

    def close(self) -> None:
        """Pass the call on."""
        self._inner.close()

    def cookies_now(self) -> Cookies | None:
        """What the cookies of the instance are before a request; None where they are not of ours."""
        jar = self._inner.cookies
        return jar.snapshot() if isinstance(jar, CookieJar) else None

    def forget_cookies(self, exchange: Exchange, before: Cookies | None) -> None:
        """Have the cookies that an answer set as they were before."""
        jar, values = self._inner.cookies, exchange.headers.raw("set-cookie")
        if values and before is not None and isinstance(jar, CookieJar):
            jar.forget(values, before)

    def next_attempt(self, request: Request) -> Request:
        """The request as a further attempt, which no other one of its step has the number of."""
        occurrence, extra = self._extra.get(request.step, (request.occurrence, 0))
        self._extra[request.step] = request.occurrence, extra + 1 if occurrence == request.occurrence else 1
        return request.replace(attempt=request.attempt + 1)

    def _numbered(self, request: Request) -> Request:
        """The request with the number that it has after the attempts that faults made."""
        occurrence, extra = self._extra.get(request.step, (0, 0))
        if occurrence != request.occurrence or not extra:
            return request
        return request.replace(attempt=request.attempt + extra)

    def hit(self, active: ActiveFault, request: Request) -> Hit | None:
        """How a fault hits a request, None for one that it doesn't. Asks only once for each attempt."""
        owner, ids = self._owner, self._ids
        elapsed_s = owner.elapsed()
        window = active.timeline.window(elapsed_s)
        if window is None or not active.matcher.takes(request):
            return None
        key = active.spec.name, request.step
        number = self._sent[key] = self._sent.get(key, 0) + 1
        if not active.timeline.takes(request=number, instance=ids.index + 1):
            return None
        asked = Asked(
            scenario=ids.scenario,
            index=ids.index,
            step=request.step,
            occurrence=request.occurrence,
            attempt=request.attempt,
        )
        decision = decide(owner.seed, active.spec.name, asked)
        if decision >= active.probability(window) * active.timeline.share(elapsed_s):
            return None
        return Hit(asked=asked, window=window, decision=decision)

    def _cases(self, request: Request) -> list[_Case]:
        """The faults that hit a request, in their order: those that pass on, up to the first that doesn't."""
        cases: list[_Case] = []
        for active in self._faults:
            hit = self.hit(active, request)
            if hit is not None:
                cases.append(_Case(self, self._owner, self._ids, active, hit))
                if not active.kind.passes_on:
                    break
        return cases


class _Case:
    """See `faults.fault.Case`. `run` is the fault as the next one before it sees it."""

    def __init__(
        self, client: FaultyClient, owner: FaultyClients, ids: _Ids, active: ActiveFault, hit: Hit
    ) -> None:
        self._client, self._owner, self._ids = client, owner, ids
        self._active, self._hit = active, hit
        self._fault: Fault = active.fault(hit.window)
        self._last: Exchange | None = None
        self._cookies: Cookies | None = None
        self.name, self.clock = active.spec.name, owner.clock

    async def run(self, request: Request, *, forward: Forward) -> Exchange:
        """Send the request with the fault done to it.

        A fault that raises is one that was missed: the request is answered as without it.
        """
        below: Exception | None = None

        async def kept(request: Request) -> Exchange:
            nonlocal below
            self._cookies = self._client.cookies_now()
            try:
                self._last = exchange = await forward(request)
            except Exception as error:
                below = error
                raise
            return exchange

        try:
            exchange = await self._fault.apply(request, kept, self)
            if not isinstance(exchange, Exchange):
                raise TypeError("it returned no Exchange")
            return exchange
        except Exception as error:
            if error is below:
                raise  # a bug that is not the fault's
            self.missed(f"the {self._active.label} raised {describe(error)}")
            return self._last if self._last is not None else await forward(request)

    def applied(self, detail: str = "", *, delay_s: float = 0.0) -> None:
        """See `Case.applied`."""
        self._tell("applied", detail, delay_s)

    def missed(self, why: str, *, delay_s: float = 0.0) -> None:
        """See `Case.missed`."""
        self._tell("missed", why, delay_s)

    def draw(self, what: int = 0) -> float:
        """See `Case.draw`."""
        return draw(self._owner.seed, self.name, self._hit.asked, what)

    def again(self, request: Request) -> Request:
        """See `Case.again`."""
        return self._client.next_attempt(request)

    def hits(self, request: Request) -> bool:
        """See `Case.hits`."""
        hit = self._client.hit(self._active, request)
        if hit is not None:
            self._hit = hit
        return hit is not None

    def lost(self, exchange: Exchange) -> None:
        """See `Case.lost`."""
        self._client.forget_cookies(exchange, self._cookies)

    def observe(self, request: Request, exchange: Exchange) -> None:
        """See `Case.observe`."""
        if request.on_hop is not None:
            request.on_hop(exchange)

    @property
    def left_s(self) -> float:
        """See `Case.left_s`."""
        return max(0.0, self._hit.window.end_s - self._owner.elapsed())

    def _tell(self, event: FaultEvent, detail: str, delay_s: float) -> None:
        asked, ids = self._hit.asked, self._ids
        self._owner.report(
            FaultRecord(
                t=self.clock.unix(),
                name=self.name,
                kind=self._active.spec.type,
                event=event,
                decision=self._hit.decision,
                level=self._hit.window.level,
                instance_id=ids.instance_id,
                correlation_id=ids.correlation_id,
                scenario=asked.scenario,
                step=asked.step,
                occurrence=asked.occurrence,
                attempt=asked.attempt,
                delay_us=int(delay_s * 1e6),
                detail=detail,
            )
        )
