"""Faults on purpose: the phases of a run, what is done to which requests and when, and how the run is judged.

Times are seconds. Those of a schedule count from the start of the phase `inject`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any, get_args

import msgspec

from windtunnel.errors import Location
from windtunnel.model.load import Stage
from windtunnel.model.threshold import Threshold
from windtunnel.model.vocabulary import FaultPattern, ProxyProtocol, TurbulencePhase


class Phases(msgspec.Struct, frozen=True, kw_only=True):
    """How long each phase of the run is. The load is the same in all of them."""

    warmup_s: float = 0.0
    steady_s: float
    inject_s: float
    recover_s: float

    @property
    def lengths(self) -> Mapping[TurbulencePhase, float]:
        """The length of each phase that is there, in their order."""
        all_of_them: Mapping[TurbulencePhase, float] = {
            "warmup": self.warmup_s,
            "steady": self.steady_s,
            "inject": self.inject_s,
            "recover": self.recover_s,
        }
        return {name: length_s for name, length_s in all_of_them.items() if length_s}

    @property
    def length_s(self) -> float:
        """The length of the run."""
        return sum(self.lengths.values())

    def begin_s(self, phase: TurbulencePhase) -> float:
        """When a phase begins, in seconds since the load began."""
        order: tuple[TurbulencePhase, ...] = get_args(TurbulencePhase)
        return sum(self.lengths.get(each, 0.0) for each in order[: order.index(phase)])

    def end_s(self, phase: TurbulencePhase) -> float:
        """When a phase ends, in seconds since the load began."""
        return self.begin_s(phase) + self.lengths.get(phase, 0.0)

    def stages(self, target: float) -> tuple[Stage, ...]:
        """The phases as stages of a load that stays at `target`."""
        return tuple(
            Stage(duration_s=length_s, target=target, name=name, warmup=name == "warmup")
            for name, length_s in self.lengths.items()
        )


class Amount(msgspec.Struct, frozen=True, kw_only=True):
    """A time or a share of a phase, as written: `30s` or `40%`. One of the two is given."""

    seconds: float | None = None
    share: float | None = None

    def of(self, whole_s: float) -> float:
        """Seconds, of a phase that is so long."""
        return self.seconds if self.seconds is not None else (self.share or 0.0) * whole_s


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """When a fault is on. Without `length` until the end of the phase `inject`.

    `settings` are the keys that belong to the pattern, as written: flap {on, off}, steps {steps}, pulse {every,
    width}, random {mtbf, mttr}, first_n {first_n}, every_nth {every_nth}, sweep {sweep, of}; with each of them
    repeat {every, times, step}. `of` and the key in `step` name a setting of the fault, or `probability`.
    """

    at: Amount = Amount(seconds=0.0)
    length: Amount | None = None
    pattern: FaultPattern = "window"
    settings: Mapping[str, Any] = msgspec.field(default_factory=dict)


class FaultTarget(msgspec.Struct, frozen=True, kw_only=True):
    """What a fault is done to: requests of ours (by scenario, step, service), or those that come to a proxy.

    Empty fields match everything. `method` and `path` (with `*` and `?`) are those of an HTTP request.
    """

    scenario: str = ""
    step: str = ""
    service: str = ""
    proxy: str = ""
    method: str = ""
    path: str = ""


class FaultSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One fault. `settings` are the keys of its type, as the schema of that type accepts them.

    `engine` is "" for a fault that Windtunnel does itself, else the driver that does it. `path` is its place in
    the file that `where` is in; the faults of one macro have it in common, and its name: they are on at the same
    times.
    """

    name: str
    type: str
    on: FaultTarget
    probability: float = 1.0
    schedule: Schedule = Schedule()
    settings: Mapping[str, Any] = msgspec.field(default_factory=dict)
    engine: str = ""
    where: Location | None = None
    path: tuple[str | int, ...] = ()
    macro: str = ""


