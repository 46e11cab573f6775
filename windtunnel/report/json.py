"""The summary as `summary.json`: the published form for machines."""

from __future__ import annotations

import msgspec

from windtunnel.model.summary import Summary
from windtunnel.report.model import Report
from windtunnel.report.wording import honest


def encode(summary: Summary) -> bytes:
    """The bytes of `summary.json`, indented."""
    return msgspec.json.format(msgspec.json.encode(honest(summary)))


def render(report: Report) -> str:
    """`summary.json` as text."""
    return encode(report.summary).decode()
