"""One use of the GitHub Action: inputs from `INPUT_*`, outputs for every verdict.

inputs ──▶ validate ──▶ run ──▶ short files, outputs, job summary ──▶ report.html, outputs ──▶ annotations
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TextIO

from windtunnel.ci.annotations import problem_annotations, summary_annotations
from windtunnel.ci.comment import comment_body, default_key, find_pull_request, put_comment, told
from windtunnel.ci.github import (
    MAX_ANNOTATION_LENGTH,
    Annotation,
    Level,
    RunnerFile,
    annotation_command,
    annotation_commands,
    fenced,
    fitted_summary,
    outputs_text,
)
from windtunnel.ci.github_api import GitHubApi
from windtunnel.ci.inputs import ActionInputs, InputsObserver, name_input, preview_problems, read_inputs
from windtunnel.ci.outputs import outputs_of
from windtunnel.ci.workspace import EXAMPLES, Workspace, find_workspace, give_to_owner, outside_problem
from windtunnel.errors import BugError, ConfigError, EvidenceError, Problem, UnreachableError, describe
from windtunnel.figures import plural
from windtunnel.job.baseline import without_missing
from windtunnel.job.interrupts import Interrupted, Interrupts
from windtunnel.job.machine import container_network
from windtunnel.job.observer import Observer
from windtunnel.job.reports import write_problems
from windtunnel.job.request import JobRequest, request_of
from windtunnel.job.run import JobResult, run_job
from windtunnel.job.surroundings import Surroundings
from windtunnel.job.validation import check_job
from windtunnel.model.summary import Summary
from windtunnel.model.verdict import EXIT_CODES, code_of_signal
from windtunnel.model.vocabulary import VerdictWord
from windtunnel.redaction import Redactor

_BUG = Problem(
    message="bug in windtunnel; the traceback is in the log",
    hint="please report it with the log: https://github.com/windtunnel/action/issues",
)

_SHORT = MAX_ANNOTATION_LENGTH // 2
"""Characters of a text that an annotation never cuts: an escape in it has three."""

ReadFlags = Callable[[Sequence[str]], Mapping[str, Any]]
"""Words of a `windtunnel run` command line -> the values of its flags. Raises ValueError for an invalid one."""


def run_action(
    environment: Mapping[str, str],
    *,
    commands: TextIO,
    observer: Observer,
    interrupts: Interrupts,
    read_flags: ReadFlags,
    run: Callable[..., JobResult] = run_job,
) -> int:
    """Run what the inputs ask for and return the exit code of the verdict.

    Whatever the verdict, writes the files that `GITHUB_OUTPUT` and `GITHUB_STEP_SUMMARY` name, and annotations to
    `commands`, from which the runner reads workflow commands.
    """
    start = Path.cwd()
    root = find_workspace(environment.get("GITHUB_WORKSPACE"), folder=start)
    job = _Job(environment, observer, root=root)
    try:
        ending = job.execute(lambda: job.request(read_flags), run, interrupts)
    finally:
        with contextlib.suppress(OSError):  # it may be gone
            os.chdir(start)
    with interrupts.deferred():
        ending = job.with_problem_files(ending)
        job.publish(ending)
        try:
            with interrupts.allowed():
                job.attempt("comment on the pull request", lambda: job.comment(ending))
        except Interrupted:
            observer.note("no comment on the pull request: the job was cancelled")
    job.attempt("annotations", lambda: job.annotate(ending, commands))
    return ending.exit_code


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ending:
    """How the job ended: with a summary, or with the problems that prevented a run."""

    verdict: VerdictWord
    exit_code: int
    problems: tuple[Problem, ...] = ()
    summary: Summary | None = None
    directory: Path | None = None
    said: tuple[str, ...] = field(default=())
    junit: Path | None = None

    @classmethod
    def of(cls, result: JobResult) -> _Ending:
        """The ending of a run. Its directory is absolute, because the working directory changes afterwards."""
        return cls(
            verdict=result.summary.verdict,
            exit_code=result.exit_code,
            summary=result.summary,
            directory=Path(os.path.abspath(result.directory.path)),  # noqa: PTH100  links stay as they are
        )


class _Job:
    """One use of the action. Collects warnings and notices, which become annotations."""

    def __init__(self, environment: Mapping[str, str], observer: Observer, *, root: Path) -> None:
        self._environment, self._observer, self._root = environment, observer, root
        self._inputs = ActionInputs()
        self._workspace = Workspace(root=root, folder=Path.cwd())
        self._outputs = _runner_file(environment, "GITHUB_OUTPUT")
        self._summary = _runner_file(environment, "GITHUB_STEP_SUMMARY")
        self._warnings: dict[str, None] = {}
        self._notices: dict[str, None] = {}

    def execute(
        self, request: Callable[[], JobRequest], run: Callable[..., JobResult], interrupts: Interrupts
    ) -> _Ending:
        """Do the job. Every result and every error is an ending, so that the outputs are always written."""
        try:
            self._inputs = read_inputs(self._environment)
            self._enter(self._inputs.working_directory)
            flags = [Redactor().argument(word) for word in self._inputs.flags]
            self._observer.debug(f"in {Path.cwd()}: windtunnel run {shlex.join(flags)}")
            asked = self._with_baseline(self._in_workspace(request()))
            self._observer.debug(str(asked.container_network))
            if self._inputs.only_validate:
                return self._checked(asked)
            result = run(
                asked,
                environment=self._environment,
                observer=InputsObserver(self._observer),
                interrupts=interrupts,
                on_judged=self._on_judged,
            )
        except ConfigError as error:
            named = (name_input(problem, self._environment) for problem in error.problems)
            return self._without_run("invalid", tuple(self._surroundings.cured_all(named)))
        except UnreachableError as error:
            return self._without_run("unreachable", (Problem(message=str(error), hint=error.hint),))
        except EvidenceError as error:
            return self._without_run("incomplete", (Problem(message=str(error), hint=error.hint),))
        except KeyboardInterrupt as stopped:
            number = stopped.number if isinstance(stopped, Interrupted) else signal.SIGINT
            return self._without_run(
                "interrupted",
                (Problem(message="the job was cancelled before its load started"),),
                exit_code=code_of_signal(number),
            )
        except Exception as error:  # noqa: BLE001  the edge of the program: a bug is shown and has a verdict
            self._observer.note(str(error) if isinstance(error, BugError) else traceback.format_exc().rstrip())
            return self._without_run("error", (_BUG,))
        return _Ending.of(result)

    def _on_judged(self, judged: JobResult) -> Sequence[str]:
        return self.publish(_Ending.of(judged))

    def request(self, read_flags: ReadFlags) -> JobRequest:
        """The job that the inputs ask for. Raises ConfigError with all inputs that can't be read."""
        inputs = self._inputs
        try:
            values = read_flags(inputs.flags)
        except ValueError as error:
            # Only a word of `args` can be an unknown flag.
            hint = "give flags of `windtunnel run`, see `windtunnel run --help`"
            problem = Problem(flag='input "args"', message=str(error), hint=hint)
            raise ConfigError([*inputs.problems, problem]) from None
        if previews := preview_problems(values):
            raise ConfigError([*inputs.problems, *previews])
        request = request_of(values, argv=("run", *inputs.flags), container_network=container_network())
        if inputs.problems:
            raise ConfigError([*inputs.problems, *request.overrides.problems])
        return request

    def with_problem_files(self, ending: _Ending) -> _Ending:
        """The ending with what CI systems read of a job that ran nothing, where its runs would be."""
        flag = "--output-dir="
        asked = next((word.removeprefix(flag) for word in self._inputs.flags if word.startswith(flag)), "")
        root = self._workspace.folder / (asked or EXAMPLES["output-dir"])
        if not ending.problems or not self._workspace.holds(root):
            return ending
        try:
            file = write_problems(Path(root), ending.verdict, ending.problems, self._environment)
        except (EvidenceError, OSError):  # which may be one of the problems
            return ending
        self.attempt("change of the owner", lambda: self._hand_over(file.parent))
        return replace(ending, junit=file)

    def publish(self, ending: _Ending) -> Sequence[str]:
        """Write or rewrite outputs and job summary; give the run directory to the owner of the workspace.

        Returns why the outputs, from which a workflow reads the verdict, can't be written; nothing if they are.
        """
        unsaid = self.attempt("outputs", lambda: self._write_outputs(ending))
        self.attempt("job summary", lambda: self._write_summary(ending))
        self.attempt("change of the owner", lambda: self._give_to_owner(ending))
        return [unsaid] if unsaid else []

    def attempt(self, what: str, act: Callable[[], str | None]) -> str | None:
        """Do something that CI shows beside the verdict; return why that failed. `act` does or raises.

        A fault in it is a warning, and the verdict of the run stays.
        """
        try:
            failure = act()
        except OSError as error:
            failure = f"no {what}: {error.strerror}: {error.filename}"
        except Exception as error:  # noqa: BLE001  a bug of ours, which must not take the verdict with it
            self._observer.debug(traceback.format_exc().rstrip())
            failure = f"no {what}: {describe(error)}; this is a bug in windtunnel, please report it"
        self._warn(failure)
        return failure

    def _write_outputs(self, ending: _Ending) -> str | None:
        outputs = outputs_of(
            ending.verdict,
            ending.summary.exit_code if ending.summary else ending.exit_code,
            summary=ending.summary,
            directory=ending.directory,
            workspace=self._workspace,
        )
        if ending.junit is not None:
            outputs["junit"] = self._workspace.path_of(ending.junit) or ""
        return None if self._outputs is None else self._outputs.write(outputs_text(outputs))

    def _write_summary(self, ending: _Ending) -> str | None:
        if self._summary is None or not self._inputs.summary:
            return None
        return self._summary.write(fitted_summary(_job_summary(ending), used=self._summary.used))

    def _give_to_owner(self, ending: _Ending) -> str | None:
        return self._hand_over(ending.directory) if ending.directory else None

    def _hand_over(self, directory: Path) -> str | None:
        if os.name != "posix" or os.geteuid() != 0:
            return None
        owner = self._root.stat()
        return give_to_owner(directory, root=self._root, uid=owner.st_uid, gid=owner.st_gid)

    def comment(self, ending: _Ending) -> None:
        """Comment on the pull request as the input `comment` says. A cancelled job keeps the comment there is."""
        inputs, environment = self._inputs, self._environment
        if inputs.comment == "never" or ending.verdict == "interrupted":
            return
        where = find_pull_request(environment)
        if where is None or not inputs.github_token:
            missing = "the job is not for a pull request" if where is None else 'input "github-token" is empty'
            if inputs.comment == "always":
                self._notices[f"no comment on the pull request: {missing}"] = None
            return
        key = inputs.comment_key or default_key(environment, inputs.matrix)
        api_url = environment.get("GITHUB_API_URL") or "https://api.github.com"
        failure = put_comment(
            GitHubApi(api_url, token=inputs.github_token),
            where,
            key=key,
            body=comment_body(_job_summary(ending), key=key, environment=environment),
            graphql_url=environment.get("GITHUB_GRAPHQL_URL") or f"{api_url.rstrip('/')}/graphql",
            only_update=inputs.comment == "on-failure" and ending.verdict == "pass",
        )
        if failure is None:
            return
        # That a token is read-only is nothing to mend in a fork, and `auto` means: if the token may.
        if failure.refused and (where.read_only or inputs.comment == "auto"):
            self._observer.debug(told(failure, where))
        else:
            self._notices[told(failure, where)] = None

    def annotate(self, ending: _Ending, commands: TextIO) -> None:
        """Tell what the action could not do, and why the run did not pass: each once.

        On GitHub these are annotations, which its log shows too. Any other log has the report of the run already.
        """
        if self._environment.get("GITHUB_ACTIONS") != "true":
            for problem in ending.problems:
                self._observer.note(str(problem))
            for warning in self._warnings:
                self._observer.warning(warning)
            for notice in self._notices:
                self._observer.note(notice)
            return
        for number, problem in enumerate(ending.problems):
            if number >= self._inputs.annotations or len(str(problem)) > _SHORT:
                self._observer.note(str(problem))
        for line in self._annotations(ending):
            commands.write(f"{line}\n")
        commands.flush()

    def _annotations(self, ending: _Ending) -> list[str]:
        told: dict[Level, Iterable[str]] = {"warning": self._warnings, "notice": self._notices}
        if ending.summary is not None:
            found = summary_annotations(ending.summary, workspace=self._workspace)
        else:
            found = problem_annotations(ending.problems, verdict=ending.verdict, workspace=self._workspace)
        return [
            *(
                annotation_command(Annotation(title="Windtunnel", message=message), level=level)
                for level, messages in told.items()
                for message in messages
            ),
            *annotation_commands(found, limit=self._inputs.annotations),
        ]

    @property
    def _surroundings(self) -> Surroundings:
        container = container_network().in_container
        return Surroundings.of(self._environment, in_container=container, argv=("action",), folder=self._root)

    def _enter(self, folder: str | None) -> None:
        if folder is not None:
            if not self._workspace.holds(folder):
                raise outside_problem(folder, "working-directory", self._root)
            try:
                os.chdir(folder)
            except OSError as error:
                raise ConfigError.of(
                    f'can\'t change to "{folder}": {error.strerror}',
                    hint=self._surroundings.forgotten or "give a folder below the workspace",
                    flag='input "working-directory"',
                ) from None
        self._workspace = Workspace(root=self._root, folder=Path.cwd())

    def _in_workspace(self, request: JobRequest) -> JobRequest:
        """The request. Raises ConfigError for a run that would be written outside of the workspace."""
        folder = request.overrides.output
        if folder and not self._workspace.holds(folder):
            raise outside_problem(folder, "output-dir", self._root)
        return request

    def _with_baseline(self, request: JobRequest) -> JobRequest:
        """A missing baseline is a notice: the first run of a project has none."""
        usable = without_missing(request)
        if usable is not request:
            named = request.overrides.baseline
            self._notices[f"no baseline at {named}: thresholds that compare with it are not judged"] = None
        return usable

    def _checked(self, request: JobRequest) -> _Ending:
        checked = check_job(request, environment=self._environment, caution=self._observer.warning)
        said = [f"{name}: {what}" for name, what in checked]
        said.append(f"{plural(len(checked), 'file')} valid, nothing was sent")
        self._observer.say("\n".join(said))
        return _Ending(verdict="pass", exit_code=0, said=tuple(said))

    def _without_run(
        self, verdict: VerdictWord, problems: tuple[Problem, ...], *, exit_code: int | None = None
    ) -> _Ending:
        return _Ending(verdict=verdict, exit_code=exit_code or EXIT_CODES[verdict], problems=problems)

    def _warn(self, warning: str | None) -> None:
        if warning:
            self._warnings[warning] = None


def _job_summary(ending: _Ending) -> str:
    """The `summary.md` of the run, or the verdict and its reasons if there is none."""
    if ending.directory is not None and (written := ending.directory / "summary.md").is_file():
        return written.read_text(encoding="utf-8", errors="replace")
    said = ending.summary.reasons if ending.summary else [str(problem) for problem in ending.problems]
    lines = [*said, *ending.said]
    # Files that are valid passed no test: the page of the job must not look as if they had.
    title = "files are valid" if ending.said else ending.verdict
    return f"## Windtunnel: {title}\n\n" + (fenced(lines) if lines else "")


def _runner_file(environment: Mapping[str, str], variable: str) -> RunnerFile | None:
    return RunnerFile(Path(environment[variable])) if environment.get(variable) else None
