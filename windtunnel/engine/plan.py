"""The plan: a TestPlan with everything compiled that can be, ready to run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from windtunnel.actions.compile.scenario import (
    CompiledAssertion,
    CompiledSection,
    compile_scenario,
)
from windtunnel.actions.python.user import PythonFlow
from windtunnel.actions.request.template import method_of
from windtunnel.actions.table import ACTIONS
from windtunnel.engine.load.feeder import FeederReader, make_readers, rows_end
from windtunnel.engine.load.mix import Mix
from windtunnel.errors import ConfigError, Problem
from windtunnel.expressions.template import Template
from windtunnel.interfaces import CompiledStep, Transport
from windtunnel.model.load import Load
from windtunnel.model.manifest import StepRow
from windtunnel.model.plan import TestPlan
from windtunnel.model.scenario import Scenario, Step, walk
from windtunnel.model.sut import Sut
from windtunnel.model.turbulence import Turbulence
from windtunnel.model.vocabulary import KeepBodies, SectionPhase
from windtunnel.redaction import Redactor

GROUP_SEPARATOR = "::"
"""Stands between the names of nested groups, as in k6."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """The facts of a run that every instance needs."""

    run_id: str
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledScenario:
    """A scenario that is ready to run. At its begin `feeders` give its rows, then `variables` are rendered.

    `script` is run in place of `steps` and `assertions` when the scenario is a function.
    """

    id: str
    variables: tuple[tuple[str, Template], ...]
    steps: tuple[CompiledStep, ...]
    assertions: tuple[CompiledAssertion, ...]
    stop_on_step: bool
    stop_on_assertion: bool
    max_steps: int
    feeders: tuple[FeederReader, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    script: PythonFlow | None = None
    setup: Section | None = None
    user_setup: Section | None = None
    teardown: Section | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A setup, user_setup or teardown, which runs as an instance of its own, and the variables that it can set."""

    scenario: CompiledScenario
    sets: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """A load and its scenarios. Several run at the same time when scenarios have loads of their own.

    Every `of`-th global index is of this track, from `number` on; users are numbered from `first_user` on.
    `rows_end` is the number of its instances after which a data file ends the load; None when none does.
    """

    number: int
    of: int
    load: Load
    scenarios: tuple[CompiledScenario, ...]
    mix: Mix
    seed: str
    first_user: int
    start_after_s: float
    rows_end: int | None = None

    def index(self, number: int) -> int:
        """The global index of this track's instance `number`."""
        return number * self.of + self.number


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The compiled test plan. `rows` are the steps and assertions with their places, for reports; `section_rows`
    are the steps of setups, user_setups and teardowns.

    Scenarios in `open_scenarios` may have steps that are in no row, since code decides them while it runs.
    """

    facts: RunFacts
    tracks: tuple[Track, ...]
    rows: tuple[StepRow, ...]
    keep_bodies: KeepBodies
    section_rows: tuple[StepRow, ...] = ()
    open_scenarios: frozenset[str] = frozenset()
    turbulence: Turbulence | None = None

    @property
    def scenarios(self) -> tuple[CompiledScenario, ...]:
        """Every scenario, in the order of the tracks."""
        return tuple(scenario for track in self.tracks for scenario in track.scenarios)

    def scenario(self, index: int) -> CompiledScenario:
        """The scenario that the instance of a global index runs."""
        number, place = divmod(index, len(self.tracks))
        track = self.tracks[place]
        return track.scenarios[track.mix.scenario(number)]


def compile_plan(test_plan: TestPlan, *, transport: Transport, run_id: str) -> Plan:
    """Compile every scenario. Raises ConfigError with every problem of all of them; sends nothing."""
    compiled = compile_scenarios(test_plan.scenarios, sut=test_plan.sut, transport=transport)
    return Plan(
        facts=RunFacts(run_id=run_id, seed=test_plan.seed),
        tracks=_tracks(test_plan, {scenario.id: scenario for scenario in compiled}),
        rows=tuple(row for scenario in test_plan.scenarios for row in step_rows(scenario, test_plan.sut)),
        section_rows=tuple(
            row for scenario in test_plan.scenarios for row in section_rows(scenario, test_plan.sut)
        ),
        keep_bodies=test_plan.output.bodies,
        open_scenarios=frozenset(scenario.id for scenario in test_plan.scenarios if _is_open(scenario)),
        turbulence=test_plan.turbulence,
    )


def compile_scenarios(scenarios: Sequence[Scenario], *, sut: Sut, transport: Transport) -> list[CompiledScenario]:
    """Scenarios without their data rows. Raises ConfigError with every problem of all of them."""
    problems: list[Problem] = []
    compiled = [_scenario(scenario, sut, transport, problems) for scenario in scenarios]
    if problems:
        files = [scenario.source.file for scenario in scenarios]
        files += [step.source.file for scenario in scenarios for step in walk(scenario.sections)]
        # A file that is included twice has each of its problems twice.
        raise ConfigError(sorted(dict.fromkeys(problems), key=lambda problem: _reading_order(problem, files)))
    return compiled


def _is_open(scenario: Scenario) -> bool:
    """Whether code decides what is sent: the scenario is a function, or has a step in Python or of a plugin."""
    return scenario.function is not None or any(
        step.type == "python" or step.type not in ACTIONS for step in walk(scenario.steps)
    )


def _tracks(test_plan: TestPlan, compiled: Mapping[str, CompiledScenario]) -> tuple[Track, ...]:
    """The common load first, then each load that a scenario has to itself."""
    parts = test_plan.parts
    mixes = [Mix([scenario.weight for scenario in part.scenarios], test_plan.seed) for part in parts]
    feeders: Mapping[str, tuple[FeederReader, ...]] = {}
    if any(scenario.data for scenario in test_plan.scenarios):
        feeders = make_readers(parts, mixes, seed=test_plan.seed, redactor=Redactor(names=test_plan.sut.redact))
    tracks: list[Track] = []
    for number, (part, first_user) in enumerate(zip(parts, test_plan.first_users, strict=True)):
        readers = [reader for scenario in part.scenarios for reader in feeders.get(scenario.id, ())]
        tracks.append(
            Track(
                number=number,
                of=len(parts),
                load=part.load,
                scenarios=tuple(
                    _with_data(compiled[scenario.id], feeders.get(scenario.id, ())) for scenario in part.scenarios
                ),
                mix=mixes[number],
                seed=f"{test_plan.seed}:arrivals:{number}",
                first_user=first_user,
                start_after_s=part.start_after_s,
                rows_end=rows_end(readers) if readers else None,
            )
        )
    return tuple(tracks)


def _with_data(scenario: CompiledScenario, feeders: tuple[FeederReader, ...]) -> CompiledScenario:
    """A scenario with its rows, and its `user_setup` with those of the user."""
    user_setup = scenario.user_setup
    of_user = tuple(feeder for feeder in feeders if feeder.of_user)
    if user_setup is not None and of_user:
        user_setup = replace(user_setup, scenario=replace(user_setup.scenario, feeders=of_user))
    return replace(scenario, feeders=feeders, user_setup=user_setup)


def _reading_order(problem: Problem, files: list[str]) -> tuple[int, int, int]:
    where = problem.where
    return (files.index(where.file), where.line, where.column) if where and where.file in files else (-1, 0, 0)


def _scenario(scenario: Scenario, sut: Sut, transport: Transport, problems: list[Problem]) -> CompiledScenario:
    script = None
    if scenario.function is not None:
        script = PythonFlow.compile(scenario, scenario.function, sut=sut, transport=transport)
    env = {**sut.env, **scenario.env}
    parts = compile_scenario(scenario, sut=sut, transport=transport, problems=problems)
    return CompiledScenario(
        id=scenario.id,
        variables=parts.variables,
        steps=parts.steps,
        assertions=parts.assertions,
        stop_on_step=scenario.stop_when.step_fails,
        stop_on_assertion=scenario.stop_when.assertion_fails,
        max_steps=scenario.max_steps,
        env=env,
        script=script,
        setup=_section(scenario, parts.once, parts.setup, env),
        user_setup=_section(scenario, parts.once_per_user, parts.user_setup, env),
        # A teardown runs all its steps, so that as much as possible is cleaned up.
        teardown=_section(scenario, parts.once, parts.teardown, env, stop_on_step=False),
    )


def _section(
    scenario: Scenario,
    variables: tuple[tuple[str, Template], ...],
    section: CompiledSection | None,
    env: Mapping[str, str],
    *,
    stop_on_step: bool = True,
) -> Section | None:
    if section is None:
        return None
    alone = CompiledScenario(
        id=scenario.id,
        variables=variables,
        steps=section.steps,
        assertions=(),
        stop_on_step=stop_on_step,
        stop_on_assertion=False,
        max_steps=scenario.max_steps,
        env=env,
    )
    return Section(scenario=alone, sets=section.sets)


def step_rows(scenario: Scenario, sut: Sut) -> list[StepRow]:
    """A row for every step and assertion, in order."""
    return [
        *_rows(scenario.steps, scenario, sut),
        *(_row(step, scenario, sut, assertion=True) for step in scenario.assertions),
    ]


def section_rows(scenario: Scenario, sut: Sut) -> list[StepRow]:
    """A row for every step of the setup, user_setup and teardown, in order."""
    sections: tuple[tuple[SectionPhase, tuple[Step, ...]], ...] = (
        ("setup", scenario.setup),
        ("user_setup", scenario.user_setup),
        ("teardown", scenario.teardown),
    )
    return [row for phase, steps in sections for row in _rows(steps, scenario, sut, phase=phase)]


def _rows(
    steps: Sequence[Step],
    scenario: Scenario,
    sut: Sut,
    *,
    depth: int = 0,
    group: str = "",
    phase: SectionPhase | Literal[""] = "",
) -> Iterator[StepRow]:
    for step in steps:
        inside = f"{group}{GROUP_SEPARATOR if group else ''}{step.name}" if step.type == "group" else group
        yield _row(step, scenario, sut, depth=depth, group=inside, phase=phase)
        for block in step.blocks:
            yield from _rows(block.steps, scenario, sut, depth=depth + 1, group=inside, phase=phase)


def _row(
    step: Step,
    scenario: Scenario,
    sut: Sut,
    *,
    depth: int = 0,
    group: str = "",
    phase: SectionPhase | Literal[""] = "",
    assertion: bool = False,
) -> StepRow:
    where = step.source.locate(step.path)
    sends = step.type == "http" or "path" in step.options
    service = sut.service(step.options.get("service")) if sends else None
    return StepRow(
        scenario=scenario.id,
        step=step.name,
        action=step.type,
        service=service.name if service else "",
        method=method_of(step.options) if sends else "",
        assertion=assertion,
        depth=depth,
        group=group,
        holds_steps=bool(step.blocks),
        tags={**scenario.tags, **step.tags},
        phase=phase,
        file=where.file,
        line=where.line or None,
    )
