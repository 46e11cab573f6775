"""Tab completion: the scripts are installed where each shell reads them, and the shells offer what there is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command_line import call
from tests.support.tiers import slow_unless
from windtunnel.cli.completion import SHELLS, with_shell

INSTALLED = {
    "bash": [".bash_completions/windtunnel.sh", ".bashrc"],
    "zsh": [".zfunc/_windtunnel", ".zshrc"],
    "fish": [".config/fish/completions/windtunnel.fish"],
}

ASK = {
    "bash": """
source <(windtunnel --show-completion bash)
COMP_WORDS=({words}) COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_windtunnel_completion windtunnel
printf '%s\\n' "${{COMPREPLY[@]}}"
""",
    "zsh": """
compdef() {{ : }}
_arguments() {{ printf '%s\\n' "$@" }}
source <(windtunnel --show-completion zsh)
words=({words}) CURRENT=${{#words}}
_windtunnel_completion
""",
    "fish": "windtunnel --show-completion fish | source; complete --do-complete '{words}'",
}
"""What asks a shell for the completions of a line; zsh's own `_arguments` needs an editor, so it prints here."""


def test_every_shell_is_tested() -> None:
    assert set(INSTALLED) == set(ASK) == set(SHELLS)


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_installed_where_the_shell_reads_it(tmp_path: Path, shell: str) -> None:
    answer = call(tmp_path, "--install-completion", shell, environment={"HOME": str(tmp_path)})

    assert answer.returncode == 0, answer.stderr
    assert f"{shell} completion installed in {tmp_path / INSTALLED[shell][0]}" in answer.stdout
    assert sorted(str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file()) == sorted(
        INSTALLED[shell]
    )
    shown = call(tmp_path, "--show-completion", shell)
    assert (tmp_path / INSTALLED[shell][0]).read_text().strip() == shown.stdout.strip()


def test_installing_twice_adds_one_line(tmp_path: Path) -> None:
    for _ in range(2):
        call(tmp_path, "--install-completion", "bash", environment={"HOME": str(tmp_path)})
    assert (tmp_path / ".bashrc").read_text().split() == [
        "source",
        f"'{tmp_path}/.bash_completions/windtunnel.sh'",
    ]


@pytest.mark.parametrize("option", ["--install-completion", "--show-completion"])
def test_a_shell_without_completion_is_refused_with_those_that_have_it(tmp_path: Path, option: str) -> None:
    answer = call(tmp_path, option, "tcsh", environment={"HOME": str(tmp_path)})
    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr == (f"{option}: there is no completion for 'tcsh'\n  help: use one of bash, zsh, fish\n")


def test_a_home_that_can_not_be_written_says_how_to_do_it_by_hand(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file, as for an account without a home")
    answer = call(tmp_path, "--install-completion", "fish", environment={"HOME": str(tmp_path / "home")})
    assert answer.returncode == 2
    assert answer.stderr.startswith(f"can't write {tmp_path}/home/.config")
    assert "windtunnel --show-completion fish" in answer.stderr


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (["--install-completion"], ["--install-completion", "auto"]),
        (["--show-completion", "--version"], ["--show-completion", "auto", "--version"]),
        (["--show-completion", "zsh"], ["--show-completion", "zsh"]),
    ],
)
def test_the_name_of_the_shell_can_be_left_out(given: list[str], read: list[str]) -> None:
    assert with_shell(given) == read


def ran_by(shell: str, script: str, folder: Path) -> str:
    if (program := shutil.which(shell)) is None:
        pytest.skip(f"{shell} is not installed")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    answer = subprocess.run(
        [program, "-c", script],
        cwd=folder,
        env={"PATH": path, "HOME": str(folder), "LANG": "C.UTF-8", "COLUMNS": "40"},
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )
    assert (answer.returncode, answer.stderr) == (0, "")
    return answer.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="these shells need a Unix system")
@pytest.mark.parametrize("shell", slow_unless(lambda shell: shell == "bash", SHELLS))
@pytest.mark.parametrize(
    ("words", "offered", "others"),
    [
        pytest.param("windtunnel me", ["merge"], ["run", "report"], marks=pytest.mark.slow),
        ("windtunnel run --thresh", ["--threshold", "--thresholds"], ["--sut", "--parallel"]),
        ("windtunnel run --env-f", ["--env-file"], ["--sut"]),
    ],
)
def test_the_shell_offers_what_there_is(
    tmp_path: Path, shell: str, words: str, offered: list[str], others: list[str]
) -> None:
    told = ran_by(shell, ASK[shell].format(words=words), tmp_path)
    first = [line.replace('"', " ").replace("((", " ").replace("\t", " ") for line in told.splitlines()]
    assert all(any(f" {word} " in f" {line} " for line in first) for word in offered), told
    assert not any(line.split()[:1] == [word] for line in first for word in others), told
    if shell == "fish":
        assert len(first) == len(offered), "one line for each, however narrow the terminal is"


@pytest.mark.skipif(sys.platform == "win32", reason="these shells need a Unix system")
@pytest.mark.parametrize("shell", slow_unless(lambda shell: shell == "bash", SHELLS))
def test_the_shell_that_asks_is_the_one_that_is_meant(tmp_path: Path, shell: str) -> None:
    # A second command, or the shell would make room for the first.
    told = ran_by(shell, "windtunnel --show-completion; true", tmp_path)
    assert told.strip() == call(tmp_path, "--show-completion", shell).stdout.strip()
