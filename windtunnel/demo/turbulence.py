"""What `windtunnel demo --turbulence` shows: an outage of the payments, and how the shop bears it, in one minute.

load ──▶ shop ──▶ embedded proxy, with the faults ──▶ payment service: 40 payments a second, the others wait
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from windtunnel.demo.settings import Virtue

PLAN = Path(__file__).parent / "outage" / "windtunnel.yaml"
"""The plan that is run. Its folder is complete: copied, it runs by itself."""

_WITHOUT: Mapping[Virtue, str] = {
    "idempotency": "An idempotency key means nothing to the shop: the same request again is a second order.",
    "retries": "The shop tries no payment again.",
    "budget": "The shop tries a payment five times, at once, and however many fail already.",
    "breaker": "The shop goes on calling a payment service that fails.",
    "timeout": "The shop waits 30 s for a payment, but its customers wait 2 s.",
}

_TO_TRY: Mapping[tuple[Virtue, ...], str] = {
    ("breaker", "budget"): "the payments stay down when the outage is over",
    ("idempotency",): "customers pay twice",
    ("timeout",): "customers give up before the shop does",
}


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on at this moment."""
    holders = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports: list[int] = [holder.getsockname()[1] for holder in holders]
    for holder in holders:
        holder.close()
    return ports


def shop_command(port: int, payments: int, without: Sequence[Virtue]) -> list[str]:
    """The command that starts the shop with its payment service, for `--exec`."""
    command = [sys.executable, "-m", "windtunnel.demo", "--port", str(port), "--payments", str(payments)]
    return [*command, *(word for virtue in without for word in ("--without", virtue))]


def course(without: Sequence[Virtue]) -> str:
    """What is going to happen, for a person."""
    return "\n".join(
        [
            "The shop takes 21 orders a second, as its payment service can bear twice as many. The load is the",
            "same throughout; the payments go through a proxy:",
            "    0 to 14 s  nothing is wrong",
            "   14 to 21 s  a tenth of the answers to orders gets lost, and the customers try again",
            "   22 to 32 s  every payment takes 3 s longer; customers wait 2 s for their order",
            "   32 to 56 s  nothing is wrong any more: is the shop well again, and how soon?",
            *(_WITHOUT[virtue] for virtue in without),
        ]
    )


def what_next(without: Sequence[Virtue], plan: str) -> str:
    """What to try after the run, for a person."""
    others = [
        f"  windtunnel demo --turbulence {' '.join(f'--without {virtue}' for virtue in virtues):<36}  {what}"
        for virtues, what in _TO_TRY.items()
        if set(virtues) != set(without)
    ]
    return "\n".join(["Let the shop do it wrong:", *others, f"The plan of this run is {plan}; copy its folder."])
