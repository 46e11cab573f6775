"""`make bench`: ourselves and our peers at the same jobs, side by side in one run.

What is there of wrk, k6, Locust and Artillery is measured; `make bench-tools` fetches the last three into
`benchmarks/.tools`. Prints every figure as it comes and writes `benchmarks/RESULTS.md`, except for its section of
`make count`. Compare only figures of one run: the machine is never the same twice.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.parts import Table, accuracy, ourselves, scale, throughput
from benchmarks.proxying import proxying
from benchmarks.service import nginx
from benchmarks.tools import artillery, k6, locust, windtunnel, wrk
from benchmarks.tools.job import Tool

RESULTS = Path(__file__).parent / "RESULTS.md"
INSTRUCTIONS = "### Instructions\n"
PARTS = ("throughput", "accuracy", "scale", "proxy", "ourselves")


def main() -> None:
    """Measure and write."""
    given = _arguments()
    found = [tool for each in (windtunnel, wrk, k6, locust, artillery) for tool in each.tools()]
    tools = [
        tool for tool in found if tool.version() is not None and (not given.tools or _named(tool, given.tools))
    ]
    began = time.strftime("%Y-%m-%d")
    tables: list[Table] = []
    with tempfile.TemporaryDirectory(prefix="windtunnel-bench-") as name:
        folder = Path(name)
        with nginx(folder) as base_url:
            if "throughput" in given.parts:
                tables.append(throughput([each for each in tools if each.busy], base_url, folder, given.rounds))
                print(_as_text(tables[-1]))
            if "accuracy" in given.parts:
                tables.append(accuracy([each for each in tools if each.paced], folder, given.rounds))
                print(_as_text(tables[-1]))
            if "scale" in given.parts:
                tables.append(scale([each for each in tools if each.thinking], base_url, folder))
                print(_as_text(tables[-1]))
            if "proxy" in given.parts:
                tables.append(proxying(base_url, given.rounds))
                print(_as_text(tables[-1]))
            if "ourselves" in given.parts:
                tables.append(ourselves(base_url, folder))
                print(_as_text(tables[-1]))
    if given.parts == list(PARTS) and not given.tools:
        RESULTS.write_text(_page(tables, tools, given.rounds, began), encoding="utf-8")
        print(f"written: {RESULTS}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="rounds of what is interleaved (default: 3)")
    parser.add_argument("--part", action="append", dest="parts", choices=PARTS, help="only this part; repeatable")
    parser.add_argument(
        "--tool", action="append", dest="tools", help="only tools whose name begins so; repeatable"
    )
    given = parser.parse_args()
    given.parts = given.parts or list(PARTS)
    return given


def _named(tool: Tool, names: list[str]) -> bool:
    return any(tool.name.lower().startswith(name.lower()) for name in names)


def _as_text(table: Table) -> str:
    lines = [f"### {table.title}", "", f"| {' | '.join(table.head)} |", f"|{'---|' * len(table.head)}"]
    lines += [f"| {' | '.join(row)} |" for row in table.rows]
    for note in table.notes:
        lines += ["", note]
    return "\n".join([*lines, ""])


def _page(tables: list[Table], tools: list[Tool], rounds: int, day: str) -> str:
    versions = list(dict.fromkeys(version for tool in tools if (version := tool.version())))
    build = [
        windtunnel.COMMAND[0],
        "-c",
        "import platform as p; print(p.python_implementation(), p.python_version(), p.python_compiler())",
    ]
    python = subprocess.run(build, capture_output=True, text=True, check=True).stdout.strip()
    lines = [
        "# Results",
        "",
        f"Written by `make bench` on {day}: medians of {rounds} interleaved rounds, least and most in brackets. "
        "Every figure comes from one run on one machine; ratios carry over to others, times do not.",
        "",
        f"- {os.cpu_count()} processors, {platform.system()} {platform.machine()}, load average at the end "
        f"{os.getloadavg()[1]:.1f} (5 minutes)",
        f"- {python}",
        f"- {', '.join(versions)}",
        "",
    ]
    return "\n".join([*lines, *map(_as_text, tables), _instructions(RESULTS.read_text(encoding="utf-8"))])


def _instructions(page: str) -> str:
    """The last section of the page, which holds the figures of `make count`."""
    _, heading, section = page.partition(INSTRUCTIONS)
    return heading + section


if __name__ == "__main__":
    main()
