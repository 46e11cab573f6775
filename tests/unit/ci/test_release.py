"""The pages name only tags and images that a release makes.

Its steps run here. In the place of `docker` and `git` are programs that write down what they are told.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

import windtunnel
from tests.support import ROOT
from tests.support.checkout import project_files

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the steps are shell scripts")

IMAGE = "ghcr.io/windtunnel/action"
DIGEST = "sha256:" + "0123456789abcdef" * 4
STAND_IN = f"""#!/bin/sh
printf '%s' "$(basename "$0")" >>"$TOLD"
for word in "$@"; do printf ' %s' "$word" >>"$TOLD"; done
echo >>"$TOLD"
case "$*" in
  *Manifest.Digest*) echo {DIGEST} ;;
  *RepoDigests*) echo docker.io/library/python@{DIGEST} ;;
  *--version) echo "windtunnel $VERSION" ;;
  "log -1 "*) echo 1767225600 ;;
esac
"""
PINNED = ("action.yml", "host/action.yml", "templates/windtunnel.yml", ".ci/pin-image", "Dockerfile")


@dataclass(frozen=True, kw_only=True)
class Release:
    """What the steps of a release told `docker` and `git`."""

    told: list[str]
    outputs: dict[str, str]

    @property
    def images(self) -> set[str]:
        """The tags of the image."""
        pushed = [line for line in self.told if re.match("docker (push|buildx imagetools create)", line)]
        return {tag for line in pushed for tag in re.findall(rf"(?:push |--tag ){IMAGE}:(\S+)", line)}

    @property
    def tags(self) -> set[str]:
        """The tags of the repository."""
        return {line.rpartition(" ")[2] for line in self.told if line.startswith("git push")}


def steps_of_the_release() -> list[dict[str, Any]]:
    jobs = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())["jobs"]
    return [step for name in ("image", "release") for step in jobs[name]["steps"] if "run" in step]


def release(version: str, folder: Path) -> Release:
    for name in PINNED:
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    programs, told, outputs = folder / "programs", folder / "told", folder / "outputs"
    programs.mkdir()
    for program in ("docker", "git"):
        (programs / program).write_text(STAND_IN)
        (programs / program).chmod(0o755)
    outputs.touch()
    values = {"VERSION": version, "TAG": f"{IMAGE}:{version}-amd64", "REFERENCE": f"{IMAGE}@{DIGEST}"}
    environment = {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "TOLD": str(told),
        "GITHUB_OUTPUT": str(outputs),
        "GITHUB_SHA": "0" * 40,
        "IMAGE": IMAGE,
        "TOKEN": "t",
        "ACTOR": "a",
    } | values
    for step in steps_of_the_release():
        command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]]
        answer = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
        assert answer.returncode == 0, answer.stderr
    made = dict(line.split("=", 1) for line in outputs.read_text().splitlines())
    return Release(told=told.read_text().splitlines(), outputs=made)


@pytest.fixture(scope="module", name="made")
def release_1_2_3(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return release("1.2.3", tmp_path_factory.mktemp("release"))


def test_a_release_makes_the_tags_that_stay_and_those_that_move(made: Release) -> None:
    assert made.tags == {"v1.2.3", "v1"}
    assert made.images == {"1.2.3-amd64", "1.2.3", "1.2", "1", "latest"}


def test_the_tagged_commit_runs_the_image_by_its_digest(made: Release) -> None:
    assert made.outputs["reference"] == f"{IMAGE}@{DIGEST}"
    assert any(line.startswith("git commit --all") and DIGEST in line for line in made.told)


def test_the_image_is_built_on_a_base_with_a_digest_at_the_time_of_the_commit(made: Release) -> None:
    [build] = [line for line in made.told if line.startswith("docker build ")]
    assert f"--build-arg BASE=docker.io/library/python@{DIGEST}" in build
    assert "--build-arg SOURCE_DATE_EPOCH" in build
    assert f"base.name=docker.io/library/python@{DIGEST}" in build


def named() -> list[tuple[str, str, str]]:
    """Every image and every tag of ours that a file of the project tells people to use: file, kind, tag."""
    found = []
    for name in project_files():
        if name.endswith((".md", ".yml", ".yaml")) and not name.startswith("tests/"):
            text = (ROOT / name).read_text()
            for image in re.findall(rf"{re.escape(IMAGE)}(:[\w.-]+)?(?![\w.@-])", text):
                found.append((name, "image", image.removeprefix(":") or "latest"))
            for tag in re.findall(r"windtunnel/action(?:/\w+)?@([\w.-]+)", text):
                found.append((name, "tag", tag))
    return found


def test_the_pages_name_only_what_a_release_makes(made: Release, tmp_path: Path) -> None:
    next_one = release(windtunnel.__version__, tmp_path)
    exists = {"tag": made.tags, "image": made.images | {windtunnel.__version__}}
    assert windtunnel.__version__ in next_one.images

    assert [each for each in named() if each[2] not in exists[each[1]] and each[2] != "sha256"] == []
    assert {tag for _, kind, tag in named() if kind == "tag"} >= {"v1"}
    assert len(named()) > 15
