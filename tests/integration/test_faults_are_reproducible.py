"""The real command line: the same seed does the same faults in one process, in workers, in shards, and again.

The fast tier has the same in virtual time.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.command_line import call
from windtunnel.demo.process import ShopProcess

pytestmark = pytest.mark.slow

PLAN = """
load: { rate: 60/s }
turbulence:
  seed: 42
  phases: { steady: 300ms, inject: 2s, recover: 300ms }
  faults:
    - { name: slow, on: { step: products }, type: latency, delay: { uniform: [1ms, 20ms] }, probability: 30% }
    - { name: broken, on: { step: health }, type: status, code: 503, probability: 20% }
"""
JOURNEY = """
id: journey
flow:
  - { type: http, name: products, path: /api/products, on_failure: continue }
  - { type: http, name: health, path: /health }
"""
EDGE_S = 0.6
"""So near to the begin or the end of the faults a request may fall on either side of it on a busy machine."""

Decided = dict[tuple[str, str, str], tuple[float, int]]


@pytest.fixture
def folder(tmp_path: Path, shop: ShopProcess) -> Path:
    files = {
        "sut.yaml": f"base_url: {shop.base_url}\n",
        "windtunnel.yaml": PLAN,
        "scenarios/journey.yaml": JOURNEY,
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def lines(run: Path) -> list[dict[str, Any]]:
    return [
        json.loads(line)
        for file in sorted((run / "records").glob("*.jsonl"))
        for line in file.read_text().splitlines()
    ]


def decided(*runs: Path) -> Decided:
    """(fault, instance, step) -> its decision and delay, for every request well inside the phase `inject`."""
    records = [line for run in runs for line in lines(run)]
    due = {
        each["instance_id"]: int(each["instance_id"].rpartition("-")[2]) / 60
        for each in records
        if "index" in each
    }
    found = {}
    for each in records:
        if each["type"] == "fault" and 0.3 + EDGE_S < due[each["instance_id"]] < 2.3 - EDGE_S:
            key = each["name"], each["instance_id"], each["step"]
            assert key not in found
            found[key] = each["decision"], each.get("delay_us", 0)
    return found


def run(folder: Path, *flags: str) -> Path:
    before = set((folder / "runs").glob("2*"))
    call(folder, "run", "--plan", "windtunnel.yaml", "--quiet", *flags)
    (made,) = set((folder / "runs").glob("2*")) - before
    return made


@pytest.mark.skipif(sys.platform == "win32", reason="worker processes need a Unix system")
@pytest.mark.parametrize("flags", [(), ("--workers", "4")], ids=str)
def test_the_same_seed_does_the_same_faults(folder: Path, flags: tuple[str, ...]) -> None:
    once = decided(run(folder))
    assert len(once) > 15
    assert {name for name, _, _ in once} == {"slow", "broken"}
    assert decided(run(folder, *flags)) == once


def test_shards_do_the_faults_of_the_whole(folder: Path) -> None:
    once = decided(run(folder))
    shards = [run(folder, "--shard", each, "--seed", "7") for each in ("1/2", "2/2")]
    assert decided(*shards) == once
