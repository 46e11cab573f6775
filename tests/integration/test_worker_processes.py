"""Several processes share the load: the same journeys as one, stopped together, and none lost without a word."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from windtunnel.demo.process import ShopProcess
from windtunnel.report.collect import analyse
from windtunnel.storage.directory import RunDirectory

ENVIRONMENT = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "NO_COLOR": "1", "COLUMNS": "100"}
DRAWING = """
id: drawing
weight: 2
variables: { customer: "{{ uuid() }}", number: "{{ random_int(1, 1000000) }}" }
flow:
  - { type: http, name: list, path: "/api/products?customer={{ customer }}&n={{ number }}" }
"""
OTHER = "id: other\nflow: [{ type: http, name: look, path: '/api/products?n={{ random_int(1, 9999) }}' }]\n"
LONG = "id: long\nflow: [{ type: http, name: look, path: /api/products }, { type: wait, duration: 50ms }]\n"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="worker processes need a Unix system")


@pytest.fixture(scope="module")
def shop() -> Iterator[ShopProcess]:
    with ShopProcess() as running:
        yield running


@pytest.fixture
def start(tmp_path: Path, shop: ShopProcess) -> Callable[..., subprocess.Popen[str]]:
    """Start a run of some scenarios in `tmp_path`."""
    (tmp_path / "sut.yaml").write_text(f"name: shop\nbase_url: {shop.base_url}\n")
    (tmp_path / "scenarios").mkdir()

    def start_it(*args: str, scenarios: tuple[str, ...] = (LONG,)) -> subprocess.Popen[str]:
        for number, text in enumerate(scenarios):
            (tmp_path / "scenarios" / f"{number}.yaml").write_text(text)
        command = [sys.executable, "-m", "windtunnel", "run", *args]
        return subprocess.Popen(
            command,
            cwd=tmp_path,
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start_it


def newest(folder: Path) -> RunDirectory:
    return RunDirectory((folder / "runs" / "latest").resolve())


def lines(run: RunDirectory, kind: str) -> list[dict]:
    found = []
    for path in run.segments():
        found += [json.loads(line) for line in path.read_bytes().split(b"\n") if line.endswith(b"}")]
    return [line for line in found if line["type"] == kind]


def until(happened: Callable[[], object], *, seconds: float = 30.0) -> None:
    """Wait for something another process does."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def children(pid: int) -> list[int]:
    """The processes that a process started, oldest first."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def load_runs(folder: Path, *, segments: int) -> bool:
    """Whether every segment of the newest run has a request in it."""
    if not (folder / "runs" / "latest").exists():
        return False
    paths = newest(folder).segments()
    return len(paths) == segments and all(b'"type":"step"' in path.read_bytes() for path in paths)


def test_four_workers_run_the_same_journeys_as_one(start, tmp_path: Path):
    journeys = []
    for workers in ("1", "4"):
        process = start(
            *("--parallel", "10", "--count", "60", "--seed", "11", "--workers", workers),
            scenarios=(DRAWING, OTHER),
        )
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, out + err
        run = newest(tmp_path)
        assert len(run.segments()) == int(workers)
        urls = {line["instance_id"]: line["request"]["url"].partition("?")[2] for line in lines(run, "step")}
        scenarios = sorted((line["index"], line["scenario"]) for line in lines(run, "instance"))
        journeys.append((urls, scenarios))
        assert analyse(run).summary == json_summary(run)
    assert journeys[0] == journeys[1]
    assert [index for index, _ in journeys[0][1]] == list(range(60))


def json_summary(run: RunDirectory):
    import msgspec

    from windtunnel.model.summary import Summary

    return msgspec.json.decode((run.path / "summary.json").read_bytes(), type=Summary)


def test_a_killed_worker_ends_the_run_within_seconds_as_an_error_and_keeps_its_records(start, tmp_path: Path):
    process = start("--parallel", "8", "--duration", "120s", "--workers", "2")
    until(lambda: load_runs(tmp_path, segments=2))
    killed = time.monotonic()
    os.kill(children(process.pid)[1], signal.SIGKILL)
    out, err = process.communicate(timeout=30)

    assert time.monotonic() - killed < 10
    assert process.returncode == 1, out + err
    assert "worker 2 of 2 was ended by SIGKILL" in out
    run = newest(tmp_path)
    live = json_summary(run)
    assert live.verdict == "error"
    assert live.soundness.finished
    assert live.soundness.intact
    assert [line.get("lost", "") for line in lines(run, "run_ended")] == [
        "",
        "worker 2 of 2 was ended by SIGKILL (out of memory?)",
    ]
    assert live.run.instances + live.run.interrupted >= 1
    assert analyse(run).summary == live


def test_a_signal_stops_every_worker_with_its_closing_line(start, tmp_path: Path):
    process = start("--parallel", "8", "--duration", "120s", "--workers", "2")
    until(lambda: load_runs(tmp_path, segments=2))
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=30)

    assert process.returncode == 143, out + err
    endings = lines(newest(tmp_path), "run_ended")
    assert [(line["reason"], line["signal"]) for line in endings] == [("interrupted by SIGTERM", 15)] * 2
    assert json_summary(newest(tmp_path)).verdict == "interrupted"


def test_workers_end_when_the_coordinator_is_killed_and_nobody_calls_that_a_pass(start, tmp_path: Path):
    process = start("--parallel", "8", "--duration", "120s", "--workers", "2")
    until(lambda: load_runs(tmp_path, segments=2))
    process.kill()
    process.communicate(timeout=30)

    run = newest(tmp_path)
    until(lambda: len(lines(run, "run_ended")) == 2)
    summary = analyse(run).summary
    assert summary.verdict == "error"
    assert "the coordinating process ended before its workers" in summary.reasons[0]


def test_no_more_workers_start_than_there_are_users(start, tmp_path: Path):
    process = start("--parallel", "2", "--count", "3", "--workers", "8")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, out + err
    assert len(newest(tmp_path).segments()) == 2


def test_every_segment_says_that_nobody_answers(start, tmp_path: Path):
    process = start("--parallel", "4", "--count", "8", "--workers", "2")
    process.communicate(timeout=60)
    (tmp_path / "sut.yaml").write_text("name: nobody\nbase_url: http://127.0.0.1:1\n")
    process = start("--parallel", "4", "--count", "8", "--workers", "2", "--loopback", "strict")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 3, out + err
    assert analyse(newest(tmp_path)).summary.verdict == "unreachable"


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_threshold_that_aborts_ends_every_worker_and_fails_the_run(start, tmp_path: Path, workers: str):
    (tmp_path / "plan.yaml").write_text('thresholds: { http_reqs: [{ threshold: "count < 10", abort: true }] }\n')
    began = time.monotonic()
    process = start("--plan", "plan.yaml", "--parallel", "4", "--duration", "120s", "--workers", workers)
    out, err = process.communicate(timeout=60)

    assert time.monotonic() - began < 20
    assert process.returncode == 99, out + err
    endings = lines(newest(tmp_path), "run_ended")
    assert [line["aborted"] for line in endings] == [True] * int(workers)
    assert endings[0]["reason"].startswith("http_reqs: count < 10 failed")
    assert "the run was stopped early" in out
    assert analyse(newest(tmp_path)).summary == json_summary(newest(tmp_path))
