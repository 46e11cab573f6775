"""Runs, manifests and baselines that someone else wrote: refused in a sentence, or judged; never a crash."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import sample_run
from tests.support.run_builder import Run
from windtunnel.errors import ConfigError, EvidenceError
from windtunnel.job.baseline import read_baseline
from windtunnel.job.observer import TextObserver
from windtunnel.job.reports import write_reports
from windtunnel.model.manifest import MOST_ROWS
from windtunnel.model.summary import Baseline
from windtunnel.model.threshold import Threshold
from windtunnel.report import terminal as terminal_report
from windtunnel.report.collect import analyse, build_report
from windtunnel.report.renderers import RENDERERS
from windtunnel.storage.directory import RunDirectory, new_run_id, summary_text
from windtunnel.storage.manifests import manifest_damage, manifest_text, read_manifest
from windtunnel.storage.merging import merge_into, merged_manifest
from windtunnel.verdict.comparison import compare

ANY = Threshold(metric="instances", aggregate="rate", op=">=", limit=0.0, unit="%", text="rate >= 0%")
SOON = Threshold(
    metric="http_req_duration",
    aggregate="p",
    percentile=95,
    op="<",
    limit=3.6e9,
    unit="us",
    text="p(95) < 1h",
)


def passing(root: Path, **changes: Any) -> RunDirectory:
    directory = sample_run.write_run(root, instances=30, timed=False, thresholds=[ANY, SOON], **changes)
    assert analyse(directory).summary.verdict == "pass"
    return directory


def edit(file: Path, change: Callable[[Any], Any]) -> None:
    content = json.loads(file.read_bytes())
    file.write_text(json.dumps(change(content)))


def put(**fields: Any) -> Callable[[Any], Any]:
    return lambda content: {**content, **fields}


def first_threshold(**fields: Any) -> Callable[[Any], Any]:
    def change(content: Any) -> Any:
        first, *others = content["thresholds"]
        return {**content, "thresholds": [{**first, **fields}, *others]}

    return change


ABSURD: dict[str, tuple[Callable[[Any], Any], str]] = {
    "a list": (lambda content: [content], "is not the manifest of a run"),
    "a newer version": (put(schema_version=99), "newer version of Windtunnel: manifest of version 99"),
    "a newer version of another form": (
        lambda _: {"schema_version": 99, "runs": []},
        "newer version of Windtunnel",
    ),
    "no segments": (put(segments=0), "at `$.segments`"),
    "a billion segments": (put(segments=10**9), "at `$.segments`"),
    "segments beyond every number": (put(segments=1e308), "is not the manifest of a run"),
    "no shards": (put(shards=0), "at `$.shards`"),
    "more shards than segments": (put(shards=7), "can't be those of 7 shards"),
    "a shard in words": (put(shard="second"), "at `$.shard`"),
    "a shard beyond the last": (put(shard="3/2"), 'there is no shard "3/2"'),
    "a start before 1970": (put(started=-1), "at `$.started`"),
    "a start at the end of time": (put(started=1e308), "at `$.started`"),
    "more steps than a plan can have": (
        put(steps=[{"scenario": "a", "step": "b", "action": "http"}] * (MOST_ROWS + 1)),
        "at `$.steps`",
    ),
    "a step of endless depth": (
        put(steps=[{"scenario": "a", "step": "b", "action": "http", "depth": 10**9}]),
        "at `$.steps[0].depth`",
    ),
    "thresholds in words": (put(thresholds=["p(95) < 1s"]), "at `$.thresholds[0]`"),
    "a threshold of no metric": (first_threshold(metric="beauty"), "the threshold 'beauty' is of no metric"),
    "an aggregate that the metric has not": (first_threshold(aggregate="med"), "'instances' has no med"),
    "a percentile of all": (first_threshold(metric="http_req_duration", aggregate="p"), "has no p"),
    "a percentile beyond all": (
        first_threshold(metric="http_req_duration", aggregate="p", percentile=1e308),
        "a number that no plan can have",
    ),
    "windows of no width": (first_threshold(within_s=0), "a number that no plan can have"),
    "windows of next to no width": (first_threshold(within_s=1e-300), "a number that no plan can have"),
    "a limit beyond every number": (first_threshold(limit=-1e308), "a number that no plan can have"),
}


@pytest.mark.parametrize("what", ABSURD)
def test_a_manifest_that_no_run_can_have_is_refused(tmp_path: Path, what: str) -> None:
    directory = passing(tmp_path)
    change, said = ABSURD[what]
    edit(directory.path / "manifest.json", change)
    with pytest.raises(EvidenceError) as caught:
        analyse(directory)
    assert said in str(caught.value)
    assert "manifest.json" in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [put(name="another"), put(tags={"a": "b"}), first_threshold(limit=0.5), put(checksum="00000000"), put(more=1)],
)
def test_a_manifest_that_was_edited_makes_the_run_incomplete(tmp_path: Path, change: Callable[[Any], Any]) -> None:
    directory = passing(tmp_path)
    edit(directory.path / "manifest.json", change)
    summary = analyse(directory).summary
    assert summary.verdict == "incomplete"
    assert summary.reasons == ["manifest.json was changed after it was written: its checksum is another"]


def test_a_manifest_comes_back_as_it_was_written(tmp_path: Path) -> None:
    manifest = sample_run.manifest(thresholds=[ANY, SOON])
    (tmp_path / "manifest.json").write_bytes(manifest_text(manifest))
    assert read_manifest(tmp_path / "manifest.json") == manifest
    assert manifest_damage(tmp_path / "manifest.json") is None


BYTES: dict[str, bytes] = {
    "nothing": b"",
    "zeros": b"\0" * 5_000,
    "nesting without an end": b"[" * 1_000_000,
    "deep nesting": b"[" * 100_000 + b"]" * 100_000,
    "deep nesting in a field": b'{"run_id":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"}",
    "no text": b"\xff\xfe\x00{",
    "half a character": b'{"run_id":"\\ud800"}',
    "a number": b"1e308",
    "null": b"null",
}


@pytest.mark.parametrize("what", BYTES)
@pytest.mark.parametrize("name", ["manifest.json", "baseline.json", "incomplete.json"])
def test_bytes_that_are_no_file_of_a_run_never_pass(tmp_path: Path, name: str, what: str) -> None:
    directory = passing(tmp_path)
    (directory.path / name).write_bytes(BYTES[what])
    if name == "incomplete.json":
        assert analyse(directory).summary.verdict == "incomplete"
    else:
        with pytest.raises(EvidenceError, match=name):
            analyse(directory)


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _link(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


@pytest.mark.skipif(os.name != "posix", reason="pipes and devices of a POSIX system")
@pytest.mark.parametrize("name", ["manifest.json", "baseline.json", "incomplete.json"])
@pytest.mark.parametrize("make", [_pipe, _link("/dev/zero"), _link("/etc/hostname"), _link("nowhere"), Path.mkdir])
def test_what_is_no_plain_file_is_neither_waited_for_nor_followed(
    tmp_path: Path, name: str, make: Callable[[Path], None]
) -> None:
    directory = passing(tmp_path)
    (directory.path / name).unlink(missing_ok=True)
    make(directory.path / name)
    if name == "incomplete.json":
        assert analyse(directory).summary.verdict == "incomplete"
    else:
        with pytest.raises(EvidenceError, match=r"it is not a regular file|it is a symbolic link"):
            analyse(directory)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    directory = passing(tmp_path)
    with (directory.path / "manifest.json").open("r+b") as file:
        file.truncate(65 * 1024 * 1024)
    with pytest.raises(EvidenceError, match="larger than 64 MiB"):
        analyse(directory)


@pytest.mark.parametrize("what", BYTES)
def test_a_baseline_that_is_no_summary_is_refused_with_its_name(tmp_path: Path, what: str) -> None:
    file = tmp_path / "summary.json"
    file.write_bytes(BYTES[what])
    with pytest.raises(ConfigError, match=r"summary\.json is "):
        read_baseline(str(file), tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (put(schema_version=99), "newer version of Windtunnel: summary of version 99"),
        (lambda content: [content], "is not the summary of a run"),
        (put(verdict="splendid"), "is not the summary of a run"),
        (put(run={"started": 1e308}), "is not the summary of a run"),
        (put(metrics={"vus": {"type": "gauge", "value": 1e308}}), "is not the summary of a run"),
        (put(metrics={"vus": {"type": "gauge", "count": -1}}), "is not the summary of a run"),
        (put(steps=[{"scenario": "a"}]), "is not the summary of a run"),
    ],
)
def test_a_baseline_that_can_not_be_compared_with_is_refused(
    tmp_path: Path, change: Callable[[Any], Any], said: str
) -> None:
    file = tmp_path / "summary.json"
    file.write_bytes(summary_text(analyse(passing(tmp_path)).summary))
    edit(file, change)
    with pytest.raises(ConfigError, match=said):
        read_baseline(str(file), tmp_path)


@pytest.mark.parametrize("name", ["x" * 5_000, "a\0b", "\ud800", "../" * 900 + "x", "~", ""])
def test_a_name_that_can_be_no_path_is_no_run(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError):
        RunDirectory.find(name, tmp_path)
    with pytest.raises(ConfigError):
        read_baseline(name or "nothing", tmp_path)


def shards(root: Path) -> list[RunDirectory]:
    return [
        sample_run.write_run(root, run_id=f"20260101T00000{n}Z-aaaaaa", instances=3, shard=f"{n + 1}/2", number=n)
        for n in range(2)
    ]


def merged(root: Path, runs: list[RunDirectory]) -> RunDirectory:
    manifest = merged_manifest(runs, run_id=new_run_id(1.8e9))
    target = RunDirectory.create(root, manifest.run_id)
    merge_into(target, runs, manifest)
    return target


def test_shards_merge_to_whole_evidence(tmp_path: Path) -> None:
    evidence = analyse(merged(tmp_path, shards(tmp_path))).evidence
    assert (evidence.finished, evidence.intact, evidence.findings) == (True, True, ())


@pytest.mark.skipif(os.name != "posix", reason="links and pipes of a POSIX system")
@pytest.mark.parametrize("place", ["records/0000.jsonl", "bodies/abc", "plan/secret", "plan/deep/er"])
@pytest.mark.parametrize("make", [_pipe, _link("/etc/hostname"), _link("/dev/zero"), _link("/etc")])
def test_merging_follows_no_link_out_of_a_shard(tmp_path: Path, place: str, make: Callable[[Path], None]) -> None:
    runs = shards(tmp_path)
    path = runs[0].path / place
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    make(path)
    with pytest.raises(EvidenceError, match=r"it is a symbolic link|it is not a regular file"):
        merged(tmp_path, runs)


def test_a_folder_of_records_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    runs = shards(tmp_path)
    (runs[0].path / "records").rename(tmp_path / "elsewhere")
    (runs[0].path / "records").symlink_to(tmp_path / "elsewhere")
    for read in (lambda: merged(tmp_path, runs), lambda: analyse(runs[0])):
        with pytest.raises(EvidenceError, match="records: it is a symbolic link"):
            read()


def test_what_a_shard_says_against_itself_is_said_of_the_whole(tmp_path: Path) -> None:
    runs = shards(tmp_path)
    runs[0].mark_incomplete(["report.html could not be written"])
    edit(runs[1].path / "manifest.json", put(name="another"))
    (runs[1].path / "records" / "0000.jsonl").write_bytes((runs[0].path / "records" / "0000.jsonl").read_bytes())

    reasons = analyse(merged(tmp_path, runs)).summary.reasons

    assert reasons[:3] == [
        "20260101T000000Z-aaaaaa: report.html could not be written",
        "20260101T000001Z-aaaaaa: manifest.json was changed after it was written: its checksum is another",
        "20260101T000001Z-aaaaaa: 0000.jsonl is no record file of this run",
    ]


def test_the_same_records_twice_are_not_two_shards(tmp_path: Path) -> None:
    runs = shards(tmp_path)
    first = (runs[0].path / "records" / "0000.jsonl").read_bytes()
    (runs[1].path / "records" / "0001.jsonl").write_bytes(first)
    summary = analyse(merged(tmp_path, runs)).summary
    assert summary.verdict == "incomplete"
    assert "0001.jsonl holds the records of 0000.jsonl" in summary.reasons


@pytest.mark.skipif(os.name != "posix", reason="links of a POSIX system")
@pytest.mark.parametrize(
    ("link", "target"),
    [
        (".summary.json.tmp", "precious"),
        ("summary.json", "precious"),
        ("ci", "folder"),
        ("report.html", "precious"),
    ],
)
def test_writing_a_report_follows_no_link_out_of_the_run(tmp_path: Path, link: str, target: str) -> None:
    directory = passing(tmp_path / "runs")
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "folder").mkdir()
    (directory.path / link).symlink_to(tmp_path / target)
    with contextlib.suppress(EvidenceError):
        write_reports(directory, analyse(directory), TextObserver(width=100), environment={})
    assert (tmp_path / "precious").read_text() == "precious"
    assert list((tmp_path / "folder").iterdir()) == []


def test_windows_without_end_between_two_records_are_not_counted_one_by_one() -> None:
    run = Run(widths_s=[0.001]).requests(1).requests(1, at_s=200_000_000_000.0)
    found = run.result("http_reqs", "count > 0", within_s=0.001)
    assert found.result == "fail"
    assert found.reason is not None
    assert "and in 199,999,999,999,997 more of 200,000,000,000,000 windows" in found.reason


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.lists(st.text(max_size=3), max_size=3),
    st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
    st.sampled_from(
        [1e308, 5e-324, 0, 1, 2**53, "1/2", "\x1b[31m", "p", "max", "count", "rate", "value", "%", "/s"]
    ),
)


def _somewhere(data: st.DataObject, content: Any) -> None:
    """Put another value somewhere into a document."""
    while True:
        keys = list(content) if isinstance(content, dict) else list(range(len(content)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(content[key], dict | list) or not content[key] or data.draw(st.integers(0, 5)) == 0:
            content[key] = data.draw(VALUES)
            return
        content = content[key]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return passing(tmp_path_factory.mktemp("run"))


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_value_in_a_manifest_brings_a_reader_down(run: RunDirectory, data: st.DataObject) -> None:
    file = run.path / "manifest.json"
    before = file.read_bytes()
    content = json.loads(before)
    for _ in range(data.draw(st.integers(1, 4))):
        _somewhere(data, content)
    content.pop("checksum", None)
    try:
        with contextlib.suppress(EvidenceError):
            file.write_text(json.dumps(content))
            read_manifest(file)
            analysis = analyse(run)
            assert analysis.summary.verdict != "pass"
            report = build_report(run, analysis.manifest, analysis.summary, analysis.aggregate)
            for name in RENDERERS:
                if name != "html":
                    assert isinstance(RENDERERS[name][1](report), str)
    finally:
        file.write_bytes(before)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_value_in_a_baseline_brings_a_comparison_down(run: RunDirectory, data: st.DataObject) -> None:
    analysis = analyse(run)
    content = json.loads(summary_text(analysis.summary))
    for _ in range(data.draw(st.integers(1, 4))):
        _somewhere(data, content)
    file = run.path / "other-summary.json"
    file.write_text(json.dumps(content))
    with contextlib.suppress(ConfigError):
        baseline = read_baseline(str(file), run.path)
        assert baseline is not None
        compared = compare(baseline, Baseline.of(analysis.summary))
        assert terminal_report.render_comparison(compared, "run")
