"""What a job lacks is said with the line to paste where it runs: whole, and nothing that holds elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import ROOT
from windtunnel.errors import Lack, Problem
from windtunnel.job.surroundings import IMAGE_VARIABLE, Surroundings
from windtunnel.redaction import HIDDEN

ACTION = {"GITHUB_ACTIONS": "true", "INPUT_COUNT": "5"}
IMAGE = {"WINDTUNNEL_IMAGE": "ghcr.io/windtunnel/action"}
ARGV = ("run", "--parallel", "5", "--name", "night run", "--set", "password=hunter22")
SHOWN = (*ARGV[:-1], f"password={HIDDEN}")
LINE = (
    'docker run --rm -v "$PWD:/work" -w /work ghcr.io/windtunnel/action '
    f"run --parallel 5 --name 'night run' --set 'password={HIDDEN}'"
)
PLACES = {
    "action": Surroundings(place="action", own_network=True),
    "host action": Surroundings(place="action"),
    "gitlab": Surroundings(place="gitlab", own_network=True),
    "docker": Surroundings(place="docker", own_network=True, image=IMAGE["WINDTUNNEL_IMAGE"], argv=SHOWN),
    "container": Surroundings(place="container", own_network=True),
    "machine": Surroundings(),
}
ELSEWHERE = {
    "action": ("docker run", "--network", "--sut", "gitlab-ci"),
    "host action": ("docker run", "--network", "--sut", "gitlab-ci"),
    "gitlab": ("docker run", "--network", "--sut", "actions/checkout", "windtunnel/action/host"),
    "docker": ("uses:", "under `services:`", "gitlab-ci"),
    "container": ("docker run", "uses:", "gitlab-ci"),
    "machine": ("docker", "uses:", "container", "gitlab-ci"),
}
"""Place -> what means nothing there."""

LACKS: tuple[Lack, ...] = ("default-sut", "default-scenarios", "file", "output")


def of(environment: dict[str, str], folder: Path, *, in_container: bool = True) -> Surroundings:
    return Surroundings.of(environment, in_container=in_container, argv=ARGV, folder=folder)


def help_for(where: Surroundings, lacks: Lack) -> str:
    return where.cured(Problem(message="x", lacks=lacks)).hint or ""


@pytest.mark.parametrize(
    ("environment", "in_container", "place", "own_network"),
    [
        (ACTION, True, "action", True),
        ({**ACTION, **IMAGE, "GITHUB_ACTION_PATH": "/home/runner/_actions/x"}, True, "action", False),
        ({"GITHUB_ACTIONS": "true"}, False, "machine", False),
        ({"GITHUB_ACTIONS": "true", **IMAGE}, True, "docker", True),
        ({"GITLAB_CI": "true", "INPUT_COUNT": "5", **IMAGE}, True, "gitlab", True),
        ({"GITLAB_CI": "true"}, False, "gitlab", False),
        ({"CI": "true", "JENKINS_URL": "x", **IMAGE}, True, "docker", True),
        ({}, True, "container", True),
        ({}, False, "machine", False),
    ],
)
def test_the_environment_tells_where_a_job_runs(
    tmp_path: Path, environment: dict[str, str], in_container: bool, place: str, own_network: bool
) -> None:
    where = of(environment, tmp_path, in_container=in_container)
    assert (where.place, where.own_network) == (place, own_network)


@pytest.mark.parametrize("lacks", LACKS)
@pytest.mark.parametrize("name", PLACES)
def test_help_names_nothing_that_holds_elsewhere(name: str, lacks: Lack) -> None:
    said = f"{help_for(PLACES[name], lacks)} {PLACES[name].loopback_help or ''}"
    assert [word for word in ELSEWHERE[name] if word in said] == []


@pytest.mark.parametrize("lacks", ["default-sut", "default-scenarios", "file"])
@pytest.mark.parametrize("folder", [Path("/"), None])
def test_a_forgotten_mount_is_said_with_the_whole_line(tmp_path: Path, folder: Path | None, lacks: Lack) -> None:
    """Without -v a container sees nothing of the machine; without -w it looks at its root."""
    where = of(IMAGE, folder or tmp_path)
    assert help_for(where, lacks).split("\n")[1] == f"    {LINE}"
    assert "no folder is mounted" in help_for(where, lacks)


def test_a_mounted_folder_without_the_file_is_no_forgotten_mount() -> None:
    assert "docker run" not in help_for(PLACES["docker"], "default-sut")
    assert help_for(PLACES["docker"], "default-sut").split("\n")[1].strip() == "base_url: http://shop:8080"


def test_a_forgotten_checkout_is_said_with_its_step(tmp_path: Path) -> None:
    (tmp_path / "windtunnel-report").mkdir()
    assert help_for(of(ACTION, tmp_path), "default-sut").split("\n")[1].strip() == "- uses: actions/checkout@v7"
    (tmp_path / "shop" / ".git").mkdir(parents=True)  # actions/checkout with `path: shop`
    assert "checkout" not in help_for(of(ACTION, tmp_path), "default-sut")


def test_a_project_folder_that_gitlab_left_empty_is_said_with_its_variable(tmp_path: Path) -> None:
    assert "GIT_STRATEGY: fetch" in help_for(of({"GITLAB_CI": "true"}, tmp_path), "default-scenarios")


def test_an_output_folder_of_another_user_is_said_with_the_line_that_runs_as_this_one() -> None:
    said = help_for(PLACES["docker"], "output")
    line = LINE.replace("--rm", '--rm --user "$(id -u):$(id -g)"')
    assert f"    {line}" in said.split("\n")
    assert help_for(PLACES["action"], "output").endswith("choose another: `output-dir: runs`")
    assert help_for(PLACES["machine"], "output").endswith("choose another: `--output-dir runs`")


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("action", "`uses: windtunnel/action/host@v1`"),
        ("action", "`target: http://shop:8080`"),
        ("gitlab", "`base_url: http://shop:8080`"),
        ("docker", f"`{LINE.replace('--rm', '--rm --network host')}`"),
        ("container", "`--network host`"),
    ],
)
def test_localhost_in_a_container_is_said_with_the_line_for_this_place(name: str, line: str) -> None:
    assert line in (PLACES[name].loopback_help or "")


@pytest.mark.parametrize("name", ["host action", "machine"])
def test_localhost_that_is_the_machine_needs_no_word(name: str) -> None:
    assert PLACES[name].loopback_help is None


def test_help_that_two_problems_share_is_said_once(tmp_path: Path) -> None:
    problems = [Problem(message=name, lacks=lacks) for name, lacks in (("a", LACKS[0]), ("b", LACKS[1]))]
    cured = of(IMAGE, tmp_path).cured_all([*problems, Problem(message="c", hint="other")])
    assert [bool(problem.hint) for problem in cured] == [True, False, True]


def test_a_similar_name_is_better_help_than_a_general_one() -> None:
    problem = Problem(message="x", hint='did you mean "sut.yml"?', lacks="default-sut")
    assert PLACES["machine"].cured(problem) == problem


def test_a_problem_that_is_about_nothing_missing_keeps_its_help(tmp_path: Path) -> None:
    problem = Problem(message="x", hint="y")
    assert of(IMAGE, tmp_path).cured(problem) == problem


def test_our_image_tells_its_name() -> None:
    assert f"{IMAGE_VARIABLE}={IMAGE[IMAGE_VARIABLE]}\n" in (ROOT / "Dockerfile").read_text()
