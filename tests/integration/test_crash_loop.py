"""Killed at any moment, a run leaves whole lines and a report that does not say pass."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from windtunnel.demo.process import ShopProcess
from windtunnel.report.collect import analyse
from windtunnel.storage.directory import RunDirectory
from windtunnel.storage.reader import RecordReader

pytestmark = pytest.mark.slow

JOURNEY = """
id: journey
flow:
  - { type: http, name: list, path: /api/products, extract: { id: "$.items[0].id" } }
  - { type: http, name: add, method: POST, path: /api/cart, json: { item_id: "{{ id }}", qty: 1 } }
  - { type: http, name: gone, path: /nowhere, on_failure: continue }
"""


def kill_somewhere(folder: Path, draw: random.Random) -> None:
    command = [sys.executable, "-m", "windtunnel", "run", "--parallel", "20", "--duration", "60s", "--quiet"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(draw.uniform(0.2, 1.5))
    finally:
        process.kill()
        process.wait()


def test_forty_kills_lose_no_line_and_never_give_a_pass(tmp_path: Path) -> None:
    draw = random.Random(20261122)
    with ShopProcess() as shop:
        (tmp_path / "sut.yaml").write_text(f"name: shop\nbase_url: {shop.base_url}\n")
        (tmp_path / "scenarios").mkdir()
        (tmp_path / "scenarios" / "journey.yaml").write_text(JOURNEY)
        for _ in range(40):
            kill_somewhere(tmp_path, draw)

    runs = [path for path in (tmp_path / "runs").glob("2*") if (path / "manifest.json").is_file()]
    assert len(runs) >= 20, "the kills came too early to show anything"
    lines = 0
    for run in runs:
        reader = RecordReader(RunDirectory(run).segments())
        records = list(reader)
        assert reader.evidence().intact, reader.evidence().findings
        assert not reader.evidence().finished
        assert [record.seq for record in records] == list(range(len(records)))
        lines += len(records)
        summary = analyse(RunDirectory(run)).summary
        assert (summary.verdict, summary.exit_code) == ("incomplete", 5)
        assert json.loads((run / "manifest.json").read_text())["run_id"] == run.name
    assert lines > 1_000
