"""The section `turbulence` of a plan: what it means, and what can't be."""

from __future__ import annotations

from textwrap import dedent, indent
from typing import Any

import pytest

from tests.support.messages import Write, golden, message_of
from windtunnel.config.assemble import load_all
from windtunnel.config.overrides import overrides_of
from windtunnel.config.schemas import load_schema
from windtunnel.errors import ConfigError, Location
from windtunnel.job.request import JobRequest
from windtunnel.job.validation import check_job, check_plan
from windtunnel.model.load import ClosedLoad, OpenLoad
from windtunnel.model.plan import TestPlan
from windtunnel.model.turbulence import Amount, FaultSpec, Phases, Schedule, Turbulence
from windtunnel.turbulence.drivers.toxiproxy import TOXICS
from windtunnel.turbulence.faults.table import FAULTS
from windtunnel.turbulence.proxy.faults.table import PROXY_FAULTS

SUT = "base_url: http://localhost:8080\nservices: { pay: { base_url: 'https://pay.test' } }\n"
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


PHASES = "turbulence:\n  phases: { steady: 30s, inject: 1m, recover: 1m }\n"


def loaded(write: Write, plan: str = PLAN, scenario: str = BROWSE, **flags: Any) -> TestPlan:
    write("sut.yaml", SUT)
    write("scenarios/browse.yaml", scenario)
    write("windtunnel.yaml", plan)
    return load_all(environment={}, random_seed=7, plan="windtunnel.yaml", overrides=overrides_of(**flags))


def checked(write: Write, plan: str, scenario: str = BROWSE, **flags: Any) -> TestPlan:
    """The plan after everything was compiled, too."""
    loaded_files = {"sut.yaml": SUT, "scenarios/browse.yaml": scenario, "windtunnel.yaml": plan}
    for name, text in loaded_files.items():
        write(name, text)
    return check_plan(JobRequest(plan="windtunnel.yaml", overrides=overrides_of(**flags)), environment={})


def section(text: str, load: str = "load: { rate: 20/s }\n") -> str:
    """A plan with these lines in its section."""
    return f"{load}{PHASES}{indent(text, '  ')}\n"


def faults(*written: str) -> str:
    return section("faults:\n" + "".join(f"  - {each}\n" for each in written))


def problems(write: Write, plan: str, scenario: str = BROWSE, **flags: Any) -> list[str]:
    """What is wrong: the marked text in its file, and the message."""
    with pytest.raises(ConfigError) as raised:
        checked(write, plan, scenario, **flags)
    return [f"{_marked(problem.where)} | {problem.message}" for problem in raised.value.problems]


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("{ type: reset, on: { proxy: wrong } }", "the only proxy is db"),
        (
            "{ type: abort, schedule: { at: 60s } }",
            "times count from the start of inject: write an earlier one, or make the phase longer",
        ),
    ],
)
def test_a_fault_that_can_t_be_done_comes_with_what_to_write(write: Write, written: str, hint: str) -> None:
    plan = section(f"proxies: {{ db: {{ upstream: 'db:5432' }} }}\nfaults: [{written}]")
    with pytest.raises(ConfigError) as raised:
        checked(write, plan)
    assert [problem.hint for problem in raised.value.problems] == [hint]


def _marked(where: Location | None) -> str:
    assert where is not None
    return where.excerpt[where.column - 1 :][: where.width].strip("'")


def read_faults(write: Write, *written: str, **flags: Any) -> tuple[FaultSpec, ...]:
    return turbulence_of(loaded(write, faults(*written), **flags)).faults


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


def test_bounds_that_have_no_place_of_their_own_have_that_of_their_key(write: Write) -> None:
    places = turbulence_of(loaded(write)).judge.places
    line = PLAN.strip().split("\n").index("    recover: { within: 15s, hold: 5s }") + 1
    assert (places["recover"].file, places["recover"].line) == ("windtunnel.yaml", line)
    assert (places["min_injected"].line, "measures" in places) == (line + 4, False)


