"""The machine around a container, as the routing table of Linux shows it."""

from __future__ import annotations

import ipaddress
import socket
import struct
from dataclasses import dataclass

from windtunnel.http.origin import Origin

_UP, _GATEWAY = 0x1, 0x2


@dataclass(frozen=True, slots=True, kw_only=True)
class DefaultRoute:
    """The way to everywhere else: out of `interface`, to the router `gateway`."""

    interface: str
    gateway: str


def default_route(table: str) -> DefaultRoute | None:
    """The IPv4 default route of a table in the form of `/proc/net/route`, the one of the lowest metric.

    Addresses there are hexadecimal numbers in the byte order of the machine (Linux, Documentation/networking).
    """
    found: list[tuple[int, DefaultRoute]] = []
    for line in table.split("\n")[1:]:
        fields = line.split()
        try:
            interface, destination, gateway, flags = fields[0], fields[1], int(fields[2], 16), int(fields[3], 16)
            metric, mask = int(fields[6]), int(fields[7], 16)
        except (IndexError, ValueError):
            continue
        if int(destination, 16) == mask == 0 and flags & _UP and flags & _GATEWAY:
            address = socket.inet_ntoa(struct.pack("=I", gateway))
            found.append((metric, DefaultRoute(interface=interface, gateway=address)))
    return min(found, key=lambda each: each[0])[1] if found else None


def is_loopback(origin: Origin) -> bool:
    """Whether an origin is this machine itself, by its name or address."""
    host = origin.host.rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified
