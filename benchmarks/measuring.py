"""A program as a whole: its CPU time, its wall time and its memory, all of its processes counted."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Measured", "measure"]

LOOK_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """`cpu_s` is user + system of every process, `memory` the most that all had in RAM together, in bytes."""

    cpu_s: float
    wall_s: float
    memory: int
    output: str


def measure(
    command: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str] | None = None,
    succeeds: Sequence[int] = (0,),
) -> Measured:
    """Run a command to its end. Raises RuntimeError, with what it printed, when its exit code is another one."""
    _allow_open_files()
    began = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    watch = _Watch(process.pid)
    watch.start()
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)  # of the process and of all that it waited for
    wall_s = time.perf_counter() - began
    watch.ended.set()
    watch.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in succeeds:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}\n{output[-4000:]}")
    return Measured(cpu_s=usage.ru_utime + usage.ru_stime, wall_s=wall_s, memory=watch.most, output=output)


class _Watch(threading.Thread):
    """Looks at the memory of a process and its children while they live."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self.ended = threading.Event()
        self.most = 0

    def run(self) -> None:
        while not self.ended.wait(LOOK_S):
            self.most = max(self.most, sum(_resident(pid) for pid in _family(self._pid)))


def _family(pid: int) -> list[int]:
    found = [pid]
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += _family(int(child))
    return found


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()
    except (OSError, IndexError):
        return 0


def _allow_open_files() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
