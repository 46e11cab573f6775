"""The size of a plan's load, as far as it is known before anything is sent. Pure.

instances    the count, or the arrivals of an open load; unknown when users run for a time
concurrent   Little's law: concurrent instances = starts per second * seconds an instance takes
bytes        the lines of records at their usual size
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from windtunnel.engine.load.pacing import arrivals
from windtunnel.engine.plan import Plan, Track
from windtunnel.errors import ExpressionError
from windtunnel.expressions.quantities import parse_duration
from windtunnel.figures import plural
from windtunnel.model.load import ClosedLoad, Load, OpenLoad
from windtunnel.model.plan import LoadPart, TestPlan
from windtunnel.model.scenario import Scenario, Step
from windtunnel.model.vocabulary import OnEnd

BYTES_OF_REQUEST_STEP = 530
BYTES_OF_STEP = 270
BYTES_OF_ASSERTION = 270
BYTES_OF_INSTANCE = 345
"""Measured over runs of the example scenarios, without the bodies of failures."""

_MAX_COUNTED = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsForecast:
    """The rows that a load needs of a data file: None when unknown.

    `ends`: the file ends the load. `each`: who gets a row of its own, where that is not an instance.
    """

    name: str
    file: str
    rows: int
    needed: int | None
    on_end: OnEnd
    ends: bool = False
    each: Literal["", "user", "concurrent user"] = ""

    def __str__(self) -> str:
        rows = plural(self.rows, "row")
        if self.ends:
            return f"{rows}; the load ends after the last one"
        if self.needed is None:
            return rows
        needed = f"{self.needed:,} needed"
        if self.each:  # concurrent users are fewer than the most that are allowed
            most = "up to " if self.each != "user" else ""
            needed = f"{most}{needed}, one for each {self.each}"
        if self.needed <= self.rows:
            return f"{rows}, {needed}"
        again = f"{self.each}s share rows" if self.each else "rows are used again"
        short = {"recycle": again, "fail": "instances without a row are errors"}
        return f"{rows}, {needed}: {short.get(self.on_end, 'too few')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartForecast:
    """The size of one load.

    `instances` and `bytes` are None when only time ends the load. `pauses_s` is the certain pause of an
    instance, the mean over the mix.
    """

    load: Load
    scenarios: Mapping[str, int | None]
    instances: int | None
    pauses_s: float
    rows: tuple[RowsForecast, ...]
    bytes: int | None


def forecast(test_plan: TestPlan, plan: Plan) -> list[PartForecast]:
    """The size of each load of the plan."""
    opened = [
        scenario for part in test_plan.parts if isinstance(part.load, OpenLoad) for scenario in part.scenarios
    ]
    files = {feeder.identity for scenario in opened for feeder in scenario.data if feeder.share == "user"}
    return [_part(part, track, files) for part, track in zip(test_plan.parts, plan.tracks, strict=True)]


def _part(part: LoadPart, track: Track, opened: Collection[str]) -> PartForecast:
    """`opened` are the data files whose rows the users of an open load have."""
    planned = _planned(part.load, track.seed)
    ends = track.rows_end is not None and (planned is None or track.rows_end < planned)
    instances = track.rows_end if ends else planned
    shares = {
        scenario.id: None if instances is None else track.mix.ranks([place]).rank(instances)
        for place, scenario in enumerate(part.scenarios)
    }
    weights = sum(scenario.weight for scenario in part.scenarios)
    sizes = {scenario.id: _bytes(scenario) for scenario in part.scenarios}
    return PartForecast(
        load=part.load,
        scenarios=shares,
        instances=instances,
        pauses_s=sum(_pauses_s(scenario.steps) * scenario.weight for scenario in part.scenarios) / weights,
        rows=tuple(_rows(part.scenarios, track, instances, opened, ends=ends)),
        bytes=None if instances is None else sum(sizes[id] * (count or 0) for id, count in shares.items()),
    )


def _planned(load: Load, seed: str) -> int | None:
    """The number of instances that a load starts; None when only time ends it."""
    if isinstance(load, ClosedLoad):
        return None if load.stages or load.duration_s is not None else load.count
    expected = _area(load)
    return round(expected) if expected > _MAX_COUNTED else sum(1 for _ in arrivals(load, seed))


def _area(load: OpenLoad) -> float:
    if not load.stages:
        by_time = float("inf") if load.duration_s is None else load.rate * load.duration_s
        return min(by_time, float("inf") if load.count is None else load.count)
    total, before = 0.0, load.start
    for stage in load.stages:
        total, before = total + stage.duration_s * (before + stage.target) / 2, stage.target
    return total


def _rows(
    scenarios: Sequence[Scenario],
    track: Track,
    instances: int | None,
    opened: Collection[str],
    *,
    ends: bool,
) -> Iterator[RowsForecast]:
    for scenario, compiled in zip(scenarios, track.scenarios, strict=True):
        for feeder, feed in zip(scenario.data, compiled.feeders, strict=True):
            user: Literal["user", "concurrent user"] = "concurrent user" if feeder.identity in opened else "user"
            yield RowsForecast(
                name=feeder.name,
                file=feeder.file,
                rows=len(feeder.rows),
                needed=feed.needed(instances),
                on_end=feeder.on_end,
                ends=ends and feed.end == instances,
                each=user if feed.of_user else "",
            )


def _pauses_s(steps: Sequence[Step]) -> float:
    """The seconds that every instance pauses, without pauses under a condition or of a templated length."""
    total = 0.0
    for step in steps:
        if step.when is not None:
            continue
        if step.type == "group":
            total += sum(_pauses_s(block.steps) for block in step.blocks)
        elif step.type == "wait" and "duration" in step.options:
            total += _mean_s(step.options["duration"])
    return total


def _mean_s(duration: object) -> float:
    try:
        if isinstance(duration, str | int | float):
            return parse_duration(duration)
        if isinstance(duration, Mapping):
            uniform = duration.get("uniform")
            if uniform:
                return sum(map(parse_duration, uniform)) / 2
            return parse_duration(next(iter(duration.values()))["mean"])
    except ExpressionError:  # a template, unknown before the run
        return 0.0
    return 0.0


def _bytes(scenario: Scenario) -> int:
    """Bytes of the records of one instance that runs each of its steps once."""
    steps = sum(
        BYTES_OF_REQUEST_STEP if step.type == "http" or "path" in step.options else BYTES_OF_STEP
        for step in scenario.steps
    )
    return steps + len(scenario.assertions) * BYTES_OF_ASSERTION + BYTES_OF_INSTANCE
