"""How faults were borne, in Markdown. Names of faults and proxies are in code spans, as all text of users."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from windtunnel import figures
from windtunnel.model.resilience import Bound, FaultFigures, Resilience
from windtunnel.model.vocabulary import ResilienceWord
from windtunnel.report import resilience
from windtunnel.report import resilience_tables as tables
from windtunnel.report.resilience_tables import Row
from windtunnel.report.text import LONGEST_REASON, code, fenced, prose, table
from windtunnel.report.timeline import lines

SIGNS: dict[ResilienceWord, str] = {
    "resilient": "✅",
    "degraded": "⚠️",
    "failed": "❌",
    "metastable": "❌",
    "not_judged": "❔",
}
_RESULT_SIGNS = {"held": "✅", "broken": "❌", "no_data": "⚪"}
_WIDTH = 90
"""Columns of the drawing: more would be wrapped or hidden in a comment."""

_MOST_REASONS = 5

LineUrl = Callable[[str | None, int | None], str]
"""The URL of a line of a file; empty where none is known."""


def under_faults(judged: Resilience, more: Sequence[str], *, most: int, line_url: LineUrl) -> Iterator[str]:
    """The section. `more` are further reasons; `most` is how many faults, bounds and proxies have a row each."""
    yield f"### {SIGNS[judged.word]} Under faults: {resilience.word(judged)}"
    yield prose(resilience.sentence(judged.headline), limit=LONGEST_REASON)
    told = [f"- {prose(reason, limit=LONGEST_REASON)}" for reason in more[:_MOST_REASONS]]
    if len(more) > _MOST_REASONS:
        told.append(f"- and {len(more) - _MOST_REASONS} more")
    told.append(f"- recovery: {prose(resilience.recovery(judged))}")
    told.append(f"- injected: {_injected(judged.faults, most)}")
    told += [f"- look at {prose(each, limit=500)}" for each in resilience.look_at(judged)]
    told.append(f"- {resilience.pieces(judged)}")
    yield "\n".join(told)
    if drawn := lines(judged, width=_WIDTH, most_faults=min(8, most)):
        yield fenced("\n".join(drawn))
    if judged.phases:
        head = ("", *(f"{tables.WHEN[each.name].capitalize()} ({each.name})" for each in judged.phases))
        named = [(resilience.titled(row.name), *row.cells) for row in tables.evidence(judged)]
        yield _figures(head, named)
    yield from _bounds(judged.bounds, most, line_url)
    if judged.levels:
        yield "\n".join(f"- {prose(each, limit=500)}" for each in tables.levels_told(judged.levels)[:most])
    if judged.groups:
        yield _figures(("Group", *tables.GROUP_HEAD), _named(tables.group_rows(judged)))
    if judged.proxies and most:
        yield _figures(("Proxy", *tables.PROXY_HEAD), _named(tables.proxy_rows(judged)[:most]))


def _injected(faults: Sequence[FaultFigures], most: int) -> str:
    told = [f"{code(fault.name, limit=80)} {resilience.times(fault)}" for fault in faults[: max(most, 3)]]
    if len(faults) > len(told):
        told.append(f"and {figures.plural(len(faults) - len(told), 'more fault')}")
    return ", ".join(told) or "no fault"


def _bounds(bounds: Sequence[Bound], most: int, line_url: LineUrl) -> Iterator[str]:
    """What did not hold comes first, because it is never left out for what held."""
    ranked = [*resilience.not_held(bounds), *(bound for bound in bounds if bound.result == "held")]
    shown = ranked[: max(most, 5)]
    rows = [
        (
            f"{_RESULT_SIGNS[bound.result]} {resilience.spaced(bound.result)}",
            code(bound.name, limit=80),
            prose(resilience.condition(bound)),
            prose(bound.measured),
            _place(bound, line_url),
        )
        for bound in shown
    ]
    if rows:
        yield table(("Result", "Bound", "Condition", "Measured", "Place"), ":--|:--|:--|--:|:--", rows)
    if len(bounds) > len(shown):
        yield f"_and {figures.plural(len(bounds) - len(shown), 'more bound')}, in the report_"


def _place(bound: Bound, line_url: LineUrl) -> str:
    named = code(resilience.place(bound).strip())
    url = line_url(bound.file, bound.line)
    return f"[{named}]({url})" if named and url else named


def _named(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """Rows that the plan gave their names."""
    return [(code(row.name, limit=80), *row.cells) for row in rows]


def _figures(head: Sequence[str], rows: Sequence[tuple[str, ...]]) -> str:
    return table(tuple(map(resilience.titled, head)), "|".join([":--", *["--:"] * (len(head) - 1)]), rows)
