"""Our own self-test workflow, run by act over podman's socket: both actions, green and red, inputs to outputs.

Actions that would be downloaded have stand-ins.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.support import ROOT
from tests.support.act import Act, Run
from tests.support.checkout import tracked_copy
from tests.support.podman import TAG, Image

pytestmark = [pytest.mark.container, pytest.mark.timeout(600)]

WORKFLOW = ".github/workflows/self-test.yml"


@pytest.fixture(scope="module", name="act")
def checked_out(image: Image, tools: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Act]:
    folder = tmp_path_factory.mktemp("act")
    # The name that act gives to the image of `uses: ./`.
    assert image.podman("tag", TAG, "act-dockeraction:latest").returncode == 0
    with image.socket() as docker_host:
        checkout = tracked_copy(folder / "checkout")
        yield Act(program=tools / "act", image=image, docker_host=docker_host, folder=checkout)


@pytest.fixture(scope="module", name="green")
def run_green(act: Act) -> Run:
    return act.run(WORKFLOW, job="passes")


@pytest.fixture(scope="module", name="red")
def run_red(act: Act) -> Run:
    return act.run(WORKFLOW, job="must-fail")


@pytest.fixture(scope="module", name="local")
def run_on_the_runners_network(act: Act) -> Run:
    return act.run(WORKFLOW, job="localhost")


def test_a_sound_service_passes_through_the_gateway(green: Run) -> None:
    assert green.answer.returncode == 0, green.log[-6000:]
    [outputs] = green.outputs
    assert (outputs["verdict"], outputs["exit-code"], outputs["instances"]) == ("pass", "0", "200")


def test_every_output_arrives(green: Run, red: Run) -> None:
    promised = set(yaml.safe_load((ROOT / "action.yml").read_text())["outputs"])
    assert set(green.outputs[0]) == set(red.outputs[0]) == promised


def test_the_green_summary_says_pass(green: Run) -> None:
    [summary] = green.summaries
    assert summary.splitlines()[0].startswith("## ✅ Pass")
    show("green", summary)


def test_an_impossible_threshold_fails_the_step_and_not_the_job(red: Run) -> None:
    assert red.answer.returncode == 0, red.log[-6000:]
    assert "Failed but continue next step" in red.log
    [outputs] = red.outputs
    assert (outputs["verdict"], outputs["exit-code"], outputs["thresholds-failed"]) == ("fail", "99", "1")


def test_the_red_summary_says_what_failed(red: Run) -> None:
    [summary] = red.summaries
    assert summary.splitlines()[0].startswith("## ❌ Fail")
    assert re.search(r"❌ fail \| `http_reqs` \| `count > 1000000`", summary)
    show("red", summary)


def test_the_red_step_is_annotated(red: Run) -> None:
    assert re.search(r"::error .*::http_reqs: count > 1000000", red.log)


def test_the_host_action_reaches_what_listens_on_localhost_only(local: Run) -> None:
    assert local.answer.returncode == 0, local.log[-6000:]
    green, red = local.outputs[0], local.outputs[-1]
    assert (green["verdict"], green["exit-code"], green["instances"]) == ("pass", "0", "200")
    assert (red["verdict"], red["exit-code"], red["instances"]) == ("fail", "99", "20")


def test_an_input_with_a_hyphen_arrives_through_the_host_action(local: Run) -> None:
    assert local.outputs[-1]["report-dir"].startswith("windtunnel-red/")


def show(name: str, summary: str) -> None:
    """Into the log of the run of all tests, for whoever reads it."""
    if place := os.environ.get("WINDTUNNEL_SHOW_SUMMARIES"):
        (Path(place) / f"{name}.md").write_text(summary + "\n")
