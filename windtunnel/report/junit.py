"""`junit.xml`: the verdict, thresholds, bounds, steps and assertions as test cases, which every CI system shows.

A step that failed in a run whose thresholds allow that is no failing test case: its failures are in its
output. The case `verdict` is red in every run that did not pass. Class names are the files of the steps, and every
name occurs once. The file follows Jenkins' `junit-10.xsd`, where a test case has no line: that is in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from xml.etree import ElementTree

from windtunnel import figures
from windtunnel.errors import Problem
from windtunnel.model.resilience import Bound, Resilience
from windtunnel.model.summary import ErrorGroup, StepSummary, Summary, ThresholdResult
from windtunnel.model.vocabulary import VerdictWord
from windtunnel.report import resilience
from windtunnel.report import resilience_tables as tables
from windtunnel.report.model import Report
from windtunnel.report.text import printable
from windtunnel.report.wording import breach, error_place, failing, headline, honest

_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 does not allow (its production 2)."""

_LONGEST, _LONGEST_NAME = 10_000, 200
_MOST_TOLD = 20
_TOTALS = (("tests", "testcase"), ("failures", "testcase/failure"), ("errors", "testcase/error"))


def render(report: Report) -> str:
    """The file as text; to be written as UTF-8."""
    summary = honest(report.summary)
    file = _File(duration_s=summary.run.duration_s, started=summary.run.started)
    file.add("verdict", [_verdict(summary)])
    file.add("thresholds", map(_threshold, summary.thresholds))
    if summary.turbulence:
        file.add("resilience", [_resilience(summary.turbulence), *map(_bound, summary.turbulence.bounds)])
    rows = {(row.scenario, row.step) for row in summary.steps}
    apart = [group for group in summary.errors if group.phase or (group.scenario, group.step) not in rows]
    for scenario in dict.fromkeys([*(row.scenario for row in summary.steps), *(each.scenario for each in apart)]):
        cases = [_step(row, summary) for row in summary.steps if row.scenario == scenario]
        cases += [_apart(group, summary) for group in apart if group.scenario == scenario]
        file.add(scenario, cases)
    return file.text()


def render_problems(verdict: VerdictWord, problems: Sequence[Problem]) -> str:
    """The file of a job that ran nothing: the verdict and each problem as a test case."""
    file = _File(duration_s=0, started=0)
    verdict_case = _case("windtunnel", "verdict")
    _add(verdict_case, "error", verdict, "\n".join(problem.text for problem in problems[:_MOST_TOLD]))
    file.add("verdict", [verdict_case])
    file.add("problems", map(_problem, problems))
    return file.text()


class _File:
    """The document. Every test case in it has another name than the others of its class."""

    def __init__(self, *, duration_s: float, started: float) -> None:
        self._suites = ElementTree.Element("testsuites", name="windtunnel")
        self._names: set[tuple[str, str]] = set()
        self._duration_s, self._started = duration_s, started

    def add(self, name: str, cases: Iterable[ElementTree.Element]) -> None:
        suite = ElementTree.SubElement(self._suites, "testsuite", name=_text(name))
        for case in cases:
            _make_unique(case, self._names)
            suite.append(case)
        for total, path in _TOTALS:
            suite.set(total, str(len(suite.findall(path))))
        suite.set("skipped", str(len(suite.findall("testcase/skipped"))))
        suite.set("time", _seconds(self._duration_s))
        if self._started and (started := figures.clock_time(self._started)):
            suite.set("timestamp", started.removesuffix(" UTC").replace(" ", "T"))

    def text(self) -> str:
        suites = self._suites
        for total, _ in _TOTALS:
            suites.set(total, str(sum(int(suite.get(total, "0")) for suite in suites)))
        suites.set("time", _seconds(self._duration_s))
        ElementTree.indent(suites)
        return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(suites, encoding="unicode") + "\n"


def _make_unique(case: ElementTree.Element, names: set[tuple[str, str]]) -> None:
    # GitLab drops a test case whose name it has seen already.
    base, number = case.get("name", ""), 1
    while (case.get("classname", ""), case.get("name", "")) in names:
        number += 1
        case.set("name", f"{base} ({number})")
    names.add((case.get("classname", ""), case.get("name", "")))