class ProxySpec(msgspec.Struct, frozen=True, kw_only=True):
    """A proxy before one upstream, and nothing else. `export` names the variable that tells a process its URL.

    `upstream` is a URL as written, such as `http://payments:9000` or `postgres://user:secret@db:5432/shop`; one
    without a scheme is a host and port. `service` is the service of the SUT whose requests go through it,
    `default` for the one of `base_url`; "" for a proxy that the load knows nothing of.
    """

    name: str
    protocol: ProxyProtocol
    host: str = "127.0.0.1"
    port: int = 0
    upstream: str
    export: str = ""
    service: str = ""
    where: Location | None = None

    @property
    def is_open_to_others(self) -> bool:
        """Whether other machines reach the address that it listens at."""
        if self.host == "localhost":
            return False
        try:
            return not ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return True


class Guards(msgspec.Struct, frozen=True, kw_only=True):
    """When a run ends, and with it its faults: one of `stop_when` is true for `for_s`.

    `max_active` is the most requests that faults are done to at a time.
    """

    stop_when: tuple[Threshold, ...] = ()
    for_s: float = 0.0
    max_active: int | None = None


class RetryLimit(msgspec.Struct, frozen=True, kw_only=True):
    """The most attempts a proxy may see for each logical request."""

    proxy: str
    at_most: float


class DuplicateLimit(msgspec.Struct, frozen=True, kw_only=True):
    """Successful answers to one value of the header `by` must be the same: whole, or at the JSON path `same`."""

    by: str
    same: str = ""
    at_most: int = 0


class LossLimit(msgspec.Struct, frozen=True, kw_only=True):
    """What the step `acknowledged` was told is done, the step `found_by` must find afterwards."""

    acknowledged: str
    found_by: str
    at_most: int = 0


class MeasureLimit(msgspec.Struct, frozen=True, kw_only=True):
    """A limit of one measure of the judge, such as `time_to_recover: "< 15s"`."""

    measure: str
    text: str
    where: Location | None = None


class JudgeSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the run must hold to while and after faults. `within_s` of None is the whole phase `recover`.

    `places` are those of the keys that are written, for bounds that have no place of their own.
    """

    during: tuple[Threshold, ...] = ()
    within_s: float | None = None
    hold_s: float = 5.0
    retry_amplification: tuple[RetryLimit, ...] = ()
    duplicates: DuplicateLimit | None = None
    lost: LossLimit | None = None
    unaffected: tuple[str, ...] = ()
    min_injected: int = 1
    measures: tuple[MeasureLimit, ...] = ()
    places: Mapping[str, Location] = msgspec.field(default_factory=dict)


class Turbulence(msgspec.Struct, frozen=True, kw_only=True):
    """The section `turbulence` of a plan.

    `seed` of None is that of the run; `control` is a share of instances that no fault on our own requests touches.
    `allowed` is what the command line allowed beyond the plan.
    """

    phases: Phases
    seed: int | None = None
    steady_state: tuple[Threshold, ...] = ()
    proxies: tuple[ProxySpec, ...] = ()
    faults: tuple[FaultSpec, ...] = ()
    guards: Guards = Guards()
    judge: JudgeSettings = JudgeSettings()
    control: float = 0.0
    allowed: Sequence[str] = ()

    @property
    def client_faults(self) -> tuple[FaultSpec, ...]:
        """The faults on our own requests."""
        return tuple(fault for fault in self.faults if not fault.on.proxy and not fault.engine)

    @property
    def is_outside(self) -> bool:
        """Whether anything happens outside of the processes of the load, which has a record file of its own."""
        return bool(self.proxies) or any(fault.engine for fault in self.faults)

    def proxy_faults(self, proxy: str) -> tuple[FaultSpec, ...]:
        """The faults in one of the embedded proxies."""
        return tuple(fault for fault in self.faults if fault.on.proxy == proxy and not fault.engine)

    def completed(
        self, more: Sequence[FaultSpec], *, origins: Mapping[str, str], allowed: Sequence[str]
    ) -> Turbulence:
        """The same with the faults of scenarios as well, and what the command line allows.

        A proxy in front of a service forwards to the origin of that, unless the plan says another upstream.
        """
        proxies = [
            msgspec.structs.replace(proxy, upstream=proxy.upstream or origins[proxy.service])
            for proxy in self.proxies
        ]
        return msgspec.structs.replace(
            self, faults=(*self.faults, *more), proxies=tuple(proxies), allowed=tuple(allowed)
        )
