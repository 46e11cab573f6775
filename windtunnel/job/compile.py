"""From a TestPlan to what runs: the transport, the compiled plan, and the thresholds checked against its steps.

`run`, `validate`, `--list` and `--dry-run` compile here, so that each finds the same problems.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from windtunnel.engine.parts import RunParts, run_parts
from windtunnel.engine.plan import Plan, compile_scenarios, step_rows
from windtunnel.errors import ConfigError, Problem
from windtunnel.http.transport import HttpTransport
from windtunnel.job.leaving import without_secrets
from windtunnel.model.manifest import StepRow
from windtunnel.model.plan import TestPlan
from windtunnel.model.scenario import Scenario
from windtunnel.model.sut import Sut
from windtunnel.model.threshold import Threshold
from windtunnel.redaction import Redactor
from windtunnel.verdict.selectors import check_selectors

CHECK_ID = "check"
"""The run id of a plan that is compiled and not run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledJob:
    """A plan that is ready to run. `not_judged`: the thresholds on scenarios that `--only` and `--skip` omit."""

    parts: RunParts
    not_judged: tuple[str, ...]

    @property
    def test_plan(self) -> TestPlan:
        """The plan as it was loaded, without the thresholds that are not judged."""
        return self.parts.test_plan

    @property
    def plan(self) -> Plan:
        """The compiled plan."""
        return self.parts.plan


def compile_job(test_plan: TestPlan, *, run_id: str = CHECK_ID, redactor: Redactor | None = None) -> CompiledJob:
    """Compile a plan; its parts hide secrets with `redactor`, or one of their own.

    Raises ConfigError with every problem of its steps, or else of its thresholds.
    """
    redactor = redactor or Redactor(secrets=test_plan.secrets, names=test_plan.sut.redact)
    with without_secrets(lambda: redactor):
        parts = run_parts(test_plan, run_id=run_id, redactor=redactor)
        test_plan, not_judged = check_thresholds(test_plan, parts.plan)
    return CompiledJob(parts=replace(parts, test_plan=test_plan), not_judged=not_judged)


def step_problems(sut: Sut, scenarios: Sequence[Scenario]) -> Sequence[Problem]:
    """The problems of scenarios that only compiling finds."""
    try:
        compile_scenarios(scenarios, sut=sut, transport=HttpTransport(sut, CHECK_ID))
    except ConfigError as error:
        return error.problems
    return ()


def check_thresholds(test_plan: TestPlan, plan: Plan) -> tuple[TestPlan, tuple[str, ...]]:
    """The test plan without the thresholds on scenarios that `--only` and `--skip` omit, and those as text.

    Raises ConfigError for a threshold that could match nothing even if all scenarios ran.
    """
    omitted = [row for scenario in test_plan.left_out for row in step_rows(scenario, test_plan.sut)]
    # The steps of a scenario in Python are unknown before it runs.
    open_scenarios = plan.open_scenarios | {each.id for each in test_plan.left_out if each.function is not None}
    everything = [*plan.rows, *omitted]
    conditions, problems = _of_turbulence(test_plan, everything, open_scenarios)
    problems += check_selectors(
        [*test_plan.thresholds, *conditions], everything, test_plan.phases, open_scenarios=open_scenarios
    )
    if problems:
        raise ConfigError(problems)
    not_judged = [
        threshold
        for threshold in test_plan.thresholds
        if test_plan.left_out
        and check_selectors([threshold], plan.rows, test_plan.phases, open_scenarios=plan.open_scenarios)
    ]
    kept = tuple(threshold for threshold in test_plan.thresholds if threshold not in not_judged)
    test_plan = replace(test_plan, thresholds=kept, left_out=())
    return test_plan, tuple(f"{each.selector}: {each.text}" for each in not_judged)


def warnings_of_faults(compiled: CompiledJob) -> Sequence[str]:
    """What makes it likely that the faults of the run prove nothing."""
    test_plan = compiled.test_plan
    if test_plan.turbulence is None:
        idle = [scenario.id for scenario in test_plan.scenarios if scenario.faults]
        return [f"the faults of {', '.join(idle)} are not done: the plan has no `turbulence`"] if idle else []
    from windtunnel.job.turbulence import turbulence_warnings  # for the plans that have some

    return list(turbulence_warnings(test_plan, compiled.plan.rows))


def _of_turbulence(
    test_plan: TestPlan, rows: Sequence[StepRow], open_scenarios: Collection[str]
) -> tuple[Sequence[Threshold], list[Problem]]:
    """The conditions of `turbulence` on metrics, and the problems of its faults."""
    if test_plan.turbulence is None:
        return (), []
    from windtunnel.job.turbulence import fault_problems, thresholds_of  # for the plans that have some

    return thresholds_of(test_plan.turbulence), fault_problems(test_plan, rows, open_scenarios=open_scenarios)
