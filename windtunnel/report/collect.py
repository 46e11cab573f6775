"""From a run directory to the Report of the renderers, streaming: memory does not grow with the records.

records ──▶ Aggregate ──▶ Summary            `analyse`, what a later `report` of any run begins with
records ──▶ stories ─┐
Aggregate ──▶ shape ─┴──▶ Report             `build_report`
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from windtunnel.metrics.aggregate import Aggregate
from windtunnel.model.manifest import Evidence, Manifest
from windtunnel.model.summary import Baseline, Summary
from windtunnel.model.threshold import OF_FAILURES
from windtunnel.report.course import course_of
from windtunnel.report.course_bands import course_bands
from windtunnel.report.instance_trace import BodyCache, instance_trace
from windtunnel.report.latencies import latencies
from windtunnel.report.model import Report
from windtunnel.report.stories import (
    Choice,
    InstanceRecords,
    OneOfEachFault,
    Slowest,
    choose_failing,
    collect,
    slowest_for,
)
from windtunnel.report.wording import honest
from windtunnel.storage.directory import RunDirectory
from windtunnel.storage.verifying import record_reader
from windtunnel.verdict.conclude import conclude

MOST_RANKINGS = 4
"""Time thresholds of which the slowest instances are shown."""

MOST_FAULTS = 20
"""Faults of which an instance is shown that they were done to."""


_SHOWN_TAGS = {"scenario", "step"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """A run that was counted and judged, and all that it was judged by."""

    summary: Summary
    aggregate: Aggregate
    manifest: Manifest
    evidence: Evidence
    baseline: Baseline | None = None

    @classmethod
    def of(
        cls, manifest: Manifest, aggregate: Aggregate, evidence: Evidence, baseline: Baseline | None = None
    ) -> Analysis:
        """Judge a run."""
        summary = conclude(manifest, aggregate, evidence, baseline)
        return cls(summary=summary, aggregate=aggregate, manifest=manifest, evidence=evidence, baseline=baseline)

    def with_findings(self, findings: Sequence[str]) -> Analysis:
        """The run judged again, now that its evidence is found to be incomplete; itself without a finding."""
        if not findings:
            return self
        return Analysis.of(self.manifest, self.aggregate, self.evidence.with_findings(findings), self.baseline)


def analyse(directory: RunDirectory) -> Analysis:
    """Read every record of a run once and judge it by the thresholds of its manifest.

    Raises EvidenceError when the manifest or a record file can't be read at all; damage inside a record file, and
    what the run itself found wrong after its records were closed, is a finding of the summary.
    """
    manifest = directory.manifest()
    aggregate = Aggregate.for_judging(manifest.thresholds, manifest.turbulence)
    reader = record_reader(directory, manifest)
    for records in reader.batches():
        aggregate.write(records)
    evidence = reader.evidence().with_findings(directory.damage())
    return Analysis.of(manifest, aggregate, evidence, directory.baseline())


def build_report(
    directory: RunDirectory,
    manifest: Manifest,
    summary: Summary,
    aggregate: Aggregate,
    *,
    with_stories: bool = True,
) -> Report:
    """Everything a page shows. Reads the records once more for the stories of instances, unless there are none.

    Raises EvidenceError when a record file can't be read.
    """
    summary = honest(summary)
    wanted = choose_failing(summary.errors) if with_stories else []
    rankings = _rankings(summary) if with_stories else {}
    done = OneOfEachFault(_faults_done(summary) if with_stories else ())
    choices: list[Choice] = [*rankings.values(), *([done] if done.wanted else [])]
    failing: dict[str, InstanceRecords] = {}
    chosen: dict[str, InstanceRecords] = {}
    if wanted or choices:
        reader = record_reader(directory, manifest)
        failing, chosen = collect(reader, wanted, choices)
    bodies = BodyCache(directory.bodies)
    stories = tuple(
        instance_trace(instance, run_started=manifest.started, bodies=bodies)
        for instance in ({**failing, **chosen}).values()
    )
    overall, steps = latencies(summary, aggregate)
    return Report(
        summary=summary,
        manifest=manifest,
        directory=str(directory.path),
        overall=overall,
        steps=steps,
        stories=stories,
        shown_by=_shown_by(summary, failing, rankings),
        faults_shown_by=done.of_fault,
        course=course_of(
            aggregate.cube,
            order=[(row.scenario, row.step) for row in summary.steps],
            bands=course_bands(aggregate, manifest, summary),
        ),
    )


def _faults_done(summary: Summary) -> list[str]:
    """Names of the first faults that were done to anything."""
    judged = summary.turbulence
    return [fault.name for fault in judged.faults if fault.applied][:MOST_FAULTS] if judged else []


def _rankings(summary: Summary) -> dict[int, Slowest]:
    """The collectors of slow instances, by the position of the threshold."""
    found: dict[int, Slowest] = {}
    for position, result in enumerate(summary.thresholds):
        ranking = slowest_for(result)
        if ranking and len(found) < MOST_RANKINGS:
            found[position] = ranking
    return found


def _shown_by(
    summary: Summary, failing: Iterable[str], rankings: dict[int, Slowest]
) -> dict[int, tuple[str, ...]]:
    shown = {position: tuple(i for i, _ in ranking.found()) for position, ranking in rankings.items()}
    told = set(failing)
    for position, result in enumerate(summary.thresholds):
        tags = result.tags
        if result.result != "fail" or result.metric not in OF_FAILURES or not set(tags) <= _SHOWN_TAGS:
            continue
        ids = [
            instance_id
            for group in summary.errors
            if group.phase in {"", "user_setup"}
            and tags.get("scenario", group.scenario) == group.scenario
            and tags.get("step", group.step) == group.step
            for instance_id in group.instances
            if instance_id in told
        ]
        shown[position] = tuple(dict.fromkeys(ids))[:3]
    return {position: ids for position, ids in shown.items() if ids}
