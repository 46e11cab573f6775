"""`summary.md`: the run on one page of GitHub-flavoured Markdown, within a byte budget.

Text of users and of the SUT is in code spans, where nothing is a link, a mention, HTML or the end of a table cell.
"""

from __future__ import annotations

from collections.abc import Iterator

from windtunnel import figures
from windtunnel.model.summary import Distribution, ErrorGroup, Summary
from windtunnel.report.changes import INTERVAL, SPREADS, baseline_name, change_rows, first_sentence, remarks
from windtunnel.report.model import Report, Story
from windtunnel.report.resilience import more_reasons, other_reasons
from windtunnel.report.text import LONGEST_REASON, code, prose, table
from windtunnel.report.wording import (
    MAX_REASONS,
    NO_VALUE,
    NOTES_TITLE,
    OF_REQUESTS,
    TIMES,
    UNFINISHED,
    error_place,
    failing,
    has_retries,
    headline,
    honest,
    instances_line,
    of_instances,
    of_service,
    remark,
    requests_beside,
    result_word,
    title,
    unjudged,
    unsaid,
    worst_step,
)

BUDGET = 900 * 1024
"""Maximum size in bytes; GitHub does not show a step summary over 1 MiB."""

_SIGNS = {"pass": "✅", "fail": "❌", "no data": "⚪", "inconclusive": "❔", "held so far": "…"}
_EXAMPLES = 3
_LONGEST_SELECTOR = 500


def render(report: Report, *, budget: int = BUDGET) -> str:
    """The page in at most `budget` bytes of UTF-8; detail is omitted first, the first line never."""
    summary = honest(report.summary)
    for amount in (30, 10, 3, 0):
        for steps in (True, False):
            page = _joined(_page(report, summary, errors=amount, steps=steps))
            if len(page.encode()) <= budget:
                return page
    return _within(_joined(_verdict(summary, reasons=3)), budget, keep=_first_line(summary))


def _page(report: Report, summary: Summary, *, errors: int, steps: bool) -> Iterator[str]:
    yield from _verdict(summary, reasons=MAX_REASONS)
    if summary.turbulence:
        from windtunnel.report.markdown_resilience import under_faults  # for the runs with faults

        more = more_reasons(summary)
        yield from under_faults(summary.turbulence, more, most=errors, line_url=report.line_url)
    yield from _thresholds(summary)
    yield from _worst_step(summary)
    yield from _changes(summary, most_steps=min(errors, 5))
    yield from _errors(summary, report, most=errors)
    yield from _notes(summary)
    if steps:
        yield from _steps(summary)
    elif summary.steps:
        yield f"_{figures.plural(len(summary.steps), 'step')} omitted to save space; see the report._"
    yield from _soundness(summary)
    if report.directory:
        place = code(report.directory + "/report.html")
        yield f"**Report** {place}" + (f" · [open it]({report.url})" if report.url else "")


def _verdict(summary: Summary, *, reasons: int) -> Iterator[str]:
    if not summary.soundness.finished:
        yield f"> [!WARNING]\n> {UNFINISHED}"
    yield _first_line(summary)
    # What the section on faults begins with is not said twice.
    every = other_reasons(summary)
    told = every[:reasons]
    lines = [f"- {prose(reason, limit=LONGEST_REASON)}" for reason in told]
    if len(every) > len(told):
        lines.append(f"- and {len(every) - len(told)} more")
    if lines:
        yield "\n".join(lines)
    run = summary.run
    facts = [code(title(summary)), f"on {code(run.sut)}", prose(run.load), figures.offset(run.duration_s)]
    facts += [f"seed {run.seed}", f"run {code(summary.run_id)}"]
    facts += [f"commit {code(run.commit)}"] if run.commit else []
    yield " · ".join(facts)


def _first_line(summary: Summary) -> str:
    sign = _SIGNS.get(summary.verdict, "⚠️")
    return f"## {sign} {summary.verdict.capitalize()}: {headline(summary)}"


def _thresholds(summary: Summary) -> Iterator[str]:
    if not summary.thresholds:
        yield f"_{unjudged(summary)}_"
        return
    rows = []
    for threshold in summary.thresholds:
        word = result_word(threshold, finished=summary.soundness.finished)
        selector = code(threshold.selector, limit=_LONGEST_SELECTOR)
        if said := remark(threshold, summary):
            selector += f"<br>{prose(said, limit=LONGEST_REASON)}"
        rows.append(
            (
                f"{_SIGNS.get(word, '')} {word}",
                selector,
                code(threshold.condition),
                prose(threshold.measured),
                prose(threshold.limit),
                figures.number(threshold.samples),
            )
        )
    yield "### Thresholds"
    head = ("Result", "Metric", "Condition", "Measured", "Limit", "Samples")
    yield table(head, ":--|:--|:--|--:|--:|--:", rows)


def _worst_step(summary: Summary) -> Iterator[str]:
    row = worst_step(summary)
    if row is None:
        return
    bad, latency, said = failing(row), row.latency, []
    if bad:
        said.append(f"failed {bad:,} of {figures.plural(row.count, 'time')} ({figures.share(bad / row.count)})")
    if latency.count:
        said.append(f"p95 {figures.duration(latency.p95)}, slowest {figures.duration(latency.max)}")
    word = "Worst step" if bad else "Slowest step"
    yield f"**{word}** {code(row.step)}: {'; '.join(said)}"


