"""From what was counted to a summary with its verdict, live and from disk alike."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from windtunnel.metrics.aggregate import Aggregate
from windtunnel.metrics.measure import measured_span_s
from windtunnel.metrics.series import InstanceKey
from windtunnel.metrics.summary import (
    error_groups,
    instances_by_outcome,
    metric_summaries,
    note_groups,
    step_summaries,
)
from windtunnel.metrics.windows import windows_of
from windtunnel.model.http import ERROR_KINDS, GENERATOR_ERRORS, is_about_tls
from windtunnel.model.load import is_measured
from windtunnel.model.manifest import Evidence, Manifest, StepRow
from windtunnel.model.summary import SCHEMA_VERSION, Baseline, RunInfo, Soundness, Summary, ThresholdResult
from windtunnel.model.threshold import Threshold
from windtunnel.model.verdict import NO_TLS, Finding, worst
from windtunnel.model.vocabulary import ErrorKind, SectionPhase, ThresholdWord, VerdictWord
from windtunnel.verdict.comparison import compare
from windtunnel.verdict.evidence import completed_untested, never_completed, nothing_tested
from windtunnel.verdict.selectors import scenarios_selected
from windtunnel.verdict.soundness import assess, missed_arrivals
from windtunnel.verdict.thresholds import evaluate, in_force, without_data

if TYPE_CHECKING:
    from windtunnel.verdict.resilience_verdict import Borne

_WORDS: dict[ThresholdWord, VerdictWord] = {
    "fail": "fail",
    "no_data": "inconclusive",
    "inconclusive": "inconclusive",
}

_NOT_SENT: frozenset[ErrorKind] = GENERATOR_ERRORS | {"host_not_allowed"}
"""Errors before anything was sent: they say nothing about the SUT."""


_LIKE_TLS: tuple[ErrorKind, ...] = ("closed", "reset")
"""How many servers that speak TLS answer plain HTTP."""


def conclude(
    manifest: Manifest, aggregate: Aggregate, evidence: Evidence, baseline: Baseline | None = None
) -> Summary:
    """Judge a run by the thresholds of its manifest, the implied one, and its soundness.

    Changes since the `baseline` are reported; they decide only where a threshold names the baseline.
    """
    soundness, deciding = _soundness(manifest, aggregate, evidence)
    findings = [*_ended_early(aggregate), *deciding, *_nothing_happened(aggregate, manifest)]
    borne = _faults_borne(manifest, aggregate, findings)
    # The part of one shard says nothing about the whole load: thresholds are judged when shards are merged.
    thresholds = () if manifest.shard else in_force(manifest.thresholds, manifest.fail_on)
    unjudged = [each for each in thresholds if manifest.without_baseline and each.baseline_times is not None]
    untested = {} if manifest.shard else never_completed(manifest, aggregate)
    results = []
    for each in thresholds:
        if each not in unjudged:
            otherwise = borne.evaluate if borne else None
            result = evaluate(each, aggregate, manifest.steps, baseline, otherwise=otherwise)
            results.append(_on_evidence(each, result, manifest.steps, untested))
    findings += _judged(aggregate, results)
    # Where nothing was sent, that says all there is to say of the faults.
    findings += borne.findings if borne and not aggregate.unreachable else ()
    users = [f"the user_setup of {each}" for each in _failed_sections(aggregate, "user_setup")]
    if findings:
        # The lowest word: a user that could not be set up fails its instances, and the thresholds judge those.
        findings += [("inconclusive", each) for each in users]
    verdict = worst(findings, signal_number=aggregate.signal or signal.SIGINT)
    warnings = [*users, *_warnings(manifest, aggregate, untested, unjudged), *(borne.warnings if borne else ())]
    windows = windows_of(aggregate.cube)
    summary = Summary(
        schema_version=SCHEMA_VERSION,
        run_id=manifest.run_id,
        verdict=verdict.word,
        exit_code=verdict.exit_code,
        reasons=list(verdict.reasons),
        run=_run_info(manifest, aggregate),
        thresholds=results,
        metrics=metric_summaries(aggregate),
        steps=step_summaries(aggregate, manifest.steps, windows),
        errors=error_groups(aggregate, [*manifest.steps, *manifest.section_steps]),
        notes=note_groups(aggregate),
        soundness=replace(soundness, findings=[*soundness.findings, *warnings]),
        windows=windows.run,
        turbulence=borne.resilience if borne else None,
    )
    return replace(summary, baseline=compare(baseline, Baseline.of(summary))) if baseline else summary


def _soundness(manifest: Manifest, aggregate: Aggregate, evidence: Evidence) -> tuple[Soundness, list[Finding]]:
    return assess(
        aggregate,
        evidence,
        manifest.thresholds,
        closed=manifest.closed,
        timed=manifest.timed,
        shards=manifest.shards,
        faults=manifest.turbulence is not None,
    )


def _faults_borne(manifest: Manifest, aggregate: Aggregate, known: Sequence[Finding]) -> Borne | None:
    """How the run bore its faults; None without any, and for a shard, which is judged when it is merged."""
    if manifest.turbulence is None or manifest.shard:
        return None
    from windtunnel.verdict.resilience_verdict import faults_borne

    doubts = missed_arrivals(aggregate, manifest.thresholds, faults=True) if manifest.timed else []
    return faults_borne(manifest.turbulence, manifest, aggregate, known=known, doubts=doubts)


def _warnings(
    manifest: Manifest, aggregate: Aggregate, untested: Mapping[str, str], unjudged: Sequence[Threshold]
) -> list[str]:
    """What decides nothing, and must be known all the same."""
    teardowns = _failed_sections(aggregate, "teardown") + _teardowns_missing(aggregate, manifest.section_steps)
    return [
        *(f"the teardown of {each}; resources may be left behind" for each in teardowns),
        *(untested.values() if instances_by_outcome(aggregate) else ()),
        *(() if manifest.shard else completed_untested(aggregate)),
        *(f"{each.selector}: {each.text} was not judged: there is no baseline" for each in unjudged),
    ]


def _on_evidence(
    threshold: Threshold, result: ThresholdResult, rows: Sequence[StepRow], untested: Mapping[str, str]
) -> ThresholdResult:
    """The result; no data where a threshold passed that speaks only of scenarios that were not tested."""
    selected = scenarios_selected(threshold, rows) if untested and result.result == "pass" else None
    if selected is None or not selected <= untested.keys() or (result.samples and not selected):
        return result
    return without_data(threshold, result, untested[min(selected or untested)])


def _ended_early(aggregate: Aggregate) -> list[Finding]:
    found: list[Finding] = [
        ("error", f"a bug in Windtunnel, please report it: {_last_line(bug)}") for bug in sorted(aggregate.bugs)
    ]
    found += [("fail", f"the run was stopped early: {reason}") for reason in sorted(aggregate.aborted)]
    found += [("inconclusive", f"the run was stopped early: {reason}") for reason in sorted(aggregate.capped)]
    found += [("incomplete", f"the run did not finish: {lost}") for lost in sorted(aggregate.lost)]
    if aggregate.signal is not None:
        found.append(("interrupted", f"the run was stopped by {_signal_name(aggregate.signal)}"))
    return found


def _nothing_happened(aggregate: Aggregate, manifest: Manifest) -> list[Finding]:
    """No response at all, no request that could have had one, or nothing that was looked at."""
    if aggregate.unreachable:
        return [("unreachable", f"nothing was sent: {why}") for why in sorted(aggregate.unreachable)]
    if setups := _failed_sections(aggregate, "setup"):
        return [("inconclusive", f"no load was sent: the setup of {each}") for each in setups]
    if not instances_by_outcome(aggregate).total():
        return [("inconclusive", "nothing was measured: no instance ran to its end")]
    sent = {key.error: 0 for key in aggregate.requests if key.error and key.error not in _NOT_SENT}
    if not sent or any(key.status for key in aggregate.requests):
        untested = None if manifest.shard else nothing_tested(aggregate)
        return [("inconclusive", untested)] if untested else []
    for key, series in aggregate.requests.items():
        if key.error and key.error in sent:
            sent[key.error] += series.count
    kind, count = max(sent.items(), key=lambda item: item[1])
    of_them = f"{count:,} of {sum(sent.values()):,} requests"
    example = _first_example(aggregate, kind)
    if is_about_tls(kind, example):
        return [("unreachable", f"{NO_TLS} ({of_them}): {example or ERROR_KINDS[kind]}")]
    plain = any(url.startswith("http://") for url in manifest.base_urls)
    doubt = "; if this port speaks TLS, write https://" if plain and kind in _LIKE_TLS else ""
    return [("unreachable", f"no request got a response ({of_them}: {ERROR_KINDS[kind]}{doubt})")]


def _first_example(aggregate: Aggregate, kind: ErrorKind) -> str:
    """What the first of these failures said; the same however the records were split."""
    said = [(series.first_t, series.example) for key, series in aggregate.failures.items() if key.cause == kind]
    return min(said)[1] if said else ""


def _failed_sections(aggregate: Aggregate, phase: SectionPhase) -> list[str]:
    """The failures in one kind of section: `shop failed 3 times at login: status_code: expected 200 but got 5`."""
    found = []
    for instance, ended in aggregate.instances.items():
        if instance.phase != phase or instance.outcome not in {"failed", "errored"}:
            continue
        times = f" {ended.count:,} times" if ended.count > 1 else ""
        found.append(f"{instance.scenario} {instance.outcome}{times}{_first_cause(aggregate, instance)}")
    return sorted(found)


def _first_cause(aggregate: Aggregate, instance: InstanceKey) -> str:
    """Why the first one of these failed; the same however the records were split."""
    alike = [
        (series.first_t, failure.step, failure.cause, series.example)
        for failure, series in aggregate.failures.items()
        if (failure.phase, failure.scenario) == (instance.phase, instance.scenario)
    ]
    if not alike:
        return ""
    _, step, cause, example = min(alike)
    return f" at {step}: {cause}: {example}" if step else f": {example}"


def _teardowns_missing(aggregate: Aggregate, rows: Sequence[StepRow]) -> list[str]:
    """Teardowns of a run that began, and that did not run to their end."""
    begun = {key.scenario for key in aggregate.instances if key.phase == "teardown"}
    cut = {key.scenario for key in aggregate.instances if (key.phase, key.outcome) == ("teardown", "interrupted")}
    planned = {row.scenario for row in rows if row.phase == "teardown"} if aggregate.instances else set()
    return [
        *(f"{scenario} did not end in time" for scenario in sorted(cut)),
        *(f"{scenario} did not run" for scenario in sorted(planned - begun)),
    ]


def _judged(aggregate: Aggregate, results: list[ThresholdResult]) -> list[Finding]:
    """The findings of the thresholds; where nothing ran, `_nothing_happened` reports that once."""
    ran = any(is_measured(key.phase) for key in aggregate.instances)
    return [
        (_WORDS[result.result], result.reason or result.name)
        for result in results
        if result.result in _WORDS and (ran or result.result != "no_data")
    ]


def _run_info(manifest: Manifest, aggregate: Aggregate) -> RunInfo:
    outcomes = instances_by_outcome(aggregate)
    return RunInfo(
        name=manifest.name,
        sut=manifest.sut,
        scenarios=manifest.scenarios,
        load=manifest.load,
        seed=manifest.seed,
        version=manifest.version,
        started=manifest.started,
        duration_s=measured_span_s(aggregate),
        instances=sum(outcomes.values()),
        passed=outcomes["passed"],
        failed=outcomes["failed"],
        errored=outcomes["errored"],
        interrupted=outcomes["interrupted"],
        shard=manifest.shard,
        commit=manifest.commit,
        plan_hash=manifest.plan_hash,
    )


def _last_line(text: str) -> str:
    """The last line of a traceback: its exception."""
    lines = text.strip().splitlines()
    return lines[-1] if lines else "an unexpected exception"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
