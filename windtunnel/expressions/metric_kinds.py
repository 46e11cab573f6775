"""The metrics a threshold may name, what can be asked of each, and the unit its limit is held in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricKind:
    """What a metric is made of.

    `type` is trend, rate, counter or gauge, as in the summary; `unit` is that of its values: "us" for times,
    "B" for data, "%" for shares, "" for plain numbers. `aggregates` are what a threshold may ask for.
    """

    type: str
    unit: str = ""
    aggregates: tuple[str, ...]


_OF_A_TREND = ("avg", "min", "max", "med", "p", "count")
_TIME = MetricKind(type="trend", unit="us", aggregates=_OF_A_TREND)
_SHARE = MetricKind(type="rate", unit="%", aggregates=("rate",))
# `iterations` is a counter in k6 and the share of passed instances here: its `count` pastes over, and so does a
# `rate` that is compared with a plain number.
_INSTANCES = MetricKind(type="rate", unit="%", aggregates=("rate", "count"))
_COUNTER = MetricKind(type="counter", aggregates=("count", "rate"))
_DATA = MetricKind(type="counter", unit="B", aggregates=("count", "rate"))
_GAUGE = MetricKind(type="gauge", aggregates=("value",))

METRICS: dict[str, MetricKind] = {
    "http_reqs": _COUNTER,
    "http_req_failed": _SHARE,
    "http_req_duration": _TIME,
    "http_req_blocked": _TIME,
    "http_req_connecting": _TIME,
    "http_req_tls_handshaking": _TIME,
    "http_req_sending": _TIME,
    "http_req_waiting": _TIME,
    "http_req_receiving": _TIME,
    "data_sent": _DATA,
    "data_received": _DATA,
    "checks": _SHARE,
    "assertions": _SHARE,
    "instances": _INSTANCES,
    "iterations": _INSTANCES,
    "instance_duration": _TIME,
    "iteration_duration": _TIME,
    "instance_response_time": _TIME,
    "step_duration": _TIME,
    "group_duration": _TIME,
    "dropped_iterations": _COUNTER,
    "vus": _GAUGE,
    "vus_max": _GAUGE,
    "generator_lag": _TIME,
}
