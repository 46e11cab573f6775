"""The `windtunnel` command: called in this process, which takes no start, or run as a process of its own.

Both have the folder as working directory and an environment of their own, and answer alike.
"""

from __future__ import annotations

import contextlib
import gc
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from windtunnel.cli.main import main
from windtunnel.signals import NUMBERS

ENVIRONMENT = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "NO_COLOR": "1", "COLUMNS": "100"}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The end of a command. The names are those of `subprocess.CompletedProcess`."""

    returncode: int
    stdout: str
    stderr: str


def call(
    folder: Path, *args: str, environment: Mapping[str, str] | None = None, site: Path | None = None
) -> Answer:
    """Run `windtunnel ARGS` in this process; `environment` comes on top of a plain one.

    `site` is a folder of installed packages. What the command imports from there, or from `folder`, is forgotten
    afterwards.
    """
    written = io.BytesIO(), io.BytesIO()
    out, err = (io.TextIOWrapper(stream, encoding="utf-8") for stream in written)
    with (
        _process_state(folder, ["windtunnel", *args], environment or {}, site),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
            code: int | str | None = 0
        except SystemExit as ended:
            code = ended.code
    out.flush()
    err.flush()
    stdout, stderr = (stream.getvalue().decode() for stream in written)
    if isinstance(code, str):
        return Answer(returncode=1, stdout=stdout, stderr=f"{stderr}{code}\n")
    return Answer(returncode=int(code or 0), stdout=stdout, stderr=stderr)


@contextlib.contextmanager
def _process_state(
    folder: Path, argv: list[str], environment: Mapping[str, str], site: Path | None
) -> Iterator[None]:
    """What a new process would have of its own."""
    working_directory, path, modules = Path.cwd(), sys.path[:], set(sys.modules)
    handlers = {number: signal.getsignal(number) for number in NUMBERS}
    with (
        mock.patch.object(sys, "argv", argv),
        mock.patch.dict(os.environ, {**ENVIRONMENT, **environment}, clear=True),
        Path(os.devnull).open(encoding="utf-8") as nothing,
        mock.patch.object(sys, "stdin", nothing),
    ):
        os.chdir(folder)
        if site is not None:
            sys.path.insert(0, str(site))
        # A run begins with a collection of all garbage: not of what earlier tests left, which can be 600 MB.
        gc.freeze()
        try:
            yield
        finally:
            gc.unfreeze()
            os.chdir(working_directory)
            sys.path[:] = path
            for number, handler in handlers.items():
                signal.signal(number, handler)
            for name in set(sys.modules) - modules:
                file = getattr(sys.modules[name], "__file__", None)
                if file and any(Path(file).is_relative_to(each) for each in (folder, site) if each):
                    del sys.modules[name]


def command(*args: str) -> list[str]:
    """The command as a process."""
    return [sys.executable, "-m", "windtunnel", *args]


def run_process(
    folder: Path, *args: str, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `windtunnel ARGS` as a process and wait for its end."""
    return subprocess.run(
        command(*args),
        cwd=folder,
        env={**ENVIRONMENT, **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


@contextlib.contextmanager
def started(
    folder: Path, *args: str, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """`windtunnel ARGS` as a process while the block lasts; whatever is left of it then is killed."""
    with subprocess.Popen(
        command(*args),
        cwd=folder,
        env={**ENVIRONMENT, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def until(happened: Callable[[], object], process: subprocess.Popen[str] | None = None) -> None:
    """Wait for something that a process does while it runs. The timeout of the test is the limit."""
    while not happened():
        assert process is None or process.poll() is None, "the process ended before it happened"
        time.sleep(0.02)


def answer_of(process: subprocess.Popen[str]) -> Answer:
    """The end of a process, when it has come."""
    stdout, stderr = process.communicate()
    return Answer(returncode=process.returncode, stdout=stdout, stderr=stderr)
