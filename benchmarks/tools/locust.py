"""Locust with its faster client, in one process."""

from __future__ import annotations

import csv
import subprocess
from pathlib import Path

from benchmarks.measuring import measure
from benchmarks.tools.job import USERS, Latency, Run, Tool

__all__ = ["tools"]

PROGRAM = Path(__file__).parents[1] / ".tools" / "python" / "bin" / "locust"
REQUESTS_A_SECOND = 5_000
"""About what it sends: it takes a time, not a number of requests."""

CART = """
from locust import FastHttpUser, constant, task
class Shopper(FastHttpUser):
    wait_time = constant(0)
    @task
    def cart(self):
        with self.client.get("/api/products") as products:
            item = products.json()["items"][0]["id"]
        with self.client.post("/api/cart", json={"item_id": item, "qty": 1}, catch_response=True) as added:
            if added.status_code != 201:
                added.failure("not 201")
"""
LOOK = """
from locust import FastHttpUser, constant, constant_throughput, task
class Looker(FastHttpUser):
    wait_time = WAIT
    @task
    def look(self):
        self.client.get("/api/products")
"""


def _run(folder: Path, base_url: str, script: str, *, users: int, seconds: float) -> Run:
    (folder / "locustfile.py").write_text(script)
    flags = ["--headless", "--only-summary", "--host", base_url, "--users", str(users), "--spawn-rate", str(users)]
    flags += ["--run-time", f"{seconds:g}s", "--csv", "locust", "--stop-timeout", "5"]
    measured = measure([str(PROGRAM), *flags], folder=folder, succeeds=(0, 1))
    with (folder / "locust_stats.csv").open() as file:
        total = next(row for row in csv.DictReader(file) if row["Name"] == "Aggregated")
    return Run(
        measured=measured,
        requests=int(total["Request Count"]),
        latency=Latency(p50_ms=float(total["50%"]), p99_ms=float(total["99%"])),
    )


def _busy(folder: Path, base_url: str, requests: int) -> Run:
    return _run(folder, base_url, CART, users=USERS, seconds=max(3, requests / REQUESTS_A_SECOND))


def _paced(folder: Path, base_url: str, seconds: float) -> Run:
    script = LOOK.replace("WAIT", "constant_throughput(10)")
    return _run(folder, base_url, script, users=50, seconds=seconds)


def _thinking(folder: Path, base_url: str, users: int, seconds: float) -> Run:
    return _run(folder, base_url, LOOK.replace("WAIT", "constant(1)"), users=users, seconds=seconds)


def _version() -> str | None:
    if not PROGRAM.is_file():
        return None
    answer = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True)
    return " ".join(answer.stdout.split()[:2])


def tools() -> list[Tool]:
    """Locust's FastHttpUser."""
    return [
        Tool(
            name="Locust FastHttpUser",
            version=_version,
            few=15_000,
            many=60_000,
            busy=_busy,
            paced=_paced,
            thinking=_thinking,
        )
    ]
