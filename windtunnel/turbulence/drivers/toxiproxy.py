"""`engine: toxiproxy`: toxics of a Toxiproxy that runs already, on a proxy that it has already.

```yaml
- name: slow database
  engine: toxiproxy
  url: http://127.0.0.1:8474
  on: { proxy: database }
  type: latency
  attributes: { latency: 800, jitter: 100 }
```

`down` disables the proxy; the others add a toxic with a name of its own, so that those of others stay. The
attributes are Toxiproxy's, in its units; a text has a unit of its own: `latency: 0.8s`. The probability is the
toxicity: the share of the connections.
"""

from __future__ import annotations

import asyncio
import re
import shlex
from collections.abc import Mapping
from functools import partial
from hashlib import blake2b
from http import HTTPStatus
from typing import Any

from msgspec.structs import replace

from windtunnel.errors import ExpressionError, did_you_mean
from windtunnel.expressions.quantities import parse_duration, parse_size
from windtunnel.figures import as_written, literal
from windtunnel.model.turbulence import FaultSpec
from windtunnel.turbulence.drivers.driver import Answer, Reach, WayBack
from windtunnel.turbulence.drivers.toxiproxy_api import DEFAULT_URL, Address, CallError, call, quoted
from windtunnel.turbulence.settings import Settings, parse_speed

DOWN = "down"

_MS, _US, _BYTES, _KB_PER_S = "milliseconds", "microseconds", "bytes", "kilobytes per second"

TOXICS: Mapping[str, Mapping[str, str]] = {
    DOWN: {},
    "latency": {"latency": _MS, "jitter": _MS},
    "bandwidth": {"rate": _KB_PER_S},
    "slow_close": {"delay": _MS},
    "timeout": {"timeout": _MS},
    "reset_peer": {"timeout": _MS},
    "slicer": {"average_size": _BYTES, "size_variation": _BYTES, "delay": _US},
    "limit_data": {"bytes": _BYTES},
}
"""The toxics and their attributes with their units; the first attribute is what a sweep goes through."""

_WITHOUT_ATTRIBUTES = frozenset({"timeout", "reset_peer"})
"""Toxics whose attribute may be missing: 0 means something."""

_EXAMPLES = {_MS: "800ms", _US: "20us", _BYTES: "64KiB", _KB_PER_S: "100kB/s"}
_SUFFIX = {_MS: "ms", _US: "us"}
_PER_SECOND = {_MS: 1_000, _US: 1_000_000}

_OLDEST = 2
"""The major version from which on the API is this one."""

_ATTRIBUTES = ("attributes",)
"""The key with the attributes."""

_MOST = 2**31 - 1
_LONGEST_NAME = 40

_MOST_NAMES = 100
"""Proxies of which a name that is none can be a misspelling."""

_ON_ITS_WAY_S = 0.2
"""Seconds in which Toxiproxy has read a request whose connection is gone."""
_NEARLY = 1e-6


