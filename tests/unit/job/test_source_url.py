"""The URL of the user's files at the commit of the job, from what GitHub and GitLab put into the environment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from windtunnel.job.ci_environment import source_url

GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_SERVER_URL": "https://github.example",
    "GITHUB_REPOSITORY": "acme/shop",
    "GITHUB_SHA": "9f31c07d",
    "GITHUB_WORKSPACE": "/home/runner/work/shop",
}
GITLAB = {
    "GITLAB_CI": "true",
    "CI_PROJECT_URL": "https://gitlab.example/acme/shop",
    "CI_COMMIT_SHA": "9f31c07d",
    "CI_PROJECT_DIR": "/builds/acme/shop",
}


@pytest.mark.parametrize(
    ("environment", "folder", "url"),
    [
        (GITHUB, "/home/runner/work/shop", "https://github.example/acme/shop/blob/9f31c07d/"),
        (
            GITHUB,
            "/home/runner/work/shop/load tests",
            "https://github.example/acme/shop/blob/9f31c07d/load%20tests/",
        ),
        (GITLAB, "/builds/acme/shop/load", "https://gitlab.example/acme/shop/-/blob/9f31c07d/load/"),
    ],
)
def test_a_folder_of_the_project_has_the_url_of_its_commit(
    environment: Mapping[str, str], folder: str, url: str
) -> None:
    assert source_url(environment, Path(folder)) == url


@pytest.mark.parametrize(
    ("environment", "root"), [(GITHUB, "/home/runner/work/shop"), (GITLAB, "/builds/acme/shop")]
)
def test_without_one_of_the_variables_there_is_none(environment: Mapping[str, str], root: str) -> None:
    urls = [
        source_url({name: value for name, value in environment.items() if name != missing}, Path(root))
        for missing in environment
    ]

    assert urls == [""] * len(environment)


def test_neither_outside_of_the_project_nor_of_ci_is_there_one() -> None:
    assert source_url(GITHUB, Path("/tmp")) == ""
    assert source_url({}, Path("/home/runner/work/shop")) == ""
    assert source_url({**GITHUB, "GITHUB_SERVER_URL": "javascript:"}, Path("/home/runner/work/shop")) == ""
