"""Whether the faults of a run agree with its scenarios, its SUT file and its flags."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from windtunnel.config.overrides import Overrides
from windtunnel.config.plan import PlanFile
from windtunnel.config.reader import Document
from windtunnel.config.scenario import ScenarioFile
from windtunnel.config.schemas import place_of
from windtunnel.config.turbulence import SECTION
from windtunnel.errors import Problem, did_you_mean
from windtunnel.model.origin import parse_base_url
from windtunnel.model.scenario import Scenario, walk
from windtunnel.model.source import DataPath
from windtunnel.model.sut import DEFAULT_SERVICE, Sut
from windtunnel.model.turbulence import Turbulence

_MOST_SHOWN = 10
_OF_SCENARIO: DataPath = ("faults",)
_JUDGE: DataPath = (SECTION, "judge")


def disagreements(
    plan: PlanFile,
    scenarios: Sequence[ScenarioFile],
    left_out: Sequence[Scenario],
    sut: Sut,
    overrides: Overrides,
) -> list[Problem]:
    """Why the section `turbulence` of a plan can't be with these files and flags; `left_out` are not selected."""
    turbulence = plan.turbulence
    assert turbulence is not None, "the caller asks about a plan that has it"
    known = _Known([*(file.scenario for file in scenarios), *left_out], sut)
    of_plan = [
        *_places_of_faults(plan.document, (SECTION, "faults"), known),
        *_places_of_judge(plan.document, turbulence, known),
        *_services_of_proxies(plan.document, turbulence, sut),
        *_not_allowed(plan.document, turbulence, overrides.allow),
    ]
    found = sorted(of_plan, key=place_of)
    taken = {fault.name: str(fault.where) for fault in turbulence.faults}
    for file in scenarios:
        if file.scenario.load is not None:
            message = "a scenario can't have a load of its own beside the phases of `turbulence`"
            found.append(file.document.problem(message, ("load",), key=True, hint="remove `load`"))
        found += _places_of_faults(file.document, _OF_SCENARIO, known, scenario=file.scenario.id)
        found += _taken_names(file, taken)
    if overrides.once:
        hint = "give the files without it: --scenarios FILE --sut FILE"
        message = "one instance is no load to judge faults by, and the plan has `turbulence`"
        found.append(Problem(flag="--once", message=message, hint=hint))
    return found


def origins_of(sut: Sut) -> dict[str, str]:
    """The origin of each service as a URL, by its name; without those on a Unix socket."""
    services = {service.name: service for service in sut.all_services}
    bases = {name: parse_base_url(service.base_url) for name, service in services.items()}
    return {name: str(base.origin) for name, base in bases.items() if base.socket is None}


class _Known:
    """The names that a fault can be about."""

    def __init__(self, scenarios: Sequence[Scenario], sut: Sut) -> None:
        self.scenarios = {scenario.id: scenario for scenario in scenarios}
        self.services = [*([DEFAULT_SERVICE] if sut.default else []), *sut.services]

    def steps(self, scenario: str = "") -> list[str] | None:
        """The steps of one scenario or of all; None where code decides them."""
        meant = [each for each in self.scenarios.values() if scenario in ("", each.id)]
        if any(each.function is not None for each in meant):
            return None
        return [step.name for each in meant for step in walk(each.sections)]


def _places_of_faults(
    document: Document, path: DataPath, known: _Known, *, scenario: str = ""
) -> Iterator[Problem]:
    """A problem for each scenario, step and service that a fault names and that is not there."""
    data: Any = document.data
    for key in path:
        data = data.get(key, {})
    for index, fault in enumerate(data or ()):
        on: Mapping[str, Any] = fault.get("on", {})
        inside: DataPath = (*path, index, "on")
        own = scenario or on.get("scenario", "")
        if own and own not in known.scenarios:
            yield _unknown(document, (*inside, "scenario"), "scenario", own, known.scenarios)
            continue
        if "service" in on and on["service"] not in known.services:
            yield _unknown(document, (*inside, "service"), "service", on["service"], known.services)
        steps = known.steps(own)
        if "step" in on and steps is not None and on["step"] not in steps:
            yield _unknown(document, (*inside, "step"), "step", on["step"], steps, inside=own)


