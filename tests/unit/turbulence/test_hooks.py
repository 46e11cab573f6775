"""Hooks: the commands of the user that apply a fault, undo it, and tell whether it is there."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from windtunnel.errors import ExpressionError
from windtunnel.model.turbulence import FaultSpec, FaultTarget, Schedule
from windtunnel.turbulence.drivers.driver import Answer, Driver, Reach, WayBack
from windtunnel.turbulence.drivers.hook import HookDriver


def hook(**settings: Any) -> FaultSpec:
    return FaultSpec(name="pause", type="hook", on=FaultTarget(), engine="hook", settings=settings)


def driver() -> Driver:
    return HookDriver(Reach(environment={"PATH": os.environ["PATH"]}, hide=str))


def switch(folder: Path, **more: Any) -> FaultSpec:
    """A fault that is a file. Undoing it twice is a mistake, as with most commands."""
    file = folder / "fault"
    return hook(apply=f"mkdir {file}", revert=f"rmdir {file}", verify=["test", "-d", str(file)], **more)


def way_back(fault: FaultSpec) -> WayBack:
    found = asyncio.run(driver().look(fault))
    assert isinstance(found, WayBack)
    return found


def test_a_fault_is_applied_found_and_undone(tmp_path: Path) -> None:
    fault = switch(tmp_path)
    way = way_back(fault)

    assert asyncio.run(driver().apply(fault)) == Answer()
    assert asyncio.run(driver().verify(fault)) == Answer()
    assert asyncio.run(driver().revert(way.arguments)) == Answer()

    assert list(tmp_path.iterdir()) == []
    assert way.by_hand == f"rmdir {tmp_path / 'fault'}"


def test_undoing_twice_does_no_harm_where_verify_can_tell(tmp_path: Path) -> None:
    fault = switch(tmp_path)
    way = way_back(fault)

    assert asyncio.run(driver().revert(way.arguments)) == Answer(evidence="verify says that it is not there")


def test_a_fault_that_is_there_before_it_was_applied_is_none_of_ours(tmp_path: Path) -> None:
    fault = switch(tmp_path)
    (tmp_path / "fault").mkdir()

    found = asyncio.run(driver().look(fault))

    assert isinstance(found, Answer)
    assert found.problem == "verify passed before the fault was applied: it is there already, or verify can't tell"


def test_a_check_that_cannot_run_is_no_check(tmp_path: Path) -> None:
    fault = hook(apply="true", revert="true", verify="no-such-program")

    found = asyncio.run(driver().look(fault))

    assert isinstance(found, Answer)
    assert found.problem == "verify: there is no program 'no-such-program'"


def test_a_command_that_fails_says_so(tmp_path: Path) -> None:
    fault = hook(apply="sh -c 'echo no room; exit 7'", revert="false")

    applied = asyncio.run(driver().apply(fault))
    reverted = asyncio.run(driver().revert(way_back(fault).arguments))

    assert applied == Answer(problem="apply: 'sh' exited 7: no room", evidence="no room")
    assert reverted == Answer(problem="revert: 'false' exited 1")


def test_a_fault_that_is_still_there_afterwards_is_not_undone(tmp_path: Path) -> None:
    fault = switch(tmp_path)
    arguments = {**way_back(fault).arguments, "revert": ["true"]}
    (tmp_path / "fault").mkdir()

    assert asyncio.run(driver().revert(arguments)).problem == "verify says that the fault is still there"


def test_commands_know_the_name_of_the_fault_and_its_level(tmp_path: Path) -> None:
    fault = hook(apply=["sh", "-c", "echo $WINDTUNNEL_FAULT at $WINDTUNNEL_LEVEL"], revert="true", level="200ms")

    assert asyncio.run(driver().apply(fault)).evidence == "pause at 200ms"


def test_each_command_has_its_time(tmp_path: Path) -> None:
    fault = hook(apply="sleep 1000", revert="true", timeout="200ms")

    assert asyncio.run(driver().apply(fault)).problem == "apply: 'sleep' took longer than 200 ms"


@pytest.mark.parametrize(
    "arguments",
    [{}, {"revert": 7}, {"revert": []}, {"revert": "a && b"}, {"revert": ["true"], "timeout_s": "soon"}],
)
def test_a_way_back_that_someone_changed_is_an_answer(arguments: dict[str, Any]) -> None:
    assert "the way back can't be read" in (asyncio.run(driver().revert(arguments)).problem or "")


def test_a_name_that_no_variable_can_hold_is_an_answer() -> None:
    answer = asyncio.run(driver().revert({"revert": ["true"], "fault": "a\0b"}))

    assert "hold a character that none can have" in (answer.problem or "")


@pytest.mark.parametrize(
    ("settings", "path", "message"),
    [
        ({"apply": "a && b", "revert": "true"}, ("apply",), "without a shell"),
        ({"apply": "true"}, (), '"revert" is missing'),
        ({"apply": "true", "revert": "true", "verify": []}, ("verify",), "empty"),
        ({"apply": "true", "revert": "true", "timeout": 0}, ("timeout",), "more than zero"),
        ({"apply": "true", "revert": "true", "aply": "true"}, ("aply",), "unknown key"),
    ],
)
def test_what_cannot_be_meant_is_refused(settings: dict[str, Any], path: tuple[str, ...], message: str) -> None:
    with pytest.raises(ExpressionError, match=message) as caught:
        driver().check(hook(**settings))

    assert caught.value.path == path


def test_a_hook_has_no_probability() -> None:
    ramp = msgspec.structs.replace(hook(apply="true", revert="true"), schedule=Schedule(pattern="ramp"))

    with pytest.raises(ExpressionError, match="on or off"):
        driver().check(ramp)
