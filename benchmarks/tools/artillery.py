"""Artillery, from npm."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from benchmarks.measuring import measure
from benchmarks.tools.job import USERS, Latency, Run, Tool

__all__ = ["tools"]

PROGRAM = Path(__file__).parents[1] / ".tools" / "node" / "node_modules" / ".bin" / "artillery"
ENVIRONMENT = {"ARTILLERY_DISABLE_TELEMETRY": "true", "NO_UPDATE_NOTIFIER": "1"}
CART = [
    {"get": {"url": "/api/products", "capture": {"json": "$.items[0].id", "as": "id"}}},
    {"post": {"url": "/api/cart", "json": {"item_id": "{{ id }}", "qty": 1}}},
]


def _run(folder: Path, base_url: str, phase: dict, flow: list) -> Run:
    config = {"target": base_url, "phases": [phase], "http": {"maxSockets": 1}}
    (folder / "artillery.json").write_text(json.dumps({"config": config, "scenarios": [{"flow": flow}]}))
    measured = measure(
        [str(PROGRAM), "run", "--quiet", "--output", "report.json", "artillery.json"],
        folder=folder,
        environment=ENVIRONMENT,
    )
    aggregate = json.loads((folder / "report.json").read_text())["aggregate"]
    seen = aggregate["summaries"]["http.response_time"]
    return Run(
        measured=measured,
        requests=aggregate["counters"]["http.requests"],
        latency=Latency(p50_ms=seen["p50"], p99_ms=seen["p99"]),
    )


def _busy(folder: Path, base_url: str, requests: int) -> Run:
    loop = {"loop": CART, "count": max(1, requests // 2 // USERS)}
    return _run(folder, base_url, {"duration": 1, "arrivalCount": USERS}, [loop])


def _paced(folder: Path, base_url: str, seconds: float) -> Run:
    flow = [{"get": {"url": "/api/products"}}]
    return _run(folder, base_url, {"duration": int(seconds), "arrivalRate": 500}, flow)


def _version() -> str | None:
    manifest = PROGRAM.parents[1] / "artillery" / "package.json"
    return f"artillery {json.loads(manifest.read_text())['version']}" if manifest.is_file() and _starts() else None


def _starts() -> bool:
    return subprocess.run([PROGRAM, "--version"], capture_output=True, check=False).returncode == 0


def tools() -> list[Tool]:
    """Artillery in one process."""
    return [Tool(name="Artillery", version=_version, few=5_000, many=20_000, busy=_busy, paced=_paced)]
