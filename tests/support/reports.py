"""Reports without a run, and reports whose every text a hostile service wrote."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec

from tests.support import sample_run
from windtunnel.model.summary import Summary
from windtunnel.report.model import Body, CheckStory, Report

HOSTILE = [
    "<script>alert(1)</script>",
    "</style></pre></details><img src=x onerror=alert(1)>",
    '"><a href="javascript:alert(1)">x</a>',
    "a|b\\|c`d``e",
    "[click](http://evil.example) ![i](http://evil.example/i.png) <http://evil.example>",
    "https://evil.example www.evil.example @everyone #1 :tada:",
    "\x1b[31mred\x1b[0m \x1b]8;;http://evil\x07link\x1b]8;;\x07",
    "::set-output name=a::b",
    "line one\n::error::forged\n##[error]forged",
    "first\u2028second\u2029third\x00\x07",
    "invoice\u202efdp.exe",
    "{{ 7 * 7 }} {% raw %}",
    "-->]]><!--",
    "x" * 200_000,
]

PLACE: dict[str, Any] = {"file": "scenarios/a.yaml", "line": 4}


def with_text(report: Report, text: str) -> Report:
    """The report with `text` in every place that the SUT or the scenario has a say in."""
    summary = report.summary
    replace = msgspec.structs.replace
    run = replace(summary.run, name=text, sut=text, scenarios=[text], load=text, commit=text)
    thresholds = [
        replace(
            t, selector=text, condition=text, measured=text, limit=text, reason=text, result="no_data", **PLACE
        )
        for t in summary.thresholds
    ]
    steps = [replace(row, scenario=text, step=text, action=text, **PLACE) for row in summary.steps]
    errors = [
        replace(g, scenario=text, step=text, cause=text, example=text, instances=[text, *g.instances], **PLACE)
        for g in summary.errors
    ]
    sound = replace(summary.soundness, findings=[text])
    baseline = summary.baseline and replace(
        summary.baseline,
        run_id=text,
        commit=text,
        notes=[text],
        changes=[
            replace(each, step=text, scenario=text) if each.step else each for each in summary.baseline.changes
        ],
    )
    summary = replace(
        summary,
        run=run,
        reasons=[text],
        thresholds=thresholds,
        steps=steps,
        errors=errors,
        soundness=sound,
        baseline=baseline,
    )
    manifest = replace(report.manifest, argv=["windtunnel", text], host={"platform": text}, tags={text: text})
    stories = tuple(
        dataclasses.replace(
            story,
            instance_id=text if story is report.stories[0] else story.instance_id,
            scenario=text,
            failed_step=text,
            error=text,
            message=text,
            steps=tuple(_step_with(step, text) for step in story.steps),
        )
        for story in report.stories[:4]
    )
    return dataclasses.replace(report, summary=summary, manifest=manifest, stories=stories)


def with_faults(summary: Summary, text: str) -> Summary:
    """The summary with `text` in every place of its turbulence that a plan or the SUT has a say in."""
    replace, judged = msgspec.structs.replace, summary.turbulence
    assert judged is not None
    bands = [[replace(band, level=text) for band in fault.bands] for fault in judged.faults]
    told = replace(
        judged,
        headline=text,
        reasons=[text, f"more: {text}"],
        faults=[
            replace(fault, name=text, kind=text, what=text, file=text, bands=with_levels)
            for fault, with_levels in zip(judged.faults, bands, strict=True)
        ],
        proxies=[replace(proxy, name=text) for proxy in judged.proxies],
        bounds=[
            replace(bound, name=text, condition=text, measured=text, reason=f"why: {text}", file=text, line=4)
            for bound in judged.bounds
        ],
        levels=[replace(level, fault=text, level=text, measured=text) for level in judged.levels],
        buckets=[replace(bucket, faults=[text]) for bucket in judged.buckets],
    )
    return replace(summary, turbulence=told, reasons=[text for _ in summary.reasons])


def _step_with(step: Any, text: str) -> Any:
    body = Body(text=text, size=len(text), whole=False)
    requests = tuple(
        dataclasses.replace(
            request,
            url=text,
            method=text,
            error=text,
            error_detail=text,
            request_headers=((text, text),),
            response_headers=((text, text),),
            request_body=body,
            response_body=body,
        )
        for request in step.requests
    )
    checks = (CheckStory(name=text, ok=False, expected=text, actual=text), CheckStory(name=text, ok=True))
    return dataclasses.replace(step, name=text, message=text, checks=checks, requests=requests, extracted=(text,))


def bare(summary: Summary) -> Report:
    """A report of nothing but its summary."""
    return Report(summary=summary, manifest=sample_run.manifest(), directory="runs/x")
