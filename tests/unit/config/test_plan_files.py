from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.messages import Write, golden, message_of
from windtunnel.config.assemble import load_all
from windtunnel.config.load import LoadSettings
from windtunnel.config.overrides import overrides_of
from windtunnel.config.plan import load_plan_file
from windtunnel.errors import ConfigError
from windtunnel.job.request import JobRequest
from windtunnel.job.validation import check_plan
from windtunnel.model.load import ClosedLoad
from windtunnel.model.plan import OutputSettings, TestPlan

SUT = "base_url: ${SHOP:-http://localhost:8080}\nheaders: { x-token: '${TOKEN:-}', x-region: '${REGION:-}' }\n"
SCENARIO = "id: {id}\nflow: [{{ type: http, name: home_{id}, method: GET, path: / }}]\n"


def load(**given: Any) -> TestPlan:
    return load_all(**{"environment": {}, "random_seed": 99, **given})


def test_every_key(write: Write) -> None:
    write(
        "ci/windtunnel.yaml",
        """
        name: nightly
        tags: { branch: main, build: 7 }
        sut: ../sut.yaml
        scenarios: [scenarios/, { path: scenarios/b.yaml, weight: 7 }]
        load: { parallel: 50, count: 500, duration: 2m, graceful_stop: 5s }
        thresholds:
          http_req_failed: ["rate < 1%"]
          "http_req_duration{step:home_a}": ["p(95) < 400ms", { threshold: "p(99) < 1s", min_samples: 10 }]
        seed: 42
        output: { directory: out, bodies: all }
        """,
    )
    plan = load_plan_file("ci/windtunnel.yaml", {})
    assert (plan.name, plan.tags) == ("nightly", {"branch": "main", "build": "7"})
    assert plan.sut == "ci/../sut.yaml"
    assert [(pattern.text, pattern.weight) for pattern in plan.scenarios] == [
        ("ci/scenarios", None),
        ("ci/scenarios/b.yaml", 7),
    ]
    assert plan.load == LoadSettings(parallel=50, count=500, duration_s=120.0, graceful_stop_s=5.0)
    assert (plan.seed, plan.directory, plan.bodies) == (42, "out", "all")
    failed, p95, p99 = plan.thresholds
    assert (failed.metric, failed.limit, str(failed.where)) == ("http_req_failed", 0.01, "ci/windtunnel.yaml:7:21")
    assert (p95.selector, p95.limit, p95.origin) == ("http_req_duration{step:home_a}", 400_000.0, "plan")
    assert (p99.percentile, p99.min_samples) == (99.0, 10)


def test_an_almost_empty_plan(write: Write) -> None:
    write("windtunnel.yaml", "{}")
    plan = load_plan_file("windtunnel.yaml", {})
    assert (plan.sut, plan.scenarios, plan.load, plan.thresholds) == (None, (), LoadSettings(), ())


def test_bad_thresholds_are_told_each_at_its_place(write: Write) -> None:
    write(
        "windtunnel.yaml",
        """
        thresholds:
          http_req_duraton: ["p(95) < 400ms"]
          http_req_failed: ["rate < 1%", "rate << 1%"]
          http_req_duration:
            - { threshold: "p95 < 1s" }
        """,
    )
    assert message_of(lambda: load_plan_file("windtunnel.yaml", {})) == golden(
        """
        windtunnel.yaml:2:3: there is no metric "http_req_duraton"
          2 |   http_req_duraton: ["p(95) < 400ms"]
            |   ^^^^^^^^^^^^^^^^
          help: did you mean "http_req_duration"?
        windtunnel.yaml:3:34: there is no operator "<<"
          3 |   http_req_failed: ["rate < 1%", "rate << 1%"]
            |                                  ^^^^^^^^^^^^
          help: use one of > >= < <= == !=
        windtunnel.yaml:5:20: there is no aggregate "p95"
          5 |     - { threshold: "p95 < 1s" }
            |                    ^^^^^^^^^^
          help: did you mean p(95)?
        """
    )


def test_the_long_form_of_a_threshold(write: Write) -> None:
    write(
        "windtunnel.yaml",
        """
        thresholds:
          http_req_duration:
            - { threshold: "p(99) < 1s", abort: true, after: 10s, within: 30s, phase: peak, min_samples: 50 }
        """,
    )
    [threshold] = load_plan_file("windtunnel.yaml", {}).thresholds
    assert (threshold.abort, threshold.after_s, threshold.within_s) == (True, 10.0, 30.0)
    assert (threshold.selector, threshold.min_samples) == ("http_req_duration{phase:peak}", 50)
    assert threshold.text == "p(99) < 1 s in every 30 s"


