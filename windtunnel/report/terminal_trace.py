"""One instance in the terminal: its steps as bars on a line of time, what failed, what was sent and received."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from windtunnel import figures
from windtunnel.report.bars import PART_OF_SIGN, SIGNS, Part, length_us, request_bar, step_bar
from windtunnel.report.charts import PHASES
from windtunnel.report.curl import curl_line
from windtunnel.report.model import Body, CheckStory, RequestStory, StepStory, Story
from windtunnel.report.terminal_parts import hanging, memory_console, shown, styled, written
from windtunnel.report.text import NO_BREAK, printable, shortened
from windtunnel.report.trace import ids_of
from windtunnel.report.wording import OUTCOME_ICONS

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

    from windtunnel.report.trace import Trace

_STYLES: dict[str, str] = {
    "queue": "bright_black",
    "dns": "cyan",
    "connect": "yellow",
    "tls": "magenta",
    "send": "blue",
    "wait": "green",
    "receive": "bright_blue",
    "step": "bright_black",
}
_COLOURS = {"passed": "green", "failed": "red", "errored": "red", "skipped": "bright_black"}
_WIDEST = 120
_LONGEST_NAME = 28
_TIME_WIDTH = 11
_MOST_STEPS = 40
_MOST_DETAILED = 4
_MOST_REQUESTS = 4
_MOST_HEADERS = 20
_MOST_LINES = 14
_LONGEST_COMMAND = 4_000
_ONE_LINE = 60
_INDENT = 4


def render(trace: Trace, *, width: int = 80, color: bool = False, brief: bool = False) -> str:
    """The instance as text, lines at most `width` wide; with ANSI colours only when asked for.

    `brief`: without headers, bodies, and the commands that show others.
    """
    stream, console = memory_console(width=min(width, _WIDEST), color=color)
    for part in (
        *_head(trace),
        "",
        *_waterfall(trace, console.width),
        *_beside(trace),
        *_details(trace, brief=brief),
    ):
        console.print(part)
    for line in () if brief else _commands(trace):
        stream.write(f"{line}\n")
    return written(stream).rstrip("\n")


def _head(trace: Trace) -> Iterator[RenderableType]:
    from rich.text import Text

    story = trace.story
    outcome = story.outcome or "unfinished"
    yield Text.assemble(
        (f"{OUTCOME_ICONS[outcome]} {outcome}", f"bold {_COLOURS.get(outcome, 'yellow')}"),
        "  ",
        (shown(story.instance_id, limit=200), "bold"),
        f"  {figures.duration(story.duration_us / 1000)}, {figures.offset(story.offset_s)} into the run",
        overflow="fold",
    )
    place = f"failed instance {trace.position:,} of {trace.failed:,}" if trace.position else ""
    user = f"user {story.user}" if story.user is not None and story.user >= 0 else ""
    late = f"started {figures.duration(story.late_us / 1000)} late" if story.late_us >= 1000 else ""
    phase = f"in {shown(trace.phase, limit=60)}" if trace.phase else ""
    facts = [place, f"scenario {shown(story.scenario, limit=60)}", phase, user, late]
    yield styled(" · ".join(filter(None, facts)))
    yield styled(f"run {shown(trace.run_id)} · correlation id {shown(story.correlation_id)}", "bright_black")
    if story.outcome is None:
        yield hanging("!", "the run ended before this instance did", style="yellow")
    if story.fault:
        yield hanging(
            "!", f"it failed by the fault {shown(story.fault, limit=60)}, not by the SUT", style="yellow"
        )
    if trace.damaged:
        lines = figures.plural(trace.damaged, "line")
        yield hanging(
            "!", f"{lines} of the record file can't be read and {_are(trace.damaged)} missing here", style="yellow"
        )
    if said := story.message or story.error:
        at = f"{_placed(trace, story.failed_step)}: " if story.failed_step else ""
        yield hanging("✗", f"{at}{shown(said, limit=600)}", style="red")


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _placed(trace: Trace, step: str) -> str:
    """`pay (scenarios/checkout.yaml:14)`, without the place where it is unknown."""
    row = trace.row(step)
    name = shown(step, limit=60)
    return f"{name} ({shown(row.file, limit=200)}:{row.line})" if row and row.file and row.line else name


# ── the line of time ─────────────────────────────────────────────────────────────────────────────────────────────


def _waterfall(trace: Trace, width: int) -> Iterator[RenderableType]:
    story = trace.story
    if not story.steps:
        yield styled("no step of it is in the records")
        yield ""
        return
    rows = list(_rows(trace, story.steps))
    shown_rows = _chosen([step.outcome for _, step, _ in rows])
    name_width = min(_LONGEST_NAME, max(len(label) for label, *_ in rows))
    cells = max(10, width - name_width - _TIME_WIDTH - 4)
    total = length_us(story)
    yield _line("", name_width, f"0{figures.duration(total / 1000):>{cells - 1}}", "", None)
    parts: set[Part] = set()
    before = -1
    for position in shown_rows:
        label, step, request = rows[position]
        if position > before + 1:
            yield styled(f"  … {figures.plural(position - before - 1, 'more row')} …")
        before = position
        bar = step_bar(step, total, cells) if request is None else request_bar(request, total, cells)
        parts.update(PART_OF_SIGN[sign] for sign in set(bar) - {" "})
        took_us = step.duration_us if request is None else request.elapsed_us
        outcome = step.outcome if request is None else None
        yield _line(label, name_width, bar, figures.duration(took_us / 1000), outcome)
    if story.left_out:
        yield styled(f"  {figures.plural(story.left_out, 'more record')} of it omitted")
    yield _key(parts)
    for assertion in story.assertions:
        said = f": {shown(assertion.message)}" if assertion.message else ""
        icon, colour = OUTCOME_ICONS[assertion.outcome], _COLOURS.get(assertion.outcome, "yellow")
        yield hanging(
            icon, f"assertion {shown(assertion.name, limit=100)} {assertion.outcome}{said}", style=colour
        )
    yield ""


def _chosen(outcomes: Sequence[str]) -> list[int]:
    """The positions of the rows that are shown: the first, the last, and of those between what failed."""
    last = len(outcomes) - _MOST_STEPS // 2
    chosen = [at for at in range(len(outcomes)) if at < _MOST_STEPS // 2 or at >= last]
    known = set(chosen)
    between = [at for at, each in enumerate(outcomes) if each in {"failed", "errored"} and at not in known]
    return sorted([*chosen, *between[:_MOST_STEPS]])


def _rows(trace: Trace, steps: Sequence[StepStory]) -> Iterator[tuple[str, StepStory, RequestStory | None]]:
    """A row a step by its begin, with those inside of it below; then a row a request where it sent several."""
    for step in sorted(steps, key=lambda step: (step.began_us, -step.duration_us)):
        row = trace.row(step.name)
        indent = "  " * (row.depth if row else 0)
        yield f"{indent}{shown(step.name, limit=100)}", step, None
        if len(step.requests) > 1:
            for request in step.requests[:_MOST_REQUESTS]:
                yield f"{indent}  {shown(request.method, limit=8)} {_answer(request)}", step, request


def _line(label: str, name_width: int, bar: str, took: str, outcome: str | None) -> Text:
    from rich.cells import set_cell_size
    from rich.text import Text

    icon = OUTCOME_ICONS[outcome] if outcome else " "
    line = Text(no_wrap=True, overflow="crop")
    line.append(f"{icon} ", _COLOURS.get(outcome or "", "yellow"))
    bad = outcome in {"failed", "errored"}
    cut = label if len(label) <= name_width else shortened(label, name_width)
    line.append(f"{set_cell_size(cut, name_width)}  ", "bold red" if bad else "")
    for sign, run in groupby(bar):
        line.append("".join(run), _STYLES.get(PART_OF_SIGN.get(sign, ""), ""))
    line.append(f"{took:>{_TIME_WIDTH}}")
    return line


def _key(parts: set[Part]) -> Text:
    """What the signs in the bars mean."""
    from rich.text import Text

    line = Text("  ", overflow="fold")
    for part in (*PHASES, "step"):
        if part in parts:
            line.append(SIGNS[part], _STYLES[part])
            line.append(f" {_WORDS.get(part, part)}   ", "bright_black")
    return line


_WORDS = {"dns": "DNS", "tls": "TLS", "step": "outside of requests"}


# ── beside one that passed ───────────────────────────────────────────────────────────────────────────────────────


def _beside(trace: Trace) -> Iterator[RenderableType]:
    passing, comparison = trace.passing, trace.comparison
    if passing is None or comparison is None:
        return
    yield styled(f"beside {shown(passing.instance_id, limit=100)}, which passed", "bold")
    if comparison.first is None:
        yield hanging("-", "no difference is recorded up to its end")
    else:
        yield hanging("✗", f"first difference: {shown(comparison.first.sentence, limit=400)}", style="red")
    for difference in comparison.before:
        yield hanging("-", f"before it: {shown(difference.sentence, limit=400)}")
    if comparison.more:
        yield hanging("-", f"and {figures.plural(comparison.more, 'more value')} before it")
    slower = _slower(trace.story, passing)
    yield from (hanging("-", line) for line in slower)
    yield ""


def _slower(story: Story, passing: Story) -> Iterator[str]:
    """Steps that took three times as long as in the other instance, and 50 ms longer."""
    theirs = {step.name: step for step in reversed(passing.steps)}
    told: set[str] = set()
    for step in story.steps:
        other = theirs.get(step.name)
        if other is None or step.name in told or step.outcome == "skipped" or other.outcome == "skipped":
            continue
        if step.duration_us >= 3 * other.duration_us and step.duration_us - other.duration_us >= 50_000:
            told.add(step.name)
            took, there = (figures.duration(each.duration_us / 1000) for each in (step, other))
            yield f"{shown(step.name, limit=60)} took {took}, there {there}"


# ── what was sent and received ───────────────────────────────────────────────────────────────────────────────────


def _details(trace: Trace, *, brief: bool) -> Iterator[RenderableType]:
    """The steps that failed, or all steps with requests when none did."""
    steps = trace.story.steps
    wanted = [step for step in steps if step.outcome not in {"passed", "skipped"}]
    # A group fails by what is in it, which has a story of its own.
    wanted = [step for step in wanted if step.requests or step.checks or len(wanted) == 1] or wanted
    wanted = wanted or [step for step in steps if step.requests]
    for step in wanted[:_MOST_DETAILED]:
        yield from _detail(trace, step, brief=brief)
        yield ""
    if len(wanted) > _MOST_DETAILED:
        yield styled(f"and {figures.plural(len(wanted) - _MOST_DETAILED, 'more step')}; all of it: --json")
        yield ""


def _detail(trace: Trace, step: StepStory, *, brief: bool) -> Iterator[RenderableType]:
    from rich.text import Text

    icon, colour = OUTCOME_ICONS[step.outcome], _COLOURS.get(step.outcome, "yellow")
    action = f"  {shown(step.action, limit=40)}" if step.action else ""
    yield Text.assemble(
        (f"{icon} {_placed(trace, step.name)}", f"bold {colour}"),
        f"{action} {step.outcome}, {figures.duration(step.duration_us / 1000)}{_injected(step.fault)}",
        overflow="fold",
    )
    said = step.message or step.error
    told_by_check = any(not c.ok and c.name in (said or "") and c.actual in (said or "") for c in step.checks)
    if said and not told_by_check:
        yield hanging(" ", shown(said, limit=600), indent=2)
    yield from _checks(step.checks)
    if step.extracted:
        yield hanging(" ", f"extracted {shown(', '.join(step.extracted))}", indent=2)
    requests = step.requests
    chosen = requests if len(requests) <= _MOST_REQUESTS else (*requests[:2], *requests[-2:])
    for position, request in enumerate(chosen):
        if len(chosen) < len(requests) and position == 2:
            yield styled(f"    … {figures.plural(len(requests) - len(chosen) + step.left_out, 'more request')} …")
        yield from _exchange(request, brief=brief)


def _checks(checks: Sequence[CheckStory]) -> Iterator[RenderableType]:
    for check in checks:
        if not check.ok:
            name, expected, actual = (
                shown(each, limit=400) for each in (check.name, check.expected, check.actual)
            )
            if len(name) + len(expected) + len(actual) <= _ONE_LINE:
                yield hanging("✗", f"{name}: expected {expected}, got {actual}", style="red", indent=2)
                continue
            yield hanging("✗", name, style="red", indent=2)
            yield hanging(" ", f"expected {expected}", indent=_INDENT)
            yield hanging(" ", f"got      {actual}", indent=_INDENT)
    if held := [shown(check.name, limit=60) for check in checks if check.ok]:
        yield hanging("✓", ", ".join(held), style="green", indent=2)


def _exchange(request: RequestStory, *, brief: bool) -> Iterator[RenderableType]:
    attempt = f", attempt {request.attempt}" if request.attempt > 1 else ", poll" if request.poll else ""
    again = ", sent again on a fresh connection" if request.resent else ""
    sent = f"{shown(request.method, limit=20)} {shown(request.url, limit=1_000)}"
    yield hanging("→", f"{sent}  {_size(request.bytes_sent)}{attempt}{again}", indent=2)
    if not brief:
        yield from _message(request.request_headers or (), request.request_body)
    detail = f": {shown(request.error_detail)}" if request.error_detail else ""
    took = figures.duration(request.timings.duration_us / 1000)
    yield hanging(
        "←",
        f"{_answer(request)}{detail}  {_size(request.bytes_received)} in {took}{_injected(request.fault)}",
        style="red" if request.failed or request.error else "",
        indent=2,
    )
    if not brief:
        yield from _message(request.response_headers or (), request.response_body)
    yield hanging(" ", _timings(request), indent=2)


def _size(count: int) -> str:
    return figures.size(count).replace(" ", NO_BREAK)


def _answer(request: RequestStory) -> str:
    """`503`, or in place of a status what went wrong: `timeout`."""
    return str(request.error or request.status or "no answer")


def _timings(request: RequestStory) -> str:
    """`queue 40 µs · send 60 µs · wait 140 ms`, without what took no time."""
    spans = ((part, getattr(request.timings, part)) for part in PHASES)
    said = [f"{_WORDS.get(part, part)} {figures.duration(us / 1000)}" for part, us in spans if us]
    return " · ".join(each.replace(" ", NO_BREAK) for each in said) or "no time was measured"


def _message(headers: Sequence[tuple[str, str]], body: Body | None) -> Iterator[RenderableType]:
    """Headers and the beginning of a body, each line cut at the margin."""
    for name, value in headers[:_MOST_HEADERS]:
        yield _cropped(f"{name}: {value}")
    if len(headers) > _MOST_HEADERS:
        yield _cropped(f"… {figures.plural(len(headers) - _MOST_HEADERS, 'more header')}")
    if body is None:
        return
    lines = printable(body.text, lines=True).expandtabs(2).split("\n")
    for line in lines[:_MOST_LINES]:
        yield _cropped(line)
    if len(lines) > _MOST_LINES or not body.whole:
        left = f"{figures.plural(len(lines) - _MOST_LINES, 'more line')}, " if len(lines) > _MOST_LINES else ""
        yield _cropped(f"… {left}{figures.size(body.size)} in all")


def _cropped(line: str) -> Text:
    from rich.text import Text

    return Text(
        " " * (_INDENT + 2) + shown(line, limit=400), style="bright_black", no_wrap=True, overflow="ellipsis"
    )


def _injected(fault: str | None) -> str:
    return f" [injected: {shown(fault, limit=60)}]" if fault else ""


def _commands(trace: Trace) -> Iterator[str]:
    """The lines to type next."""
    wanted, story = trace.wanted, trace.story
    failing = [step for step in story.steps if step.outcome not in {"passed", "skipped"} and step.requests]
    if failing:
        line = curl_line(failing[0].requests[-1], ids=ids_of(trace))
        yield f"repeat  {line if len(line) <= _LONGEST_COMMAND else 'too long to show: --json has it'}"
    if trace.position and trace.position < trace.failed:
        yield f"next    {wanted.command(f'--failed {trace.position + 1}')}"
    if trace.passing is not None:
        yield f"beside  {wanted.command(f'--instance-id {shown(trace.passing.instance_id, limit=200)}')}"
