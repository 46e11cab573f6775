"""Faults of a plan or a scenario to their model, each with a name of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from windtunnel.config.macros import Part, parts_of
from windtunnel.config.reader import Document
from windtunnel.errors import Problem
from windtunnel.expressions.quantities import is_percentage, parse_duration, parse_percentage
from windtunnel.model.source import DataPath
from windtunnel.model.turbulence import Amount, FaultSpec, FaultTarget, Schedule
from windtunnel.model.vocabulary import FaultPattern, ProxyProtocol

COMMON_KEYS = frozenset({"name", "type", "on", "probability", "schedule", "engine"})
_OF_EVERY_PATTERN = frozenset({"at", "for", "pattern"})
_IMPLIED: tuple[FaultPattern, ...] = ("first_n", "every_nth", "sweep")
"""The patterns that a key of the same name means by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultReader:
    """Reads the faults of one file, which its schema accepts. `protocols` are those of the proxies by name.

    With `scenario` they are the ones of a scenario, on its own requests.
    """

    document: Document
    protocols: Mapping[str, ProxyProtocol] = field(default_factory=dict)
    scenario: str = ""

    def read(self, written: Sequence[Mapping[str, Any]], path: DataPath) -> tuple[FaultSpec, ...]:
        """The faults at `path`, in their order; a macro is several."""
        names = self._names(written)
        return tuple(
            fault
            for index, (each, name) in enumerate(zip(written, names, strict=True))
            for fault in self._faults(each, name, (*path, index))
        )

    def same_names(self, written: Sequence[Mapping[str, Any]], path: DataPath) -> Iterator[Problem]:
        """A problem for each fault with a name that an earlier one has."""
        first: dict[str, int] = {}
        for index, each in enumerate(written):
            name = each.get("name", "")
            if first.setdefault(name, index) != index and name:
                here: DataPath = (*path, index, "name")
                line = self.document.source.locate((*path, first[name], "name")).line
                message = f'there is a fault "{name}" on line {line} already'
                yield self.document.problem(message, here, hint="give each fault a name of its own")

    def levels_of_macros(self, written: Sequence[Mapping[str, Any]], path: DataPath) -> Iterator[Problem]:
        """A problem for each macro whose levels would be those of several faults."""
        for index, each in enumerate(written):
            schedule, parts = each.get("schedule", {}), self._parts(each)
            if len(parts) > 1 and ("sweep" in schedule or "step" in schedule.get("repeat", {})):
                kinds = " and ".join(part.type for part in parts)
                message = f"{each['type']} is several faults ({kinds}), which have no levels in common"
                hint = "write the fault that is to have levels by itself"
                yield self.document.problem(message, (*path, index, "schedule"), key=True, hint=hint)

    def _names(self, written: Sequence[Mapping[str, Any]]) -> list[str]:
        """A name for each: its type and a number where it has none."""
        taken = {each["name"] for each in written if "name" in each}
        names = []
        for each in written:
            name = base = each.get("name") or " ".join(filter(None, [self.scenario, each["type"]]))
            number = 1
            while "name" not in each and name in taken:
                number += 1
                name = f"{base} {number}"
            taken.add(name)
            names.append(name)
        return names

    def _faults(self, written: Mapping[str, Any], name: str, path: DataPath) -> Iterator[FaultSpec]:
        on = {**written.get("on", {}), **({"scenario": self.scenario} if self.scenario else {})}
        match = on.pop("match", {})
        for part in self._parts(written):
            yield FaultSpec(
                name=f"{name}: {part.label}" if part.label else name,
                type=part.type,
                on=FaultTarget(**on, method=match.get("method", "").upper(), path=match.get("path", "")),
                probability=part.share * parse_percentage(written.get("probability", 1.0)),
                schedule=read_schedule(written.get("schedule", {})),
                settings=part.settings,
                engine=_engine_of(written),
                where=self.document.source.locate(path),
                path=path,
                macro=name if part.label else "",
            )

    def _parts(self, written: Mapping[str, Any]) -> tuple[Part, ...]:
        """The faults that a fault of the file is: itself, or those of a macro."""
        settings = {key: value for key, value in written.items() if key not in COMMON_KEYS}
        itself = (Part(type=written["type"], settings=settings),)
        proxy = written.get("on", {}).get("proxy")
        protocol = None if proxy is None else self.protocols.get(proxy, "http")
        return itself if _engine_of(written) else parts_of(written["type"], settings, protocol) or itself


def _engine_of(written: Mapping[str, Any]) -> str:
    engine: str = written.get("engine", "hook" if written["type"] == "hook" else "")
    return engine


def read_schedule(written: Mapping[str, Any]) -> Schedule:
    """The schedule of a fault as written."""
    settings = {key: value for key, value in written.items() if key not in _OF_EVERY_PATTERN}
    implied: FaultPattern = next((key for key in _IMPLIED if key in settings), "window")
    return Schedule(
        at=_amount(written.get("at", 0)),
        length=_amount(written["for"]) if "for" in written else None,
        pattern=written.get("pattern", implied),
        settings=settings,
    )


def _amount(value: str | float) -> Amount:
    if is_percentage(value):
        return Amount(share=parse_percentage(value))
    return Amount(seconds=parse_duration(value))
