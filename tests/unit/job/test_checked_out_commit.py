"""The commit in the manifest: read from `.git`, which is a folder like any other where it was made by hand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from windtunnel.job.machine import checked_out_commit

COMMIT = "8fb0671c" * 5
OTHER = "0123abcd" * 5
PACKED = f"# pack-refs\n{OTHER} refs/heads/a\n{COMMIT} refs/heads/main\n"


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "checkout" / ".git"
    (folder / "refs/heads").mkdir(parents=True)
    (folder.parent / "deep").mkdir()
    monkeypatch.chdir(folder.parent / "deep")
    return folder


@pytest.mark.parametrize(
    "files",
    [
        {"HEAD": COMMIT},
        {"HEAD": "ref: refs/heads/main", "refs/heads/main": COMMIT},
        {"HEAD": "ref: refs/heads/main", "packed-refs": PACKED},
    ],
)  # fmt: skip
def test_the_commit_of_a_checkout(git: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (git / name).write_text(f"{text}\n")
    assert checked_out_commit() == COMMIT


@pytest.mark.parametrize(
    "reference", ["../../secret", "/ABSOLUTE/secret", "refs/heads/link", "refs/heads/folder/secret"]
)
def test_a_reference_that_leads_out_of_git_is_no_commit(git: Path, reference: str) -> None:
    place = git.parents[1]
    (place / "secret").write_text(COMMIT)
    (git / "refs/heads/link").symlink_to(place / "secret")
    (git / "refs/heads/folder").symlink_to(place)
    (git / "HEAD").write_text(f"ref: {reference.replace('/ABSOLUTE', str(place))}\n")
    assert checked_out_commit() is None


@pytest.mark.parametrize("text", ["a secret", "", "ref: ", "ref: refs/heads/gone", f"{COMMIT}0", "ref: a\0b"])
def test_what_is_no_commit_is_not_told_as_one(git: Path, text: str) -> None:
    (git / "HEAD").write_text(text)
    (git / "packed-refs").write_text("")
    assert checked_out_commit() is None


def test_a_pipe_in_place_of_the_head_does_not_hang(git: Path) -> None:
    os.mkfifo(git / "HEAD")
    assert checked_out_commit() is None


def test_a_git_without_a_head_is_none(git: Path) -> None:
    assert checked_out_commit() is None
