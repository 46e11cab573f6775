"""What GitLab says about the job we run in, and where it will show what the job leaves behind.

The variables are those of GitLab's page "Predefined CI/CD variables reference".
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote


def artifact_url(environment: Mapping[str, str], file: Path) -> str:
    """Where a file of the project is reached once it is an artifact of this job; empty outside of GitLab."""
    job, project = environment.get("CI_JOB_URL", ""), environment.get("CI_PROJECT_DIR", "")
    path, root = file.absolute(), Path(project)
    if not environment.get("GITLAB_CI") or not job.startswith(("https://", "http://")) or not project:
        return ""
    return f"{job}/artifacts/file/{quote(path.relative_to(root).as_posix())}" if path.is_relative_to(root) else ""
