"""Compiling the steps of one scenario: `CompileContext` knows what is set by now, `Field` where a value stands.

Problems are collected instead of raised, so that a user sees all of them at once. A value that cannot be compiled
is replaced by a placeholder, so that compiling goes on; nothing runs as long as there is a problem.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from windtunnel.actions.compile.known_kinds import KnownKinds
from windtunnel.errors import ExpressionError, Location, Problem, did_you_mean
from windtunnel.expressions.conditions import Condition, compile_condition
from windtunnel.expressions.jsonpath import JsonPath, compile_jsonpath
from windtunnel.expressions.known_names import of_other_tool
from windtunnel.expressions.quantities import parse_duration, parse_size
from windtunnel.expressions.sandbox import RESERVED, Member, is_reserved
from windtunnel.expressions.template import (
    Template,
    compile_json,
    compile_optional_text,
    compile_template,
    compile_text,
)
from windtunnel.figures import given
from windtunnel.interfaces import CompiledStep, Transport
from windtunnel.model.scenario import Block, Scenario, Step, walk
from windtunnel.model.source import DataPath, Source
from windtunnel.model.sut import Service, Sut

if TYPE_CHECKING:
    from windtunnel.actions.compile.references import DataReferences, Place

T = TypeVar("T")

_VARIABLE_NAME = re.compile(r"[^\W\d]\w*")
_ALWAYS_SET = ("correlation_id", "instance_id", "instance_index", "response", "run_id", "steps", "user_index")
_SET_IT = "set it under `variables`, or with `extract` in an earlier step"
_EMPTY_PATH = "$"


class AnyName(set[str]):
    """Every name: where code sets variables while it runs, none is unknown."""

    def __contains__(self, name: object) -> bool:
        return True


class CompileContext:
    """The state of one scenario while its steps are compiled, in the order in which they run.

    `names` are the variables that can be set by now and `responses` the steps with a response; both grow from step
    to step. `written` are the variables that the current block sets. `steps` are the names of all steps. `place`
    is the section that is compiled, `variables` are those of the scenario. `problems` collects the problems.
    `compile_step` compiles a step inside a step. Owned by the caller that compiles the scenario.
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
        self.place: Place = ""
        self.variables: Mapping[str, Template] = {}
        self._compile_step = compile_step

    @cached_property
    def data_references(self) -> DataReferences:
        """What templates may read of `data` and `env`."""
        from windtunnel.actions.compile.references import DataReferences  # few scenarios have such templates

        return DataReferences(self.scenario, self.sut)

    def row_missing_for(self, name: str) -> tuple[str, str | None] | None:
        """What is wrong, and a hint, where a variable is made of a row that the current section does not get."""
        return self.data_references.of_variable(name, self.place, self.variables) if self.scenario.data else None

    @cached_property
    def kinds(self) -> KnownKinds:
        """The kinds of the values that the scenario fixes."""
        return KnownKinds(self.scenario)

    def begin(self, names: Iterable[str], place: Place = "") -> None:
        """Begin another section, with these variables set and no response yet."""
        self.names, self.responses, self.written, self.place = set(names), set(), set(), place

    def at(self, step: Step) -> Field:
        """The mapping of a step."""
        return Field(self, step.path, step.source)

    def field(self, block: Block) -> Field:
        """The mapping that holds a block."""
        return Field(self, block.path, block.source)

    def block(self, block: Block) -> tuple[CompiledStep, ...]:
        """The steps of a block, compiled in order. The steps after the block can read the variables it sets."""
        return self.steps_of(block.steps)

    def steps_of(self, steps: Sequence[Step]) -> tuple[CompiledStep, ...]:
        """Steps, compiled in order, without those that have problems."""
        compiled = [self._compile_step(step, self) for step in steps]
        return tuple(step for step in compiled if step is not None)

    def alternatives(self, blocks: Sequence[Block]) -> list[tuple[tuple[CompiledStep, ...], frozenset[str]]]:
        """Blocks that do not see each other, each with the variables that it can set.

        The steps after them can read a variable that any of them sets.
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
        """Note that the variables `names` end with the current step, and that it does not set `written`."""
        self.names.difference_update(names)
        self.written.difference_update(written)

    def service(self, step: Step) -> Service | None:
        """The service that a step's requests go to; None after a problem was noted."""
        name = step.options.get("service")
        service = self.sut.service(name)
        if service is not None:
            return service
        services, file = ", ".join(self.sut.services), self.sut.source.file
        if name is None:
            self.at(step).problem(
                f"this step needs `service`, because {file} has no base_url",
                hint=f"add `service:` with one of {services}",
            )
        else:
            (self.at(step) / "service").problem(
                f'there is no service "{name}" in {file}',
                hint=did_you_mean(str(name), self.sut.services) or f"the services are {services}",
            )
        return None


