"""`--exec`: a run that starts its SUT, waits for it, and ends it, however the run itself ends."""

from __future__ import annotations

import json
import shlex
import signal
import socket
import sys
from pathlib import Path

import pytest

import windtunnel
from tests.support.command_line import answer_of, call, run_process, started, until
from tests.support.processes import is_running
from tests.support.services import free_port

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the flag is for Unix systems")

SERVER = """
import http.server, os, sys, threading, time

class Shop(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/crash":
            print("out of stock", flush=True)
            os._exit(7)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass

open("started", "w").write(str(os.getpid()))
print("the key is", os.environ.get("SHOP_KEY"), flush=True)
time.sleep(0.2)
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Shop).serve_forever()
"""
IN_PYTHON = """
from windtunnel import scenario

@scenario("home")
async def home(user):
    await user.http.get("/")
"""
HOME = "id: home\nflow: [{ type: http, name: home, path: PATH }]\n"


class Folder:
    """A project with a SUT that a command starts."""

    def __init__(self, path: Path) -> None:
        self.path, self.port = path, free_port()
        (path / "server.py").write_text(SERVER)
        (path / "sut.yaml").write_text(f"base_url: http://127.0.0.1:{self.port}\n")
        (path / "scenarios").mkdir()
        self.request("/")

    def request(self, target: str) -> None:
        (self.path / "scenarios" / "home.yaml").write_text(HOME.replace("PATH", target))

    @property
    def command(self) -> str:
        return shlex.join([sys.executable, "server.py", str(self.port)])

    @property
    def pid(self) -> int:
        """The process of the SUT."""
        return int((self.path / "started").read_text())

    @property
    def log(self) -> str:
        return (self.path / "runs" / "latest" / "sut.log").read_text()

    @property
    def summary(self) -> dict[str, object]:
        found: dict[str, object] = json.loads((self.path / "runs" / "latest" / "summary.json").read_text())
        return found


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_the_sut_is_started_waited_for_and_ended(folder: Folder) -> None:
    answer = call(folder.path, "run", "--exec", folder.command, "-n", "5")

    assert answer.returncode == 0, answer.stderr
    assert not is_running(folder.pid)
    assert "starting " in answer.stderr


def test_its_output_is_kept_without_secrets(folder: Folder) -> None:
    sut = (folder.path / "sut.yaml").read_text()
    (folder.path / "sut.yaml").write_text(sut + "headers: { X-Key: '${SHOP_KEY}' }\n")

    answer = call(folder.path, "run", "--exec", folder.command, environment={"SHOP_KEY": "k-1234567890-abcdef"})

    assert answer.returncode == 0, answer.stderr
    assert folder.log == "the key is [redacted]\n"


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("import sys; print('no database'); sys.exit(3)", "ended with exit code 3: no database"),
        ("pass", "ended with exit code 0 and wrote nothing; give a command that goes on until it is ended"),
        pytest.param(
            "import os; print('a'); os.kill(os.getpid(), 9)", "was ended by SIGKILL", marks=pytest.mark.slow
        ),
    ],
)
def test_a_sut_that_does_not_come_up_is_told_at_once(folder: Folder, program: str, said: str) -> None:
    answer = call(folder.path, "run", "--exec", shlex.join([sys.executable, "-c", program]))

    assert answer.returncode == 3
    assert said in " ".join(answer.stdout.split())


def test_the_last_lines_of_a_sut_that_does_not_come_up_are_shown(folder: Folder) -> None:
    program = "import sys; print(*range(100), sep='\\n'); print('\\x1b[2Jno disk', file=sys.stderr); sys.exit(1)"

    answer = call(folder.path, "run", "--exec", shlex.join([sys.executable, "-c", program]))

    shown = answer.stderr.splitlines()
    assert "  98" in shown
    assert "  1" not in shown
    assert "\x1b" not in answer.stderr
    assert len(folder.log.splitlines()) == 101


def test_a_sut_that_ends_during_the_load_fails_the_run(folder: Folder) -> None:
    (folder.path / "scenarios" / "ok.yaml").write_text("id: ok\nflow: [{ type: http, name: ok, path: /ok }]\n")
    folder.request("/crash")

    answer = call(folder.path, "run", "--exec", folder.command, "--rate", "20/s", "--duration", "30s")
    again = call(folder.path, "report", "runs/latest")

    reason = "the run was stopped early: the command of --exec ended with exit code 7: out of stock (sut.log)"
    assert answer.returncode in (99, 3)
    assert reason in " ".join(answer.stdout.split())
    assert reason in " ".join(again.stdout.split())


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("no-such-command-anywhere", '"no-such-command-anywhere" is no command here'),
        ("./no-such-file", "is no file that can be executed"),
        ("cd shop && python app.py", '"&&" needs a shell'),
        ("PORT=80 python app.py", 'write --exec "env PORT=80 …"'),
        ("python 'app.py", "no closing quotation"),
        ("", "is empty"),
    ],
)
def test_a_command_that_can_not_run_is_an_error_before_anything_is_sent(
    folder: Folder, command: str, said: str
) -> None:
    answer = call(folder.path, "run", "--exec", command)

    assert answer.returncode == 2
    assert said in answer.stderr
    assert not (folder.path / "runs").exists()


