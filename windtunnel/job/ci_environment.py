"""What a CI system says in the environment: shard, commit and pipeline of the job, and the URL of an artifact.

The variables are those of GitHub's "Default environment variables", GitLab's "Predefined CI/CD variables
reference", CircleCI's "Project values and variables" and Jenkins' "Using environment variables".
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

CI_FACTS = {
    "provider": ("GITHUB_ACTIONS", "GITLAB_CI", "JENKINS_URL", "CIRCLECI"),
    "repository": ("GITHUB_REPOSITORY", "CI_PROJECT_PATH", "CIRCLE_PROJECT_REPONAME"),
    "ref": ("GITHUB_REF_NAME", "CI_COMMIT_REF_NAME", "GIT_BRANCH", "CIRCLE_BRANCH"),
    "job": ("GITHUB_JOB", "CI_JOB_NAME", "JOB_NAME", "CIRCLE_JOB"),
    "run": ("GITHUB_RUN_ID", "CI_PIPELINE_ID", "BUILD_ID", "CIRCLE_BUILD_NUM"),
}
"""Fact -> its variables in the CI systems; the first that is set counts."""

COMMIT_VARIABLES = ("GITHUB_SHA", "CI_COMMIT_SHA", "GIT_COMMIT", "CIRCLE_SHA1")

_SHARD_VARIABLES = (
    ("CI_NODE_INDEX", "CI_NODE_TOTAL", 1),  # GitLab, with `parallel:` on the job; the total is 1 without
    ("CIRCLE_NODE_INDEX", "CIRCLE_NODE_TOTAL", 0),  # CircleCI, with `parallelism:`
)
"""(variable with the number of the job, variable with the number of jobs, number of the first job)."""


_MOST_DIGITS = 9


def detected_shard(environment: Mapping[str, str]) -> str | None:
    """`2/4` as the CI system numbers its parallel jobs, `1/1` for a single job; None if no variable is set."""
    for index, total, first in _SHARD_VARIABLES:
        if of := environment.get(total):
            number = environment.get(index) or str(first)
            if not (number.isascii() and number.isdecimal() and len(number) <= _MOST_DIGITS):
                return f"{number}/{of}"  # which is refused, as it stands
            return f"{int(number) - first + 1}/{of}"
    return None


def artifact_url(environment: Mapping[str, str], file: Path) -> str:
    """The URL of a file of the project once it is an artifact of this GitLab job; empty outside of GitLab."""
    job, project = environment.get("CI_JOB_URL", ""), environment.get("CI_PROJECT_DIR", "")
    path, root = file.absolute(), Path(project)
    if not environment.get("GITLAB_CI") or not job.startswith(("https://", "http://")) or not project:
        return ""
    return f"{job}/artifacts/file/{quote(path.relative_to(root).as_posix())}" if path.is_relative_to(root) else ""


def source_url(environment: Mapping[str, str], folder: Path) -> str:
    """The URL of a folder of the project at the commit of this job, with a slash at its end; empty without one.

    The path of a file in the folder and `#L14` make it that of a line.
    """
    if environment.get("GITHUB_ACTIONS") == "true":
        server, repository = environment.get("GITHUB_SERVER_URL", ""), environment.get("GITHUB_REPOSITORY", "")
        project = f"{server}/{repository}/blob" if server and repository else ""
        root, commit = environment.get("GITHUB_WORKSPACE", ""), environment.get("GITHUB_SHA", "")
    elif environment.get("GITLAB_CI"):
        project = f"{url}/-/blob" if (url := environment.get("CI_PROJECT_URL", "")) else ""
        root, commit = environment.get("CI_PROJECT_DIR", ""), environment.get("CI_COMMIT_SHA", "")
    else:
        return ""
    here = folder.absolute()
    if not project.startswith(("https://", "http://")) or not root or not commit or not here.is_relative_to(root):
        return ""
    inside = here.relative_to(root).as_posix()
    return "/".join([project, quote(commit), *([quote(inside)] if inside != "." else []), ""])


def settings_file(environment: Mapping[str, str]) -> str:
    """The file of the project that says how the job runs: where a value without a file of its own comes from.

    That of GitLab outside of CI systems, since GitLab alone needs a file for everything.
    """
    if environment.get("GITHUB_ACTIONS") == "true":
        # owner/repository/.github/workflows/load.yml@refs/heads/main
        path = environment.get("GITHUB_WORKFLOW_REF", "").partition("@")[0].split("/", 2)
        return path[2] if len(path) == 3 else ".github/workflows"
    if environment.get("CIRCLECI"):
        return ".circleci/config.yml"
    if environment.get("JENKINS_URL"):
        return "Jenkinsfile"
    named = environment.get("CI_CONFIG_PATH", "")
    elsewhere = not named or "@" in named or ":" in named
    return ".gitlab-ci.yml" if elsewhere else named


def ci_facts(environment: Mapping[str, str]) -> dict[str, str]:
    """The provider, repository, ref, job and run, as far as the CI system names them."""
    facts = {}
    for fact, variables in CI_FACTS.items():
        found = next((name for name in variables if environment.get(name)), None)
        if found:
            facts[fact] = found if fact == "provider" else environment[found]
    return facts


def ci_commit(environment: Mapping[str, str]) -> str | None:
    """The commit that the CI system names."""
    return next((environment[name] for name in COMMIT_VARIABLES if environment.get(name)), None)
