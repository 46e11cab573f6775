"""Whatever became of a record file: it is read to its end, and what is wrong with it is said."""

from __future__ import annotations

import contextlib
import io
import json
import os
import tracemalloc
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import sample_run
from windtunnel.errors import EvidenceError
from windtunnel.model.manifest import Evidence
from windtunnel.model.record import Health, InstanceRecord, Record, RunEnded, RunStarted
from windtunnel.model.threshold import Threshold
from windtunnel.report.collect import analyse, build_report
from windtunnel.report.renderers import RENDERERS
from windtunnel.storage.directory import RunDirectory
from windtunnel.storage.reader import AT_A_TIME, RecordReader, RunIdentity, chunks
from windtunnel.storage.sums import summed
from windtunnel.storage.writer import RecordWriter

Lines = list[bytes]
ANY = Threshold(metric="instances", aggregate="rate", op=">=", limit=0.0, unit="%", text="rate >= 0%")
IDENTITY = RunIdentity(run_ids=(sample_run.RUN_ID,), plan_hash="b2:5f1c9a0e77d4", seed=8136402)


def passing(root: Path, *, instances: int = 12) -> RunDirectory:
    directory = sample_run.write_run(root, instances=instances, timed=False, thresholds=[ANY])
    assert analyse(directory).summary.verdict == "pass"
    return directory


def read(path: Path, identity: RunIdentity | None = IDENTITY) -> tuple[list[Record], Evidence]:
    reader = RecordReader([path], identity=identity)
    return list(reader), reader.evidence()


def edited(line: bytes, **fields: Any) -> bytes:
    """Another line in place of this one, with a checksum that fits: what no accident makes."""
    fields = {**json.loads(line), **fields}
    fields.pop("crc", None)
    return summed(json.dumps(fields, separators=(",", ":")).encode())[:-1]


def with_sums_of_their_own(lines: Lines) -> Lines:
    return [edited(line) if line else line for line in lines]


def at(number: int, **fields: Any) -> Callable[[Lines], Lines]:
    return lambda lines: [*lines[:number], edited(lines[number], **fields), *lines[number + 1 :]]


def of_type(kind: str, **fields: Any) -> Callable[[Lines], Lines]:
    def edit(lines: Lines) -> Lines:
        number = next(n for n, line in enumerate(lines) if f'"type":"{kind}"'.encode() in line)
        return at(number, **fields)(lines)

    return edit


