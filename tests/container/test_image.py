"""The image, built and run for real: as a command, as the GitHub Action, as any user, on a read-only root."""

from __future__ import annotations

import contextlib
import json
import re
import sys
import tarfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import windtunnel
from tests.support import ROOT
from tests.support.podman import TAG, Answer, Image, finished, mounted

pytestmark = [pytest.mark.container, pytest.mark.timeout(600)]  # the first of them builds the image

# A count, not a time: a time over its limit by less than the machine's own lag is inconclusive, not failed.
IMPOSSIBLE = "http_reqs: count > 1000000"
LOAD = ("--sut", "sut.yaml", "--scenarios", "scenarios/", "--parallel", "5", "--count", "30")


def summary_of(workspace: Path) -> dict[str, Any]:
    summary: dict[str, Any] = json.loads((workspace / "runs/latest/summary.json").read_text())
    return summary


def test_the_image_answers_with_its_version(image: Image) -> None:
    answer = image.run("--version", network="none")
    assert answer.stdout.strip() == f"windtunnel {windtunnel.__version__}", answer.stderr


def test_the_image_answers_after_less_than_a_second_of_work(image: Image) -> None:
    # Of the processor's time: what `times` says of its children, user and system, on its last line.
    answer = image.run("-c", "windtunnel --version && times", options=["--entrypoint", "sh"], network="none")
    user, system = (float(text[2:-1]) for text in answer.stdout.split("\n")[2].split())
    assert 0 < user + system < 1


def test_without_a_network_the_service_is_unreachable_and_nothing_else_goes_wrong(
    image: Image, workspace: Path
) -> None:
    answer = image.run("run", *LOAD, options=mounted(workspace), network="none")
    assert answer.returncode == 3, answer.stdout + answer.stderr
    assert summary_of(workspace)["verdict"] == "unreachable"


def test_a_shell_is_in_the_image_for_runners_that_bring_their_own_commands(image: Image) -> None:
    answer = image.run("-c", "windtunnel --version", options=["--entrypoint", "sh"])
    assert answer.stdout.startswith("windtunnel "), answer.stderr


def test_our_own_layers_are_small_and_say_what_they_are(image: Image) -> None:
    history = json.loads(image.podman("history", "--format", "json", TAG).stdout)
    ours = [layer["size"] for layer in history if "COPY" in layer.get("CreatedBy", "")]
    assert 0 < sum(ours) < 80_000_000
    [told] = json.loads(image.podman("image", "inspect", TAG).stdout)
    assert told["Labels"]["org.opencontainers.image.version"] == windtunnel.__version__
    assert (told["Config"].get("User", ""), told["Config"]["Entrypoint"]) == ("", ["windtunnel"])


def layers_of(image: Image, tag: str) -> list[str]:
    [told] = json.loads(image.podman("image", "inspect", tag).stdout)
    layers: list[str] = told["RootFS"]["Layers"]
    return layers


def test_another_build_of_the_same_files_gives_the_same_layers(image: Image, tmp_path: Path) -> None:
    # From the source distribution, whose files have other times, with nothing kept of the first build.
    build = [sys.executable, "-m", "hatchling", "build", "--target", "sdist", "--directory", str(tmp_path)]
    assert finished(build, folder=ROOT).returncode == 0
    name = f"windtunnel-{windtunnel.__version__}"
    with tarfile.open(tmp_path / f"{name}.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")

    again = "localhost/windtunnel:again"
    command = [
        str(image.docker / "docker"),
        "build",
        "--no-cache",
        "--quiet",
        "--tag",
        again,
        str(tmp_path / name),
    ]
    answer = finished(command, timeout_s=500)

    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert layers_of(image, again) == layers_of(image, TAG)


