"""Whole runs with proxies and drivers around their load: what goes where, what is on record, what is undone."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import sys
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from tests.support.command_line import answer_of, call, run_process, started, until
from tests.support.services import free_port
from windtunnel.model.record import (
    FaultRecord,
    PhaseRecord,
    ProxiedRecord,
    Record,
    RunEnded,
    RunStarted,
    StepRecord,
)
from windtunnel.report.collect import analyse
from windtunnel.storage.directory import RunDirectory
from windtunnel.storage.reader import RecordReader

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the flag is for Unix systems")

SHOP = """
import http.server, os, sys, threading, urllib.request

class Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass

class Shop(Answers):
    def do_GET(self):
        if "PAYMENTS_URL" in os.environ:
            headers = {"traceparent": self.headers["traceparent"]}
            charge = urllib.request.Request(os.environ["PAYMENTS_URL"] + "/charge", headers=headers)
            urllib.request.urlopen(charge).read()
        super().do_GET()

shop, payments = map(int, sys.argv[1:])
behind = http.server.ThreadingHTTPServer(("127.0.0.1", payments), Answers)
threading.Thread(target=behind.serve_forever, daemon=True).start()
http.server.ThreadingHTTPServer(("127.0.0.1", shop), Shop).serve_forever()
"""
PLAN = """
load: {{ rate: 20/s }}
turbulence:
  phases: {{ steady: {steady}, inject: {phase}, recover: {phase} }}
"""
PROXY = """
  proxies:
    payments: {{ upstream: "http://127.0.0.1:{payments}", listen: "127.0.0.1:{listen}", export: PAYMENTS_URL }}
"""
FRONT = """
  proxies:
    front: {{ service: default }}
"""
BROWNOUT = """
  proxies:
    payments: {{ upstream: "http://127.0.0.1:{payments}", export: PAYMENTS_URL }}
  faults:
    - {{ name: brownout, on: {{ proxy: payments }}, type: status, code: 503, schedule: {{ at: 0s, for: 300ms }} }}
"""
HOOK = """
  faults:
    - {{ name: paused, type: hook, apply: touch paused, revert: rm paused }}
"""


SLOW = """
  steady_state: {{ http_req_failed: ["rate < 5%"] }}
  faults:
    - {{ name: slow, type: latency, delay: 5ms, on: {{ proxy: payments }} }}
    - {{ name: late, type: latency, delay: 5ms, probability: 50% }}
  control: 20%
