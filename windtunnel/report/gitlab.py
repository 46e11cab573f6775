"""What GitLab reads in addition to JUnit: failures at their lines of code, and a link to the report.

`ci/gl-codequality.json` has the format of its code quality report, `ci/gl-annotations.json` that of its
annotations report.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import PurePath
from typing import Any, Literal

from windtunnel.errors import Problem
from windtunnel.figures import plural
from windtunnel.report.model import Report
from windtunnel.report.resilience import bound_name, not_held
from windtunnel.report.text import printable
from windtunnel.report.wording import error_place, honest

MAX_LINK = 2_000
"""GitLab takes 2,048 characters, and ignores a file with a longer link."""

Severity = Literal["minor", "major"]


def code_quality(report: Report) -> str:
    """The failures as text: an issue for each threshold and bound that did not hold and for each cause of failure.

    An issue needs a file of the project. A threshold of a flag or an input is at the file with the settings of the
    job; failures outside of the project are skipped.
    """
    summary = honest(report.summary)
    issues: list[dict[str, Any]] = []
    for result in summary.thresholds:
        file = report.settings_file if result.origin == "flag" and not result.file else result.file
        if result.result != "pass" and _in_project(file):
            said = result.reason or result.name
            issues.append(_issue("threshold", result.name, said, "major", file, result.line))
    for bound in not_held(summary.turbulence.bounds) if summary.turbulence else ():
        if _in_project(bound.file):
            said = bound.reason or bound_name(bound)
            issues.append(_issue("resilience", bound_name(bound), said, "major", bound.file, bound.line))
    for fault in summary.turbulence.faults if summary.turbulence else ():
        if not fault.applied and _in_project(fault.file):
            said = f'the fault "{fault.name}" was never done'
            issues.append(_issue("resilience", fault.name, said, "major", fault.file, fault.line))
    severity: Severity = "major" if summary.verdict == "fail" else "minor"
    for group in summary.errors:
        if _in_project(group.file):
            place = error_place(group)
            what = f"{group.scenario}\n{place}\n{group.cause}"
            said = f"{place}: {plural(group.count, 'time')} {group.cause}: {group.example}"
            issues.append(_issue("step", what, said, severity, group.file, group.line))
    return _as_text(issues)


def code_quality_of_problems(problems: Iterable[Problem], settings_file: str) -> str:
    """The problems of a job that ran nothing, as text; those of flags and inputs at the file with its settings."""
    issues = []
    for problem in problems:
        where = problem.where
        inside = where is not None and _in_project(where.file)
        said = f"{problem.text}; {problem.hint}" if problem.hint else problem.text
        if where and not inside:
            said = f"{where}: {said}"
        file, line = (where.file, where.line) if where and inside else (settings_file, None)
        issues.append(_issue("invalid", problem.text, said, "major", file, line))
    return _as_text(issues)


def _as_text(issues: Iterable[dict[str, Any]]) -> str:
    unique = {issue["fingerprint"]: issue for issue in issues}
    return json.dumps(list(unique.values()), indent=2) + "\n"


def external_links(report: Report) -> str:
    """The link as text: an empty object when the address of the report is unknown."""
    url = report.url
    links = [{"external_link": {"label": "Windtunnel report", "url": url}}] if 0 < len(url) <= MAX_LINK else []
    return json.dumps({"Windtunnel": links} if links else {}, indent=2) + "\n"


def _issue(
    check: Literal["threshold", "resilience", "step", "invalid"],
    what: str,
    said: str,
    severity: Severity,
    file: str | None,
    line: int | None,
) -> dict[str, Any]:
    # The fingerprint leaves figures out: the same failure in the next run is the same issue.
    identity = f"{check}\n{file}\n{what}".encode("utf-8", "replace")
    return {
        "description": printable(said, limit=1_000),
        "check_name": f"windtunnel-{check}",
        "fingerprint": hashlib.sha256(identity).hexdigest(),
        "severity": severity,
        "location": {"path": printable(file or ""), "lines": {"begin": line or 1}},
    }


def _in_project(file: str | None) -> bool:
    return bool(file) and not PurePath(file or "").is_absolute() and ".." not in PurePath(file or "").parts
