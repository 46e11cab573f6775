"""The summary as `summary.json`: the published form for machines."""

from __future__ import annotations

from windtunnel.model.summary import Summary
from windtunnel.report.model import Report
from windtunnel.report.wording import honest
from windtunnel.storage.directory import summary_text


def encode(summary: Summary) -> bytes:
    """The bytes of `summary.json`, indented."""
    return summary_text(honest(summary))


def render(report: Report) -> str:
    """`summary.json` as text."""
    return encode(report.summary).decode()
