"""A Python file stands wherever a scenario file may, and its mistakes have places too."""

from __future__ import annotations

from tests.support.messages import Write, golden, message_of
from tests.support.scenario_files import load_scenarios
from windtunnel.config.assemble import load_all
from windtunnel.job.request import JobRequest
from windtunnel.job.validation import check_plan

SHOP = """
from windtunnel import scenario

@scenario("buy", weight=3, tags={"team": "cart"}, variables={"qty": 2})
async def buy(user):
    await user.http.get("catalog", "/api/products", name="get_products")
    user.check("bought", True)
"""
LOOK = "id: look\nflow: [{ type: http, name: look, path: / }]\n"


def ids(*patterns: str) -> list[str]:
    return [file.scenario.id for file in load_scenarios(patterns, {})]


def test_a_python_file_counts_when_it_is_named_or_globbed_by_its_own_name(write: Write) -> None:
    write("scenarios/shop.py", SHOP)
    write("scenarios/look.yaml", LOOK)
    assert ids("scenarios/shop.py", "scenarios/look.yaml") == ["buy", "look"]
    assert ids("scenarios/*.py") == ["buy"]
    assert ids("scenarios/") == ["look"]
    assert ids("scenarios/*") == ["look"]


def test_what_the_decorator_says_is_in_the_scenario(write: Write) -> None:
    write("shop.py", SHOP)
    ((file,),) = [load_scenarios(["shop.py"], {})]
    scenario = file.scenario
    assert (scenario.weight, scenario.tags, scenario.variables) == (3, {"team": "cart"}, {"qty": 2})
    assert [(step.name, step.type) for step in scenario.steps] == [("get_products", "http")]
    assert [(step.name, step.type) for step in scenario.assertions] == [("bought", "assert")]
    assert str(scenario.source.locate(scenario.steps[0].path)) == "shop.py:5:11"


def test_a_plan_gives_a_python_scenario_another_weight(write: Write) -> None:
    write("sut.yaml", "base_url: http://sut.test")
    write("shop.py", SHOP)
    write("plan.yaml", "scenarios: [{ path: shop.py, weight: 7 }]")
    plan = load_all(environment={}, random_seed=1, plan="plan.yaml")
    assert [scenario.weight for scenario in plan.scenarios] == [7]


def test_a_file_with_several_scenarios_is_one_source(write: Write) -> None:
    write("sut.yaml", "base_url: http://sut.test")
    write("shop.py", SHOP + SHOP.replace("buy", "pay").replace("from windtunnel import scenario", ""))
    plan = load_all(environment={}, random_seed=1, scenarios=["shop.py"])
    assert [scenario.id for scenario in plan.scenarios] == ["buy", "pay"]
    assert [source.file for source in plan.sources] == ["sut.yaml", "shop.py"]


def test_a_service_that_the_sut_does_not_have_is_shown_where_it_is_written(write: Write) -> None:
    write("sut.yaml", "services: { catalogue: { base_url: http://sut.test } }")
    write("shop.py", SHOP)
    assert message_of(lambda: check_plan(JobRequest(scenarios=("shop.py",)), environment={})) == golden(
        """
        shop.py:5:11: there is no service "catalog" in sut.yaml
          5 |     await user.http.get("catalog", "/api/products", name="get_products")
            |           ^^^^^^^^^^^^^
          help: did you mean "catalogue"?
        """
    )


def test_the_rules_of_yaml_hold_for_the_decorator_too(write: Write) -> None:
    write("shop.py", SHOP.replace("weight=3", "weight=3, load={'paralell': 5}").replace("{'qty'", "{'now'"))
    assert (
        message_of(lambda: load_scenarios(["shop.py"], {}))
        .splitlines()[0]
        .startswith('shop.py:3:1: unknown key "paralell"')
    )


def test_a_variable_may_not_take_the_name_of_something_else(write: Write) -> None:
    write("shop.py", SHOP.replace('{"qty": 2}', '{"now": 2}'))
    write("sut.yaml", "base_url: http://sut.test\nservices: { catalog: { base_url: http://sut.test } }")
    told = message_of(lambda: check_plan(JobRequest(scenarios=("shop.py",)), environment={}))
    assert told.startswith('shop.py:3:1: "now" is a reserved name')


def test_two_files_may_not_have_one_id(write: Write) -> None:
    write("shop.py", SHOP)
    write("buy.yaml", LOOK.replace("id: look", "id: buy"))
    told = message_of(lambda: load_scenarios(["buy.yaml", "shop.py"], {}))
    assert told.startswith('shop.py:3:1: the id "buy" is taken by the scenario at buy.yaml:1:5')
