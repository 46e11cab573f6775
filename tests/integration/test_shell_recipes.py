"""The shell blocks of the README, run as they stand by bash, in the project that the README builds up."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import recipes
from tests.support.checkout import tracked_copy
from windtunnel.demo.process import ShopProcess

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the blocks are for a Unix shell")

BLOCKS = [block for block in recipes.blocks("bash") if block.page == "README.md"]
COMMANDS = [block for block in BLOCKS if block.text.startswith("windtunnel ")]
[INSTALL] = [block for block in BLOCKS if "pip install" in block.text]
[MAKE] = [block for block in BLOCKS if block.text.startswith("make ")]


def test_no_shell_block_of_the_readme_is_forgotten() -> None:
    of_docker = [block for block in BLOCKS if block.text.startswith("docker ")]  # tests/container runs them
    assert [*of_docker, MAKE, INSTALL, *COMMANDS] == sorted(
        BLOCKS, key=[*of_docker, MAKE, INSTALL, *COMMANDS].index
    )
    assert len(COMMANDS) == 3


def by_bash(script: str, folder: Path, timeout_s: float = 100) -> subprocess.CompletedProcess[str]:
    path = f"{folder / 'programs'}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    # A second command, or bash would make room for the first one and no shell would be there.
    return subprocess.run(
        ["bash", "-eo", "pipefail", "-c", f"{script}\ntrue"],
        cwd=folder,
        env={**os.environ, "PATH": path, "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        stdin=subprocess.DEVNULL,
    )


@pytest.fixture(name="project")
def quick_start(tmp_path: Path, shop: ShopProcess) -> Path:
    """The files of the quick start, for a shop on another port, and an `open` that writes down what it opens."""
    texts = [block.text for block in recipes.blocks("yaml") if block.page == "README.md"]
    [sut] = [text for text in texts if text.startswith("name:") and "base_url:" in text]
    [scenario] = [text for text in texts if text.startswith('id: "checkout_flow"')]
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "sut.yaml").write_text(sut.replace("http://localhost:8080", shop.base_url))
    (tmp_path / "scenarios/checkout.yaml").write_text(scenario)
    (tmp_path / "programs").mkdir()
    (tmp_path / "programs/open").write_text('#!/bin/sh\nls "$@" >opened\n')
    (tmp_path / "programs/open").chmod(0o755)
    return tmp_path


@pytest.mark.slow
def test_the_commands_of_the_quick_start_pass_one_after_the_other(project: Path) -> None:
    for block in COMMANDS:
        runs = sorted(run.name for run in (project / "runs").glob("2*"))
        script = re.sub(r"<run_id(?:_from_step_3)?>", runs[-1] if runs else "none", block.text)
        answer = by_bash(script, project)
        # Inconclusive where this machine was too busy to be sure of times.
        assert answer.returncode in {0, 4}, answer.stdout + answer.stderr
    assert (project / "opened").read_text().endswith("/report.html\n")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_installation_gives_a_command_that_completes(tmp_path: Path) -> None:
    checkout = tracked_copy(tmp_path / "checkout")
    (checkout / "programs").mkdir()
    (checkout / "programs/python").symlink_to(sys.executable)
    answer = by_bash(INSTALL.text, checkout, timeout_s=280)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "bash completion installed in" in answer.stdout
    assert (checkout / ".venv/bin/windtunnel").is_file()
