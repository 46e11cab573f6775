"""The action's inputs: `INPUT_*` variables, read into flags of `run` and into the action's own settings.

GitHub sets one variable for each input, in capitals, blanks made underscores and hyphens kept; where a variable
can't have a hyphen (a shell, GitLab) an underscore stands for it. GitHub does not enforce `required:`; an input
that is not given looks like an empty one.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from windtunnel.ci.comment import WHEN_TO_COMMENT
from windtunnel.config.flags import FLAGS, Flag
from windtunnel.errors import Problem
from windtunnel.job.leaving import RedactedObserver
from windtunnel.job.observer import Observer
from windtunnel.model.vocabulary import CommentWhen
from windtunnel.redaction import Redactor
from windtunnel.report.text import printable

MAX_ANNOTATIONS = 10

_SHOWN = 80
_FLAG = re.compile(
    r"(?P<flag>(?P<verb>\b(?:add|use|write|pass|with|as) )?(?<![\w`-])(?P<name>--[a-z][a-z-]+))"
    r"(?: (?P<value>\"[^\"]*\"|[^\s,;.()a-z-][^\s,;()]*|none\b|[\w]*[./:=][^\s,;()]*))?"
)

Read = Callable[[str], list[str]]
"""The text of an input to its values; a ValueError says what was expected instead."""


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.strip()]


def _one_line(text: str) -> list[str]:
    if "\n" in text:
        raise ValueError("one line")
    return [text]


def _as_it_is(text: str) -> list[str]:
    return [text]


def _annotations(text: str) -> list[str]:
    # int() alone also takes 1_000, +5 and the digits of other scripts.
    if not (text.isascii() and text.isdigit() and len(text) <= 18 and int(text) <= MAX_ANNOTATIONS):
        raise ValueError(f"a whole number from 0 to {MAX_ANNOTATIONS}")
    return [text]


def _switch(text: str) -> list[str]:
    return _word(text, ("true", "false"))


def _when_to_comment(text: str) -> list[str]:
    return _word(text, WHEN_TO_COMMENT)


def _word(text: str, words: tuple[str, ...]) -> list[str]:
    if text not in words:
        raise ValueError(f"{', '.join(words[:-1])} or {words[-1]}")
    return [text]


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        raise ValueError("flags as in a shell, with every quotation mark closed") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One input of the action. `default` is the value that `action.yml` gives it; `in_gitlab`, whether the GitLab
    template has it too.
    """

    name: str
    help: str
    read: Read
    default: str = ""
    in_gitlab: bool = True


OWN_INPUTS: tuple[Input, ...] = (
    Input(
        name="only-validate",
        read=_switch,
        help="true: check every file and send nothing. Default: false.",
    ),
    Input(
        name="summary",
        read=_switch,
        help="false: write no job summary. Default: true.",
        in_gitlab=False,
    ),
    Input(
        name="annotations",
        read=_annotations,
        help=f"Maximum number of file annotations (0\N{EN DASH}{MAX_ANNOTATIONS}). Default: {MAX_ANNOTATIONS}.",
        in_gitlab=False,
    ),
    Input(
        name="comment",
        read=_when_to_comment,
        help="When to comment on the pull request: auto (if there is one and the token may), always, on-failure "
        "or never. Default: auto.",
        in_gitlab=False,
    ),
    Input(
        name="comment-key",
        read=_one_line,
        help="Name of the comment; each name has one of its own on the pull request. Default: the workflow, the "
        "job and the leg of its matrix.",
        in_gitlab=False,
    ),
    Input(
        name="matrix",
        read=_as_it_is,
        help="The leg of the job's matrix in JSON, for the default of `comment-key`.",
        default="${{ toJSON(matrix) }}",
        in_gitlab=False,
    ),
    Input(
        name="github-token",
        read=_one_line,
        help="Token for the comment; the job needs `pull-requests: write`.",
        default="${{ github.token }}",
        in_gitlab=False,
    ),
    Input(
        name="working-directory",
        read=_one_line,
        help="Folder of the workspace where relative paths start.",
    ),
    Input(
        name="args",
        read=_words,
        help="More flags of `windtunnel run`, as in a shell, such as `--name nightly`.",
    ),
)
"""The inputs that are no flags of `run`."""


def all_inputs(flags: Sequence[Flag] = FLAGS) -> tuple[Input, ...]:
    """Every input in the order of `action.yml`: those of the flags, then the action's own."""
    return (*(_input_of(flag) for flag in flags if flag.input), *OWN_INPUTS)


