"""Python scenarios: `@scenario("checkout", weight=3)` turns an async function into a value."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Literal, get_args

from windtunnel.errors import ConfigError
from windtunnel.figures import given
from windtunnel.project import Project
from windtunnel.user_code.modules import load_module

Flow = Callable[[Any], Awaitable[None]]
"""The function that a scenario runs for every instance, with its `User`."""

OnFailure = Literal["stop", "continue"]
"""`model.vocabulary.OnFailure`, for the users of this module: it imports nothing of the engine."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PythonScenario:
    """The value that `@scenario` makes of a function; the loader collects it from the module.

    It can be called like the function. `file` and `line` say where the function stands. Another process finds
    it by its file and its id, so only a function at the top of a module can be sent to one.
    """

    id: str
    function: Flow
    file: str
    line: int
    weight: int = 1
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    auth: Mapping[str, Any] | None = None
    headers: Mapping[str, Any] = field(default_factory=dict)
    load: Mapping[str, Any] = field(default_factory=dict)
    faults: Sequence[Mapping[str, Any]] = ()
    on_failure: OnFailure = "continue"
    max_steps: int = 1000

    @property
    def name(self) -> str:
        """The name of the function."""
        return _name_of(self.function)

    def require_elsewhere(self) -> None:
        """Raise ConfigError when another process could not find it."""
        _scenario_in(self.file, self.id)

    def __call__(self, user: Any) -> Awaitable[None]:
        """Begin the flow of one instance."""
        return self.function(user)

    def __reduce__(self) -> tuple[Callable[[str, str], Any], tuple[str, str]]:
        """Pickle the file and the id, as a function cannot be pickled."""
        return _scenario_in, (self.file, self.id)


def scenario(
    id: str,
    *,
    weight: int = 1,
    description: str | None = None,
    tags: Mapping[str, str] | None = None,
    variables: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
    auth: Mapping[str, Any] | None = None,
    headers: Mapping[str, Any] | None = None,
    load: Mapping[str, Any] | None = None,
    faults: Sequence[Mapping[str, Any]] = (),
    on_failure: OnFailure = "continue",
    max_steps: int = 1000,
) -> Callable[[Flow], PythonScenario]:
    """Make a scenario of an async function that takes one argument, the `windtunnel.User`.

    `weight` is its share of the mix, `description` the function's docstring unless given. `tags` are for
    thresholds and reports, `variables` start values, `data` feeders, `auth` and `headers` for every request,
    `load` one of its own, `faults` on its requests, where a plan has `turbulence`: all of them as in YAML.
    `on_failure` is what a failed request does to the flow unless it says otherwise: `"continue"` hands the
    response over all the same, `"stop"` ends the flow; the instance has failed either way. More than
    `max_steps` steps end it as errored.

    Raises TypeError or ValueError for invalid arguments.
    """
    _check_arguments(id, weight, on_failure, max_steps)

    def describe(function: Flow) -> PythonScenario:
        if not inspect.iscoroutinefunction(function):
            raise TypeError(f'the scenario "{id}" must be a function: async def {_name_of(function)}(user)')
        return PythonScenario(
            id=id,
            function=function,
            file=function.__code__.co_filename,
            line=function.__code__.co_firstlineno,
            weight=weight,
            description=_summary_of(function) if description is None else description,
            tags=dict(tags or {}),
            variables=dict(variables or {}),
            data=dict(data or {}),
            auth=None if auth is None else dict(auth),
            headers=dict(headers or {}),
            load=dict(load or {}),
            faults=tuple(faults),
            on_failure=on_failure,
            max_steps=max_steps,
        )

    return describe


def _summary_of(function: Flow) -> str:
    """The first line of its docstring."""
    return (inspect.getdoc(function) or "").partition("\n")[0]


def _check_arguments(id: object, weight: object, on_failure: object, max_steps: object) -> None:
    if not isinstance(id, str) or not id:
        raise TypeError('a scenario needs an id: @scenario("checkout")')
    if not isinstance(weight, int) or weight < 1:
        raise ValueError(f"weight must be a whole number above zero, not {given(weight)}")
    if on_failure not in get_args(OnFailure):
        raise ValueError(f'on_failure must be "continue" or "stop", not {on_failure!r}')
    if not isinstance(max_steps, int) or max_steps < 1:
        raise ValueError(f"max_steps must be a whole number above zero, not {given(max_steps)}")


def scenarios_in(path: str, project: Project | None = None) -> list[PythonScenario]:
    """The scenarios defined in a file, in its order, without imported ones. Raises ConfigError.

    `project` is the one that the file must be in; its own, if it was named by the user.
    """
    found = _defined_in(load_module(path, project or Project().around(path)))
    if not found:
        raise ConfigError.of(
            f'there is no scenario in "{path}"',
            hint='decorate an async function with @scenario("id"), from windtunnel import scenario',
        )
    return found


def _defined_in(module: ModuleType) -> list[PythonScenario]:
    found = {
        id(value): value
        for value in vars(module).values()
        if isinstance(value, PythonScenario) and value.function.__module__ == module.__name__
    }
    return sorted(found.values(), key=lambda each: each.line)


def _scenario_in(path: str, scenario_id: str) -> PythonScenario:
    # The file was read before, by the process that made the plan.
    for each in _defined_in(load_module(path, Project.allowing([path]))):
        if each.id == scenario_id:
            return each
    raise ConfigError.of(
        f'the scenario "{scenario_id}" is not defined at the top level of "{path}"',
        hint="move it out of its function, or use one worker",
    )


def _name_of(function: object) -> str:
    return str(getattr(function, "__name__", "flow"))
