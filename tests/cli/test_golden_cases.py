"""The whole command line: for each case its files, its arguments, and all it says, word for word.

A case is a folder under `cases/`: `args` (one argument a line), the files it needs, and `expected`. After a wanted
change of words, `WINDTUNNEL_UPDATE_GOLDEN=1 pytest tests/cli` writes `expected` anew; read the difference.
The cases run in this process; a few run in a process of their own as well.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.support import borne, sample_run, two_runs
from tests.support.command_line import Answer, call, run_process
from windtunnel.storage.directory import RunDirectory
from windtunnel.storage.sums import summed


def damaged(run: RunDirectory) -> None:
    """Change a line, take two out, and put one of another run in."""
    path = run.segments()[0]
    lines = path.read_bytes().splitlines(keepends=True)
    foreign = summed(lines[20][: lines[20].index(b',"crc"')].replace(run.run_id.encode(), b"another") + b"}")
    changed = lines[7].replace(b'"wait":', b'"wait":1')
    path.write_bytes(b"".join([*lines[:7], changed, *lines[8:12], *lines[14:20], foreign, *lines[21:]]))


def torn(run: RunDirectory) -> None:
    """Cut the file within a line, as a kill does."""
    path = run.segments()[0]
    path.write_bytes(path.read_bytes()[:-400])


CASES = Path(__file__).parent / "cases"
BEFORE = functools.cache(two_runs.ran)
MANY = [f"step_{number:03}" for number in range(200)]
GENERATED: dict[str, Callable[[Path], object]] = {
    "invalid-binary-file": lambda folder: (folder / "scenarios" / "a.yaml").write_bytes(b"\x7fELF\x00\x01\xff"),
    "invalid-empty-file": lambda folder: (folder / "scenarios" / "a.yaml").write_bytes(b""),
    "invalid-deep-nesting": lambda folder: (folder / "scenarios" / "a.yaml").write_text("id: " + "[" * 100_000),
    "invalid-too-large": lambda folder: (folder / "scenarios" / "a.yaml").write_text("# x\n" * 300_000),
    "report-of-faults-degraded": lambda folder: borne.write_run(folder / "runs"),
    "report-of-faults-metastable": lambda folder: borne.write_run(folder / "runs", borne.FOR_EVER),
    "compare-noise": lambda folder: two_runs.write(folder, before=BEFORE(), now=two_runs.ran(draws=2)),
    "compare-a-difference": lambda folder: two_runs.write(
        folder,
        before=BEFORE(),
        now=two_runs.ran(draws=2, slower=1.2, failing=0.03, seconds=45, load="2 users", seed=9),
    ),
    "compare-with-an-older-version": lambda folder: two_runs.write(
        folder, before=two_runs.without_windows(BEFORE()), now=two_runs.ran(draws=2)
    ),
    "compare-short-runs": lambda folder: two_runs.write(
        folder, before=two_runs.ran(seconds=1, per_second=2), now=two_runs.ran(seconds=1, per_second=1)
    ),
    "compare-with-nothing": lambda folder: two_runs.write(folder, before=BEFORE(), now=two_runs.ran(seconds=0)),
    "compare-many-steps": lambda folder: two_runs.write(
        folder, before=two_runs.ran(steps=MANY, seconds=15), now=two_runs.ran(draws=2, steps=MANY, seconds=15)
    ),
    "report-of-failures": lambda folder: sample_run.write_run(folder / "runs"),
    "verify-intact": lambda folder: sample_run.write_run(folder / "runs", instances=12),
    "verify-damaged": lambda folder: damaged(sample_run.write_run(folder / "runs", instances=12)),
    "verify-unfinished": lambda folder: torn(sample_run.write_run(folder / "runs", instances=12)),
    "trace-of-nothing-failed": lambda folder: sample_run.write_run(folder / "runs", instances=1),
    **{
        name: lambda folder: sample_run.write_run(folder / "runs", instances=60)
        for name in (
            "trace-failed",
            "trace-failed-in-colour",
            "trace-passed",
            "trace-json",
            "trace-unknown-instance",
            "trace-unknown-failed",
            "trace-two-choices",
        )
    },
}
"""What can't or should not be kept as a file of the repository."""

TYPER = tuple(int(part) for part in version("typer").split(".")[:2])
WORDED_BY_TYPER = {"invalid-flag-value", "invalid-unknown-command", "invalid-unknown-flag"}


def plain(text: str) -> str:
    """The output without what differs from run to run."""
    text = re.sub(r"\b\d{8}T\d{6}Z-[0-9a-f]{6}\b", "<run_id>", text)
    text = re.sub(r"(?<![\w.])(/[\w.-]+)+/work(?![\w-])", "<work>", text)
    return re.sub(r"seed \d+", "seed <seed>", text)


def prepared(case: Path, tmp_path: Path) -> tuple[Path, list[str]]:
    """A folder with the files of a case, and the arguments."""
    if (case.name in WORDED_BY_TYPER or case.name.endswith("-help")) and TYPER < (0, 29):
        pytest.skip("typer words this differently before 0.29")
    folder = tmp_path / "work"
    shutil.copytree(case, folder)
    if case.name in GENERATED:
        GENERATED[case.name](folder)
    return folder, (folder / "args").read_text().splitlines()


def said_by(answer: Answer | subprocess.CompletedProcess[str]) -> str:
    return f"exit {answer.returncode}\n--- stdout\n{plain(answer.stdout)}--- stderr\n{plain(answer.stderr)}"


@pytest.mark.parametrize("case", sorted(CASES.iterdir()), ids=lambda case: case.name)
def test_the_command_line_says_exactly_this(case: Path, tmp_path: Path) -> None:
    folder, args = prepared(case, tmp_path)

    answer = call(folder, *args)

    said = said_by(answer)
    if os.environ.get("WINDTUNNEL_UPDATE_GOLDEN"):
        (case / "expected").write_text(said)
    assert said == (case / "expected").read_text()
    if case.name.startswith("invalid-"):
        assert answer.returncode == 2
        assert not (folder / "runs").exists(), "nothing may be run while anything is wrong"


@pytest.mark.parametrize("name", ["help", "invalid-everything", "invalid-unknown-flag", "validate-good"])
def test_a_process_of_its_own_says_the_same(name: str, tmp_path: Path) -> None:
    folder, args = prepared(CASES / name, tmp_path)
    assert said_by(run_process(folder, *args)) == (CASES / name / "expected").read_text()


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def test_an_unreachable_sut_is_exit_3_and_leaves_a_report(tmp_path: Path, closed_port: int) -> None:
    (tmp_path / "sut.yaml").write_text(f"name: gone\nbase_url: http://127.0.0.1:{closed_port}\n")
    (tmp_path / "a.yaml").write_text("id: a\nflow:\n  - { type: http, name: home, path: / }\n")

    answer = call(tmp_path, "run", "--scenarios", "a.yaml", "--count", "5", "--loopback", "strict")

    assert answer.returncode == 3
    assert f"http://127.0.0.1:{closed_port}" in answer.stdout
    assert "refused" in answer.stdout
    said = " ".join(answer.stdout.split())
    assert "start it, or correct base_url" in said or "localhost is this container" in said
    assert (tmp_path / "runs" / "latest" / "report.html").is_file()
    records = (tmp_path / "runs" / "latest" / "records" / "0000.jsonl").read_text().splitlines()
    assert len(records) == 2
