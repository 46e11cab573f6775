"""`windtunnel turbulence plan`: the phases and faults of a plan on a line of time; sends nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from windtunnel.errors import ConfigError
from windtunnel.figures import as_written, plural, share
from windtunnel.job.compile import CompiledJob, compile_job, warnings_of_faults
from windtunnel.job.fault_forecast import FaultForecast, TurbulenceForecast, forecast_faults
from windtunnel.job.observer import Observer
from windtunnel.job.request import JobRequest, load_test_plan
from windtunnel.job.turbulence import seed_of
from windtunnel.model.turbulence import Phases
from windtunnel.report.text import printable
from windtunnel.turbulence.schedule import Timeline
from windtunnel.turbulence.words import describe

WIDTH = 60
_OFF, _LEVELS = "·", "▁▂▃▄▅▆▇█"
_MOST_BANDS = 8
_MOST_INDEXES = 10
_MOST_LABEL = 24


def show_timeline(request: JobRequest, *, environment: Mapping[str, str], observer: Observer) -> None:
    """Show when the faults of a plan are on, and what they will be done to. Raises ConfigError as a run would."""
    compiled = compile_job(load_test_plan(request, environment))
    test_plan, hide = compiled.test_plan, compiled.parts.redactor.text
    if test_plan.turbulence is None:
        raise ConfigError.of(
            f'"{request.plan}" has no `turbulence`', hint="write its phases and faults under `turbulence`"
        )
    for line in timeline_lines(compiled):
        observer.result(hide(line))
    if test_plan.turbulence.seed is None:
        observer.note(f"a run with --seed {test_plan.seed} takes these decisions")
    for warning in warnings_of_faults(compiled):
        observer.warning(hide(warning))


def timeline_lines(compiled: CompiledJob) -> Iterator[str]:
    """The phases and faults of a plan that has `turbulence`, line by line."""
    test_plan, turbulence = compiled.test_plan, compiled.test_plan.turbulence
    assert turbulence is not None, "the caller asks about a plan that has it"
    phases, forecast = turbulence.phases, forecast_faults(test_plan, compiled.plan)
    yield "timeline of the faults: nothing was sent"
    yield f"{printable(test_plan.sut.name)} · seed {seed_of(test_plan)} · {test_plan.describe_load}"
    yield ""
    labels = ["phases", *(printable(each.fault.name) for each in forecast.faults)]
    width = min(_MOST_LABEL, max(map(len, labels)))
    bars = [_phase_bar(phases), *(_fault_bar(each.timeline, phases) for each in forecast.faults)]
    for label, bar in zip(labels, bars, strict=True):
        yield f"{_cut(label, width):<{width}}  {bar}"
    yield f"{'':<{width}}  {_scale(phases)}"
    for each in forecast.faults:
        yield ""
        yield f"{printable(each.fault.name)}: {printable(describe(each.fault))}"
        yield from (f"  {line}" for line in _of_fault(each))
    if turbulence.control:
        yield ""
        yield _control(turbulence.control, forecast)


def _phase_bar(phases: Phases) -> str:
    """`|steady······|inject······`: each phase as long as it is; a name that doesn't fit is cut."""
    bar, before = "", 0.0
    for name, length_s in phases.lengths.items():
        begin, end = (round(WIDTH * at / phases.length_s) for at in (before, before + length_s))
        bar += f"|{name}"[: end - begin].ljust(end - begin, " ")
        before += length_s
    return f"{bar}|"


def _fault_bar(timeline: Timeline, phases: Phases) -> str:
    """A character for each piece of time, as high as the share of the probability in it; a dot while it is off."""
    piece_s = phases.length_s / WIDTH
    return "".join(_character(timeline, place * piece_s, (place + 1) * piece_s) for place in range(WIDTH))


def _character(timeline: Timeline, begin_s: float, end_s: float) -> str:
    found = 0.0
    for window in timeline.windows:
        first, last = max(begin_s, window.begin_s), min(end_s, window.end_s)
        if first < last:
            found = max(found, timeline.share((first + last) / 2))
    return _LEVELS[min(len(_LEVELS) - 1, int(found * len(_LEVELS)))] if found else _OFF


def _scale(phases: Phases) -> str:
    """The times at which phases begin and the last one ends, below their bars; without those that don't fit."""
    line, before = "", 0.0
    for at in (0.0, *(before := before + length_s for length_s in phases.lengths.values())):
        column = round(WIDTH * at / phases.length_s)
        if column >= len(line) + bool(line):
            line = f"{line:<{column}}{as_written(at)}"
    return line


def _of_fault(forecast: FaultForecast) -> Iterator[str]:
    pattern, bands = forecast.fault.schedule.pattern, forecast.timeline.bands()
    times = [
        f"from {_at(begin_s)} to {_at(end_s)}{f': {level}' if level else ''}" for begin_s, end_s, level in bands
    ]
    if len(times) == 1:
        yield f"on {times[0]} ({pattern})"
    else:
        yield f"on {len(times):,} times ({pattern})"
        yield from (f"  {time}" for time in times[:_MOST_BANDS])
        if len(times) > _MOST_BANDS:
            yield f"  and {plural(len(times) - _MOST_BANDS, 'more time')}"
    yield from _share(forecast)


def _share(forecast: FaultForecast) -> Iterator[str]:
    fault, expected = forecast.fault, share(forecast.expected)
    if forecast.hits is not None and forecast.requests is not None:
        of = f"of {plural(forecast.requests, 'request')}"
        part = f" ({share(forecast.hits / forecast.requests)})" if forecast.requests else ""
        yield f"done to {forecast.hits:,} {of}{part}, each counted once, when its instance is due"
        if forecast.indexes:
            shown = ", ".join(map(str, forecast.indexes[:_MOST_INDEXES]))
            more = ", …" if len(forecast.indexes) > _MOST_INDEXES else ""
            yield f"in {plural(len(forecast.indexes), 'instance')}: number {shown}{more}"
    elif fault.engine and fault.on.proxy:
        yield f"expected: {expected} of the connections through {fault.on.proxy} of {fault.engine}, while it is on"
    elif fault.engine:
        yield "its commands decide what it is done to"
    elif fault.on.proxy:
        yield f"expected: {expected} of what reaches the proxy while it is on; its arrival decides which"
    else:
        yield f"expected: {expected} of such requests while it is on; users decide when they are sent"


def _control(part: float, forecast: TurbulenceForecast) -> str:
    said = f"control group: {share(part)} of instances, which no fault on our own requests is done to"
    if forecast.instances is None:
        return said
    return f"{said}: {forecast.control:,} of {forecast.instances:,} in `inject`"


def _at(seconds: float) -> str:
    """A moment, in time since the load began."""
    return as_written(round(seconds, 3))


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"
