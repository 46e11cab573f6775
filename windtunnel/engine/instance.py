"""One execution of one scenario: its variables, its ids, its steps and its record."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

from windtunnel.actions.compile.scopes import LocalSteps
from windtunnel.engine.ids import InstanceIds, LazyRandom
from windtunnel.engine.journal import Journal
from windtunnel.engine.load.feeder import FeederReader
from windtunnel.engine.plan import CompiledScenario, RunFacts
from windtunnel.engine.progress import PASSED, BlockOutcome, Progress, too_many
from windtunnel.engine.user import SetupResult, SharedClient
from windtunnel.errors import ExpressionError, describe
from windtunnel.interfaces import Branch, Client, Clock, CompiledStep, Reveal, StepOutcome
from windtunnel.model.http import Exchange
from windtunnel.model.vocabulary import AssertionAction
from windtunnel.tasks import all_of, came_from_outside

_INTERNAL = StepOutcome(outcome="errored", error="internal")
_INTERNAL_INSIDE = StepOutcome(outcome="errored", error="nested")
_INTERRUPTED = StepOutcome(outcome="interrupted", error="interrupted")


class Bugs:
    """The exceptions of ours in one segment. `first` is the traceback of the first one."""

    __slots__ = ("first",)

    def __init__(self) -> None:
        self.first: str | None = None

    def note(self, error: BaseException, hide: Callable[[str], str] = str) -> None:
        """Take an exception; `hide` leaves out of its text what its instance alone keeps secret."""
        if self.first is None:
            self.first = hide("".join(traceback.format_exception(type(error), error, error.__traceback__)))


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceContext:
    """What all instances of a segment share."""

    facts: RunFacts
    clock: Clock
    journal: Journal
    bugs: Bugs


class RunningInstance:
    """The `Instance` that actions see, owned by the one task that runs it."""

    __slots__ = (
        "_draw",
        "_journal",
        "_reveal",
        "_shared_client",
        "client",
        "clock",
        "exchanges",
        "ids",
        "last_exchange",
        "occurrences",
        "progress",
        "round",
        "scope",
    )

    def __init__(
        self,
        ids: InstanceIds,
        scenario: CompiledScenario,
        context: InstanceContext,
        *,
        client: Client,
        given: SetupResult | None,
        stream: str,
    ) -> None:
        facts, clock = context.facts, context.clock
        self.ids = ids
        if given is not None:
            ids.secrets = given.secrets
        self.client, self.clock = client, clock
        self.last_exchange: Exchange | None = None
        self.exchanges: dict[str, Exchange] = {}
        self.occurrences: dict[str, int] = {}
        self.round = 0
        self.progress = Progress(scenario)
        self._journal = context.journal
        self._reveal: Reveal | None = None
        self._shared_client: SharedClient | None = None
        self._draw = LazyRandom(facts.seed, ids, stream)
        self.scope: dict[str, Any] = {
            "run_id": facts.run_id,
            "instance_id": ids.instance_id,
            "correlation_id": ids.correlation_id,
            "instance_index": ids.index,
            "user_index": ids.user,
            "steps": self.exchanges,
            "_random": self._draw,
            "_now": clock.unix,
        }

    @property
    def random(self) -> Random:
        """Randomness that depends on (seed, scenario, instance index) alone."""
        return self._draw()

    def set_data_rows(self, feeders: Iterable[FeederReader]) -> None:
        """Set `data` to this instance's row of every feeder. Raises ExpressionError when one has none left."""
        index, user = self.ids.index, self.ids.user
        self.scope["data"] = {feeder.name: feeder.row(index, user) for feeder in feeders}
        self.ids.hide(*(secret for feeder in feeders for secret in feeder.secrets(index, user)))

    def observe(self, exchange: Exchange, *, step: str, poll: bool, failed: bool, decided: bool = False) -> None:
        """Write the record of a request that is not embedded in its step's line."""
        if self._reveal is not None:
            self.ids.hide(self._reveal(exchange))
        self._journal.request(
            self.ids, step, exchange, poll=poll, failed=failed, decided=decided, round=self.round
        )

    def raised_inside(self, error: BaseException) -> bool:
        """Whether an exception came out of a step; see `interfaces.Instance.raised_inside`."""
        return error is self.progress.bug

    def end_step(self, name: str, type: str, outcome: StepOutcome, *, started: float) -> None:
        """Write the record of a step that code ran itself; see `interfaces.Instance.end_step`."""
        self.progress.steps += 1
        name = self._journal.shown(self.ids, name)
        self._journal.step(self.ids, name, type, outcome, started=started, round=self.round)
        self.progress.note(name, outcome, self.last_exchange)

    def end_assertion(self, name: str, outcome: StepOutcome, *, action: AssertionAction = "assert") -> None:
        """Write the record of an assertion and count it in the outcome of the instance."""
        name = self._journal.shown(self.ids, name)
        self._journal.assertion(self.ids, name, outcome, action=action, last=self.last_exchange)
        self.progress.note(name, outcome, self.last_exchange)

    async def run_steps(self, steps: Sequence[CompiledStep]) -> StepOutcome:
        """Run steps one after the other, each with its record; see `interfaces.Instance.run_steps`."""
        clock, scope, progress, journal = self.clock, self.scope, self.progress, self._journal
        round = self.round
        nested: BlockOutcome | None = None
        for step in steps:
            name = step.name if not step.named_by_code else journal.shown(self.ids, step.name)
            if progress.steps >= progress.max_steps:
                progress.note(name, too_many(progress.max_steps))
                nested = nested or BlockOutcome()
                nested.note(name, "errored")
                nested.stops = True
                return nested.result()
            progress.steps += 1
            self._reveal = step.reveal
            # An exception out of an action is a bug of ours: the step is recorded before it ends the instance.
            result = _INTERNAL
            started = clock.now()
            try:
                refused = step.refused(scope) if step.refused is not None else None
                result = refused or await step.action.run(self)
            except BaseException as error:
                if isinstance(error, asyncio.CancelledError) or came_from_outside(error):
                    result = _INTERRUPTED
                elif progress.bug is None:
                    progress.bug, progress.bug_at = error, name
                else:
                    result = _INTERNAL_INSIDE
                raise
            finally:
                if step.secrets:
                    self._keep_secrets_of(step, result)
                journal.step(self.ids, name, step.type, result, started=started, round=round)
            outcome = result.outcome
            if outcome == "passed":
                continue
            if outcome == "skipped":
                progress.steps -= 1
                continue
            progress.note(name, result, self.last_exchange)
            nested = nested or BlockOutcome()
            nested.note(name, outcome)
            if result.stops and step.on_failure == "stop" and progress.stop_on_step:
                nested.stops = True
                return nested.result()
        return PASSED if nested is None else nested.result()

    def _keep_secrets_of(self, step: CompiledStep, result: StepOutcome) -> None:
        """Hide what a step extracts as secret, also when it failed before it could: the response is there."""
        scope = self.scope
        self.ids.hide(*(scope[name] for name in step.secrets if name in scope))
        if result.outcome != "passed" and step.reveal is not None and result.exchange is not None:
            self.ids.hide(step.reveal(result.exchange))

    async def run_together(self, branches: Sequence[Branch]) -> StepOutcome:
        """Run branches at the same time; see `interfaces.Instance.run_together`."""
        before = dict(self.exchanges)
        forks = [self._fork() for _ in branches]
        outcomes = await all_of(
            [fork.run_steps(branch.steps) for fork, branch in zip(forks, branches, strict=True)]
        )
        last = self.last_exchange
        for fork, branch in zip(forks, branches, strict=True):
            self.scope.update({name: fork.scope[name] for name in branch.sets if name in fork.scope})
            self.exchanges.update(
                {name: each for name, each in fork.exchanges.items() if each is not before.get(name)}
            )
            if fork.last_exchange is not last:
                self.last_exchange = self.scope["response"] = fork.last_exchange
        nested = BlockOutcome()
        for outcome in outcomes:
            nested.take(outcome)
        return nested.result()

    def _fork(self) -> RunningInstance:
        """The instance of a branch: with its own scope and random stream, and shared connections."""
        if self._shared_client is None:
            self._shared_client = SharedClient(self.client)
        fork = copy(self)
        fork.client = self._shared_client
        fork.exchanges = dict(self.exchanges)
        fork._draw = self._draw.fork()
        steps = self.scope["steps"]
        fork.scope = {
            **self.scope,
            "steps": steps.over(fork.exchanges) if isinstance(steps, LocalSteps) else fork.exchanges,
            "_random": fork._draw,
        }
        return fork


