"""The section `turbulence` of a plan to its model. It is imported only for a plan that has one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from windtunnel.config.faults import FaultReader
from windtunnel.config.proxies import ProxyReader
from windtunnel.config.reader import Document
from windtunnel.errors import ExpressionError, Problem, did_you_mean
from windtunnel.expressions.jsonpath import compile_jsonpath
from windtunnel.expressions.measure_limit import parse_measure_limit
from windtunnel.expressions.quantities import parse_duration, parse_percentage
from windtunnel.expressions.threshold import parse_threshold
from windtunnel.figures import as_written
from windtunnel.model.resilience import MEASURES
from windtunnel.model.source import DataPath
from windtunnel.model.threshold import Threshold
from windtunnel.model.turbulence import (
    DuplicateLimit,
    Guards,
    JudgeSettings,
    LossLimit,
    MeasureLimit,
    Phases,
    ProxySpec,
    RetryLimit,
    Turbulence,
)

SECTION = "turbulence"
_FAULTS: DataPath = (SECTION, "faults")
_JUDGE: DataPath = (SECTION, "judge")


def read_turbulence(document: Document, schema: Mapping[str, Any]) -> tuple[Turbulence, list[Problem]]:
    """The section of a plan that its schema accepts, and what is wrong with it within its own file.

    `schema` is that of the plan, with the faults of installed packages.
    """
    reader = _Reader(document, schema)
    turbulence = reader.read()
    return turbulence, reader.problems


class _Reader:
    """Reads the section of one file; gathers its problems."""

    def __init__(self, document: Document, schema: Mapping[str, Any]) -> None:
        self.problems: list[Problem] = []
        self._document, self._definitions = document, schema["$defs"]
        self._data: Mapping[str, Any] = document.data[SECTION]
        self._proxies: dict[str, ProxySpec] = {}

    def read(self) -> Turbulence:
        """The section as far as it can be read."""
        data = self._data
        phases = Phases(**{f"{name}_s": parse_duration(length) for name, length in data["phases"].items()})
        proxies = ProxyReader(self._document)
        self._proxies = {
            proxy.name: proxy for proxy in proxies.read(data.get("proxies", {}), (SECTION, "proxies"))
        }
        self.problems += proxies.problems
        written = data.get("faults", ())
        protocols = {proxy.name: proxy.protocol for proxy in self._proxies.values()}
        faults = FaultReader(document=self._document, protocols=protocols)
        self.problems += [*faults.same_names(written, _FAULTS), *faults.levels_of_macros(written, _FAULTS)]
        for index, fault in enumerate(written):
            self.problems += self._problems_of_proxy((*_FAULTS, index), fault)
        return Turbulence(
            phases=phases,
            seed=int(data["seed"]) if "seed" in data else None,
            steady_state=self._conditions((SECTION, "steady_state"), data.get("steady_state", {})),
            proxies=tuple(self._proxies.values()),
            faults=faults.read(written, _FAULTS),
            guards=self._guards(data.get("guards", {})),
            judge=self._judge(data.get("judge", {}), phases),
            control=parse_percentage(data.get("control", 0)),
        )

    def _problems_of_proxy(self, path: DataPath, fault: Mapping[str, Any]) -> Iterator[Problem]:
        """What is wrong between a fault in a proxy and the proxy."""
        on = fault.get("on", {})
        if "proxy" not in on or "engine" in fault:
            return
        proxy = self._known_proxy(on["proxy"], (*path, "on", "proxy"))
        if proxy is None or proxy.protocol == "http":
            return
        hint = "use a fault on connections, such as latency or reset, or write protocol: http"
        if self._definitions.get(f"proxy_{fault['type']}", {}).get("x-protocol") == "http":
            message = f'{fault["type"]} is a fault on HTTP requests, and the proxy "{proxy.name}" is a tcp proxy'
            yield self._document.problem(message, (*path, "type"), hint=hint)
        elif "match" in on:
            message = f'`match` is about HTTP requests, and the proxy "{proxy.name}" is a tcp proxy'
            yield self._document.problem(message, (*path, "on", "match"), key=True, hint="remove `match`")

    def _known_proxy(self, name: str, path: DataPath) -> ProxySpec | None:
        if name not in self._data.get("proxies", {}):
            known = list(self._data.get("proxies", {}))
            all_of_them = "the only proxy is" if len(known) == 1 else "the proxies are"
            hint = did_you_mean(name, known) or (
                f"{all_of_them} {', '.join(known)}" if known else "add it under `proxies`"
            )
            self._problem(f'there is no proxy "{name}"', path, hint=hint)
        return self._proxies.get(name)

    def _guards(self, data: Mapping[str, Any]) -> Guards:
        stop_when = dict(data.get("stop_when", {}))
        for_s = parse_duration(stop_when.pop("for", 0))
        if not stop_when and "stop_when" in data:
            hint = 'add one, such as `instances: ["rate < 50%"]`'
            self._problem("`stop_when` has no condition", (SECTION, "guards", "stop_when"), key=True, hint=hint)
        return Guards(
            stop_when=self._conditions((SECTION, "guards", "stop_when"), stop_when),
            for_s=for_s,
            max_active=int(data["max_active"]) if "max_active" in data else None,
        )

    def _judge(self, data: Mapping[str, Any], phases: Phases) -> JudgeSettings:
        default, recover = JudgeSettings(), data.get("recover", {})
        for key in ("within", "hold"):
            if key in recover and parse_duration(recover[key]) > phases.recover_s:
                given, length = as_written(parse_duration(recover[key])), as_written(phases.recover_s)
                message = f"{given} is longer than the phase `recover`, which is {length}"
                self._problem(message, (*_JUDGE, "recover", key), hint="shorten it, or make the phase longer")
        return JudgeSettings(
            during=self._conditions((*_JUDGE, "during"), data.get("during", {})),
            within_s=parse_duration(recover["within"]) if "within" in recover else None,
            hold_s=parse_duration(recover["hold"]) if "hold" in recover else min(default.hold_s, phases.recover_s),
            retry_amplification=tuple(self._retry_limits(data.get("retry_amplification", []))),
            duplicates=self._duplicates(data["duplicates"]) if "duplicates" in data else None,
            lost=_loss_limit(data["lost"]) if "lost" in data else None,
            unaffected=tuple(data.get("unaffected", ())),
            min_injected=int(data.get("min_injected", default.min_injected)),
            measures=tuple(self._measures(data.get("measures", {}))),
            places={key: self._document.source.locate((*_JUDGE, key), key=True) for key in data},
        )

    def _retry_limits(self, written: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> Iterator[RetryLimit]:
        here: DataPath = (*_JUDGE, "retry_amplification")
        several = (
            [((), written)] if isinstance(written, Mapping) else [((i,), each) for i, each in enumerate(written)]
        )
        for inside, each in several:
            place: DataPath = (*here, *inside, "proxy")
            proxy = self._known_proxy(each["proxy"], place)
            if proxy is not None and proxy.protocol != "http":
                message = f'the tcp proxy "{proxy.name}" sees no requests, whose attempts could be counted'
                self._problem(message, place, hint="write protocol: http")
            yield RetryLimit(proxy=each["proxy"], at_most=float(each["at_most"]))

    def _duplicates(self, written: Mapping[str, Any]) -> DuplicateLimit:
        if "same" in written:
            try:
                compile_jsonpath(written["same"])
            except ExpressionError as error:
                self._problem(str(error), (*_JUDGE, "duplicates", "same"), hint=error.hint)
        return DuplicateLimit(**{**written, "at_most": int(written.get("at_most", 0))})

    def _measures(self, written: Mapping[str, str]) -> Iterator[MeasureLimit]:
        for name, text in written.items():
            path: DataPath = (*_JUDGE, "measures", name)
            try:
                parse_measure_limit(name, text)
            except ExpressionError as error:
                self._problem(str(error), path, key=name not in MEASURES, hint=error.hint)
            yield MeasureLimit(measure=name, text=text, where=self._document.source.locate(path))

    def _conditions(self, path: DataPath, data: Mapping[str, Sequence[str]]) -> tuple[Threshold, ...]:
        """Conditions on metrics, in phases that the section itself decides."""
        found: list[Threshold] = []
        for selector, texts in data.items():
            for index, text in enumerate(texts):
                place: DataPath = (*path, selector, index)
                try:
                    threshold = parse_threshold(selector, text, where=self._document.source.locate(place))
                except ExpressionError as error:
                    self._problem(str(error), place, hint=error.hint)
                    continue
                if "phase" in threshold.tags:
                    message = f"`{path[-1]}` says itself which phases it is about"
                    self._problem(message, (*path, selector), key=True, hint="remove the tag `phase`")
                elif threshold.baseline_times is not None:
                    hint = "write a number, and compare with a baseline under `thresholds`"
                    self._problem("a condition here can't name the baseline", place, hint=hint)
                found.append(threshold)
        return tuple(found)

    def _problem(self, message: str, path: DataPath, *, key: bool = False, hint: str | None = None) -> None:
        problem = self._document.problem(message, path, key=key, hint=hint)
        if problem not in self.problems:
            self.problems.append(problem)


def _loss_limit(written: Mapping[str, Any]) -> LossLimit:
    return LossLimit(**{**written, "at_most": int(written.get("at_most", 0))})
