from __future__ import annotations

import pytest

from tests.support.run_builder import ROWS, threshold
from windtunnel.errors import Location, Problem
from windtunnel.expressions.threshold import parse_threshold
from windtunnel.model.metric import METRICS
from windtunnel.verdict.selectors import check_selectors

CONDITIONS = {"trend": "count > 0", "rate": "rate > 0%", "counter": "count > 0", "gauge": "value > 0"}


def problems(selector: str) -> list[Problem]:
    metric = selector.partition("{")[0]
    return check_selectors([threshold(selector, CONDITIONS[METRICS[metric].type])], ROWS)


@pytest.mark.parametrize(
    "selector",
    [
        *(metric for metric in METRICS if metric != "group_duration"),
        "http_req_duration{step:pay}",
        "http_req_duration{name:pay}",
        "http_req_duration{scenario:shop,step:pay,service:bank,method:POST}",
        "http_req_duration{status:503}",
        "http_reqs{status:0,error:timeout}",
        "http_req_duration{expected_response:true}",
        "http_req_duration{kind:write}",
        "http_req_duration{step:pay,method:GET}",
        "checks{step:paid}",
        "checks{service:bank}",
        "assertions{step:paid}",
        "step_duration{step:rest}",
        "instances{scenario:shop,team:a}",
    ],
)
def test_a_selector_that_can_match_is_no_problem(selector: str) -> None:
    assert problems(selector) == []


@pytest.mark.parametrize(
    ("selector", "said", "hint"),
    [
        ("http_req_duration{step:brows}", 'no step "brows"', 'did you mean "browse"?'),
        ("http_req_duration{scenario:shoop}", 'no scenario "shoop"', 'did you mean "shop"?'),
        ("http_req_duration{service:bnk}", 'no service "bnk"', 'did you mean "bank"?'),
        ("http_req_duration{method:PSOT}", 'no method "PSOT"', 'did you mean "POST"?'),
        ("http_req_duration{method:DELETE}", 'no method "DELETE"', "one of GET, POST"),
        ("http_req_duration{status:2xx}", 'no status "2xx"', "write a number such as 200"),
        ("http_reqs{error:timout}", 'no error "timout"', 'did you mean "timeout"?'),
        ("http_reqs{kind:writes}", 'no kind "writes"', 'did you mean "write"?'),
        ("http_req_duration{stpe:pay}", 'no tag "stpe"', 'did you mean "step"?'),
        ("http_req_duration{url:http}", 'no tag "url"', "step, method and status"),
        ("http_req_duration{phase:setup}", 'no phase "setup"', None),
        ("http_req_duration{step:rest}", 'no step "rest"', None),
        ("checks{status:200}", 'no tag "status"', "the tags of checks are"),
        ("instances{step:pay}", 'no tag "step"', "the tags of instances are scenario"),
        ("instances{kind:write}", 'no tag "kind"', None),
        ("assertions{step:pay}", 'no step "pay"', "one of paid"),
        ("http_reqs{step:browse,service:bank}", "no http step with step browse, service bank", None),
        ("http_reqs{step:browse,method:POST}", "no http step with step browse, method POST", None),
        ("vus{step:pay}", "vus has no tags", "write vus alone"),
        ("group_duration", "group_duration measures nothing", None),
    ],
)
def test_a_selector_that_can_match_nothing_is_a_problem(selector: str, said: str, hint: str | None) -> None:
    (problem,) = problems(selector)
    assert said in problem.message
    if hint is not None:
        assert hint in (problem.hint or "")


def test_a_metric_that_the_plan_cannot_feed_is_a_problem() -> None:
    only_a_pause = [row for row in ROWS if row.step == "rest"]
    (problem,) = check_selectors([threshold("http_req_duration", "max < 1s")], only_a_pause)
    assert problem.message == "http_req_duration measures nothing: the plan has no http step"


def test_a_problem_points_at_its_threshold() -> None:
    where = Location(file="plan.yaml", line=12, column=5)
    (problem,) = check_selectors([parse_threshold("checks{step:nope}", "rate > 0%", where=where)], ROWS)
    assert problem.where == where


def test_every_wrong_threshold_is_told_and_no_other() -> None:
    found = check_selectors(
        [threshold(f"http_reqs{{step:{name}}}", "count > 0") for name in ("nope", "pay", "neither")], ROWS
    )
    assert ["nope" in found[0].message, "neither" in found[1].message, len(found)] == [True, True, 2]


@pytest.mark.parametrize("metric", ["instances", "dropped_iterations"])
def test_a_scenario_whose_steps_are_not_known_beforehand_has_instances(metric: str) -> None:
    found = check_selectors([threshold(metric, "count < 5")], [], open_scenarios=["coded"])
    assert found == []
    mistyped = check_selectors(
        [threshold(f"{metric}{{scenario:code}}", "count < 5")], [], open_scenarios=["coded"]
    )
    assert len(mistyped) == 1
