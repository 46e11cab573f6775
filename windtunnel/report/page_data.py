"""The data of the page's script: JSON, compressed, as text that stands in the page. The same bytes each time.

Text in it is cleaned as all text of the page is; the script inserts it as text only.
"""

from __future__ import annotations

import base64
import zlib
from typing import Any

import msgspec

from windtunnel.model.summary import ErrorGroup, StepSummary, Summary
from windtunnel.report.text import printable

_GZIP = 16 + zlib.MAX_WBITS
_LONGEST_NAME = 80
_LONGEST_CAUSE = 300


def document(summary: Summary) -> str:
    """The part that is read first: what there is, without its numbers over time."""
    return packed(
        {
            "run": {
                "id": summary.run_id,
                "started": summary.run.started,
                "duration_s": summary.run.duration_s,
            },
            "steps": [_step(row) for row in summary.steps],
            "causes": [_cause(group) for group in summary.errors],
        }
    )


def packed(value: Any) -> str:
    """A value as JSON, gzip and base64; without a time in it."""
    squeezed = zlib.compressobj(level=6, wbits=_GZIP)
    return base64.b64encode(squeezed.compress(msgspec.json.encode(value)) + squeezed.flush()).decode()


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
