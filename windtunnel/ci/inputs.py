"""The action's inputs: `INPUT_*` variables, read into flags of `run` and into what the action does beside it.

GitHub sets one variable for each input, in capitals, blanks made underscores and hyphens kept; where a variable
can't have a hyphen (a shell, GitLab) an underscore stands for it. Nobody is held to `required:`, and an input that
was not given looks like an empty one.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from windtunnel.ci.comment import WHEN_TO_COMMENT
from windtunnel.errors import ConfigError, Problem
from windtunnel.model.readiness import LOOPBACKS
from windtunnel.model.vocabulary import CommentWhen
from windtunnel.report.text import printable

DEFAULT_OUTPUT_DIR = "windtunnel-report"
DEFAULT_COMMENT_KEY = "default"
MOST_ANNOTATIONS = 10

_SHOWN = 80

Read = Callable[[str], list[str]]
"""An input's text to its values; a ValueError says what was expected instead."""


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.strip()]


def _one_line(text: str) -> list[str]:
    if "\n" in text:
        raise ValueError("one line")
    return [text]


def _number(text: str, *, least: int, most: int | None = None) -> list[str]:
    # int() alone also takes 1_000, +5 and the digits of other scripts; it refuses more than 4,300 digits.
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None
    if number is None or number < least or (most is not None and number > most):
        limits = f", {least} or more" if most is None else f" from {least} to {most}"
        raise ValueError(f"a whole number{limits}")
    return [str(number)]


def _word(text: str, *, of: tuple[str, ...]) -> list[str]:
    if text not in of:
        raise ValueError(f"{', '.join(of[:-1])} or {of[-1]}")
    return [text]


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        raise ValueError("flags as a shell reads them, every quotation mark with its other half") from None


_positive = partial(_number, least=1)
_switch = partial(_word, of=("true", "false"))

RUN_INPUTS: dict[str, Read] = {
    "plan": _one_line,
    "sut": _one_line,
    "scenarios": _lines,
    "target": _one_line,
    "parallel": _positive,
    "count": _positive,
    "duration": _one_line,
    "rate": _one_line,
    "stages": _one_line,
    "max-parallel": _positive,
    "arrival": _one_line,
    "pace": _one_line,
    "graceful-stop": _one_line,
    "max-duration": _one_line,
    "thresholds": _lines,
    "fail-on": _one_line,
    "baseline": _one_line,
    "profile": _lines,
    "set": _lines,
    "env-file": _lines,
    "only": _lines,
    "skip": _lines,
    "tag": _lines,
    "seed": partial(_number, least=0),
    "workers": _one_line,
    "shard": _one_line,
    "wait-for": _lines,
    "wait-timeout": _one_line,
    "loopback": partial(_word, of=LOOPBACKS),
    "output-dir": _one_line,
}
"""Every input that concerns the run, and how its text is read; each is a flag of `run` of the same name."""

OWN_INPUTS: dict[str, Read] = {
    "only-validate": _switch,
    "summary": _switch,
    "annotations": partial(_number, least=0, most=MOST_ANNOTATIONS),
    "comment": partial(_word, of=WHEN_TO_COMMENT),
    "comment-key": _one_line,
    "github-token": _one_line,
    "working-directory": _one_line,
    "args": _words,
}
"""Every input that concerns what the action does beside the run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionInputs:
    """What the workflow asked for.

    `flags` is what would be typed after `run` for the same. `annotations` is the most that are made, `comment`
    when the pull request gets one (`CommentWhen`), `comment_key` which of several of ours it is.
    """

    flags: tuple[str, ...] = (f"--output-dir={DEFAULT_OUTPUT_DIR}",)
    only_validate: bool = False
    summary: bool = True
    annotations: int = MOST_ANNOTATIONS
    comment: CommentWhen = "auto"
    comment_key: str = DEFAULT_COMMENT_KEY
    github_token: str = field(default="", repr=False)
    working_directory: str | None = None


def read_inputs(environment: Mapping[str, str]) -> ActionInputs:
    """The inputs in `environment`. Raises ConfigError with a problem for each malformed one, named."""
    problems: list[Problem] = []

    def read(name: str, how: Read, otherwise: str = "") -> list[str]:
        text = _given(environment, name) or otherwise
        try:
            return how(text) if text else []
        except ValueError as error:
            problems.append(_malformed(name, str(error), text))
            return []

    flags = {
        name: read(name, how, DEFAULT_OUTPUT_DIR if name == "output-dir" else "")
        for name, how in RUN_INPUTS.items()
    }
    own = {name: read(name, how) for name, how in OWN_INPUTS.items()}
    if problems:
        raise ConfigError(problems)
    first: dict[str, Any] = {name: values[0] for name, values in own.items() if values}
    return ActionInputs(
        flags=(*(f"--{name}={value}" for name, values in flags.items() for value in values), *own["args"]),
        only_validate=first.get("only-validate") == "true",
        summary=first.get("summary") != "false",
        annotations=int(first.get("annotations", MOST_ANNOTATIONS)),
        comment=first.get("comment", "auto"),
        comment_key=first.get("comment-key", DEFAULT_COMMENT_KEY),
        github_token=first.get("github-token", ""),
        working_directory=first.get("working-directory"),
    )


def name_inputs(problem: Problem, environment: Mapping[str, str]) -> Problem:
    """The problem with a flag, told as one with the input that became this flag."""
    flag, space, said = problem.message.partition(" ")
    name = {"threshold": "thresholds", "output": "output-dir"}.get(name := flag.strip("-:"), name)
    if problem.where is not None or not flag.startswith("--") or not _given(environment, name):
        return problem
    colon = ":" if flag.endswith(":") else ""
    return Problem(message=f'input "{name}"{colon}{space}{said}', hint=problem.hint)


def _given(environment: Mapping[str, str], name: str) -> str:
    variable = "INPUT_" + name.upper()
    return (environment.get(variable) or environment.get(variable.replace("-", "_"), "")).strip()


def _malformed(name: str, expected: str, given: str) -> Problem:
    shown = "what was given" if name == "github-token" else f'"{printable(given, limit=_SHOWN)}"'
    return Problem(
        message=f'input "{name}": expected {expected}, got {shown}',
        hint=f"correct `{name}:` under `with:` of this step in the workflow",
    )
