"""`python -m tests.fuzz --minutes 10`: looks for cases that are answered wrongly, and prints each kind once.

`--case 7:1234` runs one case again and shows its files and the answer.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import SystemRandom

from tests.fuzz.cases import Case, Project, case_of, faults_of

MOST_MEMORY = 4 * 1024**3
SLOW_S = 3.0


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=SystemRandom().getrandbits(16))
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--case", help="run this one alone, such as 7:1234")
    options = parser.parse_args()
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a text stream of the interpreter
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        project = Project(folder=Path(folder))
        if options.case:
            seed, number = options.case.split(":")
            show(project, case_of(project, int(seed), int(number)))
        else:
            search(project, seed=options.seed, start=options.start, until=time.monotonic() + options.minutes * 60)
        os.chdir("/")


def search(project: Project, *, seed: int, start: int, until: float) -> None:
    found: Counter[str] = Counter()
    number = start
    while time.monotonic() < until:
        case = case_of(project, seed, number)
        began = time.process_time()
        for fault in faults_of(project, case):
            kind = kind_of(fault)
            found[kind] += 1
            if found[kind] == 1:
                print(f"\n--- case {case.name}\n{fault}", flush=True)
        if (took_s := time.process_time() - began) > SLOW_S:
            print(f"\n--- case {case.name} took {took_s:.1f} s", flush=True)
        number += 1
    print(f"\nseed {seed}: {number - start:,} cases, {sum(found.values()):,} faults of {len(found)} kinds")


def kind_of(fault: str) -> str:
    """Faults with one cause come as one kind: the end of a traceback, or the words without what differs."""
    frames = [line.strip() for line in fault.splitlines() if line.startswith("  File ")]
    return " ".join(frames[-2:]) if frames else fault[:60]


def show(project: Project, case: Case) -> None:
    for name, content in case.files.items():
        print(f"--- {name}\n{content.decode('utf-8', 'backslashreplace')}")
    print("--- flags", dict(case.flags), "environment", dict(case.environment), "arguments", case.arguments)
    print("\n".join(faults_of(project, case)) or "answered well")


if __name__ == "__main__":
    main()
