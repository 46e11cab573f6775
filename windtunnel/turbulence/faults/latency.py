"""`latency`: the request is sent later.

a delay of 0 s                                             not done: it proves nothing
delay up to the deadline of the request                    not sent: `timeout`, of ours
answered after it, for the delay and its own time          thrown away: `timeout`, of ours
not answered in all the time that a request has            `timeout`, of the SUT
"""

from __future__ import annotations

from windtunnel.figures import offset
from windtunnel.interfaces import Request
from windtunnel.model.http import Exchange
from windtunnel.turbulence.delay import Delay, parse_delay
from windtunnel.turbulence.exchanges import failed, unsent
from windtunnel.turbulence.faults.fault import Case, Forward
from windtunnel.turbulence.settings import Settings


class Latency:
    """Waits before the request is sent.

    The times of the exchange are those of the SUT. It has all the time of the request after the delay, so that it
    is known whether it would have answered in time without one.
    """

    keys = ("delay",)
    main = "delay"
    passes_on = True

    def __init__(self, delay: Delay) -> None:
        self._delay = delay

    @classmethod
    def compile(cls, settings: Settings) -> Latency:
        """See `FaultType.compile`."""
        return cls(settings.read("delay", parse_delay))

    @property
    def words(self) -> str:
        """See `Fault.words`."""
        return f"wait {self._delay.words} longer"

    async def apply(self, request: Request, forward: Forward, case: Case) -> Exchange:
        """See `Fault.apply`."""
        began, delay_s = case.clock.now(), self._delay.seconds(case.draw())
        if not delay_s:
            case.missed("its delay is 0 s")
            return await forward(request)
        if delay_s >= request.timeout_s:
            await case.clock.sleep(request.timeout_s)
            case.applied("not sent before its deadline", delay_s=request.timeout_s)
            exchange = unsent(request, began=began, ended=case.clock.now(), fault=case.name)
            return failed(exchange, "timeout", f"held back for {offset(delay_s)} on purpose", fault=case.name)
        await case.clock.sleep(delay_s)
        case.applied(delay_s=delay_s)
        exchange = await forward(request)
        late = exchange.error is None and exchange.fault is None and exchange.ended - began > request.timeout_s
        if late:
            case.lost(exchange)
            failed(exchange, "timeout", f"held back for {offset(delay_s)} on purpose", fault=case.name)
        return exchange
