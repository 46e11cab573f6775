"""Before the load: wait for the SUT and what else it needs, and find the address of each service.

wait for health and --wait-for ──▶ probe every origin ──▶ (one answers: the load | none: unreachable)

In a container the loopback address is that of the container itself. The server may run on the Docker host, which
is at the gateway: where the loopback address refuses and the gateway accepts, connections go to the gateway.
Nothing else changes: the Host header and the name in the TLS handshake stay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from windtunnel.engine.ids import InstanceIds
from windtunnel.engine.journal import Journal
from windtunnel.figures import as_written
from windtunnel.http.errors import Failure
from windtunnel.http.stream import Destination
from windtunnel.interfaces import Client, Clock, Endpoint, Request
from windtunnel.model.http import ERROR_KINDS, is_about_tls
from windtunnel.model.origin import Origin, split_url
from windtunnel.model.plan import TestPlan
from windtunnel.model.record import Record
from windtunnel.model.sut import ContainerNetwork, Health, Service, Tls, WaitFor
from windtunnel.model.verdict import NO_TLS
from windtunnel.model.vocabulary import ErrorKind
from windtunnel.redaction import Redactor
from windtunnel.tasks import all_of

HEALTH_PHASE = "health"
"""The phase of every request that waits; what is in it is outside all metrics."""

_ATTEMPT_S = 5.0
_WAIT_INTERVAL_S = 1.0
_START_INTERVAL_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class PreflightResult:
    """The result: why no load can start (None when it can), and the records of the health requests.

    `reroutes` maps `host:port` to the address that connections go to instead.
    """

    unreachable: str | None = None
    records: tuple[Record, ...] = ()
    reroutes: Mapping[str, str] = field(default_factory=dict)


class PreflightTransport(Protocol):
    """The part of a transport that the preflight uses."""

    def destinations(self) -> Sequence[Destination]:
        """Where the plan's requests go."""

    def destination(self, service: Service) -> Destination:
        """How a service is reached."""

    async def probe(self, destination: Destination) -> Failure | None:
        """Open a connection and close it again: why that failed, or None."""

    def reroute(self, origin: Origin, address: str | None) -> None:
        """Connect to `address` for this origin from now on; None for its own again."""

    def endpoint(self, *, method: str, service: Service, headers: Mapping[str, str]) -> Endpoint:
        """As in `Transport`."""

    def client(self) -> Client:
        """As in `Transport`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wait:
    """A service to wait for, until it accepts connections and, with a target, answers there with a right status.

    `text` describes it in messages, `longer` is the setting of its timeout.
    """

    step: str
    text: str
    service: Service
    target: str | None = None
    statuses: tuple[tuple[int, int], ...] = ((200, 399),)
    timeout_s: float
    interval_s: float = _WAIT_INTERVAL_S
    longer: str = "--wait-timeout"


class Preflight:
    """The preflight of one run. It is the sink of the requests that it sends."""

    def __init__(
        self,
        transport: PreflightTransport,
        test_plan: TestPlan,
        container_network: ContainerNetwork,
        *,
        clock: Clock,
        redactor: Redactor,
        loopback_help: Callable[[], str | None] = lambda: None,
    ) -> None:
        """`loopback_help` is the help for a loopback address that does not answer; None for the usual one."""
        self._loopback_help = loopback_help
        self._transport, self._clock, self._container_network = transport, clock, container_network
        self._sut, self._readiness = test_plan.sut, test_plan.readiness
        self._hide = redactor.text
        self._reroutes: dict[str, str] = {}
        self._records: list[Record] = []
        self._journal = Journal(
            [self], clock=clock, redactor=redactor, bodies=None, keep="none", schedule=lambda _: None
        )

    @property
    def awaited(self) -> tuple[str, ...]:
        """What the preflight waits for, in words."""
        return tuple(wait.text for wait in self._waits())

    def write(self, records: Sequence[Record]) -> None:
        """Take records."""
        self._records += records

    def close(self) -> None:
        """Nothing to finish: the records go into the first segment."""

    async def answering(self) -> tuple[str, ...]:
        """The services on this machine that accept connections already, before a command has started any."""
        local = [each for each in self._services() if self._transport.destination(each).origin.is_loopback]
        failures = await all_of([self._transport.probe(self._transport.destination(each)) for each in local])
        return tuple(each.base_url for each, failure in zip(local, failures, strict=True) if failure is None)

    async def run(self) -> PreflightResult:
        """Wait, then probe every origin."""
        transport = self._transport
        # Listed before waiting, which makes endpoints that are no part of the plan.
        destinations = list(transport.destinations())
        problems = list(filter(None, await all_of([self._wait(each) for each in self._waits()])))
        if not problems and destinations:
            failures = await all_of([self._probe(each) for each in destinations])
            if all(failures):
                problems.append(self._no_answer(dict(zip(destinations, failures, strict=True))))
        self._journal.flush()
        return PreflightResult(
            unreachable=self._hide("; ".join(problems)) or None,
            records=tuple(self._records),
            reroutes=dict(self._reroutes),
        )

    def _services(self) -> list[Service]:
        """The services that are waited for."""
        return [self._sut.default] if self._sut.default else list(self._sut.services.values())

    def _waits(self) -> list[_Wait]:
        health, asked = self._sut.health, self._services()
        if health is not None:
            waits = [_of_health(health, service) for service in asked]
        elif self._readiness.command:
            waits = [_of_start(service, self._readiness.wait_timeout_s) for service in asked]
        else:
            waits = []
        return [*waits, *(self._of_wait_for(each) for each in self._readiness.wait_for)]

    def _of_wait_for(self, wait_for: WaitFor) -> _Wait:
        timeout_s = self._readiness.wait_timeout_s
        if wait_for.url is None:
            host = f"[{wait_for.host}]" if ":" in wait_for.host else wait_for.host
            service = Service(name=wait_for.host, base_url=f"http://{host}:{wait_for.port}")
            return _Wait(step="wait_for", text=wait_for.text, service=service, timeout_s=timeout_s)
        origin, target = split_url(wait_for.url)
        known = (each for each in (self._sut.default, *self._sut.services.values()) if each is not None)
        # The TLS settings of the service at this origin hold for it too.
        alike = next((each for each in known if f"{each.base_url}/".startswith(f"{origin}/")), None)
        service = Service(name=origin.host, base_url=str(origin), tls=alike.tls if alike else Tls())
        return _Wait(
            step="wait_for", text=f"GET {wait_for.url}", service=service, target=target, timeout_s=timeout_s
        )

    async def _wait(self, wait: _Wait) -> str | None:
        """Ask until the answer is right; return None then, or a message when the time is over."""
        clock, destination = self._clock, self._transport.destination(wait.service)
        until = clock.now() + wait.timeout_s
        client = self._transport.client()
        try:
            while (failure := await self._ask(wait, destination, client, until - clock.now())) is not None:
                if clock.now() + wait.interval_s >= until:
                    waited = f"waited {as_written(wait.timeout_s)} for {wait.text}"
                    if is_about_tls(failure.kind, failure.detail):
                        return f"{waited}: {NO_TLS}: {failure.detail}"
                    problem = f"{waited}: {failure.detail}"
                    start = "" if self._readiness.command else "start it, or "
                    cure = self._cure([destination]) or f"{start}give it longer with {wait.longer}"
                    return f"{problem}; {cure}"
                await clock.sleep(wait.interval_s)
        finally:
            client.close()
        return None

    async def _ask(self, wait: _Wait, destination: Destination, client: Client, left_s: float) -> Failure | None:
        """What is wrong at present, in words; None when nothing is."""
        failure = await self._probe(destination)
        if failure is not None or wait.target is None:
            return Failure(failure.kind, _words(failure)) if failure else None
        endpoint = self._transport.endpoint(method="GET", service=wait.service, headers={})
        timeout_s = max(0.001, min(_ATTEMPT_S, left_s))
        exchange = await client.send(
            Request(
                endpoint=endpoint,
                target=wait.target,
                timeout_s=timeout_s,
                follow_redirects=False,
                step=wait.step,
            )
        )
        is_ready = exchange.error is None and any(low <= exchange.status <= high for low, high in wait.statuses)
        ids = InstanceIds(instance_id=wait.step, phase=HEALTH_PHASE)
        self._journal.request(ids, wait.step, exchange, poll=not is_ready, failed=not is_ready)
        if is_ready:
            return None
        if exchange.error is None:
            return Failure("protocol", f"it answers {exchange.status}")
        return Failure(exchange.error, _of_answer(Failure(exchange.error, exchange.error_detail), destination))

    async def _probe(self, destination: Destination) -> Failure | None:
        """Why no connection opens, not at the gateway either; None when one does."""
        transport, gateway, policy = self._transport, self._container_network.gateway, self._readiness.loopback
        origin, key = destination.origin, _key(destination.origin)
        may_turn = gateway is not None and policy != "strict" and key not in self._reroutes
        if not may_turn or destination.socket or destination.proxy or not origin.is_loopback:
            return await transport.probe(destination)
        if policy == "auto":
            failure = await transport.probe(destination)
            if failure is None or failure.kind != "refused":
                return failure
        transport.reroute(origin, gateway)
        failure_there = await transport.probe(destination)
        if failure_there is None or policy == "gateway":
            assert gateway is not None
            self._reroutes[key] = gateway
            return failure_there
        transport.reroute(origin, None)
        return failure

    def _no_answer(self, failures: Mapping[Destination, Failure | None]) -> str:
        failed = "; ".join(f"{where}: {_words(failure)}" for where, failure in failures.items() if failure)
        return f"no service answers: {failed}; {self._cure(failures) or 'start it, or correct base_url'}"

    def _cure(self, destinations: Iterable[Destination]) -> str | None:
        """The special help for a loopback address; None for any other problem."""
        about_loopback = any(each.origin.is_loopback and not each.socket for each in destinations)
        # What the run started itself is not elsewhere.
        return self._loopback_help() if about_loopback and not self._readiness.command else None


def _of_health(health: Health, service: Service) -> _Wait:
    return _Wait(
        step="health",
        text=f"GET {service.base_url}{health.path}",
        service=service,
        target=health.path,
        statuses=health.statuses,
        timeout_s=health.timeout_s,
        interval_s=health.interval_s,
        longer="health: { timeout: … }",
    )


def _of_start(service: Service, timeout_s: float) -> _Wait:
    """The wait for a service that the run has just started, and that has no health of its own."""
    return _Wait(
        step="start", text=service.base_url, service=service, timeout_s=timeout_s, interval_s=_START_INTERVAL_S
    )


def _key(origin: Origin) -> str:
    """The key of an origin in `HttpSettings.resolve`."""
    return f"{origin.host}:{origin.port}"


_PARTS: tuple[ErrorKind, ...] = ("closed", "connect_timeout", "protocol")
"""The kinds of failures whose detail is no sentence by itself."""


def _of_answer(failure: Failure, destination: Destination) -> str:
    """Why a request of the preflight got no answer."""
    if failure.kind in ("closed", "reset") and destination.tls is None:
        return f"{ERROR_KINDS[failure.kind]}; if this port speaks TLS, write https://"
    if failure.kind in _PARTS and failure.detail:
        return f"{ERROR_KINDS[failure.kind]} ({failure.detail})"
    return _words(failure)


def _words(failure: Failure) -> str:
    return failure.detail or ERROR_KINDS[failure.kind]
