"""What an exception of the user's code is told as: its kind, what it says, and the user's own frames."""

from __future__ import annotations

import os
import sysconfig
import traceback
from pathlib import Path

MOST_FRAMES = 5
"""Frames that are shown, the innermost ones."""

_OURS = str(Path(__file__).parents[2]) + os.sep
_LIBRARY = tuple({sysconfig.get_path(name) + os.sep for name in ("stdlib", "platstdlib", "purelib", "platlib")})


def describe_exception(error: BaseException) -> tuple[str, str]:
    """Its kind, and the sentence with the places below it: `KeyError: 'id'`, then `  at shop.py:12 in buy`.

    Frames of Python's library, of installed packages and of Windtunnel are left out, unless there is no other.
    """
    kind = type(error).__name__
    said = str(error).strip()
    frames = list(traceback.extract_tb(error.__traceback__))
    own = [frame for frame in frames if _is_users(frame.filename)] or frames[-1:]
    places = [f"\n  at {_short(frame.filename)}:{frame.lineno} in {frame.name}" for frame in own[-MOST_FRAMES:]]
    return kind, (f"{kind}: {said}" if said else kind) + "".join(reversed(places))


def _is_users(filename: str) -> bool:
    return not (filename.startswith(("<", _OURS, *_LIBRARY)))


def _short(filename: str) -> str:
    """The path as somebody who stands in the working directory would write it."""
    short = os.path.relpath(filename)
    return filename if short.startswith(os.pardir) else short