@pytest.mark.slow
def test_a_sut_that_takes_its_time_to_end_can_be_killed(folder: Folder) -> None:
    deaf = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    (folder.path / "server.py").write_text(deaf + SERVER)

    with started(folder.path, "run", "--exec", folder.command) as process:
        assert process.stderr is not None
        said = process.stderr
        until(lambda: "interrupt to kill it" in said.readline(), process)
        process.send_signal(signal.SIGINT)
        answer = answer_of(process)

    assert answer.returncode == 0, answer.stdout
    assert not is_running(folder.pid)


@pytest.mark.slow
def test_an_interrupted_run_ends_its_sut(folder: Folder) -> None:
    with started(folder.path, "run", "--exec", folder.command, "--rate", "5/s", "--duration", "60s") as process:
        until((folder.path / "started").exists, process)
        until(lambda: list(folder.path.glob("runs/*/records/0000.jsonl")), process)
        process.send_signal(signal.SIGINT)
        answer = answer_of(process)

    assert answer.returncode == 130
    assert not is_running(folder.pid)


@pytest.mark.slow
def test_a_run_that_is_interrupted_while_it_waits_for_its_sut_ends_it(folder: Folder) -> None:
    (folder.path / "server.py").write_text(SERVER.replace("time.sleep(0.2)", "time.sleep(600)"))

    with started(folder.path, "run", "--exec", folder.command) as process:
        until((folder.path / "started").exists, process)
        process.send_signal(signal.SIGTERM)
        answer = answer_of(process)

    assert answer.returncode == 143
    assert not is_running(folder.pid)


@pytest.mark.parametrize("scenario", ["home.yaml", pytest.param("home.py", marks=pytest.mark.slow)])
def test_a_killed_run_leaves_no_sut(folder: Folder, scenario: str) -> None:
    if scenario == "home.py":
        # Code of the user has a process of its own, whose parent is the one that is killed.
        (folder.path / "scenarios" / "home.yaml").unlink()
        (folder.path / "scenarios" / "home.py").write_text(IN_PYTHON)
    command = ("run", "--exec", folder.command, "--scenarios", f"scenarios/{scenario}")
    with started(folder.path, *command, "--rate", "5/s", "--duration", "60s") as process:
        until(lambda: list(folder.path.glob("runs/*/records/0000.jsonl")), process)
        process.kill()
        process.wait()
        until(lambda: not is_running(folder.pid))


@pytest.mark.slow
def test_the_sut_of_a_run_with_workers_is_ended_too(folder: Folder) -> None:
    answer = run_process(folder.path, "run", "--exec", folder.command, "-p", "2", "-n", "6", "--workers", "2")

    assert answer.returncode == 0, answer.stderr
    assert not is_running(folder.pid)


@pytest.mark.slow
def test_a_server_that_is_there_before_the_command_is_told(folder: Folder) -> None:
    (folder.path / "sut.yaml").write_text(f"base_url: http://127.0.0.1:{folder.port}\nhealth: {{ path: / }}\n")
    with socket.create_server(("127.0.0.1", folder.port)):
        answer = call(folder.path, "run", "--exec", folder.command)

    there = f"http://127.0.0.1:{folder.port} answers before --exec has started its command"
    assert answer.returncode == 3
    assert there in answer.stderr
    assert "Address already in use" in answer.stdout + answer.stderr


@pytest.mark.slow
def test_a_run_from_python_starts_its_sut_from_a_list_of_words(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.path)
    result = windtunnel.run(
        sut={"base_url": f"http://127.0.0.1:{folder.port}"},
        scenarios="scenarios",
        exec=[sys.executable, "server.py", str(folder.port)],
    )

    assert result.passed, result.output
    assert (result.directory / "sut.log").exists()
    assert not is_running(folder.pid)


@pytest.mark.parametrize("flag", ["--list", "--dry-run"])
def test_nothing_is_started_where_nothing_is_sent(folder: Folder, flag: str) -> None:
    answer = call(folder.path, "run", "--exec", folder.command, flag)

    assert answer.returncode == 0
    assert not (folder.path / "started").exists()
