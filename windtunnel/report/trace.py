"""One instance of a run with all that its records hold, beside one that passed: what `windtunnel trace` shows."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from windtunnel.errors import ConfigError, did_you_mean
from windtunnel.figures import plural
from windtunnel.model.manifest import Manifest, StepRow
from windtunnel.report.difference import Comparison, PassingOnes, compare
from windtunnel.report.instance_trace import BodyCache, instance_trace
from windtunnel.report.lookup import Found, Lookup
from windtunnel.report.model import Story
from windtunnel.storage.directory import RunDirectory

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_LONGEST_ID = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The instance that is asked for: its id, its correlation id, or its number among the failed ones, from 1.

    `run` is how the run was named, empty for the newest one; messages use it in their commands.
    """

    instance_id: str = ""
    correlation_id: str = ""
    failed: int = 0
    run: str = ""

    def command(self, choice: str) -> str:
        """The command line that shows another instance of the same run."""
        return " ".join(filter(None, ("windtunnel trace", self.run, choice)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """The story of one instance. `passing` is one of its scenario that passed, `comparison` how the two differ.

    `phase` is the section or the stage that it was in, empty for the measured load.
    `position` is its number among the `failed` instances of the run, 0 when it was asked for by an id. `rows` are
    the steps of the plan by scenario and name. `damaged` counts lines of it that can't be read.
    """

    run_id: str
    story: Story
    wanted: Wanted
    phase: str = ""
    passing: Story | None = None
    comparison: Comparison | None = None
    position: int = 0
    failed: int = 0
    damaged: int = 0
    rows: dict[tuple[str, str], StepRow] = field(default_factory=dict)

    def row(self, step: str) -> StepRow | None:
        """The step of the plan with this name."""
        return self.rows.get((self.story.scenario, step))


def ids_of(trace: Trace) -> tuple[str, ...]:
    """The ids that requests of the instance carry, which a repeated request does without."""
    return trace.run_id, trace.story.instance_id, trace.story.correlation_id


def trace(directory: RunDirectory, wanted: Wanted, *, longest_body: int = 8 * 1024) -> Trace:
    """Find an instance in the records of a run, which need not be finished, and tell its story.

    Raises ConfigError when there is no such instance, EvidenceError when a record file can't be read.
    """
    manifest = directory.manifest()
    lookup = Lookup(directory.segments(), manifest)
    failed = 0
    if wanted.failed:
        instance_id, failed = _failed(lookup, wanted)
        found = lookup.instance(instance_id)
    elif wanted.correlation_id:
        found = lookup.correlated(_normalised(wanted.correlation_id))
    else:
        found = lookup.instance(wanted.instance_id)
    if found is None:
        raise _unknown(lookup, manifest, wanted)
    bodies = BodyCache(directory.bodies, each=longest_body, total=64 * longest_body)

    def story_of(each: Found) -> Story:
        return instance_trace(each.records, run_started=manifest.started, bodies=bodies)

    story = story_of(found)
    others = PassingOnes(
        [story_of(each) for each in lookup.passing_beside(found)] if story.outcome != "passed" else []
    )
    beside = others.nearest(story)
    return Trace(
        run_id=manifest.run_id,
        story=story,
        wanted=wanted,
        phase=found.records.records[0].phase,
        passing=beside,
        comparison=compare(story, beside, others) if beside else None,
        position=wanted.failed,
        failed=failed,
        damaged=found.damaged,
        rows={(row.scenario, row.step): row for row in manifest.steps},
    )


def _failed(lookup: Lookup, wanted: Wanted) -> tuple[str, int]:
    """(id of the failed instance that is asked for, number of failed instances)."""
    failed = lookup.failed(wanted.failed)
    if failed.instance_id is not None:
        return failed.instance_id, failed.count
    if failed.count:
        only = f"only {plural(failed.count, 'instance')} failed"
        raise ConfigError.of(
            only, hint=f"the last one: {wanted.command(f'--failed {failed.count}')}", flag="--failed"
        )
    by_fault = f"; {plural(failed.by_fault, 'instance')} failed by a fault" if failed.by_fault else ""
    known = [failed.first_by_fault] if failed.first_by_fault else lookup.some_ids()
    hint = f"show one: {wanted.command(f'--instance-id {known[0]}')}" if known else "no instance ended in this run"
    raise ConfigError.of(f"no instance failed{by_fault}", hint=hint, flag="--failed")


def _normalised(correlation_id: str) -> str:
    """A correlation id as records have it, from what a log may hold: a traceparent, a UUID, capital letters."""
    given = correlation_id.strip().lower()
    if match := _TRACEPARENT.fullmatch(given):
        return match[1]
    bare = given.replace("-", "")
    return bare if re.fullmatch("[0-9a-f]{32}", bare) else correlation_id


def _unknown(lookup: Lookup, manifest: Manifest, wanted: Wanted) -> ConfigError:
    """What to say of an id that no record has."""
    if wanted.correlation_id:
        return ConfigError.of(
            f"no instance has the correlation id {wanted.correlation_id[:_LONGEST_ID]!r} in this run",
            hint="it is the value of X-Correlation-ID, or the 32 digits after 00- of traceparent",
            flag="--correlation-id",
        )
    known = lookup.some_ids()
    scenario, _, index = wanted.instance_id.rpartition("-")
    # The same index of a scenario with a name that is near, if the run has it.
    near = [f"{each}-{index}" for each in manifest.scenarios if index and did_you_mean(scenario, [each])]
    there = [each for each in near if lookup.instance(each) is not None]
    hint = did_you_mean(wanted.instance_id, there)
    if hint is None and known:
        such = " and ".join(known[:3])
        hint = f"ids are SCENARIO-INDEX; this run has {such}. The first failed one: {wanted.command('--failed 1')}"
    return ConfigError.of(
        f"no instance {wanted.instance_id[:_LONGEST_ID]!r} in this run",
        hint=hint or "no instance began in this run",
        flag="--instance-id",
    )
