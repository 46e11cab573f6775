"""The thresholds of a plan against its steps: none may speak of what is not there."""

from __future__ import annotations

from dataclasses import replace

from windtunnel.engine.plan import Plan, step_rows
from windtunnel.errors import ConfigError
from windtunnel.model.plan import TestPlan
from windtunnel.verdict.selectors import check_selectors


def check_thresholds(test_plan: TestPlan, plan: Plan) -> tuple[TestPlan, list[str]]:
    """The test plan without the thresholds on scenarios that `--only` and `--skip` left out, and their names.

    Raises ConfigError for a threshold that could match nothing even if all scenarios ran.
    """
    left_out = [row for scenario in test_plan.left_out for row in step_rows(scenario, test_plan.sut)]
    # Nobody knows the steps of a scenario in Python before it runs.
    open_scenarios = plan.open_scenarios | {each.id for each in test_plan.left_out if each.function is not None}
    everything = [*plan.rows, *left_out]
    if problems := check_selectors(
        test_plan.thresholds, everything, test_plan.phases, open_scenarios=open_scenarios
    ):
        raise ConfigError(problems)
    silent = [
        threshold
        for threshold in test_plan.thresholds
        if test_plan.left_out
        and check_selectors([threshold], plan.rows, test_plan.phases, open_scenarios=plan.open_scenarios)
    ]
    kept = tuple(threshold for threshold in test_plan.thresholds if threshold not in silent)
    return replace(test_plan, thresholds=kept, left_out=()), [f"{each.selector}: {each.text}" for each in silent]
