"""Names to addresses: each (host, port) is looked up once for all users, and again after `dns_ttl_s`."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """One address of a host; `sockaddr` is what `connect` takes: (ip, port), (ip, port, flow, scope) or a path."""

    family: socket.AddressFamily
    sockaddr: tuple[str | int | bytes, ...] | str


class Resolver:
    """Looks names up and caches the answers. A failure is not cached."""

    __slots__ = ("_answers", "_clock", "_fixed", "_lookups", "_ttl_s")

    def __init__(
        self,
        *,
        ttl_s: float = 300.0,
        fixed: Mapping[str, str] = MappingProxyType({}),
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """`fixed` maps `host` or `host:port` to an address that is used without a lookup, or to `address:port`."""
        self._fixed = dict(fixed)
        self._ttl_s, self._clock = ttl_s, clock
        self._answers: dict[tuple[str, int], tuple[float, tuple[Address, ...]]] = {}
        self._lookups: dict[tuple[str, int], asyncio.Task[tuple[Address, ...]]] = {}

    async def resolve(self, host: str, port: int) -> tuple[Address, ...]:
        """Every address of the host, the one to try first at the front. Raises socket.gaierror."""
        key = (host, port)
        answer = self._answers.get(key)
        if answer is not None and self._clock() < answer[0]:
            return answer[1]
        lookup = self._lookups.get(key)
        if lookup is None:
            lookup = self._lookups[key] = asyncio.get_running_loop().create_task(
                _look_up(*_split(self._fixed.get(f"{host}:{port}", self._fixed.get(host, host)), port))
            )
            lookup.add_done_callback(lambda done: self._keep(key, done))
        # Others may wait for the same answer: cancelling one of them must not cancel the lookup.
        return await asyncio.shield(lookup)

    def fix(self, host: str, port: int, address: str | None) -> None:
        """Use an address, or `address:port`, for a host at this port from now on; None to look it up again."""
        self._answers.pop((host, port), None)
        if address is None:
            self._fixed.pop(f"{host}:{port}", None)
        else:
            self._fixed[f"{host}:{port}"] = address

    def prefer(self, host: str, port: int, address: Address) -> None:
        """Put the address that accepted a connection at the front, so that it is tried first next time."""
        answer = self._answers.get((host, port))
        if answer is not None and answer[1][0] != address and address in answer[1]:
            others = tuple(other for other in answer[1] if other != address)
            self._answers[host, port] = (answer[0], (address, *others))

    def _keep(self, key: tuple[str, int], lookup: asyncio.Task[tuple[Address, ...]]) -> None:
        del self._lookups[key]
        if not lookup.cancelled() and lookup.exception() is None:
            self._answers[key] = (self._clock() + self._ttl_s, lookup.result())


def _split(address: str, port: int) -> tuple[str, int]:
    """An address and its port: its own (`127.0.0.1:9000`, `[::1]:9000`), or that of the origin."""
    host, _, own = address.rpartition(":")
    if own.isdigit() and (host.endswith("]") or (host and ":" not in host)):
        return host.strip("[]"), int(own)
    return address, port


async def _look_up(host: str, port: int) -> tuple[Address, ...]:
    literal = _literal(host, port)
    if literal is not None:
        return (literal,)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise socket.gaierror(socket.EAI_NONAME, "the name is not a valid host name") from error
    addresses = [Address(family=family, sockaddr=sockaddr) for family, _, _, _, sockaddr in found]
    return tuple(dict.fromkeys(addresses))


def _literal(host: str, port: int) -> Address | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    if address.version == 4:
        return Address(family=socket.AF_INET, sockaddr=(host, port))
    return Address(family=socket.AF_INET6, sockaddr=(host, port, 0, 0))
