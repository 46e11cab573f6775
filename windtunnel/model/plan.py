"""The test plan: everything a run needs to know, frozen, before anything is compiled or sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from windtunnel.figures import as_written
from windtunnel.model.load import Load, Segment
from windtunnel.model.scenario import Feeder, Scenario
from windtunnel.model.source import Source
from windtunnel.model.sut import Readiness, Sut
from windtunnel.model.threshold import Threshold
from windtunnel.model.turbulence import Turbulence
from windtunnel.model.vocabulary import Compression, FailOn, KeepBodies


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputSettings:
    """The parent of the run directory, which bodies are kept, and how finished record files are compressed."""

    directory: str = "runs"
    bodies: KeepBodies = "failures"
    compress: Compression | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadPart:
    """A load and the scenarios that share it, `start_after_s` after the start of the run."""

    load: Load
    scenarios: tuple[Scenario, ...]
    start_after_s: float = 0.0


def first_users_of(parts: Sequence[LoadPart]) -> tuple[int, ...]:
    """The number of the first user of each load: users are numbered over all loads."""
    return tuple(sum(part.load.most_at_once for part in parts[:number]) for number in range(len(parts)))


@dataclass(frozen=True, slots=True, kw_only=True)
class TestPlan:
    """The scenarios, the SUT, the load and the thresholds of a run.

    `load` is that of all scenarios which have none of their own. `secrets` are values that came from the
    environment and must never be written, `workers` the processes that share the load. Of several
    runs that share one load, `shard` says which this is. A run that takes longer than `max_duration_s` is ended.
    `fail_on` is what makes it fail in addition to thresholds: see `model.verdict.exit_code_of`. `left_out` are the
    scenarios that were not selected.
    """

    sut: Sut
    scenarios: tuple[Scenario, ...]
    load: Load
    seed: int
    thresholds: tuple[Threshold, ...] = ()
    output: OutputSettings = OutputSettings()
    name: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()
    sources: tuple[Source, ...] = ()
    left_out: tuple[Scenario, ...] = ()
    workers: int = 1
    max_duration_s: float | None = None
    fail_on: FailOn = "thresholds"
    readiness: Readiness = field(default_factory=Readiness)
    without_baseline: bool = False
    turbulence: Turbulence | None = None
    shard: Segment = Segment()

    @property
    def parts(self) -> tuple[LoadPart, ...]:
        """Every load of the run with its scenarios: the common one first, if any scenario shares it."""
        common = tuple(scenario for scenario in self.scenarios if scenario.load is None)
        own = [
            LoadPart(load=scenario.load, scenarios=(scenario,), start_after_s=scenario.start_after_s)
            for scenario in self.scenarios
            if scenario.load is not None
        ]
        return (LoadPart(load=self.load, scenarios=common), *own) if common else tuple(own)

    @property
    def first_users(self) -> tuple[int, ...]:
        """The number of the first user of each part: they are numbered over all loads."""
        return first_users_of(self.parts)

    @property
    def data(self) -> tuple[Feeder, ...]:
        """Every data file of every scenario, each file once."""
        feeders = [feeder for scenario in self.scenarios for feeder in scenario.data]
        return tuple({feeder.identity: feeder for feeder in feeders}.values())

    @property
    def describe_load(self) -> str:
        """The load in words."""
        parts = self.parts
        if len(parts) == 1 and not parts[0].start_after_s:
            return str(parts[0].load)
        return "; ".join(
            f"{', '.join(scenario.id for scenario in part.scenarios)}: {part.load}"
            + (f", from {as_written(part.start_after_s)} on" if part.start_after_s else "")
            for part in parts
        )

    @property
    def phases(self) -> tuple[str, ...]:
        """The phase of every stage of every load, each once."""
        return tuple(dict.fromkeys(stage.phase for part in self.parts for stage in part.load.stages))

    def segment(self, worker: int) -> Segment:
        """The part of the whole load that one worker of this run does."""
        return Segment(number=self.shard.number * self.workers + worker, of=self.shard.of * self.workers)

    @property
    def setup_segment(self) -> Segment | None:
        """The segment of the setups and teardowns; None without any."""
        if any(scenario.setup or scenario.teardown for scenario in self.scenarios):
            return replace(self.segment(0), kind="setup")
        return None

    @property
    def turbulence_segment(self) -> Segment | None:
        """The segment of the proxies and drivers; None without any."""
        if self.turbulence is not None and self.turbulence.is_outside:
            return replace(self.segment(0), kind="turbulence")
        return None

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Every segment of this run, in the order of their files."""
        others = (self.setup_segment, self.turbulence_segment)
        return (*self.load_segments, *(each for each in others if each is not None))

    @property
    def load_segments(self) -> tuple[Segment, ...]:
        """The segment of every worker."""
        return tuple(self.segment(worker) for worker in range(self.workers))

    @property
    def most_at_once(self) -> int:
        """Maximum number of concurrent instances."""
        return sum(part.load.most_at_once for part in self.parts)

    @property
    def count(self) -> int | None:
        """Instances of the whole run; None when time ends it."""
        counts = [part.load.count for part in self.parts]
        return None if None in counts else sum(count for count in counts if count is not None)

    @property
    def length_s(self) -> float | None:
        """Seconds until the last start; None when a count ends it."""
        lengths = [part.load.length_s for part in self.parts]
        if None in lengths:
            return None
        return max(part.start_after_s + (part.load.length_s or 0.0) for part in self.parts)
