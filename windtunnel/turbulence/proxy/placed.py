"""The faults of one proxy: which of them hit a request or a connection, and what they do to it together.

    number(seed, "proxy", fault, id, method, target, occurrence)      of a request that carries an id
    number(seed, "proxy", fault, order)                               of any other: the order of arrival decides

A request is hit when its number is below the probability. `order` counts what a fault is asked for while it is on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from windtunnel.errors import ExpressionError
from windtunnel.expressions.quantities import parse_percentage
from windtunnel.model.turbulence import FaultSpec, Phases
from windtunnel.model.vocabulary import ProxyProtocol
from windtunnel.turbulence.decision import number
from windtunnel.turbulence.levels import PROBABILITY
from windtunnel.turbulence.proxy.exchange import Exchange
from windtunnel.turbulence.proxy.faults.table import compile_proxy_fault, proxy_fault_type
from windtunnel.turbulence.proxy.treatment import ProxyFault, Treatment
from windtunnel.turbulence.schedule import Window, timeline
from windtunnel.turbulence.target import glob

Key = tuple[str | int, ...]
"""What a decision depends on, besides the seed and the fault."""

REFUSE = "refuse"


class PlacedFault:
    """One fault of a proxy, for each of its levels. `asked` counts what it was asked for while it was on."""

    def __init__(self, spec: FaultSpec, phases: Phases, *, seed: int, protocol: ProxyProtocol) -> None:
        """Raises ExpressionError, with the path in the fault, for one that can't be, at any of its levels."""
        self.spec, self.kind = spec, proxy_fault_type(spec.type, protocol)
        self.timeline = timeline(spec, phases, seed=seed, main=self.kind.main)
        self.asked = 0
        self._protocol = protocol
        self._method, self._path = spec.on.method.upper(), glob(spec.on.path)
        self._at_base = compile_proxy_fault(spec, protocol)
        self._at_level: dict[str, tuple[ProxyFault, float]] = {}
        for window in self.timeline.windows:
            if window.changes and window.level not in self._at_level:
                self._at_level[window.level] = self._changed(window.changes)

    @property
    def is_at_connect(self) -> bool:
        """Whether it is done to connections as they come, and not to requests."""
        return self.spec.type == REFUSE and not self.spec.on.method and not self.spec.on.path

    def takes(self, method: str, path: str) -> bool:
        """Whether a request is meant."""
        return self._method in ("", method) and self._path(path)

    def fault(self, window: Window) -> ProxyFault:
        """The fault as it is in a window."""
        return self._at_level[window.level][0] if window.changes else self._at_base

    def probability(self, t_s: float, window: Window) -> float:
        """The probability at a moment, which is in the window."""
        base = self._at_level[window.level][1] if window.changes else self.spec.probability
        return base * self.timeline.share(t_s)

    def closes_port(self, window: Window) -> bool:
        """Whether it refuses every connection of a window, so that nothing needs to listen."""
        counts = self.timeline.first_n or self.timeline.every_nth
        always = window.low == window.high == 1.0 and self.probability(window.begin_s, window) >= 1
        return self.is_at_connect and always and not counts

    def _changed(self, changes: Mapping[str, Any]) -> tuple[ProxyFault, float]:
        others = {key: value for key, value in changes.items() if key != PROBABILITY}
        probability = self.spec.probability
        try:
            if PROBABILITY in changes:
                probability = parse_percentage(changes[PROBABILITY])
            return compile_proxy_fault(self.spec, self._protocol, others), probability
        except ExpressionError as error:
            error.path = ("schedule", *error.path)
            raise


class Hit:
    """One fault at one request or connection. `is_told`: whether it was done is on record.

    `waits`: it is done to the answer.
    """

    __slots__ = ("decision", "is_told", "placed", "waits", "window")

    def __init__(self, placed: PlacedFault, window: Window, decision: float, *, waits: bool) -> None:
        self.placed, self.window, self.decision, self.waits = placed, window, decision, waits
        self.is_told = False


