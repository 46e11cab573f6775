"""The way back: on disk before a fault is applied, so that it can be walked whatever becomes of the process.

turbulence/undo.jsonl    a line before each fault, another one when it is undone:

    {"number":1,"fault":"pause","kind":"hook","arguments":{"revert":["docker","unpause","shop"]},"by_hand":"…"}
    {"undone":1}

A step is data, a kind and its arguments, and undone last-in first-out. A last line that is torn is that of a fault
that was not applied yet, or of a step that is undone once more. While a run goes on, it holds a lock on the file.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import stat
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from windtunnel.errors import ConfigError, EvidenceError

UNDO_FILE = "turbulence/undo.jsonl"
"""The file, in the directory of a run."""

LARGEST = 64 * 1024 * 1024
"""The maximum size of the file in bytes."""

MOST_DAMAGED = 20
"""How many lines that can't be read are told one by one."""

_MOST_READ_DAMAGED = 10_000
"""With more of them it is no way back: reading each would take minutes."""

_AGAIN_S = 0.02

_NOT_DECODED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
_APPEND = os.O_RDWR | os.O_APPEND | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)


class UndoStep(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """How to undo one fault. `kind` is that of the driver which takes `arguments`.

    `by_hand` is the command to type where the driver can't. `hidden`: parts of the arguments are secret and not
    in the file. `number` counts from 1.
    """

    number: int
    fault: str
    kind: str
    arguments: dict[str, Any]
    by_hand: str
    hidden: bool = False


class _Undone(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The step with the number `undone` is undone."""

    undone: int


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """What a file says is left to undo, the latest step first; `damage` are its lines that can't be read.

    `torn`: bytes of a last line that was not written to its end; `unended`: it is whole but for its line feed.
    """

    steps: list[UndoStep]
    damage: list[str]
    torn: int = 0
    unended: bool = False


class UndoLog:
    """The way back of one run. Owned by the process that does the faults, or that heals what it left."""

    def __init__(self, descriptor: int, path: Path, left: Left, hide: Callable[[str], str] = str) -> None:
        self.path = path
        self._hide = hide
        self.damage = left.damage
        self._descriptor = descriptor
        self._left = {step.number: step for step in reversed(left.steps)}
        self._next = max((1, *(number + 1 for number in self._left)))

    @classmethod
    def create(cls, directory: Path, *, hide: Callable[[str], str]) -> UndoLog:
        """The empty log of a new run, in which `hide` leaves no secret.

        Raises EvidenceError when it can't be written.
        """
        path = directory / UNDO_FILE
        try:
            path.parent.mkdir(exist_ok=True)
            descriptor = os.open(path, _APPEND | os.O_CREAT | os.O_EXCL, 0o644)
            _sync_folder(path.parent)
            _sync_folder(directory)
        except OSError as error:
            raise _cannot_write(path, error) from None
        _lock(descriptor)
        return cls(descriptor, path, Left(steps=[], damage=[]), hide)

    @classmethod
    def reopen(cls, directory: Path, *, patience_s: float = 0.0) -> UndoLog | None:
        """The log of a run that has ended, None for a run without one.

        What a run that was killed has just started ends within `patience_s`, and with it its hold on the file.
        Raises ConfigError while the run goes on, EvidenceError when the file can't be read.
        """
        path = directory / UNDO_FILE
        if not os.path.lexists(path):
            return None
        try:
            if path.parent.is_symlink():
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
            descriptor = os.open(path, _APPEND)
        except OSError as error:
            raise EvidenceError(f"can't open {path}: {error.strerror}") from None
        try:
            if not _lock(descriptor, patience_s):
                raise ConfigError.of(
                    f"the run {directory.name} still goes on, and undoes its faults itself",
                    hint="end it with Ctrl-C or SIGTERM first",
                )
            left = read_left(path)
            _mend(descriptor, left)
        except OSError as error:
            os.close(descriptor)
            raise _cannot_write(path, error) from None
        except BaseException:
            os.close(descriptor)
            raise
        return cls(descriptor, path, left)

    @property
    def left(self) -> tuple[UndoStep, ...]:
        """The steps that are not undone, the latest first."""
        return tuple(reversed(self._left.values()))

    def add(self, *, fault: str, kind: str, arguments: Mapping[str, Any], by_hand: str) -> UndoStep:
        """Write a step to the disk, and return it when it is there: only then may the fault be applied.

        What is secret in it is not written. Raises EvidenceError when the disk refuses.
        """
        step = UndoStep(number=self._next, fault=fault, kind=kind, arguments=dict(arguments), by_hand=by_hand)
        shown = _without_secrets(step.arguments, self._hide)
        self._append(
            msgspec.structs.replace(
                step,
                fault=self._hide(fault),
                arguments=shown,
                by_hand=self._hide(by_hand),
                hidden=shown != step.arguments,
            )
        )
        self._next += 1
        self._left[step.number] = step
        return step

    def undone(self, step: UndoStep) -> None:
        """Note that a step is undone. When the disk refuses it will be undone once more, which changes nothing."""
        self._left.pop(step.number, None)
        with contextlib.suppress(EvidenceError):
            self._append(_Undone(undone=step.number))

    def close(self) -> None:
        """Close the file, which ends its lock. Safe to call twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _append(self, line: UndoStep | _Undone) -> None:
        content = msgspec.json.encode(line) + b"\n"
        before = None
        try:
            before = os.fstat(self._descriptor).st_size
            written = 0
            while written < len(content):
                written += os.write(self._descriptor, content[written:])
            os.fsync(self._descriptor)
        except OSError as error:
            with contextlib.suppress(OSError):
                if before is not None:
                    os.ftruncate(self._descriptor, before)
            raise _cannot_write(self.path, error) from None


def read_left(path: Path) -> Left:
    """What a file says is left to undo. Anyone may have written it, so nothing in it is believed.

    Raises EvidenceError when the file can't be read.
    """
    steps: dict[int, UndoStep] = {}
    damage: list[str] = []
    content = _content(path)
    torn = content[content.rfind(b"\n") + 1 :]
    unended = _read_line(torn) is not None
    unread = 0
    for number, line in enumerate(
        io.BytesIO(content if unended else content[: len(content) - len(torn)]), start=1
    ):
        read = _read_line(line)
        if isinstance(read, UndoStep):
            steps[read.number] = read
        elif read is not None:
            steps.pop(read.undone, None)
        elif unread < _MOST_READ_DAMAGED:
            unread += 1
            if unread <= MOST_DAMAGED:
                damage.append(f"line {number} of {path} can't be read")
        else:
            raise EvidenceError(f"{path} holds {unread:,} lines that can't be read: not the way back of a run")
    in_order = sorted(steps.values(), key=lambda step: step.number, reverse=True)
    return Left(steps=in_order, damage=damage, torn=len(torn), unended=unended)


def _mend(descriptor: int, left: Left) -> None:
    """End a torn line, or cut it off: it would become a part of the next one."""
    if left.unended:
        os.write(descriptor, b"\n")
    elif left.torn:
        os.ftruncate(descriptor, os.fstat(descriptor).st_size - left.torn)


def _read_line(line: bytes) -> UndoStep | _Undone | None:
    with contextlib.suppress(*_NOT_DECODED):
        return msgspec.json.decode(line, type=UndoStep)
    with contextlib.suppress(*_NOT_DECODED):
        return msgspec.json.decode(line, type=_Undone)
    return None


def _content(path: Path) -> bytes:
    try:
        descriptor = os.open(path, _READ)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(0, "it is not a regular file")
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise EvidenceError(f"can't read {path}: {error.strerror}") from None
    if len(content) > LARGEST:
        raise EvidenceError(f"{path} is larger than {LARGEST // 1024**2} MiB: not the way back of a run")
    return content


def _without_secrets(value: Any, hide: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return hide(value)
    if isinstance(value, Mapping):
        return {key: _without_secrets(item, hide) for key, item in value.items()}
    return [_without_secrets(item, hide) for item in value] if isinstance(value, list) else value


def _lock(descriptor: int, patience_s: float = 0.0) -> bool:
    """Whether this process alone has the file from now on, until it closes it or ends."""
    try:
        import fcntl
    except ImportError:  # Windows
        return True
    until = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                return False
            time.sleep(_AGAIN_S)
        except OSError:  # a file system without locks
            return True
        else:
            return True


def _sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk, where the system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _cannot_write(path: Path, error: OSError) -> EvidenceError:
    return EvidenceError(f"can't write {path}: {error.strerror}; without a way back no fault is applied")
