"""One case: a project of a user with something changed in its files, flags or environment, loaded and compiled.

A case is known by a seed and a number, and comes out the same each time. Whatever is changed, the answer is either
success or problems in words: no exception, each problem with its place, nothing of Python in its text.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

from tests.fuzz.mutations import Mutator
from tests.fuzz.odd_values import FLAG_VALUES
from windtunnel.config.flags import FLAGS
from windtunnel.errors import ConfigError, Location, Problem
from windtunnel.job.baseline import read_baseline
from windtunnel.job.request import request_of
from windtunnel.job.validation import check_job, validate_files
from windtunnel.redaction import HIDDEN

SEEDS = Path(__file__).parent / "seeds"
_ENVIRONMENT = {"HOME": "/root", "CLIENT_SECRET": "a-secret-of-the-environment", "EMPTY": "", "ODD": "5"}
_VARIABLES = (
    *(
        "ODD",
        "RELEASE",
        "PASSWORD",
        "KEY",
        "CLIENT_SECRET",
        "HOME",
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "no_proxy",
    ),
    *("CI_NODE_INDEX", "CI_NODE_TOTAL", "CIRCLE_NODE_TOTAL"),
)
_UNREADABLE = re.compile(
    r"Traceback|NoneType|<class|object at 0x|unhashable|has no attribute|\w+Error\b|\b(dict|list\[|str|None)\b"
)
"""What only a programmer of Python reads. Python's own words for the code of a user are not among it here."""

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")


_OF_KIND: Mapping[str, Sequence[str]] = {
    "target": [each for each in FLAG_VALUES if "://" in each],
    "wait_for": [each for each in FLAG_VALUES if ":" in each],
    "resolution": [each for each in FLAG_VALUES if ":" in each],
    "shard": [each for each in FLAG_VALUES if "/" in each],
    "stages": [each for each in FLAG_VALUES if ":" in each],
    "preset": [each for each in FLAG_VALUES if "=" in each],
    "tag": [each for each in FLAG_VALUES if "=" in each],
    "threshold": [each for each in FLAG_VALUES if " " in each],
}
"""Kind of flag -> the values that look like one of its own."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is changed: files by name, flags by their names in Python, variables of the environment."""

    name: str
    files: Mapping[str, bytes]
    flags: Mapping[str, Any]
    environment: Mapping[str, str]
    arguments: tuple[str, ...] = ()

    def without_changes(self) -> Case:
        """The seeds as they are."""
        return replace(self, files={}, flags={}, environment={}, arguments=())


@dataclass(kw_only=True)
class Project:
    """The seeds in a folder, of which each case changes some."""

    folder: Path
    seeds: dict[str, str] = field(default_factory=dict)
    _changed: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        for file in sorted(SEEDS.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                self.seeds[file.relative_to(SEEDS).as_posix()] = file.read_text(encoding="utf-8")
        self._changed = set(self.seeds)
        self.put({})

    def put(self, files: Mapping[str, bytes]) -> None:
        """Write the files of a case; all others are as they were."""
        for name in {*self._changed, *files}:
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(files.get(name, self.seeds[name].encode()))
        self._changed = set(files)

    def is_valid(self, case: Case) -> bool:
        """Whether the case has no problem."""
        self.put(case.files)
        try:
            _load(case)
        except ConfigError:
            return False
        return True


def case_of(project: Project, seed: int, number: int) -> Case:
    """The case with this number."""
    random = Random(f"{seed}:{number}")
    mutator = Mutator(random)
    named = [name for name in project.seeds if not name.endswith(".py")]
    weighted = [name for name in named for _ in range(4 if name.endswith(".yaml") else 1)]
    files = {}
    for _ in range(random.choice((1, 1, 1, 2))):
        name = random.choice(weighted)
        text = project.seeds[name]
        in_tree = name.endswith((".yaml", ".json")) and random.random() < 0.8
        files[name] = mutator.tree(text) if in_tree else mutator.text(text)
    flags = {}
    for flag in random.sample(FLAGS, random.choice((0, 0, 1, 1, 2))):
        values = _OF_KIND.get(flag.kind, FLAG_VALUES) if random.random() < 0.6 else FLAG_VALUES
        value: Any = True if flag.kind in ("switch", "on_off") else random.choice(values)
        flags[flag.parameter] = [value] if flag.repeatable else value
    environment = {
        name: random.choice(FLAG_VALUES) for name in random.sample(_VARIABLES, random.choice((0, 0, 0, 1)))
    }
    environment["ODD"] = random.choice(FLAG_VALUES)
    arguments = random.choice(((), (), tuple(files), tuple(files), ("sut.yaml", "scenarios")))
    return Case(name=f"{seed}:{number}", files=files, flags=flags, environment=environment, arguments=arguments)


def faults_of(project: Project, case: Case) -> Iterator[str]:
    """What is wrong with the answer to a case, if anything is. The working directory is the project's folder."""
    project.put(case.files)
    try:
        _load(case)
    except ConfigError as error:
        if not error.problems:
            yield "no problem in the error"
        for problem in error.problems:
            yield from _faults(project, case, problem)
    except RecursionError as error:
        yield f"RecursionError: {error}\n{''.join(traceback.format_tb(error.__traceback__)[-4:])}"
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        yield "".join(traceback.format_exception(error))


def _load(case: Case) -> None:
    environment = {**_ENVIRONMENT, **case.environment}
    if case.arguments:
        validate_files(case.arguments, environment=environment)
        return
    given: dict[str, Any] = {flag.parameter: None for flag in FLAGS}
    given |= {flag.parameter: False for flag in FLAGS if flag.kind == "switch"}
    request = request_of({**given, "env_files": ["test.env"], **case.flags}, argv=("run",))
    check_job(request, environment=environment)
    read_baseline(request.overrides.baseline or "baseline.json", Path("runs"))


def _faults(project: Project, case: Case, problem: Problem) -> Iterator[str]:
    text = f"{problem.text} {problem.hint or ''}"
    if not problem.message.strip():
        yield "a problem without a message"
    if _CONTROL.search(str(problem)):
        yield f"a character that can't be shown: {problem!s}"
    if found := _UNREADABLE.search(_without_quotes(text)):
        yield f"{found[0]!r} in the message: {problem}"
    where = problem.where
    if where is None or where.line == 0 or HIDDEN in where.file:
        return
    raw = case.files.get(where.file, project.seeds.get(where.file, "").encode())
    text = raw.decode("utf-8-sig", "replace")
    # YAML has more line ends than CSV, which has more than JSON; and a JSON file can be given as a scenario.
    line_ends = ("\r\n|[\n\r\x85\u2028\u2029]", "\r\n|\n|\r", "\n")
    if not any(_is_in(where, re.split(ends, text)) for ends in line_ends):
        yield f"a place that is not in the file: {where}: {problem}"


def _is_in(where: Location, lines: Sequence[str]) -> bool:
    return 1 <= where.line <= len(lines) and 1 <= where.column <= len(lines[where.line - 1]) + 1


def _without_quotes(text: str) -> str:
    """The text without what it quotes of the input."""
    return re.sub(r'"[^"]*"', '""', text)
