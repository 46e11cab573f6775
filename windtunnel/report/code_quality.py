"""`ci/gl-codequality.json`: what failed, at its line, as GitLab's code quality report has it."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from windtunnel.report.model import Report
from windtunnel.report.text import printable
from windtunnel.report.wording import honest

__all__ = ["render"]


def render(report: Report) -> str:
    """The file as text: an issue for each threshold and each cause of failure that has a place in a file."""
    summary = honest(report.summary)
    rows = {(row.scenario, row.step): row for row in summary.steps}
    issues = [
        _issue("threshold", result.reason or f"{result.selector}: {result.condition}", result.file, result.line)
        for result in summary.thresholds
        if result.result != "pass"
    ]
    for group in summary.errors:
        row = rows.get((group.scenario, group.step))
        said = f"{group.step}: {group.count:,} times {group.cause}: {group.example}"
        issues.append(_issue("step", said, row.file if row else None, row.line if row else None))
    unique = {issue["fingerprint"]: issue for issue in issues if issue is not None}
    return json.dumps(list(unique.values()), indent=2) + "\n"


def _issue(check: str, said: str, file: str | None, line: int | None) -> dict[str, Any] | None:
    if not file:
        return None
    description = printable(said, limit=1_000)
    return {
        "description": description,
        "check_name": f"windtunnel-{check}",
        "fingerprint": hashlib.sha256(f"{check}\n{file}\n{description}".encode("utf-8", "replace")).hexdigest(),
        "severity": "major",
        "location": {"path": file, "lines": {"begin": line or 1}},
    }
