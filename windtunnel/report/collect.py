"""From a run directory to the Report of the renderers, streaming: memory does not grow with the records.

records ──▶ Aggregate ──▶ Summary                 `analyse`, what a later `report` of any run begins with
Aggregate ──▶ choice ──▶ records ──▶ stories ─┐
Aggregate ──▶ shape ──────────────────────────┴──▶ Report             `build_report`
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from windtunnel.metrics.aggregate import Aggregate
from windtunnel.model.manifest import Evidence, Manifest
from windtunnel.model.summary import Baseline, Summary
from windtunnel.report.choice import RULE, Choice, choose
from windtunnel.report.course import course_of
from windtunnel.report.course_bands import course_bands
from windtunnel.report.instance_trace import BodyCache, instance_trace
from windtunnel.report.latencies import latencies
from windtunnel.report.model import Report, Sampled, Story
from windtunnel.report.stories import collect, side_by_side
from windtunnel.report.wording import honest
from windtunnel.storage.directory import RunDirectory
from windtunnel.storage.lines import LineDecoder, records_of
from windtunnel.storage.reader import RunIdentity
from windtunnel.storage.verifying import record_reader
from windtunnel.verdict.conclude import conclude


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
    choice = choose(summary, aggregate, manifest.steps) if with_stories else Choice()
    decoder = LineDecoder(RunIdentity.of(manifest).run_ids)
    records = records_of(choice.why, record_reader(directory, manifest).segments, decoder)
    instances = collect(records, list(choice.why))
    bodies = BodyCache(directory.bodies)
    stories = tuple(
        instance_trace(instance, run_started=manifest.started, bodies=bodies) for instance in instances.values()
    )
    overall, steps = latencies(summary, aggregate)
    return Report(
        summary=summary,
        manifest=manifest,
        directory=str(directory.path),
        overall=overall,
        steps=steps,
        stories=stories,
        sampling=_sampling(summary, stories) if with_stories else None,
        why={instance_id: choice.why[instance_id] for instance_id in instances},
        featured=sum(instance_id in instances for instance_id in list(choice.why)[: choice.featured]),
        beside=side_by_side(stories),
        shown_by=dict(choice.shown_by),
        errors_shown_by=dict(choice.errors_shown_by),
        faults_shown_by=dict(choice.faults_shown_by),
        course=course_of(
            aggregate.cube,
            order=[(row.scenario, row.step) for row in summary.steps],
            bands=course_bands(aggregate, manifest, summary),
        ),
    )


def _sampling(summary: Summary, stories: Sequence[Story]) -> Sampled:
    ended = sum(story.outcome is not None for story in stories)
    return Sampled(kept=ended, of=max(ended, summary.run.instances), rule=RULE)
