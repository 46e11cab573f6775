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

    `unit` is that of its values: "us" for times, "B" for data, "%" for shares, "" for plain numbers. `aggregates`
    are what a threshold may ask for. `in_k6`: k6 has a metric of this name and meaning.

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
    family: Family,
    times: Callable[[Sequence[Any]], list[int]] | None = None,
    *,
    opens: bool = False,
    in_k6: bool = True,
) -> Metric:
    return Metric(
        type="trend", family=family, unit="us", aggregates=_OF_A_TREND, times=times, opens=opens, in_k6=in_k6
    )


def _request_time(times: Callable[[Sequence[Timings]], list[int]], *, opens: bool = False) -> Metric:
    return _time(REQUESTS, times, opens=opens)


def _instance_time(times: Callable[[Sequence[InstanceRecord]], list[int]]) -> Metric:
    return _time(INSTANCES, times, in_k6=False)


def _counter(
    family: Family, total: Callable[[Sequence[RequestFacts]], int] | None = None, unit: Unit = ""
) -> Metric:
    return Metric(type="counter", family=family, unit=unit, aggregates=("count", "rate"), total=total)


def _share(family: Family, matches: Callable[[Any], bool | None] | None = None, *, in_k6: bool = True) -> Metric:
    return Metric(type="rate", family=family, unit="%", aggregates=("rate", "count"), matches=matches, in_k6=in_k6)


# `iterations` is a counter in k6 and the share of passed instances here. A threshold of k6 keeps its meaning: it
# asks for the `count`, or for a `rate` that is compared with a plain number.
_PASSED = replace(_share(INSTANCES, lambda key: key.outcome == "passed", in_k6=False), counts_all=True)
_DURATION = _instance_time(lambda ended: [each.duration_us for each in ended])

METRICS: Mapping[str, Metric] = {
    "http_reqs": _counter(REQUESTS, len),
    "http_req_failed": _share(REQUESTS, lambda key: None if key.poll else key.failed),
    "http_req_duration": _request_time(lambda sent: [t.send + t.wait + t.receive for t in sent]),
    "http_req_blocked": _request_time(lambda sent: [t.queue + t.dns for t in sent], opens=True),
    "http_req_connecting": _request_time(lambda sent: [t.connect for t in sent], opens=True),
    "http_req_tls_handshaking": _request_time(lambda sent: [t.tls for t in sent], opens=True),
    "http_req_sending": _request_time(lambda sent: [t.send for t in sent]),
    "http_req_waiting": _request_time(lambda sent: [t.wait for t in sent]),
    "http_req_receiving": _request_time(lambda sent: [t.receive for t in sent]),
    "data_sent": _counter(REQUESTS, lambda sent: sum([each.bytes_sent for each in sent]), "B"),
    "data_received": _counter(REQUESTS, lambda sent: sum([each.bytes_received for each in sent]), "B"),
    "checks": _share(CHECKS),
    "assertions": _share(ASSERTIONS, in_k6=False),
    "instances": _PASSED,
    "iterations": replace(_PASSED, in_k6=True, same_as="instances"),
    "instance_duration": _DURATION,
    "iteration_duration": replace(_DURATION, in_k6=True, same_as="instance_duration"),
    "instance_response_time": _instance_time(lambda ended: [each.response_time_us for each in ended]),
    "step_duration": _time(STEPS, in_k6=False),
    "group_duration": _time(GROUPS),
    "dropped_iterations": _counter(DROPS),
    "vus": Metric(type="gauge", family=GENERATOR, aggregates=("value", "avg", "max")),
    "vus_max": Metric(type="gauge", family=GENERATOR, aggregates=("value",), latest=False),
    "generator_lag": _time(GENERATOR, in_k6=False),
}
"""Every metric by its name, in the order of a summary."""


def own_metrics(subject: Subject, type: MetricType) -> dict[str, Metric]:
    """The rows of one subject and type that are measured: without the second names."""
    return {
        name: metric
        for name, metric in METRICS.items()
        if metric.family.subject == subject and metric.type == type and metric.same_as is None
    }
