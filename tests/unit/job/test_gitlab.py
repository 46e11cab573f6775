"""What GitLab says about its jobs."""

from __future__ import annotations

from pathlib import Path

import pytest

from windtunnel.job.ci_environment import artifact_url, settings_file

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


@pytest.mark.parametrize(
    ("environment", "file"),
    [
        ({"GITLAB_CI": "true"}, ".gitlab-ci.yml"),
        ({"GITLAB_CI": "true", "CI_CONFIG_PATH": "ci/load.yml"}, "ci/load.yml"),
        ({"GITLAB_CI": "true", "CI_CONFIG_PATH": "load.yml@group/ci"}, ".gitlab-ci.yml"),
        ({"GITLAB_CI": "true", "CI_CONFIG_PATH": "https://ci.example/load.yml"}, ".gitlab-ci.yml"),
        (
            {"GITHUB_ACTIONS": "true", "GITHUB_WORKFLOW_REF": "a/b/.github/workflows/load.yml@refs/heads/x"},
            ".github/workflows/load.yml",
        ),
        ({"GITHUB_ACTIONS": "true", "GITHUB_WORKFLOW_REF": "odd"}, ".github/workflows"),
        ({"CIRCLECI": "true"}, ".circleci/config.yml"),
        ({"JENKINS_URL": "http://ci"}, "Jenkinsfile"),
        ({}, ".gitlab-ci.yml"),
    ],
)
def test_the_file_with_the_settings_of_a_job_is_that_of_its_ci_system(
    environment: dict[str, str], file: str
) -> None:
    assert settings_file(environment) == file
