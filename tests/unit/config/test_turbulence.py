"""The section `turbulence` of a plan: what it means, and what can't be."""

from __future__ import annotations

from tests.support.messages import Write
from windtunnel.config.assemble import load_all
from windtunnel.model.load import OpenLoad
from windtunnel.model.plan import TestPlan
from windtunnel.model.turbulence import Amount, Phases, Turbulence

SUT = "base_url: http://localhost:8080\n"
BROWSE = """
id: browse_flow
flow:
  - { type: http, name: home, method: GET, path: / }
  - { type: http, name: add_to_cart, method: POST, path: /cart, json: { sku: 1 } }
"""
PLAN = """
load: { rate: 20/s, max_parallel: 300, graceful_stop: 5s }
turbulence:
  seed: 42
  phases: { warmup: 10s, steady: 30s, inject: 60s, recover: 60s }
  steady_state: { http_req_failed: ["rate < 0.5%"], http_req_duration: ["p(95) < 400ms"] }
  proxies:
    payments: { protocol: http, listen: "127.0.0.1:0", upstream: "http://payments:9000", export: PAYMENTS_URL }
  faults:
    - name: payments brownout
      on: { proxy: payments, match: { method: POST, path: "/charge*" } }
      type: latency
      delay: { lognormal: { median: 800ms, sigma: 0.5, max: 5s } }
      probability: 60%
      schedule: { at: 0s, for: 30s, pattern: ramp }
    - name: lost reply
      on: { step: add_to_cart }
      type: lose_response
      probability: 5%
      then: { retry: { attempts: 2, same_key: true } }
  guards: { stop_when: { instances: ["rate < 50%"], for: 10s }, max_active: 200 }
  judge:
    during: { instances: ["rate > 95%"] }
    recover: { within: 15s, hold: 5s }
    retry_amplification: { proxy: payments, at_most: 1.2 }
    duplicates: { by: Idempotency-Key, at_most: 0 }
    unaffected: [ browse_flow ]
    min_injected: 20
"""


def loaded(write: Write, plan: str = PLAN, scenario: str = BROWSE) -> TestPlan:
    write("sut.yaml", SUT)
    write("scenarios/browse.yaml", scenario)
    write("windtunnel.yaml", plan)
    return load_all(environment={}, random_seed=7, plan="windtunnel.yaml")


def turbulence_of(plan: TestPlan) -> Turbulence:
    assert plan.turbulence is not None
    return plan.turbulence


def test_the_load_stays_the_same_in_all_phases(write: Write) -> None:
    plan = loaded(write)
    phases = Phases(warmup_s=10, steady_s=30, inject_s=60, recover_s=60)
    assert plan.load == OpenLoad(stages=phases.stages(20), start=20, max_parallel=300, graceful_stop_s=5)
    assert plan.describe_load == (
        "20 starts/s for 2 min 40 s: warmup 10 s, steady 30 s, inject 1 min, recover 1 min, at most 300 at once"
    )
    assert plan.phases == ("warmup:warmup", "steady", "inject", "recover")


def test_every_key_of_the_section(write: Write) -> None:
    turbulence = turbulence_of(loaded(write))
    assert (turbulence.seed, turbulence.control) == (42, 0.0)
    assert [each.selector for each in turbulence.steady_state] == ["http_req_failed", "http_req_duration"]
    (proxy,) = turbulence.proxies
    assert (proxy.name, proxy.protocol, proxy.host, proxy.port) == ("payments", "http", "127.0.0.1", 0)
    assert (proxy.upstream, proxy.export) == ("http://payments:9000", "PAYMENTS_URL")
    brownout, lost = turbulence.faults
    assert (brownout.name, brownout.type, brownout.probability) == ("payments brownout", "latency", 0.6)
    assert (brownout.on.proxy, brownout.on.method, brownout.on.path) == ("payments", "POST", "/charge*")
    assert brownout.settings == {"delay": {"lognormal": {"median": "800ms", "sigma": 0.5, "max": "5s"}}}
    assert (brownout.schedule.length, brownout.schedule.pattern) == (Amount(seconds=30), "ramp")
    assert lost.settings == {"then": {"retry": {"attempts": 2, "same_key": True}}}
    assert turbulence.client_faults == (lost,)
    assert (turbulence.guards.for_s, turbulence.guards.max_active) == (10, 200)
    judge = turbulence.judge
    assert (judge.within_s, judge.hold_s, judge.min_injected, judge.unaffected) == (15, 5, 20, ("browse_flow",))
