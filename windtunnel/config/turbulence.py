"""The section `turbulence` of a plan to its model. It is imported only for a plan that has one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from windtunnel.config.faults import named, read_fault, schedule_problems
from windtunnel.config.proxies import ProxyReader
from windtunnel.config.reader import Document
from windtunnel.errors import ExpressionError, Problem
from windtunnel.expressions.quantities import parse_duration, parse_percentage
from windtunnel.expressions.threshold import parse_threshold
from windtunnel.model.source import DataPath
from windtunnel.model.threshold import Threshold
from windtunnel.model.turbulence import (
    DuplicateLimit,
    FaultSpec,
    Guards,
    JudgeSettings,
    LossLimit,
    MeasureLimit,
    Phases,
    RetryLimit,
    Turbulence,
)

_HERE = "turbulence"


def read_turbulence(document: Document) -> tuple[Turbulence, list[Problem]]:
    """The section of a plan that its schema accepts, and what is wrong with it within its own file."""
    return _Reader(document).read()


class _Reader:
    """Reads the section of one file; gathers its problems."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._data: Mapping[str, Any] = document.data[_HERE]
        self._proxies = ProxyReader(document)
        self._problems: list[Problem] = []

    def read(self) -> tuple[Turbulence, list[Problem]]:
        data, phases = self._data, self._phases()
        proxies = self._proxies.read(data.get("proxies", {}), (_HERE, "proxies"))
        turbulence = Turbulence(
            phases=phases,
            seed=int(data["seed"]) if "seed" in data else None,
            steady_state=self._conditions((_HERE, "steady_state"), data.get("steady_state", {})),
            proxies=proxies,
            faults=self._faults(phases),
            guards=self._guards(data.get("guards", {})),
            judge=self._judge(data.get("judge", {}), phases),
            control=parse_percentage(data.get("control", 0)),
        )
        return turbulence, [*self._problems, *self._proxies.problems]

    def _phases(self) -> Phases:
        return Phases(**{f"{name}_s": parse_duration(length) for name, length in self._data["phases"].items()})

    def _faults(self, phases: Phases) -> tuple[FaultSpec, ...]:
        faults: list[FaultSpec] = []
        for index, written in enumerate(self._data.get("faults", ())):
            path: DataPath = (_HERE, "faults", index)
            faults.append(read_fault(self._document, path, written))
            self._problems += schedule_problems(self._document, path, written, phases.inject_s)
        return named(faults)

    def _guards(self, data: Mapping[str, Any]) -> Guards:
        stop_when = dict(data.get("stop_when", {}))
        for_s = parse_duration(stop_when.pop("for", 0))
        return Guards(
            stop_when=self._conditions((_HERE, "guards", "stop_when"), stop_when),
            for_s=for_s,
            max_active=int(data["max_active"]) if "max_active" in data else None,
        )

    def _judge(self, data: Mapping[str, Any], phases: Phases) -> JudgeSettings:
        here: DataPath = (_HERE, "judge")
        recover = data.get("recover", {})
        default = JudgeSettings()
        amplification = data.get("retry_amplification", ())
        return JudgeSettings(
            during=self._conditions((*here, "during"), data.get("during", {})),
            within_s=parse_duration(recover["within"]) if "within" in recover else None,
            hold_s=parse_duration(recover["hold"]) if "hold" in recover else min(default.hold_s, phases.recover_s),
            retry_amplification=tuple(
                RetryLimit(proxy=each["proxy"], at_most=float(each["at_most"]))
                for each in ([amplification] if isinstance(amplification, Mapping) else amplification)
            ),
            duplicates=DuplicateLimit(**data["duplicates"]) if "duplicates" in data else None,
            lost=LossLimit(**data["lost"]) if "lost" in data else None,
            unaffected=tuple(data.get("unaffected", ())),
            min_injected=int(data.get("min_injected", default.min_injected)),
            measures=tuple(
                MeasureLimit(
                    measure=name, text=text, where=self._document.source.locate((*here, "measures", name))
                )
                for name, text in data.get("measures", {}).items()
            ),
        )

    def _conditions(self, path: DataPath, data: Mapping[str, Sequence[str]]) -> tuple[Threshold, ...]:
        found: list[Threshold] = []
        for selector, texts in data.items():
            for index, text in enumerate(texts):
                where = self._document.source.locate((*path, selector, index))
                try:
                    found.append(parse_threshold(selector, text, where=where))
                except ExpressionError as error:
                    self._problem(str(error), (*path, selector, index), hint=error.hint)
        return tuple(found)

    def _problem(self, message: str, path: DataPath, *, key: bool = False, hint: str | None = None) -> None:
        self._problems.append(self._document.problem(message, path, key=key, hint=hint))
