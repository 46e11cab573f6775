"""What is said before a run begins about what it will not do, or not for as long as was asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from windtunnel.engine.load.forecast import RowsForecast, forecast
from windtunnel.engine.plan import Plan
from windtunnel.model.plan import TestPlan


def left_out_notes(thresholds: Sequence[str]) -> Iterator[str]:
    """That thresholds on scenarios which do not run judge nothing."""
    for threshold in thresholds:
        yield f"not judged: {threshold} (--only and --skip leave out what it is about)"


def row_notes(test_plan: TestPlan, plan: Plan) -> Iterator[str]:
    """That a data file ends the load, or makes errors of instances."""
    if not test_plan.data:
        return
    for part in forecast(test_plan, plan):
        for rows in part.rows:
            if rows.ends:
                yield f"{_named(rows)} end the load after {part.instances:,} instances"
            elif rows.on_end == "fail" and rows.needed is not None and rows.needed > rows.rows:
                yield f"warning: {_named(rows)} are too few for {rows.needed:,} instances: the rest will be errors"


def _named(rows: RowsForecast) -> str:
    return f"the {rows.rows:,} rows of {rows.file}"
