"""`hook`: commands of the user that apply a fault, undo it, and tell whether it is there.

```yaml
- name: pause the shop
  type: hook
  apply: docker pause shop
  revert: docker unpause shop
  verify: [sh, -c, "docker inspect -f '{{ .State.Paused }}' shop | grep -q true"]
  timeout: 10s
```

`verify` exits 0 while the fault is there, and with another code while it is not. It must fail before `apply`, pass
after it and fail after `revert`: a check that always passes proves nothing. They and `apply` are
told `level: 100ms`, or the levels of a sweep, in the variable WINDTUNNEL_LEVEL.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from windtunnel.errors import ExpressionError
from windtunnel.expressions.quantities import parse_duration
from windtunnel.model.turbulence import FaultSpec
from windtunnel.turbulence.drivers.commands import Ended, as_typed, command_of, run_command
from windtunnel.turbulence.drivers.driver import Answer, Reach, WayBack
from windtunnel.turbulence.settings import Settings

TIMEOUT_S = 10.0
"""Seconds that a command has unless `timeout` says so."""

FAULT_VARIABLE, LEVEL_VARIABLE = "WINDTUNNEL_FAULT", "WINDTUNNEL_LEVEL"
"""What the commands find in their environment: the name of the fault; `apply` and `verify` also its level."""

_KEYS = ("apply", "revert", "verify", "timeout", "level")


class HookDriver:
    """Runs commands of the user."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach

    def flat(self, fault: FaultSpec) -> FaultSpec:
        """The fault as it is."""
        return fault

    def main(self, fault: FaultSpec) -> str:
        """The level, which the commands are told."""
        del fault
        return "level"

    def check(self, fault: FaultSpec) -> None:
        """Raise ExpressionError for an invalid command or time, and for a schedule by probability."""
        if fault.probability != 1.0 or fault.schedule.pattern in ("ramp", "steps"):
            raise ExpressionError(
                "a hook is on or off: it has no probability",
                hint="sweep: [100ms, 200ms] tells its commands a level in WINDTUNNEL_LEVEL",
                path=("schedule", "pattern") if fault.probability == 1.0 else (),
            )
        settings = Settings(fault.settings)
        settings.only(_KEYS)
        for key in ("apply", "revert"):
            settings.read(key, command_of)
        if "verify" in settings:
            settings.read("verify", command_of)
        settings.positive("timeout", TIMEOUT_S)

    def resource(self, fault: FaultSpec) -> str:
        """What the command that undoes it puts back."""
        return as_typed(command_of(fault.settings["revert"]))

    async def look(self, fault: FaultSpec) -> WayBack | Answer:
        """The command that undoes the fault. With `verify`, the fault must not be there yet."""
        verify, timeout_s = _verify_of(fault), _timeout_of(fault)
        if verify:
            ended = await self._run(verify, timeout_s, fault.name)
            if ended.code is None:
                return Answer(problem=f"verify: {ended.problem}", evidence=ended.output)
            if ended.code == 0:
                problem = "verify passed before the fault was applied: it is there already, or verify can't tell"
                return Answer(problem=problem, evidence=ended.output)
        revert = command_of(fault.settings["revert"])
        arguments = {"fault": fault.name, "revert": list(revert), "verify": list(verify), "timeout_s": timeout_s}
        return WayBack(arguments=arguments, by_hand=as_typed(revert))

    async def apply(self, fault: FaultSpec) -> Answer:
        """Run `apply`; exit code 0 is success."""
        apply = command_of(fault.settings["apply"])
        return _answer("apply", await self._run(apply, _timeout_of(fault), fault.name, _level_of(fault)))

    async def verify(self, fault: FaultSpec) -> Answer:
        """Run `verify`, if there is one; exit code 0 says that the fault is there."""
        if not (verify := _verify_of(fault)):
            return Answer()
        return _answer("verify", await self._run(verify, _timeout_of(fault), fault.name, _level_of(fault)))

    async def revert(self, arguments: Mapping[str, Any]) -> Answer:
        """Run `revert`, unless `verify` says that the fault is not there; afterwards it must say so."""
        try:
            revert = command_of(arguments.get("revert"))
            verify = command_of(arguments["verify"]) if arguments.get("verify") else ()
            timeout_s = parse_duration(arguments.get("timeout_s", TIMEOUT_S))
        except ExpressionError as error:
            return Answer(problem=f"the way back can't be read: {error}")
        name = str(arguments.get("fault", ""))
        if verify and ((await self._run(verify, timeout_s, name)).code or 0) > 0:
            return Answer(evidence="verify says that it is not there")
        ended = await self._run(revert, timeout_s, name)
        if ended.problem or not verify:
            return _answer("revert", ended)
        if (await self._run(verify, timeout_s, name)).code == 0:
            return Answer(problem="verify says that the fault is still there", evidence=ended.output)
        return _answer("revert", ended)

    async def _run(self, command: Sequence[str], within_s: float, name: str, level: str = "") -> Ended:
        told = {FAULT_VARIABLE: name, **({LEVEL_VARIABLE: level} if level else {})}
        reach = replace(self._reach, environment={**self._reach.environment, **told})
        return await run_command(command, reach, within_s=within_s)


def _answer(what: str, ended: Ended) -> Answer:
    problem = f"{what}: {ended.problem}" if ended.problem else None
    return Answer(problem=problem, evidence=ended.output)


def _verify_of(fault: FaultSpec) -> tuple[str, ...]:
    return command_of(fault.settings["verify"]) if "verify" in fault.settings else ()


def _level_of(fault: FaultSpec) -> str:
    return str(fault.settings.get("level", ""))


def _timeout_of(fault: FaultSpec) -> float:
    return parse_duration(fault.settings.get("timeout", TIMEOUT_S))
