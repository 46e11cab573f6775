"""Where this process runs: on a host, or in a container on one, and at which address that host is."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from pathlib import Path

from windtunnel.model.readiness import ContainerNetwork

_MARKS = (Path("/.dockerenv"), Path("/run/.containerenv"))
"""Files that Docker and podman put into every container."""

_UP, _GATEWAY = 0x1, 0x2


@dataclass(frozen=True, slots=True, kw_only=True)
class DefaultRoute:
    """The route to every other network: out of `interface`, to the router `gateway`."""

    interface: str
    gateway: str


def container_network() -> ContainerNetwork:
    """The network of this process, from the marks of container engines and the routing table."""
    if not any(mark.exists() for mark in _MARKS):
        return ContainerNetwork()
    try:
        route = default_route(Path("/proc/net/route").read_text(encoding="ascii"))
    except (OSError, UnicodeDecodeError):
        route = None
    if route is None or not _is_one_end_of_a_pair(route.interface):
        return ContainerNetwork(in_container=True)
    return ContainerNetwork(in_container=True, gateway=route.gateway)


def _is_one_end_of_a_pair(interface: str) -> bool:
    """Whether the other end of the interface is in the network of the container's host, which then is the gateway.

    With the host's own network (`--network host`) the interface is a device, and its gateway another router.
    """
    device = Path("/sys/class/net") / interface
    try:
        return (device / "iflink").read_text() != (device / "ifindex").read_text()
    except OSError:
        return False


def default_route(table: str) -> DefaultRoute | None:
    """The IPv4 default route with the lowest metric in a table in the format of `/proc/net/route`.

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
