"""Whole runs against a shop that keeps its stock in Redis, reached through a proxy of the run."""

from __future__ import annotations

import json
import shlex
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.support.command_line import run_process
from tests.support.services import Service, free_port
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
        # Nothing listens: the system refuses, and only that nothing listened is on record.
        assert judged["faults"][0]["applied"] == 1
        assert 59 <= len(proxied) <= 61
    else:
        assert judged["faults"][0]["applied"] >= 19
        assert len(proxied) == 80
