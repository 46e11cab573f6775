"""The process that runs load: its clock, its event loop, and the limits of the operating system."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from windtunnel.errors import ConfigError, EvidenceError, is_interrupt
from windtunnel.model.plan import TestPlan

T = TypeVar("T")

YOUNG_OBJECTS = 50_000
"""The number of new container objects after which the garbage collector looks at the youngest ones."""

FEWEST_FILES = 32
"""Limit of open files below which no run is started: the event loop and the records alone may not fit."""

FILES_PER_WORKER = 4

_MEND_CODE = "end a task with `return`, and leave the event loop and the tasks of others alone"

OWN_FILES = 50
"""Maximum number of open files of a process without its connections: records, libraries, event loop, pipes."""


class SystemClock:
    """`time.perf_counter` with one fixed offset to unix time, so that no step of the wall clock shows in a run."""

    __slots__ = ("_offset",)

    now = staticmethod(time.perf_counter)

    def __init__(self) -> None:
        self._offset = time.time() - time.perf_counter()

    def unix(self, now: float | None = None) -> float:
        """The unix time that belongs to a reading of `now()`, the present one by default."""
        return self._offset + (time.perf_counter() if now is None else now)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


def run_loop(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine on uvloop where it is installed.

    What was compiled is never garbage, so that no collection needs to look at it again; and a run makes next to no
    cycles, so that collections can be rare (at the default of 700 objects they took a sixth of the CPU). Both are
    reset afterwards, since the process may be that of a caller of `windtunnel.run()`. Raises EvidenceError
    when code of the scenarios ended the loop.
    """
    gc.collect()
    gc.freeze()
    thresholds = gc.get_threshold()
    gc.set_threshold(YOUNG_OBJECTS, 20, 50)
    try:
        return _run(main)
    except BaseException as error:
        if (reason := _broken_by(error)) is None:
            raise
        raise EvidenceError(reason, hint=_MEND_CODE) from None
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


def _run(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    try:
        import uvloop
    except ImportError:
        return asyncio.run(main())
    if sys.version_info >= (3, 11):
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(main())
    before = asyncio.get_event_loop_policy()
    uvloop.install()
    try:
        return asyncio.run(main())
    finally:
        asyncio.set_event_loop_policy(before)


def _broken_by(error: BaseException) -> str | None:
    """How code in the loop ended the loop itself; None for an exception that is none of its doing.

    A task that such code starts raises SystemExit and KeyboardInterrupt in the loop, not in an instance.
    """
    if isinstance(error, SystemExit) or (type(error) is KeyboardInterrupt and not is_interrupt(error)):
        return f"the run ended early: a task of the scenarios' code raised {type(error).__name__}"
    if isinstance(error, asyncio.CancelledError):
        return "the run ended early: code of the scenarios cancelled all tasks"
    if isinstance(error, RuntimeError) and str(error).startswith("Event loop stopped before"):
        return "the run ended early: code of the scenarios stopped the event loop"
    return None


def require_open_files(workers: int) -> None:
    """Raise ConfigError when this process may not open the files that a run with this many workers needs."""
    limit, needed = raise_open_file_limit(), FEWEST_FILES + (FILES_PER_WORKER * workers if workers > 1 else 0)
    if 0 < limit < needed:
        raise ConfigError.of(
            f"this process may open {limit} files, and the run needs at least {needed}",
            hint="raise the limit: ulimit -n 1024",
        )


def raise_open_file_limit() -> int:
    """Raise the soft limit of open files to the hard one; return the limit, 0 where the system has none."""
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
    """The number of connections this machine can have to one address and port; 0 where it is unknown."""
    try:
        low, high = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()
        return int(high) - int(low) + 1
    except (OSError, ValueError):
        return 0


def shortages(test_plan: TestPlan, *, open_files: int, ports: int) -> list[str]:
    """What a load can need beyond the limits of this machine, a sentence each. A limit of 0 is unknown.

    An upper bound: each user with a connection to each service.
    """
    sut = test_plan.sut
    services = {each.base_url for each in (sut.default, *sut.services.values()) if each is not None}
    users = test_plan.most_at_once
    files = -(-users // test_plan.workers) * len(services) + OWN_FILES
    found = []
    if open_files and files > open_files:
        found.append(
            f"{users:,} concurrent instances can need {files:,} open files, but the limit here is {open_files:,}: "
            "raise it with `ulimit -n`, or use more --workers or fewer users"
        )
    if ports and users > ports:
        found.append(
            f"{users:,} concurrent instances can need as many local ports, but there are {ports:,} here: widen "
            "net.ipv4.ip_local_port_range, or use fewer users or a second machine"
        )
    return found
