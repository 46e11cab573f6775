"""The jobs that every tool runs in its own words, and what comes of one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measuring import Measured

__all__ = ["Latency", "Run", "Tool"]

USERS = 50
"""Users of the throughput job; each gets the products, then puts one into the cart, without a pause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """What a tool says requests took, in milliseconds."""

    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of a tool: what it took, how many requests it made, what it says they took, what it left on disk."""

    measured: Measured
    requests: int
    latency: Latency | None = None
    bytes_on_disk: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool in one of its ways of running.

    `busy(folder, base_url, requests)` sends about that many requests with 50 users as fast as it can.
    `paced(folder, base_url, seconds)` sends 500 requests a second; `thinking(folder, base_url, users, seconds)`
    lets users send one request a second. None where the tool has no such thing, or where it is not asked.
    `few` and `many` are the sizes between which the cost of a request is measured.
    """

    name: str
    version: Callable[[], str | None]
    few: int
    many: int
    busy: Callable[[Path, str, int], Run] | None = None
    paced: Callable[[Path, str, float], Run] | None = None
    thinking: Callable[[Path, str, int, float], Run] | None = None
