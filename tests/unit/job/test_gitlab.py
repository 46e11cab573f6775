"""What GitLab says about its jobs."""

from __future__ import annotations

from pathlib import Path

import pytest

from windtunnel.job.ci_environment import artifact_url

JOB = {
    "GITLAB_CI": "true",
    "CI_JOB_URL": "https://gitlab.example/shop/-/jobs/7",
    "CI_PROJECT_DIR": "/builds/shop",
}


def test_a_file_of_the_project_is_reached_as_an_artifact_of_the_job() -> None:
    assert artifact_url(JOB, Path("/builds/shop/runs/a b/report.html")) == (
        "https://gitlab.example/shop/-/jobs/7/artifacts/file/runs/a%20b/report.html"
    )


@pytest.mark.parametrize(
    "environment",
    [{}, {**JOB, "GITLAB_CI": ""}, {**JOB, "CI_PROJECT_DIR": ""}, {**JOB, "CI_JOB_URL": "javascript:alert(1)"}],
)
def test_elsewhere_nobody_knows_where_it_is(environment: dict[str, str]) -> None:
    assert artifact_url(environment, Path("/builds/shop/runs/x/report.html")) == ""


def test_what_is_not_in_the_project_is_no_artifact() -> None:
    assert artifact_url(JOB, Path("/tmp/runs/report.html")) == ""
