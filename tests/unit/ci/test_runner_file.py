import signal
from pathlib import Path

import pytest

from windtunnel.ci.github import RunnerFile


def test_ours_follows_what_others_wrote_and_replaces_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "output"
    path.write_text("earlier=1\n")
    file = RunnerFile(path)
    assert file.write("a long text of ours\n") is None
    assert file.write("ours\n") is None
    assert path.read_text() == "earlier=1\nours\n"


def test_a_file_that_is_not_there_is_made(tmp_path: Path) -> None:
    assert RunnerFile(tmp_path / "output").write("ours\n") is None
    assert (tmp_path / "output").read_bytes() == b"ours\n"


def test_what_can_not_be_written_is_said(tmp_path: Path) -> None:
    assert RunnerFile(tmp_path).write("ours\n") == f"can't write {tmp_path}: Is a directory"
    assert "No such file" in (RunnerFile(tmp_path / "no" / "output").write("ours\n") or "")


def test_of_what_does_not_fit_nothing_is_left(tmp_path: Path) -> None:
    path = tmp_path / "output"
    path.write_text("earlier=1\n")
    file = RunnerFile(path)
    resource = pytest.importorskip("resource")
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20, limit[1]))
        said = file.write("verdict<<delimiter\npass\ndelimiter\n")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, before)
    assert said is not None
    assert path.read_text() == "earlier=1\n"