def _changes(summary: Summary, *, most_steps: int) -> Iterator[str]:
    comparison = summary.baseline
    if comparison is None:
        return
    yield "### Against the baseline"
    sentence = first_sentence(comparison)
    yield f"{sentence and f'**{sentence}** '}Before: {prose(baseline_name(comparison))}."
    if comparison.notes:
        yield "\n".join(f"- {prose(note)}" for note in comparison.notes)
    rows = [
        (
            *(f"{row.what} of {code(row.step)}" if row.step else row.what, row.before, row.now),
            *(row.change, row.interval, row.spreads),
        )
        for row in change_rows(comparison, most_steps=most_steps)
    ]
    if rows:
        yield table(("Figure", "Before", "Now", "Change", INTERVAL, SPREADS), ":--|--:|--:|--:|--:|--:", rows)
    else:
        yield "_The two runs have no figure in common._"
    yield " ".join(remarks(comparison))


def _steps(summary: Summary) -> Iterator[str]:
    if not summary.steps:
        yield "_No step ended._"
        return
    several = len({row.scenario for row in summary.steps}) > 1
    retried = has_retries(summary)
    rows = []
    for row in summary.steps:
        name = f"{code(row.scenario)} {code(row.step)}" if several else code(row.step)
        # Blanks at the beginning of a cell are not shown; these are.
        name = "&emsp;" * row.depth + name + (f" ({row.skipped:,} skipped)" if row.skipped else "")
        bad = failing(row)
        again = [figures.number(row.retries)] if retried else []
        rows.append(
            (name, figures.number(row.count), f"**{bad:,}**" if bad else "0", *again, *_times(row.latency))
        )
        if sent := requests_beside(row, summary.soundness.lag_p99_ms):
            label = "&emsp;" * (row.depth + 1) + OF_REQUESTS
            counts = (figures.number(row.requests), figures.number(row.requests_failed))
            rows.append((label, *counts, *([""] if retried else []), *_times(sent)))
    yield "### Steps"
    yield f"{instances_line(summary).capitalize()}."
    head = ("Step", "Count", "Failed", *(["Retries"] if retried else []), "p50", "p90", "p95", "p99", "Max")
    yield table(head, "|".join((":--", *(["--:"] * (len(head) - 1)))), rows)


def _times(latency: Distribution) -> list[str]:
    times = (latency.med, latency.p90, latency.p95, latency.p99, latency.max)
    return [figures.duration(ms) if latency.count else NO_VALUE for ms in times]


def _errors(summary: Summary, report: Report, *, most: int) -> Iterator[str]:
    if not summary.errors:
        return
    yield "### Errors"
    shown = summary.errors[:most]
    lines = [_error_line(group) for group in shown]
    if len(summary.errors) > len(shown):
        lines.append(f"- {figures.plural(len(summary.errors) - len(shown), 'more cause')} in the report")
    yield "\n".join(lines)
    if most and (examples := _examples(summary, report)):
        yield "Failing instances, for example:"
        yield "\n".join(_example_line(story) for story in examples)


def _error_line(group: ErrorGroup) -> str:
    place = code(error_place(group)) if group.step else error_place(group)
    said = f": {code(group.example)}" if group.example else ""
    share = f" ({of_instances(group)})" if of_instances(group) else ""
    return f"- **{group.count:,}** {TIMES} {place} {code(group.cause)}{said}{share}"


def _examples(summary: Summary, report: Report) -> list[Story]:
    """A few stories, with different causes where possible."""
    told = {story.instance_id: story for story in report.stories}
    ranked = (
        told[group.instances[rank]]
        for rank in range(_EXAMPLES)
        for group in summary.errors
        if rank < len(group.instances) and group.instances[rank] in told
    )
    return list({story.instance_id: story for story in ranked}.values())[:_EXAMPLES]


def _example_line(story: Story) -> str:
    place = f" at {code(story.failed_step)}" if story.failed_step else ""
    said = f": {code(story.message or story.error or '')}" if story.message or story.error else ""
    return (
        f"- {code(story.instance_id)}{place}{said}, correlation id {code(story.correlation_id)}, "
        f"{figures.offset(story.offset_s)} into the run"
    )


def _notes(summary: Summary) -> Iterator[str]:
    if summary.notes:
        yield f"### {NOTES_TITLE.capitalize()}"
        yield "\n".join(f"- {prose(of_service(note))} (first: {code(note.step)})" for note in summary.notes[:20])


def _soundness(summary: Summary) -> Iterator[str]:
    if findings := unsaid(summary):
        yield "### Soundness"
        yield "\n".join(f"- {prose(finding, limit=LONGEST_REASON)}" for finding in findings[:20])


def _joined(parts: Iterator[str]) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"


def _within(page: str, budget: int, *, keep: str) -> str:
    """The whole lines from the top that fit; `keep` alone when it is not among them."""
    fitting: list[str] = []
    left = budget
    for line in page.split("\n"):
        left -= len(line.encode()) + 1
        if left < 0:
            break
        fitting.append(line)
    return "\n".join(fitting) + "\n" if keep in fitting else keep + "\n"