class Field:
    """A value in a file of the scenario while it is compiled: `field / "expect" / "json"` leads further in."""

    __slots__ = ("context", "path", "source")

    def __init__(self, context: CompileContext, path: DataPath, source: Source) -> None:
        self.context, self.path, self.source = context, path, source

    def __truediv__(self, key: str | int) -> Field:
        return Field(self.context, (*self.path, key), self.source)

    def problem(self, message: str, *, hint: str | None = None, key: bool = False) -> None:
        """Note what is wrong with the value here (with its key, if `key`)."""
        where = self.source.locate(self.path, key=key)
        self.context.problems.append(Problem(message=message, where=where, hint=hint))

    def attempt(self, compile_: Callable[[], T], placeholder: T) -> T:
        """The result of `compile_`, or `placeholder` after its ExpressionError was noted as a problem."""
        try:
            return compile_()
        except ExpressionError as error:
            inner = Field(self.context, self.path + error.path, self.source)
            where = inner._locate_word(error.word) if error.word else self.source.locate(inner.path)
            self.context.problems.append(Problem(message=str(error), where=where, hint=error.hint))
            return placeholder

    def template(self, value: Any) -> Template:
        """A value of any shape with templates in it; `"{{ x }}"` alone keeps the type of x."""
        return self._checked(value, self.attempt(lambda: compile_template(value), _empty()))

    def text(self, value: Any, *, encode: Callable[[str], str] | None = None) -> Template:
        """Text with templates in it; `encode` is applied to the value of each template."""
        return self._checked(value, self.attempt(lambda: compile_text(value, encode=encode), _empty()))

    def optional_text(self, value: Any, *, in_header: bool = False) -> Template:
        """Text with templates in it, or None: null, or `"{{ x }}"` alone where x is null."""
        return self._checked(
            value, self.attempt(lambda: compile_optional_text(value, in_header=in_header), _empty())
        )

    def json(self, value: Any) -> Template:
        """A JSON document (bytes) with templates in it."""
        return self._checked(value, self.attempt(lambda: compile_json(value), _empty()))

    def condition(self, value: Any, *, extracted: Iterable[str] = ()) -> Condition:
        """A bare expression, or one in `{{ }}`, that is true or false; it may read what its step `extracted`."""
        condition = self.attempt(lambda: compile_condition(value, self.context.kinds), compile_condition(True))
        self._check_names(condition.names.difference(extracted), lambda name: self._locate_word(name))
        if condition.members or "data" in condition.names:
            self._check_members(condition, lambda member: self._locate_word(member[-1]))
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
            self.problem(f"expected true or false, not {given(value)}")
        return default if value is None else bool(value)

    def file(self, name: str) -> Path | None:
        """The path of a file of the project, relative to this file's folder; None after a problem was noted."""
        path = Path(self.source.file).parent / name
        return self.attempt(lambda: self.source.project.require(path), None)

    def mapping(self, value: Any) -> Mapping[str, Any]:
        """A mapping; empty when the value is None or something else."""
        if value is not None and not isinstance(value, Mapping):
            self.problem("expected a mapping here")
        return value if isinstance(value, Mapping) else {}

    def only_keys(self, value: Mapping[str, Any], known: Iterable[str]) -> None:
        """Note every unknown key."""
        known = tuple(known)
        for key in value:
            if key not in known:
                hint = did_you_mean(str(key), known) or f"one of {', '.join(known)}"
                (self / key).problem(f'unknown key "{key}"', hint=hint, key=True)

    def variable(self, name: str) -> None:
        """Note that this step sets the variable that the key here names."""
        if is_reserved(name):
            self.problem(f'"{name}" is a reserved name', hint="choose another name for the variable", key=True)
        elif not _VARIABLE_NAME.fullmatch(name):
            hint = "use letters, digits and _, not beginning with a digit"
            self.problem(f'"{name}" cannot be a variable name', hint=hint, key=True)
        self.context.names.add(name)
        self.context.written.add(name)

    def _checked(self, value: Any, template: Template) -> Template:
        self._check_names(template.names, lambda name: _leaf(self, value, name)._locate_word(name))
        if template.members or "data" in template.names:
            self._check_members(template, lambda member: _leaf(self, value, member)._locate_word(member[-1]))
        return template

    def _check_members(self, read: Template | Condition, locate: Callable[[Member], Location]) -> None:
        """Note each reference to `data` or `env` that leads nowhere."""
        members = read.members
        if "data" in read.names and not any(member[0] == "data" for member in members):
            members |= {("data",)}
        for member in sorted(members):
            if objection := self.context.data_references.objection(member, self.context.place):
                message, hint = objection
                self.context.problems.append(Problem(message=message, where=locate(member), hint=hint))

    def _check_names(self, names: Iterable[str], locate: Callable[[str], Location]) -> None:
        known, omission = self.context.names, self.context.scenario.omission
        omitted = omission.variables if omission else frozenset()
        for name in sorted(names):
            if name in known or (name in RESERVED and name != "loop"):
                continue
            if omitted is None or name in omitted:
                continue
            message, hint = self.context.row_missing_for(name) or (
                f'variable "{name}" is not set by any earlier step',
                did_you_mean(name, [*known, *omitted, *_ALWAYS_SET]) or of_other_tool(name) or _SET_IT,
            )
            self.context.problems.append(Problem(message=message, where=locate(name), hint=hint))

    def _locate_word(self, word: str) -> Location:
        """The location of a word on the first line of the value; of the value if the word is not there."""
        where = self.source.locate(self.path)
        found = re.compile(rf"\b{re.escape(word)}\b").search(where.excerpt, max(0, where.column - 1))
        return replace(where, column=found.start() + 1, width=len(word)) if found else where


def _leaf(field: Field, value: Any, name: str | Member) -> Field:
    """The first text inside `value` whose template reads `name`."""
    name = name[0] if len(name) == 1 else name
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


def _empty() -> Template:
    """The placeholder for a template that cannot be compiled."""
    return compile_template(None)


def assigned_variables(steps: Sequence[Step]) -> frozenset[str]:
    """Every variable that one of the steps, or one inside them, can set and that exists afterwards."""
    found: set[str] = set()
    for step in steps:
        found |= step.sets
        for block in step.blocks:
            found |= assigned_variables(block.steps) - step.scoped
    return frozenset(found)
