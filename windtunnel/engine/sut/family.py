"""The processes that a process started. Linux knows more of them than other systems.

keeper ─┬─ command (a session and a process group of its own) ─┬─ its children
        └─ what such a child left behind when it ended: it comes to the keeper, also from another session
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_PARENT = 1
"""The place of the parent's id in `/proc/ID/stat`, counted from 0 after the name (proc(5))."""

_PRCTL = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


def adopt_orphans() -> None:
    """Make this process the parent of its descendants whose own parent has ended."""
    if _PRCTL is not None:
        _PRCTL(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_with_parent(parent: int) -> None:
    """Have the system kill this process when its parent ends, however that ends. For a child before its `exec`.

    `parent` is the process that made it: where that has ended already, this one ends at once.
    """
    if _PRCTL is not None:
        _PRCTL(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)


def descendants() -> dict[int, int]:
    """Every process below this one: its id, and that of its parent. Empty where the system has no `/proc`."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            _, _, after_name = (entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")
            parents[int(entry.name)] = int(after_name.split()[_PARENT])
    own = os.getpid()
    found: dict[int, int] = {}
    below = {own}
    while below:
        below = {pid for pid, parent in parents.items() if parent in below and pid not in found}
        found |= {pid: parents[pid] for pid in below}
    return found


def terminate(group: int) -> None:
    """SIGTERM to a process group, once, and to what has left it and come to this process."""
    send_to_group(group, signal.SIGTERM)
    own = os.getpid()
    for pid, parent in descendants().items():
        with contextlib.suppress(OSError):
            if parent == own and os.getpgid(pid) != group:
                os.kill(pid, signal.SIGTERM)


def kill(group: int) -> None:
    """SIGKILL to a process group and to every process below this one."""
    send_to_group(group, signal.SIGKILL)
    for pid in descendants():
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)


def send_to_group(group: int, number: signal.Signals) -> None:
    """A signal to every process of a group that is still there."""
    with contextlib.suppress(OSError):
        os.killpg(group, number)
