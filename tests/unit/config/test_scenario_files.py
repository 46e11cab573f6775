from __future__ import annotations

import pytest

from tests.support.messages import Write, golden, message_of
from tests.support.scenario_files import load_scenarios
from windtunnel.config.discovery import Pattern
from windtunnel.config.sut import load_sut
from windtunnel.errors import ConfigError
from windtunnel.job.compile import step_problems
from windtunnel.model.scenario import Scenario, StopWhen, walk

MINIMAL = "id: {id}\nflow: [{{ type: wait, duration: 1s }}]\n"

AS_IN_THE_QUICK_START = """
id: "checkout_flow"
description: "User adds item to cart and checks out"

flow:
  - type: "http"
    name: "get_products"
    service: "catalog"
    method: "GET"
    path: "/api/products"
    extract:
      product_id: "$.items[0].id"

  - type: "wait"
    name: "think_time"
    service: "frontend"
    path: "/"
    expect:
      status_code: 200

  - type: "http"
    name: "add_to_cart"
    service: "cart"
    method: "POST"
    path: "/api/cart"
    json:
      item_id: "{{ product_id }}"
      qty: 1
    
assertions:
  - type: "assert"
    name: "cart_not_empty"
    expect:
      status_code: 201
"""  # noqa: W293  (the printed file has the blanks)


def load(*patterns: str) -> list[Scenario]:
    return [file.scenario for file in load_scenarios(patterns, {})]


def error(*patterns: str) -> str:
    return message_of(lambda: load(*patterns))


def test_the_quick_start_loads_as_printed(write: Write) -> None:
    write("scenarios/checkout.yaml", AS_IN_THE_QUICK_START)
    (scenario,) = load("scenarios/")
    assert scenario.id == "checkout_flow"
    assert scenario.description == "User adds item to cart and checks out"
    assert [(step.type, step.name, step.path) for step in scenario.steps] == [
        ("http", "get_products", ("flow", 0)),
        ("wait", "think_time", ("flow", 1)),
        ("http", "add_to_cart", ("flow", 2)),
    ]
    assert scenario.steps[2].options["json"] == {"item_id": "{{ product_id }}", "qty": 1}
    assert [(step.type, step.name, step.path) for step in scenario.assertions] == [
        ("assert", "cart_not_empty", ("assertions", 0))
    ]
    assert (scenario.weight, scenario.variables, scenario.tags) == (1, {}, {})
    assert scenario.stop_when == StopWhen(step_fails=True, assertion_fails=False)
    assert scenario.source.file == "scenarios/checkout.yaml"
    assert str(scenario.source.locate(("flow", 1, "expect", "status_code"))) == "scenarios/checkout.yaml:18:20"


def test_every_key(write: Write) -> None:
    write(
        "a.yaml",
        """
        id: a
        weight: 3
        tags: { team: cart, tier: 1 }
        variables: { qty: 1, names: [x] }
        stop_when: { step_fails: false, assertion_fails: true }
        max_steps: 5
        flow:
          - { type: http, name: b, method: GET, path: /, when: "{{ x }}", on_failure: continue, tags: { x: true } }
          - { type: set, variables: { z: 1 } }
          - { type: wait, duration: 1s }
          - { type: wait, name: nap, duration: 1s }
        """,
    )
    (scenario,) = load("a.yaml")
    assert (scenario.weight, scenario.max_steps) == (3, 5)
    assert scenario.tags == {"team": "cart", "tier": "1"}
    assert scenario.variables == {"qty": 1, "names": ["x"]}
    assert scenario.stop_when == StopWhen(step_fails=False, assertion_fails=True)
    assert [step.name for step in scenario.steps] == ["b", "set z (step 2)", "wait 1s (step 3)", "nap"]
    assert scenario.steps[0].when == "{{ x }}"
    assert scenario.steps[0].on_failure == "continue"
    assert scenario.steps[0].tags == {"x": "true"}


def test_two_steps_of_one_name(write: Write) -> None:
    write(
        "a.yaml",
        """
        id: a
        flow:
          - { type: wait, name: nap, duration: 1s }
          - { type: wait, name: nap, duration: 1s }
        assertions:
          - { type: assert, name: nap, expect: { status_code: 200 } }
        """,
    )
    assert error("a.yaml") == golden(
        """
        a.yaml:4:25: the name "nap" is taken by the step at a.yaml:3:25
          4 |   - { type: wait, name: nap, duration: 1s }
            |                         ^^^
          help: give each step and assertion a name of its own
        a.yaml:6:27: the name "nap" is taken by the step at a.yaml:3:25
          6 |   - { type: assert, name: nap, expect: { status_code: 200 } }
            |                           ^^^
          help: give each step and assertion a name of its own
        """
    )


