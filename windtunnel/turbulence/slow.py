"""What the two slow faults have in common: the request goes over a slow wire, and its times are ours."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from windtunnel.interfaces import Request
from windtunnel.model.http import Exchange
from windtunnel.turbulence.faults.fault import Case, Forward
from windtunnel.turbulence.wire import NO_WIRE, Wire, over, why_untouched


async def send_slowly(
    request: Request, forward: Forward, case: Case, make: Callable[[asyncio.Protocol], Wire]
) -> Exchange:
    """Send a request over a slow wire. One that could not be sent at all is the SUT's own."""
    opened: list[Wire] = []

    def opening(receiver: asyncio.Protocol) -> Wire:
        opened.append(make(receiver))
        return opened[-1]

    changed = over(request, opening)
    if changed is None:
        case.missed(NO_WIRE)
        return await forward(request)
    exchange = await forward(changed)
    if not opened or not exchange.bytes_sent:
        case.missed(why_untouched(exchange))
        return exchange
    case.applied(f"ended with {exchange.error or exchange.status}")
    exchange.fault = case.name
    return exchange
