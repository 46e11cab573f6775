"""The whole job: the command line against the demo shop in a process; in one of its own where that matters."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.support import ROOT, sample_run
from tests.support.command_line import answer_of, call, run_process, started, until
from windtunnel.demo.process import ShopProcess
from windtunnel.demo.settings import ShopSettings


@pytest.fixture
def folder(tmp_path: Path, shop: ShopProcess) -> Path:
    """The files of the quick start, with the shop's own port in `sut.yaml`."""
    seed = (ROOT / "sut.yaml").read_text()
    (tmp_path / "sut.yaml").write_text(seed.replace("http://localhost:8080", shop.base_url))
    (tmp_path / "scenarios").mkdir()
    shutil.copy(ROOT / "scenarios" / "checkout.yaml", tmp_path / "scenarios")
    return tmp_path


def records(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "runs" / "latest" / "records" / "0000.jsonl").read_bytes().split(b"\n")
    return [json.loads(line) for line in lines if line]


def summary(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "runs" / "latest" / "summary.json").read_text())
    return found


QUICK_START = ("run", "--sut", "sut.yaml", "--scenarios", "scenarios/", "--parallel", "50", "--count", "500")


def test_the_quick_start_passes_and_leaves_everything_on_disk(folder: Path) -> None:
    answer = run_process(folder, *QUICK_START)

    assert answer.returncode == 0, answer.stdout + answer.stderr
    written = records(folder)
    kinds = Counter(record["type"] for record in written)
    assert kinds["instance"] == 500
    assert kinds["step"] == 1500
    assert kinds["assertion"] == 500
    assert [record["seq"] for record in written] == list(range(len(written)))
    run_id = summary(folder)["run_id"]
    assert {record["run_id"] for record in written} == {run_id}
    instances = {record["instance_id"] for record in written if record["type"] == "instance"}
    assert len(instances) == 500
    traces = {record["correlation_id"] for record in written if record["type"] == "instance"}
    assert len(traces) == 500
    for record in written:
        if record["type"] == "step":
            assert record["instance_id"] in instances
            assert record["correlation_id"] in traces
            assert record["request"]["status"] in {200, 201}
            assert len(record["request"]["span_id"]) == 16
    assert summary(folder)["verdict"] == "pass"
    for name in (
        "manifest.json",
        "summary.json",
        "summary.md",
        "report.html",
        "plan/sut.yaml",
        "plan/scenarios/checkout.yaml",
    ):
        assert (folder / "runs" / run_id / name).is_file(), name
    assert f"runs/{run_id}/report.html" in answer.stdout


def test_report_gives_the_same_numbers_as_the_live_run_field_by_field(folder: Path) -> None:
    call(folder, *QUICK_START)
    live = summary(folder)
    run = folder / "runs" / "latest"
    page = (run / "report.html").read_text()
    (run / "summary.json").unlink()
    (run / "report.html").unlink()

    answer = call(folder, "report", "--run-id", live["run_id"])

    assert answer.returncode == 0
    assert summary(folder) == live
    assert (run / "report.html").read_text() == page


RETRYING = """
id: retrying
flow:
  - type: http
    name: home
    path: /
    retry: { attempts: 20, on: [503], backoff: { initial: 3ms, factor: 1, jitter: false } }
  - { type: http, name: there, path: /redirect }
"""


@pytest.mark.slow
def test_retries_show_live_and_from_disk_with_any_number_of_workers(folder: Path) -> None:
    (folder / "retrying.yaml").write_text(RETRYING)
    with ShopProcess(ShopSettings(failure_rate=0.5)) as failing_shop:
        (folder / "sut.yaml").write_text(f"base_url: {failing_shop.base_url}\n")
        scenario = ("--scenarios", "retrying.yaml", "--threshold", "http_reqs: count > 0")
        answer = call(folder, "run", *scenario, "--count", "40", "--parallel", "4", "--workers", "2")

    live = summary(folder)
    run = folder / "runs" / "latest"
    lines = [line for file in (run / "records").iterdir() for line in file.read_bytes().splitlines()]
    facts = [record["request"] for record in map(json.loads, lines) if record["type"] == "request"]
    again = sum(request.get("attempt", 1) > 1 for request in facts if not request.get("hop"))
    home, there = live["steps"]
    assert (home["retries"], there["retries"]) == (again, 0)
    assert again == home["requests"] - 40 > 0
    assert home["latency"]["max"] > home["request_latency"]["max"]
    assert re.search(r"(?m)^step +count +failed +retries", answer.stdout)
    assert "| Retries |" in (run / "summary.md").read_text()

    assert call(folder, "report", live["run_id"]).returncode == 0
    assert summary(folder)["steps"] == live["steps"]


