"""The few seams of the house: what the parts know of each other.

engine ──runs──▶ Action ──uses──▶ Instance ──owns──▶ Client ──▶ the wire
   └──────writes records──▶ Sink (JSONL writer, aggregate, live progress)
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from windtunnel.model.auth import OAuth2
from windtunnel.model.http import Body, Exchange
from windtunnel.model.record import Checks, FaultRecord, Record
from windtunnel.model.sut import Service
from windtunnel.model.vocabulary import AssertionAction, OnFailure, Outcome

Hide = Callable[..., None]
"""Takes values that must not be written."""

OnToken = Callable[[Exchange, bool, tuple[str, ...]], None]
"""Takes an answer to a token request: whether it has no token, and what of it must not be written."""


class Clock(Protocol):
    """Time, so that tests can own it. Durations come from `now`, never from differences of `unix`."""

    def now(self) -> float:
        """Seconds on a clock that only goes forward (`time.perf_counter`)."""

    def unix(self, now: float | None = None) -> float:
        """The unix time that belongs to a reading of `now()`, the present one by default."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""


class Sink(Protocol):
    """Takes every record soon after it was made: the writer and the aggregate are sinks."""

    def write(self, records: Sequence[Record]) -> None:
        """Take what one turn of the event loop brought, in order. Must not change the records."""

    def close(self) -> None:
        """Finish: no record follows. Always called at the end of a run; safe to call twice."""


class Endpoint(Protocol):
    """Where a step's requests go, with everything constant about them encoded before the clock starts."""

    @property
    def method(self) -> str:
        """The method, in capitals."""

    @property
    def service(self) -> Service:
        """The service."""


class Request(msgspec.Struct, frozen=True, kw_only=True, eq=False, gc=False):
    """One request of a step, before a client adds what only it knows: ids, cookies and the length of the body.

    `target` is an absolute path with query (already percent-encoded) under the endpoint's base URL, or an absolute
    http(s) URL. `timeout_s` is a hard deadline for everything, redirects included. `max_body` is the maximum size
    of the response body in bytes, None for the SUT's. `step` is the name of the step, `occurrence` how often the
    instance has sent for it so far, this one included, and `attempt` the number of the try of a step with `retry`.
    `on_hop` receives each exchange but the last: redirects, a 401 that a new token answers, what a fault had sent.
    """

    endpoint: Endpoint
    target: str
    headers: Sequence[tuple[str, str]] = ()
    body: Body = b""
    timeout_s: float
    max_body: int | None = None
    follow_redirects: bool = True
    step: str = ""
    occurrence: int = 1
    attempt: int = 1
    on_hop: Callable[[Exchange], None] | None = None

    def replace(self, **changes: Any) -> Request:
        """The same request with other fields."""
        return msgspec.structs.replace(self, **changes)


OnRequest = Callable[[Request, bytes], None]
"""A hook that receives a request before it is sent, and its head as it will be sent."""

OnResponse = Callable[[Request, Exchange], None]
"""A hook that receives a request and its exchange when that has ended."""


class Client(Protocol):
    """One user's access to the SUT: connections stay with the user, cookies and ids with the instance."""

    async def send(self, request: Request) -> Exchange:
        """Send a request and return its final exchange; a failure is a value (`Exchange.error`), never raised."""

    def begin_instance(self, *, instance_id: str, correlation_id: str, cookies: object | None = None) -> None:
        """Forget cookies, or go on with `cookies` of an earlier instance, and take on the ids of a new one."""

    @property
    def cookies(self) -> object:
        """The cookies of the instance, as `begin_instance` of the same client takes them."""

    def close(self) -> None:
        """Drop every connection."""


class Transport(Protocol):
    """Makes endpoints (before the clock starts) and clients (one a user)."""

    def endpoint(self, *, method: str, service: Service, headers: Mapping[str, str]) -> Endpoint:
        """Compile the constant part of a step's requests: `headers` are the step's own constant headers
        (the service's are added underneath). Raises ExpressionError for a header that can't be sent.
        """

    def authorized(self, endpoint: Endpoint, oauth2: OAuth2, *, hide: Hide) -> Endpoint:
        """The endpoint for requests with a token that templates say how to get. `hide` is told the token."""

    def client(self) -> Client:
        """A client for one user."""

    async def begin(self, *, on_token: OnToken, on_secret: Callable[[str], None]) -> None:
        """Fetch what requests need before the first one is sent, such as access tokens.

        `on_token` receives the answer to every such request, now and later, `on_secret` what no record of the run
        may contain.
        """

    async def close(self) -> None:
        """Drop everything that is still open."""


class FaultInjector(Protocol):
    """Does faults to the requests of instances, in one process."""

    def begin(self, began: float) -> None:
        """The load begins: a reading of the clock from which schedules count."""

    def of_instance(
        self, client: Client, *, scenario: str, index: int, instance_id: str, correlation_id: str
    ) -> Client:
        """The client of an instance of the load, for the user's own; the same one if no fault is for it."""

    def end(self) -> None:
        """The load ends: let go of every request that a fault holds."""


