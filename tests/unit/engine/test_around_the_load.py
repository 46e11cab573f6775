"""What is around a load: proxies that listen from before the preflight on, drivers, and their record file."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from tests.support.journeys import Run, get, scenario, section
from windtunnel.engine.run.proxies import address_alone, reachable, taken_ports, url_through
from windtunnel.engine.run.shutdown import Shutdown, Stop
from windtunnel.errors import ConfigError
from windtunnel.model.load import OpenLoad, Segment
from windtunnel.model.record import PhaseRecord, ProxiedRecord, Record, RunEnded, RunStarted
from windtunnel.model.turbulence import Phases, ProxySpec, Turbulence
from windtunnel.model.vocabulary import ProxyProtocol
from windtunnel.testing.scripted import Answer, Sent
from windtunnel.testing.virtual_clock import EPOCH

PHASES = Phases(steady_s=2, inject_s=2, recover_s=2)
LOAD = OpenLoad(stages=PHASES.stages(5), start=5)
FRONT = ProxySpec(name="front", protocol="http", upstream="http://sut", export="SUT_URL", service="default")
BESIDE = ProxySpec(name="beside", protocol="tcp", upstream="tcp://db:5432", export="DB_URL")


@dataclass
class Proxies:
    """Proxies that listen nowhere; what became of them, in order. One in `broken` can't listen."""

    broken: str = ""
    told: list[str] = field(default_factory=list)
    began: list[float] = field(default_factory=list)
    write: Callable[[Record], None] = lambda record: None

    def __call__(self, spec: ProxySpec, write: Callable[[Record], None]) -> _Proxy:
        self.write = write
        return _Proxy(spec, self)

    def saw(self, path: str) -> None:
        self.write(ProxiedRecord(t=EPOCH + 1, proxy="front", method="GET", path=path))


@dataclass
class _Proxy:
    spec: ProxySpec
    all: Proxies

    @property
    def address(self) -> str:
        return f"127.0.0.1:{9000 + len(self.spec.name)}"

    async def start(self) -> None:
        if self.spec.name == self.all.broken:
            raise ConfigError.of("proxy beside: 127.0.0.1:9006 is in use")
        self.all.told.append(f"start {self.spec.name}")

    def reroute(self, origin: str, address: str) -> None:
        self.all.told.append(f"{self.spec.name}: {origin} at {address}")

    def begin(self, began: float) -> None:
        self.all.told.append(f"begin {self.spec.name}")
        self.all.began.append(began)

    def end(self) -> None:
        if f"end {self.spec.name}" not in self.all.told:
            self.all.told.append(f"end {self.spec.name}")

    async def close(self) -> None:
        self.all.told.append(f"close {self.spec.name}")


def turbulence(*proxies: ProxySpec) -> Turbulence:
    return Turbulence(phases=PHASES, proxies=proxies)


def test_proxies_listen_before_the_load_and_close_after_it(run: Run) -> None:
    proxies = Proxies()

    def answer(sent: object) -> Answer:
        proxies.told.append("request")
        return Answer()

    run(
        scenario(get("home")),
        load=OpenLoad(stages=PHASES.stages(0.5), start=0.5),
        turbulence=turbulence(FRONT, BESIDE),
        make_proxy=proxies,
        answers=answer,
    )

    assert proxies.told == [
        "start front",
        "start beside",
        "begin front",
        "begin beside",
        "request",
        "request",
        "request",
        "end front",
        "end beside",
        "close beside",
        "close front",
    ]


def test_the_requests_of_a_service_go_through_the_proxy_in_front_of_it(run: Run) -> None:
    finished = run(scenario(get("home")), load=LOAD, turbulence=turbulence(FRONT, BESIDE), make_proxy=Proxies())

    assert finished.rerouted == [("http://sut", "127.0.0.1:9005")]


def test_what_proxies_do_has_a_record_file_with_the_phases_of_the_load(run: Run) -> None:
    proxies = Proxies()

    def answer(sent: object) -> Answer:
        proxies.saw("/cart?token=abc&page=2")
        return Answer()

    finished = run(
        scenario(get("home")), load=LOAD, turbulence=turbulence(FRONT), make_proxy=proxies, answers=answer
    )

    outside = [record.kind for record in finished.of(RunStarted)]
    seen = finished.of(ProxiedRecord)
    phases = finished.of(PhaseRecord)
    assert outside == ["load", "turbulence"]
    assert len(seen) == 30
    assert {record.path for record in seen} == {"/cart?token=[redacted]&page=2"}
    assert [record.name for record in phases] == ["steady", "inject", "recover"] * 2
    assert {record.t for record in phases} == {EPOCH}
    assert finished.evidence.finished
    assert finished.evidence.intact


def test_what_a_proxy_sees_before_the_load_is_part_of_no_metric(run: Run) -> None:
    proxies = Proxies()

    def answer(sent: object) -> Answer:
        proxies.saw("/")
        return Answer()

    finished = run(
        scenario(get("home"), setup=section(get("stock")), teardown=section(get("clear"))),
        load=OpenLoad(stages=PHASES.stages(0.5), start=0.5),
        turbulence=turbulence(FRONT),
        make_proxy=proxies,
        answers=answer,
    )

    assert len(finished.transport.sent) == 5
    assert len(finished.of(ProxiedRecord)) == 4