def test_keys_of_the_long_form_that_contradict_each_other(write: Write) -> None:
    write(
        "windtunnel.yaml",
        """
        thresholds:
          checks: [{ threshold: "rate > 99%", after: 10s }]
          instances: [{ threshold: "rate > 99%", abort: true, abortOnFail: false }]
          http_reqs: [{ threshold: "rate > 9", within: 0s }]
        """,
    )
    assert message_of(lambda: load_plan_file("windtunnel.yaml", {})) == golden(
        """
        windtunnel.yaml:2:39: "after" does nothing without "abort: true"
          2 |   checks: [{ threshold: "rate > 99%", after: 10s }]
            |                                       ^^^^^
          help: it delays the end of the run, not the verdict
        windtunnel.yaml:3:55: "abortOnFail" and "abort" are the same setting
          3 |   instances: [{ threshold: "rate > 99%", abort: true, abortOnFail: false }]
            |                                                       ^^^^^^^^^^^
          help: keep one of them
        windtunnel.yaml:4:48: "within" must be more than 0
          4 |   http_reqs: [{ threshold: "rate > 9", within: 0s }]
            |                                                ^^
        """
    )


def test_the_files_of_the_quick_start_without_a_plan(write: Write) -> None:
    write("sut.yaml", SUT)
    write("scenarios/a.yaml", SCENARIO.format(id="a"))
    plan = load(overrides=overrides_of(parallel=50, count=500))
    assert plan.sut.source.file == "sut.yaml"
    assert [scenario.id for scenario in plan.scenarios] == ["a"]
    assert plan.load == ClosedLoad(parallel=50, count=500)
    assert (plan.seed, plan.thresholds, plan.output, plan.name) == (99, (), OutputSettings(), "")
    assert [source.file for source in plan.sources] == ["sut.yaml", "scenarios/a.yaml"]


def test_without_count_and_duration_there_is_one_instance(write: Write) -> None:
    write("sut.yaml", SUT)
    write("scenarios/a.yaml", SCENARIO.format(id="a"))
    assert load().load == ClosedLoad(parallel=1, count=1)
    assert load(overrides=overrides_of(duration="5s")).load == ClosedLoad(parallel=1, duration_s=5.0)


def full_plan(write: Write) -> TestPlan:
    write("sut.yaml", SUT)
    write("other.yaml", "base_url: http://other.test")
    for name in ("a", "b"):
        write(f"scenarios/{name}.yaml", SCENARIO.format(id=name))
    write(
        "windtunnel.yaml",
        """
        name: nightly
        tags: { branch: main }
        sut: sut.yaml
        scenarios: [{ path: scenarios, weight: 2 }]
        load: { parallel: 50, count: 500, graceful_stop: 0 }
        thresholds: { checks: ["rate > 99%"] }
        seed: 42
        output: { directory: out, bodies: none, compress: zstd }
        """,
    )
    return load(plan="windtunnel.yaml")


def test_a_plan_says_everything(write: Write) -> None:
    plan = full_plan(write)
    assert (plan.name, plan.tags, plan.seed) == ("nightly", {"branch": "main"}, 42)
    assert plan.load == ClosedLoad(parallel=50, count=500, graceful_stop_s=0.0)
    assert [(scenario.id, scenario.weight) for scenario in plan.scenarios] == [("a", 2), ("b", 2)]
    assert [threshold.selector for threshold in plan.thresholds] == ["checks"]
    assert plan.output == OutputSettings(directory="out", bodies="none", compress="zstd")
    assert [source.file for source in plan.sources] == [
        "windtunnel.yaml",
        "sut.yaml",
        "scenarios/a.yaml",
        "scenarios/b.yaml",
    ]


def test_flags_win_over_the_plan(write: Write) -> None:
    full_plan(write)
    flags = overrides_of(
        parallel=2,
        count=3,
        duration="1m",
        seed=0,
        thresholds=["http_req_duration{step:home_b}: p(95) < 400ms"],
        output="elsewhere",
        bodies="all",
        name="by hand",
        tags=["who=me"],
    )
    plan = load(plan="windtunnel.yaml", sut="other.yaml", scenarios=["scenarios/b.yaml"], overrides=flags)
    assert (plan.name, plan.tags, plan.seed) == ("by hand", {"branch": "main", "who": "me"}, 0)
    assert plan.sut.name == "other.test"
    assert [(scenario.id, scenario.weight) for scenario in plan.scenarios] == [("b", 1)]
    assert plan.load == ClosedLoad(parallel=2, count=3, duration_s=60.0, graceful_stop_s=0.0)
    assert [(threshold.selector, threshold.origin) for threshold in plan.thresholds] == [
        ("checks", "plan"),
        ("http_req_duration{step:home_b}", "flag"),
    ]
    assert plan.output == OutputSettings(directory="elsewhere", bodies="all", compress="zstd")


def test_two_loadings_of_one_plan_are_equal(write: Write) -> None:
    assert full_plan(write) == replace(load(plan="windtunnel.yaml"))


