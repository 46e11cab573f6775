"""Any instance of a run is found in its records: whatever became of the files, in however many of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import sample_run
from windtunnel.model.load import Segment
from windtunnel.model.record import InstanceRecord, RequestFacts, RunStarted, StepRecord, Timings
from windtunnel.model.vocabulary import InstanceOutcome
from windtunnel.report.lookup import Lookup
from windtunnel.storage.directory import RunDirectory
from windtunnel.storage.writer import RecordWriter

RUN_ID = sample_run.RUN_ID
START = sample_run.STARTED


def step(instance_id: str, t: float, scenario: str = "checkout", correlation_id: str = "c") -> StepRecord:
    return StepRecord(
        t=t,
        instance_id=instance_id,
        correlation_id=correlation_id,
        scenario=scenario,
        step="pay",
        action="http",
        outcome="passed",
        duration_us=1_000,
        request=RequestFacts(method="GET", url="http://shop/", timings_us=Timings(wait=900)),
    )


def ended(
    instance_id: str,
    t: float,
    outcome: InstanceOutcome = "passed",
    *,
    scenario: str = "checkout",
    fault: str | None = None,
    phase: str = "",
) -> InstanceRecord:
    return InstanceRecord(
        t=t,
        instance_id=instance_id,
        correlation_id="c",
        scenario=scenario,
        index=0,
        user=0,
        outcome=outcome,
        scheduled=t,
        started=t,
        duration_us=1_000,
        response_time_us=1_000,
        fault=fault,
        phase=phase,
    )


def lookup(tmp_path: Path, *segments: Sequence[StepRecord | InstanceRecord]) -> Lookup:
    """Over a run with these records, whose processes were killed: no segment has its last line."""
    directory = RunDirectory.create(tmp_path, RUN_ID)
    for number, records in enumerate(segments):
        writer = RecordWriter(directory.segment(Segment(number=number)), run_id=RUN_ID)
        writer.write([RunStarted(t=START, schema_version=1, segment=number, plan_hash="h", seed=1), *records])
        writer.close()
    return Lookup(directory.segments(), sample_run.manifest())


def test_an_instance_is_found_in_whichever_record_file_it_is(tmp_path: Path) -> None:
    look = lookup(
        tmp_path, [step("a-11", 1), ended("a-11", 2)], [step("a-1", 1), step("a-11", 1), ended("a-1", 2)]
    )

    found = look.instance("a-1")

    assert found is not None
    assert [record.instance_id for record in found.records.records] == ["a-1", "a-1"]
    assert found.segment.name == "0001.jsonl"
    assert look.instance("a-111") is None
    assert look.instance("a-") is None


def test_an_instance_that_did_not_end_is_found_too(tmp_path: Path) -> None:
    look = lookup(tmp_path, [step("a-1", 1), step("a-2", 1), ended("a-2", 2)])

    found = look.instance("a-1")

    assert found is not None
    assert found.ended is None


def test_an_instance_is_found_by_its_correlation_id(tmp_path: Path) -> None:
    look = lookup(tmp_path, [step("a-1", 1, correlation_id="ab" * 16), step("a-2", 1, correlation_id="cd" * 16)])

    found = look.correlated("cd" * 16)

    assert found is not None
    assert found.instance_id == "a-2"
    assert look.correlated("cd" * 15) is None


@settings(max_examples=40, deadline=None)
@given(
    files=st.lists(
        st.lists(
            st.tuples(st.integers(0, 20), st.sampled_from(["passed", "failed", "errored", "interrupted"])),
            max_size=12,
        ),
        min_size=1,
        max_size=3,
    ),
    number=st.integers(1, 10),
)
def test_the_failed_instance_number_n_is_that_by_time_over_all_record_files(
    tmp_path_factory: pytest.TempPathFactory, files: list[list[tuple[int, InstanceOutcome]]], number: int
) -> None:
    records = [
        [ended(f"a-{file}{place}", START + t, outcome) for place, (t, outcome) in enumerate(entries)]
        for file, entries in enumerate(files)
    ]
    look = lookup(tmp_path_factory.mktemp("failed"), *records)
    every = [each for file in records for each in file if each.outcome in {"failed", "errored"}]
    expected = [each.instance_id for each in sorted(every, key=lambda each: each.t)]

    found = look.failed(number)

    assert found.count == len(expected)
    assert found.instance_id == (expected[number - 1] if number <= len(expected) else None)


def test_instances_that_failed_by_a_fault_of_ours_are_counted_apart(tmp_path: Path) -> None:
    look = lookup(
        tmp_path,
        [ended("a-1", 3, "failed", fault="lost reply"), ended("a-2", 2, "failed", fault="lost reply")],
        [ended("a-3", 4, "failed")],
    )

    found = look.failed(1)

    assert (found.count, found.by_fault) == (1, 2)
    assert (found.instance_id, found.first_by_fault) == ("a-3", "a-2")


def test_beside_a_failing_instance_stand_those_of_its_scenario_and_phase_that_passed(tmp_path: Path) -> None:
    look = lookup(
        tmp_path,
        [ended("other-1", 1, scenario="other"), ended("a-0", 1, fault="x"), ended("a-9", 1, phase="setup")],
        [ended("a-3", 1, "failed"), step("a-1", 1), ended("a-1", 2), ended("a-2", 3)],
    )
    failing = look.instance("a-3")
    assert failing is not None

    beside = look.passing_beside(failing)

    assert [each.instance_id for each in beside] == ["a-1", "a-2"]
    assert len(beside[0].records.records) == 2


def test_those_that_were_kept_whole_stand_beside_before_others(tmp_path: Path) -> None:
    passed = [ended(f"a-{number}", number) for number in range(1, 9)]
    passed[6].whole = True
    look = lookup(tmp_path, [ended("a-0", 1, "failed"), *passed])
    failing = look.instance("a-0")
    assert failing is not None

    assert [each.instance_id for each in look.passing_beside(failing)] == ["a-7", "a-1", "a-2", "a-3"]


def test_a_scenario_without_an_instance_that_passed_has_none_beside(tmp_path: Path) -> None:
    look = lookup(tmp_path, [ended("a-1", 1, "failed"), ended("b-1", 1, scenario="b")])
    failing = look.instance("a-1")
    assert failing is not None

    assert look.passing_beside(failing) == []


def test_only_lines_of_the_instance_are_decoded(tmp_path: Path) -> None:
    """So the time to find one of a million is that of searching bytes."""
    look = lookup(tmp_path, [step("a-1", 1)])
    file = tmp_path / RUN_ID / "records" / "0000.jsonl"
    others = [b'{"type":"step","instance_id":"a-%d", no record' % number for number in range(10, 3_000)]
    file.write_bytes(file.read_bytes() + b"\n".join([*others, b""]))

    found = look.instance("a-1")

    assert found is not None
    assert (len(found.records.records), found.damaged) == (1, 0)


HOSTILE = [
    b"{" * 300 + b'"instance_id":"a-1"',
    b'{"type":"step","instance_id":"a-1"}',
    b'{"type":"instance","instance_id":"a-1","outcome":"failed"}',
    b'{"type":"instance","instance_id":"a-1","outcome":"failed","t":1e400}',
    b'\xff\xfe"instance_id":"a-1"',
    b"[" * 50_000 + b'"instance_id":"a-1"' + b"]" * 50_000,
    b"\x00" * 1_000,
    b'"outcome":"failed"' * 1_000,
]


@pytest.mark.parametrize("line", HOSTILE)
def test_lines_that_are_no_records_are_passed_over_and_counted(tmp_path: Path, line: bytes) -> None:
    look = lookup(tmp_path, [step("a-1", 1)], [ended("a-2", 3, "failed")])
    file = tmp_path / RUN_ID / "records" / "0000.jsonl"
    file.write_bytes(file.read_bytes() + line + b"\n" + line)

    found = look.instance("a-1")

    assert found is not None
    assert [type(record) for record in found.records.records] == [StepRecord]
    assert look.failed(1).instance_id == "a-2"
    assert look.some_ids() == ["a-2"]
    assert (found.damaged > 0) == (b'"instance_id":"a-1"' in line)


def test_records_of_another_run_in_the_file_are_not_those_of_this_run(tmp_path: Path) -> None:
    look = lookup(tmp_path, [ended("a-1", 1, "failed")])
    file = tmp_path / RUN_ID / "records" / "0000.jsonl"
    file.write_bytes(file.read_bytes().replace(RUN_ID.encode(), b"20200101T000000Z-000000"))

    assert look.instance("a-1") is None
    assert look.failed(1).count == 0
