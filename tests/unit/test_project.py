"""Which files the files of a test may read: those of the project, whatever the path to them looks like."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windtunnel.errors import ExpressionError, RefusedError
from windtunnel.project import Project, TooLargeError, open_regular, read_named

SECRET = b"not for the project"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a project, which is the working directory, and a file beside it."""
    (tmp_path / "project" / "sub").mkdir(parents=True)
    (tmp_path / "project" / "inside").write_text("inside")
    (tmp_path / "secret").write_bytes(SECRET)
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path


def read(path: str | Path, project: Project = Project()) -> bytes:
    return project.read(path, most=100)


def refusal(path: str | Path, project: Project = Project()) -> str:
    with pytest.raises(RefusedError) as caught:
        read(path, project)
    return str(caught.value)


# ── where the project ends ───────────────────────────────────────────────────────────────────────────────────────


def test_what_is_in_the_project_is_read_however_it_is_named(place: Path) -> None:
    for path in ("inside", "./sub/../inside", "sub//../inside", "../project/inside", place / "project" / "inside"):
        assert read(path) == b"inside"


def test_what_is_outside_is_refused_with_the_flag_to_type(place: Path) -> None:
    with pytest.raises(RefusedError) as caught:
        read("../secret")
    assert str(caught.value) == f'"../secret" leads out of the project folder {place}/project'
    assert caught.value.hint == f"to let files of the project read there, add --allow-path {place}"


def test_a_link_is_what_it_leads_to(place: Path) -> None:
    (place / "project" / "file").symlink_to(place / "secret")
    (place / "project" / "folder").symlink_to(place)
    (place / "project" / "round").symlink_to("../project/inside")
    refusal("file")
    refusal("folder/secret")
    refusal("sub/../folder/secret")
    assert read("round") == b"inside"
    assert read("folder/project/inside") == b"inside"


def test_a_path_through_a_link_goes_up_where_the_link_leads(place: Path) -> None:
    (place / "other" / "deep").mkdir(parents=True)
    (place / "other" / "inside").write_bytes(SECRET)
    (place / "project" / "link").symlink_to(place / "other" / "deep")
    assert "leads out" in refusal("link/../inside")


def test_a_folder_whose_name_begins_like_the_project_is_outside(place: Path) -> None:
    (place / "project-of-others").mkdir()
    (place / "project-of-others" / "file").write_bytes(SECRET)
    refusal("../project-of-others/file")


def test_whether_something_outside_exists_is_not_told(place: Path) -> None:
    (place / "project" / "dangling").symlink_to(place / "nothing")
    (place / "project" / "leading").symlink_to(place / "secret")
    assert refusal("../nothing") == refusal("../secret").replace("secret", "nothing")
    assert refusal("dangling") == refusal("leading").replace("leading", "dangling")


def test_an_allowed_folder_is_read_with_all_that_is_below_it_and_nothing_beside(place: Path) -> None:
    (place / "given" / "deep").mkdir(parents=True)
    (place / "given" / "deep" / "file").write_text("given")
    (place / "given" / "away").symlink_to(place / "secret")
    project = Project.allowing(["../given"])
    assert read(place / "given" / "deep" / "file", project) == b"given"
    refusal("../secret", project)
    refusal("../given/away", project)


def test_a_single_file_can_be_allowed(place: Path) -> None:
    (place / "given").write_text("given")
    assert read("../given", Project.allowing([place / "given"])) == b"given"
    refusal("../secret", Project.allowing([place / "given"]))


def test_an_allowed_link_allows_what_it_leads_to(place: Path) -> None:
    (place / "link").symlink_to(place / "given")
    (place / "given").mkdir()
    (place / "given" / "file").write_text("given")
    assert read("../link/file", Project.allowing([place / "link"])) == b"given"


@pytest.mark.parametrize("marker", ["windtunnel.yaml", "sut.yaml", ".git"])
def test_the_project_of_a_file_elsewhere_is_the_nearest_folder_with_a_mark_of_one(
    place: Path, marker: str
) -> None:
    (place / "theirs" / "tests" / "deep").mkdir(parents=True)
    (place / "theirs" / marker).touch()
    (place / "theirs" / "data").write_text("theirs")
    project = Project().around("../theirs/tests/deep/a.yaml")
    assert read("../theirs/data", project) == b"theirs"
    refusal("../secret", project)
    refusal("inside", project)  # the working directory is not theirs


