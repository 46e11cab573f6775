"""Every form a report can take, written out. A new one is a module here and a row in the table."""

from __future__ import annotations

from collections.abc import Callable

from windtunnel.report import html, json, markdown, terminal
from windtunnel.report.model import Report

__all__ = ["RENDERERS", "Renderer"]

Renderer = Callable[[Report], str]

RENDERERS: dict[str, tuple[str, Renderer]] = {
    "html": ("report.html", html.render),
    "markdown": ("summary.md", markdown.render),
    "json": ("summary.json", json.render),
    "terminal": ("summary.txt", terminal.render),
}
"""Name -> (file name in the run directory, Report -> text). Only the terminal's is not written by itself."""