def test_what_the_files_read_of_the_environment_is_secret_unless_it_is_public(write: Write) -> None:
    environment = {
        "SHOP": "http://shop.test",
        "TOKEN": "tok-12345678",
        "REGION": "eu-central-1",
        "OTHER": "never read",
    }
    write("sut.yaml", SUT)
    write("scenarios/a.yaml", SCENARIO.format(id="a") + "variables: { region: '${REGION}', key: '${KEY}' }\n")
    assert load(environment={**environment, "KEY": "key-12345678"}).secrets == {
        "tok-12345678",
        "eu-central-1",
        "key-12345678",
    }
    write("sut.yaml", SUT + "public_env: [REGION]\n")
    assert load(environment={**environment, "KEY": "key-12345678"}).secrets == {"tok-12345678", "key-12345678"}


def test_the_problems_of_all_files_and_flags_come_together_in_their_order(write: Write) -> None:
    write("windtunnel.yaml", "sut: sut.yaml\nscenarios: [scenarios, missing.yaml]\n")
    write("sut.yaml", "base_urll: http://a.test")
    write("scenarios/a.yaml", "id: a\nflow: [{ type: htp }]")
    flags = overrides_of(
        parallel=0, count=-1, seed=-1, duration="soon", thresholds=["checks rate > 1", "checks: rate > x"]
    )
    assert message_of(lambda: load(plan="windtunnel.yaml", overrides=flags)) == golden(
        """
        windtunnel.yaml:2:24: there is no file or directory "missing.yaml"
          2 | scenarios: [scenarios, missing.yaml]
            |                        ^^^^^^^^^^^^
        sut.yaml:1:1: an SUT file needs "base_url" or "services"
          1 | base_urll: http://a.test
            | ^^^^^^^^^^^^^^^^^^^^^^^^
          help: add `base_url: http://localhost:8080`
        sut.yaml:1:1: unknown key "base_urll" in an SUT file
          1 | base_urll: http://a.test
            | ^^^^^^^^^
          help: did you mean "base_url"?
        scenarios/a.yaml:2:16: "type" must be a step type, not text "htp"
          2 | flow: [{ type: htp }]
            |                ^^^
          help: did you mean "http"?
        --parallel: must be at least 1, not 0
        --count: must be at least 1, not -1
        --duration: 'soon' is not a duration
          help: write a number and a unit, such as 250ms, 5s, 2m, 1h or 1m30s; a bare number is seconds
        --seed: must be at least 0, not -1
        --threshold: "checks rate > 1" has no ":" between the metric and its condition
          help: write the metric, a colon and a condition, such as http_req_duration: p(95) < 400ms
        --threshold: "rate > x" is not a condition
          help: write an aggregate, an operator and a limit, such as p(95) < 400ms, rate < 1% or count > 100
        """
    )


def test_flags_alone_can_be_wrong(write: Write) -> None:
    full_plan(write)
    assert message_of(lambda: load(overrides=overrides_of(duration="0s"))) == "--duration: must be more than 0"


def test_a_broken_plan_is_not_followed_by_complaints_about_the_defaults(write: Write) -> None:
    write("windtunnel.yaml", "sutt: a.yaml")
    assert message_of(lambda: load(plan="windtunnel.yaml")) == golden(
        """
        windtunnel.yaml:1:1: unknown key "sutt" in a test plan
          1 | sutt: a.yaml
            | ^^^^
          help: did you mean "sut"?
        """
    )


def test_an_sut_file_that_is_not_there_is_told_where_the_plan_names_it(write: Write) -> None:
    write("ci/windtunnel.yaml", "sut: sut.yaml\nscenarios: [a.yaml]\n")
    write("ci/a.yaml", SCENARIO.format(id="a"))
    assert message_of(lambda: load(plan="ci/windtunnel.yaml")) == golden(
        """
        ci/windtunnel.yaml:1:6: there is no file "ci/sut.yaml"
          1 | sut: sut.yaml
            |      ^^^^^^^^
        """
    )


def test_nothing_there_at_all(write: Write) -> None:
    write("readme.txt", "")
    assert message_of(lambda: load()) == golden(
        """
        there is no file "sut.yaml"
        there is no file or directory "scenarios/"
        """
    )


def test_services_are_compared_with_the_sut(write: Write) -> None:
    write("sut.yaml", "services: { cart: { base_url: 'http://cart.test' } }")
    write("scenarios/a.yaml", SCENARIO.format(id="a"))
    assert message_of(lambda: check_plan(JobRequest(), environment={})) == golden(
        """
        scenarios/a.yaml:2:8: this step needs `service`, because sut.yaml has no base_url
          2 | flow: [{ type: http, name: home_a, method: GET, path: / }]
            |        ^
          help: add `service:` with one of cart
        """
    )


@pytest.mark.parametrize("name", ["setup", "user_setup", "teardown", "health", "token", "warmup", "warmup2"])
def test_no_stage_is_left_out_of_the_metrics_by_its_name_alone(write: Write, name: str) -> None:
    write("sut.yaml", SUT)
    write("scenarios/a.yaml", SCENARIO.format(id="a"))
    with pytest.raises(ConfigError) as caught:
        load(overrides=overrides_of(stages=f"{name}=10s:5,peak=10s:5"))
    [problem] = caught.value.problems
    assert (problem.flag, f'the name "{name}"' in problem.message) == ("--stages", True)