def test_a_variable_with_a_reserved_name(write: Write) -> None:
    write("sut.yaml", "base_url: http://sut.test")
    write("a.yaml", "id: a\nvariables: { response: 1, _x: 2 }\nflow: [{ type: wait, duration: 1s }]\n")
    problems = step_problems(load_sut("sut.yaml", {}).sut, load("a.yaml"))
    assert str(ConfigError(problems)) == golden(
        """
        a.yaml:2:14: "response" is a reserved name
          2 | variables: { response: 1, _x: 2 }
            |              ^^^^^^^^
          help: choose another name for the variable
        a.yaml:2:27: "_x" is a reserved name
          2 | variables: { response: 1, _x: 2 }
            |                           ^^
          help: choose another name for the variable
        """
    )


def test_two_scenarios_of_one_id(write: Write) -> None:
    write("s/a.yaml", MINIMAL.format(id="same"))
    write("s/b.yaml", "# another\n" + MINIMAL.format(id="same"))
    assert error("s") == golden(
        """
        s/b.yaml:2:5: the id "same" is taken by the scenario at s/a.yaml:1:5
          2 | id: same
            |     ^^^^
          help: give each scenario an id of its own
        """
    )


def test_the_problems_of_all_files_come_together(write: Write) -> None:
    write("s/a.yaml", "id: a\n")
    write("s/b.yaml", "")
    write("s/c.yaml", MINIMAL.format(id="c"))
    write("s/d.yaml", "id: d\nflow: [{ type: wait }]")
    assert error("missing", "s") == golden(
        """
        there is no file or directory "missing"
        s/a.yaml:1:1: a scenario needs "flow"
          1 | id: a
            | ^^^^^
        s/b.yaml: the file is empty
        s/d.yaml:2:8: a wait step needs "path", "url" or "duration"
          2 | flow: [{ type: wait }]
            |        ^
        s/d.yaml:2:8: a wait step needs "name"
          2 | flow: [{ type: wait }]
            |        ^
          help: add `name: get_products`
        """
    )


def test_a_directory_is_searched_for_yaml_files(write: Write) -> None:
    for name in ("b.yaml", "a.yml", "deep/er/c.yaml", "_not.yaml", "_not/d.yaml", ".git/e.yaml", "f.txt", "g.py"):
        write(f"s/{name}", MINIMAL.format(id=name.split(".", maxsplit=1)[0].rsplit("/", 1)[-1]))
    assert [scenario.id for scenario in load("s")] == ["a", "b", "c"]


def test_fragments_are_passed_over_unless_they_are_named(write: Write) -> None:
    write("s/a.yaml", MINIMAL.format(id="a"))
    write("s/login.yaml", "steps: [{ type: wait, duration: 1s }]")
    assert [scenario.id for scenario in load("s")] == ["a"]
    assert [scenario.id for scenario in load("s/*.yaml")] == ["a"]
    assert 'unknown key "steps" in a scenario' in error("s/login.yaml")


def test_globs(write: Write) -> None:
    for name in ("a", "b", "_c"):
        write(f"s/{name}.yaml", MINIMAL.format(id=name))
    write("s/deep/d.yml", MINIMAL.format(id="d"))
    write("s/e.txt", MINIMAL.format(id="e"))
    write("s/f.py", "")
    assert [scenario.id for scenario in load("s/*.yaml")] == ["a", "b"]
    assert [scenario.id for scenario in load("s/[b-z]*")] == ["b", "d"]
    assert [scenario.id for scenario in load("s/**/*.y*ml")] == ["a", "b", "d"]
    assert [scenario.id for scenario in load("s/_*.yaml")] == ["_c"]
    assert [scenario.id for scenario in load("s/*.txt")] == ["e"]


def test_a_file_that_is_reached_twice_counts_once(write: Write) -> None:
    write("s/a.yaml", MINIMAL.format(id="a"))
    write("s/b.yaml", MINIMAL.format(id="b"))
    assert [scenario.id for scenario in load("s/b.yaml", "s", "./s/../s/a.yaml")] == ["b", "a"]


def test_a_weight_beside_the_path_wins(write: Write) -> None:
    write("s/a.yaml", "weight: 2\n" + MINIMAL.format(id="a"))
    write("s/b.yaml", "weight: 3\n" + MINIMAL.format(id="b"))
    files = load_scenarios([Pattern(text="s"), Pattern(text="s/b.yaml", weight=7)], {})
    assert [(file.scenario.id, file.scenario.weight) for file in files] == [("a", 2), ("b", 7)]


def test_no_scenario_found(write: Write) -> None:
    write("scenarios/_draft.yaml", MINIMAL.format(id="a"))
    assert error("scenarios/") == golden(
        """
        no scenario found in "scenarios/"
          help: a scenario is a YAML file with "id" and "flow", and a name without a leading "_"
        """
    )
    assert error("scenarios/*.yml").startswith('no scenario found in "scenarios/*.yml"\n')
    write("scenarios/login.yaml", "steps: []")
    assert error("scenarios/") == golden(
        """
        no scenario found in "scenarios/"
          help: a scenario has an "id" and a "flow"
        """
    )


