"""What lies beside the code and must agree with it: action.yml, the Dockerfile, the locked dependencies."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from tests.support import ROOT
from windtunnel.ci.inputs import all_inputs
from windtunnel.ci.outputs import OUTPUT_NAMES

DOCKERFILE = (ROOT / "Dockerfile").read_text()
INSTRUCTIONS = [
    line.split(maxsplit=1) for line in re.sub(r"\\\n", " ", DOCKERFILE).split("\n") if re.match("[A-Z]+ ", line)
]


@pytest.fixture(name="action")
def read_action() -> dict[str, Any]:
    action: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
    return action


def test_the_action_offers_the_inputs_that_are_read(action: dict[str, Any]) -> None:
    assert tuple(action["inputs"]) == tuple(each.name for each in all_inputs())
    assert action["inputs"]["output-dir"]["default"] == "windtunnel-report"


def test_the_action_offers_the_outputs_that_are_written(action: dict[str, Any]) -> None:
    assert tuple(action["outputs"]) == OUTPUT_NAMES


def test_every_input_and_output_is_described(action: dict[str, Any]) -> None:
    assert all(entry["description"] for entry in (*action["inputs"].values(), *action["outputs"].values()))


def test_the_action_runs_this_repositorys_image(action: dict[str, Any]) -> None:
    assert action["runs"] == {"using": "docker", "image": "Dockerfile", "args": ["action"]}
    assert action["branding"] == {"icon": "wind", "color": "blue"}


def test_the_image_starts_windtunnel_itself_without_a_shell() -> None:
    assert ["ENTRYPOINT", '["windtunnel"]'] in INSTRUCTIONS


def test_the_image_leaves_user_folder_and_health_to_whoever_runs_it() -> None:
    assert not {"USER", "WORKDIR", "HEALTHCHECK", "CMD", "VOLUME"} & {name for name, _ in INSTRUCTIONS}


def test_the_base_image_can_be_replaced() -> None:
    assert INSTRUCTIONS[0] == ["ARG", "BASE=docker.io/library/python:3.12-slim"]
    assert {rest.split()[0] for name, rest in INSTRUCTIONS if name == "FROM"} == {"${BASE}"}


def test_any_builder_understands_the_dockerfile() -> None:
    assert not re.search(r"^# *syntax=|<<|--link|--mount", DOCKERFILE, re.MULTILINE)


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-build.lock"])
def test_every_locked_dependency_has_its_hashes(name: str) -> None:
    entries = re.split(r"\n(?=\S)", re.sub(r"^#.*\n", "", (ROOT / name).read_text(), flags=re.MULTILINE))
    assert len(entries) > 5
    for entry in entries:
        assert re.match(r"[a-z0-9-]+==\S+.* \\\n    --hash=sha256:[0-9a-f]{64}", entry), entry[:80]


def test_whatever_the_package_depends_on_is_locked() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    section = re.search(r"^dependencies = \[\n(.*?)^\]", project, re.MULTILINE | re.DOTALL)
    assert section
    wanted = set(re.findall(r'^ +"([a-z0-9-]+)>=', section[1], re.MULTILINE))
    locked = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    assert len(wanted) >= 8
    assert wanted <= locked


def test_whatever_goes_into_the_wheel_is_copied_for_the_build() -> None:
    section = re.search(r"force-include\]\n((?:.+ = .+\n)+)", (ROOT / "pyproject.toml").read_text())
    assert section
    wanted = {"LICENSE", "README.md", "windtunnel", *re.findall(r'^"([^"/]+)', section[1], re.MULTILINE)}
    copied = " ".join(rest for name, rest in INSTRUCTIONS if name == "COPY").split()
    let_through = (ROOT / ".dockerignore").read_text().split("\n")
    assert wanted <= set(copied)
    assert {f"!{name}" for name in wanted} <= set(let_through)
