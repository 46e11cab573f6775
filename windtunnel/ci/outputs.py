"""The action's outputs, as `action.yml` declares them, from the summary and the files of the run."""

from __future__ import annotations

from pathlib import Path

import msgspec

from windtunnel.ci.workspace import Workspace
from windtunnel.model.resilience import Resilience
from windtunnel.model.summary import Summary
from windtunnel.model.vocabulary import VerdictWord
from windtunnel.report.dotenv import key_figures, plain
from windtunnel.report.text import LONGEST_REASON, printable

FILES = {
    "report-html": "report.html",
    "summary-json": "summary.json",
    "summary-md": "summary.md",
    "junit": "junit.xml",
}
"""Output -> the file in the run directory that it names."""

OUTPUT_NAMES = (
    *("verdict", "exit-code", "run-id", "report-dir", *FILES),
    *("thresholds-total", "thresholds-failed", "instances", "requests", "error-rate", "p95-ms"),
    *("resilience", "time-to-recover-s", "json"),
)
"""Every output, as `action.yml` names it."""

_MAX_ITEMS = 50
_MAX_LENGTH = 500


def outputs_of(
    verdict: VerdictWord, exit_code: int, *, summary: Summary | None, directory: Path | None, workspace: Workspace
) -> dict[str, str]:
    """Every output; one without a value, as without a run, is empty."""
    outputs = dict.fromkeys(OUTPUT_NAMES, "")
    outputs |= {"verdict": verdict, "exit-code": str(exit_code)}
    if directory is not None:
        outputs["report-dir"] = _path(directory, workspace)
        for output, name in FILES.items():
            if (directory / name).is_file():
                outputs[output] = _path(directory / name, workspace)
    figures = key_figures(summary) if summary else {}
    if summary:
        outputs["run-id"] = summary.run_id
        outputs |= {name: plain(value) for name, value in figures.items()}
        outputs["resilience"] = summary.turbulence.word if summary.turbulence else ""
    of_json = {name.replace("-", "_"): value for name, value in figures.items()}
    outputs["json"] = msgspec.json.encode(
        {
            "verdict": verdict,
            "exit_code": exit_code,
            "run_id": outputs["run-id"],
            "resilience": outputs["resilience"] or None,
            **of_json,
            "reasons": [printable(reason, limit=LONGEST_REASON) for reason in summary.reasons[:_MAX_ITEMS]]
            if summary
            else [],
            "thresholds": _thresholds(summary) if summary else [],
            "bounds": _bounds(summary.turbulence) if summary and summary.turbulence else [],
        }
    ).decode()
    return outputs


def _path(path: Path, workspace: Workspace) -> str:
    """The path relative to the workspace, which a container mounts elsewhere than later steps see it."""
    return workspace.path_of(path) or str(path)


def _thresholds(summary: Summary) -> list[dict[str, object]]:
    return [
        {
            "selector": printable(threshold.selector, limit=_MAX_LENGTH),
            "condition": threshold.condition,
            "result": threshold.result,
            "measured": threshold.measured,
            "samples": threshold.samples,
        }
        for threshold in summary.thresholds[:_MAX_ITEMS]
    ]


def _bounds(judged: Resilience) -> list[dict[str, object]]:
    """What had to hold in a run with faults, what did not first."""
    ranked = sorted(judged.bounds, key=lambda bound: bound.result == "held")
    return [
        {
            "name": printable(bound.name, limit=_MAX_LENGTH),
            "condition": printable(bound.condition, limit=_MAX_LENGTH),
            "result": bound.result,
            "measured": printable(bound.measured, limit=_MAX_LENGTH),
        }
        for bound in ranked[:_MAX_ITEMS]
    ]
