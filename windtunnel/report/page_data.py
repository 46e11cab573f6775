"""The data of the page's script: JSON, compressed, as text in the page. The same bytes each time.

Text in it is cleaned as all text of the page is; the script inserts it as text only.
"""

from __future__ import annotations

import base64
import zlib
from typing import Any

import msgspec

from windtunnel.model.summary import ErrorGroup, StepSummary, Summary
from windtunnel.report.course import CourseBand
from windtunnel.report.cube_data import page_cube
from windtunnel.report.model import Report
from windtunnel.report.sample_data import samples
from windtunnel.report.text import printable

_GZIP = 16 + zlib.MAX_WBITS
_LONGEST_NAME = 80
_LONGEST_CAUSE = 300


def parts(report: Report, summary: Summary) -> dict[str, str]:
    """The parts by name.

    `doc` says what there is; `cube` has the numbers over time, where there are any; `samples` are the instances.
    """
    course = report.course
    doc: dict[str, Any] = {
        "run": {"id": summary.run_id, "started": summary.run.started, "duration_s": summary.run.duration_s},
        "steps": [_step(row) for row in summary.steps],
        "causes": [_cause(group) for group in summary.errors],
        "bands": [_band(band, course.started - summary.run.started) for band in course.bands],
    }
    if not course.buckets:
        return {"doc": packed(doc), "samples": packed(samples(report))}
    counted = page_cube(course, summary)
    return {
        "doc": packed(doc | {"axis": counted.axis}),
        "cube": packed(counted.counts),
        "samples": packed(samples(report)),
    }


def packed(value: Any) -> str:
    """A value as JSON, gzip and base64; without a time in it."""
    squeezed = zlib.compressobj(level=6, wbits=_GZIP)
    return base64.b64encode(squeezed.compress(msgspec.json.encode(value)) + squeezed.flush()).decode()


def _band(band: CourseBand, later_s: float) -> dict[str, Any]:
    """`later_s` is how long after the start of the run the axis of time begins."""
    return {
        "kind": band.kind,
        "name": printable(band.name, limit=_LONGEST_NAME),
        "level": printable(band.level, limit=_LONGEST_NAME),
        "from_s": later_s + band.from_s,
        "to_s": later_s + band.to_s,
    }


def _step(row: StepSummary) -> dict[str, Any]:
    return {
        "scenario": printable(row.scenario, limit=_LONGEST_NAME),
        "step": printable(row.step, limit=_LONGEST_NAME),
        "action": printable(row.action, limit=_LONGEST_NAME),
        "depth": row.depth,
    }


def _cause(group: ErrorGroup) -> dict[str, Any]:
    return {
        "scenario": printable(group.scenario, limit=_LONGEST_NAME),
        "step": printable(group.step, limit=_LONGEST_NAME),
        "cause": printable(group.cause, limit=_LONGEST_CAUSE),
        "outcome": group.outcome,
        "example": printable(group.example, limit=_LONGEST_CAUSE),
    }