class PlacedFaults:
    """All faults of one proxy, in the order written. Pure but for `asked`: no clock is read."""

    def __init__(
        self, faults: Sequence[FaultSpec], phases: Phases, *, seed: int, proxy: str, protocol: ProxyProtocol
    ) -> None:
        """Raises ExpressionError for a fault that can't be."""
        self._seed, self._proxy = seed, proxy
        self.all = tuple(PlacedFault(spec, phases, seed=seed, protocol=protocol) for spec in faults)
        self.of_requests = tuple(placed for placed in self.all if not placed.is_at_connect)
        self.of_connects = tuple(placed for placed in self.all if placed.is_at_connect)
        windows = [window for placed in self.all for window in placed.timeline.windows]
        self.begin_s = min((window.begin_s for window in windows), default=0.0)
        self.end_s = max((window.end_s for window in windows), default=0.0)

    def of_request(self, exchange: Exchange, target: bytes, t_s: float) -> tuple[Treatment, list[Hit]] | None:
        """What is done to a request at a moment of the load; None for nothing."""
        treatment, hits = Treatment(), []
        for placed in self.of_requests:
            window = placed.timeline.window(t_s)
            if window is None or not placed.takes(exchange.method, exchange.path):
                continue
            placed.asked += 1
            asked = placed.asked
            if not placed.timeline.takes(request=exchange.attempt or asked, instance=asked):
                continue
            key: Key = ("order", asked)
            if exchange.correlation_id:
                where = exchange.method, target.decode("latin-1"), exchange.occurrence
                key = "id", exchange.correlation_id, *where
            decision = self._number(placed, key)
            if decision >= placed.probability(t_s, window):
                continue
            fault = placed.fault(window)
            fault.add(treatment, partial(self._draw, placed, key))
            hits.append(Hit(placed, window, decision, waits=fault.waits))
            if not placed.kind.passes_on:
                break
        return (treatment, hits) if hits else None

    def of_connection(self, numbers: dict[str, int], piece: int, t_s: float) -> tuple[Treatment, list[Hit]] | None:
        """What is done at a moment to a connection, and by which faults; None for nothing.

        `numbers` are those that the connection has among the ones that each fault was asked for, and is added to:
        it is hit by the same faults as long as their probability is the same. `piece` counts what came over it,
        for what is drawn anew each time.
        """
        treatment = Treatment()
        hits: list[Hit] = []
        for placed, window in self._on(self.of_requests, t_s):
            order = numbers.get(placed.spec.name)
            if order is None:
                placed.asked += 1
                order = numbers[placed.spec.name] = placed.asked
            if not placed.timeline.takes(request=order, instance=order):
                continue
            decision = self._number(placed, ("order", order))
            if decision < placed.probability(t_s, window):
                fault = placed.fault(window)
                fault.add(treatment, partial(self._draw, placed, ("order", order, piece)))
                hits.append(Hit(placed, window, decision, waits=fault.waits))
                if not placed.kind.passes_on:
                    break
        return (treatment, hits) if hits else None

    def refuses(self, t_s: float) -> Hit | None:
        """The fault that refuses a connection that comes at a moment."""
        for placed, window in self._on(self.of_connects, t_s):
            placed.asked += 1
            asked = placed.asked
            if placed.timeline.takes(request=asked, instance=asked):
                decision = self._number(placed, ("order", asked))
                if decision < placed.probability(t_s, window):
                    return Hit(placed, window, decision, waits=False)
        return None

    def _on(self, faults: Sequence[PlacedFault], t_s: float) -> Iterator[tuple[PlacedFault, Window]]:
        for placed in faults:
            window = placed.timeline.window(t_s)
            if window is not None:
                yield placed, window

    def _number(self, placed: PlacedFault, key: Key) -> float:
        return number(self._seed, "proxy", self._proxy, placed.spec.name, *key)

    def _draw(self, placed: PlacedFault, key: Key, what: int) -> float:
        return number(self._seed, "draw", what, "proxy", self._proxy, placed.spec.name, *key)
