"""Every metric, one row each: its kind and unit, what is counted, and how a record is measured.

The threshold grammar, the check of selectors, the aggregate, the summary, the report's stories and the files for
other tools read this table. A new metric is one row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from windtunnel.model.manifest import StepRow
from windtunnel.model.record import InstanceRecord, RequestFacts, Timings
from windtunnel.model.vocabulary import AggregateName, MetricType, Unit

Subject = Literal["request", "step", "check", "instance", "drop", "generator"]
"""What is counted. Each subject has its own series in `metrics/series.py`."""


class Family(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Metrics that select alike.

    `noun` names one of the things counted, `tags` are a selector's tags without the user's, and `includes` says
    whether a row of the plan is counted.
    """

    subject: Subject
    noun: str
    tags: tuple[str, ...]
    includes: Callable[[StepRow], bool] = lambda _: True


class Metric(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One metric.

    `says` is what it is, in a sentence for people. `unit` is that of its values: "us" for times, "B" for data, "%"
    for shares, "" for plain numbers. `aggregates` are what a threshold may ask for. `in_k6`: k6 has one of this
    name and meaning.

    How it is measured depends on its subject and type; only the field that is needed is set:

    | subject, type | field | from | to |
    |---|---|---|---|
    | request, trend | `times` | `Timings` of requests | microseconds of each |
    | instance, trend | `times` | `InstanceRecord`s | microseconds of each |
    | request, counter | `total` | `RequestFacts` | their sum |
    | request or instance, rate | `matches` | the key of a series | true, false, or None: not counted |
    | generator, gauge | `latest` | - | true: the last value, the mean and the highest; false: the highest alone |
    | any | `same_as` | - | the metric that this is another name of |

    A trend of steps is the duration of each, a rate of checks the share that held, a counter of drops their
    number. `opens`: time that only a new connection takes; for a reused one it is 0. The other times of requests
    are those of requests whose bytes were sent. The `count` of a rate is that of what matches; `counts_all`: of
    all.
    """

    says: str
    type: MetricType
    family: Family
    unit: Unit = ""
    aggregates: tuple[AggregateName, ...]
    in_k6: bool = True
    opens: bool = False
    times: Callable[[Sequence[Any]], list[int]] | None = None
    total: Callable[[Sequence[RequestFacts]], int] | None = None
    matches: Callable[[Any], bool | None] | None = None
    latest: bool = True
    counts_all: bool = False
    same_as: str | None = None


_STEP_TAGS = ("scenario", "group", "step", "service", "method", "phase")

REQUESTS = Family(
    subject="request",
    noun="http step",
    tags=("scenario", "group", "step", "service", "method", "status", "error", "expected_response", "phase"),
    includes=lambda row: bool(row.method),
)
STEPS = Family(
    subject="step", noun="step", tags=_STEP_TAGS, includes=lambda row: not row.assertion and not row.holds_steps
)
GROUPS = Family(subject="step", noun="group", tags=_STEP_TAGS, includes=lambda row: row.action == "group")
CHECKS = Family(subject="check", noun="step", tags=_STEP_TAGS)
ASSERTIONS = Family(subject="check", noun="assertion", tags=_STEP_TAGS, includes=lambda row: row.assertion)
INSTANCES = Family(subject="instance", noun="scenario", tags=("scenario", "phase"))
DROPS = replace(INSTANCES, subject="drop")
GENERATOR = Family(subject="generator", noun="generator", tags=())
"""The generator as a whole: its metrics have no tags."""

_OF_A_TREND: tuple[AggregateName, ...] = ("avg", "min", "max", "med", "p", "count")


def _time(
    says: str,
    family: Family,
    times: Callable[[Sequence[Any]], list[int]] | None = None,
    *,
    opens: bool = False,
    in_k6: bool = True,
) -> Metric:
    return Metric(
        says=says,
        type="trend",
        family=family,
        unit="us",
        aggregates=_OF_A_TREND,
        times=times,
        opens=opens,
        in_k6=in_k6,
    )


def _request_time(says: str, times: Callable[[Sequence[Timings]], list[int]], *, opens: bool = False) -> Metric:
    return _time(says, REQUESTS, times, opens=opens)


def _instance_time(says: str, times: Callable[[Sequence[InstanceRecord]], list[int]]) -> Metric:
    return _time(says, INSTANCES, times, in_k6=False)


def _counter(
    says: str, family: Family, total: Callable[[Sequence[RequestFacts]], int] | None = None, unit: Unit = ""
) -> Metric:
    return Metric(says=says, type="counter", family=family, unit=unit, aggregates=("count", "rate"), total=total)


def _share(
    says: str, family: Family, matches: Callable[[Any], bool | None] | None = None, *, in_k6: bool = True
) -> Metric:
    return Metric(
        says=says, type="rate", family=family, unit="%", aggregates=("rate", "count"), matches=matches, in_k6=in_k6
    )


# `iterations` is a counter in k6 and the share of passed instances here. A threshold of k6 keeps its meaning: it
# asks for the `count`, or for a `rate` that is compared with a plain number.
_PASSED = replace(
    _share(
        "Share of instances that passed; their `count` is of all of them.",
        INSTANCES,
        lambda key: key.outcome == "passed",
        in_k6=False,
    ),
    counts_all=True,
)
_DURATION = _instance_time(
    "Time of a whole instance from its start to its end, with pauses: how long the journey takes.",
    lambda ended: [each.duration_us for each in ended],
)

METRICS: Mapping[str, Metric] = {
    "http_reqs": _counter("Requests, with every attempt, poll and redirect.", REQUESTS, len),
    "http_req_failed": _share(
        "Share of requests without a complete response, or with an unexpected status: 400 and above, or not one "
        "of `expect.status_code`.",
        REQUESTS,
        lambda key: None if key.poll else key.failed,
    ),
    "http_req_duration": _request_time(
        "Time of one request on its connection: sending, waiting, receiving.",
        lambda sent: [t.send + t.wait + t.receive for t in sent],
    ),
    "http_req_blocked": _request_time(
        "Time before a connection could be used: in the queue for one, and to resolve the name.",
        lambda sent: [t.queue + t.dns for t in sent],
        opens=True,
    ),
    "http_req_connecting": _request_time("Time to connect.", lambda sent: [t.connect for t in sent], opens=True),
    "http_req_tls_handshaking": _request_time(
        "Time of the TLS handshake.", lambda sent: [t.tls for t in sent], opens=True
    ),
    "http_req_sending": _request_time("Time to send the request.", lambda sent: [t.send for t in sent]),
    "http_req_waiting": _request_time(
        "Time from the end of the request to the first byte of the response.", lambda sent: [t.wait for t in sent]
    ),
    "http_req_receiving": _request_time("Time to receive the response.", lambda sent: [t.receive for t in sent]),
    "data_sent": _counter("Bytes sent.", REQUESTS, lambda sent: sum([each.bytes_sent for each in sent]), "B"),
    "data_received": _counter(
        "Bytes received.", REQUESTS, lambda sent: sum([each.bytes_received for each in sent]), "B"
    ),
    "checks": _share("Share of checks that held, with those of assertions.", CHECKS),
    "assertions": _share("Share of assertions that held.", ASSERTIONS, in_k6=False),
    "instances": _PASSED,
    "iterations": replace(_PASSED, in_k6=True, same_as="instances", says="The name in k6 of `instances`."),
    "instance_duration": _DURATION,
    "iteration_duration": replace(
        _DURATION, in_k6=True, same_as="instance_duration", says="The name in k6 of `instance_duration`."
    ),
    "instance_response_time": _instance_time(
        "As `instance_duration`, from the time when the instance was due: in an open load, a late start counts.",
        lambda ended: [each.response_time_us for each in ended],
    ),
    "step_duration": _time(
        "Time of a step, which is what a user waits for: every attempt, redirect and poll of it, the pauses "
        "between them, and the time for a connection. Steps that hold steps are not in it.",
        STEPS,
        in_k6=False,
    ),
    "group_duration": _time("Time of a group with all its steps.", GROUPS),
    "dropped_iterations": _counter("Instances of an open load that were not started: all users were busy.", DROPS),
    "vus": Metric(
        says="Users that run, or instances in flight in an open load: at the end, on average, at most.",
        type="gauge",
        family=GENERATOR,
        aggregates=("value", "avg", "max"),
    ),
    "vus_max": Metric(
        says="The most of them at the same time.",
        type="gauge",
        family=GENERATOR,
        aggregates=("value",),
        latest=False,
    ),
    "generator_lag": _time(
        "How late the load generator itself was: its own time, not that of the service.", GENERATOR, in_k6=False
    ),
}
"""Every metric by its name, in the order of a summary."""


def own_metrics(subject: Subject, type: MetricType) -> dict[str, Metric]:
    """The rows of one subject and type that are measured: without the second names."""
    return {
        name: metric
        for name, metric in METRICS.items()
        if metric.family.subject == subject and metric.type == type and metric.same_as is None
    }
