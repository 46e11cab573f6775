"""The action's inputs: `INPUT_*` variables, read into typed values.

GitHub sets one variable for each input, in capitals, blanks made underscores and hyphens kept. It does not hold
anybody to `required:`, and an input that was not given looks like an empty one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from windtunnel.errors import ConfigError, Problem
from windtunnel.report.text import printable

__all__ = ["DEFAULT_OUTPUT_DIR", "INPUT_NAMES", "ActionInputs", "read_inputs"]

DEFAULT_OUTPUT_DIR = "windtunnel-report"
INPUT_NAMES = (
    "plan",
    "sut",
    "scenarios",
    "parallel",
    "count",
    "duration",
    "rate",
    "stages",
    "max-parallel",
    "arrival",
    "pace",
    "graceful-stop",
    "thresholds",
    "seed",
    "workers",
    "shard",
    "output-dir",
)
"""Every input, as `action.yml` names it."""

_ONE_LINE = (
    "plan",
    "sut",
    "duration",
    "rate",
    "stages",
    "arrival",
    "pace",
    "graceful-stop",
    "workers",
    "shard",
    "output-dir",
)
_SHOWN = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionInputs:
    """What the workflow asked for; None or empty where it said nothing."""

    plan: str | None = None
    sut: str | None = None
    scenarios: tuple[str, ...] = ()
    parallel: int | None = None
    count: int | None = None
    duration: str | None = None
    rate: str | None = None
    stages: str | None = None
    max_parallel: int | None = None
    arrival: str | None = None
    pace: str | None = None
    graceful_stop: str | None = None
    thresholds: tuple[str, ...] = ()
    seed: int | None = None
    workers: str | None = None
    shard: str | None = None
    output_dir: str = DEFAULT_OUTPUT_DIR

    def flags(self) -> tuple[str, ...]:
        """The command line that asks for the same: `("run", "--sut", "sut.yaml", …)`."""
        single = {
            "--plan": self.plan,
            "--sut": self.sut,
            "--parallel": self.parallel,
            "--count": self.count,
            "--duration": self.duration,
            "--rate": self.rate,
            "--stages": self.stages,
            "--max-parallel": self.max_parallel,
            "--arrival": self.arrival,
            "--pace": self.pace,
            "--graceful-stop": self.graceful_stop,
            "--seed": self.seed,
            "--workers": self.workers,
            "--shard": self.shard,
            "--output": self.output_dir,
        }
        flags = [f"{flag}={value}" for flag, value in single.items() if value is not None]
        flags += [f"--scenarios={path}" for path in self.scenarios]
        flags += [f"--threshold={text}" for text in self.thresholds]
        return ("run", *flags)


def read_inputs(environment: Mapping[str, str]) -> ActionInputs:
    """The inputs in `environment`. Raises ConfigError with a problem for each malformed one, named."""
    problems: list[Problem] = []
    inputs = ActionInputs(
        plan=_text(environment, "plan"),
        sut=_text(environment, "sut"),
        scenarios=_lines(environment, "scenarios"),
        parallel=_whole_number(environment, "parallel", problems, at_least=1),
        count=_whole_number(environment, "count", problems, at_least=1),
        duration=_text(environment, "duration"),
        rate=_text(environment, "rate"),
        stages=_text(environment, "stages"),
        max_parallel=_whole_number(environment, "max-parallel", problems, at_least=1),
        arrival=_text(environment, "arrival"),
        pace=_text(environment, "pace"),
        graceful_stop=_text(environment, "graceful-stop"),
        thresholds=_lines(environment, "thresholds"),
        seed=_whole_number(environment, "seed", problems, at_least=0),
        workers=_text(environment, "workers"),
        shard=_text(environment, "shard"),
        output_dir=_text(environment, "output-dir") or DEFAULT_OUTPUT_DIR,
    )
    # A line break in one of these is a list given where a single value is meant.
    for name in _ONE_LINE:
        if "\n" in (value := _text(environment, name) or ""):
            problems.append(_malformed(name, "one line", value))
    if problems:
        raise ConfigError(problems)
    return inputs


def _text(environment: Mapping[str, str], name: str) -> str | None:
    return environment.get("INPUT_" + name.replace(" ", "_").upper(), "").strip() or None


def _lines(environment: Mapping[str, str], name: str) -> tuple[str, ...]:
    lines = (_text(environment, name) or "").split("\n")
    return tuple(line.strip() for line in lines if line.strip())


def _whole_number(
    environment: Mapping[str, str], name: str, problems: list[Problem], *, at_least: int
) -> int | None:
    text = _text(environment, name)
    if text is None:
        return None
    # int() alone also takes 1_000, +5 and the digits of other scripts; it refuses more than 4,300 digits.
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None
    if number is None or number < at_least:
        problems.append(_malformed(name, f"a whole number, {at_least} or more", text))
        return None
    return number


def _malformed(name: str, expected: str, given: str) -> Problem:
    return Problem(
        message=f'input "{name}": expected {expected}, got "{printable(given, limit=_SHOWN)}"',
        hint=f"correct `{name}:` under `with:` of this step in the workflow",
    )
