"""CPU per request of the whole job, everything written to disk: `make bench`.

The journey of `benchmarks/journey` runs with 50 users against nginx, once with few and once with many instances.
The difference in user + system time of the process, divided by the difference in requests, leaves out the start
and nothing else; the report is included. Three rounds, interleaved with wrk (where it is installed) sending the
same two requests, which tells how fast this machine is just now. Compare only figures of one run.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.service import nginx

HERE = Path(__file__).parent
FEW, MANY = 5_000, 50_000
REQUESTS_EACH = 2
ROUNDS = 3
WRK_SCRIPT = """
local n = 0
request = function()
  n = n + 1
  if n % 2 == 1 then return wrk.format("GET", "/api/products") end
  return wrk.format("POST", "/api/cart", {["Content-Type"] = "application/json"}, '{"item_id":"p-0","qty":1}')
end
"""


def cpu_s(command: list[str], folder: Path) -> tuple[float, str]:
    """(user + system seconds of a command, its standard output)."""
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}\n{output}")
    return usage.ru_utime + usage.ru_stime, output


def windtunnel_us(folder: Path) -> float:
    """Microseconds of CPU a request."""

    def run(count: int) -> float:
        arguments = ["run", "--parallel", "50", "--count", str(count), "--quiet", "--seed", "1"]
        spent, _ = cpu_s([sys.executable, "-m", "windtunnel", *arguments], folder)
        shutil.rmtree(folder / "runs")
        return spent

    return (run(MANY) - run(FEW)) / ((MANY - FEW) * REQUESTS_EACH) * 1e6


def wrk_us(folder: Path, base_url: str) -> float | None:
    """Microseconds of CPU a request, or None where there is no wrk."""
    program = shutil.which("wrk")
    if program is None:
        return None
    (folder / "journey.lua").write_text(WRK_SCRIPT)
    spent, output = cpu_s([program, "-t1", "-c50", "-d3s", "-s", "journey.lua", base_url], folder)
    requests = int(next(line for line in output.splitlines() if "requests in" in line).split()[0])
    return spent / requests * 1e6


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="windtunnel-bench-") as name:
        folder = Path(name)
        with nginx(folder) as base_url:
            (folder / "sut.yaml").write_text(f"name: nginx\nbase_url: {base_url}\n")
            shutil.copytree(HERE / "journey" / "scenarios", folder / "scenarios")
            ours, theirs = [], []
            for _ in range(ROUNDS):
                ours.append(windtunnel_us(folder))
                theirs.append(wrk_us(folder, base_url))
    print(f"CPython {sys.version.split()[0]}, {os.cpu_count()} CPUs, load average {os.getloadavg()[0]:.1f}")
    print(f"windtunnel, all on disk: {statistics.median(ours):6.1f} us of CPU a request {_spread(ours)}")
    beside = [figure for figure in theirs if figure is not None]
    if beside:
        print(f"wrk, the same requests:  {statistics.median(beside):6.1f} us of CPU a request {_spread(beside)}")
        ratios = [a / b for a, b in zip(ours, beside, strict=True)]
        print(f"ratio:                   {statistics.median(ratios):6.1f} {_spread(ratios)}")
    else:
        print("wrk is not installed: nothing to compare with (apt-get install wrk)")


def _spread(figures: list[float]) -> str:
    return f"({min(figures):.1f} to {max(figures):.1f} in {len(figures)} rounds)"


if __name__ == "__main__":
    main()