MakeFaults = Callable[[Clock, Callable[[FaultRecord], None]], FaultInjector]
"""Makes the faults of one process, which read the time from a clock and hand over a record of each thing done."""

StopCondition = Callable[[float], str | None]
"""Asked once a second, with the seconds since the load began: why the run shall stop, or None to go on."""


class StepOutcome(msgspec.Struct, kw_only=True, gc=False):
    """What running a step came to. An expected failure is such a value; an exception is our bug.

    `exchange` is the last request of the step, `requests` how many it sent. When it sent more than one, the
    action has handed each to `Instance.observe` as it ended. `request_failed`: that last request got no
    complete response, or a status that was not asked for (`http_req_failed`). `stops` is False for a step whose
    failure is only that of a step inside it which was told to go on: it doesn't end the flow around it either.
    `held_us` is how long code of the user's kept everything else in the process from running, if that is notable.
    """

    outcome: Outcome = "passed"
    error: str | None = None
    message: str | None = None
    checks: Checks = []
    extracted: list[str] = []
    exchange: Exchange | None = None
    requests: int = 0
    request_failed: bool = False
    stops: bool = True
    held_us: int = 0


Reveal = Callable[[Exchange], list[Any]]
"""The values in a response that a step extracts as secret, whether or not it comes to extract them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledStep:
    """A step that is ready to run.

    `refused` is None for a step that always runs; otherwise it says, given the scope, what comes of a step that
    is not to run (skipped, or errored by a `when` that can't be evaluated), or None for one that is. `secrets`
    are the variables it sets whose values must not be written, `reveal` finds them in a response. `holds_steps`:
    it runs other steps. `named_by_code`: its name was made while the instance runs.
    """

    name: str
    type: str
    action: Action
    refused: Callable[[Mapping[str, Any]], StepOutcome | None] | None = None
    on_failure: OnFailure = "stop"
    secrets: frozenset[str] = frozenset()
    reveal: Reveal | None = None
    named_by_code: bool = False
    holds_steps: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """Steps that run at the same time as others, and the variables that they can set."""

    steps: tuple[CompiledStep, ...]
    sets: frozenset[str] = frozenset()


class Secrets(Protocol):
    """What the records of an instance must not contain."""

    def hide(self, *values: object) -> None:
        """Hide these values in the further records."""


class Instance(Protocol):
    """One execution of one scenario: mutable, owned by one task.

    `scope` is what expressions see: variables, ids, `response` (the last Exchange) and `steps`
    (name -> Exchange). Actions set variables by writing to it. `occurrences` counts the requests of each step by
    its name. `round` counts the rounds of the innermost loop from 1, and is 0 outside every loop; the loop sets it
    and resets it.
    """

    scope: dict[str, Any]
    client: Client
    clock: Clock
    last_exchange: Exchange | None
    exchanges: dict[str, Exchange]
    occurrences: dict[str, int]
    round: int

    @property
    def ids(self) -> Secrets:
        """Keeps secrets out of the records of the instance."""

    @property
    def random(self) -> random.Random:
        """Randomness that depends on (seed, scenario, instance index) alone."""

    def observe(self, exchange: Exchange, *, step: str, poll: bool, failed: bool, decided: bool = False) -> None:
        """Write the record of a request that is not embedded in its step's line.

        `decided`: its step did not pass by it, although the request may not have `failed`.
        """

    async def run_steps(self, steps: Sequence[CompiledStep]) -> StepOutcome:
        """Run steps one after the other, each with its record, until one ends the flow.

        Returns the outcome of the step around them: passed, or the worst of theirs with the error `nested`;
        `stops` says whether a step ended the flow. This is the only way to run a step, however deep it stands.
        """

    def raised_inside(self, error: BaseException) -> bool:
        """Whether an exception came out of a step that `run_steps` ran, not out of its caller."""

    def end_step(self, name: str, type: str, outcome: StepOutcome, *, started: float) -> None:
        """Put on record what code did by itself as a step, and take it into the outcome of the instance.

        `started` is a reading of the clock.
        """

    def end_assertion(self, name: str, outcome: StepOutcome, *, action: AssertionAction = "assert") -> None:
        """Put on record what code asserted, and take it into the outcome of the instance."""

    async def run_together(self, branches: Sequence[Branch]) -> StepOutcome:
        """Run branches at the same time, each as `run_steps` does, and wait for all of them.

        Each has a copy of the scope and a random stream of its own. What they set and received is merged in the
        order of the branches.
        """


class Action(Protocol):
    """A compiled step: everything that can be decided before the clock starts has been."""

    name: str
    type: str

    async def run(self, instance: Instance) -> StepOutcome:
        """Do the step once. Expected failures are values."""
