"""What the faults of a plan will be done to: the decisions of the run, for the arrivals of its load."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent

import pytest

from windtunnel.config.overrides import overrides_of
from windtunnel.job.compile import CompiledJob, compile_job
from windtunnel.job.fault_forecast import MOST_COUNTED, FaultForecast, forecast_faults
from windtunnel.job.request import JobRequest, load_test_plan
from windtunnel.turbulence.decision import Asked, decide, is_in_control

BUY = """
id: buy
weight: 3
flow:
  - { type: http, name: home, method: GET, path: / }
  - { type: http, name: add, method: POST, path: '/cart/{{ instance_id }}', json: { sku: 1 } }
"""
BROWSE = "id: browse\nflow: [{ type: http, name: look, method: GET, path: /products }]\n"
PHASES = "phases: { steady: 10s, inject: 20s, recover: 10s }\nseed: 42\n"


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "sut.yaml").write_text("base_url: http://localhost:8080\n")
    (tmp_path / "scenarios" / "buy.yaml").write_text(BUY)
    (tmp_path / "scenarios" / "browse.yaml").write_text(BROWSE)


def compiled(section: str, load: str = "rate: 20/s") -> CompiledJob:
    Path("windtunnel.yaml").write_text(f"load: {{ {load} }}\nturbulence:\n{indent(PHASES + section, '  ')}\n")
    request = JobRequest(plan="windtunnel.yaml", overrides=overrides_of(allow="hook", seed=3))
    return compile_job(load_test_plan(request, {}))


def forecast(fault: str, load: str = "rate: 20/s", more: str = "") -> FaultForecast:
    job = compiled(f"faults: [{fault}]\n{more}", load)
    (found,) = forecast_faults(job.test_plan, job.plan).faults
    return found


def test_the_decisions_are_those_of_the_run() -> None:
    found = forecast("{ name: gone, type: abort, on: { step: add }, probability: 30% }")
    due_in_inject = range(200, 600)
    hit = [
        index
        for index in due_in_inject
        if decide(42, "gone", Asked(scenario="buy", index=index, step="add", occurrence=1, attempt=1)) < 0.3
    ]
    buyers = [index for index in hit if index in found.indexes]
    assert found.indexes == buyers
    assert (found.hits, found.requests) == (len(buyers), 300)  # three of four instances buy
    assert 60 <= len(buyers) <= 120
    assert found.expected == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("on", "requests"),
    [
        ("{}", 700),
        ("{ scenario: browse }", 100),
        ("{ step: home }", 300),
        ("{ service: default }", 700),
        ("{ match: { method: post } }", 300),
        ("{ match: { path: /products } }", 400),  # and those whose path is known in the run alone
        ("{ match: { path: /prod* }, scenario: browse }", 100),
    ],
)
def test_a_fault_is_asked_for_the_requests_that_it_is_about(on: str, requests: int) -> None:
    target = "" if on == "{}" else f", on: {on}"
    found = forecast(f"{{ type: latency, delay: 1s{target} }}")
    assert (found.hits, found.requests) == (requests, requests)


@pytest.mark.parametrize(
    ("schedule", "hits", "expected"),
    [
        ("{ at: 50%, for: 25% }", 100, 1.0),
        ("{ pattern: flap, on: 1s, off: 3s }", 100, 1.0),
        ("{ every_nth: 4 }", 100, 0.25),
        ("{ first_n: 2 }", 400, 1.0),
    ],
)
def test_a_schedule_says_when(schedule: str, hits: int, expected: float) -> None:
    found = forecast(f"{{ type: latency, delay: 1s, on: {{ match: {{ method: GET }} }}, schedule: {schedule} }}")
    assert (found.hits, found.expected) == (hits, expected)


def test_a_ramp_is_on_for_half_of_its_probability() -> None:
    found = forecast("{ type: latency, delay: 1s, probability: 80%, schedule: { pattern: ramp } }")
    assert found.expected == pytest.approx(0.4)
    assert found.hits is not None
    assert 0.3 <= found.hits / 700 <= 0.5


def test_the_first_fault_that_is_final_takes_the_request() -> None:
    job = compiled("faults: [{ type: latency, delay: 1s }, { type: abort }, { type: status, code: 500 }]")
    found = forecast_faults(job.test_plan, job.plan).faults
    assert [each.hits for each in found] == [700, 700, 0]


def test_the_control_group_is_left_alone() -> None:
    job = compiled("control: 25%\nfaults: [{ type: latency, delay: 1s, on: { scenario: browse } }]")
    found = forecast_faults(job.test_plan, job.plan)
    control = [index for index in range(200, 600) if is_in_control(42, 0.25, index)]
    assert (found.instances, found.control) == (400, len(control))
    assert not set(control) & set(found.faults[0].indexes)


@pytest.mark.parametrize(
    ("fault", "load"),
    [
        ("{ type: latency, delay: 1s }", "parallel: 5"),
        ("{ type: latency, delay: 1s }", f"rate: {MOST_COUNTED}/s"),
        ("{ type: latency, delay: 1s, on: { proxy: db } }", "rate: 20/s"),
        ("{ type: hook, apply: a, revert: b }", "rate: 20/s"),
    ],
)
def test_where_arrival_decides_there_is_an_expectation_alone(fault: str, load: str) -> None:
    found = forecast(fault, load, "proxies: { db: { upstream: 'db:5432' } }")
    assert (found.requests, found.hits, found.expected) == (None, None, 1.0)


def test_parts_of_a_macro_are_on_at_the_same_random_times() -> None:
    job = compiled("faults: [{ type: brownout, schedule: { pattern: random, mtbf: 2s, mttr: 1s } }]")
    latency, errors = forecast_faults(job.test_plan, job.plan).faults
    assert latency.timeline.bands() == errors.timeline.bands()