async def run_section(
    scenario: CompiledScenario,
    ids: InstanceIds,
    context: InstanceContext,
    *,
    client: Client,
    due: float,
    given: SetupResult | None = None,
    cookies: object | None = None,
    stream: str = "",
    begun: Callable[[RunningInstance], None] | None = None,
) -> RunningInstance:
    """Run a scenario, or the setup, user_setup or teardown of one, as an instance from its ids to its record.

    `due` is a reading of the clock, `given` what an earlier setup left, `stream` the random stream. `begun` gets
    the instance before its first step. Raises nothing but CancelledError: an exception of ours ends the instance
    and goes to `context.bugs`.
    """
    client.begin_instance(instance_id=ids.instance_id, correlation_id=ids.correlation_id, cookies=cookies)
    instance = RunningInstance(ids, scenario, context, client=client, given=given, stream=stream)
    if begun is not None:
        begun(instance)
    journal, progress = context.journal, instance.progress
    started = context.clock.now()
    try:
        has_values = scenario.variables or scenario.feeders or scenario.env
        if not has_values or _set_variables(instance, scenario, progress):
            if given is not None:
                instance.scope.update(given.variables)
            if scenario.script is not None:
                await scenario.script.run(instance)
            flow = await instance.run_steps(scenario.steps)
            if scenario.assertions:
                stopped = flow.outcome != "passed" and flow.stops
                await _assertions(instance, scenario, journal, progress, skip=stopped)
    except BaseException as error:
        if came_from_outside(error):
            progress.outcome = "interrupted"
            raise
        if isinstance(error, asyncio.CancelledError):
            progress.outcome, progress.error = "errored", "cancelled"
            progress.message = "code of the scenario cancelled the task of this instance"
        else:  # a bug of ours ends this instance, is shown, and makes the verdict `error`
            progress.outcome, progress.error, progress.failed_step = "errored", "internal", progress.bug_at
            progress.message = describe(error)
            context.bugs.note(error, partial(journal.shown, ids))
    finally:
        _end(instance, journal, due=due, started=started)
    return instance


