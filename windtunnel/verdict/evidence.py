"""The evidence of a load: whether anything was tested at all, and which scenarios never were.

An instance that passes proves nothing by itself: its steps may have been skipped. In the measured phase count:

a request of the load           that got a complete response, whatever its status
a check of the user's code      `user.check`, `step.check` or `context.check`, also without any request
a check of a plugin's step      one that the step brings itself, such as of a row in a database

An `assert` needs a response, and so adds nothing to the request that brought it.
"""

from __future__ import annotations

from windtunnel.figures import plural
from windtunnel.metrics.aggregate import Aggregate
from windtunnel.metrics.measure import COMPLETED
from windtunnel.metrics.series import RequestKey
from windtunnel.model.load import WARMUP, is_measured
from windtunnel.model.manifest import Manifest
from windtunnel.model.vocabulary import Outcome

_CHECK_RESPONSES = frozenset({"http", "wait", "assert"})
"""Step types whose checks are of responses. Those of any other type are of what its own code found."""


def nothing_tested(aggregate: Aggregate) -> str | None:
    """Why the instances of the load are no evidence; None when something was tested."""
    if tested(aggregate):
        return None
    found = (
        "nothing was tested: no request of the measured load got a complete response, and no code checked anything"
    )
    outside = {key.phase for key in aggregate.requests if _is_answered(key) and not is_measured(key.phase)}
    if outside:
        found += f"; responses outside the measured load do not count ({', '.join(sorted(outside))})"
    skipped = _steps_skipped(aggregate)
    if skipped:
        found += f"; {plural(skipped, 'step')} {'was' if skipped == 1 else 'were'} skipped by `when`"
    return f"{found}; send a request in the flow, or check something in Python (`user.check`)"


def tested(aggregate: Aggregate) -> frozenset[str]:
    """The scenarios in whose measured instances something was tested."""
    responses = {key.scenario for key in aggregate.requests if _is_answered(key) and is_measured(key.phase)}
    checks = {
        key.scenario for key, series in aggregate.assertions.items() if series.own and is_measured(key.phase)
    }
    # The checks of a step whose requests got no response say no more than that.
    sending = {(key.phase, key.scenario, key.step) for key in aggregate.requests}
    own = {
        key.scenario
        for key, series in aggregate.steps.items()
        if series.checks
        and series.action not in _CHECK_RESPONSES
        and _is_completed(key.phase, key.outcome)
        and (key.phase, key.scenario, key.step) not in sending
    }
    return frozenset(responses | checks | own)


def _is_answered(key: RequestKey) -> bool:
    """Whether these requests got a complete response: one that broke off has a status and an error."""
    return bool(key.status) and not key.error


def _steps_skipped(aggregate: Aggregate) -> int:
    return sum(
        series.count
        for key, series in aggregate.steps.items()
        if key.outcome == "skipped" and is_measured(key.phase)
    )


def never_completed(manifest: Manifest, aggregate: Aggregate) -> dict[str, str]:
    """The planned scenarios without a completed instance in the measured load, each with why."""
    completed = _completed(aggregate)
    return {
        scenario: f"scenario {scenario} {_what_became_of(scenario, aggregate)}"
        for scenario in manifest.scenarios
        if scenario not in completed
    }


def completed_untested(aggregate: Aggregate) -> list[str]:
    """A sentence for each scenario that tested nothing, in a load that did test something."""
    with_evidence = tested(aggregate)
    return [
        f"scenario {scenario} tested nothing: no request of it got a complete response, and no code of it checked "
        "anything"
        for scenario in sorted(_completed(aggregate) - with_evidence)
        if with_evidence
    ]


def _completed(aggregate: Aggregate) -> set[str]:
    return {key.scenario for key in aggregate.instances if _is_completed(key.phase, key.outcome)}


def _is_completed(phase: str, outcome: Outcome) -> bool:
    return is_measured(phase) and outcome in COMPLETED


def _what_became_of(scenario: str, aggregate: Aggregate) -> str:
    interrupted = warmed_up = 0
    for key, series in aggregate.instances.items():
        if key.scenario == scenario and is_measured(key.phase):
            interrupted += series.count
        elif key.scenario == scenario and key.phase.startswith(WARMUP):
            warmed_up += series.count
    dropped = sum(
        count for (phase, of), count in aggregate.dropped.items() if of == scenario and is_measured(phase)
    )
    if interrupted:
        return f"was not tested: {plural(interrupted, 'instance')} of it started and none ran to its end"
    if dropped:
        return f"never ran: {plural(dropped, 'arrival')} of it found no free slot; raise max_parallel"
    if warmed_up:
        return "was not tested: it ran in warm-up stages only; run the load longer"
    return "never ran: the load was too short for it; run more instances, or leave it out with --skip"
