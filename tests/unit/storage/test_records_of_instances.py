"""Finding the records of a few instances: all of theirs, none of others', without reading further than needed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.records import START, instance, lone_request, request, step
from windtunnel.errors import EvidenceError
from windtunnel.model.record import FaultRecord, Record, RunEnded, RunStarted
from windtunnel.storage.lines import LineDecoder, records_of
from windtunnel.storage.reader import AT_A_TIME
from windtunnel.storage.writer import RecordWriter


def segment(path: Path, records: Sequence[Record], *, run_id: str = "run") -> Path:
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    writer = RecordWriter(path, run_id=run_id)
    writer.write([RunStarted(t=START, schema_version=1, segment=0, plan_hash="h", seed=7), *records])
    writer.end(RunEnded(t=START, reason="count reached", counts={}))
    return path


def journey(index: int, *, steps: int = 2) -> list[Record]:
    poll = lone_request(request())
    poll.instance_id = f"shop-{index}"
    return [poll, *(step(who=f"shop-{index}") for _ in range(steps)), instance(index)]


def found(ids: Sequence[str], *segments: Path) -> list[tuple[str, str]]:
    return [
        (type(record).__name__, record.instance_id) for record in records_of(ids, segments, LineDecoder(("run",)))
    ]


def test_every_record_of_the_wanted_instances_is_found_and_no_other(tmp_path: Path) -> None:
    first = segment(tmp_path / "run/0000.jsonl", [*journey(1), *journey(10), *journey(2)])
    second = segment(tmp_path / "run/0001.jsonl", [*journey(3), *journey(4)])
    assert found(["shop-1", "shop-4"], first, second) == [
        (kind, who)
        for who in ("shop-1", "shop-4")
        for kind in ("RequestRecord", "StepRecord", "StepRecord", "InstanceRecord")
    ]


def test_nothing_is_read_when_nothing_is_wanted_or_all_has_ended(tmp_path: Path) -> None:
    first = segment(tmp_path / "run/0000.jsonl", journey(1))
    missing = tmp_path / "run/0001.jsonl"
    assert found([], missing) == []
    assert len(found(["shop-1"], first, missing)) == 4
    with pytest.raises(EvidenceError, match=r"can't read .*0001\.jsonl"):
        found(["shop-1", "shop-2"], first, missing)


@given(st.text(min_size=1, max_size=8), st.text(max_size=3))
def test_an_instance_is_found_whatever_stands_in_its_name(
    tmp_path_factory: pytest.TempPathFactory, name: str, more: str
) -> None:
    name, more = (text.encode("utf-8", "replace").decode() for text in (name, more))
    folder = tmp_path_factory.mktemp("named")
    path = segment(folder / "run/0000.jsonl", [step(who=name), step(who=f"{name}x{more}"), step(who=f'{name}"')])
    assert found([name], path) == [("StepRecord", name)]


def test_a_text_that_looks_like_an_id_is_none(tmp_path: Path) -> None:
    forged = step(who="shop-1", message='"instance_id":"shop-2"')
    path = segment(tmp_path / "run/0000.jsonl", [forged])
    assert found(["shop-2"], path) == []


def test_records_of_faults_and_of_other_runs_are_passed_over(tmp_path: Path) -> None:
    fault = FaultRecord(t=START, name="cut", kind="reset", event="applied", instance_id="shop-1")
    own = segment(tmp_path / "run/0000.jsonl", [fault, step(who="shop-1")])
    foreign = segment(tmp_path / "run/0001.jsonl", [step(who="shop-1")], run_id="another")
    assert found(["shop-1"], own, foreign) == [("StepRecord", "shop-1")]


def test_damaged_and_torn_lines_are_passed_over(tmp_path: Path) -> None:
    path = segment(tmp_path / "run/0000.jsonl", journey(1))
    lines = path.read_bytes().split(b"\n")
    lines[2] = lines[2].replace(b'"duration_us":2000', b'"duration_us":-1')
    path.write_bytes(b"\n".join(lines[:4]) + b"\n" + lines[4][:-1])
    assert found(["shop-1"], path) == [("RequestRecord", "shop-1"), ("StepRecord", "shop-1")]


def test_instances_are_found_across_the_edges_of_what_is_read_together(tmp_path: Path) -> None:
    told = [record for index in range(400) for record in journey(index)]
    path = segment(tmp_path / "run/0000.jsonl", told)
    assert path.stat().st_size > 4 * AT_A_TIME
    assert len(found([f"shop-{index}" for index in range(400)], path)) == len(told)
