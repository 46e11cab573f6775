"""A run that waits for a real server, and one that finds it on the machine around its container."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support.tiers import slow_unless
from windtunnel.config.overrides import overrides_of
from windtunnel.job.request import JobRequest
from windtunnel.job.run import JobResult, run_job
from windtunnel.model.load import is_measured
from windtunnel.model.record import RequestRecord
from windtunnel.model.sut import ContainerNetwork
from windtunnel.report.collect import analyse
from windtunnel.storage.reader import RecordReader
from windtunnel.terminal import TerminalObserver


class Server(ThreadingHTTPServer):
    """Answers /health with 503 as often as it is told to; keeps the Host header of every request."""

    daemon_threads = True

    def __init__(self, host: str, unready: int = 0) -> None:
        self.left, self.lock = unready, threading.Lock()
        self.hosts: list[str] = []
        super().__init__((host, 0), Handler)

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        with self.server.lock:
            self.server.hosts.append(self.headers["Host"])
            unready = self.path == "/health" and self.server.left > 0
            self.server.left -= unready
        self.send_response(503 if unready else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def serving(host: str = "127.0.0.1", unready: int = 0) -> Iterator[Server]:
    with Server(host, unready) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


Job = Callable[..., tuple[JobResult, str]]


@pytest.fixture(name="job")
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    monkeypatch.chdir(tmp_path)
    said = io.StringIO()

    def job(
        sut: str,
        container_network: ContainerNetwork = ContainerNetwork(),  # noqa: B008  frozen
        **flags: object,
    ) -> tuple[JobResult, str]:
        Path("sut.yaml").write_text(sut)
        Path("a.yaml").write_text("id: a\nflow:\n  - { type: http, name: home, path: / }\n")
        result = run_job(
            JobRequest(
                scenarios=("a.yaml",), overrides=overrides_of(**flags), container_network=container_network
            ),
            environment={},
            observer=TerminalObserver(out=said, err=said, color=False, interactive=False),
        )
        return result, said.getvalue()

    return job


def waited(result: JobResult) -> list[RequestRecord]:
    records = list(RecordReader(result.directory.segments()))
    return [each for each in records if isinstance(each, RequestRecord) and not is_measured(each.phase)]


@pytest.mark.parametrize("workers", slow_unless(lambda workers: workers == "2", ["1", "2"]))
def test_the_load_begins_when_health_is_right_and_what_waited_is_in_no_metric(job: Job, workers: str) -> None:
    with serving(unready=2) as server:
        sut = f"base_url: http://127.0.0.1:{server.port}\nhealth: {{ path: /health, interval: 20ms }}\n"
        result, said = job(sut, parallel=2, count=4, workers=workers)
    assert result.summary.verdict == "pass", said
    assert [record.request.status for record in waited(result)] == [503, 503, 200]
    assert result.summary.metrics["http_reqs"].count == 4
    assert len(server.hosts) == 7
    assert analyse(result.directory).summary == result.summary
    assert f"waiting for GET http://127.0.0.1:{server.port}/health" in said


def test_health_that_never_comes_is_unreachable_with_the_cure(job: Job) -> None:
    with serving(unready=1000) as server:
        health = "{ path: /health, interval: 1h, timeout: 1h }"  # the next try would come too late
        result, _ = job(f"base_url: http://127.0.0.1:{server.port}\nhealth: {health}\n", count=4)
    assert (result.summary.verdict, result.summary.exit_code) == ("unreachable", 3)
    assert "nothing was sent: waited 1 h for GET" in result.summary.reasons[0]
    assert "it answers 503; start it, or give it longer with health: { timeout: … }" in result.summary.reasons[0]
    assert analyse(result.directory).summary == result.summary


def test_a_port_that_opens_late_is_waited_for(job: Job) -> None:
    with serving() as sut_server, serving() as other:
        result, said = job(
            f"base_url: http://127.0.0.1:{sut_server.port}\n",
            count=1,
            wait_for=(f"127.0.0.1:{other.port}", f"http://127.0.0.1:{other.port}/ready"),
        )
    assert result.summary.verdict == "pass", said
    assert [record.step for record in waited(result)] == ["wait_for"]


@pytest.mark.parametrize("workers", slow_unless(lambda workers: workers == "1", ["1", "2"]))
def test_a_server_on_the_machine_around_the_container_is_reached_and_that_is_said(job: Job, workers: str) -> None:
    around = ContainerNetwork(in_container=True, gateway="127.0.0.2")
    with serving("127.0.0.2") as server:
        result, said = job(
            f"base_url: http://localhost:{server.port}\n", around, parallel=2, count=4, workers=workers
        )
    assert result.summary.verdict == "pass", said
    assert set(server.hosts) == {f"localhost:{server.port}"}
    assert result.directory.manifest().reroutes == {f"localhost:{server.port}": "127.0.0.2"}
    assert f"localhost:{server.port} is reached at 127.0.0.2, the Docker host (--loopback)" in said
    assert f"localhost:{server.port} at 127.0.0.2" in (result.directory.path / "report.html").read_text()


def test_a_target_takes_the_place_of_the_base_url(job: Job) -> None:
    with serving() as server:
        result, said = job("base_url: http://shop.invalid\n", count=1, target=f"http://127.0.0.1:{server.port}")
    assert result.summary.verdict == "pass", said
    assert result.directory.manifest().base_urls == [f"http://127.0.0.1:{server.port}"]
