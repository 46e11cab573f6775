"""`summary.md`: the run on one page of GitHub-flavoured Markdown, within a byte budget.

Text of users and of the SUT is in code spans, where nothing is a link, a mention, HTML or the end of a table cell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from windtunnel import figures
from windtunnel.model.summary import Summary
from windtunnel.report.changes import (
    INTERVAL,
    NOTHING_IN_COMMON,
    SPREADS,
    ChangeRow,
    baseline_name,
    change_rows,
    first_sentence,
    has_intervals,
    remarks,
)
from windtunnel.report.markdown_failures import errors as errors_of
from windtunnel.report.markdown_pictures import course_picture, latency_picture, steps_table
from windtunnel.report.model import Report
from windtunnel.report.resilience import more_reasons, other_reasons
from windtunnel.report.text import LONGEST_REASON, code, prose, table
from windtunnel.report.wording import (
    MAX_REASONS,
    NOTES_TITLE,
    UNFINISHED,
    failing,
    headline,
    honest,
    of_service,
    remark,
    result_word,
    title,
    unjudged,
    unsaid,
    worst_step,
)

BUDGET = 900 * 1024
"""Maximum size in bytes; GitHub does not show a step summary over 1 MiB."""

_SIGNS = {"pass": "✅", "fail": "❌", "no data": "⚪", "inconclusive": "❔", "held so far": "…"}
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
    if steps and not summary.turbulence:
        yield from course_picture(summary, report.course)
    if summary.turbulence:
        from windtunnel.report.markdown_resilience import under_faults  # for the runs with faults

        more = more_reasons(summary)
        yield from under_faults(summary.turbulence, more, most=errors, line_url=report.line_url)
    yield from _thresholds(summary)
    yield from _worst_step(summary)
    yield from _changes(summary, most_steps=min(errors, 5))
    yield from errors_of(summary, report, most=errors)
    yield from _notes(summary)
    if steps:
        yield from steps_table(summary, report.course)
        yield from latency_picture(report)
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
    rows = change_rows(comparison, most_steps=most_steps)
    if rows:
        yield _table_of_changes(rows)
    else:
        yield f"_{NOTHING_IN_COMMON}_"
    yield " ".join(remarks(comparison, rows))


def _table_of_changes(rows: Sequence[ChangeRow]) -> str:
    known = has_intervals(rows)
    head = ("Figure", "Before", "Now", "Change", *((INTERVAL, SPREADS) if known else ()))
    cells = [
        (
            *(f"{row.what} of {code(row.step)}" if row.step else row.what, row.before, row.now, row.change),
            *((row.interval, row.spreads) if known else ()),
        )
        for row in rows
    ]
    return table(head, ":--" + "|--:" * (len(head) - 1), cells)


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