DAMAGE: dict[str, tuple[Callable[[Lines], Lines], str]] = {
    "a time before 1970": (at(3, t=-1), "line 4: is not a record"),
    "a time that no date can have": (at(3, t=1e308), "line 4: is not a record"),
    "the year 10000": (at(3, t=253402300800), "line 4: is not a record"),
    "a time that is no number": (at(3, t=None), "line 4: is not a record"),
    "a duration below zero": (of_type("instance", duration_us=-1), "is not a record"),
    "a duration beyond what JSON holds": (of_type("step", duration_us=2**53 + 1), "is not a record"),
    "a duration of many digits": (of_type("step", duration_us=10**30), "is not a record"),
    "an instance that ended before it started": (of_type("instance", started=2e9), "ended before it started"),
    "a status below zero": (
        lambda lines: with_sums_of_their_own([line.replace(b'"status":200', b'"status":-200') for line in lines]),
        "is not a record",
    ),
    "a line of another run": (at(5, run_id="another"), "line 6: is a record of another run ('another')"),
    "every line of another run": (
        lambda lines: [edited(line, run_id="another") if line else line for line in lines],
        "is of another run ('another')",
    ),
    "another plan": (at(0, plan_hash="other"), "is of another plan or seed than manifest.json"),
    "another seed": (at(0, seed=1), "is of another plan or seed than manifest.json"),
    "the number of another segment": (at(0, segment=3), "holds the records of 0003.jsonl"),
    "the records of a setup": (at(0, kind="setup"), "holds the records of setup-0000.jsonl"),
    "no first line": (lambda lines: lines[1:], "does not begin with run_started"),
    "a second beginning": (lambda lines: [*lines[:4], lines[0], *lines[4:]], "more than one run_started"),
    "lines after the end": (lambda lines: [*lines[:-1], lines[-2], b""], "records after the closing line"),
    "everything twice": (lambda lines: [*lines[:-1], *lines], "records after the closing line"),
    "other counts": (
        lambda lines: [*lines[:-2], edited(lines[-2], counts={"step": 1}), b""],
        "run_ended counts other records than there are",
    ),
    "one digit changed": (
        lambda lines: [lines[0], lines[1].replace(b'"wait":', b'"wait":1'), *lines[2:]],
        "was changed after it was written",
    ),
    "no checksum": (
        lambda lines: [*lines[:-2], summed(lines[-2].partition(b',"checksum"')[0] + b"}")[:-1], b""],
        "was changed after it was written",
    ),
    "a reason put into the end": (
        lambda lines: [*lines[:-2], lines[-2].replace(b"count reached", b"Count reached"), b""],
        "was changed after it was written",
    ),
    "a field put into the end": (
        lambda lines: [*lines[:-2], lines[-2].replace(b'"counts"', b'"more":1,"counts"'), b""],
        "was changed after it was written",
    ),
    "zeros in the middle": (
        lambda lines: [*lines[:4], b"\0" * 5000, *lines[4:]],
        "line 5: was changed after it was written",
    ),
    "deep nesting": (
        lambda lines: [*lines[:4], b"[" * 100_000, *lines[4:]],
        "line 5: was changed after it was written",
    ),
    "half a character": (
        lambda lines: [*lines[:4], b'{"type":"\\ud800"}', *lines[4:]],
        "line 5: was changed after it was written",
    ),
    "no line at all": (lambda lines: [b""], "0000.jsonl is empty"),
    "zeros at the end": (lambda lines: [*lines[:-3], b"\0" * 300_000], "ends in a torn line"),
    "nothing but zeros": (lambda lines: [b"\0" * 300_000], "ends in a torn line (1)"),
    "half a line at the end": (lambda lines: [*lines[:-2], lines[-2][:40]], "ends in a torn line"),
    "a closing line without a line feed": (lambda lines: lines[:-1], "ends in a torn line"),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_is_said_and_never_passes(tmp_path: Path, what: str) -> None:
    directory = passing(tmp_path)
    path = directory.segments()[0]
    edit, said = DAMAGE[what]
    path.write_bytes(b"\n".join(edit(path.read_bytes().split(b"\n"))))

    summary = analyse(directory).summary

    assert summary.verdict == "incomplete"
    assert any(said in reason for reason in summary.reasons), summary.reasons


def test_a_newer_version_is_named(tmp_path: Path) -> None:
    directory = passing(tmp_path)
    path = directory.segments()[0]
    path.write_bytes(b"\n".join(at(0, schema_version=99)(path.read_bytes().split(b"\n"))))

    with pytest.raises(EvidenceError, match="newer version of Windtunnel: records of version 99") as caught:
        analyse(directory)
    assert caught.value.hint == "use the version that wrote it, or a newer one"


def test_findings_are_bounded_however_many_there_are(tmp_path: Path) -> None:
    directory = passing(tmp_path)
    path = directory.segments()[0]
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([lines[0], *[b"{"] * 5_000, *lines[1:]]))

    findings = read(path)[1].findings

    assert len(findings) == 21
    assert findings[0] == "0000.jsonl, line 2: was changed after it was written"
    assert findings[-1].startswith("and 4,98")


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _link_to(target: str) -> Callable[[Path], None]:
    def link(path: Path) -> None:
        path.unlink()
        path.symlink_to(target)

    return link


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _link_to_itself_elsewhere(path: Path) -> None:
    path.rename(path.parent.parent / "kept.jsonl")
    path.symlink_to(path.parent.parent / "kept.jsonl")


@pytest.mark.skipif(os.name != "posix", reason="pipes and devices of a POSIX system")
@pytest.mark.parametrize(
    ("replace", "said"),
    [
        (_pipe, "it is not a regular file"),
        (_folder, "it is not a regular file"),
        (_link_to("/dev/zero"), "it is a symbolic link"),
        (_link_to("/etc/passwd"), "it is a symbolic link"),
        (_link_to("0000.jsonl"), "it is a symbolic link"),
        (_link_to_itself_elsewhere, "it is a symbolic link"),
    ],
)
def test_what_is_no_file_of_the_run_is_not_read(
    tmp_path: Path, replace: Callable[[Path], None], said: str
) -> None:
    directory = passing(tmp_path)
    replace(directory.segments()[0])
    with pytest.raises(EvidenceError, match=f"can't read .*0000.jsonl: {said}"):
        analyse(directory)


def test_a_torn_line_is_read_once_whatever_its_length() -> None:
    size = 32 * 1024 * 1024
    pieces_read: list[int] = []

    class File(io.BytesIO):
        def read(self, most: int | None = -1) -> bytes:
            pieces_read.append(most or 0)
            return super().read(most)

    file = File(b"x" * size)
    tracemalloc.start()
    pieces = list(chunks(file))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert pieces == [b"x" * AT_A_TIME]
    assert len(pieces_read) == size // AT_A_TIME + 1
    assert peak < 1.1 * size


def test_a_line_beyond_every_bound_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("windtunnel.storage.reader.LONGEST_LINE", 4 * AT_A_TIME)
    head, tail, after = b'{"a":"', b'"}\n', b"{}\n"
    pieces = list(chunks(io.BytesIO(head + b"x" * (40 * AT_A_TIME) + tail + after)))
    assert sum(map(len, pieces)) <= 3 * AT_A_TIME
    assert b"".join(pieces).endswith(tail + after)