def test_users_stay_the_same_in_all_phases_as_well(write: Write) -> None:
    plan = loaded(write, section("control: 10%", load="load: { parallel: 5, pace: 2s }\n"))
    phases = Phases(steady_s=30, inject_s=60, recover_s=60)
    assert plan.load == ClosedLoad(stages=phases.stages(5), start=5, pace_s=2)
    assert plan.describe_load == (
        "5 users for 2 min 30 s: steady 30 s, inject 1 min, recover 1 min, an instance every 2 s each"
    )
    assert turbulence_of(plan).control == 0.1


def test_a_run_that_is_ended_before_its_phases_is_refused(write: Write) -> None:
    assert message_of(lambda: loaded(write, PHASES, max_duration="1m")) == golden(
        """
        --max-duration: 1 min is too short: the load alone takes 2 min 30 s
          help: raise --max-duration, or shorten the phases of `turbulence`
        """
    )


def test_without_a_load_there_is_one_user(write: Write) -> None:
    assert loaded(write, PHASES).load == ClosedLoad(
        stages=Phases(steady_s=30, inject_s=60, recover_s=60).stages(1), start=1
    )


def test_a_flag_sets_the_load_of_the_phases(write: Write) -> None:
    assert loaded(write, PHASES, rate="50/s").load.length_s == 150
    assert str(loaded(write, rate="50/s").load).startswith("50 starts/s for 2 min 40 s: warmup 10 s")


@pytest.mark.parametrize(
    ("load", "key"),
    [
        ("{ rate: 1/s, duration: 5s }", "duration"),
        ("{ rate: 1/s, count: 5 }", "count"),
        ("{ stages: [{ duration: 5s, rate: 5/s }] }", "stages"),
        ("{ stages: [{ duration: 5s, rate: 5/s }], start: 5/s }", "start"),
    ],
)
def test_what_the_phases_decide_is_not_for_the_load(write: Write, load: str, key: str) -> None:
    said = message_of(lambda: loaded(write, f"load: {load}\n{PHASES}"))
    assert f"`{key}` can't be combined with phases, which set the time of a load that stays the same" in said
    assert f"help: remove `{key}`; `rate` or `parallel` sets the load" in said


@pytest.mark.parametrize(
    ("flags", "flag"),
    [({"duration": "5s"}, "--duration"), ({"count": 5}, "--count"), ({"stages": "5s:5"}, "--stages")],
)
def test_nor_for_flags(write: Write, flags: dict[str, Any], flag: str) -> None:
    said = message_of(lambda: loaded(write, **flags))
    assert said.startswith(f"{flag}: {flag.removeprefix('--')} can't be combined with phases")


def test_one_instance_is_no_load_to_judge_by(write: Write) -> None:
    assert message_of(lambda: loaded(write, once=True)) == golden(
        """
        --once: one instance is no load to judge faults by, and the plan has `turbulence`
          help: give the files without it: --scenarios FILE --sut FILE
        """
    )


def test_a_scenario_has_no_load_of_its_own_beside_phases(write: Write) -> None:
    scenario = f"{BROWSE}load: {{ rate: 1/s, duration: 5s }}\n"
    assert problems(write, PHASES, scenario) == [
        "load | a scenario can't have a load of its own beside the phases of `turbulence`"
    ]


def test_a_fault_without_a_name_has_that_of_its_type(write: Write) -> None:
    found = read_faults(
        write, "{ type: abort }", "{ type: abort }", "{ name: abort 3, type: abort }", "{ type: abort }"
    )
    assert [fault.name for fault in found] == ["abort", "abort 2", "abort 3", "abort 4"]


