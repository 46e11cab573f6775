"""User instructions of a program, counted by `valgrind --tool=callgrind`."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

EVENT_LOOP = re.compile(r"__pyx_pw_\w+Loop_\d+run_until_complete")
"""uvloop's compiled `Loop.run_until_complete`: everything that happens while the event loop runs is inside it."""

_COST = tuple("0123456789+-*")
"""What a line with a cost begins with: a position, absolute, relative or as before."""

_FUNCTION = re.compile(r"(c?fn)=\((\d+)\)(?: (.+))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Instructions:
    """`total` instructions of the whole process, `in_loop` of them inside the event loop; 0 when it has none."""

    total: int
    in_loop: int


def count_instructions(
    command: Sequence[str], *, folder: Path, environment: Mapping[str, str], succeeds: Sequence[int] = (0,)
) -> Instructions:
    """Run a command to its end under callgrind, in `folder`, with exactly this environment.

    Takes some 50 times as long as without. Raises RuntimeError without valgrind, and with the command's output
    when its exit code is another one.
    """
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise RuntimeError("valgrind is not installed: apt-get install valgrind")
    profile = folder / "callgrind.out"
    tool = [valgrind, "--tool=callgrind", f"--callgrind-out-file={profile}"]
    ended = subprocess.run(
        [*tool, *command],
        cwd=folder,
        env=dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if ended.returncode not in succeeds:
        raise RuntimeError(f"{' '.join(command)} ended with {ended.returncode}\n{ended.stdout[-4000:]}")
    with profile.open(encoding="utf-8", errors="replace") as lines:
        counted = read_profile(lines)
    profile.unlink()
    return counted


def read_profile(lines: Iterable[str]) -> Instructions:
    """The totals of a callgrind profile that has one event (`Ir`).

    A function's block begins at its `fn=` line. A line `position cost` is a cost of the function itself; below a
    `calls=` line it is the cost of that callee with everything it calls. The sum of both kinds is the inclusive
    cost. Names are given once, `(id) name`, and by their id from then on.
    Raises ValueError when the text is no such profile.
    """
    names: dict[str, str] = {}
    total: int | None = None
    in_loop = 0
    inside = False
    for line in lines:
        if match := _FUNCTION.match(line):
            kind, number, name = match.groups()
            if name is not None:
                names[number] = name
            if kind == "fn":
                inside = EVENT_LOOP.fullmatch(names[number]) is not None
        elif inside and line.startswith(_COST):
            in_loop += int(line.split()[1])
        elif line.startswith("events:") and line.split()[1:] != ["Ir"]:
            raise ValueError(f"the profile counts other events than instructions: {line.strip()}")
        elif line.startswith("summary:"):
            total = int(line.split()[1])
    if total is None:
        raise ValueError("the profile has no summary line")
    return Instructions(total=total, in_loop=in_loop)
