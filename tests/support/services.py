"""Services that are not ours, each a process on a free port of localhost, for the journeys of the cookbook.

`make services` installs those from PyPI and npm, Debian has nginx and Caddy. Where one is missing its tests are
skipped, unless WINDTUNNEL_REQUIRE_SERVICES is set.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import ROOT

INSTALLED = ROOT / ".ci" / "services"
APPS = ROOT / "tests" / "services" / "apps"
CERTIFICATES = ROOT / "tests" / "integration" / "certificates"
START_TIMEOUT_S = 60.0
ACCOUNTS = {f"shopper-{number}": f"pass word {number}" for number in range(1, 11)}
"""Ten accounts, for ten users."""


@dataclass(frozen=True, kw_only=True)
class Service:
    """A running service: where it is, the environment a journey reads, the folder it works in."""

    url: str
    environment: Mapping[str, str]
    folder: Path


def python() -> str:
    """The Python that has the services of PyPI."""
    return program(INSTALLED / "bin" / "python")


def node_program(name: str) -> str:
    """A program of an npm package."""
    return program(INSTALLED / "node_modules" / ".bin" / name)


def program(name: str | Path) -> str:
    """The path of a program; without it the test is skipped, or fails where nothing may be."""
    found = shutil.which(name)
    if found is None:
        missing(str(name) if isinstance(name, str) else "what `make services` installs")
    assert found is not None
    return found


def postgres_program(name: str) -> str:
    """A program of PostgreSQL, which Debian keeps in a folder of its version."""
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or program(versions[-1] if versions else name)


def missing(what: str) -> None:
    """Skip, or fail where nothing may be skipped."""
    if os.environ.get("WINDTUNNEL_REQUIRE_SERVICES"):
        pytest.fail(f"not installed, and WINDTUNNEL_REQUIRE_SERVICES asks for it: {what}")
    pytest.skip(f"not installed: {what}")


@contextlib.contextmanager
def telling(command: Sequence[str], folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """A service that says in a line of JSON where it listens, and what else a journey has to know."""
    with _process(command, folder) as process:
        assert process.stdout is not None
        # One that hangs is killed, which ends its output and with it the wait for the line.
        watchdog = threading.Timer(START_TIMEOUT_S, process.kill)
        watchdog.start()
        line = process.stdout.readline()
        watchdog.cancel()
        assert line, _output(folder)
        told = json.loads(line)
        yield told["url"], told["environment"]


@contextlib.contextmanager
def listening(command: Sequence[str], folder: Path, port: int, *, user: str | None = None) -> Iterator[None]:
    """A service that says nothing: it is ready when its port takes a connection."""
    with _process(command, folder, user) as process:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not _accepts(port):
            assert process.poll() is None, _output(folder)
            assert time.monotonic() < deadline, f"nothing listens: {_output(folder)}"
            time.sleep(0.02)
        yield


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def _process(command: Sequence[str], folder: Path, user: str | None = None) -> Iterator[subprocess.Popen[str]]:
    with (folder / "output.txt").open("w") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=output,
            encoding="utf-8",
            user=user,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
        process.communicate()  # closes the pipe and collects the exit code


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _output(folder: Path) -> str:
    return (folder / "output.txt").read_text()[-4000:]