def test_without_a_mark_it_is_the_folder_of_the_file(place: Path) -> None:
    (place / "theirs").mkdir()
    assert Project().around("../theirs/a.yaml").folder == str(place / "theirs")
    assert Project().around("../theirs/deep/a.yaml", fallback="../theirs").folder == str(place / "theirs")


def test_a_file_below_the_working_directory_is_of_its_project_whatever_else_is_there(place: Path) -> None:
    (place / "project" / "sub" / "sut.yaml").touch()
    assert Project().around("sub/sut.yaml").folder == str(place / "project")
    assert read("inside", Project().around("sub/sut.yaml")) == b"inside"


def test_a_link_in_the_project_does_not_move_the_project(place: Path) -> None:
    (place / "theirs").mkdir()
    (place / "theirs" / "sut.yaml").write_bytes(SECRET)
    (place / "project" / "sut.yaml").symlink_to(place / "theirs" / "sut.yaml")
    (place / "project" / "linked").symlink_to(place / "theirs")
    refusal("sut.yaml", Project().around("sut.yaml"))
    refusal("linked/sut.yaml", Project().around("linked/sut.yaml"))
    refusal(place / "project" / "sut.yaml", Project().around(place / "project" / "sut.yaml"))


def test_a_working_directory_that_is_a_link_is_the_folder_it_leads_to(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "entrance").symlink_to(place / "project")
    monkeypatch.chdir(place / "entrance")
    assert read(place / "entrance" / "inside") == read(place / "project" / "inside") == b"inside"
    assert read("inside", Project().around(place / "entrance" / "inside")) == b"inside"


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="no /proc")
def test_no_project_contains_the_environment_of_a_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir("/")
    (tmp_path / "link").symlink_to("/proc/self/environ")
    for path in ("/proc/self/environ", "proc/1/environ", "/proc/self/root/proc/self/environ", tmp_path / "link"):
        refusal(path)
    assert Project.allowing(["/proc"]).read("/proc/self/environ", most=1024**2)