@pytest.mark.parametrize(
    ("written", "schedule"),
    [
        ("{}", Schedule()),
        (
            "{ at: 20%, for: 40% }",
            Schedule(at=Amount(share=0.2), length=Amount(share=0.4)),
        ),
        ("{ first_n: 3 }", Schedule(pattern="first_n", settings={"first_n": 3})),
        ("{ every_nth: 5 }", Schedule(pattern="every_nth", settings={"every_nth": 5})),
        (
            "{ sweep: [100ms, 200ms] }",
            Schedule(pattern="sweep", settings={"sweep": ["100ms", "200ms"]}),
        ),
        (
            "{ at: 5s, pattern: flap, on: 1s, off: 2s }",
            Schedule(at=Amount(seconds=5), pattern="flap", settings={"on": "1s", "off": "2s"}),
        ),
        (
            "{ for: 5s, repeat: { every: 20s, step: { delay: +50ms } } }",
            Schedule(
                length=Amount(seconds=5),
                settings={"repeat": {"every": "20s", "step": {"delay": "+50ms"}}},
            ),
        ),
    ],
)
def test_schedules(write: Write, written: str, schedule: Schedule) -> None:
    (fault,) = read_faults(write, f"{{ type: latency, delay: 1s, schedule: {written} }}")
    assert fault.schedule == schedule


@pytest.mark.parametrize(
    ("written", "parts"),
    [
        (
            "{ type: brownout, delay: 1s, errors: 20%, probability: 50% }",
            [("brownout: latency", "latency", 0.5), ("brownout: errors", "status", 0.1)],
        ),
        ("{ type: blackhole }", [("blackhole", "latency", 1.0)]),
        ("{ type: slow_drip }", [("slow_drip", "slow_read", 1.0)]),
        ("{ type: partition, name: cut }", [("cut", "drop_connection", 1.0)]),
        (
            "{ type: brownout, on: { proxy: db } }",
            [("brownout: latency", "latency", 1.0), ("brownout: errors", "reset", 0.1)],
        ),
        ("{ type: slow_drip, on: { proxy: shop } }", [("slow_drip", "bandwidth", 1.0)]),
        ("{ type: blackhole, on: { proxy: db } }", [("blackhole", "blackhole", 1.0)]),
        (
            "{ type: partition, on: { proxy: shop } }",
            [
                ("partition: new connections", "refuse", 1.0),
                ("partition: open connections", "blackhole", 1.0),
            ],
        ),
    ],
)
def test_macros_are_written_from_other_faults(
    write: Write, written: str, parts: list[tuple[str, str, float]]
) -> None:
    proxies = "proxies: { db: { upstream: 'db:5432' }, shop: { service: default } }\n"
    plan = checked(write, section(f"{proxies}faults: [{written}]"))
    found = turbulence_of(plan).faults
    assert [(each.name, each.type, round(each.probability, 6)) for each in found] == parts
    assert {each.macro for each in found} == {"" if len(parts) == 1 else written.split()[2].strip(",")}


def test_a_macro_of_several_faults_has_no_levels(write: Write) -> None:
    assert problems(write, faults("{ type: brownout, schedule: { sweep: [1, 2] } }")) == [
        "schedule | brownout is several faults (latency and status), which have no levels in common"
    ]


def test_a_scenario_carries_faults_on_its_own_requests(write: Write) -> None:
    scenario = f"{BROWSE}faults: [{{ type: abort, on: {{ step: home }} }}, {{ type: partition }}]\n"
    found = turbulence_of(checked(write, faults("{ type: abort }"), scenario)).faults
    assert [(each.name, each.on.scenario, each.on.step) for each in found] == [
        ("abort", "", ""),
        ("browse_flow abort", "browse_flow", "home"),
        ("browse_flow partition", "browse_flow", ""),
    ]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("{ type: abort, on: { step: hom } }", 'hom | there is no step "hom" in the scenario "browse_flow"'),
        ("{ type: abort, on: { scenario: b } }", "b | the faults of a scenario are on its own requests"),
        ("{ type: reset }", 'reset | "type" must be a fault on our own requests, not text "reset"'),
        ("{ type: abort, speed: 5 }", 'speed | unknown key "speed" in an abort fault'),
        ("{ name: a, type: abort }", 'a | there is a fault "a" at windtunnel.yaml:5:7 already'),
        ("{ type: abort, schedule: { at: 60s } }", "60s | the fault would begin after 1 min"),
    ],
)
def test_what_a_scenario_can_t_carry(write: Write, written: str, said: str) -> None:
    found = problems(write, faults("{ name: a, type: abort }"), f"{BROWSE}faults: [{written}]\n")
    assert any(each.startswith(said) for each in found), found


