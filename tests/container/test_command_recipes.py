"""The commands of the pages that run the image: `docker` lines, and what Jenkins and CircleCI hand to a shell."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import recipes
from tests.support.checkout import tracked_copy
from tests.support.podman import TAG, Answer, Image, finished

pytestmark = [pytest.mark.container, pytest.mark.timeout(600)]

PUBLISHED = "ghcr.io/windtunnel/action"
LINES = [block for block in recipes.blocks("bash") if block.text.startswith("docker run")]
[BUILD] = [block for block in recipes.blocks("bash") if "docker build" in block.text]
[JENKINS] = [block for block in recipes.blocks("groovy") if block.file == "Jenkinsfile"]
CIRCLECI = [block for block in recipes.blocks("yaml") if block.file == ".circleci/config.yml"]


def smaller(text: str, shop: str) -> str:
    """The text with the shop and a small load in the place of the service and the load of the page."""
    text = re.sub(r"--parallel 50\b", "--parallel 8", text)
    text = re.sub(r"--count 500\b", "--count 60", text)
    text = re.sub(r"--duration [15]m\b", "--duration 3s", text).replace("--rate 2000/s", "--rate 40/s")
    return re.sub(r"http://localhost:8080(?:/health)?|https://staging\.example\.com", shop, text)


def summary_in(runs: Path) -> dict[str, Any]:
    summary: dict[str, Any] = json.loads((runs / "latest/summary.json").read_text())
    return summary


@pytest.fixture(name="repository")
def of_a_user(workspace: Path, image: Image, open_shop: str) -> Path:
    """A repository whose service listens on every address, as in a container of its own."""
    (workspace / "sut.yaml").write_text(f"name: The demo shop\nbase_url: {open_shop}\n")
    assert image.podman("tag", TAG, f"{PUBLISHED}:latest").returncode == 0
    return workspace


def by_shell(script: str, image: Image, folder: Path, environment: Mapping[str, str] | None = None) -> Answer:
    path = f"{image.docker}{os.pathsep}{os.environ['PATH']}"
    return finished(
        ["bash", "-eo", "pipefail", "-c", script],
        folder=folder,
        environment={"PATH": path, **(environment or {})},
        timeout_s=300,
    )


@pytest.mark.parametrize("block", LINES, ids=lambda block: f"{block.page} {LINES.index(block)}")
def test_a_documented_line_of_docker_passes(
    block: recipes.Block, image: Image, repository: Path, open_shop: str
) -> None:
    answer = by_shell(smaller(block.text, open_shop), image, repository)

    summary = summary_in(repository / "runs")
    assert summary["run"]["failed"] == 0, answer.stdout + answer.stderr
    assert summary["verdict"] in {"pass", "inconclusive"}
    goes_on = "case " in block.text
    assert answer.returncode == (0 if goes_on else summary["exit_code"])
    if goes_on:
        assert ("may ship" in answer.stdout) == (summary["verdict"] == "pass")


def test_a_failed_threshold_ends_the_script_that_goes_on_after_an_inconclusive_run(
    image: Image, repository: Path, open_shop: str
) -> None:
    [block] = [block for block in LINES if "case " in block.text]
    script = smaller(block.text, open_shop).replace(
        " || code", " --threshold 'http_reqs: count > 1000000' || code"
    )
    assert by_shell(script, image, repository).returncode == 99


def test_the_documented_build_takes_the_time_of_the_commit(image: Image, tmp_path: Path) -> None:
    checkout = tracked_copy(tmp_path / "checkout")
    script = BUILD.text.replace("--tag windtunnel", "--quiet --tag localhost/windtunnel:dated")
    answer = by_shell(script, image, checkout)
    assert answer.returncode == 0, answer.stderr
    committed = finished(["git", "log", "-1", "--format=%ct"], folder=checkout).stdout.strip()
    script = "import os, windtunnel; print(int(os.stat(windtunnel.__file__).st_mtime))"
    told = image.podman("run", "--rm", "--entrypoint", "python", "localhost/windtunnel:dated", "-c", script)
    assert told.stdout.strip() == committed, told.stderr


def test_jenkins_hands_the_image_s_shell_lines_that_pass(image: Image, repository: Path, open_shop: str) -> None:
    lines = re.findall(r"\bsh(?:\(returnStatus: true, script:)? '([^']*)'", JENKINS.text)
    [arguments] = re.findall(r"\bargs '([^']*)'", JENKINS.text)
    assert len(lines) == 2
    stale = repository / "windtunnel-report/20200101T000000Z-aaaaaa"
    stale.mkdir(parents=True)
    # As the plugin does it: the workspace at its own path, its own user, a shell in the container.
    options = [
        f"--volume={repository}:{repository}",
        f"--workdir={repository}",
        "--env=API_TOKEN=t",
        f"--user={os.getuid()}",
    ]
    for line in lines:
        told = ["run", "--rm", *options, *arguments.split(), f"{PUBLISHED}:latest", "sh", "-c"]
        answer = image.podman(*told, smaller(line, open_shop))
        assert answer.returncode in {0, 4}, answer.stdout + answer.stderr

    assert not stale.exists()
    for kept in re.findall(r"(?:testResults|artifacts): '([^']*)'", JENKINS.text):
        assert list(repository.glob(kept)), kept


def test_jenkins_makes_a_build_unstable_for_an_inconclusive_run_alone() -> None:
    assert re.search(r"if \(code == 4\) \{\s+unstable\(", JENKINS.text)
    assert re.search(r"\} else if \(code != 0\) \{\s+error\(", JENKINS.text)


def steps_of(job: Mapping[str, Any]) -> list[str]:
    """The commands of a job of CircleCI."""
    runs = [step["run"] for step in job["steps"] if "run" in step]
    return [run if isinstance(run, str) else run["command"] for run in runs]


@pytest.mark.parametrize("block", CIRCLECI, ids=lambda block: f"{CIRCLECI.index(block)}")
def test_the_jobs_of_circleci_pass(block: recipes.Block, image: Image, repository: Path, open_shop: str) -> None:
    jobs = yaml.safe_load(block.text)["jobs"]
    for job in jobs.values():  # in the order in which they require each other
        machines = job.get("parallelism", 1)

        def work(index: int, job: Mapping[str, Any] = job, machines: int = machines) -> None:
            node = {"CIRCLECI": "true", "CIRCLE_NODE_INDEX": str(index), "CIRCLE_NODE_TOTAL": str(machines)}
            for command in steps_of(job):
                if not command.startswith("docker compose"):
                    answer = by_shell(smaller(command, open_shop), image, repository, node)
                    assert answer.returncode in {0, 4}, answer.stdout + answer.stderr

        with ThreadPoolExecutor(machines) as pool:
            list(pool.map(work, range(machines)))
        for step in job["steps"]:
            for kind in ("store_test_results", "store_artifacts"):
                assert kind not in step or (repository / step[kind]["path"]).exists(), step
    if "merge" in block.text:
        merged = summary_in(repository / "merged")
        assert (merged["run"]["instances"], merged["run"]["failed"]) == (120, 0)
