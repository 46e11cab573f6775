"""The job as the GitHub Action runs it: inputs from `INPUT_*`, outputs whatever the verdict."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO, cast

from windtunnel.ci.annotations import problem_annotations, summary_annotations
from windtunnel.ci.github import (
    Annotation,
    HarmlessLog,
    annotation_command,
    annotation_commands,
    fenced,
    fitted_summary,
    in_workspace,
    outputs_text,
)
from windtunnel.ci.inputs import ActionInputs, read_inputs
from windtunnel.cli.job import JobRequest, JobResult, run_job
from windtunnel.cli.terminal import Terminal
from windtunnel.config.flags import Overrides
from windtunnel.errors import ConfigError, EvidenceError, ExpressionError, Problem, UnreachableError
from windtunnel.expressions.quantities import parse_duration
from windtunnel.expressions.threshold import parse_flag
from windtunnel.model.summary import Summary
from windtunnel.model.verdict import EXIT_CODES

__all__ = ["action"]

_BUG = Problem(
    message="windtunnel itself went wrong; the traceback is in the log",
    hint="please report it with the log: https://github.com/windtunnel/action/issues",
)


def action(
    environment: Mapping[str, str], *, out: TextIO, err: TextIO, run: Callable[..., JobResult] = run_job
) -> int:
    """Run what the inputs ask for and return the exit code of the verdict.

    Writes the files that `GITHUB_OUTPUT` and `GITHUB_STEP_SUMMARY` name and annotations to `out`, for every
    verdict. All other text is made harmless for the runner, which reads commands from both streams.
    """
    log, problems = HarmlessLog(out), HarmlessLog(err)
    # To the type checker a text stream is what `open` returns; the terminal only writes and flushes.
    terminal = Terminal(out=cast(TextIO, log), err=cast(TextIO, problems), color=False, interactive=False)
    ending = _carry_out(environment, run, terminal)
    workspace = environment.get("GITHUB_WORKSPACE") or str(Path.cwd())
    failures = [
        _append(environment, "GITHUB_OUTPUT", outputs_text(_outputs(ending, workspace))),
        _append_summary(environment, _job_summary(ending)),
    ]
    log.finish()
    problems.finish()
    for failure in failures:
        if failure:
            out.write(f"{annotation_command(failure, level='warning')}\n")
    for line in annotation_commands(_annotations(ending, workspace)):
        out.write(f"{line}\n")
    out.flush()
    return ending.exit_code


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ending:
    """How it ended: with a summary, or with problems because there was no run to summarise."""

    verdict: str
    exit_code: int
    problems: tuple[Problem, ...] = ()
    summary: Summary | None = None
    directory: Path | None = None


def _carry_out(environment: Mapping[str, str], run: Callable[..., JobResult], terminal: Terminal) -> _Ending:
    """Run the job; whatever comes of it is an ending, so that the outputs are always written."""
    try:
        request = _request(read_inputs(environment))
        result = run(request, environment=environment, terminal=terminal)
    except ConfigError as error:
        return _without_run("invalid", error.problems, terminal)
    except UnreachableError as error:
        return _without_run("unreachable", (Problem(message=str(error), hint=error.hint),), terminal)
    except EvidenceError as error:
        return _without_run("incomplete", (Problem(message=str(error), hint=error.hint),), terminal)
    except KeyboardInterrupt:
        return _without_run("interrupted", (Problem(message="the run was stopped before it began"),), terminal)
    except Exception:  # noqa: BLE001  the edge of the program: a bug is shown, harmlessly, and has its verdict
        terminal.note(traceback.format_exc().rstrip())
        return _without_run("error", (_BUG,), terminal)
    summary = result.summary
    return _Ending(
        verdict=summary.verdict, exit_code=summary.exit_code, summary=summary, directory=result.directory.path
    )


def _without_run(verdict: str, problems: tuple[Problem, ...], terminal: Terminal) -> _Ending:
    for problem in problems:
        terminal.note(str(problem))
    return _Ending(verdict=verdict, exit_code=EXIT_CODES[verdict], problems=problems)


def _request(inputs: ActionInputs) -> JobRequest:
    """The job that the inputs ask for. Raises ConfigError naming the input whose text says nothing."""
    texts = [("thresholds", text, parse_flag) for text in inputs.thresholds]
    problems = []
    for name, text, parse in (*texts, ("duration", inputs.duration, parse_duration)):
        try:
            if text is not None:
                parse(text)
        except ExpressionError as error:
            problems.append(Problem(message=f'input "{name}": {error}', hint=error.hint))
    if problems:
        raise ConfigError(problems)
    return JobRequest(
        sut=inputs.sut,
        scenarios=inputs.scenarios,
        plan=inputs.plan,
        overrides=Overrides(
            parallel=inputs.parallel,
            count=inputs.count,
            duration=inputs.duration,
            rate=inputs.rate,
            stages=inputs.stages,
            max_parallel=inputs.max_parallel,
            arrival=inputs.arrival,
            pace=inputs.pace,
            graceful_stop=inputs.graceful_stop,
            thresholds=inputs.thresholds,
            seed=inputs.seed,
            workers=inputs.workers,
            shard=inputs.shard,
            directory=inputs.output_dir,
        ),
        argv=inputs.flags(),
    )


def _outputs(ending: _Ending, workspace: str) -> dict[str, str]:
    """Every output of `action.yml`; those of files that were not written are empty."""
    outputs = {
        "verdict": ending.verdict,
        "exit-code": str(ending.exit_code),
        "run-id": ending.summary.run_id if ending.summary else "",
        "report-dir": "",
        "report-html": "",
        "summary-json": "",
        "summary-md": "",
    }
    if ending.directory is not None:
        outputs["report-dir"] = _for_later_steps(ending.directory, workspace)
        for output, name in (
            ("report-html", "report.html"),
            ("summary-json", "summary.json"),
            ("summary-md", "summary.md"),
        ):
            if (ending.directory / name).is_file():
                outputs[output] = _for_later_steps(ending.directory / name, workspace)
    return outputs


def _for_later_steps(path: Path, workspace: str) -> str:
    """A path that later steps understand: they see the workspace in another place than this container does."""
    return in_workspace(str(path), workspace) or str(path)


def _job_summary(ending: _Ending) -> str:
    """The run's own `summary.md`; without one, the verdict and what is wrong."""
    if ending.directory is not None and (written := ending.directory / "summary.md").is_file():
        return written.read_text(encoding="utf-8", errors="replace")
    said = ending.summary.reasons if ending.summary else [str(problem) for problem in ending.problems]
    return f"## Windtunnel: {ending.verdict}\n\n" + (fenced(said) if said else "")


def _annotations(ending: _Ending, workspace: str) -> list[Annotation]:
    if ending.summary is not None:
        return summary_annotations(ending.summary, workspace=workspace)
    return problem_annotations(ending.problems, verdict=ending.verdict, workspace=workspace)


def _append_summary(environment: Mapping[str, str], markdown: str) -> Annotation | None:
    path = environment.get("GITHUB_STEP_SUMMARY")
    used = Path(path).stat().st_size if path and Path(path).is_file() else 0
    return _append(environment, "GITHUB_STEP_SUMMARY", fitted_summary(markdown, used=used))


def _append(environment: Mapping[str, str], variable: str, text: str) -> Annotation | None:
    """Add to the file that the runner named, if it did. Where that fails it is said; the verdict stands."""
    path = environment.get(variable)
    if not path:
        return None
    try:
        with Path(path).open("a", encoding="utf-8", errors="replace", newline="\n") as file:
            file.write(text)
    except OSError as error:
        return Annotation(title="Windtunnel", message=f"can't write {variable} ({path}): {error.strerror}")
    return None