@pytest.mark.parametrize("refused", [None, "no service answers"])
def test_a_run_without_a_load_has_every_record_file(run: Run, refused: str | None) -> None:
    proxies = Proxies()

    def stop(shutdown: Shutdown) -> None:
        if refused is None:
            shutdown.request(Stop(reason="interrupted", signal=2))

    finished = run(
        scenario(get("home"), setup=section(get("stock"))),
        load=LOAD,
        turbulence=turbulence(FRONT),
        make_proxy=proxies,
        refused=refused,
        during=stop,
    )

    assert "home" not in [sent.step for sent in finished.transport.sent]
    assert finished.evidence.finished
    assert len(finished.of(RunEnded)) == 3
    assert proxies.told == ["start front", "end front", "close front"]


def test_a_proxy_that_can_not_listen_ends_the_run_before_it_sends_anything(run: Run) -> None:
    proxies = Proxies(broken="beside")

    with pytest.raises(ConfigError, match="is in use"):
        run(scenario(get("home")), load=LOAD, turbulence=turbulence(FRONT, BESIDE), make_proxy=proxies)

    assert proxies.told == ["start front", "close front"]


def test_a_shard_numbers_the_file_as_its_own(run: Run) -> None:
    finished = run(
        scenario(get("home")),
        load=LOAD,
        turbulence=turbulence(FRONT),
        make_proxy=Proxies(),
        segment=Segment(number=1, of=2),
    )

    assert [(record.kind, record.segment) for record in finished.of(RunStarted)] == [
        ("load", 1),
        ("turbulence", 1),
    ]


def upstream(text: str, protocol: ProxyProtocol = "tcp") -> ProxySpec:
    return ProxySpec(name="beside", protocol=protocol, upstream=text)


@pytest.mark.parametrize(
    ("spec", "through"),
    [
        (upstream("http://payments:9000", "http"), "http://127.0.0.1:4100"),
        (upstream("https://payments", "http"), "http://127.0.0.1:4100"),
        (upstream("payments:9000", "http"), "http://127.0.0.1:4100"),
        (upstream("tcp://db:5432"), "tcp://127.0.0.1:4100"),
        (upstream("db:5432"), "127.0.0.1:4100"),
        (upstream("https://payments"), "https://127.0.0.1:4100"),
        (upstream("postgres://shop:pa:ss@db:5432/orders?sslmode=off"), "postgres://shop:pa:ss@127.0.0.1:4100/orders?sslmode=off"),
        (upstream("redis://[::1]:6379/0"), "redis://127.0.0.1:4100/0"),
    ],
)  # fmt: skip
def test_the_url_through_a_proxy_is_that_of_the_upstream_with_another_address(
    spec: ProxySpec, through: str
) -> None:
    assert url_through(spec, "127.0.0.1:4100") == through


@pytest.mark.parametrize(
    ("address", "from_here"),
    [
        ("127.0.0.1:41", "127.0.0.1:41"),
        ("0.0.0.0:41", "127.0.0.1:41"),
        ("[::]:41", "[::1]:41"),
        ("10.0.0.5:41", "10.0.0.5:41"),
    ],
)
def test_a_proxy_on_every_address_is_reached_at_loopback(address: str, from_here: str) -> None:
    assert reachable(address) == from_here


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("postgres://shop:secret@db:5432/orders", "db:5432"),
        ("db:5432", "db:5432"),
        ("https://payments", "payments:443"),
        ("http://payments/", "payments:80"),
        ("redis://[::1]:6379", "[::1]:6379"),
    ],
)
def test_a_proxy_of_bytes_knows_no_more_of_its_upstream_than_its_address(written: str, plain: str) -> None:
    assert address_alone(upstream(written)).upstream == plain


def test_a_port_in_use_is_found_before_there_is_a_run() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        specs = [
            ProxySpec(name="free", protocol="tcp", upstream="db:5432"),
            ProxySpec(name="front", protocol="tcp", upstream="db:5432", port=taken.getsockname()[1]),
        ]
        (problem,) = taken_ports(specs)

    assert problem.message == f"proxy front can't listen on 127.0.0.1:{specs[1].port}: another program does"


def test_a_proxy_goes_where_the_preflight_found_its_upstream(run: Run) -> None:
    proxies = Proxies()

    run(
        scenario(get("home")),
        load=LOAD,
        turbulence=turbulence(FRONT),
        make_proxy=proxies,
        at={"sut:80": "172.17.0.1"},
    )

    assert proxies.told == [
        "start front",
        "front: sut:80 at 172.17.0.1",
        "begin front",
        "end front",
        "close front",
    ]


def test_faults_end_when_the_run_is_asked_to_end_and_no_teardown_meets_them(run: Run) -> None:
    proxies = Proxies()

    def answer(sent: Sent) -> Answer:
        proxies.told.append(sent.step)
        return Answer(latency_s=0.5)

    def stop_soon(shutdown: Shutdown) -> None:
        asyncio.get_running_loop().call_later(0.3, shutdown.request, Stop(reason="interrupted", signal=2))

    run(
        scenario(get("home"), teardown=section(get("clear"))),
        load=OpenLoad(stages=PHASES.stages(1), start=1),
        turbulence=turbulence(FRONT),
        make_proxy=proxies,
        answers=answer,
        during=stop_soon,
    )

    assert proxies.told == ["start front", "begin front", "home", "end front", "clear", "close front"]
