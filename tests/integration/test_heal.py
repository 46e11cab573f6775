"""`windtunnel turbulence heal`: what a killed run left is undone, once, and what can't be is said."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.support.command_line import Answer, call
from windtunnel.turbulence.undo import UndoLog

RUN = "20261128T120000Z-0a0b0c"


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """The folder of a run that was killed while two faults were on, a folder each."""
    directory = tmp_path / "runs" / RUN
    directory.mkdir(parents=True)
    (directory / "manifest.json").write_text("{}")
    log = UndoLog.create(directory, hide=lambda text: text.replace("hunter2", "[redacted]"))
    for name in ("one", "two"):
        there = tmp_path / name
        there.mkdir()
        revert = ["rmdir", str(there)]
        log.add(
            fault=name,
            kind="hook",
            arguments={"fault": name, "revert": revert, "verify": ["test", "-d", str(there)], "timeout_s": 20},
            by_hand=shlex.join(revert),
        )
    log.close()
    return tmp_path


def heal(folder: Path, *more: str, **environment: str) -> Answer:
    return call(folder, "turbulence", "heal", *more, environment=environment)


def test_what_a_run_left_is_undone_the_latest_first(killed: Path) -> None:
    answer = heal(killed, "--run", RUN, "--allow", "hook")

    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.splitlines() == ["undone  two", "undone  one", f"{RUN}: 2 of 2 undone"]
    assert [each.name for each in killed.iterdir()] == ["runs"]


def test_healing_twice_does_no_harm(killed: Path) -> None:
    heal(killed, "--allow", "hook")
    for _ in range(2):
        answer = heal(killed, "--allow", "hook")

        assert (answer.returncode, answer.stdout) == (0, f"{RUN}: nothing to undo\n")


def test_commands_of_the_plan_run_only_where_they_are_allowed_again(killed: Path) -> None:
    answer = heal(killed)

    assert answer.returncode == 5
    assert "left    one: it runs a command: add --allow hook\n" in answer.stdout
    assert f"by hand: rmdir {killed / 'one'}\n" in answer.stdout
    assert (killed / "one").is_dir()


def test_what_cannot_be_undone_is_said_and_the_rest_is_undone(killed: Path) -> None:
    (killed / "two" / "file").write_text("in the way")

    answer = heal(killed, "--allow", "hook")

    assert answer.returncode == 5
    assert "left    two: revert: 'rmdir' exited 1" in answer.stdout
    assert "undone  one" in answer.stdout
    (killed / "two" / "file").unlink()
    assert heal(killed, "--allow", "hook").stdout.splitlines() == ["undone  two", f"{RUN}: 1 of 1 undone"]


def test_a_run_that_goes_on_is_left_alone(killed: Path) -> None:
    pytest.importorskip("fcntl")
    running = UndoLog.reopen(killed / "runs" / RUN)
    assert running is not None

    answer = heal(killed, "--allow", "hook")

    running.close()
    assert answer.returncode == 2
    assert "still goes on" in answer.stderr
    assert (killed / "two").is_dir()


def test_a_command_with_a_secret_was_not_written_and_is_typed_by_hand(killed: Path) -> None:
    directory = killed / "runs" / "20261129T120000Z-0a0b0c"
    directory.mkdir()
    (directory / "manifest.json").write_text("{}")
    log = UndoLog.create(directory, hide=lambda text: text.replace("hunter2", "[redacted]"))
    log.add(
        fault="pause",
        kind="hook",
        arguments={"revert": ["curl", "-u", "me:hunter2"]},
        by_hand="curl -u me:hunter2",
    )
    log.close()

    answer = heal(killed, "--allow", "hook")

    assert answer.returncode == 5
    assert "a part of its command is secret" in answer.stdout
    assert "by hand: curl -u me:[redacted]" in answer.stdout


def test_nothing_of_the_file_is_a_command_to_a_ci_system_or_a_terminal(killed: Path) -> None:
    directory = killed / "runs" / "20261129T120000Z-0a0b0c"
    directory.mkdir()
    (directory / "manifest.json").write_text("{}")
    log = UndoLog.create(directory, hide=str)
    said = "a\n::error::b\x1b[2K\n##[group]c"
    log.add(fault=said, kind=said, arguments={}, by_hand=said)
    log.close()

    answer = heal(killed)

    assert answer.returncode == 5
    assert not [line for line in answer.stdout.splitlines() if line.lstrip().startswith("::")]
    assert "##[" not in answer.stdout
    assert "\x1b" not in answer.stdout


def test_a_command_has_no_tokens_of_the_ci_system(killed: Path) -> None:
    for name in ("one", "two"):
        (killed / name).rmdir()
    directory = killed / "runs" / "20261129T120000Z-0a0b0c"
    directory.mkdir()
    (directory / "manifest.json").write_text("{}")
    log = UndoLog.create(directory, hide=str)
    told = killed / "told"
    log.add(
        fault="pause",
        kind="hook",
        arguments={"revert": ["sh", "-c", f"echo $MINE-$GITHUB_TOKEN > {told}"]},
        by_hand="",
    )
    log.close()

    answer = heal(killed, "--allow", "hook", GITHUB_TOKEN="ghs_0123456789", MINE="mine")

    assert answer.returncode == 0, answer.stdout
    assert told.read_text() == "mine-\n"