def test_faults_of_a_scenario_need_a_plan_with_phases(write: Write) -> None:
    plan = loaded(write, "load: { count: 1 }\n", f"{BROWSE}faults: [{{ type: abort }}]\n")
    assert plan.turbulence is None
    assert [fault.name for fault in plan.scenarios[0].faults] == ["browse_flow abort"]
    warnings: list[str] = []
    check_job(JobRequest(plan="windtunnel.yaml"), environment={}, caution=warnings.append)
    assert warnings == ["the faults of browse_flow are not done: the plan has no `turbulence`"]


def test_a_scenario_in_python_carries_faults_as_well(write: Write) -> None:
    write(
        "scenarios/flow.py",
        """
        import windtunnel

        @windtunnel.scenario("coded", faults=[{"type": "abort", "on": {"step": "any"}}])
        async def flow(user):
            await user.http.get(None, "/", name="home")
        """,
    )
    write("sut.yaml", SUT)
    write("windtunnel.yaml", f"scenarios: [scenarios/flow.py]\n{PHASES}")
    found = turbulence_of(check_plan(JobRequest(plan="windtunnel.yaml"), environment={})).faults
    assert [(each.name, each.on.scenario, each.on.step) for each in found] == [("coded abort", "coded", "any")]


def test_the_name_of_a_fault_can_t_come_from_the_environment(write: Write) -> None:
    write("sut.yaml", SUT)
    write("scenarios/browse.yaml", BROWSE)
    write("windtunnel.yaml", faults("{ name: '${SECRET_NAME}', type: abort }"))
    said = message_of(
        lambda: load_all(environment={"SECRET_NAME": "from outside"}, random_seed=1, plan="windtunnel.yaml")
    )
    assert said.startswith("windtunnel.yaml:5:15: a name can't come from the environment")


@pytest.mark.parametrize(
    ("upstream", "protocol"),
    [
        ("http://payments", "http"),
        ("https://payments/", "http"),
        ("tcp://db:5432", "tcp"),
        ("db:5432", "tcp"),
        ("postgres://bob:secret-password@db:5432/shop", "tcp"),
    ],
)
def test_the_scheme_of_the_upstream_says_the_protocol(write: Write, upstream: str, protocol: str) -> None:
    (proxy,) = turbulence_of(loaded(write, section(f"proxies: {{ a: {{ upstream: '{upstream}' }} }}"))).proxies
    assert (proxy.protocol, proxy.host, proxy.port) == (protocol, "127.0.0.1", 0)


def test_a_proxy_in_front_of_a_service_forwards_to_its_origin(write: Write) -> None:
    plan = section("proxies: { a: { service: default }, b: { service: pay, protocol: tcp } }")
    proxies = turbulence_of(loaded(write, plan, target="http://preview.test/")).proxies
    assert [proxy.upstream for proxy in proxies] == ["http://preview.test", "https://pay.test"]


def test_the_password_of_an_upstream_is_a_secret(write: Write) -> None:
    plan = loaded(write, section("proxies: { a: { upstream: 'postgres://bob:secret-password@db:5432/shop' } }"))
    assert "secret-password" in plan.secrets
    wrong = section("proxies: { a: { upstream: 'x://bob:secret-password@db' } }")
    said = message_of(lambda: checked(write, wrong))
    assert "secret-password" not in said
    assert 'the upstream "db" has no port' in said