def test_a_file_that_is_not_there(write: Write) -> None:
    write("scenarios/checkout.yaml", MINIMAL.format(id="a"))
    assert error("scenarios/chekout.yaml") == golden(
        """
        there is no file or directory "scenarios/chekout.yaml"
          help: did you mean "checkout.yaml"?
        """
    )


def test_a_service_that_the_sut_does_not_have(write: Write) -> None:
    write(
        "sut.yaml",
        "services: { cart: { base_url: 'http://cart.test' }, catalog: { base_url: 'http://cat.test' } }",
    )
    write(
        "a.yaml",
        """
        id: a
        flow:
          - { type: http, name: a, service: carts, method: GET, path: / }
          - { type: http, name: b, service: frontend, method: GET, path: / }
          - { type: http, name: c, method: GET, path: / }
          - { type: http, name: d, method: GET, url: "http://cart.test/" }
          - { type: wait, duration: 1s }
          - { type: wait, name: e, service: cart, path: / }
        """,
    )
    problems = step_problems(load_sut("sut.yaml", {}).sut, load("a.yaml"))
    assert str(ConfigError(problems)) == golden(
        """
        a.yaml:3:37: there is no service "carts" in sut.yaml
          3 |   - { type: http, name: a, service: carts, method: GET, path: / }
            |                                     ^^^^^
          help: did you mean "cart"?
        a.yaml:4:37: there is no service "frontend" in sut.yaml
          4 |   - { type: http, name: b, service: frontend, method: GET, path: / }
            |                                     ^^^^^^^^
          help: the services are cart, catalog
        a.yaml:5:5: this step needs `service`, because sut.yaml has no base_url
          5 |   - { type: http, name: c, method: GET, path: / }
            |     ^
          help: add `service:` with one of cart, catalog
        """
    )


def test_without_services_every_name_is_the_default(write: Write) -> None:
    write("sut.yaml", "base_url: http://localhost:8080")
    write("scenarios/checkout.yaml", AS_IN_THE_QUICK_START)
    assert step_problems(load_sut("sut.yaml", {}).sut, load("scenarios")) == ()


def test_a_step_type_that_nobody_has(write: Write) -> None:
    write("a.yaml", "id: a\nflow: [{ type: tick, name: b, every: 1s }]")
    assert '"type" must be a step type, not text "tick"' in error("a.yaml")


def test_env_in_templates_reads_the_names_that_stand_in_the_file_and_no_others(write: Write) -> None:
    write(
        "a.yaml",
        """
        id: a
        flow:
          - { type: http, name: b, path: "/{{ env.REGION }}", headers: { X: "{{ env['TOKEN'] }}" },
              when: env.ON == "1" }
        """,
    )
    environment = {"REGION": "eu", "TOKEN": "very-secret-token", "ON": "1", "OTHER": "never-read-value"}
    (file,) = load_scenarios(["a.yaml"], environment)
    assert file.scenario.env == {"REGION": "eu", "TOKEN": "very-secret-token", "ON": "1"}
    assert file.document.secrets == {"very-secret-token"}


def test_env_in_an_included_file_is_read_too(write: Write) -> None:
    write("_part.yaml", 'steps: [{ type: http, name: b, path: "/{{ env.REGION }}" }]')
    write("a.yaml", "id: a\nflow: [{ type: include, name: part, file: _part.yaml }]")
    (file,) = load_scenarios(["a.yaml"], {"REGION": "eu"})
    assert file.scenario.env == {"REGION": "eu"}


@pytest.mark.parametrize(
    ("step", "name"),
    [
        ("{ type: wait, duration: 1.5 }", "wait 1.5s"),
        ("{ type: wait, duration: 250ms }", "wait 250ms"),
        ("{ type: wait, duration: { uniform: [1s, 3s] } }", "wait 1s to 3s"),
        ("{ type: wait, duration: { normal: { mean: 2s, sd: 1s } } }", "wait, normal"),
        ("{ type: set, variables: { qty: 1, total: 2 } }", "set qty, total"),
        ('{ type: python, call: "shop.cart:sign" }', "call shop.cart:sign"),
    ],
)
def test_a_step_without_a_name_is_named_by_what_it_does_and_its_place(write: Write, step: str, name: str) -> None:
    write(
        "a.yaml",
        f"""
        id: a
        setup: [ {step} ]
        flow:
          - {step}
          - type: branch
            name: b
            cases: [ {{ if: "{{{{ x }}}}", steps: [ {step} ] }} ]
        """,
    )
    (scenario,) = load("a.yaml")
    assert [step.name for step in walk(scenario.sections)] == [
        f"{name} (setup 1)",
        f"{name} (step 1)",
        "b",
        f"{name} (step 2.1.1)",
    ]