def test_a_failed_threshold_is_exit_99_and_says_limit_and_measured(folder: Path) -> None:
    answer = call(folder, *QUICK_START, "--threshold", "http_req_duration: p(95) < 0.001ms")

    assert answer.returncode == 99
    assert summary(folder)["verdict"] == "fail"
    assert "p(95) < 1 µs" in answer.stdout
    (failed,) = [row for row in summary(folder)["thresholds"] if row["result"] == "fail"]
    assert failed["selector"] == "http_req_duration"
    assert failed["samples"] == 1500


def test_too_few_samples_for_a_percentile_are_inconclusive(folder: Path) -> None:
    answer = call(folder, "run", "--count", "5", "--threshold", "http_req_duration: p(99) < 10s")

    assert answer.returncode == 4
    assert "299" in answer.stdout


def test_every_example_scenario_passes_against_the_default_shop(folder: Path) -> None:
    shutil.rmtree(folder / "scenarios")
    shutil.copytree(ROOT / "scenarios", folder / "scenarios")

    answer = call(folder, "run", "--parallel", "10", "--count", "40")

    assert answer.returncode == 0, answer.stdout
    assert {step["scenario"] for step in summary(folder)["steps"]} == {
        *("browse", "checkout_flow", "customers", "journey", "order", "visit")
    }
    ran = {step["scenario"] for step in summary(folder)["steps"] if step["count"]}
    assert len(ran) == 6


def test_a_plan_file_is_found_by_itself_and_flags_win_over_it(folder: Path) -> None:
    (folder / "windtunnel.yaml").write_text(
        "sut: sut.yaml\nscenarios: [scenarios/checkout.yaml]\nload: { parallel: 2, count: 10 }\nseed: 42\n"
        'thresholds:\n  "http_req_duration{step:add_to_cart}": ["max < 1h"]\n'
    )

    answer = call(folder, "run", "--count", "4")

    assert answer.returncode == 0, answer.stdout
    assert summary(folder)["run"]["seed"] == 42
    assert summary(folder)["run"]["instances"] == 4
    assert [row["selector"] for row in summary(folder)["thresholds"]] == [
        "instances",
        "http_req_duration{step:add_to_cart}",
    ]


def lines_on_disk(folder: Path) -> int:
    """How many records a running process has written."""
    return sum(path.read_bytes().count(b"\n") for path in folder.glob("runs/2*/records/0000.jsonl"))


def test_after_kill_9_the_report_shows_what_happened_and_does_not_say_pass(folder: Path) -> None:
    with started(folder, "run", "--parallel", "20", "--duration", "600s") as process:
        until(lambda: lines_on_disk(folder) >= 300, process)
        process.kill()
    assert not (folder / "runs" / "latest" / "report.html").exists()

    answer = call(folder, "report")

    assert answer.returncode == 0
    assert summary(folder)["verdict"] == "incomplete"
    assert summary(folder)["exit_code"] == 5
    steps = sum(step["count"] for step in summary(folder)["steps"] if step["action"] != "assertion")
    assert steps >= 200
    page = (folder / "runs" / "latest" / "report.html").read_text()
    assert "did not finish" in page
    assert "did not finish" in answer.stdout


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_run_in_order(folder: Path, number: signal.Signals, code: int) -> None:
    with started(folder, "run", "--parallel", "5", "--duration", "600s") as process:
        until(lambda: lines_on_disk(folder) >= 50, process)
        process.send_signal(number)
        answer = answer_of(process)

    assert answer.returncode == code
    assert summary(folder)["verdict"] == "interrupted"
    assert summary(folder)["soundness"]["finished"]
    assert number.name in answer.stdout + answer.stderr
    assert (folder / "runs" / "latest" / "report.html").is_file()
    assert records(folder)[-1]["type"] == "run_ended"


