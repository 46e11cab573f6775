"""The shop as a child process, so that it does not share an event loop with what measures it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType

import msgspec

from windtunnel.demo.settings import ShopSettings
from windtunnel.errors import UnreachableError

_START_TIMEOUT_S = 20.0
_STOP_TIMEOUT_S = 3.0


class ShopProcess:
    """`with ShopProcess(settings) as shop:` runs the shop at `shop.base_url` while the block lasts.

    It takes a free port on localhost and ends when the block does, or when this process dies. Ctrl-C in the
    terminal reaches this process only, which may still have requests to finish. Entering blocks until the shop
    accepts connections (about half a second) and raises UnreachableError when it does not come up.
    """

    def __init__(self, settings: ShopSettings | None = None) -> None:
        self._settings = settings or ShopSettings()
        self._process: subprocess.Popen[str] | None = None
        self._base_url = ""

    @property
    def base_url(self) -> str:
        """Where the shop can be reached, without a slash at its end; empty before the start."""
        return self._base_url

    @property
    def pid(self) -> int | None:
        """The child's process id; None when it isn't running."""
        return self._process.pid if self._process else None

    def __enter__(self) -> ShopProcess:
        settings = msgspec.json.encode(self._settings).decode()
        command = [sys.executable, "-m", "windtunnel.demo", "--port", "0", "--settings", settings, "--with-stdin"]
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own module
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            # The directory that holds this package: the child then runs the same code, wherever we were started.
            cwd=Path(__file__).parents[2],
            start_new_session=os.name == "posix",
        )
        self._base_url = self._read_base_url(self._process)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop()

    def _read_base_url(self, process: subprocess.Popen[str]) -> str:
        assert process.stdout is not None
        # A child that hangs is killed, which ends its output and with it the wait for the line.
        watchdog = threading.Timer(_START_TIMEOUT_S, process.kill)
        watchdog.start()
        try:
            ready_line = process.stdout.readline()
        except BaseException:
            self._stop()
            raise
        finally:
            watchdog.cancel()
        if not ready_line:
            self._stop()
            raise UnreachableError(
                f"the demo shop did not start (exit code {process.returncode})",
                hint=f"to see the error, run: {Path(sys.executable).name} -m windtunnel.demo",
            )
        return ready_line.split()[-1]

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
        process.communicate()  # closes the pipes and collects the exit code
