"""The machine that a job runs on: its processors, its system, and the container around the process."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from windtunnel.http.gateway import default_route
from windtunnel.model.readiness import ContainerNetwork

_MARKS = (Path("/.dockerenv"), Path("/run/.containerenv"))
"""Files that Docker and podman put into every container."""


def usable_processors() -> int:
    """Number of processors this process may use: what `--workers auto` means."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows have no affinity
        return os.cpu_count() or 1


def host_facts() -> dict[str, str]:
    """Python, operating system and number of processors, for the manifest."""
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cpus": str(os.cpu_count() or 0),
    }


def container_network() -> ContainerNetwork:
    """Whether this is a container, and the address of the Docker host.

    Read from the files of container engines and from the routing table.
    """
    if not any(mark.exists() for mark in _MARKS):
        return ContainerNetwork()
    try:
        route = default_route(Path("/proc/net/route").read_text(encoding="ascii"))
    except (OSError, UnicodeDecodeError):
        route = None
    if route is None or not _is_virtual_pair(route.interface):
        return ContainerNetwork(in_container=True)
    return ContainerNetwork(in_container=True, gateway=route.gateway)


def _is_virtual_pair(interface: str) -> bool:
    """Whether the interface is one end of a pair whose other end, the gateway, is on the Docker host.

    With `--network host` the interface is a real device, and its gateway a router.
    """
    device = Path("/sys/class/net") / interface
    try:
        return (device / "iflink").read_text() != (device / "ifindex").read_text()
    except OSError:
        return False
