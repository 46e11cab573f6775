"""The soundness of a run: what in the generator and the records makes its numbers less reliable."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from windtunnel.figures import duration, number, offset, plural
from windtunnel.metrics.aggregate import Aggregate
from windtunnel.metrics.series import LATE_US, InstanceSeries
from windtunnel.metrics.summary import instances_by_outcome
from windtunnel.model.http import ERROR_KINDS
from windtunnel.model.load import is_measured
from windtunnel.model.manifest import Evidence
from windtunnel.model.summary import Soundness
from windtunnel.model.threshold import Threshold
from windtunnel.model.verdict import Finding
from windtunnel.model.vocabulary import ErrorKind
from windtunnel.verdict.omission import omitted_waiting

TOLERATED = 0.01
"""The share of arrivals that may be dropped, late or cut short; beyond it the load is not the one asked for."""

LITTLES_TOLERANCE = 0.02
"""Tolerated difference between mean instances in flight ÷ rate and the mean duration, as a share of it."""

_STAMPING_US = 100
"""Tolerated time between reading the clock for a duration and for its time stamp."""

_LAG_WORTH_SAYING_US = 5_000

_CURES: dict[ErrorKind, str] = {
    "open_files": "raise the limit with `ulimit -n`, or use fewer users",
    "ports": "keep connections alive, or use fewer users or a second machine",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Arrivals:
    """Counts of the instances of the load."""

    ended: int
    interrupted: int
    late: int
    dropped: int
    littles_law: float | None
    stamps_off_us: float


def assess(
    aggregate: Aggregate,
    evidence: Evidence,
    thresholds: Sequence[Threshold],
    *,
    closed: bool = False,
    timed: bool = True,
    shards: int = 1,
    faults: bool = False,
) -> tuple[Soundness, list[Finding]]:
    """The soundness, and the findings that decide the verdict; a warning is in the soundness only.

    `closed`: part of the load was, which may have left out what it should have seen. `timed`: some instances were
    due at moments of the plan's; others start when their user is free, and can't be late. `shards`: of how many
    runs this was merged. `faults`: there were some on purpose, so that a system that holds its users up after the
    steady phase is what the run is about, and no fault of the generator.
    """
    arrivals = _count_arrivals(aggregate)
    deciding = [
        *_records(aggregate, evidence),
        *(_clock(arrivals) if evidence.intact else []),
        *(missed_arrivals(aggregate, thresholds, faults=faults) if timed else []),
        *([] if faults else _cut_short(aggregate, evidence, arrivals)),
        *_exhaustion(aggregate),
        *(_apart(aggregate, shards) if shards > 1 else []),
    ]
    lag_us = aggregate.health.lag.percentile(99)
    warnings = [_lag(lag_us)] if lag_us > _LAG_WORTH_SAYING_US else []
    if closed and (omitted := omitted_waiting(aggregate)):
        warnings.append(omitted)
    warnings += _held(aggregate)
    if left_out := aggregate.bodies_left_out:
        warnings.append(
            f"not kept: {plural(left_out, 'head or body', 'heads and bodies')} over the limit of a run; "
            "no record is missing"
        )
    soundness = Soundness(
        finished=evidence.finished,
        intact=evidence.intact,
        lag_p99_ms=lag_us / 1000,
        lag_max_ms=aggregate.health.lag_max_us / 1000,
        littles_law=arrivals.littles_law,
        dropped=arrivals.dropped,
        late=arrivals.late,
        cpu=aggregate.health.cpu,
        findings=[*(sentence for _, sentence in deciding), *warnings],
    )
    return soundness, deciding


def _held(aggregate: Aggregate) -> list[str]:
    """Steps whose code blocked the event loop."""
    steps: dict[tuple[str, str], tuple[int, int]] = {}
    for key, series in aggregate.steps.items():
        if series.held:
            count, most_us = steps.get((key.scenario, key.step), (0, 0))
            steps[key.scenario, key.step] = count + series.held, max(most_us, series.held_max_us)
    return [
        f"step {step} of {scenario} blocked the event loop {plural(count, 'time')}, for up to "
        f"{duration(most_us / 1000, digits=2)}; make its function async, or move the work to a thread"
        for (scenario, step), (count, most_us) in sorted(steps.items())
    ]


def _count_arrivals(aggregate: Aggregate, phases: Collection[str] | None = None) -> _Arrivals:
    """The arrivals of the measured load, or of some phases of it."""

    def counts(phase: str) -> bool:
        return is_measured(phase) if phases is None else phase in phases

    total = InstanceSeries()
    for each in (aggregate, aggregate.injected):
        for key, series in each.instances.items() if each is not None else ():
            if counts(key.phase):
                total.merge(series)
    # Mean in flight ÷ rate = (Σ (end - start) ÷ span) ÷ (n ÷ span): the span falls out.
    stamped_us, measured_us = total.elapsed_us, total.duration.total_us
    return _Arrivals(
        ended=total.count,
        interrupted=instances_by_outcome(aggregate)["interrupted"],
        late=total.late,
        dropped=sum(count for (phase, _), count in aggregate.dropped.items() if counts(phase)),
        littles_law=stamped_us / measured_us if measured_us else None,
        stamps_off_us=abs(stamped_us - measured_us) / total.count if total.count else 0.0,
    )


def _records(aggregate: Aggregate, evidence: Evidence) -> list[Finding]:
    """Lost records, or a missing end."""
    if evidence.finished and evidence.intact:
        return []
    if evidence.finished or aggregate.segments_ended:
        found = [f"the run did not finish: {where}" for where in evidence.unfinished]
    else:
        found = [f"the run did not finish: records end {_end_of(aggregate)}", *evidence.unfinished]
    found += evidence.findings
    return [("incomplete", sentence) for sentence in found or ["the records of this run are incomplete"]]


def _end_of(aggregate: Aggregate) -> str:
    if aggregate.last_t == float("-inf"):
        return "before the first one"
    at = datetime.fromtimestamp(aggregate.last_t, tz=timezone.utc)
    after = aggregate.last_t - aggregate.started
    since = f", {offset(after)} after the start" if after < float("inf") else ""
    return f"at {at:%Y-%m-%d %H:%M:%S} UTC{since}"


def _clock(arrivals: _Arrivals) -> list[Finding]:
    """Little's law: the durations must account for the instances that the time stamps show in flight."""
    law = arrivals.littles_law
    if law is None or abs(law - 1) <= LITTLES_TOLERANCE or arrivals.stamps_off_us <= _STAMPING_US:
        return []
    return [
        (
            "error",
            f"the times of this run are wrong: mean instances in flight ÷ rate is {number(law)} times the mean "
            "duration and must be 1 (Little's law); this is a bug in Windtunnel, please report it",
        )
    ]


