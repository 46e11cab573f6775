"""Requests of an instance with faults on them, in virtual time: what the step receives, and what is on record."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.support.compiling import SHOP
from windtunnel.interfaces import Client, Request
from windtunnel.model.http import Exchange
from windtunnel.model.record import FaultRecord
from windtunnel.model.turbulence import Amount, FaultSpec, FaultTarget, Guards, Phases, Schedule, Turbulence
from windtunnel.model.vocabulary import FaultPattern
from windtunnel.testing.scripted import Answer, ScriptedTransport, Sent
from windtunnel.testing.virtual_clock import VirtualClock, run_virtual
from windtunnel.turbulence.client import FaultyClients

PHASES = Phases(steady_s=0, inject_s=60, recover_s=60)
"""Phases in which faults are on from the begin of the load."""


def amount(value: float | str | None) -> Amount | None:
    """Seconds, or a share such as `20%`."""
    if isinstance(value, str):
        return Amount(share=float(value.rstrip("%")) / 100)
    return None if value is None else Amount(seconds=float(value))


def schedule(
    pattern: FaultPattern = "window", *, at: float | str = 0.0, length: float | str | None = None, **settings: Any
) -> Schedule:
    """A schedule; `on_` and the like are keys that Python takes for itself."""
    begin = amount(at)
    assert begin is not None
    keys = {key.rstrip("_"): value for key, value in settings.items()}
    return Schedule(at=begin, length=amount(length), pattern=pattern, settings=keys)


def fault(
    type: str, *, name: str = "", on: dict[str, str] | None = None, probability: float = 1.0,
    when: Schedule | None = None, **settings: Any,
) -> FaultSpec:  # fmt: skip
    """A fault on our own requests with these settings."""
    return FaultSpec(
        name=name or type,
        type=type,
        on=FaultTarget(**(on or {})),
        probability=probability,
        schedule=when or Schedule(),
        settings=settings,
    )


@dataclass
class Load:
    """A load in one process: its faults, what it sends and what comes back."""

    clients: FaultyClients
    transport: ScriptedTransport
    records: list[FaultRecord]
    observed: list[Exchange] = field(default_factory=list)

    def instance(self, index: int = 0, *, scenario: str = "shop") -> Client:
        """The client of a new instance."""
        inner = self.transport.client()
        inner.begin_instance(instance_id=f"{scenario}-{index}", correlation_id=f"{index:032x}")
        return self.clients.of_instance(
            inner,
            scenario=scenario,
            index=index,
            instance_id=f"{scenario}-{index}",
            correlation_id=f"{index:032x}",
        )

    def request(self, step: str = "pay", *, method: str = "POST", path: str = "/pay", **more: Any) -> Request:
        """A request of a step."""
        endpoint = self.transport.endpoint(method=method, service=SHOP, headers={})
        return Request(
            **{"endpoint": endpoint, "target": path, "timeout_s": 5.0, "step": step, **more},
            on_hop=self.observed.append,
        )

    @property
    def told(self) -> list[tuple[str, str, str]]:
        """Name, event and detail of every record."""
        return [(each.name, each.event, each.detail) for each in self.records]


Answers = Iterable[Answer] | Callable[[Sent], Answer]


def with_load(
    test: Callable[[Load], Any],
    *faults: FaultSpec,
    answers: Answers = lambda _: Answer(),
    phases: Phases = PHASES,
    seed: int = 1,
    control: float = 0.0,
    max_active: int | None = None,
) -> Load:
    """Run a coroutine function in virtual time, with a load that has just begun."""
    transport, records = ScriptedTransport(answers), list[FaultRecord]()
    turbulence = Turbulence(phases=phases, faults=faults, control=control, guards=Guards(max_active=max_active))
    clock = VirtualClock()
    load = Load(FaultyClients(turbulence, seed, clock, records.append), transport, records)

    async def main() -> None:
        load.clients.begin(clock.now())
        await test(load)

    run_virtual(main())
    return load


def send_all(
    *faults: FaultSpec, requests: Sequence[dict[str, Any]] = ({},), **more: Any
) -> tuple[list[Exchange], Load]:
    """Send requests one after the other in one instance: what each received, and the load."""
    received: list[Exchange] = []

    async def test(load: Load) -> None:
        client = load.instance()
        for occurrence, request in enumerate(requests, 1):
            received.append(await client.send(load.request(**{"occurrence": occurrence, **request})))

    return received, with_load(test, *faults, **more)