def test_what_a_writer_wrote_that_can_not_have_been_is_said_too(tmp_path: Path) -> None:
    path = tmp_path / "0000.jsonl"
    writer = RecordWriter(path, run_id=sample_run.RUN_ID)
    writer.write(
        [RunStarted(t=1.0, schema_version=1, segment=0, plan_hash=IDENTITY.plan_hash, seed=IDENTITY.seed)]
    )
    ids: dict[str, Any] = {"instance_id": "a-0", "correlation_id": "c", "scenario": "a", "index": 0, "user": 0}
    writer.write(
        [
            InstanceRecord(
                t=5.0, scheduled=1.0, started=6.0, duration_us=1, response_time_us=1, outcome="passed", **ids
            ),
            Health(t=float("inf")),
        ]
    )
    writer.end(RunEnded(t=1.0, reason="completed", counts={}))

    _, evidence = read(path)

    assert evidence.findings[0] == "0000.jsonl, line 3: is not a record"
    assert "'a-0' ended before it started" in evidence.findings[1]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunDirectory, bytes]:
    directory = passing(tmp_path_factory.mktemp("whole"), instances=6)
    return directory, directory.segments()[0].read_bytes()


@st.composite
def _mutations(draw: st.DrawFn) -> Callable[[bytes], bytes]:
    """Bytes changed, removed, put in, doubled, or exchanged with others of the same file."""
    kind = draw(st.sampled_from(["change", "remove", "insert", "double", "cut", "swap"]))
    where, length = draw(st.floats(0, 1)), draw(st.integers(1, 400))
    content = draw(
        st.binary(min_size=1, max_size=60) | st.sampled_from([b"\n", b"\0", b"}", b'"', b"1e308", b"-"])
    )

    def mutate(whole: bytes) -> bytes:
        begin = int(where * (len(whole) - 1))
        before, piece, after = whole[:begin], whole[begin : begin + length], whole[begin + length :]
        if kind == "change":
            return whole[:begin] + content + whole[begin + len(content) :]
        if kind == "swap":
            return before + after[:length] + piece + after[length:]
        return (
            before
            + {"remove": b"", "insert": content + piece, "double": piece * 2, "cut": b""}[kind]
            + (b"" if kind == "cut" else after)
        )

    return mutate


@settings(max_examples=250, deadline=None)
@given(mutate=_mutations())
def test_no_change_of_a_record_file_goes_unseen(
    whole: tuple[RunDirectory, bytes], mutate: Callable[[bytes], bytes]
) -> None:
    """Not one byte of it may be another: there is no place that can't matter."""
    directory, content = whole
    mutated = mutate(content)
    directory.segments()[0].write_bytes(mutated)
    try:
        verdict = analyse(directory).summary.verdict
    except EvidenceError:
        verdict = "incomplete"
    finally:
        directory.segments()[0].write_bytes(content)
    assert (verdict == "pass") == (mutated == content)


FIELDS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=20),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=3),
    st.sampled_from(
        ["passed", "failed", "skipped", "interrupted", "setup", "warmup:x", "nested", "timeout", "reset"]
    ),
)


@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_no_value_of_any_field_brings_a_reader_down(
    whole: tuple[RunDirectory, bytes], data: st.DataObject
) -> None:
    """A file that someone made up is read and judged like any other, whatever is in it."""
    render_with_other_values(whole, data, [name for name in RENDERERS if name != "html"])


@settings(max_examples=5, deadline=None)
@given(data=st.data())
def test_no_value_of_any_field_brings_the_page_down(
    whole: tuple[RunDirectory, bytes], data: st.DataObject
) -> None:
    render_with_other_values(whole, data, ["html"])


def render_with_other_values(
    whole: tuple[RunDirectory, bytes], data: st.DataObject, renderers: Sequence[str]
) -> None:
    directory, content = whole
    lines = content.split(b"\n")[:-1]
    path = directory.segments()[0]
    for _ in range(data.draw(st.integers(1, 4))):
        number = data.draw(st.integers(0, len(lines) - 1))
        record = json.loads(lines[number])
        holder = record
        if isinstance(record.get("request"), dict) and data.draw(st.booleans()):
            holder = record["request"]
        name = data.draw(
            st.sampled_from([*holder, "phase", "round", "held_us", "signal", "bug", "lost", "message"])
        )
        holder[name] = data.draw(FIELDS)
        lines[number] = json.dumps(record, separators=(",", ":")).encode()
    with contextlib.suppress(EvidenceError):
        path.write_bytes(sealed_anew(lines))
        analysis = analyse(directory)
        report = build_report(directory, analysis.manifest, analysis.summary, analysis.aggregate)
        for name in renderers:
            assert isinstance(RENDERERS[name][1](report), str)
    path.write_bytes(content)


def sealed_anew(lines: Lines) -> bytes:
    """A record file with these lines, and counts and checksums that fit."""
    *before, last = [json.loads(line) for line in lines]
    last["counts"] = dict(Counter(str(record["type"]) for record in before))
    last.pop("checksum", None)
    last.pop("crc", None)
    bare = json.dumps(last, separators=(",", ":")).encode()[:-1]
    written = b"\n".join([*map(edited, lines[:-1]), bare])
    return written[: -len(bare)] + summed(bare + b',"checksum":"%08x"}' % crc32(written))


def test_a_file_that_is_sealed_anew_is_whole(whole: tuple[RunDirectory, bytes]) -> None:
    _, content = whole
    assert sealed_anew(content.split(b"\n")[:-1]) == content