def test_secrets_that_are_mounted_for_the_job_are_read(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounted = place / "run" / "secrets"
    (mounted / "..data").mkdir(parents=True)
    (mounted / "..data" / "token").write_text("t0k3n")
    (mounted / "token").symlink_to("..data/token")  # as Kubernetes mounts them
    (mounted / "away").symlink_to(place / "secret")
    monkeypatch.setattr("windtunnel.project.SECRET_FOLDERS", (str(mounted),))
    assert read(mounted / "token") == b"t0k3n"
    refusal(mounted / "away")


@pytest.mark.parametrize("folder", ["/run/secrets", "/var/run/secrets"])
def test_the_folders_of_mounted_secrets(folder: str) -> None:
    Project().contain(f"{folder}/token")
    with pytest.raises(RefusedError):
        Project().contain(f"{folder}-of-others/token")


# ── a property ───────────────────────────────────────────────────────────────────────────────────────────────────

PARTS = st.sampled_from(
    [".", "..", "", "sub", "project", "secret", "inside", "file", "folder", "up", "loop", "other", "x\N{SNOWMAN}"]
)


@pytest.fixture(scope="module")
def maze(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project full of links: into itself, out of it, to each other, and in a circle."""
    place = tmp_path_factory.mktemp("maze")
    project = place / "project"
    (project / "sub" / "other").mkdir(parents=True)
    for folder in (place, place / "other"):
        folder.mkdir(exist_ok=True)
        (folder / "secret").write_bytes(SECRET)
        (folder / "inside").write_bytes(SECRET)
    for folder in (project, project / "sub", project / "sub" / "other"):
        (folder / "inside").write_text("inside")
        (folder / "file").symlink_to(place / "secret")
        (folder / "up").symlink_to("..")
        (folder / "folder").symlink_to(place / "other")
        (folder / "loop").symlink_to("loop")
    (place / "other" / "sub").symlink_to(project)
    return place


@given(st.lists(PARTS, min_size=1, max_size=12), st.sampled_from(["", "/"]), st.booleans())
def test_no_path_leads_to_what_is_outside(maze: Path, parts: list[str], root: str, absolute: bool) -> None:
    path = root + "/".join(parts)
    if absolute:
        path = f"{maze}/project/{path}"
    here = Path.cwd()
    os.chdir(maze / "project")
    try:
        # What the user names elsewhere has its own project; what is named in this one is in this one.
        inside = os.path.abspath(path).startswith(f"{maze}/project/")  # noqa: PTH100
        for project in (Project(), Project().around(path if inside else "inside")):
            try:
                assert project.read(path, most=100) == b"inside"
            except ExpressionError:
                continue
    finally:
        os.chdir(here)


# ── files that are none ──────────────────────────────────────────────────────────────────────────────────────────


def make_socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the path of a socket is short
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(path.name)
    os.chdir(here)


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (os.mkfifo, "a named pipe"),
        (Path.mkdir, "a directory"),
        (make_socket, "a socket"),
        (lambda path: path.symlink_to("/dev/zero"), "a device"),
        (lambda path: path.symlink_to("/dev/tty"), "a device"),
    ],
)
def test_what_is_no_file_is_not_opened(place: Path, make: Callable[[Path], object], kind: str) -> None:
    make(place / "project" / "thing.csv")
    project = Project.allowing(["/dev"])
    for act in (lambda: read("thing.csv", project), lambda: project.require(Path("thing.csv"))):
        with pytest.raises(ExpressionError, match=f'^"thing.csv" is {kind}, not a file$'):
            act()
    with pytest.raises(ExpressionError, match="not a file"):
        open_regular("thing.csv")


def test_what_becomes_a_pipe_before_it_is_opened_does_not_hang(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo("pipe")
    monkeypatch.setattr(os, "stat", lambda path: os.lstat("inside"))
    with pytest.raises(ExpressionError, match="a named pipe, not a file"):
        open_regular("pipe")


def test_a_file_that_is_too_large_is_not_read_whole(place: Path) -> None:
    with Path("large").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(TooLargeError, match=r'^"large" is larger than 100 B$'):
        read("large")


@pytest.mark.parametrize("name", ["a\0b", "x" * 5000, "loop"])
def test_a_name_that_leads_nowhere_is_told_and_not_raised(place: Path, name: str) -> None:
    Path("loop").symlink_to("loop")
    with pytest.raises(ExpressionError):
        read(name, Project().around(name))


# ── what the user names ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_pipe_that_the_user_names_is_read_to_its_end(place: Path) -> None:
    reader, writer = os.pipe()
    os.write(writer, b"A=1\n")
    os.close(writer)
    try:
        assert read_named(f"/dev/fd/{reader}", most=100, patience_s=10) == b"A=1\n"
    finally:
        os.close(reader)


@pytest.mark.parametrize("written", [b"", b"A=1\n"])
def test_a_pipe_that_does_not_end_is_given_up(place: Path, written: bytes) -> None:
    reader, writer = os.pipe()
    os.write(writer, written)
    try:
        with pytest.raises(ExpressionError, match="did not end within 0 s"):
            read_named(f"/dev/fd/{reader}", most=100, patience_s=0)
    finally:
        os.close(reader)
        os.close(writer)


def test_a_named_pipe_that_nobody_writes_is_given_up(place: Path) -> None:
    os.mkfifo("pipe")
    with pytest.raises(ExpressionError, match="did not end within 0 s"):
        read_named("pipe", most=100, patience_s=0)


def test_a_pipe_with_too_much_in_it_is_refused(place: Path) -> None:
    reader, writer = os.pipe()
    os.write(writer, b"x" * 101)
    try:
        with pytest.raises(TooLargeError):
            read_named(f"/dev/fd/{reader}", most=100, patience_s=10)
    finally:
        os.close(reader)
        os.close(writer)


def test_a_file_that_the_user_names_may_be_anywhere_and_a_link_in_the_project_may_not_lead_there(
    place: Path,
) -> None:
    (place / "project" / ".env").symlink_to(place / "secret")
    assert read_named(place / "secret", most=100, patience_s=0) == SECRET
    with pytest.raises(RefusedError):
        read_named(".env", most=100, patience_s=0)


def test_a_file_that_a_shell_opened_is_read(place: Path) -> None:
    with (place / "secret").open("rb") as opened:
        assert read_named(f"/dev/fd/{opened.fileno()}", most=100, patience_s=0) == SECRET
