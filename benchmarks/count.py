"""`make count`: the user instructions of a request and of a start, by `valgrind --tool=callgrind`.

Instructions repeat where times do not: other load on the machine changes them by half a percent at most. The cost
of a request is counted inside the event loop alone. It is the difference of two runs of different length, divided
by the further requests, so that starting and opening connections cancel out. Bytecode is written beforehand, as
pip does when it installs. Beside Windtunnel stands the floor: the same journey hard-coded (`benchmarks/floor.py`).

`BENCH_PYTHON` picks the interpreter, which must have Windtunnel's dependencies. Figures of two Python builds do
not compare.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.callgrind import Instructions, count_instructions
from benchmarks.counts import FIGURES, REQUESTS_PER_INSTANCE, Counts, Sizes, compare, describe, per_request
from benchmarks.service import nginx

ROOT = Path(__file__).parents[1]
JOURNEY = ROOT / "benchmarks" / "journey" / "scenarios" / "cart.yaml"

DESCRIBE_PYTHON = """
import json, platform, sysconfig
from importlib.metadata import distributions
configured = sysconfig.get_config_var("CONFIG_ARGS") or ""
flags = " ".join(str(sysconfig.get_config_var(f"PY_{kind}")) for kind in ("CFLAGS", "CORE_CFLAGS", "CORE_LDFLAGS"))
print(json.dumps({
    "python": {
        "implementation": platform.python_implementation(),
        "version": platform.python_version(),
        "compiler": platform.python_compiler(),
        "machine": platform.machine(),
        "pgo": "--enable-optimizations" in configured or "-fprofile-use" in flags,
        "lto": "--with-lto" in configured or "-flto" in flags,
    },
    "packages": {each.metadata["Name"]: each.version for each in distributions()},
}))
"""


class Counter:
    """Counts the commands of one source tree. `folder` is scratch space, `base_url` where the service answers."""

    def __init__(self, *, python: str, tree: Path, folder: Path, base_url: str, sizes: Sizes) -> None:
        self._python, self._tree, self._sizes = python, tree, sizes
        self._folder, self._base_url = folder, base_url
        (folder / "sut.yaml").write_text(f"name: service\nbase_url: {base_url}\n")
        (folder / "scenario.yaml").write_text(JOURNEY.read_text())
        for root, package in ((tree, "windtunnel"), (ROOT, "benchmarks")):
            compiling = [python, "-m", "compileall", "-q", str(root / package)]
            subprocess.run(compiling, env=self._environment(root), check=True)

    def figure(self, name: str) -> float:
        """Count one of FIGURES.

        Raises RuntimeError when a command fails or does not send the requests that it should.
        """
        if name in ("request", "floor_request"):
            load = self._load if name == "request" else self._floor
            return per_request(load(self._sizes.few), load(self._sizes.many), self._sizes)
        if name in ("run", "floor_run"):
            return (self._load if name == "run" else self._floor)(1).total
        arguments = ["--version"] if name == "version" else ["validate", "scenario.yaml"]
        return self._count(self._tree, "windtunnel", *arguments).total

    def _load(self, instances: int) -> Instructions:
        flags = ["--seed", "1", "--quiet", "--parallel", str(self._sizes.users), "--count", str(instances)]
        files = ["--scenarios", "scenario.yaml", "--sut", "sut.yaml"]
        counted = self._count(self._tree, "windtunnel", "run", *files, *flags)
        summary = json.loads((self._folder / "runs" / "latest" / "summary.json").read_text())
        _expect(instances, summary["metrics"]["http_reqs"]["count"])
        return counted

    def _floor(self, instances: int) -> Instructions:
        records = self._folder / "floor.jsonl"
        flags = ["--users", str(self._sizes.users), "--count", str(instances), "--records", str(records)]
        counted = self._count(ROOT, "benchmarks.floor", self._base_url, *flags)
        _expect(instances, records.read_text().count('"type":"step"'))
        return counted

    def _count(self, root: Path, module: str, *arguments: str) -> Instructions:
        command = [self._python, "-m", module, *arguments]
        return count_instructions(command, folder=self._folder, environment=self._environment(root))

    def _environment(self, root: Path) -> dict[str, str]:
        """Nothing of this process but PATH: the variables of a CI system would change what Windtunnel does."""
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self._folder),
            "LC_ALL": "C.UTF-8",
            "PYTHONPATH": str(root),
            "PYTHONHASHSEED": "0",
        }


def count(
    *, python: str, tree: Path, sizes: Sizes, rounds: int = 1, progress: Callable[[str], None] = lambda _: None
) -> Counts:
    """Count every figure `rounds` times.

    Raises RuntimeError without nginx or valgrind and when a command fails, CalledProcessError when `python` does
    not run or cannot compile the tree.
    """
    described = json.loads(_output(python, DESCRIBE_PYTHON))
    samples: dict[str, list[float]] = {name: [] for name in FIGURES}
    with tempfile.TemporaryDirectory(prefix="windtunnel-count-") as name, nginx(Path(name)) as base_url:
        counter = Counter(python=python, tree=tree, folder=Path(name), base_url=base_url, sizes=sizes)
        for _ in range(rounds):
            for figure, values in samples.items():
                values.append(counter.figure(figure))
                progress(f"{FIGURES[figure]}: {values[-1]:,.0f}")
    return Counts(
        python=described["python"],
        packages=described["packages"],
        sizes=sizes,
        rounds=rounds,
        figures={figure: statistics.median(values) for figure, values in samples.items()},
        spreads={figure: max(values) - min(values) for figure, values in samples.items()},
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Count, print, save, compare. Returns 1 when a figure grew too much, 2 when there is nothing to compare."""
    given = _parse(arguments)
    try:
        before = Counts.load(given.against) if given.against else None
        # A launcher, such as pyenv's, would be counted instead of the interpreter.
        python = _output(os.environ.get("BENCH_PYTHON", sys.executable), "import sys; print(sys.executable)")
        counts = count(
            python=python.strip(),
            tree=given.tree.resolve(),
            sizes=Sizes(),
            rounds=given.rounds,
            progress=lambda text: print(f"  {text}", flush=True),
        )
        print(f"\n{describe(counts)}")
        if given.json:
            counts.save(given.json)
        if before is None:
            return 0
        text, within = compare(before, counts, tolerance_percent=given.tolerance)
    except (OSError, RuntimeError, ValueError, subprocess.CalledProcessError) as error:
        print(f"make count: {error}", file=sys.stderr)
        return 2
    print(f"\n{text}")
    return 0 if within else 1


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.count", description="Count the user instructions of a request and of a start."
    )
    parser.add_argument("--rounds", type=int, default=1, help="number of times to count everything (default: 1)")
    parser.add_argument(
        "--tree", type=Path, default=ROOT, metavar="FOLDER", help="source tree (default: this one)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file")
    parser.add_argument("--against", type=Path, metavar="FILE", help="compare with the figures in this file")
    parser.add_argument(
        "--tolerance", type=float, default=1.0, metavar="PERCENT", help="growth that --against allows (default: 1)"
    )
    given = parser.parse_args(arguments)
    if given.rounds < 1:
        parser.error("--rounds must be at least 1")
    if not (given.tree / "windtunnel").is_dir():
        parser.error(f"--tree {given.tree} has no folder windtunnel")
    return given


def _expect(instances: int, requests: int) -> None:
    if requests != instances * REQUESTS_PER_INSTANCE:
        raise RuntimeError(f"{requests} requests were sent instead of {instances * REQUESTS_PER_INSTANCE}")


def _output(python: str, code: str) -> str:
    return subprocess.run([python, "-c", code], stdout=subprocess.PIPE, text=True, check=True).stdout


if __name__ == "__main__":
    sys.exit(main())
