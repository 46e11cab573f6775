"""Two runs of one simulated service, to be compared: the same each time, with as many windows as asked for."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from tests.support.records import START, instance, request, step
from tests.support.run_builder import WHOLE, manifest
from windtunnel.metrics.aggregate import Aggregate
from windtunnel.model.manifest import StepRow
from windtunnel.model.record import RunStarted
from windtunnel.model.summary import Baseline, Summary
from windtunnel.model.vocabulary import Outcome
from windtunnel.storage.directory import summary_text
from windtunnel.verdict.conclude import conclude

AROUND = (("checkout", "group"), ("again", "repeat"), ("rest", "wait"), ("total", "set"))
"""Steps that send nothing, by name and type."""


def ran(
    *,
    draws: int = 1,
    seconds: int = 60,
    per_second: int = 10,
    slower: float = 1.0,
    failing: float = 0.0,
    steps: Sequence[str] = ("browse", "pay"),
    around_us: int = 50_000,
    **told: Any,
) -> Summary:
    """A run whose requests take about 20 ms; `draws` says how long each.

    Everything in `AROUND` takes `around_us`; `told` is of its manifest.
    """
    draw, aggregate = random.Random(draws), Aggregate()
    aggregate.write([RunStarted(t=START, schema_version=1, segment=0, plan_hash="h", seed=1)])
    for index in range(seconds * per_second):
        started = START + index / per_second
        outcomes = []
        for place, name in enumerate(steps):
            took = round(20_000 * slower * math.exp(0.3 * draw.gauss(0, 1)))
            bad = draw.random() < failing
            outcomes.append(bad)
            facts = request(500 if bad else 200, wait=took)
            outcome: Outcome = "failed" if bad else "passed"
            t = started + place / per_second / len(steps)
            aggregate.write([step(name, outcome, t=t, duration_us=took + 15, request=facts)])
        for name, action in AROUND:
            aggregate.write([step(name, t=started, action=action, duration_us=around_us)])
        aggregate.write([instance(index, "failed" if any(outcomes) else "passed", started=started)])
    rows = [StepRow(scenario="shop", step=name, action="http", method="GET", service="shop") for name in steps]
    rows += [StepRow(scenario="shop", step=name, action=action) for name, action in AROUND]
    return conclude(replace(manifest(rows=rows), **told), aggregate, WHOLE)


def baseline(**of: Any) -> Baseline:
    return Baseline.of(ran(**of))


def write(folder: Path, *, before: Summary | bytes, now: Summary) -> None:
    """`before.json` and `now.json`."""
    (folder / "before.json").write_bytes(before if isinstance(before, bytes) else summary_text(before))
    (folder / "now.json").write_bytes(summary_text(now))


def without_windows(summary: Summary) -> bytes:
    """The summary as earlier versions wrote it."""
    written = msgspec.json.decode(msgspec.json.encode(summary))
    del written["windows"], written["run"]["plan_hash"]
    for row in written["steps"]:
        del row["windows"]
    return msgspec.json.encode(written)
