"""Waiting for the SUT and finding the way to it, with a gate that opens when the test says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest

from windtunnel.engine.run.preflight import Preflight, PreflightResult
from windtunnel.http.errors import Failure
from windtunnel.http.stream import Destination
from windtunnel.model.load import ClosedLoad
from windtunnel.model.origin import Origin, parse_base_url
from windtunnel.model.plan import TestPlan
from windtunnel.model.record import RequestRecord
from windtunnel.model.source import Source
from windtunnel.model.sut import ContainerNetwork, Health, Readiness, Service, Sut, WaitFor
from windtunnel.redaction import Redactor
from windtunnel.testing.scripted import Answer, ScriptedTransport, Sent
from windtunnel.testing.virtual_clock import VirtualClock, run_virtual

REFUSED = Failure("refused", "Connection refused")
GATEWAY = "172.17.0.1"
IN_A_CONTAINER = ContainerNetwork(in_container=True, gateway=GATEWAY)
LOCALHOST = "http://localhost:8080"


@dataclass
class FakeGate(ScriptedTransport):
    """A transport whose ports open as `opens` says: (host, port, address or None) at a time -> why not."""

    opens: Callable[[str, str | None, float], Failure | None]
    plan: tuple[str, ...] = (LOCALHOST,)
    answers: Callable[[Sent], Answer] = lambda sent: Answer()
    clock: VirtualClock = field(default_factory=VirtualClock)

    def __post_init__(self) -> None:
        super().__init__(self.answers)
        self.knocks: list[str] = []
        self.took_s = 0.0
        self.turned: dict[Origin, str] = {}
        self.known: dict[str, Destination] = {}

    def destinations(self) -> list[Destination]:
        return [self.destination(Service(name="x", base_url=url)) for url in self.plan]

    def destination(self, service: Service) -> Destination:
        origin = parse_base_url(service.base_url).origin
        return self.known.setdefault(str(origin), Destination(origin=origin))

    async def probe(self, destination: Destination) -> Failure | None:
        address = self.turned.get(destination.origin)
        self.knocks.append(f"{destination.origin}{f' at {address}' if address else ''}")
        return self.opens(str(destination.origin), address, self.clock.now())

    def reroute(self, origin: Origin, address: str | None) -> None:
        if address is None:
            del self.turned[origin]
        else:
            self.turned[origin] = address


def opened(
    transport: FakeGate,
    *,
    health: Health | None = None,
    base_url: str | None = LOCALHOST,
    services: Mapping[str, str] = {},
    container_network: ContainerNetwork = ContainerNetwork(),  # noqa: B008  frozen
    readiness: Readiness = Readiness(),  # noqa: B008  frozen
) -> PreflightResult:
    sut = Sut(
        name="shop",
        default=Service(name="default", base_url=base_url) if base_url else None,
        services={name: Service(name=name, base_url=url) for name, url in services.items()},
        health=health,
        source=Source(file="sut.yaml"),
    )

    async def main() -> PreflightResult:
        transport.clock = VirtualClock()
        began = transport.clock.now()
        preflight = Preflight(
            transport,
            TestPlan(sut=sut, scenarios=(), load=ClosedLoad(count=1), seed=1, readiness=readiness),
            container_network,
            clock=transport.clock,
            redactor=Redactor(secrets=["geheimgeheim"]),
            loopback_help=lambda: "localhost is this container" if container_network.in_container else None,
        )
        preflight_result = await preflight.run()
        transport.took_s = transport.clock.now() - began
        return preflight_result

    return run_virtual(main())


def always(host: str, address: str | None, now: float) -> None:
    return None


def never(host: str, address: str | None, now: float) -> Failure:
    return REFUSED


def test_an_open_door_needs_nothing_else() -> None:
    transport = FakeGate(always)
    assert opened(transport) == PreflightResult()
    assert (transport.knocks, transport.sent) == ([LOCALHOST], [])


def test_one_open_door_of_several_is_enough() -> None:
    transport = FakeGate(lambda host, *_: REFUSED if "down" in host else None, plan=("http://down", "http://up"))
    assert opened(transport).unreachable is None


def test_where_all_doors_are_shut_every_one_is_told() -> None:
    transport = FakeGate(never, plan=("http://a", "http://b"))
    assert opened(transport).unreachable == (
        "no service answers: http://a: Connection refused; http://b: Connection refused; "
        "start it, or correct base_url"
    )


def test_without_any_request_nobody_knocks() -> None:
    transport = FakeGate(never, plan=())
    assert opened(transport) == PreflightResult()


# Health


def coming_up(at_s: float) -> Callable[[Sent], Answer]:
    begun: list[int] = []

    def answer(sent: Sent) -> Answer:
        begun.append(1)
        return Answer(status=200 if len(begun) > at_s else 503)

    return answer


def test_health_is_asked_for_until_it_is_right_and_every_request_is_on_record() -> None:
    transport = FakeGate(always, answers=coming_up(3))
    preflight_result = opened(transport, health=Health(path="/health"))
    assert preflight_result.unreachable is None
    assert transport.took_s == pytest.approx(3)
    assert [sent.target for sent in transport.sent] == ["/health"] * 4
    records = [record for record in preflight_result.records if isinstance(record, RequestRecord)]
    assert len(records) == len(preflight_result.records)
    assert {(record.phase, record.step, record.scenario) for record in records} == {("health", "health", "")}
    assert [record.request.status for record in records] == [503, 503, 503, 200]
    assert [record.request.failed for record in records] == [True, True, True, False]


def test_a_server_that_is_not_up_yet_is_knocked_at_until_it_is() -> None:
    transport = FakeGate(lambda host, address, now: None if now > 5 else REFUSED)
    preflight_result = opened(transport, health=Health(path="/health", interval_s=2.0))
    assert preflight_result.unreachable is None
    assert transport.took_s == pytest.approx(6)
    assert len(preflight_result.records) == 1


def test_health_that_is_never_right_says_what_it_answered_and_the_cure() -> None:
    transport = FakeGate(always, answers=lambda sent: Answer(status=500))
    preflight_result = opened(transport, health=Health(path="/health", timeout_s=10))
    assert preflight_result.unreachable == (
        "waited 10 s for GET http://localhost:8080/health: it answers 500; "
        "start it, or give it longer with health: { timeout: … }"
    )
    assert transport.took_s <= 10
    assert len(preflight_result.records) == 10


@pytest.mark.parametrize(("status", "ready"), [(204, True), (299, True), (200, False), (503, False)])
def test_the_expected_status_decides(status: int, ready: bool) -> None:
    transport = FakeGate(always, answers=lambda sent: Answer(status=status))
    preflight_result = opened(transport, health=Health(path="/h", statuses=((201, 299),), timeout_s=2))
    assert (preflight_result.unreachable is None) is ready


@pytest.mark.parametrize(
    ("answer", "url", "reason"),
    [
        (
            Answer(error="tls", error_detail="certificate not accepted: it has expired; renew it"),
            "https://shop",
            "no TLS connection to the SUT could be made: certificate not accepted: it has expired; renew it",
        ),
        (
            Answer(error="closed", error_detail="before any response"),
            "http://shop",
            "the connection was closed before the response was complete; if this port speaks TLS, write https://; "
            "start it, or give it longer with health: { timeout: … }",
        ),
        (
            Answer(error="protocol", error_detail="invalid status"),
            "http://shop",
            "the response is not valid HTTP/1.1 (invalid status); "
            "start it, or give it longer with health: { timeout: … }",
        ),
    ],
)
def test_a_health_check_that_fails_at_tls_says_what_helps(answer: Answer, url: str, reason: str) -> None:
    transport = FakeGate(always, answers=lambda sent: answer)
    preflight_result = opened(transport, base_url=url, health=Health(path="/h", timeout_s=2))
    assert preflight_result.unreachable == f"waited 2 s for GET {url}/h: {reason}"


def test_a_health_check_that_hangs_is_given_up_in_time() -> None:
    transport = FakeGate(always, answers=lambda sent: Answer(latency_s=1000))
    preflight_result = opened(transport, health=Health(path="/h", timeout_s=12))
    assert "no complete response before the deadline" in (preflight_result.unreachable or "")
    assert 10 < transport.took_s <= 12


def test_without_a_base_url_every_service_is_asked() -> None:
    transport = FakeGate(always)
    opened(transport, health=Health(path="/h"), base_url=None, services={"a": "http://a", "b": "http://b"})
    assert sorted(sent.service.base_url for sent in transport.sent) == ["http://a", "http://b"]


def test_no_secret_stands_in_the_records() -> None:
    transport = FakeGate(always)
    preflight_result = opened(transport, health=Health(path="/h?key=geheimgeheim"))
    assert "geheimgeheim" not in str(preflight_result.records)


# Waiting for other things


def test_a_port_and_a_url_are_waited_for() -> None:
    transport = FakeGate(lambda host, address, now: REFUSED if "db" in host and now < 4 else None)
    readiness = Readiness(
        wait_for=(WaitFor(text="db:5432", host="db", port=5432), WaitFor(text="u", url="http://shop/ready?x=1"))
    )
    preflight_result = opened(transport, readiness=readiness)
    assert preflight_result.unreachable is None
    assert transport.took_s == pytest.approx(4)
    assert [(sent.service.base_url, sent.target) for sent in transport.sent] == [("http://shop", "/ready?x=1")]


def test_what_is_waited_for_does_not_stand_in_for_the_sut() -> None:
    transport = FakeGate(lambda host, *_: REFUSED if host == LOCALHOST else None)
    preflight_result = opened(transport, readiness=Readiness(wait_for=(WaitFor(text="db:1", host="db", port=1),)))
    assert "no service answers: http://localhost:8080" in (preflight_result.unreachable or "")


def test_each_thing_that_did_not_come_is_told() -> None:
    transport = FakeGate(
        lambda host, *_: REFUSED if "db" in host else None, answers=lambda sent: Answer(status=404)
    )
    readiness = Readiness(
        wait_for=(WaitFor(text="db:1", host="db", port=1), WaitFor(text="u", url="http://shop/")), wait_timeout_s=3
    )
    assert opened(transport, readiness=readiness).unreachable == (
        "waited 3 s for db:1: Connection refused; start it, or give it longer with --wait-timeout; "
        "waited 3 s for GET http://shop/: it answers 404; start it, or give it longer with --wait-timeout"
    )


# Loopback in a container


def on_the_machine(host: str, address: str | None, now: float) -> Failure | None:
    return None if address == GATEWAY else REFUSED


def test_a_refused_loopback_is_found_at_the_gateway() -> None:
    transport = FakeGate(on_the_machine)
    preflight_result = opened(transport, container_network=IN_A_CONTAINER)
    assert preflight_result == PreflightResult(reroutes={"localhost:8080": GATEWAY})
    assert transport.knocks == [LOCALHOST, f"{LOCALHOST} at {GATEWAY}"]


def test_health_is_asked_for_at_the_gateway_too() -> None:
    transport = FakeGate(lambda host, address, now: None if address and now >= 3 else REFUSED)
    preflight_result = opened(transport, container_network=IN_A_CONTAINER, health=Health(path="/h"))
    assert preflight_result.unreachable is None
    assert preflight_result.reroutes == {"localhost:8080": GATEWAY}


def test_a_loopback_that_answers_stays() -> None:
    transport = FakeGate(always)
    assert opened(transport, container_network=IN_A_CONTAINER).reroutes == {}


def test_only_the_loopback_is_turned_and_only_when_it_refuses() -> None:
    transport = FakeGate(never, plan=("http://shop:8080",))
    assert opened(transport, base_url="http://shop:8080", container_network=IN_A_CONTAINER).reroutes == {}
    transport = FakeGate(lambda host, address, now: None if address else Failure("connect_timeout"))
    assert opened(transport, container_network=IN_A_CONTAINER).reroutes == {}


def test_nobody_at_the_gateway_either_leaves_no_detour_and_names_the_cure() -> None:
    transport = FakeGate(never)
    preflight_result = opened(transport, container_network=IN_A_CONTAINER)
    assert preflight_result.reroutes == {}
    assert transport.turned == {}
    told = preflight_result.unreachable or ""
    assert told == "no service answers: http://localhost:8080: Connection refused; localhost is this container"


def test_strict_never_leaves_the_container() -> None:
    transport = FakeGate(on_the_machine)
    preflight_result = opened(transport, container_network=IN_A_CONTAINER, readiness=Readiness(loopback="strict"))
    assert transport.knocks == [LOCALHOST]
    assert (preflight_result.unreachable or "").endswith("localhost is this container")


def test_gateway_does_not_ask_the_container_first() -> None:
    transport = FakeGate(always)
    preflight_result = opened(transport, container_network=IN_A_CONTAINER, readiness=Readiness(loopback="gateway"))
    assert transport.knocks == [f"{LOCALHOST} at {GATEWAY}"]
    assert preflight_result.reroutes == {"localhost:8080": GATEWAY}


def test_outside_of_a_container_nobody_is_led_around() -> None:
    transport = FakeGate(on_the_machine)
    preflight_result = opened(transport, readiness=Readiness(loopback="gateway"))
    assert transport.knocks == [LOCALHOST]
    assert (preflight_result.unreachable or "").endswith("start it, or correct base_url")