@pytest.mark.parametrize(
    ("proxies", "said"),
    [
        ("a: { upstream: 'http://a', listen: '0.0.0.0:80' }", "0.0.0.0:80 | other machines could reach a proxy"),
        ("a: { upstream: 'http://a', listen: ':80' }", ":80 | other machines could reach a proxy"),
        ("a: { upstream: 'http://a', listen: 'a:80' }", 'a:80 | "a" is not an IP address'),
        (
            "a: { upstream: 'http://a', listen: '127.0.0.1' }",
            '127.0.0.1 | "127.0.0.1" is not an address',
        ),
        ("a: { upstream: 'http://a/b' }", "http://a/b | the upstream of an http proxy has no path"),
        ("a: { upstream: 'http://' }", "http:// | the URL of the upstream has no host"),
        ("a: { upstream: 'redis://a:1', protocol: http }", "redis://a:1 | an http proxy can't speak redis"),
        ("a: { service: payy }", 'payy | there is no service "payy"'),
        ("a: { service: pay }", 'pay | an http proxy can\'t read the requests to the service "pay"'),
        (
            "a: { service: default }, b: { service: default }",
            'default | the proxy "a" is in front of the same service',
        ),
        (
            "a: { upstream: 'a:1', export: A }, b: { upstream: 'b:1', export: A }",
            'A | the variable A has the URL of the proxy "a"',
        ),
        (
            "a: { upstream: 'a:1', listen: '[::1]:80' }, b: { upstream: 'b:1', listen: '[::1]:80' }",
            '[::1]:80 | the proxy "a" listens on this address',
        ),
    ],
)
def test_what_can_t_be_a_proxy(write: Write, proxies: str, said: str) -> None:
    (found,) = problems(write, section(f"proxies: {{ {proxies} }}"))
    assert found.startswith(said)


def test_another_address_is_for_the_command_line_to_allow(write: Write) -> None:
    plan = section("proxies: { a: { upstream: 'http://a', listen: '0.0.0.0:8080' } }")
    (proxy,) = turbulence_of(loaded(write, plan, allow="hook,listen")).proxies
    assert (proxy.host, proxy.port) == ("0.0.0.0", 8080)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("{ type: reset, on: { proxy: dbb } }", 'dbb | there is no proxy "dbb"'),
        ("{ type: empty, on: { proxy: db } }", "empty | empty is a fault on HTTP requests, and the proxy"),
        (
            "{ type: reset, on: { proxy: db, match: { path: /a } } }",
            "match | `match` is about HTTP requests, and the proxy",
        ),
        ("{ type: abort, on: { scenario: brows_flow } }", 'brows_flow | there is no scenario "brows_flow"'),
        ("{ type: abort, on: { step: hom } }", 'hom | there is no step "hom"'),
        ("{ type: abort, on: { service: shop } }", 'shop | there is no service "shop"'),
        ("{ type: hook, apply: a, revert: b }", "hook | a file alone may not use commands of this machine"),
        (
            "{ type: down, engine: toxiproxy, on: { proxy: a } }",
            "toxiproxy | a file alone may not use Toxiproxy",
        ),
        ("{ type: abort, schedule: { at: 60s } }", "60s | the fault would begin after 1 min"),
        ("{ type: abort, schedule: { at: 30s, for: 31s } }", "31s | the fault would end 1 s after"),
        (
            "{ type: abort, schedule: { for: 5s, pattern: flap, on: 3s } }",
            "3s | on and off once takes 6 s, and the fault has 5 s",
        ),
        (
            "{ type: abort, schedule: { every: 5s } }",
            'every | unknown key "every" for the pattern window: it belongs to pulse',
        ),
        ("{ type: abort, schedule: { pattern: flap } }", 'flap | the pattern flap needs "on"'),
        ("{ type: abort, schedule: { sweep: [1, 2] } }", "[ | says no setting to go through"),
        (
            "{ type: latency, delay: 1s, schedule: { sweep: [1s, long] } }",
            "[ | 'long' is not a duration",
        ),
        (
            "{ type: latency, delay: 1s, schedule: { repeat: { every: 5s, step: { dely: 1s } } } }",
            "dely | the fault has no such setting to add to",
        ),
        (
            "{ type: latency, delay: 1s, on: { proxy: db }, schedule: { sweep: [1s, long] } }",
            "[ | 'long' is not a duration",
        ),
        ("{ type: latency, delay: { uniform: [2s, 1s] } }", "[ | the shortest duration comes first"),
    ],
)
def test_what_can_t_be_a_fault(write: Write, written: str, said: str) -> None:
    plan = section(f"proxies: {{ db: {{ upstream: 'db:5432' }} }}\nfaults: [{written}]")
    (found,) = problems(write, plan)
    assert found.startswith(said)


