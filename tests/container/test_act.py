"""Our own self-test workflow, run by act over podman's socket: both actions, green and red, inputs to outputs.

act runs the steps on this machine, as GitHub's runner does on its own, and the Docker action in a container on a
bridge. Two things are stood in for: actions that would be downloaded do nothing, and the folder with the runner's
files, which act mounts only for jobs in containers, is mounted by an option.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.support import ROOT
from tests.support.checkout import tracked_copy
from tests.support.podman import TAG, Answer, Image, finished

pytestmark = [pytest.mark.container, pytest.mark.timeout(600)]

WORKFLOW = ".github/workflows/self-test.yml"
NOTHING = """\
name: Nothing
description: Stands in for an action that would be downloaded.
inputs: { python-version: { description: "" }, name: { description: "" }, path: { description: "" } }
runs: { using: composite, steps: [{ run: "true", shell: bash }] }
"""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One job of the workflow, ended."""

    answer: Answer

    @property
    def log(self) -> str:
        return self.answer.stdout

    @property
    def outputs(self) -> list[dict[str, str]]:
        """The outputs of each `uses:` step of ours, in order: what act says it was told."""
        told: list[dict[str, str]] = []
        for line in self.log.splitlines():
            if found := re.search(r"::set-output:: ([a-z0-9-]+)=(.*)$", line):
                if not told or found[1] in told[-1]:
                    told.append({})
                told[-1][found[1]] = found[2]
        return told

    @property
    def summaries(self) -> list[str]:
        """The Markdown of each job summary."""
        return re.findall(r"  Summary - (.*?)\n\[Self-test/", self.log, re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Act:
    """act with the tests' image store, on a checkout of this repository."""

    program: Path
    image: Image
    docker_host: str
    folder: Path

    def run(self, job: str) -> Job:
        cache = self.folder.parent / "cache"
        stand_in = self.folder.parent / "nothing"
        actions = set(re.findall(r"uses: (actions/[a-z-]+@[0-9a-f]{40})", (self.folder / WORKFLOW).read_text()))
        options = [f"--local-repository=https://github.com/{action}={stand_in}" for action in sorted(actions)]
        options += ["--platform=ubuntu-latest=-self-hosted", f"--container-options=--volume={cache}:{cache}"]
        # The image is built already, by podman itself: a build over the socket could not be told of this machine.
        options += ["--rebuild=false", "--pull=false"]
        path = os.pathsep.join([str(self.image.docker), str(Path(sys.executable).parent), os.environ["PATH"]])
        environment = {"DOCKER_HOST": self.docker_host, "PATH": path, "XDG_CACHE_HOME": str(cache)}
        command = [str(self.program), "push", "--workflows", WORKFLOW, "--job", job, *options]
        return Job(answer=finished(command, folder=self.folder, environment=environment, timeout_s=300))


@pytest.fixture(scope="module", name="act")
def checked_out(image: Image, tools: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Act]:
    folder = tmp_path_factory.mktemp("act")
    (folder / "nothing").mkdir()
    (folder / "nothing/action.yml").write_text(NOTHING)
    (folder / "cache").mkdir()
    # The name that act gives to the image of `uses: ./`.
    assert image.podman("tag", TAG, "act-dockeraction:latest").returncode == 0
    with image.socket() as docker_host:
        checkout = tracked_copy(folder / "checkout")
        yield Act(program=tools / "act", image=image, docker_host=docker_host, folder=checkout)


@pytest.fixture(scope="module", name="green")
def run_green(act: Act) -> Job:
    return act.run("passes")


@pytest.fixture(scope="module", name="red")
def run_red(act: Act) -> Job:
    return act.run("must-fail")


@pytest.fixture(scope="module", name="local")
def run_on_the_runners_network(act: Act) -> Job:
    return act.run("localhost")


def test_a_sound_service_passes_through_the_gateway(green: Job) -> None:
    assert green.answer.returncode == 0, green.log[-6000:]
    [outputs] = green.outputs
    assert (outputs["verdict"], outputs["exit-code"], outputs["instances"]) == ("pass", "0", "200")


def test_every_output_arrives(green: Job, red: Job) -> None:
    promised = set(yaml.safe_load((ROOT / "action.yml").read_text())["outputs"])
    assert set(green.outputs[0]) == set(red.outputs[0]) == promised


def test_the_green_summary_says_pass(green: Job) -> None:
    [summary] = green.summaries
    assert summary.splitlines()[0].startswith("## ✅ Pass")
    show("green", summary)


def test_an_impossible_threshold_fails_the_step_and_not_the_job(red: Job) -> None:
    assert red.answer.returncode == 0, red.log[-6000:]
    assert "Failed but continue next step" in red.log
    [outputs] = red.outputs
    assert (outputs["verdict"], outputs["exit-code"], outputs["thresholds-failed"]) == ("fail", "99", "1")


def test_the_red_summary_says_what_failed(red: Job) -> None:
    [summary] = red.summaries
    assert summary.splitlines()[0].startswith("## ❌ Fail")
    assert re.search(r"❌ fail \| `http_reqs` \| `count > 1000000`", summary)
    show("red", summary)


def test_the_red_step_is_annotated(red: Job) -> None:
    assert re.search(r"::error .*::http_reqs: count > 1000000", red.log)


def test_the_host_action_reaches_what_listens_on_localhost_only(local: Job) -> None:
    assert local.answer.returncode == 0, local.log[-6000:]
    green, red = local.outputs[0], local.outputs[-1]
    assert (green["verdict"], green["exit-code"], green["instances"]) == ("pass", "0", "200")
    assert (red["verdict"], red["exit-code"], red["instances"]) == ("fail", "99", "20")


def test_an_input_with_a_hyphen_arrives_through_the_host_action(local: Job) -> None:
    assert local.outputs[-1]["report-dir"].startswith("windtunnel-red/")


def show(name: str, summary: str) -> None:
    """Into the log of the run of all tests, for whoever reads it."""
    if place := os.environ.get("WINDTUNNEL_SHOW_SUMMARIES"):
        (Path(place) / f"{name}.md").write_text(summary + "\n")
