"""The outcome of a run in a few figures: `ci/windtunnel.env`, and the outputs of a step of a workflow."""

from __future__ import annotations

import re

from windtunnel.model.summary import Summary
from windtunnel.report.model import Report
from windtunnel.report.wording import honest

_SAFE = re.compile(r"[A-Za-z0-9_.:/+-]{0,1000}")
"""What GitLab takes and no shell expands: no blanks, no quotes."""


def key_figures(summary: Summary) -> dict[str, int | float | None]:
    """The figures by name; None where nothing was measured."""
    failed, durations = summary.metrics.get("http_req_failed"), summary.metrics.get("http_req_duration")
    requests = summary.metrics.get("http_reqs")
    spread = durations.distribution if durations else None
    return {
        "thresholds-total": len(summary.thresholds),
        "thresholds-failed": sum(threshold.result == "fail" for threshold in summary.thresholds),
        "instances": summary.run.instances,
        "requests": requests.count if requests else 0,
        "error-rate": failed.rate if failed and failed.count else None,
        "p95-ms": spread.p95 if spread and spread.count else None,
        "time-to-recover-s": summary.turbulence.time_to_recover_s if summary.turbulence else None,
    }


def plain(value: float | None) -> str:
    """A figure for a shell, which compares no exponents: up to six decimals, empty for None."""
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else f"{value:.6f}".rstrip("0").rstrip(".")


def outcome(report: Report) -> dict[str, str]:
    """The verdict, the ids and the figures, each as plain text."""
    summary = honest(report.summary)
    figures = {name: plain(value) for name, value in key_figures(summary).items()}
    return {
        "verdict": summary.verdict,
        "exit-code": str(summary.exit_code),
        "run-id": summary.run_id,
        "resilience": summary.turbulence.word if summary.turbulence else "",
        **figures,
        "report-dir": report.directory,
    }


def render(report: Report) -> str:
    """The file as text: a line for each value, without blank lines or comments; an unsafe value is left empty."""
    return "".join(
        f"WINDTUNNEL_{name.replace('-', '_').upper()}={value if _SAFE.fullmatch(value) else ''}\n"
        for name, value in outcome(report).items()
    )
