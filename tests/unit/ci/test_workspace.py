import os
from pathlib import Path, PurePath

import pytest

from windtunnel.ci.workspace import Workspace, find_workspace, give_to_owner


@pytest.mark.parametrize(
    ("file", "known"),
    [
        ("plan.yaml", "app/plan.yaml"),
        ("./a/../plan.yaml", "app/plan.yaml"),
        ("../plan.yaml", "plan.yaml"),
        ("/github/workspace/a/plan.yaml", "a/plan.yaml"),
        ("/etc/plan.yaml", None),
        ("../../plan.yaml", None),
    ],
)
def test_files_are_named_as_the_workspace_knows_them(file: str, known: str | None) -> None:
    workspace = Workspace(root=PurePath("/github/workspace"), folder=PurePath("/github/workspace/app"))
    assert workspace.path_of(file) == known


def test_the_workspace_is_what_the_platform_calls_so_when_we_are_in_it(tmp_path: Path) -> None:
    (inside := tmp_path / "a" / "b").mkdir(parents=True)
    assert find_workspace(str(tmp_path), folder=inside) == tmp_path
    assert find_workspace(str(inside), folder=tmp_path) == tmp_path
    assert find_workspace("/home/runner/work/not/here", folder=tmp_path) == tmp_path
    assert find_workspace(None, folder=tmp_path) == tmp_path


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


@as_root
def test_what_we_made_is_given_to_the_owner_and_nothing_else(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "workspace", tmp_path / "elsewhere"
    run = root / "theirs" / "reports" / "r1"
    (run / "records").mkdir(parents=True)
    elsewhere.mkdir()
    os.chown(root, 1001, 118)
    os.chown(root / "theirs", 1002, 118)
    for file in (run / "summary.json", run / "records" / "0000.jsonl", root / "other", elsewhere / "secret"):
        file.write_text("x")
    (run / "link").symlink_to(elsewhere / "secret")
    (run / "folder").symlink_to(elsewhere)
    (run.parent / "latest").symlink_to("r1")

    assert give_to_owner(run, root=root, uid=1001, gid=118) is None

    def owner(path: Path) -> tuple[int, int]:
        return (path.lstat().st_uid, path.lstat().st_gid)

    given = (run, run.parent, run.parent / "latest", run / "link", run / "folder", run / "records" / "0000.jsonl")
    assert {owner(path) for path in given} == {(1001, 118)}
    assert owner(root / "theirs") == (1002, 118)
    assert {owner(path) for path in (root / "other", elsewhere, elsewhere / "secret")} == {(0, 0)}


@as_root
def test_outside_the_workspace_only_the_run_is_given_away(tmp_path: Path) -> None:
    run = tmp_path / "out" / "r1"
    run.mkdir(parents=True)
    assert give_to_owner(run, root=tmp_path / "workspace", uid=1001, gid=118) is None
    assert run.stat().st_uid == 1001
    assert run.parent.stat().st_uid == 0


def test_what_can_not_be_given_away_is_said(tmp_path: Path) -> None:
    said = give_to_owner(tmp_path / "gone", root=tmp_path, uid=1001, gid=118)
    assert said is not None
    assert "can't change the owner of" in said