def _end(instance: RunningInstance, journal: Journal, *, due: float, started: float) -> None:
    progress = instance.progress
    journal.instance(
        instance.ids,
        progress.outcome,
        scheduled=due,
        started=started,
        steps=progress.steps,
        failed_step=progress.failed_step,
        error=progress.error,
        message=progress.message,
        fault=progress.fault,
    )


def _set_variables(instance: RunningInstance, scenario: CompiledScenario, progress: Progress) -> bool:
    scope = instance.scope
    kind = "data"
    if scenario.env:
        scope["env"] = scenario.env
    try:
        if scenario.feeders:
            instance.set_data_rows(scenario.feeders)
        kind = "template"
        for name, template in scenario.variables:
            scope[name] = template(scope)
    except ExpressionError as error:
        progress.outcome, progress.error, progress.message = "errored", kind, str(error)
        return False
    return True


async def _assertions(
    instance: RunningInstance, scenario: CompiledScenario, journal: Journal, progress: Progress, *, skip: bool
) -> None:
    for assertion in scenario.assertions:
        progress.bug_at = assertion.name
        if skip:
            journal.assertion(instance.ids, assertion.name, StepOutcome(outcome="skipped"))
            continue
        result = await assertion.action.run(instance)
        journal.assertion(instance.ids, assertion.name, result, last=instance.last_exchange)
        progress.note(assertion.name, result, instance.last_exchange)
        skip = result.outcome != "passed" and scenario.stop_on_assertion
