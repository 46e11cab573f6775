"""The failures of `summary.md`: causes with their place and the command to see one, and some instances, folded."""

from __future__ import annotations

from collections.abc import Iterator

from windtunnel import figures
from windtunnel.model.summary import ErrorGroup, Summary
from windtunnel.report.difference import PassingOnes, compare, passing_ones
from windtunnel.report.model import Report, Story
from windtunnel.report.pictures import cause_along_time
from windtunnel.report.text import NO_BREAK, code, fenced, folded
from windtunnel.report.wording import (
    MOST_CAUSES,
    TIMES,
    error_place,
    named_run,
    of_instances,
    place_of,
    trace_command,
)

_WIDTH = 92
_CAUSE_BAR = 32
_LONGEST_EXAMPLE = 16 * 1024


def errors(summary: Summary, report: Report, *, most: int) -> Iterator[str]:
    """The worst causes, the others folded, and failing instances with different causes, folded too."""
    if not summary.errors:
        return
    yield "### Errors"
    run = named_run(report.directory, summary.run_id)
    shown = summary.errors[: min(most, MOST_CAUSES)]
    yield "\n".join(line for group in shown for line in _cause(group, report, run))
    others = summary.errors[len(shown) : most]
    left = len(summary.errors) - len(shown) - len(others)
    more = [f"- {figures.plural(left, 'more cause')} in the report"] if left else []
    if others:
        lines = [line for group in others for line in _cause(group, report, run, brief=True)]
        yield folded([figures.plural(len(others) + left, "more cause")], "\n".join([*lines, *more]))
    elif more:
        yield more[0]
    if most:
        learned = passing_ones(report.stories)
        for story in _examples(summary, report):
            yield _example(story, report, learned.get(story.scenario))


def _cause(group: ErrorGroup, report: Report, run: str, *, brief: bool = False) -> Iterator[str]:
    place = code(error_place(group)) if group.step else error_place(group)
    said = f": {code(group.example)}" if group.example else ""
    share = f" ({of_instances(group)})" if of_instances(group) else ""
    yield f"- **{group.count:,}** {TIMES} {place} {code(group.cause)}{said}{share}"
    if brief:
        return
    at = place_of(group)
    url = report.line_url(group.file, group.line)
    where = f"[{code(at)}]({url})" if at and url else code(at)
    when = cause_along_time(report.course, group, width=_CAUSE_BAR)
    about = [f"at {where}" if where else "", f"over time {code(when.replace(' ', NO_BREAK))}" if when else ""]
    if any(about):
        yield f"  - {', '.join(filter(None, about))}"
    if group.instances:
        yield f"  - {code(trace_command(run, group.instances[0]), limit=5_000)}"


def _examples(summary: Summary, report: Report) -> list[Story]:
    """One story for each of the worst causes, no instance twice."""
    told = {story.instance_id: story for story in report.stories}
    found: dict[str, Story] = {}
    for group in summary.errors:
        if len(found) < MOST_CAUSES and (known := [each for each in group.instances if each in told]):
            found.setdefault(known[0], told[known[0]])
    return list(found.values())


def _example(story: Story, report: Report, others: PassingOnes | None) -> str:
    """One instance as `windtunnel trace` shows it, below what it failed at."""
    from windtunnel.report import terminal_trace  # draws with rich, which is imported for nothing else here
    from windtunnel.report.trace import Trace, Wanted

    beside = others.nearest(story) if others else None
    trace = Trace(
        run_id=report.summary.run_id,
        story=story,
        wanted=Wanted(),
        passing=beside,
        comparison=compare(story, beside, others) if beside else None,
        rows={(row.scenario, row.step): row for row in report.manifest.steps},
    )
    title: list[str | tuple[str, int]] = [(story.instance_id, 100)]
    if story.failed_step:
        title += [" failed at ", (story.failed_step, 60)]
    if said := story.message or story.error:
        title += [": ", (said, 160)]
    # Bodies stay in the files of the run: what stands here may become a comment that everyone can read.
    return folded(title, fenced(terminal_trace.render(trace, width=_WIDTH, brief=True)[:_LONGEST_EXAMPLE]))
