"""`junit.xml`: the verdict, thresholds, steps and assertions as test cases, which every CI system shows.

A step that failed in a run whose thresholds allow that is no failing test case: its failures are in its
output. Class names are the files of the steps, and every name occurs once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.etree import ElementTree

from windtunnel import figures
from windtunnel.model.summary import ErrorGroup, StepSummary, Summary, ThresholdResult
from windtunnel.report.model import Report
from windtunnel.report.text import printable
from windtunnel.report.wording import breach, error_place, failing, headline, honest

_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 does not allow (its production 2)."""

_LONGEST = 2_000
_TOTALS = (("tests", "testcase"), ("failures", "testcase/failure"), ("errors", "testcase/error"))


def render(report: Report) -> str:
    """The file as text; to be written as UTF-8."""
    summary = honest(report.summary)
    suites = ElementTree.Element("testsuites", name="windtunnel")
    names: set[tuple[str, str]] = set()
    _add_suite(suites, "verdict", [_verdict(summary)], summary, names)
    _add_suite(suites, "thresholds", map(_threshold, summary.thresholds), summary, names)
    rows = {(row.scenario, row.step) for row in summary.steps}
    apart = [group for group in summary.errors if group.phase or (group.scenario, group.step) not in rows]
    for scenario in dict.fromkeys([*(row.scenario for row in summary.steps), *(each.scenario for each in apart)]):
        cases = [_step(row, summary) for row in summary.steps if row.scenario == scenario]
        cases += [_apart(group, summary) for group in apart if group.scenario == scenario]
        _add_suite(suites, scenario, cases, summary, names)
    for total, _ in _TOTALS:
        suites.set(total, str(sum(int(suite.get(total, "0")) for suite in suites)))
    suites.set("time", _seconds(summary.run.duration_s))
    ElementTree.indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(suites, encoding="unicode") + "\n"


def _add_suite(
    suites: ElementTree.Element,
    name: str,
    cases: Iterable[ElementTree.Element],
    summary: Summary,
    names: set[tuple[str, str]],
) -> None:
    suite = ElementTree.SubElement(suites, "testsuite", name=_text(name))
    for case in cases:
        _make_unique(case, names)
        suite.append(case)
    for total, path in _TOTALS:
        suite.set(total, str(len(suite.findall(path))))
    suite.set("skipped", str(len(suite.findall("testcase/skipped"))))
    suite.set("time", _seconds(summary.run.duration_s))
    if started := figures.clock_time(summary.run.started):
        suite.set("timestamp", started.removesuffix(" UTC").replace(" ", "T"))


def _make_unique(case: ElementTree.Element, names: set[tuple[str, str]]) -> None:
    # GitLab drops a test case whose name it has seen already.
    base, number = case.get("name", ""), 1
    while (case.get("classname", ""), case.get("name", "")) in names:
        number += 1
        case.set("name", f"{base} ({number})")
    names.add((case.get("classname", ""), case.get("name", "")))


def _verdict(summary: Summary) -> ElementTree.Element:
    """The run as a whole, for reasons other than thresholds and steps, such as a run that did not finish."""
    case = _case("windtunnel", "verdict", None, None)
    if summary.verdict in ("pass", "fail"):
        # A failed run also has its failing thresholds; one failure is not counted twice.
        _add_output(case, f"{summary.verdict}: {headline(summary)}")
    else:
        _add(case, "error", summary.verdict, f"{headline(summary)}\n" + "\n".join(summary.reasons))
    return case


def _threshold(result: ThresholdResult) -> ElementTree.Element:
    case = _case(result.file or "thresholds", result.name, result.file, result.line)
    measured = f"{result.measured}, limit {result.limit} (n = {result.samples:,})"
    if result.result == "fail":
        _add(case, "failure", breach(result), result.reason or f"{result.name} failed: {measured}")
    elif result.result != "pass":
        _add(case, "error", result.explanation or measured, measured)
    else:
        _add_output(case, measured)
    return case


def _step(row: StepSummary, summary: Summary) -> ElementTree.Element:
    case = _case(row.file or row.scenario, row.step, row.file, row.line)
    case.set("time", _seconds(row.latency.avg / 1000))
    again = ""
    if row.retries:
        attempts = figures.plural(row.retries, "attempt")
        again = f"{attempts} beyond the first, in {figures.plural(row.requests, 'request')}"
    if not row.count:
        ElementTree.SubElement(case, "skipped", message="did not run")
    elif bad := failing(row):
        said = f"{bad:,} of {figures.plural(row.count, 'execution')} did not pass"
        groups = [g for g in summary.errors if (g.phase, g.scenario, g.step) == ("", row.scenario, row.step)]
        detail = "\n".join(map(_group, groups[:5]))
        if summary.verdict == "fail":
            _add(case, "failure", said, detail)
        else:
            again = "\n".join(filter(None, (said, detail, again)))
    if again:
        _add_output(case, again)
    return case


def _apart(group: ErrorGroup, summary: Summary) -> ElementTree.Element:
    """Failures that belong to no row of the steps: in a setup, user_setup or teardown, or outside every step."""
    case = _case(group.file or group.scenario, error_place(group), group.file, group.line)
    if summary.verdict == "fail":
        _add(case, "failure", f"{group.cause}: {figures.plural(group.count, 'time')}", _group(group))
    else:
        _add_output(case, _group(group))
    return case


def _group(group: ErrorGroup) -> str:
    times, first = figures.plural(group.count, "time"), ", ".join(group.instances[:3])
    return f"{times} {group.cause}: {group.example} (first in {first})"


def _case(classname: str, name: str, file: str | None, line: int | None) -> ElementTree.Element:
    case = ElementTree.Element("testcase", classname=_text(classname), name=_text(name), time=_seconds(0))
    if file:
        case.set("file", _text(file))
        if line:
            case.set("line", str(line))
    return case


def _add(case: ElementTree.Element, kind: str, message: str, detail: str) -> None:
    element = ElementTree.SubElement(case, kind, message=_text(message), type=f"windtunnel.{kind}")
    element.text = _text(detail, lines=True)


def _add_output(case: ElementTree.Element, text: str) -> None:
    ElementTree.SubElement(case, "system-out").text = _text(text, lines=True)


def _seconds(seconds: float) -> str:
    return f"{seconds:.6f}"


def _text(text: str, *, lines: bool = False) -> str:
    return _NOT_XML.sub("", printable(text, limit=_LONGEST, lines=lines))