class ToxiproxyDriver:
    """Tells Toxiproxy what to do."""

    def __init__(self, reach: Reach) -> None:
        del reach

    def main(self, fault: FaultSpec) -> str:
        """The first attribute of the toxic."""
        return next(iter(_units_of(fault)), "")

    def flat(self, fault: FaultSpec) -> FaultSpec:
        """The fault with its attributes among its settings, where its schedule finds them."""
        attributes = Settings(fault.settings).inside(*_ATTRIBUTES)
        attributes.only(tuple(_units_of(fault)))
        settings = {key: value for key, value in fault.settings.items() if key != "attributes"}
        values = {key: _as_base(key, value, fault) for key, value in attributes.values.items()}
        return replace(fault, settings={**settings, **values})

    def check(self, fault: FaultSpec) -> None:
        """Raise ExpressionError for a toxic, a URL, a direction or an attribute that can't be."""
        settings, units = Settings(fault.settings), _units_of(fault)
        settings.only(("url", "stream", *units))
        settings.read("url", Address.of, Address.of(DEFAULT_URL))
        settings.choice("stream", ("upstream", "downstream"), "downstream")
        if not fault.on.proxy:
            raise ExpressionError("it needs a proxy of Toxiproxy", hint="write: on: { proxy: NAME }")
        if fault.type == DOWN and (fault.probability != 1.0 or fault.schedule.pattern in ("ramp", "steps")):
            raise ExpressionError("a proxy is down or not: it has no probability")
        main = self.main(fault)
        if main and main not in settings and fault.type not in _WITHOUT_ATTRIBUTES:
            raise ExpressionError(f'"{main}" is missing', hint=f"write: attributes: {{ {main}: … }}")
        _attributes_of(fault)

    def resource(self, fault: FaultSpec) -> str:
        """The switch of the proxy, or the toxic."""
        address = _address_of(fault)
        return address.place(
            "proxies", fault.on.proxy, *([] if fault.type == DOWN else ["toxics", _name_of(fault)])
        )

    async def look(self, fault: FaultSpec) -> WayBack | Answer:
        """Whether a Toxiproxy that we understand has the proxy, and it is enabled."""
        address, name = _address_of(fault), fault.on.proxy
        try:
            await _require_version(address)
            proxy = await _proxy(address, name)
        except CallError as error:
            return Answer(problem=str(error))
        if not proxy["enabled"]:
            return Answer(problem=f'the proxy "{name}" is down already')
        if fault.type == DOWN:
            by_hand = f"curl -X POST -d '{{\"enabled\": true}}' {shlex.quote(address.place('proxies', name))}"
            return WayBack(arguments={"url": address.url, "proxy": name, "enabled": True}, by_hand=by_hand)
        toxic = _name_of(fault)
        by_hand = f"curl -X DELETE {shlex.quote(address.place('proxies', name, 'toxics', toxic))}"
        if any(each["name"] == toxic for each in proxy["toxics"]):
            return Answer(problem=f'another run left the toxic "{toxic}": heal that run, or type: {by_hand}')
        return WayBack(arguments={"url": address.url, "proxy": name, "toxic": toxic}, by_hand=by_hand)

    async def apply(self, fault: FaultSpec) -> Answer:
        """Disable the proxy, or add the toxic; where it is there already, change it."""
        address, here = _address_of(fault), ("proxies", fault.on.proxy)
        try:
            if fault.type == DOWN:
                await call(address, "POST", *here, body={"enabled": False})
                return Answer(evidence=f'the proxy "{fault.on.proxy}" is down')
            toxic = _toxic_of(fault)
            try:
                await call(address, "POST", *here, "toxics", body=toxic)
            except CallError as error:
                if error.status != HTTPStatus.CONFLICT:
                    raise
                changed = {key: toxic[key] for key in ("attributes", "toxicity")}
                await call(address, "POST", *here, "toxics", toxic["name"], body=changed)
        except CallError as error:
            return Answer(problem=str(error))
        return Answer(evidence=f'the proxy "{fault.on.proxy}" has the toxic "{toxic["name"]}"')

    async def verify(self, fault: FaultSpec) -> Answer:
        """Whether the proxy is disabled, or has the toxic as it was told."""
        try:
            proxy = await _proxy(_address_of(fault), fault.on.proxy)
        except CallError as error:
            return Answer(problem=str(error))
        if fault.type == DOWN:
            return Answer(problem=f'the proxy "{fault.on.proxy}" is still enabled' if proxy["enabled"] else None)
        wanted = _toxic_of(fault)
        found = next((each for each in proxy["toxics"] if each["name"] == wanted["name"]), None)
        if found is None:
            return Answer(problem=f'the toxic "{wanted["name"]}" is not there')
        others = {key for key in wanted if not _is_same(found.get(key), wanted[key])}
        told = f"the toxic is not as it was told: its {' and '.join(sorted(others))}"
        return Answer(problem=told if others else None)

    async def revert(self, arguments: Mapping[str, Any]) -> Answer:
        """Remove the toxic, or enable the proxy; what is gone already needs nothing."""
        url, proxy, toxic = (arguments.get(key, "") for key in ("url", "proxy", "toxic"))
        is_text = all(isinstance(each, str) for each in (url, proxy, toxic))
        if not is_text or not proxy or bool(toxic) == (arguments.get("enabled") is True):
            return Answer(problem="the way back can't be read")
        try:
            address = Address.of(url)
            if not await _is_left(address, proxy, toxic):
                # The call that applied it may have been cut off, and be on its way still.
                await asyncio.sleep(_ON_ITS_WAY_S)
                if not await _is_left(address, proxy, toxic):
                    return Answer(evidence="nothing is left of it")
            if toxic:
                await call(address, "DELETE", "proxies", proxy, "toxics", toxic)
            else:
                await call(address, "POST", "proxies", proxy, body={"enabled": True})
        except ExpressionError as error:
            return Answer(problem=f"the way back can't be read: {error}")
        except CallError as error:
            return Answer(problem=str(error))
        return Answer()


async def _require_version(address: Address) -> None:
    """Raise CallError unless it is a Toxiproxy of version 2, or one built from its sources."""
    told = await call(address, "GET", "version")
    version = quoted(told.get("version", "") if isinstance(told, dict) else told or "")
    major = version.partition(".")[0]
    is_number = major.isascii() and major.isdigit()
    if is_number and int(major) < _OLDEST:
        raise CallError(f"Toxiproxy at {address.url} is version {version}; version {_OLDEST} or newer is needed")
    if not is_number and version != "git":
        raise CallError(f"{address.url} does not answer as Toxiproxy does: it says no version")


