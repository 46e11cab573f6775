"""The report as one HTML file that opens from disk, offline, for years: nothing is loaded from anywhere.

Everything that is put into the page is escaped, and goes through `printable`, also text of Windtunnel itself.
The only script and the only style sheet are named in the Content-Security-Policy by their hashes; the browser
obeys nothing else. Verdict, figures, tables and drawings are there without the script.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from itertools import groupby
from typing import Any
from urllib.parse import quote

import jinja2

from windtunnel import figures
from windtunnel.model.resilience import Resilience
from windtunnel.model.summary import Comparison, MetricSummary, Summary
from windtunnel.report import assets, page_data, resilience, wording
from windtunnel.report.changes import (
    NOTHING_IN_COMMON,
    baseline_name,
    change_rows,
    first_sentence,
    has_intervals,
    remarks,
)
from windtunnel.report.charts import PHASES, shape, track
from windtunnel.report.course_chart import CourseChart, course_chart
from windtunnel.report.model import Latency, Report
from windtunnel.report.sample_data import LONGEST_NAME
from windtunnel.report.text import LONGEST_REASON, printable
from windtunnel.report.wording import honest

MOST_SHAPES = 12
"""Steps whose distribution is drawn in the page; the script draws that of any step when its row is opened."""

LONGEST_HEADER = 2_000
"""Characters of a header that the page shows."""

_TONES = {"pass": "good", "fail": "bad", "error": "bad"}
_RESULT_TONES = {"pass": "good", "fail": "bad", "inconclusive": "warn"}
_OUTCOME_TONES = {"passed": "good", "failed": "bad", "errored": "warn"}
_TAB_COLOURS = {"good": "#12703c", "bad": "#b3261e", "warn": "#8a5300"}
_TAB_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><circle cx="8" cy="8" r="8" fill="{colour}"/>'
    '<path d="{path}" fill="none" stroke="#fff" stroke-width="2" stroke-linecap="round"/></svg>'
)
_TAB_PATHS = {"good": "m4.5 8.5 2.5 2.5 4.5-6", "bad": "m5.2 5.2 5.6 5.6m0-5.6-5.6 5.6", "warn": "M8 4v5m0 2.8v.2"}


def render(report: Report) -> str:
    """The page as text; to be written as UTF-8."""
    summary = honest(report.summary)
    pages = _environment()
    style, script = _style(pages), assets.script()
    tone = _TONES.get(summary.verdict, "warn")
    return pages.get_template("report.html.j2").render(
        report=report,
        summary=summary,
        run=summary.run,
        sound=summary.soundness,
        finished=summary.soundness.finished,
        tone=tone,
        style=style,
        style_hash=assets.csp_hash(style),
        script=script,
        script_hash=assets.csp_hash(script),
        data=page_data.parts(report, summary),
        tab_icon=_tab_icon(tone),
        title=wording.title(summary),
        headline=wording.headline(summary),
        unfinished=wording.UNFINISHED,
        unjudged=wording.unjudged(summary),
        tiles=_tiles(summary),
        retried=wording.has_retries(summary),
        of_requests=wording.OF_REQUESTS,
        places={(row.scenario, row.step): place for place, row in enumerate(summary.steps)},
        course_drawn=_course(report, summary),
        scenarios=[(name, list(rows)) for name, rows in groupby(summary.steps, key=lambda row: row.scenario)],
        overall=report.overall and shape(report.overall, height=200),
        shapes=[(latency, shape(latency, height=88, most_bins=40)) for latency in _drawn(report.steps)],
        anchors={story.instance_id: _anchor(story.instance_id) for story in report.stories},
        phases=PHASES,
        **(_against(summary.baseline) if summary.baseline else {}),
        judged=summary.turbulence,
        facts=_facts(report),
        **(_under_faults(summary.turbulence) if summary.turbulence else {}),
    )


def _against(baseline: Comparison) -> dict[str, Any]:
    """What the template shows of the changes since a baseline."""
    rows = change_rows(baseline, most_steps=10)
    return {
        "changes": rows,
        "difference": first_sentence(baseline),
        "noise": remarks(baseline, rows),
        "has_intervals": has_intervals(rows),
        "nothing_in_common": NOTHING_IN_COMMON,
    }


def _drawn(steps: Sequence[Latency]) -> list[Latency]:
    """The steps with the most samples, in their order."""
    most = sorted(range(len(steps)), key=lambda place: (-steps[place].distribution.count, place))[:MOST_SHAPES]
    return [steps[place] for place in sorted(most)]


def _course(report: Report, summary: Summary) -> CourseChart | None:
    """The drawing over time; None where nothing was counted."""
    return course_chart(report.course, started=summary.run.started) if report.course.buckets else None


def _under_faults(judged: Resilience) -> dict[str, object]:
    """What the section on faults draws and says besides."""
    from windtunnel.report import resilience_tables as tables  # for the runs with faults
    from windtunnel.report.timeline import timeline

    return {
        "course": timeline(judged),
        "said": tables.said_of(judged),
        "bands_told": tables.bands_told,
        "held_word": tables.held_word,
    }


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    """The environment with the templates, which are compiled once a process: that is most of a page's time."""
    pages = jinja2.Environment(
        loader=jinja2.PackageLoader("windtunnel", "report/templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_fit,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Callable[..., object]] = {
        "ms": figures.duration,
        "us": lambda us: figures.duration(us / 1000),
        "number": figures.number,
        "share": figures.share,
        "offset": figures.offset,
        "size": figures.size,
        "clock": figures.clock_time,
        "plural": figures.plural,
        "line": partial(printable, limit=300),
        "whole": partial(printable, limit=LONGEST_REASON),
        "short": partial(printable, limit=80),
        "header": partial(printable, limit=LONGEST_HEADER),
        "remark": wording.remark,
        "result": wording.result_word,
        "result_tone": lambda threshold: _RESULT_TONES.get(threshold.result, "plain"),
        "outcome_tone": lambda outcome: _OUTCOME_TONES.get(outcome, "plain"),
        "failing": wording.failing,
        "error_place": wording.error_place,
        "of_service": wording.of_service,
        "of_instances": wording.of_instances,
        "requests_beside": wording.requests_beside,
        "baseline_name": baseline_name,
        "track": track,
        "sentence": resilience.sentence,
        "spaced": resilience.spaced,
        "titled": resilience.titled,
        "condition": resilience.condition,
        "bound_tone": resilience.RESULT_TONES.__getitem__,
    }
    pages.filters.update(filters)
    return pages


def _anchor(instance_id: str) -> str:
    """The fragment of the URL that shows an instance; without the script it is the id of its static part."""
    return "instance=" + quote(printable(instance_id, limit=LONGEST_NAME))


def _style(pages: jinja2.Environment) -> str:
    assert pages.loader is not None
    return assets.style(pages.loader.get_source(pages, "report.css")[0])


def _fit(value: object) -> object:
    """Clean every plain string that goes into the page, before it is escaped; markup stays as it is."""
    return printable(value, lines=True) if type(value) is str else value


def _tab_icon(tone: str) -> str:
    return "data:image/svg+xml," + quote(_TAB_ICON.format(colour=_TAB_COLOURS[tone], path=_TAB_PATHS[tone]))


def _tiles(summary: Summary) -> list[tuple[str, str, str, str]]:
    """The key figures: (name for the script, what, value, remark)."""
    run, sound = summary.run, summary.soundness
    requests, failed = summary.metrics.get("http_reqs"), summary.metrics.get("http_req_failed")
    tiles = [("instances", "Instances passed", figures.number(run.passed), f"of {figures.number(run.instances)}")]
    if requests:
        rate = f"{figures.per_second(requests.rate)}" if requests.rate is not None else ""
        tiles.append(("requests", "Requests", figures.number(requests.count), rate))
    if failed and failed.count:
        share, count = figures.share(failed.rate or 0), figures.number(failed.matches)
        tiles.append(("requests_failed", "Failed requests", share, f"{count} requests"))
    tiles += _latency_tiles(summary.metrics.get("http_req_duration"))
    if sound.dropped:
        tiles.append(("dropped", "Dropped arrivals", figures.number(sound.dropped), "found no free slot"))
    if sound.late:
        tiles.append(("late", "Late arrivals", figures.number(sound.late), "started over 5 ms late"))
    error = f"± {figures.duration(sound.lag_p99_ms)}" if sound.lag_p99_ms else "none seen"
    tiles.append(("lag", "Measurement error", error, "p99 of the event loop's lag"))
    return tiles


def _latency_tiles(metric: MetricSummary | None) -> list[tuple[str, str, str, str]]:
    if metric is None or metric.distribution is None or not metric.distribution.count:
        return []
    d = metric.distribution
    named = (
        ("p50", "p50 latency", d.med),
        ("p95", "p95 latency", d.p95),
        ("p99", "p99 latency", d.p99),
        ("p999", "p99.9 latency", d.p999),
        ("max", "Slowest request", d.max),
    )
    return [(key, name, figures.duration(ms), "") for key, name, ms in named]


def _facts(report: Report) -> list[tuple[str, str]]:
    """(name, value) of all that is known about how the run was made."""
    manifest = report.manifest
    facts = [
        ("Windtunnel", manifest.version),
        ("Command", shlex.join(manifest.argv)),
        ("Base URLs", ", ".join(manifest.base_urls)),
        ("Reached at", ", ".join(f"{origin} at {address}" for origin, address in manifest.reroutes.items())),
        ("Scenarios", ", ".join(manifest.scenarios)),
        ("Load", manifest.load),
        ("Seed", str(manifest.seed)),
        ("Seed of the faults", _seed_of_faults(report)),
        ("Plan", manifest.plan_hash),
        ("Tags", ", ".join(f"{key}={value}" for key, value in manifest.tags.items())),
        ("Run directory", report.directory),
    ]
    facts += [(_label(key), value) for key, value in manifest.host.items()]
    facts += [(f"CI {key.replace('_', ' ')}", value) for key, value in manifest.ci.items()]
    return [(name, value) for name, value in facts if value]


def _seed_of_faults(report: Report) -> str:
    """The seed that decided which requests were hit, where it is not that of the run."""
    judged = report.summary.turbulence
    return str(judged.seed) if judged is not None and judged.seed != report.manifest.seed else ""


def _label(key: str) -> str:
    """`cpu_count` as `Cpu count`."""
    words = key.replace("_", " ")
    return words[:1].upper() + words[1:]
