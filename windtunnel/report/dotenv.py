"""`ci/windtunnel.env`: the outcome as variables, for a dotenv report of GitLab or a shell's `source`."""

from __future__ import annotations

import re

from windtunnel.report.model import Report
from windtunnel.report.wording import honest

_SAFE = re.compile(r"[A-Za-z0-9_.:/+-]{0,1000}")
"""What GitLab takes and no shell expands: no blanks, no quotes."""


def outcome(report: Report) -> dict[str, str]:
    """The outcome in a few words and numbers; those that nothing was measured for are empty."""
    summary = honest(report.summary)
    failed = summary.metrics.get("http_req_failed")
    times = summary.metrics.get("http_req_duration")
    requests = summary.metrics.get("http_reqs")
    p95 = times.distribution.p95 if times and times.distribution and times.distribution.count else None
    return {
        "verdict": summary.verdict,
        "exit-code": str(summary.exit_code),
        "run-id": summary.run_id,
        "thresholds-total": str(len(summary.thresholds)),
        "thresholds-failed": str(sum(result.result == "fail" for result in summary.thresholds)),
        "instances": str(summary.run.instances),
        "requests": str(requests.count if requests else 0),
        "error-rate": "" if failed is None or failed.rate is None else f"{failed.rate:.6g}",
        "p95-ms": "" if p95 is None else f"{p95:.6g}",
    }


def render(report: Report) -> str:
    """The file as text: no blank line, no comment, and empty what can't be written without quotes."""
    values = {**outcome(report), "report-dir": report.directory}
    return "".join(
        f"WINDTUNNEL_{name.replace('-', '_').upper()}={value if _SAFE.fullmatch(value) else ''}\n"
        for name, value in values.items()
    )
