"""Signals at every moment of a command, and standard streams that are closed, full or without a reader."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.command_line import ENVIRONMENT, answer_of, call, command, started, until
from windtunnel.demo.process import ShopProcess
from windtunnel.report.collect import analyse
from windtunnel.storage.directory import RunDirectory

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and descriptors of a Unix system")

LOOK = "id: look\nflow: [{ type: http, name: look, path: /api/products }]\n"
SENDS_ITSELF = "import os, signal\nos.kill(os.getpid(), signal.{name})\n"


@pytest.fixture
def folder(tmp_path: Path, shop: ShopProcess) -> Path:
    (tmp_path / "sut.yaml").write_text(f"name: shop ✓\nbase_url: {shop.base_url}\n")
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "look.yaml").write_text(LOOK)
    return tmp_path


def shell(folder: Path, text: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["bash", "-c", text], cwd=folder, env={**ENVIRONMENT, **environment}, capture_output=True, check=False
    )


def verdict(folder: Path) -> str:
    return analyse(RunDirectory((folder / "runs" / "latest").resolve())).summary.verdict


RUN = shlex.join(command("run", "-n", "3"))


@pytest.mark.parametrize(
    "streams",
    [
        "<&- >&- 2>&-",
        pytest.param("<&-", marks=pytest.mark.slow),
        pytest.param(">&-", marks=pytest.mark.slow),
        pytest.param("2>&-", marks=pytest.mark.slow),
        pytest.param("<&- >&-", marks=pytest.mark.slow),
        pytest.param("<&- 2>&-", marks=pytest.mark.slow),
        pytest.param(">&- 2>&-", marks=pytest.mark.slow),
        pytest.param("<&- >&- 2>&- --workers 2", marks=pytest.mark.slow),
        pytest.param("<&- >&- 2>&- --once --verbose", marks=pytest.mark.slow),
    ],
)
def test_a_run_does_without_standard_streams(folder: Path, streams: str) -> None:
    answer = shell(
        folder, f"{RUN} {streams}" if "once" not in streams else f"{shlex.join(command('run'))} {streams}"
    )
    assert answer.returncode == 0, answer
    assert verdict(folder) == "pass"
    for records in RunDirectory((folder / "runs" / "latest").resolve()).segments():
        assert all(line.startswith(b"{") for line in records.read_bytes().splitlines())


@pytest.mark.parametrize(
    ("streams", "stderr"),
    [
        (">/dev/full", b"standard output can't be written: No space left on device\n"),
        pytest.param("2>/dev/full", b"", marks=pytest.mark.slow),
        pytest.param("--once --verbose | true", b"", marks=pytest.mark.slow),
        pytest.param("--workers 2 | head -n 1", b"", marks=pytest.mark.slow),
    ],
)
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_stream_that_takes_nothing_takes_nothing_from_the_verdict(
    folder: Path, streams: str, stderr: bytes
) -> None:
    flags = "" if "--once" in streams else "-n 3"
    answer = shell(folder, f"set -o pipefail; {shlex.join(command('run'))} {flags} {streams}")
    assert (answer.returncode, answer.stderr) == (0, stderr), answer
    assert verdict(folder) == "pass"


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252:strict"])
@pytest.mark.parametrize("args", ["run -n 3 --workers 2", "validate", "run --list", "run --once --verbose"])
def test_an_encoding_without_our_signs_is_written_all_the_same(folder: Path, encoding: str, args: str) -> None:
    answer = shell(folder, shlex.join(command(*args.split())), PYTHONIOENCODING=encoding)
    assert (answer.returncode, answer.stderr) == (0, b""), answer
    answer.stdout.decode(encoding.partition(":")[0])


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("SIGINT", 130),
        pytest.param("SIGTERM", 143, marks=pytest.mark.slow),
        pytest.param("SIGHUP", 143, marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("module", ["typer", pytest.param("yaml", marks=pytest.mark.slow)])
def test_a_signal_while_python_imports_is_a_line_and_no_traceback(
    tmp_path: Path, name: str, code: int, module: str
) -> None:
    (tmp_path / f"{module}.py").write_text(SENDS_ITSELF.format(name=name))
    answer = shell(tmp_path, shlex.join(command("validate")), PYTHONPATH=str(tmp_path))
    assert answer.returncode == code, answer
    assert answer.stderr.decode() in {f"interrupted by {name}, nothing was sent\n", f"interrupted by {name}\n"}


@pytest.fixture
def deaf() -> Iterator[socket.socket]:
    """A server that accepts connections and says nothing."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        yield listener


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGHUP, 143), pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow)],
)
def test_a_signal_while_the_run_waits_for_its_service_ends_it_with_a_verdict(
    folder: Path, deaf: socket.socket, number: int, code: int
) -> None:
    url = f"http://127.0.0.1:{deaf.getsockname()[1]}/"
    with started(folder, "run", "--wait-for", url, "--wait-timeout", "100s") as process, closing(deaf.accept()[0]):
        process.send_signal(number)
        answer = answer_of(process)
    assert answer.returncode == code, answer
    assert "Traceback" not in answer.stderr
    assert verdict(folder) == "interrupted"


@pytest.mark.slow
def test_a_run_without_its_terminal_goes_on_under_nohup(folder: Path) -> None:
    nohup = ["nohup", *command("run", "--parallel", "2", "--duration", "2s")]
    with subprocess.Popen(
        nohup, cwd=folder, env=ENVIRONMENT, stdin=-3, stdout=-1, stderr=-2, text=True
    ) as process:
        until(lambda: (folder / "runs" / "latest").exists(), process)
        os.kill(process.pid, signal.SIGHUP)
        answer = answer_of(process)
    assert answer.returncode == 0, answer
    assert verdict(folder) == "pass"


@pytest.mark.parametrize(
    ("environment", "written"),
    [({"CI": "true"}, True), ({"JENKINS_URL": "http://ci"}, True), ({"GITLAB_CI": "true"}, True), ({}, False)],
)
def test_problems_are_a_junit_report_in_ci_and_no_file_elsewhere(
    tmp_path: Path, environment: dict[str, str], written: bool
) -> None:
    (tmp_path / "sut.yaml").write_text("base_url: 5\n")
    answer = call(tmp_path, "run", "--output", "out/deep", environment=environment)
    assert answer.returncode == 2
    reports = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    expected = {"out/deep/invalid/junit.xml", "out/deep/invalid/ci/gl-codequality.json"} if written else set()
    assert reports == {"sut.yaml", *expected}
