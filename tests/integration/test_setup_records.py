"""The records of setups and teardowns belong to the run: without them it is incomplete, merged or not."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from tests.support.command_line import Answer, call
from windtunnel.demo.process import ShopProcess
from windtunnel.model.summary import Summary
from windtunnel.report.collect import analyse
from windtunnel.storage.directory import RunDirectory

SCENARIO = """
id: look
setup: [{ type: http, name: before, path: /api/products }]
teardown: [{ type: http, name: after, path: /api/products }]
flow: [{ type: http, name: look, path: /api/products }]
"""
LOAD = ("run", "--parallel", "4", "--count", "12", "--seed", "1")

Windtunnel = Callable[..., Answer]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="worker processes need a Unix system")


@pytest.fixture
def windtunnel(tmp_path: Path, shop: ShopProcess) -> Windtunnel:
    (tmp_path / "sut.yaml").write_text(f"name: shop\nbase_url: {shop.base_url}\n")
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "look.yaml").write_text(SCENARIO)
    return lambda *args: call(tmp_path, *args)


def newest(folder: Path) -> RunDirectory:
    return RunDirectory((folder / "runs" / "latest").resolve())


def summary_of(run: RunDirectory) -> Summary:
    return msgspec.json.decode((run.path / "summary.json").read_bytes(), type=Summary)


def names(run: RunDirectory) -> list[str]:
    return [path.name for path in run.segments()]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_run_whose_setup_records_are_gone_is_incomplete(
    windtunnel: Windtunnel, tmp_path: Path, workers: str
) -> None:
    answer = windtunnel(*LOAD, "--workers", workers)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    run = newest(tmp_path)
    assert names(run) == [*(f"{number:04d}.jsonl" for number in range(int(workers))), "setup-0000.jsonl"]
    assert analyse(run).summary == summary_of(run)

    (run.path / "records" / "setup-0000.jsonl").unlink()
    summary = analyse(run).summary

    assert (summary.verdict, summary.exit_code) == ("incomplete", 5)
    of = int(workers) + 1
    assert f"the run did not finish: 1 of {of} record files is missing: setup-0000.jsonl" in summary.reasons
    assert windtunnel("report", run.run_id).stdout.count("setup-0000.jsonl")


def test_a_run_whose_setup_records_are_cut_off_is_incomplete(windtunnel: Windtunnel, tmp_path: Path) -> None:
    windtunnel(*LOAD)
    run = newest(tmp_path)
    file = run.path / "records" / "setup-0000.jsonl"
    file.write_bytes(file.read_bytes()[:-20])

    summary = analyse(run).summary

    assert (summary.verdict, summary.exit_code) == ("incomplete", 5)
    assert any("setup-0000.jsonl ends in a torn line" in reason for reason in summary.reasons)


def test_a_service_that_does_not_answer_leaves_every_record_file(windtunnel: Windtunnel, tmp_path: Path) -> None:
    (tmp_path / "sut.yaml").write_text("name: gone\nbase_url: http://127.0.0.1:1\n")
    answer = windtunnel(*LOAD, "--workers", "2", "--loopback", "strict")

    assert answer.returncode == 3, answer.stdout + answer.stderr
    run = newest(tmp_path)
    assert names(run) == ["0000.jsonl", "0001.jsonl", "setup-0000.jsonl"]
    assert analyse(run).summary == summary_of(run)


def test_merged_shards_have_the_setup_records_of_each(windtunnel: Windtunnel, tmp_path: Path) -> None:
    shards = []
    for shard in ("1/2", "2/2"):
        assert windtunnel(*LOAD, "--shard", shard).returncode == 0
        shards.append(newest(tmp_path))
        assert analyse(shards[-1]).summary == summary_of(shards[-1])

    windtunnel("merge", *(shard.run_id for shard in shards))
    merged = newest(tmp_path)
    assert names(merged) == ["0000.jsonl", "0001.jsonl", "setup-0000.jsonl", "setup-0001.jsonl"]
    assert summary_of(merged).soundness.finished

    (shards[1].path / "records" / "setup-0001.jsonl").unlink()
    answer = windtunnel("merge", *(shard.run_id for shard in shards))
    assert answer.returncode == 5
    assert "part of shard 2/2 is missing" in answer.stdout
