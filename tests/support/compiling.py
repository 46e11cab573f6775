"""What an action needs around it: a scenario from YAML with real places, an instance, a scripted transport."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from windtunnel.actions.compile.context import CompileContext, Field
from windtunnel.actions.compile.scenario import compile_scenario
from windtunnel.config.reader import read_yaml
from windtunnel.config.schemas import StepTypes, load_schema
from windtunnel.config.steps import build_steps
from windtunnel.engine.ids import InstanceIds
from windtunnel.errors import Problem
from windtunnel.interfaces import Branch, Client, Clock, CompiledStep, StepOutcome
from windtunnel.model.http import Exchange
from windtunnel.model.record import Timings
from windtunnel.model.scenario import Scenario
from windtunnel.model.source import Source
from windtunnel.model.sut import Service, Sut
from windtunnel.model.vocabulary import AssertionAction, ErrorKind
from windtunnel.testing.scripted import ScriptedTransport, Sent
from windtunnel.testing.virtual_clock import VirtualClock, run_virtual

STEP_TYPES = StepTypes(load_schema("scenario"))
SHOP = Service(name="", base_url="http://shop.test", timeout_s=10.0)
SUT = Sut(name="Shop", default=SHOP, allow_hosts=("payments.test", "*.cdn.test"), source=Source(file="sut.yaml"))


def scenario_of(text: str) -> Scenario:
    document = read_yaml("checkout.yaml", text.encode(), environment={})
    return Scenario(
        id="checkout",
        setup=build_steps(document, "setup", STEP_TYPES),
        user_setup=build_steps(document, "user_setup", STEP_TYPES),
        teardown=build_steps(document, "teardown", STEP_TYPES),
        steps=build_steps(document, "flow", STEP_TYPES),
        auth=document.data.get("auth"),
        headers=document.data.get("headers", {}),
        assertions=build_steps(document, "assertions", STEP_TYPES),
        source=document.source,
    )


class Compiled:
    """A scenario, compiled, with everything that was found wrong."""

    def __init__(self, text: str, *, sut: Sut = SUT, names: tuple[str, ...] = (), answers: Any = ()) -> None:
        self.transport = ScriptedTransport(answers)
        self.problems: list[Problem] = []
        parts = compile_scenario(
            scenario_of(text), sut=sut, transport=self.transport, names=names, problems=self.problems
        )
        self.steps, self.assertions = parts.steps, parts.assertions

    @property
    def sent(self) -> list[Sent]:
        return self.transport.sent


class FakeInstance:
    """An `Instance` that keeps what it is told to observe."""

    def __init__(self, transport: ScriptedTransport, **variables: Any) -> None:
        self.client: Client = transport.client()
        self.clock: Clock = VirtualClock()
        self.last_exchange: Exchange | None = None
        self.exchanges: dict[str, Exchange] = {}
        self.occurrences: dict[str, int] = {}
        self.ids = InstanceIds(phase="test")
        self.round = 0
        self.random = random.Random(7)
        self.observed: list[tuple[Exchange, bool, bool]] = []
        self.scope: dict[str, Any] = {
            **variables,
            "steps": self.exchanges,
            "_random": lambda: self.random,
            "_now": lambda: 0.0,
        }

    def observe(self, exchange: Exchange, *, step: str, poll: bool, failed: bool, decided: bool = False) -> None:
        self.observed.append((exchange, poll, failed))

    def raised_inside(self, error: BaseException) -> bool:
        return False

    async def run_steps(self, steps: Sequence[CompiledStep]) -> StepOutcome:
        raise AssertionError("steps inside steps are run by the engine: test them there")

    def end_step(self, name: str, type: str, outcome: StepOutcome, *, started: float) -> None:
        raise AssertionError("what code does by itself is tested with the engine")

    def end_assertion(self, name: str, outcome: StepOutcome, *, action: AssertionAction = "assert") -> None:
        raise AssertionError("what code does by itself is tested with the engine")

    async def run_together(self, branches: Sequence[Branch]) -> StepOutcome:
        raise AssertionError("steps inside steps are run by the engine: test them there")


class Ran:
    """The outcomes of a flow, of its assertions, and the instance they ran in."""

    def __init__(self, compiled: Compiled, instance: FakeInstance) -> None:
        assert compiled.problems == [], "\n".join(map(str, compiled.problems))
        self.sent = compiled.sent
        self.instance = instance
        self.outcomes: list[StepOutcome] = []

        async def flow() -> None:
            for step in compiled.steps:
                refused = step.refused and step.refused(instance.scope)
                self.outcomes.append(refused or await step.action.run(instance))
            self.outcomes += [await assertion.action.run(instance) for assertion in compiled.assertions]
            self.took_s = instance.clock.now()

        run_virtual(flow())

    @property
    def outcome(self) -> StepOutcome:
        """Of the last step."""
        return self.outcomes[-1]

    @property
    def scope(self) -> dict[str, Any]:
        return self.instance.scope


def run_flow(text: str, answers: Any = (), *, sut: Sut = SUT, **variables: Any) -> Ran:
    """Compile and run a flow in virtual time; `variables` are set before the first step."""
    compiled = Compiled(text, sut=sut, names=tuple(variables), answers=answers)
    return Ran(compiled, FakeInstance(compiled.transport, **variables))


def field(**variables: Any) -> Field:
    """A place in an empty file, for what compiles a single value."""
    scenario = Scenario(id="s", steps=(), source=Source(file="checkout.yaml"))
    context = CompileContext(
        scenario,
        sut=SUT,
        transport=ScriptedTransport(),
        names=variables,
        problems=[],
        compile_step=lambda *_: None,
    )
    return Field(context, (), scenario.source)


def exchange_of(
    body: bytes = b"",
    *,
    status: int = 200,
    headers: tuple[tuple[str, str], ...] = (),
    took_us: int = 1000,
    error: ErrorKind | None = None,
    detail: str | None = None,
) -> Exchange:
    """A response that came."""
    exchange = Exchange("GET", "http://shop.test/", "")
    exchange.status, exchange.body, exchange.error, exchange.error_detail = status, body, error, detail
    exchange.head = b"HTTP/1.1 200 OK\r\n" + b"".join(f"{name}: {value}\r\n".encode() for name, value in headers)
    exchange.timings = Timings(wait=took_us)
    return exchange
