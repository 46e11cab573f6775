"""Processes that a test looks at and did not start itself."""

from __future__ import annotations

import os
from pathlib import Path


def is_running(pid: int) -> bool:
    """Whether a process is there and has not ended: one that its parent did not collect yet has."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return not Path("/proc/self/stat").exists()
    return state_and_parent(stat)[0] != "Z"


def parent_of(pid: int) -> int:
    """The parent of a process, on Linux."""
    return state_and_parent(Path(f"/proc/{pid}/stat").read_text())[1]


def state_and_parent(stat: str) -> tuple[str, int]:
    """What /proc/ID/stat says behind the name, which may hold anything."""
    state, parent, *_ = stat.rpartition(")")[2].split()
    return state, int(parent)
