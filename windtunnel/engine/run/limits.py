"""The operating system's limits, raised as far as they go, and compared with what a load can need."""

from __future__ import annotations

import contextlib
from pathlib import Path

from windtunnel.model.plan import TestPlan

OWN_FILES = 50
"""Open files of a process besides its connections: records, libraries, event loop, pipes; generously."""


def raise_open_file_limit() -> int:
    """Raise the soft limit of open files to the hard one; returns what holds now, 0 without such a limit."""
    try:
        import resource
    except ImportError:
        return 0
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # macOS reports no hard limit and refuses to set that: keep the soft one then.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    return soft


def local_ports() -> int:
    """How many connections this machine can have to one address and port; 0 where nobody says."""
    try:
        low, high = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()
        return int(high) - int(low) + 1
    except (OSError, ValueError):
        return 0


def shortages(test_plan: TestPlan, *, open_files: int, ports: int) -> list[str]:
    """What a load can need and this machine does not give, a sentence each. Limits of 0 are unknown ones.

    A user keeps a connection to each service it speaks to; a load may well need less than that.
    """
    sut = test_plan.sut
    services = {each.base_url for each in (sut.default, *sut.services.values()) if each is not None}
    users = test_plan.most_at_once
    files = -(-users // test_plan.workers) * len(services) + OWN_FILES
    found = []
    if open_files and files > open_files:
        found.append(
            f"{users:,} instances at once can need {files:,} open files, and a process may have {open_files:,} "
            "here: raise the limit with `ulimit -n`, use more --workers or fewer users"
        )
    if ports and users > ports:
        found.append(
            f"{users:,} instances at once can need as many local ports, and there are {ports:,} here: widen "
            "net.ipv4.ip_local_port_range, or use fewer users or a second machine"
        )
    return found
