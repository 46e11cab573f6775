"""A run that another is compared with: the part of its summary that is needed."""

from __future__ import annotations

import msgspec

from windtunnel.model.summary import Distribution, MetricSummary, Summary
from windtunnel.model.vocabulary import VerdictWord


class BaselineRun(msgspec.Struct, frozen=True, kw_only=True):
    """Which run it was."""

    load: str = ""
    started: float = 0.0
    commit: str | None = None
    shard: str = ""


class BaselineStep(msgspec.Struct, frozen=True, kw_only=True):
    """A row of its step table."""

    scenario: str
    step: str
    count: int
    failed: int
    errored: int
    requests: int
    latency: Distribution


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of a `summary.json`, of whichever version: fields that are not needed are not looked at."""

    run_id: str
    verdict: VerdictWord
    run: BaselineRun
    metrics: dict[str, MetricSummary]
    steps: list[BaselineStep]

    @classmethod
    def of(cls, summary: Summary) -> Baseline:
        """That of a summary at hand."""
        return msgspec.convert(summary, cls, from_attributes=True)
