"""A pipeline of GitLab, run by gitlab-ci-local with its shell executor: no container, and no GitLab."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.podman import Answer, finished

STATE = ".gitlab-ci-local"

LOST_RACE = "File exists (17)"
"""gitlab-ci-local copies the artifacts of parallel jobs at the same time; two links of one name may meet."""


class Pipeline:
    """A pipeline that has ended."""

    def __init__(self, folder: Path, answer: Answer) -> None:
        self.folder, self.answer = folder, answer

    @property
    def told(self) -> str:
        """The end of what it said, for the message of a failed test."""
        return self.answer.stdout[-4000:] + self.answer.stderr[-2000:]

    @property
    def lost_race(self) -> bool:
        """Whether gitlab-ci-local itself failed."""
        return LOST_RACE in self.answer.stderr + self.answer.stdout

    def artifacts(self, job: str) -> list[Path]:
        """The artifacts of a job; several folders where it ran as several."""
        return sorted((self.folder / STATE / "artifacts").glob(f"{job}*"))

    def summary(self, job: str, output: str = "windtunnel-report") -> dict[str, Any]:
        """The summary that a job kept."""
        [folder] = self.artifacts(job)
        summary: dict[str, Any] = json.loads((folder / output / "latest/summary.json").read_text())
        return summary


def run_pipeline(tools: Path, folder: Path, variables: Mapping[str, str]) -> Pipeline:
    """Run `.gitlab-ci.yml` of a repository. The jobs' image is the environment of this interpreter."""
    # It works out the project's name from the remote, and never asks it for anything.
    finished(["git", "remote", "add", "origin", "https://gitlab.example/windtunnel/action.git"], folder=folder)
    program = str(tools.parent / "node_modules/.bin/gitlab-ci-local")
    command = [program, "--force-shell-executor", "--shell-isolation", "--no-artifacts-to-source"]
    command += ["--concurrency", "6"]  # shards are parts of one load if they run at the same time
    for name, value in variables.items():
        command += ["--variable", f"{name}={value}"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    answer = finished(
        command,
        folder=folder,
        environment={"PATH": path, "HOME": str(folder.parent), "NO_COLOR": "1", "FORCE_COLOR": "0"},
        timeout_s=300,
    )
    return Pipeline(folder, answer)