def missed_arrivals(
    aggregate: Aggregate, thresholds: Sequence[Threshold], *, faults: bool = False
) -> list[Finding]:
    """Arrivals that were dropped or late: the load was not quite the one that was asked for."""
    arrivals = _count_arrivals(aggregate)
    asked_for = _count_arrivals(aggregate, phases={"steady"}) if faults else arrivals
    return [*_dropped(asked_for, thresholds), *_late(arrivals, thresholds)]


def _dropped(arrivals: _Arrivals, thresholds: Sequence[Threshold]) -> list[Finding]:
    """Arrivals that found no free slot; a threshold on them decides instead, if there is one."""
    due = arrivals.ended + arrivals.dropped
    if _is_limited(thresholds) or arrivals.dropped <= TOLERATED * due:
        return []
    return [
        (
            "inconclusive",
            f"{arrivals.dropped:,} of {due:,} arrivals were dropped for lack of a free slot: the load was "
            "smaller than asked for; raise max_parallel, or set a threshold on dropped_iterations",
        )
    ]


def _late(arrivals: _Arrivals, thresholds: Sequence[Threshold]) -> list[Finding]:
    """Arrivals that this machine could not start in time."""
    if _is_limited(thresholds) or arrivals.late <= TOLERATED * arrivals.ended:
        return []
    return [
        (
            "inconclusive",
            f"{arrivals.late:,} of {arrivals.ended:,} instances started more than "
            f"{duration(LATE_US / 1000)} late: this machine is too slow for the load; "
            "lower the load, or use a faster machine",
        )
    ]


def _is_limited(thresholds: Sequence[Threshold]) -> bool:
    return any(threshold.metric == "dropped_iterations" for threshold in thresholds)


def _apart(aggregate: Aggregate, shards: int) -> list[Finding]:
    """Shards that did not run at the same time: the load on the system was that of a part of them."""
    if not aggregate.segments_ended or aggregate.last_started < aggregate.first_ended:
        return []
    apart_s = aggregate.last_started - aggregate.first_ended
    return [
        (
            "inconclusive",
            f"the {shards} shards did not all run at the same time, so the system never had the whole load: "
            f"the last one started {offset(apart_s)} after the first one ended; "
            "start them together, and make the run longer than the time between their starts",
        )
    ]


def _cut_short(aggregate: Aggregate, evidence: Evidence, arrivals: _Arrivals) -> list[Finding]:
    """Instances without an outcome after a normal end of the load; after any other end they are expected."""
    stopped = (
        aggregate.signal is not None
        or bool(aggregate.aborted or aggregate.capped or aggregate.lost)
        or not evidence.finished
        or not evidence.intact
    )
    if stopped or arrivals.interrupted <= TOLERATED * arrivals.ended:
        return []
    return [
        (
            "inconclusive",
            f"{arrivals.interrupted:,} of {arrivals.ended:,} instances were cut short at the end of the load, so "
            "their outcome is unknown; raise graceful_stop",
        )
    ]


def _exhaustion(aggregate: Aggregate) -> list[Finding]:
    """Requests that failed because this machine ran out of something."""
    found: list[Finding] = []
    for kind, cure in _CURES.items():
        count = sum(series.count for key, series in aggregate.requests.items() if key.error == kind)
        if count:
            requests = plural(count, "request")
            found.append(("inconclusive", f"{requests} could not be sent: {ERROR_KINDS[kind]}; {cure}"))
    return found


def _lag(lag_us: float) -> str:
    return f"the event loop of this machine was late (p99): times are ± {duration(lag_us / 1000, digits=2)}"
