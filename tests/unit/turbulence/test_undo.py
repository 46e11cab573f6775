"""The way back on disk: what is left to undo, after any end of the process that wrote it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windtunnel.errors import ConfigError, EvidenceError
from windtunnel.turbulence.undo import UNDO_FILE, UndoLog, UndoStep, read_left


def add(log: UndoLog, fault: str, **arguments: Any) -> UndoStep:
    return log.add(fault=fault, kind="hook", arguments=arguments, by_hand=f"undo {fault}")


def create(directory: Path) -> UndoLog:
    return UndoLog.create(directory, hide=lambda text: text.replace("hunter2-secret", "[redacted]"))


def reopened(directory: Path) -> UndoLog:
    log = UndoLog.reopen(directory)
    assert log is not None
    return log


def left_in(directory: Path) -> list[str]:
    log = reopened(directory)
    try:
        return [step.fault for step in log.left]
    finally:
        log.close()


def test_a_step_is_on_the_disk_when_add_returns(tmp_path: Path) -> None:
    log = create(tmp_path)

    step = add(log, "pause", revert=["docker", "unpause", "shop"])

    assert read_left(tmp_path / UNDO_FILE).steps == [step]


def test_every_line_is_past_the_caches_of_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = create(tmp_path)
    synced: list[bytes] = []
    monkeypatch.setattr("os.fsync", lambda _: synced.append((tmp_path / UNDO_FILE).read_bytes()))

    log.undone(add(log, "pause"))

    assert [content.count(b"\n") for content in synced] == [1, 2]
    assert synced[-1] == (tmp_path / UNDO_FILE).read_bytes()


def test_what_is_left_comes_last_in_first_out(tmp_path: Path) -> None:
    log = create(tmp_path)
    first, second, third = (add(log, name) for name in ("one", "two", "three"))

    log.undone(second)

    assert log.left == (third, first)
    log.close()
    assert left_in(tmp_path) == ["three", "one"]


def test_a_run_without_such_faults_has_no_log(tmp_path: Path) -> None:
    assert UndoLog.reopen(tmp_path) is None


def test_a_run_that_goes_on_keeps_its_log_to_itself(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    log = create(tmp_path)

    with pytest.raises(ConfigError, match="still goes on"):
        UndoLog.reopen(tmp_path)

    log.close()
    log.close()
    reopened(tmp_path).close()


@given(data=st.data())
def test_whatever_is_cut_off_the_end_the_rest_is_read_and_written_on(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    directory = tmp_path_factory.mktemp("run")
    log = create(directory)
    steps = [add(log, name, text="é\n") for name in ("one", "two", "three")]
    log.undone(steps[1])
    log.close()
    file = directory / UNDO_FILE
    content = file.read_bytes()
    cut = data.draw(st.integers(0, len(content)))
    file.write_bytes(content[:cut])
    ends = [end for end in range(1, len(content) + 1) if content[end - 1 : end] == b"\n"]
    # A line counts as soon as nothing but its line feed is missing.
    whole = sum(cut >= end - 1 for end in ends)
    expected = [["one"], ["two", "one"], ["three", "two", "one"], ["three", "one"]][:whole][-1:] or [[]]

    assert left_in(directory) == expected[0]
    log = reopened(directory)
    assert log.damage == []
    for step in log.left:
        log.undone(step)
    log.close()

    again = read_left(file)
    assert (again.steps, again.damage, again.torn) == ([], [], 0)


def test_a_line_in_the_middle_that_cannot_be_read_is_told_and_the_others_count(tmp_path: Path) -> None:
    log = create(tmp_path)
    add(log, "one")
    log.close()
    file = tmp_path / UNDO_FILE
    file.write_bytes(b'{"number": 7}\n\xff\n' + file.read_bytes() + b"null\n")

    left = read_left(file)

    assert [step.fault for step in left.steps] == ["one"]
    assert left.damage == [f"line {number} of {file} can't be read" for number in (1, 2, 4)]


@given(content=st.binary(max_size=300))
def test_any_content_is_read(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    file = tmp_path_factory.mktemp("run") / "undo.jsonl"
    file.write_bytes(content)

    assert read_left(file).steps == []


def test_a_secret_in_a_step_stays_in_memory(tmp_path: Path) -> None:
    log = create(tmp_path)

    step = add(log, "pause", revert=["curl", "-u", "me:hunter2-secret"], more={"deep": ["hunter2-secret"]})

    assert step.arguments["revert"][2] == "me:hunter2-secret"
    assert not step.hidden
    (written,) = read_left(tmp_path / UNDO_FILE).steps
    assert written.hidden
    assert b"hunter2" not in (tmp_path / UNDO_FILE).read_bytes()


def test_a_link_in_place_of_the_log_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "turbulence").mkdir()
    (tmp_path / "elsewhere").write_text("")
    (tmp_path / UNDO_FILE).symlink_to(tmp_path / "elsewhere")

    with pytest.raises(EvidenceError, match="can't open"):
        UndoLog.reopen(tmp_path)


def test_a_folder_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere" / "undo.jsonl"
    elsewhere.parent.mkdir()
    elsewhere.write_text("the file of another program")
    (tmp_path / "turbulence").symlink_to(elsewhere.parent)

    with pytest.raises(EvidenceError, match="can't open"):
        UndoLog.reopen(tmp_path)
    assert elsewhere.read_text() == "the file of another program"


def test_a_file_of_nothing_but_damage_is_not_read_to_its_end(tmp_path: Path) -> None:
    file = tmp_path / "undo.jsonl"
    file.write_bytes(b"\n" * 20_000)

    with pytest.raises(EvidenceError, match="10,000 lines that can't be read: not the way back"):
        read_left(file)


def test_a_log_that_cannot_be_made_is_an_error_of_the_evidence(tmp_path: Path) -> None:
    (tmp_path / "turbulence").write_text("in the way")

    with pytest.raises(EvidenceError, match="without a way back no fault is applied"):
        create(tmp_path)
