"""Commands of the user: run without a shell, within a time, in a process group that ends with them.

"docker pause shop"   is split into words as a shell does it: quotes and backslashes, nothing else
[docker, pause, shop] is taken as it is
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import signal
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

from windtunnel.errors import ExpressionError
from windtunnel.figures import as_written
from windtunnel.tasks import within
from windtunnel.turbulence.drivers.driver import LONGEST_EVIDENCE, Reach

_READ_BYTES = 64 * 1024
"""Bytes of the output that are read, from its end."""

_TO_END_S = 0.5
"""Seconds that a process group has between SIGTERM and SIGKILL."""

_SHELL_WORDS = frozenset({"|", "||", "&", "&&", ";", ">", ">>", "<", "2>", "2>&1", "&>"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended: its exit code (negative for a signal), None when it did not start or end by itself.

    `problem` says why it is no success, None for exit code 0. `output` is the end of what it printed.
    """

    code: int | None
    problem: str | None
    output: str


def command_of(value: object) -> tuple[str, ...]:
    """The words of a command, which is written as a text or as a list of texts.

    Raises ExpressionError for an empty one, one that needs a shell, and quotes that are not closed.
    """
    if isinstance(value, str):
        words = _split(value)
    elif isinstance(value, list | tuple):
        words = [str(word) for word in value]
    else:
        raise ExpressionError("a command is a text or a list of texts", hint="write: [docker, pause, shop]")
    if not words or not words[0].strip():
        raise ExpressionError("the command is empty", hint="write the program and its arguments")
    if any("\0" in word for word in words):
        raise ExpressionError("a command can't hold a NUL character")
    return tuple(words)


def _split(text: str) -> list[str]:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ExpressionError(f"the command can't be split into words: {str(error).lower()}") from None
    used = next((word for word in words if word in _SHELL_WORDS or word.startswith(("$(", "`"))), None)
    if used is not None or any(word.endswith(";") for word in words):
        raise ExpressionError(
            f"the command runs without a shell, to which {used or ';'!r} means nothing",
            hint=f"to run it in one, write: [sh, -c, {shlex.quote(text)}]",
        )
    return words


def as_typed(command: Sequence[str]) -> str:
    """The command as it is typed in a shell."""
    return shlex.join(command)


async def run_command(command: Sequence[str], reach: Reach, *, within_s: float) -> Ended:
    """Run a command to its end. Its process group is ended when the time is over or the call is cancelled.

    What the command left running in the background stays when it ends by itself in time.
    """
    hide = reach.hide
    try:
        with tempfile.TemporaryFile() as output:
            code = await _code_of(command, reach, within_s, output)
            printed = _end_of(output, hide)
    except FileNotFoundError:
        return Ended(code=None, problem=f"there is no program {hide(command[0])!r}", output="")
    except OSError as error:
        return Ended(code=None, problem=f"can't start {hide(command[0])!r}: {error.strerror}", output="")
    except ValueError:  # the name of a fault is in the environment, and heal reads it from a file of anyone
        why = "its words or its variables hold a character that none can have"
        return Ended(code=None, problem=f"can't start {hide(command[0])!r}: {why}", output="")
    if code is None:
        return Ended(
            code=None, problem=f"{hide(command[0])!r} took longer than {as_written(within_s)}", output=printed
        )
    if code == 0:
        return Ended(code=0, problem=None, output=printed)
    how = f"exited {code}" if code > 0 else f"was ended by {_signal_name(-code)}"
    said = f": {_last_line(printed)}" if printed else ""
    return Ended(code=code, problem=f"{hide(command[0])!r} {how}{said}", output=printed)


async def _code_of(command: Sequence[str], reach: Reach, within_s: float, output: BinaryIO) -> int | None:
    """The exit code of a command, None when its time was over."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        # Not a pipe: what the command leaves in the background may go on writing.
        stdout=output,
        stderr=asyncio.subprocess.STDOUT,
        env=dict(reach.environment),
        start_new_session=True,
        preexec_fn=reach.in_child and partial(reach.in_child, os.getpid()),
    )
    try:
        return await within(within_s, process.wait())
    except asyncio.TimeoutError:
        await _end(process)
        return None
    except asyncio.CancelledError:
        await _end(process)
        raise


async def _end(process: asyncio.subprocess.Process) -> None:
    """End a process and all that it started in its group."""
    try:
        _signal_group(process, signal.SIGTERM)
        with contextlib.suppress(asyncio.TimeoutError):
            await within(_TO_END_S, process.wait())
    finally:
        _signal_group(process, getattr(signal, "SIGKILL", signal.SIGTERM))
    # Not for ever: a process that waits for a disk or a device that hangs does not end.
    with contextlib.suppress(asyncio.TimeoutError):
        await within(_TO_END_S, process.wait())


def _signal_group(process: asyncio.subprocess.Process, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, number)  # it leads its own session, so its id is that of its group
        else:  # Windows
            process.send_signal(number)


def _end_of(output: BinaryIO, hide: Callable[[str], str]) -> str:
    """The end of what was printed, without secrets. One that the first cut goes through is cut off."""
    length = output.seek(0, os.SEEK_END)
    output.seek(max(0, length - _READ_BYTES))
    return hide(output.read(_READ_BYTES).decode("utf-8", "replace")).strip()[-LONGEST_EVIDENCE:]


def _last_line(printed: str) -> str:
    return printed.splitlines()[-1].strip()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
