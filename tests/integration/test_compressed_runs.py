"""`output: { compress: zstd }`: a run whose record files are small, and every command that reads them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.support.command_line import Answer, call
from tests.support.tiers import slow_unless
from windtunnel.demo.process import ShopProcess
from windtunnel.storage.directory import RunDirectory

JOURNEY = """
id: journey
flow:
  - { type: http, name: list, path: /api/products, extract: { id: "$.items[0].id" } }
  - { type: http, name: look, path: "/api/products/{{ id }}" }
"""

MOST_BYTES = 65
"""Bytes of a request on the disk."""


@pytest.fixture
def project(tmp_path: Path, shop: ShopProcess) -> Path:
    (tmp_path / "sut.yaml").write_text(f"name: shop\nbase_url: {shop.base_url}\n")
    (tmp_path / "windtunnel.yaml").write_text("output: { compress: zstd }\n")
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "journey.yaml").write_text(JOURNEY)
    return tmp_path


def run(project: Path, count: int, *flags: str) -> tuple[Answer, RunDirectory]:
    answer = call(project, "run", "--parallel", "4", "--count", str(count), "--seed", "7", *flags)
    return answer, RunDirectory.find("latest", project / "runs")


def on_disk(directory: RunDirectory) -> list[str]:
    return sorted(path.name for path in (directory.path / "records").iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="worker processes need a Unix system")
@pytest.mark.parametrize("workers", slow_unless("1".__eq__, ["1", "2"]))
def test_every_command_reads_a_compressed_run(project: Path, workers: str) -> None:
    shards = []
    for shard in ("1/2", "2/2"):
        answer, directory = run(project, 20, "--workers", workers, "--shard", shard)
        assert answer.returncode == 0, answer.stdout + answer.stderr
        assert all(name.endswith(".jsonl.zst") for name in on_disk(directory)), on_disk(directory)
        shards.append(directory.run_id)

    merged = call(project, "merge", *shards)
    # The shards did not run at the same time, which may be told: the evidence is whole.
    assert merged.returncode in {0, 4}, merged.stdout + merged.stderr
    directory = RunDirectory.find("latest", project / "runs")
    assert len(on_disk(directory)) == 2 * int(workers)
    summary = json.loads((directory.path / "summary.json").read_text())
    assert call(project, "verify").stdout.startswith("intact: run ")
    assert call(project, "trace", "--instance-id", "journey-3").returncode == 0
    assert call(project, "report").returncode == 0
    assert json.loads((directory.path / "summary.json").read_text()) == summary


@pytest.mark.slow
def test_a_request_of_a_journey_of_two_takes_few_bytes(project: Path) -> None:
    answer, directory = run(project, 5000)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    size = sum(path.stat().st_size for path in (directory.path / "records").iterdir())
    assert size / 10_000 <= MOST_BYTES
