"""Files of a run that anyone may have written: read without following links, waiting, or believing them."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO, TypeVar

import msgspec

from windtunnel.errors import EvidenceError

T = TypeVar("T")

LATEST = "latest"
"""The name of the link to the newest run, beside the runs."""

LARGEST = 64 * 1024 * 1024
"""Bytes of a manifest, a summary or a baseline."""

NOT_DECODED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises for bytes that are not what they should be, however deep."""

_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)


class _Version(msgspec.Struct):
    schema_version: int = 1


def open_regular(path: Path, *, links: bool = False) -> BinaryIO:
    """Open a file to read it, never one that waits or has no end: a pipe, a device.

    Raises OSError; also for a link, unless `links` may lead to the file.
    """
    if not links and path.is_symlink():
        raise OSError(0, "it is a symbolic link")
    descriptor = os.open(path, _FLAGS | (0 if links else _NO_LINK))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(0, "it is not a regular file")
    return os.fdopen(descriptor, "rb")


def read_json(path: Path, type: type[T], *, what: str, version: int, links: bool = False) -> T:
    """Decode one file of a run as `type`. `what` it is, such as a manifest, and the `version` that can be read.

    Raises EvidenceError when it is missing, damaged, too large, or of a newer version.
    """
    try:
        with open_regular(path, links=links) as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise EvidenceError(f"can't read {path}: {error.strerror}") from None
    if len(content) > LARGEST:
        raise EvidenceError(f"{path} is larger than {LARGEST // 1024**2} MiB: not the {what} of a run")
    try:
        found = msgspec.json.decode(content, type=_Version).schema_version
        if found > version:
            raise newer_version(path, what, found, version)
        return msgspec.json.decode(content, type=type)
    except RecursionError:
        raise EvidenceError(f"{path} is nested too deep: not the {what} of a run") from None
    except NOT_DECODED as error:
        raise EvidenceError(f"{path} is not the {what} of a run: {_in_words(error)}") from None


def newer_version(path: Path, what: str, found: int, version: int) -> EvidenceError:
    """The error for a file of a version that is not known yet."""
    return EvidenceError(
        f"{path} was written by a newer version of Windtunnel: {what} of version {found}, "
        f"this one reads up to {version}",
        hint="use the version that wrote it, or a newer one",
    )


_WORDS = {"str": "text", "int": "a whole number", "float": "a number", "array": "a list", "object": "a mapping"}


def _in_words(error: BaseException) -> str:
    """What a decoder says, with words for its names of types: ``Expected text, got a list - at `$.run.name` ``."""
    said = str(error)
    for name, words in _WORDS.items():
        said = said.replace(f"`{name}`", words)
    return said