@pytest.mark.parametrize(
    ("on", "said"),
    [
        ("{ step: rest }", 'no request of the load is meant by step "rest"'),
        ("{ step: sign_in }", 'no request of the load is meant by step "sign_in"'),
        ("{ step: home, service: pay }", 'no request of the load is meant by step "home", service "pay"'),
        ("{ scenario: calm, step: rest }", 'no request of the load is meant by scenario "calm", step "rest"'),
        ("{ step: polled }", ""),
        ("{ step: home, service: default }", ""),
        ("{ match: { path: /where/a/redirect/leads } }", ""),
    ],
)
def test_a_fault_that_no_request_is_meant_by_would_never_be_done(write: Write, on: str, said: str) -> None:
    scenario = """
    id: calm
    setup: [{ type: http, name: sign_in, path: / }]
    flow:
      - { type: set, name: rest, variables: { a: 1 } }
      - { type: wait, name: polled, url: 'http://localhost:8080/ready' }
      - { type: http, name: home, path: / }
    """
    plan = faults(f"{{ type: abort, on: {on} }}")
    if said:
        assert problems(write, plan, dedent(scenario)) == [f"{{ | {said}"]
    else:
        assert turbulence_of(checked(write, plan, dedent(scenario)))


def test_an_engine_is_for_the_command_line_to_allow(write: Write) -> None:
    written = "{ type: hook, apply: docker pause db, revert: [docker, unpause, db] }"
    turbulence = turbulence_of(checked(write, faults(written), allow=["hook"]))
    assert [(fault.engine, fault.type) for fault in turbulence.faults] == [("hook", "hook")]
    assert turbulence.allowed == ("hook",)
    assert turbulence.client_faults == ()


@pytest.mark.parametrize(
    ("judge", "said"),
    [
        ("{ recover: { within: 61s } }", "61s | 1 min 1 s is longer than the phase `recover`, which is 1 min"),
        ("{ recover: { hold: 61s } }", "61s | 1 min 1 s is longer than the phase `recover`, which is 1 min"),
        ("{ unaffected: [browse] }", 'browse | there is no scenario "browse"'),
        ("{ lost: { acknowledged: buy, found_by: home } }", 'buy | there is no step "buy"'),
        ("{ duplicates: { by: Key, same: '$.[' } }", '$.[ | "$.[" is not a JSON path'),
        ("{ retry_amplification: { proxy: a, at_most: 2 } }", 'a | there is no proxy "a"'),
        (
            "{ retry_amplification: [{ proxy: db, at_most: 2 }] }",
            'db | the tcp proxy "db" sees no requests, whose attempts could be counted',
        ),
        ("{ measures: { time_to_recovr: < 5s } }", 'time_to_recovr | there is no measure "time_to_recovr"'),
        ("{ measures: { time_to_recover: fast } }", 'fast | "fast" is no limit of time_to_recover'),
        ("{ during: { instances: [rate >> 1%] } }", 'rate >> 1% | there is no operator ">>"'),
        (
            "{ during: { 'instances{phase:steady}': [rate > 1%] } }",
            "instances{phase:steady} | `during` says itself which phases it is about",
        ),
        (
            "{ during: { http_reqs: [rate > baseline] } }",
            "rate > baseline | a condition here can't name",
        ),
        ("{ during: { 'checks{step:hom}': [rate > 1%] } }", "rate > 1% | checks{step:hom} matches nothing"),
    ],
)
def test_what_can_t_be_judged(write: Write, judge: str, said: str) -> None:
    proxies = "\nproxies: { db: { upstream: 'db:5432' } }"
    found = problems(write, section(f"judge: {judge}{proxies}"))
    assert found[0].startswith(said)