"""


class Folder:
    """A shop and what it calls, in one process that `--exec` starts."""

    def __init__(self, path: Path) -> None:
        self.path, self.shop, self.payments = path, free_port(), free_port()
        (path / "shop.py").write_text(SHOP)
        (path / "sut.yaml").write_text(f"base_url: http://127.0.0.1:{self.shop}\n")
        (path / "scenarios").mkdir()
        (path / "scenarios" / "home.yaml").write_text("id: home\nflow: [{ type: http, name: buy, path: / }]\n")

    def plan(self, text: str, *, phase: str = "400ms", steady: str = "400ms", listen: int = 0) -> None:
        text = (PLAN + text).format(phase=phase, steady=steady, payments=self.payments, listen=listen)
        (self.path / "plan.yaml").write_text(text)

    def run(self, *flags: str) -> list[str]:
        command = shlex.join([sys.executable, "shop.py", str(self.shop), str(self.payments)])
        return ["run", "--plan", "plan.yaml", "--exec", command, *flags]

    @property
    def directory(self) -> RunDirectory:
        return RunDirectory((self.path / "runs" / "latest").resolve())

    def records(self) -> list[Record]:
        return list(RecordReader(self.directory.segments()))


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def calls(records: list[Record]) -> tuple[Counter[str], Counter[str]]:
    """The requests of ours, and those that the shop sent through the proxy, by their correlation ids."""
    return (
        Counter(record.correlation_id for record in records if isinstance(record, StepRecord)),
        Counter(record.correlation_id for record in records if isinstance(record, ProxiedRecord)),
    )


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_what_the_sut_sends_goes_through_the_proxy_that_it_was_told_of(folder: Folder, workers: str) -> None:
    folder.plan(PROXY)

    answer = run_process(folder.path, *folder.run("--workers", workers))

    records = folder.records()
    ours, proxied = calls(records)
    begins = {record.t for record in records if isinstance(record, PhaseRecord)}
    assert len(ours) == 24, answer.stdout
    assert proxied == ours
    assert re.search(r"proxy payments listens on http://127\.0\.0\.1:[0-9]+, for PAYMENTS_URL\n", answer.stderr)
    assert max(begins) - min(begins) < 1
    assert analyse(folder.directory).summary.soundness.intact


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_our_requests_go_through_the_proxy_in_front_of_their_service(folder: Folder, workers: str) -> None:
    folder.plan(FRONT)

    answer = run_process(folder.path, *folder.run("--workers", workers))

    ours, proxied = calls(folder.records())
    steps = [record for record in folder.records() if isinstance(record, StepRecord)]
    assert len(ours) == 24, answer.stdout
    assert proxied == ours
    assert {step.request.url for step in steps if step.request} == {f"http://127.0.0.1:{folder.shop}/"}


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_records_are_judged_as_the_run_was(folder: Folder, workers: str) -> None:
    folder.plan(PROXY + SLOW, phase="1s", steady="1s")

    answer = run_process(folder.path, *folder.run("--workers", workers))

    run = (folder.path / "runs" / "latest").resolve()
    live = json.loads((run / "summary.json").read_text())
    again = json.loads(msgspec.json.encode(analyse(RunDirectory(run)).summary))
    assert live == again
    records = folder.records()
    slow = [record for record in records if isinstance(record, ProxiedRecord) and record.faults == ["slow"]]
    late = [record for record in records if isinstance(record, FaultRecord) and record.name == "late"]
    assert slow, answer.stdout
    assert [fault["applied"] for fault in live["turbulence"]["faults"]] == [
        len(slow),
        sum(record.event == "applied" for record in late),
    ]
    assert live["turbulence"]["proxies"][0]["logical"] == 60
    assert sum(group["instances"] for group in live["turbulence"]["groups"]) == 20


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_fault_behind_the_sut_is_judged_alike_live_and_from_disk(folder: Folder, workers: str) -> None:
    folder.plan(BROWNOUT)

    answer = run_process(folder.path, *folder.run("--workers", workers))

    proxied = [record for record in folder.records() if isinstance(record, ProxiedRecord)]
    # The shop closes the connection then, and a request on one that was used before is sent once more.
    touched = Counter(record.correlation_id for record in proxied if record.faults == ["brownout"])
    failed = {
        record.correlation_id
        for record in folder.records()
        if isinstance(record, StepRecord) and record.outcome == "failed"
    }
    live = json.loads((folder.directory.path / "summary.json").read_text())
    from_disk = json.loads(msgspec.json.encode(analyse(folder.directory).summary))
    assert touched, answer.stdout
    assert failed == touched.keys()
    assert live["turbulence"]["faults"][0]["applied"] == touched.total()
    assert live == from_disk


@pytest.mark.slow
def test_shards_keep_what_their_own_proxies_saw(folder: Folder) -> None:
    folder.plan(PROXY)
    for shard in ("1/2", "2/2"):
        run_process(folder.path, *folder.run("--shard", shard, "--seed", "1", "--output", "shards"))

    answer = call(folder.path, "merge", "shards", "--output", "runs")

    records = folder.records()
    ours, proxied = calls(records)
    files = [(record.kind, record.segment) for record in records if isinstance(record, RunStarted)]
    assert files == [("load", 0), ("load", 1), ("turbulence", 0), ("turbulence", 1)], answer.stderr
    assert len(ours) == 24
    assert proxied == ours
    summary = json.loads((folder.path / "runs" / "latest" / "summary.json").read_text())
    assert summary["soundness"]["intact"], summary["soundness"]


def test_a_port_in_use_is_told_before_there_is_a_run(folder: Folder) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        folder.plan(PROXY, listen=port)
        answer = call(folder.path, *folder.run())

    problem = f"plan.yaml:7:5: proxy payments can't listen on 127.0.0.1:{port}: another program does"
    assert answer.returncode == 2
    assert answer.stderr.splitlines()[0] == problem
    assert not (folder.path / "runs").exists()


@pytest.mark.slow
def test_what_a_driver_did_is_undone_when_the_phase_ends(folder: Folder) -> None:
    folder.plan(HOOK)

    answer = run_process(folder.path, *folder.run("--allow", "hook"))

    events = [record.event for record in folder.records() if isinstance(record, FaultRecord)]
    assert events == ["on", "applied", "off"], answer.stderr
    assert not (folder.path / "paused").exists()


def test_what_a_driver_did_is_undone_when_the_run_is_interrupted(folder: Folder) -> None:
    folder.plan(HOOK, phase="30s", steady="100ms")

    with started(folder.path, *folder.run("--allow", "hook")) as process:
        until((folder.path / "paused").exists, process)
        process.send_signal(signal.SIGINT)
        answer = answer_of(process)

    assert answer.returncode == 130
    assert not (folder.path / "paused").exists()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the arguments of a process")
def test_what_a_proxy_saw_is_read_back_where_a_worker_is_lost(folder: Folder) -> None:
    folder.plan(PROXY, phase="20s")
    counted = folder.path / "runs" / "latest" / "records" / "0001.jsonl"

    with started(folder.path, *folder.run("--workers", "2")) as process:
        until(lambda: counted.exists() and '"step"' in counted.read_text(), process)
        os.kill(worker_of(process.pid), signal.SIGKILL)
        answer = answer_of(process)

    records = folder.records()
    (lost,) = [record.lost for record in records if isinstance(record, RunEnded) and record.lost]
    assert answer.returncode == 5, answer.stdout
    assert "was ended by SIGKILL" in lost
    assert calls(records)[1]
    assert len([record for record in records if isinstance(record, RunEnded)]) == 3


def worker_of(pid: int) -> int:
    """A worker process of a run."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    arguments = {int(child): Path(f"/proc/{child}/cmdline").read_text() for child in children}
    return max(child for child, words in arguments.items() if "windtunnel.engine.workers" in words)
