"""`run --list` and `run --dry-run`: show what would run, without sending or writing anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from windtunnel.engine.load.forecast import PartForecast, forecast
from windtunnel.engine.plan import Plan
from windtunnel.figures import number, offset, per_second, plural, size
from windtunnel.job.compile import compile_job
from windtunnel.job.observer import Observer
from windtunnel.job.request import JobRequest, load_test_plan
from windtunnel.model.load import OpenLoad
from windtunnel.model.plan import TestPlan
from windtunnel.report.text import printable

_LABEL = 12


def preview(request: JobRequest, *, environment: Mapping[str, str], observer: Observer, listing: bool) -> None:
    """Show the scenarios (`listing`) or the forecast of the run. Raises ConfigError as the run would."""
    compiled = compile_job(load_test_plan(request, environment))
    test_plan = compiled.test_plan
    lines = _listed(test_plan, compiled.plan) if listing else _forecast(test_plan, compiled.plan)
    for line in lines:
        observer.result(compiled.parts.redactor.text(line))


def _listed(test_plan: TestPlan, plan: Plan) -> Iterator[str]:
    for position, scenario in enumerate(test_plan.scenarios):
        if position:
            yield ""
        tags = " ".join(f"{key}={value}" for key, value in scenario.tags.items())
        share = f"own load: {scenario.load}" if scenario.load else f"weight {scenario.weight}"
        yield "  ".join(filter(None, [printable(scenario.id), share, printable(tags), scenario.source.file]))
        if scenario.description:
            yield f"  {printable(scenario.description)}"
        for row in plan.rows:
            if row.scenario == scenario.id:
                what = " ".join(
                    filter(None, ["assertion" if row.assertion else row.action, row.method, row.service])
                )
                yield f"  {'  ' * (row.depth + 1)}{printable(row.step)}  ({what})"


def _forecast(test_plan: TestPlan, plan: Plan) -> Iterator[str]:
    scenarios = len(test_plan.scenarios)
    yield "dry run: nothing was sent"
    yield f"{test_plan.sut.name} · {plural(scenarios, 'scenario')} · seed {test_plan.seed}"
    parts = forecast(test_plan, plan)
    for part in parts:
        yield ""
        yield from _of_part(part)
    if test_plan.turbulence is not None and test_plan.turbulence.faults:
        names = ", ".join(printable(fault.name) for fault in test_plan.turbulence.faults)
        yield _line("faults", f"{names}; `windtunnel turbulence plan` shows when")
    shard = f"; this shard writes {test_plan.shard} of it" if test_plan.shard.of > 1 else ""
    sizes = [part.bytes for part in parts]
    known = sum(each for each in sizes if each is not None)
    yield ""
    if None in sizes:
        yield _line("on disk", "about 500 bytes per request")
    else:
        yield _line("on disk", f"about {size(known)} of records, plus the bodies of failed requests{shard}")


def _of_part(part: PartForecast) -> Iterator[str]:
    yield _line("load", str(part.load))
    if part.instances is None:
        yield _line("instances", "as many as the users complete in that time")
    else:
        shares = ", ".join(f"{id} {count:,}" for id, count in part.scenarios.items())
        yield _line("instances", f"{part.instances:,}: {shares}")
    yield _line("concurrent", _at_once(part))
    for rows in part.rows:
        yield _line("data", f"{rows.name}: {rows.file} has {rows}")


def _at_once(part: PartForecast) -> str:
    """By Little's law: concurrent instances of an open load, maximum starts of a closed one."""
    load, pauses_s = part.load, part.pauses_s
    most = load.most_at_once
    if isinstance(load, OpenLoad):
        pauses = f"; its pauses alone give {round(load.peak * pauses_s):,}" if pauses_s else ""
        return (
            f"{per_second(load.peak)} \N{MULTIPLICATION SIGN} duration of an instance{pauses}; "
            f"maximum {most:,}, reached at {offset(most / load.peak)}"
        )
    limit = f"; pauses of {offset(pauses_s)} allow {number(most / pauses_s)} starts/s at most" if pauses_s else ""
    return f"{plural(most, 'user')}{limit}"


def _line(label: str, text: str) -> str:
    return f"{label:<{_LABEL}}{text}"
