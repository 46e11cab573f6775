"""Who sees the records of a run: sinks take every one and are closed at the end, hooks are called at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from tests.support.journeys import Run, get, pause, scenario, section
from windtunnel.engine.ids import InstanceIds
from windtunnel.engine.run.shutdown import Shutdown, Stop
from windtunnel.model.record import AssertionRecord, InstanceRecord, Record, RunEnded, StepRecord
from windtunnel.testing.scripted import Answer


class Log:
    """A sink that keeps what it takes."""

    def __init__(self, *, broken: bool = False) -> None:
        self.records: list[Record] = []
        self.closed_after: list[int] = []
        self._broken = broken

    def write(self, records: Sequence[Record]) -> None:
        if self._broken and any(isinstance(record, RunEnded) for record in records):
            raise ZeroDivisionError("a broken sink")
        self.records += records

    def close(self) -> None:
        self.closed_after.append(len(self.records))


def test_a_sink_takes_every_record_and_is_closed_after_the_last_one(run: Run) -> None:
    log = Log()
    finished = run(scenario(get("use"), setup=section(get("create"))), sinks=[log])

    assert len(log.records) == len(finished.records)
    assert log.closed_after == [len(finished.records)]


def test_a_sink_is_closed_when_nothing_was_sent(run: Run) -> None:
    log = Log()
    run(scenario(get("use")), sinks=[log], refused="connection refused")

    assert log.closed_after == [2]


def test_a_sink_is_closed_when_the_run_is_stopped(run: Run) -> None:
    def stop_soon(shutdown: Shutdown) -> None:
        asyncio.get_running_loop().call_later(1, shutdown.request, Stop(reason="enough", grace_s=0.0))

    log = Log()
    finished = run(scenario(pause("long", "1h")), sinks=[log], during=stop_soon)

    assert log.closed_after == [len(finished.records)]


def test_a_sink_is_closed_when_the_run_crashes(run: Run) -> None:
    log = Log()

    with pytest.raises(ZeroDivisionError):
        run(scenario(get("use")), sinks=[Log(broken=True), log])
    assert len(log.closed_after) == 1


def test_hooks_see_each_step_assertion_and_instance_as_it_ends_with_its_ids(run: Run) -> None:
    seen: list[tuple[InstanceIds, Record]] = []
    finished = run(
        scenario(get("use"), assertions=[{"type": "assert", "name": "ok", "expect": {"status_code": 200}}]),
        answers=lambda sent: Answer(),
        on_record=[lambda ids, record: seen.append((ids, record))],
    )

    assert [type(record) for _, record in seen] == [StepRecord, AssertionRecord, InstanceRecord]
    assert (
        {ids.instance_id for ids, _ in seen} == {"journey-0"} == {each.instance_id for each in finished.instances}
    )
