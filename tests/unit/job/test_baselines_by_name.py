"""What `--baseline` may name, and what is said of what it may not."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from windtunnel.errors import ConfigError
from windtunnel.job.baseline import is_absent, read_baseline

SUMMARY = {
    "run_id": "r1",
    "verdict": "pass",
    "run": {"load": "1 user", "commit": "abc"},
    "metrics": {"http_reqs": {"type": "counter", "count": 3, "rate": 1.5}},
    "steps": [],
    "later": "versions may add what they like",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two runs, and an artifact of one file."""
    for run_id in ("20260101T000000Z-aaaaaa", "20260102T000000Z-bbbbbb"):
        (tmp_path / "runs" / run_id).mkdir(parents=True)
        (tmp_path / "runs" / run_id / "manifest.json").write_text("{}")
        (tmp_path / "runs" / run_id / "summary.json").write_bytes(
            msgspec.json.encode({**SUMMARY, "run_id": run_id})
        )
    (tmp_path / "artifact").mkdir()
    (tmp_path / "artifact" / "summary.json").write_bytes(msgspec.json.encode(SUMMARY))
    return tmp_path


@pytest.mark.parametrize(
    ("named", "run_id"),
    [
        ("{root}/artifact/summary.json", "r1"),
        ("{root}/artifact", "r1"),
        ("{root}/runs/20260101T000000Z-aaaaaa", "20260101T000000Z-aaaaaa"),
        ("20260101T000000Z-aaaaaa", "20260101T000000Z-aaaaaa"),
        ("latest", "20260102T000000Z-bbbbbb"),
        ("{root}/runs", "20260102T000000Z-bbbbbb"),
    ],
)
def test_a_baseline_is_a_file_a_run_or_the_newest_of_a_folder(root: Path, named: str, run_id: str) -> None:
    found = read_baseline(named.format(root=root), root / "runs")
    assert found is not None
    assert (found.run_id, found.metrics["http_reqs"].rate) == (run_id, 1.5)


def test_nothing_and_none_are_no_baseline(root: Path) -> None:
    assert read_baseline(None, root) is None
    assert read_baseline("none", root) is None


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("nowhere", "no run 'nowhere' in "),
        ("{root}/empty", "no run in "),
        ("{root}/broken.json", "is not the summary of a run"),
        ("{root}/binary.json", "is not the summary of a run"),
        ("{root}/other.json", "missing required field `run_id`"),
        ("{root}/runs/20260103T000000Z-cccccc", "can't read "),
    ],
)
def test_what_can_not_be_read_is_told_with_a_hint(root: Path, named: str, said: str) -> None:
    (root / "empty").mkdir()
    (root / "broken.json").write_text('{"run_id": ')
    (root / "binary.json").write_bytes(b"\xff\xfe\x00")
    (root / "other.json").write_text("{}")
    killed = root / "runs" / "20260103T000000Z-cccccc"
    killed.mkdir()
    (killed / "manifest.json").write_text("{}")
    with pytest.raises(ConfigError) as raised:
        read_baseline(named.format(root=root), root / "runs")
    [problem] = raised.value.problems
    assert problem.flag == "--baseline"
    assert said in problem.message
    assert problem.hint is not None
    assert "--baseline none" in problem.hint


def test_a_mistyped_run_is_offered_the_nearest(root: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        read_baseline("20260101T000000Z-aaaaab", root / "runs")
    assert raised.value.problems[0].hint == 'did you mean "20260101T000000Z-aaaaaa"?'


def test_a_run_that_is_an_argument_is_not_told_of_a_flag(root: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        read_baseline("nowhere", root / "runs", flag="")
    [problem] = raised.value.problems
    assert problem.text == f"no run 'nowhere' in '{root / 'runs'}'"
    assert problem.hint == "name a run, a folder of runs or a summary.json"


def test_absent_is_only_what_has_nothing_in_it(root: Path) -> None:
    (root / "empty").mkdir()
    assert is_absent(str(root / "empty"))
    assert is_absent(str(root / "nowhere"))
    assert not is_absent(str(root / "artifact"))