def test_all_files_of_ours_have_one_time(image: Image) -> None:
    script = (
        "import pathlib, windtunnel\n"
        "print({int(file.stat().st_mtime) for file in pathlib.Path(*windtunnel.__path__).rglob('*')})"
    )
    answer = image.run("-c", script, options=["--entrypoint", "python"], network="none")
    [time_of_all] = re.findall(r"^ARG SOURCE_DATE_EPOCH=(\d+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert answer.stdout.strip() == f"{{{time_of_all}}}", answer.stderr


def test_nothing_of_the_build_machine_is_left_in_the_image(image: Image) -> None:
    script = "ls -A /build /install /etc/pip.conf /root/.cache 2>/dev/null; cat /etc/pip.conf 2>/dev/null; true"
    answer = image.run("-c", script, options=["--entrypoint", "sh"], network="none")
    assert (answer.returncode, answer.stdout) == (0, ""), answer.stderr


def test_a_sound_service_passes(image: Image, workspace: Path) -> None:
    answer = image.run("run", *LOAD, options=mounted(workspace))
    assert answer.returncode == 0, answer.stdout + answer.stderr
    summary = summary_of(workspace)
    assert (summary["verdict"], summary["run"]["instances"]) == ("pass", 30)
    assert (workspace / "runs" / summary["run_id"] / "report.html").stat().st_size > 10_000


def test_a_threshold_that_can_not_hold_fails_the_job(image: Image, workspace: Path) -> None:
    answer = image.run("run", *LOAD, "--threshold", IMPOSSIBLE, options=mounted(workspace))
    assert answer.returncode == 99, answer.stdout + answer.stderr
    assert summary_of(workspace)["verdict"] == "fail"


def test_any_user_can_run_it_on_a_read_only_root(image: Image, workspace: Path) -> None:
    workspace.chmod(0o777)
    locked_down = ["--user", "12345:12345", "--read-only", "--read-only-tmpfs=false", "--cap-drop", "all"]
    answer = image.run("run", *LOAD, options=[*mounted(workspace), *locked_down])
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert (workspace / "runs").stat().st_uid == 12345


def test_a_folder_that_can_not_be_written_is_told_before_anything_is_sent(image: Image, workspace: Path) -> None:
    answer = image.run("run", *LOAD, options=[*mounted(workspace), "--user", "12345:12345"])
    assert answer.returncode == 2, answer.stdout + answer.stderr
    assert "--user" in answer.stderr


@contextlib.contextmanager
def running(image: Image, name: str, *arguments: str, options: Sequence[str]) -> Iterator[None]:
    """A container in the background, of which nothing is left afterwards."""
    try:
        started = image.podman("run", "--detach", "--name", name, "--network", "host", *options, TAG, *arguments)
        assert started.returncode == 0, started.stderr
        yield
    finally:
        image.podman("rm", "--force", "--ignore", name)


def wait_for_records(image: Image, name: str, runs: Path) -> None:
    deadline = time.monotonic() + 30
    while not any(file.stat().st_size for file in runs.glob("2*/records/*.jsonl")):
        assert time.monotonic() < deadline, image.podman("logs", name).stderr
        time.sleep(0.05)


def test_the_first_process_of_a_container_obeys_a_signal(image: Image, workspace: Path) -> None:
    name = f"windtunnel-{workspace.parent.name}"
    endless = ("run", *LOAD[:4], "--parallel", "2", "--duration", "90s")
    with running(image, name, *endless, options=mounted(workspace)):
        wait_for_records(image, name, workspace / "runs")
        image.podman("kill", "--signal", "TERM", name)
        assert image.podman("wait", name).stdout.strip() == "143"
    assert summary_of(workspace)["verdict"] == "interrupted"


class Runner:
    """GitHub's side of a Docker action: its mounts, its environment, its two files."""

    def __init__(self, image: Image, workspace: Path) -> None:
        self.image, self.workspace = image, workspace
        self.commands = workspace.parent / "file_commands"
        self.commands.mkdir()
        for name in ("output", "summary"):
            (self.commands / name).touch(mode=0o644)

    def options(self, **inputs: str) -> list[str]:
        environment = {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_WORKSPACE": "/github/workspace",
            "GITHUB_OUTPUT": "/github/file_commands/output",
            "GITHUB_STEP_SUMMARY": "/github/file_commands/summary",
            "HOME": "/github/home",
        } | {f"INPUT_{name.upper()}": value for name, value in inputs.items()}
        options = ["--volume", f"{self.workspace}:/github/workspace", "--workdir", "/github/workspace"]
        options += ["--volume", f"{self.commands}:/github/file_commands"]
        for name, value in environment.items():
            options += ["--env", f"{name}={value}"]
        return options

    def run(self, **inputs: str) -> Answer:
        return self.image.run("action", options=self.options(**inputs))

    @property
    def outputs(self) -> dict[str, str]:
        lines = (self.commands / "output").read_text().split("\n")
        return {name.partition("<<")[0]: value for name, value in zip(lines[0::3], lines[1::3], strict=False)}

    @property
    def summary(self) -> str:
        return (self.commands / "summary").read_text()


@pytest.fixture(name="runner")
def github_runner(image: Image, workspace: Path) -> Runner:
    return Runner(image, workspace)


def test_the_action_passes_and_tells_where_everything_is(runner: Runner) -> None:
    answer = runner.run(sut="sut.yaml", scenarios="scenarios/", parallel="5", count="30")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    outputs = runner.outputs
    assert (outputs["verdict"], outputs["exit-code"]) == ("pass", "0")
    assert outputs["report-dir"] == f"windtunnel-report/{outputs['run-id']}"
    for name in ("report-html", "summary-json", "summary-md"):
        assert (runner.workspace / outputs[name]).is_file(), name
    assert runner.summary == (runner.workspace / outputs["summary-md"]).read_text()
    assert "::error" not in answer.stdout


def test_the_action_fails_on_a_threshold_with_an_annotation(runner: Runner) -> None:
    thresholds = f"checks: rate > 99%\n{IMPOSSIBLE}\n"
    answer = runner.run(sut="sut.yaml", scenarios="scenarios/", parallel="5", count="30", thresholds=thresholds)
    assert answer.returncode == 99, answer.stdout + answer.stderr
    assert (runner.outputs["verdict"], runner.outputs["exit-code"]) == ("fail", "99")
    assert "::error title=Threshold%3A fail::http_reqs: " in answer.stdout
    assert "http_reqs" in runner.summary


def test_the_action_says_what_is_wrong_with_a_file_where_it_is_wrong(runner: Runner) -> None:
    (runner.workspace / "sut.yaml").write_text("name: shop\nbase_ulr: http://localhost\n")
    answer = runner.run(sut="sut.yaml", scenarios="scenarios/")
    assert answer.returncode == 2, answer.stdout + answer.stderr
    assert (runner.outputs["verdict"], runner.outputs["exit-code"]) == ("invalid", "2")
    assert "::error file=sut.yaml,line=2,title=Windtunnel%3A invalid::" in answer.stdout
    assert "base_ulr" in runner.summary


@pytest.mark.parametrize("init", [[], ["--init"]], ids=["as the first process", "under an init"])
def test_a_cancelled_job_has_its_outputs_within_five_seconds(runner: Runner, init: list[str]) -> None:
    name = f"windtunnel-{runner.workspace.parent.name}"
    options = [*init, *runner.options(sut="sut.yaml", scenarios="scenarios/", parallel="5", duration="90s")]
    with running(runner.image, name, "action", options=options):
        wait_for_records(runner.image, name, runner.workspace / "windtunnel-report")
        cancelled = time.monotonic()
        # As the runner does it, though sooner: SIGINT, and SIGTERM to what is still there.
        runner.image.podman("kill", "--signal", "INT", name)
        time.sleep(1)
        runner.image.podman("kill", "--signal", "TERM", name)
        code = runner.image.podman("wait", name).stdout.strip()
        took_s = time.monotonic() - cancelled
    assert took_s < 5
    assert code in {"130", "143"}
    assert (runner.outputs["verdict"], runner.outputs["exit-code"]) == ("interrupted", code)
    assert "Interrupted" in runner.summary