def _places_of_judge(document: Document, turbulence: Turbulence, known: _Known) -> Iterator[Problem]:
    for index, name in enumerate(turbulence.judge.unaffected):
        if name not in known.scenarios:
            yield _unknown(document, (*_JUDGE, "unaffected", index), "scenario", name, known.scenarios)
    lost, steps = turbulence.judge.lost, known.steps()
    if lost is not None and steps is not None:
        for key, name in (("acknowledged", lost.acknowledged), ("found_by", lost.found_by)):
            if name not in steps:
                yield _unknown(document, (*_JUDGE, "lost", key), "step", name, steps)


def _services_of_proxies(document: Document, turbulence: Turbulence, sut: Sut) -> Iterator[Problem]:
    """What is wrong with the services that proxies are in front of."""
    names, origins, first = [service.name for service in sut.all_services], origins_of(sut), dict[str, str]()
    for proxy in turbulence.proxies:
        path: DataPath = (SECTION, "proxies", proxy.name, "service")
        if not proxy.service:
            continue
        if proxy.service not in names:
            yield _unknown(document, path, "service", proxy.service, names)
        elif proxy.service not in origins:
            message = f'the service "{proxy.service}" is on a Unix socket, which no proxy can be in front of'
            yield document.problem(message, path, hint="write another service")
        elif proxy.protocol == "http" and origins[proxy.service].startswith("https"):
            message = (
                f'an http proxy can\'t read the requests to the service "{proxy.service}": they are encrypted'
            )
            yield document.problem(message, path, hint="write protocol: tcp")
        elif first.setdefault(origins[proxy.service], proxy.name) != proxy.name:
            message = f'the proxy "{first[origins[proxy.service]]}" is in front of the same service'
            yield document.problem(message, path, hint="keep one of them")


def _unknown(
    document: Document,
    path: DataPath,
    what: str,
    name: str,
    known: Sequence[str] | Mapping[str, Any],
    *,
    inside: str = "",
) -> Problem:
    names = list(dict.fromkeys(known))
    shown = ", ".join(names[:_MOST_SHOWN]) + (", …" if len(names) > _MOST_SHOWN else "")
    all_of_them = f"the only {what} is {shown}" if len(names) == 1 else f"the {what}s are {shown}"
    hint = did_you_mean(name, names) or (all_of_them if names else None)
    where = f' in the scenario "{inside}"' if inside else ""
    return document.problem(f'there is no {what} "{name}"{where}', path, hint=hint)


def _not_allowed(document: Document, turbulence: Turbulence, allowed: Sequence[str]) -> Iterator[Problem]:
    """What a file alone may not do: listen to the network, use an engine, run a command."""
    for proxy in turbulence.proxies:
        if proxy.is_open_to_others and "listen" not in allowed:
            message = f"other machines could reach a proxy that listens on {proxy.host}"
            path: DataPath = (SECTION, "proxies", proxy.name, "listen")
            yield document.problem(message, path, hint="listen on 127.0.0.1, or add --allow listen")
    for fault in turbulence.faults:
        if fault.engine and fault.engine not in allowed:
            message = f"a file alone may not use {_ENGINES.get(fault.engine, fault.engine)}"
            key = "engine" if fault.engine != fault.type else "type"
            yield document.problem(message, (*fault.path, key), hint=f"add --allow {fault.engine}")


_ENGINES = {"hook": "commands of this machine", "toxiproxy": "Toxiproxy"}


def _taken_names(file: ScenarioFile, taken: dict[str, str]) -> Iterator[Problem]:
    """A problem for each fault of a scenario with the name of another one; adds the names to `taken`."""
    for fault in file.scenario.faults:
        if fault.name in taken:
            message = f'there is a fault "{fault.name}" at {taken[fault.name]} already'
            yield file.document.problem(message, (*fault.path, "name"), hint="give each fault a name of its own")
        taken[fault.name] = str(fault.where)
