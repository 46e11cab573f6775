"""A connected socket to one of a host's addresses, by the algorithm of happy eyeballs (RFC 8305)."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Iterable, Sequence

from windtunnel.http.resolve import Address
from windtunnel.tasks import cancel_and_wait

ATTEMPT_DELAY_S = 0.25
"""How long one address is tried before the next one is tried too (RFC 8305, 5)."""

_NO_IPV6 = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.ENETUNREACH, errno.EHOSTUNREACH})
"""The errors of a machine without IPv6."""


async def connect(addresses: Sequence[Address]) -> tuple[socket.socket, Address]:
    """A socket connected to the address that accepts first. Raises the OSError that explains most."""
    if len(addresses) == 1:
        return await _attempt(addresses[0]), addresses[0]
    failures: list[tuple[Address, OSError]] = []
    waiting = list(reversed(_alternating(addresses)))
    trying: dict[asyncio.Task[socket.socket], Address] = {}
    try:
        while waiting or trying:
            if waiting:
                address = waiting.pop()
                trying[asyncio.create_task(_attempt(address))] = address
            delay_s = ATTEMPT_DELAY_S if waiting else None
            done, _ = await asyncio.wait(trying, timeout=delay_s, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                address = trying.pop(task)
                try:
                    sock = task.result()
                except OSError as error:
                    failures.append((address, error))
                else:
                    return sock, address
    finally:
        await _close(trying)
    # Many machines have no IPv6, which explains nothing when an IPv4 address was refused as well.
    telling = [error for address, error in failures if not _is_missing_ipv6(address, error)]
    raise (telling or [error for _, error in failures])[0]


async def _attempt(address: Address) -> socket.socket:
    sock = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, address.sockaddr)
    except BaseException:
        sock.close()
        raise
    return sock


async def _close(trying: Iterable[asyncio.Task[socket.socket]]) -> None:
    """End attempts that are not needed; a socket that one of them has connected meanwhile is closed."""
    try:
        await cancel_and_wait(trying)
    finally:
        for task in trying:
            if not task.cancelled() and task.exception() is None:
                task.result().close()


def _alternating(addresses: Sequence[Address]) -> list[Address]:
    """The addresses in alternating families, beginning with that of the first one, each family in its order."""
    first = [address for address in addresses if address.family == addresses[0].family]
    others = [address for address in addresses if address.family != addresses[0].family]
    mixed = [each for pair in zip(first, others, strict=False) for each in pair]
    shorter = min(len(first), len(others))
    return [*mixed, *first[shorter:], *others[shorter:]]


def _is_missing_ipv6(address: Address, error: OSError) -> bool:
    return address.family == socket.AF_INET6 and error.errno in _NO_IPV6
