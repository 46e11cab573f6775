"""wrk, the practical limit: the same two requests from Lua, nothing kept."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from benchmarks.measuring import measure
from benchmarks.tools.job import USERS, Latency, Run, Tool

__all__ = ["tools"]

CART = """
local n = 0
request = function()
  n = n + 1
  if n % 2 == 1 then return wrk.format("GET", "/api/products") end
  return wrk.format("POST", "/api/cart", {["Content-Type"] = "application/json"}, '{"item_id":"p-0","qty":1}')
end
"""
RATE_OF_USERS = 100_000
"""About what it sends in a second: it takes a time, not a number of requests."""

_MILLISECONDS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


def _busy(folder: Path, base_url: str, requests: int) -> Run:
    (folder / "cart.lua").write_text(CART)
    seconds = max(1, requests // RATE_OF_USERS)
    return _run(folder, ["wrk", "-t1", f"-c{USERS}", f"-d{seconds}s", "-s", "cart.lua", base_url])


def _paced(folder: Path, base_url: str, seconds: float) -> Run:
    # It knows no rates: three connections come to about 470 requests a second at 6.35 ms each.
    return _run(folder, ["wrk", "-t1", "-c3", f"-d{seconds:g}s", "--latency", f"{base_url}/api/products"])


def _run(folder: Path, command: list[str]) -> Run:
    measured = measure(command, folder=folder)
    found = re.search(r"(\d+) requests in", measured.output)
    assert found is not None, measured.output
    percentiles = {}
    for percent, number, unit in re.findall(r"(50|99)%\s+([\d.]+)(us|ms|s)", measured.output):
        percentiles[percent] = float(number) * _MILLISECONDS[unit]
    latency = Latency(p50_ms=percentiles["50"], p99_ms=percentiles["99"]) if percentiles else None
    return Run(measured=measured, requests=int(found[1]), latency=latency)


def _version() -> str | None:
    return "wrk" if shutil.which("wrk") else None


def tools() -> list[Tool]:
    """Wrk in one thread."""
    return [Tool(name="wrk", version=_version, few=100_000, many=400_000, busy=_busy, paced=_paced)]
