"""What an action needs to compile the steps of one scenario: its surroundings, and places that report problems.

Every problem is gathered, none is raised: a user mends all of them in one go. What can't be compiled is replaced
by a stand-in, so that compiling goes on; nothing runs as long as there is a problem.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from windtunnel.actions.compile.data_references import DataReferences
from windtunnel.errors import ExpressionError, Location, Problem, did_you_mean
from windtunnel.expressions.condition import Condition, compile_condition
from windtunnel.expressions.functions import RESERVED, is_reserved
from windtunnel.expressions.jsonpath import JsonPath, compile_jsonpath
from windtunnel.expressions.quantities import parse_duration, parse_size
from windtunnel.expressions.sandbox import Member
from windtunnel.expressions.template import Template, compile_json, compile_template, compile_text
from windtunnel.interfaces import CompiledStep, Transport
from windtunnel.model.scenario import Block, Scenario, Step, walk
from windtunnel.model.source import DataPath, Source
from windtunnel.model.sut import Service, Sut

T = TypeVar("T")

_VARIABLE_NAME = re.compile(r"[^\W\d]\w*")
_ALWAYS_SET = ("correlation_id", "instance_id", "instance_index", "response", "run_id", "steps", "user_index")
_EMPTY_PATH = "$"


class CompileContext:
    """The surroundings of one scenario's steps while they are compiled, in the order in which they run.

    `names` are the variables that can be set by now and `responses` the steps that leave a response; both
    grow from step to step. `written` are the variables that the block at hand sets. `steps` are the names of all
    steps, whenever they run. `problems` gathers what is wrong. Owned by the one caller that compiles the scenario,
    who says how a step is compiled: only the table of step types knows.
    """

    def __init__(
        self,
        scenario: Scenario,
        *,
        sut: Sut,
        transport: Transport,
        names: Iterable[str],
        problems: list[Problem],
        compile_step: Callable[[Step, CompileContext], CompiledStep | None],
    ) -> None:
        self.scenario, self.sut, self.transport, self.problems = scenario, sut, transport, problems
        self.names = set(names)
        self.responses: set[str] = set()
        self.written: set[str] = set()
        self.steps = frozenset(step.name for step in walk(scenario.sections))
        self.known = DataReferences(scenario)
        self._compile_step = compile_step

    def begin(self, names: Iterable[str]) -> None:
        """Begin with another section, in which these variables are set and no response has come yet."""
        self.names, self.responses, self.written = set(names), set(), set()

    def at(self, step: Step) -> Field:
        """The place of a step's mapping."""
        return Field(self, step.path, step.source)

    def field(self, block: Block) -> Field:
        """The place of the mapping in which a block stands."""
        return Field(self, block.path, block.source)

    def block(self, block: Block) -> tuple[CompiledStep, ...]:
        """The steps of a block, compiled in order. What they set can be read after it."""
        return self.steps_of(block.steps)

    def steps_of(self, steps: Sequence[Step]) -> tuple[CompiledStep, ...]:
        """Steps, compiled in order; those with problems are left out."""
        compiled = [self._compile_step(step, self) for step in steps]
        return tuple(step for step in compiled if step is not None)

    def alternatives(self, blocks: Sequence[Block]) -> list[tuple[tuple[CompiledStep, ...], frozenset[str]]]:
        """Blocks that do not see each other, with the variables that each can set.

        After them, whatever one of them sets can have been set.
        """
        names, responses, written = self.names, self.responses, self.written
        after = set(names), set(responses)
        compiled = []
        for block in blocks:
            self.names, self.responses, self.written = set(names), set(responses), set()
            compiled.append((self.block(block), frozenset(self.written)))
            after[0].update(self.names)
            after[1].update(self.responses)
            written |= self.written
        (self.names, self.responses), self.written = after, written
        return compiled

    def forget(self, names: Iterable[str], *, written: Iterable[str]) -> None:
        """Take note that variables are gone after the step at hand, and that others do not count as set by it."""
        self.names.difference_update(names)
        self.written.difference_update(written)

    def service(self, step: Step) -> Service | None:
        """The service a step's requests go to; None after a problem was noted."""
        name = step.options.get("service")
        service = self.sut.service(name)
        if service is not None:
            return service
        services = ", ".join(self.sut.services)
        if name is None:
            self.at(step).problem(
                "this step names no service, and the SUT has no base_url",
                hint=f"add `service:` (one of {services})",
            )
        else:
            (self.at(step) / "service").problem(
                f'unknown service "{name}"',
                hint=did_you_mean(str(name), self.sut.services) or f"one of {services}",
            )
        return None


