"""`ci/gl-annotations.json`: a link to the report on the page of the job, as GitLab's annotations report has it."""

from __future__ import annotations

import json

from windtunnel.report.model import Report

LONGEST = 2_000
"""GitLab takes 2,048 characters, and nothing of a file with a longer link."""


def render(report: Report) -> str:
    """The file as text: an empty object when nobody knows where the report can be reached."""
    url = report.url
    links = [{"external_link": {"label": "Windtunnel report", "url": url}}] if 0 < len(url) <= LONGEST else []
    return json.dumps({"Windtunnel": links} if links else {}, indent=2) + "\n"
