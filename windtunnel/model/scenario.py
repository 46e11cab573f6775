"""A scenario: a user journey made of steps, which may hold steps themselves, with assertions at its end."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from windtunnel.errors import Location
from windtunnel.model.load import Load
from windtunnel.model.source import DataPath, Source
from windtunnel.model.turbulence import FaultSpec
from windtunnel.model.vocabulary import OnEnd, OnFailure, RowOrder, RowShare

ABSENT = Ellipsis
"""Stands in a row for a column it does not have: an object of a JSON file may leave keys out."""

MAX_COPIED_BYTES = 1024 * 1024
"""Size of the largest data file that a run keeps a copy of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feeder:
    """A data file, and how its rows are dealt.

    `share`: each instance gets a row (`instance`), no row is used twice in the run, also not by another feeder of
    the same file (`unique`), or each user gets a row, which it keeps (`user`). `identity` is the real path of the
    file, `digest` the SHA-256 of its bytes, `size` their number.
    """

    name: str
    file: str
    identity: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[Any, ...]]
    order: RowOrder = "sequential"
    on_end: OnEnd = "recycle"
    share: RowShare = "instance"
    size: int = 0
    digest: str = ""
    where: Location | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Steps inside a step: the body of a loop, one case of a branch.

    `options` is the mapping that holds the block under `key` (the step's own, or that of the case), `path` its
    place in `source`.
    """

    steps: tuple[Step, ...]
    options: Mapping[str, Any]
    path: DataPath
    source: Source
    key: str = "steps"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One entry of a flow, or one assertion.

    `options` is the whole mapping as written (validated against the schema of its `type`); the action that
    `type` names compiles it. `path` is the place of the mapping in `source`, which is another file than the
    scenario's for a step that was included. `name` is unique in the scenario; an included step's begins with
    `prefix`. `blocks` are the steps inside, `tags` also those of the steps around. `sets` are the variables that
    the step itself sets, `scoped` those that exist only inside it.
    """

    type: str
    name: str
    options: Mapping[str, Any]
    path: DataPath
    source: Source
    when: str | bool | None = None
    on_failure: OnFailure = "stop"
    tags: Mapping[str, str] = field(default_factory=dict)
    blocks: tuple[Block, ...] = ()
    prefix: str = ""
    sets: frozenset[str] = frozenset()
    scoped: frozenset[str] = frozenset()


class FlowFunction(Protocol):
    """A function that is run in place of steps, once an instance. It can be pickled."""

    @property
    def name(self) -> str:
        """What it is called in its file."""

    def require_elsewhere(self) -> None:
        """Raise ConfigError when another process could not find it."""

    def __call__(self, user: Any) -> Awaitable[None]:
        """Run the flow of one instance."""


def walk(steps: Sequence[Step]) -> Iterator[Step]:
    """Every step of a tree in the order in which it is written: a step, then the steps inside it."""
    for step in steps:
        yield step
        for block in step.blocks:
            yield from walk(block.steps)


@dataclass(frozen=True, slots=True)
class Verbatim:
    """A start value from the command line; it is not a template, even if it looks like one."""

    value: Any


class Expanded(str):
    """A text in which a value of the environment looks like a template. `template` yields the text: in it, the
    value is one, and what the file itself says stays a template.
    """

    template: str

    def __new__(cls, text: str, template: str) -> Expanded:
        """The text, and how a template has it."""
        made = super().__new__(cls, text)
        made.template = template
        return made

    def __reduce__(self) -> tuple[type[Expanded], tuple[str, str]]:
        """Both of them, for other processes."""
        return Expanded, (str(self), self.template)


@dataclass(frozen=True, slots=True, kw_only=True)
class StopWhen:
    """What ends an instance early."""

    step_fails: bool = True
    assertion_fails: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Omission:
    """What the parts of a file would add that are not in its scenario because they break a rule.

    `variables` are those they may set, None for any; `data`: they may be data files.
    """

    variables: frozenset[str] | None = frozenset()
    data: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A user journey. `weight` is its share of the mix; `variables` may hold templates, `env` is what of the
    environment they may read, `withheld` what of it they ask for and may not.

    One with a `load` of its own is not in the mix: it runs beside it, beginning `start_after_s` later. Where there
    is a `function`, it is the flow, and `steps` and `assertions` are those which can be read off it, for reports.
    `auth` and `headers` are for all its requests, and may hold templates.
    `faults` are done to its own requests in the runs of plans with `turbulence`.
    `setup` and `teardown` run once a run, `user_setup` once a user; none of them is part of what is measured.
    One with an `omission` is compiled for its problems alone, and never run.
    """

    id: str
    steps: tuple[Step, ...]
    source: Source
    description: str = ""
    assertions: tuple[Step, ...] = ()
    setup: tuple[Step, ...] = ()
    user_setup: tuple[Step, ...] = ()
    teardown: tuple[Step, ...] = ()
    data: tuple[Feeder, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    withheld: frozenset[str] = frozenset()
    variables: Mapping[str, Any] = field(default_factory=dict)
    auth: Mapping[str, Any] | None = None
    headers: Mapping[str, Any] = field(default_factory=dict)
    weight: int = 1
    tags: Mapping[str, str] = field(default_factory=dict)
    stop_when: StopWhen = StopWhen()
    max_steps: int = 1000
    load: Load | None = None
    start_after_s: float = 0.0
    function: FlowFunction | None = None
    faults: tuple[FaultSpec, ...] = ()
    omission: Omission | None = None

    @property
    def sections(self) -> tuple[Step, ...]:
        """The steps of every section, in the order in which they run."""
        return (*self.setup, *self.user_setup, *self.steps, *self.teardown)
