"""Ourselves, as `windtunnel run`, with everything on disk and the report written."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.measuring import measure
from benchmarks.tools.job import USERS, Latency, Run, Tool
from windtunnel import __version__

__all__ = ["CART", "COMMAND", "ENVIRONMENT", "LOOK", "tools"]

ROOT = Path(__file__).parents[2]
COMMAND = [os.environ.get("BENCH_PYTHON", sys.executable), "-m", "windtunnel"]
"""`BENCH_PYTHON` picks the interpreter, which must have our dependencies."""

ENVIRONMENT = {"PYTHONPATH": str(ROOT)}
CART = ROOT / "benchmarks" / "journey" / "scenarios" / "cart.yaml"
LOOK = "id: look\nflow: [{ type: http, name: get_products, path: /api/products }]\n"
THINK = f"{LOOK[:-3]} }}, {{ type: wait, duration: 1s }}]\n"


def _run(folder: Path, base_url: str, scenario: str, *flags: str) -> Run:
    (folder / "sut.yaml").write_text(f"name: service\nbase_url: {base_url}\n")
    (folder / "scenario.yaml").write_text(scenario)
    arguments = ["run", "--scenarios", "scenario.yaml", "--sut", "sut.yaml", "--seed", "1", "--quiet", *flags]
    # Load that was dropped or late makes a run inconclusive (4): the benchmark says so by the numbers.
    measured = measure([*COMMAND, *arguments], folder=folder, environment=ENVIRONMENT, succeeds=(0, 4))
    runs = folder / "runs"
    run = (runs / "latest").resolve()
    metrics = json.loads((run / "summary.json").read_text())["metrics"]
    seen = metrics["http_req_duration"]["distribution"]
    size = sum(path.stat().st_size for path in (run / "records").iterdir())
    shutil.rmtree(runs)
    return Run(
        measured=measured,
        requests=metrics["http_reqs"]["count"],
        latency=Latency(p50_ms=seen["med"], p99_ms=seen["p99"]),
        bytes_on_disk=size,
    )


def _busy(workers: int) -> Callable[[Path, str, int], Run]:
    def busy(folder: Path, base_url: str, requests: int) -> Run:
        flags = ("--parallel", str(USERS), "--count", str(requests // 2), "--workers", str(workers))
        return _run(folder, base_url, CART.read_text(), *flags)

    return busy


def _paced(folder: Path, base_url: str, seconds: float) -> Run:
    return _run(folder, base_url, LOOK, "--rate", "500/s", "--duration", f"{seconds:g}s")


def _thinking(folder: Path, base_url: str, users: int, seconds: float) -> Run:
    return _run(folder, base_url, THINK, "--parallel", str(users), "--duration", f"{seconds:g}s")


def tools() -> list[Tool]:
    """One process, and as many as there are processors."""
    processors = os.cpu_count() or 1
    return [
        Tool(
            name="windtunnel",
            version=lambda: f"windtunnel {__version__}",
            few=100_000,
            many=400_000,
            busy=_busy(1),
            paced=_paced,
            thinking=_thinking,
        ),
        Tool(
            name=f"windtunnel --workers {processors}",
            version=lambda: f"windtunnel {__version__}",
            few=100_000,
            many=400_000,
            busy=_busy(processors),
        ),
    ]
