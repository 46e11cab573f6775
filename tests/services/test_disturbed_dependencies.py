"""Whole runs with a proxy before a server of another maker: Redis behind the SUT, nginx with TLS as the SUT."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.support.command_line import run_process
from tests.support.services import CERTIFICATES, Service, free_port
from windtunnel.model.record import ProxiedRecord, Record, StepRecord
from windtunnel.report.collect import analyse
from windtunnel.storage.directory import RunDirectory
from windtunnel.storage.reader import RecordReader

pytestmark = pytest.mark.slow

SHOP = """
import http.server, os, socket, sys
from urllib.parse import urlsplit

redis = urlsplit(os.environ["STOCK_URL"])

class Shop(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        try:
            with socket.create_connection((redis.hostname, redis.port), timeout=0.3) as stock:
                stock.sendall(b"*2\\r\\n$4\\r\\nINCR\\r\\n$4\\r\\nsold\\r\\n")
                answer = stock.recv(100)
            status = 200 if answer.startswith(b":") else 502
        except OSError as error:
            status = 503
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass

http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Shop).serve_forever()
"""


class Project:
    def __init__(self, path: Path, redis: Service) -> None:
        self.path, self.redis, self.port = path, redis, free_port()
        (path / "shop.py").write_text(SHOP)
        (path / "sut.yaml").write_text(f"base_url: http://127.0.0.1:{self.port}\n")
        (path / "scenarios").mkdir()
        (path / "scenarios" / "buy.yaml").write_text("id: buy\nflow: [{ type: http, name: buy, path: / }]\n")

    def run(self, fault: dict[str, Any]) -> dict[str, Any]:
        """The judgement of a run with a fault between the shop and its stock."""
        turbulence = {
            "phases": {"steady": "1s", "inject": "1s", "recover": "2s"},
            "proxies": {"stock": {"upstream": self.redis.url, "export": "STOCK_URL"}},
            "faults": [{**fault, "on": {"proxy": "stock"}}],
        }
        (self.path / "plan.yaml").write_text(json.dumps({"load": {"rate": "20/s"}, "turbulence": turbulence}))
        command = shlex.join([sys.executable, "shop.py", str(self.port)])
        run_process(self.path, "run", "--plan", "plan.yaml", "--exec", command)
        live = json.loads((self.directory.path / "summary.json").read_text())
        assert live == json.loads(msgspec.json.encode(analyse(self.directory).summary))
        judged: dict[str, Any] = live["turbulence"]
        return judged

    @property
    def directory(self) -> RunDirectory:
        return RunDirectory((self.path / "runs" / "latest").resolve())

    @property
    def records(self) -> list[Record]:
        return list(RecordReader(self.directory.segments()))


@pytest.fixture
def project(tmp_path: Path, redis: Service) -> Project:
    return Project(tmp_path, redis)


@pytest.mark.parametrize(
    ("fault", "seen"),
    [
        ({"type": "reset"}, {503}),
        ({"type": "refuse"}, {503}),
        ({"type": "blackhole"}, {503}),
        ({"type": "latency", "delay": "350ms"}, {503}),
        ({"type": "latency", "delay": "50ms"}, {200}),
        ({"type": "limit_bytes", "bytes": "1B"}, {200, 502}),
        ({"type": "half_close"}, {502}),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else "",
)
def test_what_is_done_between_the_shop_and_redis_is_what_the_shop_answers(
    project: Project, fault: dict[str, Any], seen: set[int]
) -> None:
    judged = project.run(fault)

    answers = [
        (record.phase, record.request.status)
        for record in project.records
        if isinstance(record, StepRecord) and record.request is not None
    ]
    in_phase = {phase: Counter(status for each, status in answers if each == phase) for phase, _ in answers}
    # A request of the last moment of a phase may meet what the next one brings.
    assert in_phase["steady"][200] >= 19, in_phase
    assert set(in_phase["inject"]) <= seen | {200}
    # What a black hole holds when it ends is answered in time.
    assert sum(in_phase["inject"][status] for status in seen) >= (12 if fault["type"] == "blackhole" else 19)
    assert in_phase["recover"][200] >= 38, in_phase
    proxied = [record for record in project.records if isinstance(record, ProxiedRecord)]
    if fault["type"] == "refuse":
        # Nothing listens: the system refuses, and on record are that, and connections that were under way.
        assert 1 <= judged["faults"][0]["applied"] <= 5
        assert 59 <= len(proxied) <= 61
    else:
        assert judged["faults"][0]["applied"] >= 19
        assert len(proxied) == 80


def folder_of_files(path: Path, nginx: Service, proxy: dict[str, str], fault: dict[str, Any]) -> None:
    """A project about nginx behind TLS, whose certificate is from an authority of its own."""
    shutil.copy(CERTIFICATES / "test-only-localhost.pem", path / "ca.pem")
    sut = {
        "base_url": nginx.url,
        "tls": {"ca": "ca.pem"},
        "auth": {"type": "basic", "user": "ada", "password": "lovelace"},
    }
    turbulence = {
        "phases": {"steady": "1s", "inject": "1s", "recover": "1s"},
        "proxies": {"front": {"service": "default", **proxy}},
        "faults": [{**fault, "on": {"proxy": "front"}}],
    }
    (path / "sut.yaml").write_text(json.dumps(sut))
    (path / "plan.yaml").write_text(json.dumps({"load": {"rate": "20/s"}, "turbulence": turbulence}))
    (path / "scenarios").mkdir()
    step = "{ type: http, name: put, method: PUT, path: '/{{ instance_id }}', body: hello }"
    (path / "scenarios" / "put.yaml").write_text(f"id: put\nflow: [{step}]\n")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_tls_goes_through_a_proxy_of_bytes_to_the_server_that_it_is_for(
    tmp_path: Path, nginx: Service, workers: str
) -> None:
    folder_of_files(tmp_path, nginx, {"protocol": "tcp"}, {"type": "reset"})

    answer = run_process(tmp_path, "run", "--plan", "plan.yaml", "--workers", workers)

    steps = [
        record
        for record in RecordReader(RunDirectory((tmp_path / "runs" / "latest").resolve()).segments())
        if isinstance(record, StepRecord)
    ]
    outcomes = Counter((step.phase, step.outcome) for step in steps)
    errors = {step.error for step in steps if step.phase == "inject"} - {None}
    assert outcomes["steady", "passed"] == 20, answer.stdout
    assert outcomes["inject", "failed"] >= 19
    assert outcomes["recover", "passed"] >= 19
    assert errors <= {"reset", "tls"}, errors


def test_an_http_proxy_before_tls_is_refused(tmp_path: Path, nginx: Service) -> None:
    folder_of_files(tmp_path, nginx, {"protocol": "http"}, {"type": "reset"})

    answer = run_process(tmp_path, "run", "--plan", "plan.yaml")

    assert answer.returncode == 2
    assert "protocol: tcp" in answer.stderr
