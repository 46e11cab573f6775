"""Where a job runs: the processors, the system, the container around the process, and the checkout."""

from __future__ import annotations

import os
import platform
import re
import socket
import struct
from dataclasses import dataclass
from pathlib import Path

from windtunnel.errors import ExpressionError
from windtunnel.model.sut import ContainerNetwork
from windtunnel.project import Project

_MARKS = (Path("/.dockerenv"), Path("/run/.containerenv"))
"""Files that Docker and podman put into every container."""

_UP, _GATEWAY = 0x1, 0x2
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_MAX_GIT_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class DefaultRoute:
    """The route to every other network: out of `interface`, to the router `gateway`."""

    interface: str
    gateway: str


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


def checked_out_commit() -> str | None:
    """The commit that `.git` of this folder or one above it has checked out, read without running git."""
    for folder in (Path.cwd(), *Path.cwd().parents):
        git = folder / ".git"
        if git.is_dir():
            return _head(git)
    return None


def _head(git: Path) -> str | None:
    """The commit in a `.git`, which can say anything when it was made by hand."""
    project = Project(folder=os.path.realpath(git))

    def text(name: str) -> str:
        return project.read(git / name, most=_MAX_GIT_BYTES).decode("utf-8").strip()

    try:
        head = text("HEAD")
        if head.startswith("ref: "):
            name = head[5:]
            if (git / name).is_file():
                head = text(name)
            else:
                found = [line.split()[0] for line in text("packed-refs").splitlines() if line.endswith(f" {name}")]
                head = found[0] if found else ""
    except (ExpressionError, OSError, UnicodeDecodeError, ValueError):
        return None
    return head if _COMMIT.fullmatch(head) else None