def _input_of(flag: Flag) -> Input:
    """The input of a flag. Its help names inputs instead of flags and needs no quotes for a shell."""
    lines = " One per line." if flag.repeatable else ""
    default = f" Default: {flag.input_default or flag.default}." if flag.default else ""
    text = re.sub(r"--([a-z-]+)", r"`\1`", f"{flag.input_help or flag.help}{lines}{default}")
    return Input(
        name=flag.input,
        help=re.sub(r"(?<!\w)'([^']+)'", r"`\1`", text),
        read=_lines if flag.repeatable else _one_line,
        default=flag.input_default,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionInputs:
    """What the workflow asks for.

    `flags` is what would be typed after `run` for the same. `annotations` is their maximum number, `comment` when
    the pull request gets one (`CommentWhen`), `comment_key` its name, empty for the default. `problems` has
    one for each input that can't be read; such an input is missing in the rest.
    """

    flags: tuple[str, ...] = ()
    only_validate: bool = False
    summary: bool = True
    annotations: int = MAX_ANNOTATIONS
    comment: CommentWhen = "auto"
    comment_key: str = ""
    matrix: str = ""
    github_token: str = field(default="", repr=False)
    working_directory: str | None = None
    problems: tuple[Problem, ...] = ()


def read_inputs(environment: Mapping[str, str], flags: Sequence[Flag] = FLAGS) -> ActionInputs:
    """The inputs in `environment`. The values of flags stay texts, to be read as those of the command line."""
    values: dict[str, list[str]] = {}
    problems: list[Problem] = []
    for each in all_inputs(flags):
        # An expression is for the runner to evaluate.
        default = "" if each.default.startswith("${{") else each.default
        if text := _given(environment, each.name) or default:
            try:
                values[each.name] = each.read(text)
            except ValueError as error:
                problems.append(_malformed(each.name, str(error), text))
    of_run = [flag.input for flag in flags if flag.input]
    words = [f"--{name}={value}" for name in of_run for value in values.get(name, ())]
    first: dict[str, Any] = {each.name: values[each.name][0] for each in OWN_INPUTS if values.get(each.name)}
    return ActionInputs(
        flags=(*words, *values.get("args", ())),
        only_validate=first.get("only-validate") == "true",
        summary=first.get("summary") != "false",
        annotations=int(first.get("annotations", MAX_ANNOTATIONS)),
        comment=first.get("comment", "auto"),
        comment_key=first.get("comment-key", ""),
        matrix=first.get("matrix", ""),
        github_token=first.get("github-token", ""),
        working_directory=first.get("working-directory"),
        problems=tuple(problems),
    )


def name_input(problem: Problem, environment: Mapping[str, str], flags: Sequence[Flag] = FLAGS) -> Problem:
    """The problem with a flag as one with the input that the flag came from; its texts name inputs too."""
    said = replace(
        problem,
        # What is said of a place in a file may quote the file.
        message=problem.message if problem.where else named_as_inputs(problem.message, flags),
        hint=problem.hint and named_as_inputs(problem.hint, flags),
    )
    for flag in flags:
        if problem.flag == f"--{flag.name}" and flag.input and _given(environment, flag.input):
            return replace(said, flag=f'input "{flag.input}"')
    if problem.lacks == "file" and problem.where is None and not problem.flag:
        for name in ("plan", "sut", "scenarios"):
            if any(f'"{line}"' in problem.message for line in _lines(_given(environment, name))):
                return replace(said, flag=f'input "{name}"')
    return said


def named_as_inputs(text: str, flags: Sequence[Flag] = FLAGS) -> str:
    """A text of ours with the inputs in place of their flags: `--wait-timeout` is `wait-timeout`.

    With its value where one is to be written: "add --allow-path /data" is "add `allow-path: /data`".
    """
    inputs = {f"--{each}": flag.input for flag in flags if flag.input for each in (flag.name, *flag.aliases)}

    def input_of(found: re.Match[str]) -> str:
        verb, name, value = found["verb"], inputs.get(found["name"]), found["value"]
        if name is None:
            return found[0]
        if verb and value:
            return f"{verb}`{name}: {value}`"
        return f"{verb or ''}`{name}`{found[0].removeprefix(found['flag'])}"

    return _FLAG.sub(input_of, text)


class InputsObserver(RedactedObserver):
    """Hands on what a job tells; notes and warnings name inputs in place of flags."""

    def __init__(self, observer: Observer) -> None:
        super().__init__(observer, Redactor())

    def note(self, text: str) -> None:
        """Hand on a line next to the result."""
        self._observer.note(named_as_inputs(text))

    def warning(self, text: str) -> None:
        """Hand on a warning."""
        self._observer.warning(named_as_inputs(text))


def preview_problems(values: Mapping[str, Any]) -> list[Problem]:
    """A problem for each flag that shows a run instead of running it. `values`: those of the flags."""
    hint = "to send nothing, give `only-validate: true`"
    return [
        Problem(
            flag='input "args"', message=f"--{flag} shows what would run; the action always runs it", hint=hint
        )
        for flag, name in (("list", "listing"), ("dry-run", "dry_run"))
        if values.get(name)
    ]


def _given(environment: Mapping[str, str], name: str) -> str:
    variable = "INPUT_" + name.upper()
    return (environment.get(variable) or environment.get(variable.replace("-", "_"), "")).strip()


def _malformed(name: str, expected: str, given: str) -> Problem:
    shown = "a value that is not shown" if name == "github-token" else f'"{printable(given, limit=_SHOWN)}"'
    return Problem(
        flag=f'input "{name}"',
        message=f"expected {expected}, got {shown}",
        hint=f"correct `{name}:` under `with:` of this step in the workflow",
    )
