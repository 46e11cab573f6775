"""`make count` from end to end, with small runs: real processes under callgrind, against a real nginx."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from benchmarks.count import JOURNEY, ROOT, count
from benchmarks.counts import Sizes
from benchmarks.service import nginx

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),  # callgrind slows every process down by a factor of 50
    pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed"),
    pytest.mark.skipif(
        (shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")) is None, reason="nginx is not installed"
    ),
]


def test_every_figure_is_counted_and_the_floor_is_below_windtunnel() -> None:
    lines: list[str] = []
    counts = count(python=sys.executable, tree=ROOT, sizes=Sizes(users=2, few=5, many=25), progress=lines.append)
    figures = counts.figures
    assert len(lines) == len(figures)
    assert 10_000 < figures["floor_request"] < figures["request"] < 1_000_000
    assert 10_000_000 < figures["floor_run"] < figures["run"]
    assert figures["floor_request"] < figures["version"] < figures["validate"] < figures["run"]
    assert counts.python["version"] == ".".join(map(str, sys.version_info[:3]))
    assert "uvloop" in counts.packages


def test_the_floor_writes_the_records_that_windtunnel_writes(tmp_path: Path) -> None:
    # nginx drops its privileges, and may not look into a folder of pytest's.
    with tempfile.TemporaryDirectory() as served, nginx(Path(served)) as base_url:
        records = tmp_path / "floor.jsonl"
        floor = ["-m", "benchmarks.floor", base_url, "--count", "3", "--users", "1", "--records", str(records)]
        subprocess.run([sys.executable, *floor], cwd=ROOT, check=True)
        (tmp_path / "sut.yaml").write_text(f"name: service\nbase_url: {base_url}\n")
        # What is kept of the first instances to compare others with is no part of a request.
        (tmp_path / "bare.yaml").write_text("output: { bodies: none }\n")
        ours = [
            "run",
            "--plan",
            "bare.yaml",
            "--scenarios",
            str(JOURNEY),
            "--sut",
            "sut.yaml",
            "-q",
            "--count",
            "3",
        ]
        subprocess.run([sys.executable, "-m", "windtunnel", *ours], cwd=tmp_path, check=True)
    written = (tmp_path / "runs" / "latest" / "records" / "0000.jsonl").read_text()
    expected = shapes(written)
    assert set(expected) == {"get_products", "add_to_cart", "instance"}
    assert shapes(records.read_text()) == expected


def shapes(lines: str) -> dict[str, set[str]]:
    """The fields of the last line of each step and of the last instance. A duration of zero is not written."""
    found: dict[str, set[str]] = {}
    for line in map(json.loads, lines.splitlines()):
        if line["type"] in ("step", "instance"):
            request = line.pop("request", {})
            request.pop("timings_us", None)
            found[line.get("step", line["type"])] = {*line, *(f"request.{field}" for field in request)}
    return found
