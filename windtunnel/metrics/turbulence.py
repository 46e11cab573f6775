"""What is counted of faults, of the requests that went through proxies, and of the effects that answers tell.

Memory depends on the faults, on the length of the run, and on the number of keys whose effects are watched; the
keys are hashes. Merged in any order, the result is the same.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import NamedTuple

from windtunnel.metrics.histogram import Histogram
from windtunnel.model.record import EffectRecord, FaultRecord, InstanceRecord, ProxiedRecord, RunStarted
from windtunnel.model.turbulence import Turbulence
from windtunnel.model.vocabulary import FaultEvent
from windtunnel.turbulence.decision import is_in_control

TENTHS = 10
"""Pieces of a second in which the requests through a proxy are counted."""


class FaultKey(NamedTuple):
    """One fault, at one level of a sweep; `level` is "" for any other fault."""

    name: str
    level: str


class FaultSeries:
    """A fault: how often it was done and could not be done, and when it was switched on and off."""

    __slots__ = ("applied", "delay_max_us", "kind", "missed", "switches")

    def __init__(self) -> None:
        self.kind = ""
        self.applied = self.missed = self.delay_max_us = 0
        self.switches: list[tuple[float, FaultEvent]] = []

    @property
    def left_behind(self) -> bool:
        """Whether it was switched on more often than off."""
        events = [event for _, event in self.switches]
        return events.count("on") > events.count("off")

    def add(self, record: FaultRecord, at_s: float) -> None:
        """Count what one record tells."""
        self.kind = max(self.kind, record.kind)
        if record.event == "applied":
            self.applied += 1
            self.delay_max_us = max(self.delay_max_us, record.delay_us)
        elif record.event == "missed":
            self.missed += 1
        elif record.event != "left":  # it was switched on and never off, which says the same
            self.switches.append((at_s, record.event))

    def merge(self, other: FaultSeries) -> None:
        """Add what `other` counted."""
        self.kind = max(self.kind, other.kind)
        self.applied += other.applied
        self.missed += other.missed
        self.delay_max_us = max(self.delay_max_us, other.delay_max_us)
        self.switches += other.switches

    def bands(self, end_s: float) -> list[tuple[float, float]]:
        """The times in which it was on; one that was never switched off was on until `end_s`."""
        found: list[tuple[float, float]] = []
        began, depth = 0.0, 0
        for at_s, event in sorted(self.switches, key=lambda each: (each[0], each[1] != "on")):
            if event == "on":
                began = began if depth else at_s
                depth += 1
            elif depth:
                depth -= 1
                if not depth:
                    found.append((began, at_s))
        return [*found, (began, max(began, end_s))] if depth else found


class Attempts(NamedTuple):
    """Requests through a proxy in one tenth of a second. Those with an id are `logical` ones and `retries`."""

    requests: int = 0
    logical: int = 0
    retries: int = 0

    def plus(self, other: Attempts) -> Attempts:
        """Both together."""
        return Attempts(self.requests + other.requests, self.logical + other.logical, self.retries + other.retries)


class ProxySeries:
    """Requests through one proxy. `tenths` counts them by when they came, in tenths of a second."""

    __slots__ = ("gaps", "in_flight_max", "tenths")

    def __init__(self) -> None:
        self.in_flight_max = 0
        self.gaps = Histogram()  # from one attempt to the next
        self.tenths: defaultdict[int, Attempts] = defaultdict(Attempts)

    def add(self, record: ProxiedRecord, at_s: float) -> None:
        """Count one request."""
        self.in_flight_max = max(self.in_flight_max, record.in_flight)
        if record.attempt > 1:
            self.gaps.add(record.since_us)
        came = math.floor((at_s - record.duration_us / 1e6) * TENTHS)
        this = Attempts(1, record.attempt == 1, record.attempt > 1)
        self.tenths[came] = self.tenths[came].plus(this)

    def merge(self, other: ProxySeries) -> None:
        """Add what `other` counted."""
        self.in_flight_max = max(self.in_flight_max, other.in_flight_max)
        self.gaps.merge(other.gaps)
        for tenth, attempts in other.tenths.items():
            self.tenths[tenth] = self.tenths[tenth].plus(attempts)

    def attempts(self, begin_s: float = -math.inf, end_s: float = math.inf) -> Attempts:
        """Those that came within a time, to a tenth of a second."""
        total = Attempts()
        for tenth, attempts in self.tenths.items():
            if begin_s <= tenth / TENTHS < end_s:
                total = total.plus(attempts)
        return total

    def synchrony(self, least: int) -> float | None:
        """The largest share of the retries of a second in one tenth of it, of seconds with `least` of them."""
        seconds: defaultdict[int, list[int]] = defaultdict(list)
        for tenth, attempts in self.tenths.items():
            if attempts.retries:
                seconds[tenth // TENTHS].append(attempts.retries)
        shares = [max(counts) / sum(counts) for counts in seconds.values() if sum(counts) >= least]
        return max(shares, default=None)


class EffectSeries:
    """What answers told was done. `answers` holds the different values told of each key; `repeated` says whether
    any key got a second answer.
    """

    __slots__ = ("acknowledged", "answers", "found", "repeated")

    def __init__(self) -> None:
        self.answers: dict[str, frozenset[str]] = {}
        self.repeated = False
        self.acknowledged: set[str] = set()
        self.found: set[str] = set()

    @property
    def duplicates(self) -> int | None:
        """Effects beyond one for each key; None where no key was used twice, or no answer told anything."""
        told = [len(values) for values in self.answers.values() if values]
        return sum(told) - len(told) if told and self.repeated else None

    @property
    def lost(self) -> int | None:
        """How many acknowledged things were not found; None without any acknowledgement."""
        return len(self.acknowledged - self.found) if self.acknowledged else None

    def add(self, record: EffectRecord) -> None:
        """Count what one record tells. An answer without a value shows that the key was used, and no more."""
        if record.kind == "answered":
            self._answered(record.key, frozenset({record.value} - {""}))
        elif record.kind == "acknowledged":
            self.acknowledged.add(record.key)
        else:
            self.found.add(record.key)

    def merge(self, other: EffectSeries) -> None:
        """Add what `other` counted."""
        self.repeated |= other.repeated
        for key, values in other.answers.items():
            self._answered(key, values)
        self.acknowledged |= other.acknowledged
        self.found |= other.found

    def _answered(self, key: str, values: frozenset[str]) -> None:
        known = self.answers.get(key)
        self.repeated |= known is not None
        if known is None or not values <= known:
            self.answers[key] = values | (known or frozenset())


class GroupSeries:
    """Instances that were due in `inject`: the control group, or all others but those that failed by a fault."""

    __slots__ = ("count", "duration", "passed")

    def __init__(self) -> None:
        self.count = self.passed = 0
        self.duration = Histogram()

    def add(self, record: InstanceRecord) -> None:
        """Count one instance."""
        self.count += 1
        self.passed += record.outcome == "passed"
        self.duration.add(record.duration_us)

    def merge(self, other: GroupSeries) -> None:
        """Add what `other` counted."""
        self.count += other.count
        self.passed += other.passed
        self.duration.merge(other.duration)


class TurbulenceSeries:
    """Everything that is counted of faults, proxies and effects, and of a control group if there is one.

    Times are seconds since the load of the segment began, which its `PhaseRecord`s say before anything of it ends.
    """

    __slots__ = ("_began", "_seed", "_share", "control", "disturbed", "effects", "faults", "proxies")

    def __init__(self) -> None:
        self._began = self._share = 0.0
        self._seed: int | None = None
        self.control, self.disturbed = GroupSeries(), GroupSeries()
        self.faults: defaultdict[FaultKey, FaultSeries] = defaultdict(FaultSeries)
        self.proxies: defaultdict[str, ProxySeries] = defaultdict(ProxySeries)
        self.effects = EffectSeries()

    def begin(self, turbulence: Turbulence) -> None:
        """Tell the control group of a plan apart. Without a seed of its own, `started` says the one of the run."""
        self._share, self._seed = turbulence.control, turbulence.seed

    def successor(self) -> TurbulenceSeries:
        """An empty one for what comes after, in the same segment."""
        successor = TurbulenceSeries()
        successor._began, successor._share, successor._seed = self._began, self._share, self._seed
        return successor

    def started(self, record: RunStarted) -> None:
        """A segment began, with the seed of the run."""
        if self._seed is None:
            self._seed = record.seed

    def load_began(self, t: float) -> None:
        """The load of the segment began."""
        self._began = t

    def ended(self, record: InstanceRecord) -> None:
        """Count an instance in its group, if it is one of the time of the faults and there are groups."""
        if self._share and record.phase == "inject" and record.outcome != "interrupted":
            is_control = is_in_control(self._seed or 0, self._share, record.index)
            (self.control if is_control else self.disturbed).add(record)

    def add(self, record: FaultRecord | ProxiedRecord | EffectRecord) -> None:
        """Count one record."""
        if isinstance(record, ProxiedRecord):
            self.proxies[record.proxy].add(record, record.t - self._began)
        elif isinstance(record, FaultRecord):
            self.faults[FaultKey(record.name, record.level)].add(record, record.t - self._began)
        else:
            self.effects.add(record)

    def merge(self, other: TurbulenceSeries) -> None:
        """Add what `other` counted."""
        for key, fault in other.faults.items():
            self.faults[key].merge(fault)
        for name, proxy in other.proxies.items():
            self.proxies[name].merge(proxy)
        self.effects.merge(other.effects)
        self.control.merge(other.control)
        self.disturbed.merge(other.disturbed)
