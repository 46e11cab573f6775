"""A threshold: a condition on the metrics of the whole run."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from windtunnel.errors import Location
from windtunnel.model.vocabulary import AggregateName, Operator, ThresholdOrigin, Unit

OF_FAILURES = frozenset({"instances", "iterations", "checks", "assertions", "http_req_failed"})
"""The metrics that count failures. A threshold on one of them replaces the implied one."""

_NEEDS_QUOTES = re.compile(r"""[,{}"']""").search


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """`metric{tags}: aggregate op limit`, parsed.

    `aggregate` is one of avg, min, max, med, p, count, rate, value; `percentile` (0 to 100) goes with p.
    `limit` is in the unit the metric is counted in: microseconds for times, bytes for data, a fraction of 1
    for rates of shares, plain numbers otherwise. `unit` is how the limit is printed: "us", "%", "B", "/s",
    "B/s" or "". With `within_s` the condition must hold in every window of so many seconds. With `abort` the run
    ends as soon as it is known not to hold, but not in the first `after_s` seconds.

    Where the limit follows from a baseline it is the baseline's figure * `baseline_times` + `baseline_plus`, and
    `limit` means nothing.
    """

    metric: str
    aggregate: AggregateName
    op: Operator
    limit: float
    unit: Unit = ""
    percentile: float | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    origin: ThresholdOrigin = "plan"
    where: Location | None = None
    min_samples: int | None = None
    within_s: float | None = None
    abort: bool = False
    after_s: float = 0.0
    baseline_times: float | None = None
    baseline_plus: float = 0.0

    @property
    def selector(self) -> str:
        """The metric with its tags: `http_req_duration{step:add_to_cart}`. The grammar reads it back as it was."""
        if not self.tags:
            return self.metric
        return f"{self.metric}{{{','.join(f'{k}:{in_selector(k, v)}' for k, v in self.tags.items())}}}"

    @property
    def replaces_implied(self) -> bool:
        """Whether this threshold takes the place of the implied one (rule 2)."""
        return self.metric in OF_FAILURES


def in_selector(tag: str, value: str) -> str:
    """A value of a tag, in quotes where the grammar or a reader of the text would take it for something else."""
    if tag == "group" and value.startswith("::"):
        value = f"::{value}"  # the first one is k6's
    if value.isprintable() and value == value.strip() and not _NEEDS_QUOTES(value):
        return value
    # Invisible characters by their number: they get lost on the way to a terminal and a report.
    return "".join(
        each if each.isprintable() or each == '"' else json.dumps(each)[1:-1]
        for each in json.dumps(value, ensure_ascii=False)
    )


IMPLIED = Threshold(
    metric="instances",
    aggregate="rate",
    op="==",
    limit=1.0,
    unit="%",
    text="rate == 100%",
    origin="implied",
)
"""Every instance must pass, unless a user's threshold is on instances, checks, assertions or failed requests."""