@pytest.mark.slow
def test_a_service_that_is_down_in_the_middle_fails_instances_and_names_the_cause(folder: Path) -> None:
    # Without a `wait` step: that one would rightly go on polling a service that is down.
    (folder / "scenarios" / "checkout.yaml").write_text(
        "id: browse\nflow:\n  - { type: http, name: list, path: /api/products }\n"
    )
    (folder / "windtunnel.yaml").write_text(
        "load: { parallel: 5, duration: 600s }\n"
        'thresholds: { "http_reqs{error:refused}": [{ threshold: "count < 20", abort: true }] }\n'
    )
    with contextlib.ExitStack() as while_it_is_up:
        own = while_it_is_up.enter_context(ShopProcess())
        (folder / "sut.yaml").write_text(f"name: shop\nbase_url: {own.base_url}\n")
        with started(folder, "run") as process:
            until(lambda: lines_on_disk(folder) >= 50, process)
            while_it_is_up.close()
            answer = answer_of(process)

    assert answer.returncode == 99, answer
    causes = {group["cause"] for group in summary(folder)["errors"]}
    assert causes & {"refused", "closed", "reset"}
    assert summary(folder)["run"]["failed"] > 0


def test_secrets_from_the_environment_are_in_no_file_of_the_run(folder: Path) -> None:
    with (folder / "sut.yaml").open("a") as sut:
        sut.write('headers: { Authorization: "Bearer ${TOKEN}", X-Trace: "${TOKEN}" }\n')
    (folder / "scenarios" / "checkout.yaml").write_text(
        'id: leaky\nflow:\n  - type: http\n    name: home\n    method: GET\n    path: "/?q=${TOKEN}"\n'
        '    expect: { body: { contains: "${TOKEN}" } }\n'
    )
    answer = call(
        folder, "run", "--count", "3", "--name", "hunter2hunter2", environment={"TOKEN": "hunter2hunter2"}
    )

    assert answer.returncode == 99
    assert "hunter2" not in answer.stdout + answer.stderr
    files = [path for path in (folder / "runs").rglob("*") if path.is_file()]
    assert len(files) > 5
    assert [path for path in files if b"hunter2" in path.read_bytes()] == []


def test_a_reader_that_goes_away_changes_nothing_about_the_run_and_its_exit_code(folder: Path) -> None:
    with started(folder, "run", "--count", "3") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        complaints = process.stderr.read()
        assert process.wait() == 0, complaints
    assert complaints == ""
    assert summary(folder)["verdict"] == "pass"


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="mounts a file system of 600 kB")
def test_a_full_disk_stops_the_load_says_incomplete_and_shows_what_happened(folder: Path) -> None:
    disk = folder / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("may not mount here")
    try:
        answer = call(folder, "run", "--parallel", "5", "--count", "5000", "--output", "disk")
        left = [path.name for path in disk.glob("2*/.*")]
    finally:
        subprocess.run(["umount", str(disk)], check=True)

    assert answer.returncode == 5
    assert "No space left on device" in answer.stdout + answer.stderr
    assert "incomplete" in answer.stdout
    assert "get_products" in answer.stdout
    assert left == []


LIMIT = "http_req_duration: p(95) < baseline * 1000"
LOAD = ("run", "--parallel", "4", "--count", "30", "--threshold", LIMIT)


def test_a_run_is_compared_with_its_baseline_live_and_whenever_it_is_judged_again(folder: Path) -> None:
    sample_run.write_run(folder / "runs")
    assert call(folder, "report").returncode == 0

    answer = call(folder, *LOAD, "--baseline", "latest")

    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert f"against run {sample_run.RUN_ID}" in answer.stdout
    live = summary(folder)
    assert live["baseline"]["run_id"] == sample_run.RUN_ID
    assert [each["result"] for each in live["thresholds"]] == ["pass", "pass"]
    assert call(folder, "report").returncode == 0
    assert summary(folder) == live


def test_two_runs_are_compared_figure_by_figure(folder: Path) -> None:
    later = "20261122T211512Z-a1b2c3"
    sample_run.write_run(folder / "runs", instances=300)
    assert call(folder, "report").returncode == 0
    sample_run.write_run(folder / "runs", instances=100, run_id=later)
    assert call(folder, "report").returncode == 0

    answer = call(folder, "compare", sample_run.RUN_ID, "latest")

    assert answer.returncode == 0
    assert f"run {later}" in answer.stdout
    assert "p95 of add_to_cart" in answer.stdout


@pytest.mark.slow
def test_a_threshold_without_its_baseline_is_not_judged_or_has_no_answer(folder: Path) -> None:
    first = call(folder, *LOAD, "--baseline", "none")
    assert first.returncode == 0
    assert "was not judged: there is no baseline" in first.stdout
    assert call(folder, *LOAD).returncode == 4
    assert call(folder, *LOAD, "--fail-on", "never").returncode == 0
