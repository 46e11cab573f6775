"""Every renderer. A new one is a module and a row of the table."""

from __future__ import annotations

from collections.abc import Callable

from windtunnel.report import (
    dotenv,
    gitlab,
    html,
    json,
    junit,
    k6_summary,
    markdown,
    openmetrics,
    terminal,
)
from windtunnel.report.model import Report

Renderer = Callable[[Report], str]

RENDERERS: dict[str, tuple[str, Renderer]] = {
    "html": ("report.html", html.render),
    "markdown": ("summary.md", markdown.render),
    "json": ("summary.json", json.render),
    "terminal": ("summary.txt", terminal.render),
    "junit": ("junit.xml", junit.render),
    "openmetrics": ("metrics.prom", openmetrics.render),
    "k6": ("ci/load-performance.json", k6_summary.render),
    "code-quality": ("ci/gl-codequality.json", gitlab.code_quality),
    "external-links": ("ci/gl-annotations.json", gitlab.external_links),
    "dotenv": ("ci/windtunnel.env", dotenv.render),
}
"""Name -> (file name in the run directory, Report -> text). All but the terminal's are written after a run."""
