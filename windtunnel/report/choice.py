"""Which instances a report shows, and why each: decided from the summary and the candidates of the aggregate.

When there is no room for all, every error group and every scenario gets its first one before any gets a second.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, zip_longest
from typing import get_args

from windtunnel.metrics.aggregate import Aggregate
from windtunnel.metrics.histogram import Histogram
from windtunnel.metrics.measure import selected
from windtunnel.metrics.occurrences import FailureKey
from windtunnel.metrics.sampling import (
    DRAWN_OF_GROUP,
    ORDINARY,
    SLOWEST_OF_SCENARIO,
    SLOWEST_OF_TIME,
    Drawn,
    Sampling,
    Slowest,
)
from windtunnel.model.load import is_measured
from windtunnel.model.manifest import StepRow
from windtunnel.model.metric import METRICS
from windtunnel.model.summary import Summary
from windtunnel.model.threshold import OF_FAILURES
from windtunnel.model.vocabulary import SectionPhase

MOST = 500
"""Maximum number of instances."""

LEAST = 50
"""Room for instances however many records each has."""

MOST_RECORDS = 20_000
"""About how many records the instances have together, which bounds the memory."""

FEATURED_GROUPS = 20
"""Maximum number of error groups whose first instance is static HTML."""

RANKED_THRESHOLDS = 10
"""Maximum number of thresholds of which the slowest instances are shown."""

SHOWN_FAULTS = 20
"""Maximum number of faults of which an instance is shown that they were done to."""

PERCENTILES = (50, 90, 99)

RULE = (
    f"of each error group the first and {DRAWN_OF_GROUP} drawn at random; of each scenario the "
    f"{SLOWEST_OF_SCENARIO} slowest, one near each of p50, p90 and p99, and {ORDINARY} that passed, drawn at "
    "random; what shows why a threshold did not hold, what a fault does and what a finding is about; "
    f"at most {MOST}"
)

_SECTIONS = get_args(SectionPhase)

_SHOWN_TAGS = {"scenario", "step"}

_Reasoned = tuple[str, str]
"""(instance id, why)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The instances to show. `why` has the reason for each by its id.

    The first `featured` of them stand in the page itself: the first of each error group, and those that a
    threshold, a fault or a finding links to. `shown_by` and `errors_shown_by` map the position of a threshold that
    did not hold and of an error group to ids of instances that show it, `faults_shown_by` the name of a fault to
    one that it was done to.
    """

    why: Mapping[str, str] = field(default_factory=dict)
    featured: int = 0
    shown_by: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    errors_shown_by: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    faults_shown_by: Mapping[str, str] = field(default_factory=dict)


def choose(summary: Summary, aggregate: Aggregate, rows: Sequence[StepRow], *, most: int = MOST) -> Choice:
    """The instances of a run to show; `rows` are the steps of its plan."""
    candidates = aggregate.sampling or Sampling()
    groups = _of_groups(summary, candidates)
    slow = _of_times(summary, aggregate, candidates, rows)
    failing = _of_failures(summary, groups)
    faults = _of_faults(summary, candidates)
    telling = [
        *((ids[0], "the first of its error group") for ids in groups[:FEATURED_GROUPS] if ids),
        *(
            (each, f"slow by {summary.thresholds[position].selector}")
            for position in slow
            for each in slow[position]
        ),
        *((each, "has a failure that a threshold is about") for ids in failing.values() for each in ids),
        *((instance_id, f"the fault {name} was done to it") for name, instance_id in faults.items()),
        *((note.instances[0], "the first with this finding") for note in summary.notes if note.instances),
    ]
    scenarios = {name: list(_of_scenario(aggregate, candidates, name)) for name in sorted(candidates.scenarios)}
    room = min(most, _room(aggregate))
    beside = [_beside(candidates, name) for name in sorted({group.scenario for group in summary.errors})]
    chosen: dict[str, str] = {}
    for instance_id, why in chain(
        [each for each in beside if each is not None][: room // 2],
        telling,
        _in_turn([[(each, "drawn from its error group") for each in ids] for ids in groups]),
        _in_turn(list(scenarios.values())),
    ):
        if len(chosen) < room:
            chosen.setdefault(instance_id, why)
    featured = {instance_id: chosen[instance_id] for instance_id, _ in telling if instance_id in chosen}
    return Choice(
        why=featured | chosen,
        featured=len(featured),
        shown_by=_kept(slow | failing, chosen),
        errors_shown_by=_kept(dict(enumerate(groups)), chosen),
        faults_shown_by={name: each for name, each in faults.items() if each in chosen},
    )


def _of_groups(summary: Summary, candidates: Sampling) -> list[list[str]]:
    """The first instance of each error group, and those that were drawn of it."""
    drawn: defaultdict[FailureKey, Drawn] = defaultdict(lambda: Drawn(DRAWN_OF_GROUP))
    for key, found in candidates.groups.items():
        if key.phase in _SECTIONS or is_measured(key.phase):
            drawn[key._replace(phase=key.phase if key.phase in _SECTIONS else "")].merge(found)
    return [
        list(
            dict.fromkeys(
                [
                    *group.instances[:1],
                    *(
                        instance_id
                        for _, instance_id, _ in drawn[
                            FailureKey(group.phase, group.scenario, group.step, group.cause, group.outcome)
                        ].kept
                    ),
                ]
            )
        )
        for group in summary.errors
    ]


def _of_times(
    summary: Summary, aggregate: Aggregate, candidates: Sampling, rows: Sequence[StepRow]
) -> dict[int, list[str]]:
    """The slowest instances by the position of each threshold on a time that was too long."""
    found: dict[int, list[str]] = {}
    for position, result in enumerate(summary.thresholds):
        metric = METRICS[result.metric].same_as or result.metric
        too_long = result.result in {"fail", "inconclusive"} and result.operator in {"<", "<="}
        if not too_long or metric not in candidates.times:
            continue
        slowest = Slowest(SLOWEST_OF_TIME)
        for key in selected(aggregate, metric, result.tags, rows):
            slowest.merge(candidates.slow.get((metric, key), Slowest(0)))
        if slowest.kept and len(found) < RANKED_THRESHOLDS:
            found[position] = [instance_id for _, instance_id in slowest.kept]
    return found


def _of_failures(summary: Summary, groups: Sequence[Sequence[str]]) -> dict[int, list[str]]:
    """Failing instances by the position of each threshold on failures that did not hold."""
    found: dict[int, list[str]] = {}
    for position, result in enumerate(summary.thresholds):
        tags = result.tags
        if result.result == "fail" and result.metric in OF_FAILURES and set(tags) <= _SHOWN_TAGS:
            matching = [
                [(instance_id, "") for instance_id in ids]
                for group, ids in zip(summary.errors, groups, strict=True)
                if group.phase in {"", "user_setup"}
                and tags.get("scenario", group.scenario) == group.scenario
                and tags.get("step", group.step) == group.step
            ]
            found[position] = list(dict.fromkeys(each for each, _ in _in_turn(matching)))[:SLOWEST_OF_TIME]
    return found


def _of_faults(summary: Summary, candidates: Sampling) -> dict[str, str]:
    """The first instance that each of the first faults was done to."""
    judged = summary.turbulence
    applied = [fault.name for fault in judged.faults if fault.applied][:SHOWN_FAULTS] if judged else []
    return {name: candidates.faults[name][1] for name in applied if name in candidates.faults}


def _of_scenario(aggregate: Aggregate, candidates: Sampling, scenario: str) -> Iterator[_Reasoned]:
    """Passed instances of a scenario near its percentiles, ordinary ones, and its slowest."""
    sample = candidates.scenarios[scenario]
    durations = Histogram()
    for key, series in aggregate.instances.items():
        if key.scenario == scenario and key.outcome == "passed" and is_measured(key.phase):
            durations.merge(series.duration)
    left = list(sample.passed.kept)
    for percent, us in zip(PERCENTILES, durations.percentiles(PERCENTILES), strict=True):
        if left:
            nearest = min(left, key=lambda entry: (abs(entry[2] - us), entry))
            left.remove(nearest)
            yield nearest[1], f"near p{percent} of its scenario"
    for instance_id in sample.ordinary:
        yield instance_id, "an ordinary one of its scenario"
    for _, instance_id in sample.slowest.kept:
        yield instance_id, f"one of the {SLOWEST_OF_SCENARIO} slowest of its scenario"


def _beside(candidates: Sampling, scenario: str) -> _Reasoned | None:
    """A passed instance of a scenario."""
    sample = candidates.scenarios.get(scenario)
    passed = sample.ordinary if sample else []
    return (passed[0], "an ordinary one of its scenario") if passed else None


def _in_turn(rows: Sequence[Sequence[_Reasoned]]) -> Iterator[_Reasoned]:
    """The first of every row, then the second of every row, and so on."""
    return (each for rank in zip_longest(*rows) for each in rank if each is not None)


def _room(aggregate: Aggregate) -> int:
    """For how many instances there is room, when they have as many records as all have on average."""
    steps = sum(series.count for series in aggregate.steps.values())
    requests = sum(series.count for series in aggregate.requests.values())
    assertions = sum(series.count for series in aggregate.assertions.values())
    instances = sum(series.count for series in aggregate.instances.values())
    each = (max(steps, requests) + assertions) // max(1, instances) + 1
    return max(LEAST, MOST_RECORDS // each)


def _kept(found: Mapping[int, Sequence[str]], chosen: Mapping[str, str]) -> dict[int, tuple[str, ...]]:
    told = {position: tuple(each for each in ids if each in chosen) for position, ids in found.items()}
    return {position: ids for position, ids in told.items() if ids}
