"""Several runs, as of parallel CI jobs, share one load: merged they are the run that one would have been."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.support.command_line import Answer, call
from tests.support.tiers import slow_unless
from windtunnel.demo.process import ShopProcess
from windtunnel.model.summary import Summary
from windtunnel.storage.directory import RunDirectory

DRAWING = """
id: drawing
weight: 2
variables: { customer: "{{ uuid() }}", number: "{{ random_int(1, 1000000) }}" }
flow:
  - { type: http, name: list, path: "/api/products?customer={{ customer }}&n={{ number }}" }
  - { type: wait, duration: 20ms }
"""
OTHER = "id: other\nflow: [{ type: http, name: look, path: '/api/nothing?n={{ random_int(1, 9999) }}' }]\n"

Windtunnel = Callable[..., Answer]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="worker processes need a Unix system")


@pytest.fixture
def windtunnel(tmp_path: Path, shop: ShopProcess) -> Windtunnel:
    """Run a command of ours in `tmp_path`, on two scenarios, one of which always fails."""
    (tmp_path / "sut.yaml").write_text(f"name: shop\nbase_url: {shop.base_url}\n")
    (tmp_path / "scenarios").mkdir()
    for name, text in (("a", DRAWING), ("b", OTHER)):
        (tmp_path / "scenarios" / f"{name}.yaml").write_text(text)

    def run(*args: str, **variables: str) -> Answer:
        return call(tmp_path, *args, environment=variables)

    return run


LOAD = ("run", "--parallel", "8", "--count", "60", "--seed", "11", "--threshold", "instances: rate > 60%")


def summary_of(run: RunDirectory) -> Summary:
    return msgspec.json.decode((run.path / "summary.json").read_bytes(), type=Summary)


def newest(folder: Path) -> RunDirectory:
    return RunDirectory((folder / "runs" / "latest").resolve())


def journeys(run: RunDirectory) -> dict[str, list[Any]]:
    """What every instance asked for, and what became of it."""
    found: dict[str, list[Any]] = {}
    for path in run.segments():
        for line in map(json.loads, path.read_bytes().splitlines()):
            if line["type"] == "step" and "request" in line:
                request = line["request"]
                found.setdefault(line["instance_id"], []).append((request["url"], request["status"]))
            if line["type"] == "instance":
                found.setdefault(line["instance_id"], []).append((line["index"], line["user"], line["outcome"]))
    return found


def totals(summary: Summary) -> dict[str, Any]:
    """Everything that is counted, without times."""
    counted = {name: (m.count, m.matches) for name, m in summary.metrics.items() if m.type in {"rate", "counter"}}
    steps = [
        (row.step, row.count, row.passed, row.failed, row.requests, row.latency.count) for row in summary.steps
    ]
    errors = [(group.step, group.cause, group.count, group.share) for group in summary.errors]
    thresholds = [(each.selector, each.condition, each.measured, each.samples) for each in summary.thresholds]
    run = summary.run
    return {
        "metrics": counted,
        "steps": steps,
        "errors": errors,
        "thresholds": thresholds,
        "instances": (run.instances, run.passed, run.failed),
        "load": run.load,
    }


@pytest.mark.parametrize("workers", slow_unless(lambda workers: workers == "1", ["1", "2"]))
def test_two_shards_merged_are_one_run_with_the_same_seed(
    windtunnel: Windtunnel, tmp_path: Path, workers: str
) -> None:
    windtunnel(*LOAD)
    whole = newest(tmp_path)
    shards = []
    for shard in ("1/2", "2/2"):
        answer = windtunnel(*LOAD, "--workers", workers, "--shard", shard)
        assert answer.returncode == 0, answer.stdout + answer.stderr
        assert f"shard {shard}" in answer.stdout
        assert f"Shard {shard[0]} of 2 ran soundly" in answer.stdout
        shards.append(newest(tmp_path).run_id)

    answer = windtunnel("merge", *shards)

    merged = newest(tmp_path)
    assert merged.run_id not in {whole.run_id, *shards}
    assert len(merged.segments()) == 2 * int(workers)
    assert totals(summary_of(merged)) == totals(summary_of(whole))
    assert summary_of(merged).run.instances == 60
    # A user's number is dealt out too; which of them is free for an index is a matter of time.
    asked = [{key: sorted(map(str, urls[:-1])) for key, urls in journeys(run).items()} for run in (merged, whole)]
    assert asked[0] == asked[1]
    assert "instances rate > 60%" in answer.stdout
    assert (merged.path / "report.html").is_file()
    assert sorted(path.name for path in (merged.path / "plan").rglob("*.yaml")) == ["a.yaml", "b.yaml", "sut.yaml"]


@pytest.mark.slow
def test_shards_that_ran_one_after_another_never_were_the_load_that_was_asked_for(
    windtunnel: Windtunnel, tmp_path: Path
) -> None:
    shards = []
    for shard in ("1/2", "2/2"):
        windtunnel(*LOAD, "--shard", shard)
        shards.append(newest(tmp_path).run_id)

    answer = windtunnel("merge", *shards)

    assert answer.returncode == 4
    assert "the 2 shards did not all run at the same time" in answer.stdout


def test_a_missing_shard_makes_the_whole_incomplete(windtunnel: Windtunnel, tmp_path: Path) -> None:
    for shard in ("1/3", "3/3"):
        windtunnel(*LOAD, "--shard", shard)

    # As a shell has it: every run and the link to the newest.
    answer = windtunnel("merge", *(f"runs/{path.name}" for path in (tmp_path / "runs").iterdir()))

    assert answer.returncode == 5, answer.stdout + answer.stderr
    assert "shard 2/3 is missing" in answer.stdout


@pytest.mark.slow
def test_gitlab_numbers_the_shards(windtunnel: Windtunnel, tmp_path: Path) -> None:
    answer = windtunnel(*LOAD, "--shard", "auto", CI_NODE_INDEX="2", CI_NODE_TOTAL="2", GITLAB_CI="true")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert summary_of(newest(tmp_path)).run.shard == "2/2"
    answer = windtunnel(*LOAD, "--shard", "auto", CI_NODE_TOTAL="1", GITLAB_CI="true")
    assert summary_of(newest(tmp_path)).run.shard == ""


@pytest.mark.slow
def test_what_is_no_shard_of_the_same_run_is_refused(windtunnel: Windtunnel, tmp_path: Path) -> None:
    windtunnel(*LOAD, "--shard", "1/2")
    first = newest(tmp_path)
    windtunnel(*LOAD)
    whole = newest(tmp_path)
    windtunnel("run", "--parallel", "8", "--count", "60", "--seed", "12", "--shard", "2/2")
    other = newest(tmp_path)
    shutil.copytree(first.path, tmp_path / "runs" / "copy")

    answer = windtunnel("merge", first.run_id, whole.run_id)
    assert answer.returncode == 2
    assert f"{Path('runs', whole.run_id)} is a whole run, not a shard" in answer.stderr
    assert "--shard" in answer.stderr

    answer = windtunnel("merge", first.run_id, other.run_id, "copy")
    assert answer.returncode == 2
    assert "not shards of one run: different plan (" in answer.stderr
    assert f"are copies of one run, {first.run_id}" in answer.stderr
    assert newest(tmp_path).run_id == other.run_id, "nothing was written"