def _verdict(summary: Summary) -> ElementTree.Element:
    """The run as a whole: red unless it passed, so that no reader takes another run for a green one."""
    case = _case("windtunnel", "verdict")
    told = "\n".join([headline(summary), *summary.reasons])
    if summary.verdict == "pass":
        _add_output(case, f"{summary.verdict}: {told}")
    else:
        _add(case, "failure" if summary.verdict == "fail" else "error", summary.verdict, told)
    return case


def _threshold(result: ThresholdResult) -> ElementTree.Element:
    case = _case(result.file or "thresholds", result.name)
    measured = f"{result.measured}, limit {result.limit} (n = {result.samples:,})"
    if result.result == "fail":
        said = result.reason or f"{result.name} failed: {measured}"
        _add(case, "failure", breach(result), said + _at(result.file, result.line))
    elif result.result != "pass":
        _add(case, "error", result.explanation or measured, measured + _at(result.file, result.line))
    else:
        _add_output(case, measured)
    return case


def _resilience(judged: Resilience) -> ElementTree.Element:
    """How the faults were borne as a whole: red unless the system was resilient or degraded and came back."""
    case = _case("windtunnel", "resilience")
    told = [
        *judged.reasons,
        f"recovery: {resilience.recovery(judged)}",
        f"injected: {resilience.injected(judged)}",
    ]
    told += [f"look at {each}" for each in resilience.look_at(judged)]
    told += tables.levels_told(judged.levels)
    word, text = resilience.word(judged), "\n".join(told)
    if resilience.is_broken(judged):
        _add(case, "failure", word, text)
    elif judged.word == "not_judged":
        _add(case, "error", word, text)
    else:
        _add_output(case, f"{word}: {text}")
    return case


def _bound(bound: Bound) -> ElementTree.Element:
    case = _case(bound.file or "resilience", resilience.bound_name(bound))
    said = (bound.reason or bound.measured) + _at(bound.file, bound.line)
    if bound.result == "broken":
        _add(case, "failure", f"measured {bound.measured}", said)
    elif bound.result == "no_data":
        _add(case, "error", bound.measured, said)
    else:
        _add_output(case, bound.measured)
    return case


def _step(row: StepSummary, summary: Summary) -> ElementTree.Element:
    case = _case(row.file or row.scenario, row.step)
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
            _add(case, "failure", said, detail + _at(row.file, row.line))
        else:
            again = "\n".join(filter(None, (said, detail, again)))
    if again:
        _add_output(case, again)
    return case


def _apart(group: ErrorGroup, summary: Summary) -> ElementTree.Element:
    """Failures that belong to no row of the steps: in a setup, user_setup or teardown, or outside every step."""
    case = _case(group.file or group.scenario, error_place(group))
    said = _group(group) + _at(group.file, group.line)
    if summary.verdict == "fail":
        _add(case, "failure", f"{group.cause}: {figures.plural(group.count, 'time')}", said)
    else:
        _add_output(case, said)
    return case


def _group(group: ErrorGroup) -> str:
    times, first = figures.plural(group.count, "time"), ", ".join(group.instances[:3])
    return f"{times} {group.cause}: {group.example} (first in {first})"


def _problem(problem: Problem) -> ElementTree.Element:
    """One thing that is wrong with a file, an input or a flag, as a test case that could not run."""
    where = problem.where
    case = _case(where.file if where else "windtunnel", printable(problem.text, limit=_LONGEST_NAME))
    _add(case, "error", problem.text, str(problem))
    return case


def _case(classname: str, name: str) -> ElementTree.Element:
    return ElementTree.Element("testcase", classname=_text(classname), name=_text(name), time=_seconds(0))


def _at(file: str | None, line: int | None) -> str:
    """The place below a text: `plan.yaml:14`, which a terminal and an editor open."""
    return f"\nat {file}:{line}" if file and line else ""


def _add(case: ElementTree.Element, kind: str, message: str, detail: str) -> None:
    element = ElementTree.SubElement(case, kind, message=_text(message), type=f"windtunnel.{kind}")
    element.text = _text(detail, lines=True)


def _add_output(case: ElementTree.Element, text: str) -> None:
    ElementTree.SubElement(case, "system-out").text = _text(text, lines=True)


def _seconds(seconds: float) -> str:
    return f"{seconds:.3f}"


def _text(text: str, *, lines: bool = False) -> str:
    return _NOT_XML.sub("", printable(text, limit=_LONGEST, lines=lines))