class Field:
    """A value in a file of the scenario while it is compiled: `place / "expect" / "json"` leads further in."""

    __slots__ = ("context", "path", "source")

    def __init__(self, context: CompileContext, path: DataPath, source: Source) -> None:
        self.context, self.path, self.source = context, path, source

    def __truediv__(self, key: str | int) -> Field:
        return Field(self.context, (*self.path, key), self.source)

    def problem(self, message: str, *, hint: str | None = None, key: bool = False) -> None:
        """Note what is wrong with the value here (with its key, if `key`)."""
        where = self.source.locate(self.path, key=key)
        self.context.problems.append(Problem(message=message, where=where, hint=hint))

    def attempt(self, compile_: Callable[[], T], stand_in: T) -> T:
        """The result of `compile_`, or `stand_in` after its ExpressionError was noted as a problem."""
        try:
            return compile_()
        except ExpressionError as error:
            Field(self.context, self.path + error.path, self.source).problem(str(error), hint=error.hint)
            return stand_in

    def template(self, value: Any) -> Template:
        """A value of any shape with templates in it; `"{{ x }}"` alone keeps the type of x."""
        return self._checked(value, self.attempt(lambda: compile_template(value), _nothing()))

    def text(self, value: Any, *, encode: Callable[[str], str] | None = None) -> Template:
        """Text with templates in it; `encode` is applied to what each of them yields."""
        return self._checked(value, self.attempt(lambda: compile_text(value, encode=encode), _nothing()))

    def json(self, value: Any) -> Template:
        """A JSON document (bytes) with templates in it."""
        return self._checked(value, self.attempt(lambda: compile_json(value), _nothing()))

    def condition(self, value: Any) -> Condition:
        """A bare expression or one in `{{ }}` that yields true or false."""
        condition = self.attempt(lambda: compile_condition(value), compile_condition(True))
        self._check_names(condition.names, lambda name: self._locate_word(name))
        self._check_members(condition.members, lambda member: self._locate_word(member[-1]))
        return condition

    def jsonpath(self, value: Any) -> JsonPath:
        """A JSON path."""
        return self.attempt(lambda: compile_jsonpath(value), compile_jsonpath(_EMPTY_PATH))

    def duration(self, value: Any, default: float) -> float:
        """Seconds of a duration; the default when the value is None."""
        return default if value is None else self.attempt(lambda: parse_duration(value), default)

    def deadline(self, value: Any, default: float) -> float:
        """Seconds of a duration that must not be zero; the default when the value is None."""
        seconds = self.duration(value, default)
        if seconds <= 0:
            self.problem("this must be more than 0")
        return seconds

    def size(self, value: Any) -> int | None:
        """Bytes of a size; None when the value is None."""
        return None if value is None else self.attempt(lambda: parse_size(value), None)

    def boolean(self, value: Any, default: bool) -> bool:
        """True or false; the default when the value is None."""
        if value is not None and not isinstance(value, bool):
            self.problem(f"expected true or false, not {value!r}")
        return default if value is None else bool(value)

    def mapping(self, value: Any) -> Mapping[str, Any]:
        """A mapping; empty when the value is None or something else."""
        if value is not None and not isinstance(value, Mapping):
            self.problem("expected a mapping here")
        return value if isinstance(value, Mapping) else {}

    def only_keys(self, value: Mapping[str, Any], known: Iterable[str]) -> None:
        """Note every key that is not known."""
        known = tuple(known)
        for key in value:
            if key not in known:
                hint = did_you_mean(str(key), known) or f"one of {', '.join(known)}"
                (self / key).problem(f'unknown key "{key}"', hint=hint, key=True)

    def variable(self, name: str) -> None:
        """Take note that the key here is a variable that this step sets."""
        if is_reserved(name):
            self.problem(f'"{name}" is a reserved name', hint="choose another name for the variable", key=True)
        elif not _VARIABLE_NAME.fullmatch(name):
            hint = "use letters, digits and _, not beginning with a digit"
            self.problem(f'"{name}" cannot be a variable name', hint=hint, key=True)
        self.context.names.add(name)
        self.context.written.add(name)

    def _checked(self, value: Any, template: Template) -> Template:
        self._check_names(template.names, lambda name: _leaf(self, value, name)._locate_word(name))
        if template.members:
            self._check_members(
                template.members, lambda member: _leaf(self, value, member)._locate_word(member[-1])
            )
        return template

    def _check_members(self, members: Iterable[Member], locate: Callable[[Member], Location]) -> None:
        """Note what a template reads of `data` and `env` that is not there."""
        for member in sorted(members):
            if objection := self.context.known.objection(member):
                message, hint = objection
                self.context.problems.append(Problem(message=message, where=locate(member), hint=hint))

    def _check_names(self, names: Iterable[str], locate: Callable[[str], Location]) -> None:
        known = self.context.names
        for name in sorted(names):
            if name in known or (name in RESERVED and name != "loop"):
                continue
            self.context.problems.append(
                Problem(
                    message=f'variable "{name}" is not set by any earlier step',
                    where=locate(name),
                    hint=did_you_mean(name, [*known, *_ALWAYS_SET]),
                )
            )

    def _locate_word(self, word: str) -> Location:
        """The word inside the value here, when it stands on the value's first line; otherwise the value."""
        where = self.source.locate(self.path)
        found = re.compile(rf"\b{re.escape(word)}\b").search(where.excerpt, max(0, where.column - 1))
        return replace(where, column=found.start() + 1, width=len(word)) if found else where


def _leaf(field: Field, value: Any, name: str | Member) -> Field:
    """The place of the first text inside `value` whose template reads `name`."""
    for inner, text in _texts(field, value):
        try:
            template = compile_template(text)
            if name in template.names or name in template.members:
                return inner
        except ExpressionError:
            continue  # noted when the whole value was compiled
    return field


def _texts(field: Field, value: Any) -> Iterable[tuple[Field, str]]:
    if isinstance(value, str):
        yield field, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(field / key, item)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _texts(field / index, item)


def _nothing() -> Template:
    """Stands for a template that can't be compiled."""
    return compile_template(None)