async def _is_left(address: Address, proxy: str, toxic: str) -> bool:
    """Whether the proxy has the toxic still, or without one is still down."""
    found = (await _proxies(address)).get(proxy)
    if found is None:
        return False
    return any(each["name"] == toxic for each in found["toxics"]) if toxic else not found["enabled"]


async def _proxies(address: Address) -> dict[str, Any]:
    """Every proxy by its name, with its toxics."""
    proxies = await call(address, "GET", "proxies")
    if not isinstance(proxies, dict) or not all(_is_proxy(each) for each in proxies.values()):
        raise CallError(f"{address.url} does not answer as Toxiproxy does")
    return proxies


async def _proxy(address: Address, name: str) -> dict[str, Any]:
    """A proxy with its toxics. Raises CallError, with the names that there are, where it is none."""
    proxies = await _proxies(address)
    if name not in proxies:
        there = sorted(proxies)[:_MOST_NAMES]
        near = did_you_mean(name, there) or f"it has: {quoted(', '.join(there)) or 'none'}"
        raise CallError(f'Toxiproxy at {address.url} has no proxy "{name}"; {near}')
    return dict(proxies[name])


def _is_proxy(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("enabled"), bool)
        and isinstance(value.get("toxics"), list)
        and all(isinstance(each, dict) and "name" in each for each in value["toxics"])
    )


def _is_same(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(_is_same(found.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, float):
        # Toxiproxy keeps a toxicity in 32 bits.
        return isinstance(found, int | float) and wanted - _NEARLY < found < wanted + _NEARLY
    return bool(found == wanted)


def _units_of(fault: FaultSpec) -> Mapping[str, str]:
    """The attributes of the toxic. Raises ExpressionError for a toxic that there is not."""
    found = TOXICS.get(fault.type)
    if found is None:
        hint = did_you_mean(fault.type, TOXICS) or f"toxics: {', '.join(TOXICS)}"
        raise ExpressionError(f'Toxiproxy has no toxic "{fault.type}"', hint=hint, path=("type",))
    return found


def _address_of(fault: FaultSpec) -> Address:
    return Address.of(str(fault.settings.get("url", DEFAULT_URL)))


def _name_of(fault: FaultSpec) -> str:
    """The name of the toxic: the fault's name in characters that a path can hold, and a hash of it."""
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", fault.name)[:_LONGEST_NAME]
    return f"windtunnel-{plain}-{blake2b(fault.name.encode('utf-8', 'replace'), digest_size=3).hexdigest()}"


def _toxic_of(fault: FaultSpec) -> dict[str, Any]:
    return {
        "name": _name_of(fault),
        "type": fault.type,
        "stream": fault.settings.get("stream", "downstream"),
        "toxicity": float(fault.probability),
        "attributes": _attributes_of(fault),
    }


def _attributes_of(fault: FaultSpec) -> dict[str, int]:
    """The attributes in Toxiproxy's units. Raises ExpressionError for one that can't be."""
    settings = Settings(fault.settings, _ATTRIBUTES)
    return {
        key: settings.read(key, partial(_whole, unit=unit))
        for key, unit in _units_of(fault).items()
        if key in settings
    }


def _as_base(key: str, value: Any, fault: FaultSpec) -> Any:
    """An attribute as a schedule can add to it: to a bare number of units only another one, else a duration."""
    unit = _units_of(fault)[key]
    if unit in _PER_SECOND and isinstance(value, float):
        hint = f"write whole {unit}, or a duration such as {as_written(value)}"
        raise ExpressionError(
            f"{literal(value)} is no whole number of {unit}", hint=hint, path=(*_ATTRIBUTES, key)
        )
    step = Settings(fault.schedule.settings).inside("repeat").inside("step").values.get(key)
    if unit in _PER_SECOND and isinstance(value, int) and isinstance(step, str) and step[-1:].isalpha():
        return f"{value}{_SUFFIX[unit]}"
    return value


def _whole(value: Any, unit: str) -> int:
    """A whole number of units. A text has its own unit; a fraction is seconds, since a schedule made it."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ExpressionError("must be a number", hint=f"a whole number of {unit}")
    found = value if isinstance(value, int) else _in_units(value, unit)
    if not 0 <= found <= _MOST:
        raise ExpressionError(f"must be from 0 to {_MOST:,} {unit}")
    return found


def _kilobytes(per_second: float) -> int:
    if per_second < 1000:
        raise ExpressionError("less than 1 kB/s, which is the least that Toxiproxy can be told")
    return round(per_second / 1000)


def _in_units(value: str | float, unit: str) -> int:
    try:
        if unit == _KB_PER_S:
            return _kilobytes(parse_speed(value))
        return parse_size(value) if unit == _BYTES else round(parse_duration(value) * _PER_SECOND[unit])
    except ExpressionError as error:
        raise ExpressionError(
            str(error), hint=f"write whole {unit}, or a text such as {_EXAMPLES[unit]}"
        ) from None
