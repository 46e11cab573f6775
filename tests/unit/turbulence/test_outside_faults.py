"""Faults of engines over a run, in virtual time: each at its times, each undone, whatever an engine says."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from windtunnel.errors import ExpressionError
from windtunnel.model.record import FaultRecord, Record
from windtunnel.model.turbulence import Amount, FaultSpec, FaultTarget, Phases, Schedule, Turbulence
from windtunnel.model.vocabulary import FaultPattern
from windtunnel.tasks import background
from windtunnel.testing.virtual_clock import EPOCH, VirtualClock, run_virtual
from windtunnel.turbulence.drivers.driver import Answer, Reach, WayBack
from windtunnel.turbulence.healing import Undoing
from windtunnel.turbulence.outside import OutsideFaults
from windtunnel.turbulence.undo import UNDO_FILE, read_left

PHASES = Phases(steady_s=10, inject_s=20, recover_s=10)


@dataclass
class Engine:
    """An engine that notes what it is told, and when. `says` are its answers, by call."""

    directory: Path
    says: dict[str, Answer] = field(default_factory=dict)
    takes_s: dict[str, float] = field(default_factory=dict)
    told: list[tuple[float, str]] = field(default_factory=list)
    on_disk_at_apply: list[int] = field(default_factory=list)
    as_applied: list[tuple[object, float]] = field(default_factory=list)

    def flat(self, fault: FaultSpec) -> FaultSpec:
        return fault

    def main(self, fault: FaultSpec) -> str:
        return "strength"

    def check(self, fault: FaultSpec) -> None:
        if fault.settings.get("strength") == "absurd":
            raise ExpressionError("too much", path=("strength",))

    def resource(self, fault: FaultSpec) -> str:
        return str(fault.settings.get("switch", fault.name))

    async def look(self, fault: FaultSpec) -> WayBack | Answer:
        answer = await self._do("look", fault.name)
        switch = self.resource(fault)
        return answer if answer.problem else WayBack(arguments={"switch": switch}, by_hand=f"undo {switch}")

    async def apply(self, fault: FaultSpec) -> Answer:
        self.as_applied.append((fault.settings.get("strength"), round(fault.probability, 3)))
        self.on_disk_at_apply.append(len(read_left(self.directory / UNDO_FILE).steps))
        return await self._do("apply", fault.name)

    async def verify(self, fault: FaultSpec) -> Answer:
        return await self._do("verify", fault.name)

    async def revert(self, arguments: Mapping[str, Any]) -> Answer:
        return await self._do("revert", arguments["switch"])

    async def _do(self, what: str, name: str) -> Answer:
        call = f"{what} {name}"
        self.told.append((asyncio.get_running_loop().time(), call))
        await asyncio.sleep(self.takes_s.get(call, 0.0))
        return self.says.get(call, Answer(evidence=f"{call} done"))


def fault(name: str, at: float, length: float | None = None, **settings: Any) -> FaultSpec:
    return FaultSpec(
        name=name,
        type="test",
        on=FaultTarget(),
        engine="test",
        settings=settings,
        schedule=Schedule(at=Amount(seconds=at), length=Amount(seconds=length) if length is not None else None),
    )


@dataclass
class Run:
    """One run of 40 virtual seconds with these faults."""

    directory: Path
    faults: Sequence[FaultSpec]
    engine: Engine
    records: list[Record] = field(default_factory=list)
    left: list[Undoing] = field(default_factory=list)

    def outside(self) -> OutsideFaults:
        return OutsideFaults(
            Turbulence(phases=PHASES, faults=tuple(self.faults)),
            seed=1,
            clock=VirtualClock(),
            write=self.records.extend,
            directory=self.directory,
            reach=Reach(environment={}, hide=lambda text: text.replace("hunter2", "[redacted]")),
            drivers={"test": lambda _: self.engine},
        )

    async def until(self, end_s: float) -> None:
        outside = self.outside()
        try:
            async with background(outside.run(0.0)):
                await asyncio.sleep(end_s)
        finally:
            self.left += await outside.close()

    @property
    def told(self) -> list[tuple[float, str, str]]:
        records = [record for record in self.records if isinstance(record, FaultRecord)]
        return [(record.t - EPOCH, record.event, record.name) for record in records]

    def details(self, event: str) -> list[str]:
        return [
            record.detail for record in self.records if isinstance(record, FaultRecord) and record.event == event
        ]


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return Engine(tmp_path)


def run(directory: Path, engine: Engine, *faults: FaultSpec, end_s: float = 40.0) -> Run:
    made = Run(directory, faults, engine)
    run_virtual(made.until(end_s))
    return made


def test_a_fault_is_on_from_its_begin_to_its_end(tmp_path: Path, engine: Engine) -> None:
    ended = run(tmp_path, engine, fault("pause", 5, 8))

    assert engine.told == [
        (15.0, "look pause"),
        (15.0, "apply pause"),
        (15.0, "verify pause"),
        (23.0, "revert pause"),
    ]
    assert ended.told == [(15.0, "on", "pause"), (15.0, "applied", "pause"), (23.0, "off", "pause")]
    assert ended.details("applied") == ["apply pause done"]
    assert ended.left == []


def test_the_way_back_is_on_the_disk_before_a_fault_is_applied(tmp_path: Path, engine: Engine) -> None:
    run(tmp_path, engine, fault("one", 0, 9), fault("two", 1, 7), fault("three", 2))

    assert engine.on_disk_at_apply == [1, 2, 3]
    assert read_left(tmp_path / UNDO_FILE).steps == []


def test_a_fault_is_on_from_when_it_may_be_there_until_it_is_gone(tmp_path: Path, engine: Engine) -> None:
    engine.takes_s |= {"look pause": 0.5, "apply pause": 1, "verify pause": 0.25, "revert pause": 2}

    ended = run(tmp_path, engine, fault("pause", 5, 8))

    assert ended.told == [(15.5, "on", "pause"), (16.75, "applied", "pause"), (25.0, "off", "pause")]


def test_a_run_without_such_faults_writes_nothing(tmp_path: Path, engine: Engine) -> None:
    ended = run(tmp_path, engine)

    assert (ended.records, list(tmp_path.iterdir())) == ([], [])


def test_a_run_that_ends_early_undoes_the_latest_first(tmp_path: Path, engine: Engine) -> None:
    ended = run(tmp_path, engine, fault("one", 0), fault("two", 1), fault("late", 15), end_s=13)

    assert [call for _, call in engine.told if "revert" in call] == ["revert two", "revert one"]
    assert ended.told[-2:] == [(13.0, "off", "two"), (13.0, "off", "one")]


def test_a_fault_without_a_length_ends_with_the_phase(tmp_path: Path, engine: Engine) -> None:
    assert run(tmp_path, engine, fault("pause", 5)).told[-1] == (30.0, "off", "pause")


@pytest.mark.parametrize(
    ("call", "undone"), [("look", []), ("apply", ["revert pause"]), ("verify", ["revert pause"])]
)
def test_what_an_engine_does_not_do_is_missed_and_what_it_may_have_done_undone(
    tmp_path: Path, engine: Engine, call: str, undone: list[str]
) -> None:
    engine.says[f"{call} pause"] = Answer(problem="no such thing as hunter2")

    ended = run(tmp_path, engine, fault("pause", 5, 8))

    assert ended.told == [(15.0, "missed", "pause")]
    assert ended.details("missed") == ["no such thing as [redacted]"]
    assert [each for _, each in engine.told if "revert" in each] == undone


def test_what_cannot_be_undone_at_its_end_is_tried_again_and_then_told(tmp_path: Path, engine: Engine) -> None:
    engine.says["revert pause"] = Answer(problem="it is gone")

    ended = run(tmp_path, engine, fault("pause", 5, 8), fault("other", 6, 2))

    assert [at for at, call in engine.told if call == "revert pause"] == [23.0, 40.0]
    assert ended.told[-1] == (40.0, "left", "pause")
    assert ended.details("left") == ["it is gone"]
    assert [(each.step.fault, each.step.by_hand) for each in ended.left] == [("pause", "undo pause")]
    assert [step.fault for step in read_left(tmp_path / UNDO_FILE).steps] == ["pause"]


def test_at_the_end_everything_is_undone_within_its_time_though_one_never_answers(
    tmp_path: Path, engine: Engine
) -> None:
    engine.takes_s["revert stuck"] = 1000

    ended = run(tmp_path, engine, fault("one", 0), fault("two", 1), fault("stuck", 2), end_s=13)

    assert [(at, call) for at, call in engine.told if "revert" in call] == [
        (13.0, "revert stuck"),
        (pytest.approx(13 + 5 / 3), "revert two"),
        (pytest.approx(13 + 5 / 3), "revert one"),
    ]
    assert [each.step.fault for each in ended.left] == ["stuck"]


def test_faults_that_change_the_same_thing_are_one_change(tmp_path: Path, engine: Engine) -> None:
    ended = run(tmp_path, engine, fault("one", 0, 6, switch="db"), fault("two", 4, 6, switch="db"))

    assert [call for _, call in engine.told] == [
        "look one", "apply one", "verify one", "apply two", "verify two", "revert db",
    ]  # fmt: skip
    assert engine.told[-1] == (20.0, "revert db")
    assert [each for each in ended.told if each[1] == "off"] == [(16.0, "off", "one"), (20.0, "off", "two")]


def test_a_run_that_ends_while_a_fault_is_being_applied_undoes_it(tmp_path: Path, engine: Engine) -> None:
    engine.takes_s["apply pause"] = 10

    ended = run(tmp_path, engine, fault("pause", 5), end_s=17)

    assert engine.told[-1] == (17.0, "revert pause")
    assert ended.told == []


def test_close_ends_the_faults_while_the_load_goes_on(tmp_path: Path, engine: Engine) -> None:
    made = Run(tmp_path, [fault("pause", 0), fault("late", 5)], engine)

    async def stop_early() -> None:
        outside = made.outside()
        async with background(outside.run(0.0)):
            await asyncio.sleep(12)
            await outside.close()
            await asyncio.sleep(28)
        assert await outside.close() == []

    run_virtual(stop_early())

    assert made.told == [(10.0, "on", "pause"), (10.0, "applied", "pause"), (12.0, "off", "pause")]


def test_without_a_way_back_on_the_disk_nothing_is_applied(tmp_path: Path, engine: Engine) -> None:
    (tmp_path / "turbulence").write_text("in the way")

    ended = run(tmp_path, engine, fault("pause", 0))

    assert [call for _, call in engine.told] == ["look pause"]
    assert ended.told == [(10.0, "missed", "pause")]
    assert "without a way back no fault is applied" in ended.details("missed")[0]


def test_a_run_that_is_killed_leaves_what_is_on_in_its_log(tmp_path: Path, engine: Engine) -> None:
    class Killed(BaseException):
        pass

    made = Run(tmp_path, [fault("one", 0), fault("two", 1), fault("short", 1, 1)], engine)

    async def die() -> None:
        async with background(made.outside().run(0.0)):
            await asyncio.sleep(13)
            raise Killed

    with pytest.raises(Killed):
        run_virtual(die())
    assert [step.fault for step in read_left(tmp_path / UNDO_FILE).steps] == ["two", "one"]


def patterned(pattern: FaultPattern, length: float, settings: Mapping[str, Any], **more: Any) -> FaultSpec:
    schedule = Schedule(at=Amount(seconds=0.0), length=Amount(seconds=length), pattern=pattern, settings=settings)
    return msgspec.structs.replace(fault("pause", 0, **more), schedule=schedule)


def test_a_fault_that_comes_and_goes_is_applied_and_undone_each_time(tmp_path: Path, engine: Engine) -> None:
    ended = run(tmp_path, engine, patterned("flap", 8, {"on": "3s", "off": "2s"}))

    assert [(at, event) for at, event, _ in ended.told if event != "applied"] == [
        (10.0, "on"), (13.0, "off"), (15.0, "on"), (18.0, "off"),
    ]  # fmt: skip


def test_a_sweep_applies_each_level_and_tells_it(tmp_path: Path, engine: Engine) -> None:
    ended = run(tmp_path, engine, patterned("sweep", 8, {"sweep": [1, 2]}, strength=7))

    levels = [record.level for record in ended.records if isinstance(record, FaultRecord)]
    assert engine.as_applied == [(1, 1.0), (2, 1.0)]
    assert levels == ["1", "1", "1", "2", "2", "2"]


def test_a_ramp_tells_the_engine_its_probability_step_by_step(tmp_path: Path, engine: Engine) -> None:
    ended = run(tmp_path, engine, patterned("ramp", 4, {}))

    assert engine.as_applied == [(None, 0.125), (None, 0.375), (None, 0.625), (None, 0.875)]
    assert [call for _, call in engine.told].count("revert pause") == 1
    assert [event for _, event, _ in ended.told] == ["on", "applied", "off"]


def test_a_ramp_that_an_engine_stops_following_is_missed(tmp_path: Path, engine: Engine) -> None:
    made = Run(tmp_path, [patterned("ramp", 4, {})], engine)

    async def gone_later() -> None:
        outside = made.outside()
        async with background(outside.run(0.0)):
            await asyncio.sleep(12.5)
            engine.says["apply pause"] = Answer(problem="gone")
            await asyncio.sleep(10)
        await outside.close()

    run_virtual(gone_later())

    assert [event for _, event, _ in made.told] == ["on", "applied", "missed", "off"]


@pytest.mark.parametrize(
    ("spec", "path", "message"),
    [
        (patterned("first_n", 4, {"first_n": 3}), ("schedule", "pattern"), "test sees no requests"),
        (patterned("sweep", 4, {"sweep": [1, "absurd"]}), ("schedule", "strength"), "too much"),
        (fault("pause", 0, strength="absurd"), ("strength",), "too much"),
        (fault("pause", 30), ("schedule", "at"), "would begin"),
    ],
)
def test_what_an_engine_cannot_be_told_is_refused_before_the_run(
    tmp_path: Path, engine: Engine, spec: FaultSpec, path: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ExpressionError, match=message) as caught:
        run(tmp_path, engine, spec)

    assert caught.value.path == path
