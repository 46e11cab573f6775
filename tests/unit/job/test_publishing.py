"""One verdict in every file, also where not every file can be written."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.support import sample_run
from tests.support.tiers import slow_unless
from windtunnel.errors import EvidenceError
from windtunnel.job.observer import TextObserver
from windtunnel.job.reports import publish, write_reports
from windtunnel.model.threshold import Threshold
from windtunnel.report.collect import Analysis, analyse
from windtunnel.storage.directory import RunDirectory, StagedFile

SLOW = Threshold(metric="http_req_duration", aggregate="max", op="<", limit=1e12, unit="us", text="max < 1000000s")
NOT_ALL = Threshold(metric="instances", aggregate="rate", op=">", limit=0.1, unit="%", text="rate > 10%")
OUTPUTS = (
    *("summary.json", "summary.md", "report.html", "junit.xml", "metrics.prom"),
    *("ci/windtunnel.env", "ci/load-performance.json", "ci/gl-codequality.json", "ci/gl-annotations.json"),
)


def passing(root: Path) -> tuple[RunDirectory, Analysis]:
    """A run of 40 instances that passes, with records and without reports."""
    directory = sample_run.write_run(root, instances=40, timed=False, thresholds=[SLOW, NOT_ALL])
    analysis = analyse(directory)
    assert analysis.summary.verdict == "pass", analysis.summary.reasons
    return directory, analysis


class Disk:
    """A disk with room for so many bytes of reports."""

    def __init__(self, directory: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
        self.room, self._folder = 10**9, directory.path
        self._before = self.used
        real = StagedFile.write

        def write(staged: StagedFile, content: bytes) -> None:
            if self.used - self._before + len(content) > self.room:
                raise EvidenceError(f"can't write {staged.target}: No space left on device")
            real(staged, content)

        monkeypatch.setattr(StagedFile, "write", write)

    @property
    def used(self) -> int:
        return sum(path.stat().st_size for path in self._folder.rglob("*") if path.is_file())


def outputs(run: Path) -> dict[str, bytes]:
    return {name: (run / name).read_bytes() for name in OUTPUTS if (run / name).exists()}


def verdicts(run: Path) -> set[str]:
    """Every verdict that a file of the run says in so many words."""
    files = outputs(run)
    said = set()
    if "summary.json" in files:
        said.add(json.loads(files["summary.json"])["verdict"])
    if "ci/windtunnel.env" in files:
        said.add(files["ci/windtunnel.env"].split(b"VERDICT=")[1].split(b"\n")[0].decode())
    for name in {"summary.md", "report.html"} & set(files):
        said.add("incomplete" if b"incomplete" in files[name] else "pass")
    return said


def published(
    directory: RunDirectory, analysis: Analysis, **more: Callable[..., Sequence[str]]
) -> tuple[Analysis, str]:
    observer = TextObserver(width=100)
    judged = publish(directory, analysis, observer, environment={}, **more)  # type: ignore[arg-type]
    return judged, observer.text


def test_with_room_for_all_every_file_says_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory, analysis = passing(tmp_path)
    Disk(directory, monkeypatch)
    judged, text = published(directory, analysis)
    assert judged.summary.verdict == "pass"
    assert set(outputs(directory.path)) == set(OUTPUTS)
    assert verdicts(directory.path) == {"pass"}
    assert "✓ pass" in text


@pytest.mark.parametrize("share", slow_unless(lambda share: share * 4 % 1 == 0, [each / 24 for each in range(24)]))
def test_with_less_room_no_file_and_no_output_says_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    directory, analysis = passing(tmp_path)
    disk = Disk(directory, monkeypatch)
    empty = disk.used
    published(directory, analysis)
    needed = disk.used - empty
    for name in OUTPUTS:
        directory.remove(name)
    disk.room = int(needed * share)
    told: list[str] = []

    def on_judged(judged: Analysis) -> Sequence[str]:
        told.append(judged.summary.verdict)
        return ()

    judged, text = published(directory, analysis, on_judged=on_judged)

    assert (judged.summary.verdict, judged.summary.exit_code) == ("incomplete", 5)
    assert "No space left on device" in judged.summary.reasons[0]
    assert "! incomplete" in text
    assert verdicts(directory.path) <= {"incomplete"}
    assert told[-1] == "incomplete"
    assert not list(directory.path.rglob("*.tmp"))
    disk.room = 10**9
    if (directory.path / "incomplete.json").exists():
        assert analyse(directory).summary.verdict == "incomplete"


@pytest.mark.parametrize("name", OUTPUTS)
def test_a_folder_in_the_place_of_any_file_makes_the_others_say_incomplete(tmp_path: Path, name: str) -> None:
    directory, analysis = passing(tmp_path)
    (directory.path / name).mkdir(parents=True)
    judged, _ = published(directory, analysis)
    (directory.path / name).rmdir()
    assert judged.summary.verdict == "incomplete"
    assert verdicts(directory.path) == {"incomplete"}
    assert set(outputs(directory.path)) == {*OUTPUTS} - {name}


def test_what_is_found_after_the_last_file_was_written_makes_all_of_them_anew(tmp_path: Path) -> None:
    directory, analysis = passing(tmp_path)
    answers = iter(((), ["records/0000.jsonl was removed or moved"]))
    judged, _ = published(directory, analysis, check=lambda _: next(answers))
    assert judged.summary.reasons == ["records/0000.jsonl was removed or moved"]
    assert verdicts(directory.path) == {"incomplete"}
    assert analyse(directory).summary == judged.summary


def test_an_exception_of_ours_leaves_no_file_with_a_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(report: object) -> str:
        raise ZeroDivisionError

    directory, analysis = passing(tmp_path)
    monkeypatch.setitem(
        __import__("windtunnel.job.reports", fromlist=["RENDERERS"]).RENDERERS, "html", ("report.html", broken)
    )
    with pytest.raises(ZeroDivisionError):
        published(directory, analysis)
    assert outputs(directory.path) == {}


def test_a_report_that_can_not_be_written_again_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory, analysis = passing(tmp_path)
    published(directory, analysis)
    before = outputs(directory.path)
    Disk(directory, monkeypatch).room = 0
    with pytest.raises(EvidenceError, match="No space left on device"):
        write_reports(directory, analysis, TextObserver(width=100), environment={})
    assert outputs(directory.path) == before


def test_a_report_of_records_that_were_damaged_since_leaves_no_pass_where_it_can_not_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory, analysis = passing(tmp_path)
    published(directory, analysis)
    segment = directory.segments()[0]
    segment.write_bytes(segment.read_bytes()[:-200])
    Disk(directory, monkeypatch).room = 0
    with pytest.raises(EvidenceError, match="No space left on device"):
        write_reports(directory, analyse(directory), TextObserver(width=100), environment={})
    assert outputs(directory.path) == {}
