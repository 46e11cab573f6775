"""`run --list` and `run --dry-run`: what would run, with nothing sent and nothing written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from windtunnel.engine.load.forecast import PartForecast, RowsForecast, forecast
from windtunnel.engine.plan import Plan, compile_plan
from windtunnel.figures import plural
from windtunnel.http.transport import HttpTransport
from windtunnel.job.request import JobRequest, load_test_plan
from windtunnel.job.thresholds import check_thresholds
from windtunnel.model.load import OpenLoad
from windtunnel.model.plan import TestPlan
from windtunnel.redaction import Redactor
from windtunnel.report.text import printable
from windtunnel.terminal import Terminal

_LABEL = 12


def preview(request: JobRequest, *, environment: Mapping[str, str], terminal: Terminal, listing: bool) -> None:
    """Show the scenarios (`listing`) or what the run would come to. Raises ConfigError as the run would."""
    test_plan = load_test_plan(request, environment)
    plan = compile_plan(test_plan, transport=HttpTransport(test_plan.sut, "preview"), run_id="preview")
    test_plan, _ = check_thresholds(test_plan, plan)
    redactor = Redactor(secrets=test_plan.secrets, names=test_plan.sut.redact)
    for line in _listed(test_plan, plan) if listing else _foretold(test_plan, plan):
        terminal.result(redactor.text(line))


def _listed(test_plan: TestPlan, plan: Plan) -> Iterator[str]:
    for number, scenario in enumerate(test_plan.scenarios):
        if number:
            yield ""
        tags = " ".join(f"{key}={value}" for key, value in scenario.tags.items())
        share = f"load of its own: {scenario.load}" if scenario.load else f"weight {scenario.weight}"
        yield "  ".join(filter(None, [scenario.id, share, printable(tags), scenario.source.file]))
        if scenario.description:
            yield f"  {printable(scenario.description)}"
        for row in plan.rows:
            if row.scenario == scenario.id:
                what = " ".join(
                    filter(None, ["assertion" if row.assertion else row.action, row.method, row.service])
                )
                yield f"  {'  ' * (row.depth + 1)}{row.step}  ({what})"


def _foretold(test_plan: TestPlan, plan: Plan) -> Iterator[str]:
    scenarios = len(test_plan.scenarios)
    yield "dry run: nothing was sent"
    yield f"{test_plan.sut.name} · {plural(scenarios, 'scenario')} · seed {test_plan.seed}"
    parts = forecast(test_plan, plan)
    for part in parts:
        yield ""
        yield from _of_part(part)
    shard = f", of which this shard does {test_plan.shard}" if test_plan.shard.of > 1 else ""
    sizes = [part.bytes for part in parts]
    known = sum(size for size in sizes if size is not None)
    yield ""
    if None in sizes:
        yield _line("on disk", "grows with what the system answers: some 500 bytes a request")
    else:
        yield _line("on disk", f"about {_size(known)} of records, and the bodies of what fails{shard}")


def _of_part(part: PartForecast) -> Iterator[str]:
    yield _line("load", str(part.load))
    if part.instances is None:
        yield _line("instances", "as many as the users get done in that time")
    else:
        shares = ", ".join(f"{id} {count:,}" for id, count in part.scenarios.items())
        yield _line("instances", f"{part.instances:,}: {shares}")
    yield _line("at once", _at_once(part))
    for rows in part.rows:
        yield _line("data", _of_rows(rows))


def _at_once(part: PartForecast) -> str:
    """Little's law, forwards for starts by the clock, backwards for users."""
    load, pauses_s = part.load, part.pauses_s
    most = load.most_at_once
    if isinstance(load, OpenLoad):
        known = f"; pauses alone make it {load.peak * pauses_s:,.0f}" if pauses_s else ""
        return (
            f"{load.peak:g}/s times the seconds an instance takes{known}; at most {most:,}, "
            f"reached when it takes {most / load.peak:.3g} s"
        )
    limit = f"; pauses of {pauses_s:.3g} s allow {most / pauses_s:,.3g} starts/s at most" if pauses_s else ""
    return f"{plural(most, 'user')}{limit}"


def _of_rows(rows: RowsForecast) -> str:
    file = f"{rows.name}: {rows.file} has {plural(rows.rows, 'row')}"
    if rows.ends:
        return f"{file}, which end the load there"
    if rows.needed is None:
        return file
    if rows.needed <= rows.rows:
        return f"{file}, {rows.needed:,} needed"
    short = {"recycle": "they come round again", "fail": "the instances without one are errors"}
    return f"{file}, {rows.needed:,} needed: {short.get(rows.on_end, 'too few')}"


def _line(label: str, text: str) -> str:
    return f"{label:<{_LABEL}}{text}"


def _size(size: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.3g} {unit}"
        size /= 1024
    return f"{size:,.3g} TiB"
