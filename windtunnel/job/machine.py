"""Where this process runs: on a machine, or in a container on one."""

from __future__ import annotations

from pathlib import Path

from windtunnel.http.gateway import default_route
from windtunnel.model.readiness import ContainerNetwork

_MARKS = (Path("/.dockerenv"), Path("/run/.containerenv"))
"""Files that Docker and podman put into every container."""


def container_network() -> ContainerNetwork:
    """The surroundings, from the marks of container engines and the routing table."""
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
    """Whether the other end is in the network of the machine around us, which then is the gateway.

    With the machine's own network (`--network host`) the interface is a device, and its gateway somebody's router.
    """
    device = Path("/sys/class/net") / interface
    try:
        return (device / "iflink").read_text() != (device / "ifindex").read_text()
    except OSError:
        return False
