"""What is measured: each part interleaves the tools, round after round, and yields a table."""

from __future__ import annotations

import json
import shutil
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.delays import delaying
from benchmarks.measuring import measure
from benchmarks.tools.job import Latency, Run, Tool
from benchmarks.tools.windtunnel import CART, COMMAND, ENVIRONMENT, LOOK

__all__ = ["Table", "accuracy", "ourselves", "scale", "throughput"]

PACED_S = 15.0
THINKING_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A part of the results. `notes` are printed under the table."""

    title: str
    head: tuple[str, ...]
    rows: list[tuple[str, ...]]
    notes: tuple[str, ...] = ()


def throughput(tools: Sequence[Tool], base_url: str, folder: Path, rounds: int) -> Table:
    """CPU a request: what the larger job took more than the smaller one, over its further requests."""
    costs: dict[str, list[float]] = defaultdict(list)
    larger: dict[str, list[Run]] = defaultdict(list)
    for _ in range(rounds):
        for tool in tools:
            assert tool.busy is not None
            few, many = tool.busy(folder, base_url, tool.few), tool.busy(folder, base_url, tool.many)
            spent_s = many.measured.cpu_s - few.measured.cpu_s
            costs[tool.name].append(spent_s / (many.requests - few.requests) * 1e6)
            larger[tool.name].append(many)
            _say(f"{tool.name}: {costs[tool.name][-1]:.1f} us")
    ours, reference = costs["windtunnel"], costs.get("wrk", [])
    rows = []
    for tool in tools:
        own, runs = costs[tool.name], larger[tool.name]
        rows.append(
            (
                tool.name,
                _spread(own),
                _ratio(own, reference),
                _ratio(ours, own),
                f"{statistics.median(run.requests / run.measured.wall_s for run in runs):,.0f}",
                f"{statistics.median(run.measured.memory for run in runs) / 1e6:,.0f} MB",
                f"{runs[0].bytes_on_disk / runs[0].requests:,.0f}" if runs[0].bytes_on_disk else "–",
            )
        )
    return Table(
        title="CPU per request",
        head=(
            "tool",
            "CPU µs a request",
            "÷ wrk",
            "ours ÷ this",
            "requests/s",
            "memory",
            "bytes a request on disk",
        ),
        rows=rows,
        notes=("50 users, keep-alive, no pause; nginx on the same processors; start left out, report included.",),
    )


def accuracy(tools: Sequence[Tool], folder: Path, rounds: int) -> Table:
    """What each tool says about answers of a known delay, at about 500 requests a second."""
    errors: dict[str, list[Latency]] = defaultdict(list)
    for _ in range(rounds):
        for tool in tools:
            assert tool.paced is not None
            log = folder / "delays.log"
            with delaying(log) as base_url:
                said = tool.paced(folder, base_url, PACED_S).latency
            truth = sorted(int(line) / 1000 for line in log.read_text().split())
            assert said is not None
            p50_ms, p99_ms = (truth[int(len(truth) * share)] for share in (0.50, 0.99))
            errors[tool.name].append(Latency(p50_ms=said.p50_ms - p50_ms, p99_ms=said.p99_ms - p99_ms))
            _say(f"{tool.name}: {errors[tool.name][-1]}")
    rows = [
        (
            name,
            f"{statistics.median(each.p50_ms for each in found):+.3f} ms",
            f"{statistics.median(each.p99_ms for each in found):+.3f} ms",
        )
        for name, found in errors.items()
    ]
    return Table(
        title="Truth about time",
        head=("tool", "p50, said − true", "p99, said − true"),
        rows=rows,
        notes=(
            "500 requests a second against a server that takes 5 ms, and 50 ms for 3 in 100; truth is that "
            "server's own log of the same requests. wrk knows no rates: three connections.",
        ),
    )


def scale(tools: Sequence[Tool], base_url: str, folder: Path) -> Table:
    """Users who send one request a second: memory, and the share of the ideal rate."""
    rows = []
    for users in (9_000, 5_000):
        for tool in tools:
            assert tool.thinking is not None
            if users > 5_000 and tool.name != "windtunnel":
                continue
            run = tool.thinking(folder, base_url, users, THINKING_S)
            rate = run.requests / THINKING_S / users
            rows.append((tool.name, f"{users:,}", f"{run.measured.memory / 1e6:,.0f} MB", f"{rate:.0%}"))
            _say(f"{rows[-1]}")
    return Table(
        title="Users with a second to think",
        head=("tool", "users", "memory", "of the ideal rate"),
        rows=rows,
        notes=(f"One run of {THINKING_S:g} s each; the ideal is a request per user and second.",),
    )


def ourselves(base_url: str, folder: Path) -> Table:
    """What only we are measured for: start, the report, arrivals on time at half of what the loop can do."""
    version = statistics.median(_wall_s([*COMMAND, "--version"], folder) for _ in range(7))
    (folder / "sut.yaml").write_text(f"name: service\nbase_url: {base_url}\n")
    (folder / "scenario.yaml").write_text(LOOK)
    job = [*COMMAND, "run", "--scenarios", "scenario.yaml", "--sut", "sut.yaml", "--quiet"]
    first = statistics.median(_first_request_s(job, folder) for _ in range(5))
    busy = measure([*job, "--parallel", "50", "--count", "100000"], folder=folder, environment=ENVIRONMENT)
    rate = 100_000 / busy.wall_s / 2
    shutil.rmtree(folder / "runs")
    measure(
        [*job, "--rate", f"{rate:.0f}/s", "--duration", "15s"],
        folder=folder,
        environment=ENVIRONMENT,
        succeeds=(0, 4),
    )
    summary = json.loads((folder / "runs" / "latest" / "summary.json").read_text())
    late, dropped = summary["soundness"]["late"], summary["soundness"]["dropped"]
    started = summary["run"]["instances"]
    shutil.rmtree(folder / "runs")
    (folder / "scenario.yaml").write_text(CART.read_text())
    million = [*job, "--parallel", "50", "--count", "500000"]
    measure(million, folder=folder, environment=ENVIRONMENT, succeeds=(0, 4))
    report = measure([*COMMAND, "report"], folder=folder, environment=ENVIRONMENT)
    shutil.rmtree(folder / "runs")
    return Table(
        title="Ourselves",
        head=("what", "measured", "goal"),
        rows=[
            ("`windtunnel --version`", f"{version * 1000:.0f} ms", "150 ms"),
            ("start to first request", f"{first * 1000:.0f} ms", "450 ms"),
            (
                f"open load at {rate:,.0f}/s, arrivals within 5 ms",
                f"{1 - (late + dropped) / (started + dropped):.2%}",
                "99.9%",
            ),
            ("report over 1M step lines and their instance lines, CPU", f"{report.cpu_s:.1f} s", "6 s"),
            ("the same, memory", f"{report.memory / 1e6:.0f} MB", "100 MB"),
        ],
    )


def _first_request_s(job: list[str], folder: Path) -> float:
    """From the start of the process to the moment its first request was sent."""
    began = time.time()
    measure([*job, "--count", "1"], folder=folder, environment=ENVIRONMENT)
    lines = (folder / "runs" / "latest" / "records" / "0000.jsonl").read_text().splitlines()
    started = next(json.loads(line)["started"] for line in lines if '"type":"instance"' in line)
    shutil.rmtree(folder / "runs")
    return float(started) - began


def _wall_s(command: list[str], folder: Path) -> float:
    return measure(command, folder=folder, environment=ENVIRONMENT).wall_s


def _spread(figures: Sequence[float]) -> str:
    return f"{statistics.median(figures):.1f} ({min(figures):.1f}–{max(figures):.1f})"


def _ratio(ours: Sequence[float], theirs: Sequence[float]) -> str:
    if not theirs:
        return "–"
    return f"{statistics.median(a / b for a, b in zip(ours, theirs, strict=True)):.2f}"


_say: Callable[[str], None] = lambda text: print(f"  {text}", flush=True)  # noqa: E731