def test_a_guard_without_a_condition_would_never_stop_anything(write: Write) -> None:
    assert problems(write, section("guards: { stop_when: { for: 10s } }")) == [
        "stop_when | `stop_when` has no condition"
    ]


def test_conditions_elsewhere_are_checked_the_same(write: Write) -> None:
    text = "steady_state: { 'checks{step:hom}': [rate > 1%] }\nguards: { stop_when: { instances: [rat < 5%] } }"
    assert problems(write, section(text)) == ['rat < 5% | instances is a rate; it has no "rat"']


def test_a_threshold_can_speak_of_a_phase(write: Write) -> None:
    thresholds = "thresholds: { http_req_duration: [{ threshold: p(95) < 1s, phase: steady }] }\n"
    (threshold,) = checked(write, f"{thresholds}{PHASES}").thresholds
    assert threshold.tags == {"phase": "steady"}
    assert problems(write, f"{thresholds}{PHASES}".replace("phase: steady", "phase: calm")) == [
        '{ | http_req_duration{phase:calm} matches nothing: there is no phase "calm"'
    ]


def test_a_steady_phase_too_short_for_its_percentile_is_a_warning(write: Write) -> None:
    text = "steady_state: { http_req_duration: [p(95) < 1s], instances: [rate > 9%] }"
    warnings: list[str] = []
    checked(write, section(text, load="load: { rate: 30/m }\n"))
    check_job(JobRequest(plan="windtunnel.yaml"), environment={}, caution=warnings.append)
    assert warnings == [
        "windtunnel.yaml:4:39: http_req_duration: p(95) < 1 s needs 59 samples, and at 0.5/s a phase `steady` "
        "of 30 s gives about 30; make it 59 s or longer"
    ]


def own_keys(definition: str) -> set[str]:
    properties = load_schema("plan")["$defs"][definition]["properties"]
    return set(properties) - {"name", "type", "on", "probability", "schedule"}


@pytest.mark.parametrize("kind", FAULTS)
def test_the_schema_has_the_keys_of_each_fault_on_our_own_requests(kind: str) -> None:
    assert own_keys(f"request_{kind}") == set(FAULTS[kind].keys)


def test_the_schema_has_every_fault_on_our_own_requests_and_the_macros() -> None:
    known = load_schema("plan")["$defs"]["request_fault"]["properties"]["type"]["enum"]
    assert set(known) == {*FAULTS, "brownout", "blackhole", "slow_drip", "partition"}


@pytest.mark.parametrize("kind", PROXY_FAULTS)
def test_the_schema_has_the_keys_of_each_fault_in_a_proxy(kind: str) -> None:
    definition = load_schema("plan")["$defs"][f"proxy_{kind}"]
    assert own_keys(f"proxy_{kind}") == set(PROXY_FAULTS[kind].keys)
    assert (definition.get("x-protocol") == "http") == ("tcp" not in PROXY_FAULTS[kind].protocols)


def test_the_schema_has_every_fault_in_a_proxy_and_the_macros() -> None:
    known = load_schema("plan")["$defs"]["proxy_fault"]["properties"]["type"]["enum"]
    assert set(known) == {*PROXY_FAULTS, "brownout", "slow_drip", "partition"}


def test_the_schema_has_every_toxic_of_toxiproxy() -> None:
    known = load_schema("plan")["$defs"]["toxiproxy_fault"]["properties"]["type"]["enum"]
    assert set(known) == set(TOXICS)


def test_the_schema_of_a_scenario_says_no_more_of_faults_than_that_they_are_mappings() -> None:
    assert load_schema("scenario")["properties"]["faults"]["items"]["type"] == "object"
