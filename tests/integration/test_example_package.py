"""A package that adds step types, a renderer, a fault: built, installed without a network, used, broken."""

from __future__ import annotations

import json
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support import ROOT
from tests.support.command_line import Answer, call, run_process
from tests.support.tiers import slow_unless

PACKAGE = ROOT / "examples" / "windtunnel-echo"

SCENARIO = """
id: hello
flow:
  - { type: echo, name: hello, host: localhost, port: PORT, text: "hello {{ instance_index }}", timeout: 2s }
"""


TRANSACTION = """
id: orders
tags: { team: sales }
flow:
  - type: repeat
    name: orders
    times: 2
    steps:
      - type: transaction
        name: order
        tags: { kind: order }
        steps:
          - { type: set, variables: { order: "o-{{ instance_index }}" } }
          - { type: include, name: greeting, file: _greet.yaml }
        rollback:
          - { type: set, variables: { order: "" } }
          - type: transaction
            name: undo
            steps: [{ type: echo, name: sorry, host: localhost, port: PORT, text: sorry }]
            rollback: [{ type: set, name: never, variables: { never: 1 } }]
      - { type: set, name: note, variables: { last: "{{ order }}" } }
"""
FRAGMENT = """
steps:
  - { type: echo, name: hello, host: localhost, port: PORT, text: "hello {{ order[2:] }}" }
"""


class _Echo(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        line = self.rfile.readline()
        self.wfile.write(b"something else\n" if line == b"hello 3\n" else line)


class _Shop(BaseHTTPRequestHandler):
    server: HttpShop

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        has_key = "Idempotency-Key" in self.headers
        self.server.without_key += not has_key
        self.send_response(200 if has_key else 400)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class HttpShop(ThreadingHTTPServer):
    """A shop that refuses payments without a key."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Shop)
        self.without_key = 0
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self._thread = threading.Thread(target=self.serve_forever, daemon=True)

    def __enter__(self) -> HttpShop:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


@pytest.fixture
def echo_port() -> Iterator[int]:
    with socketserver.ThreadingTCPServer(("localhost", 0), _Echo) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield int(server.server_address[1])
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package installed in it, without asking anybody for anything."""
    target = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    offline = ["--no-index", "--no-deps", "--no-build-isolation", "--target", str(target)]
    built = subprocess.run([*pip, *offline, str(PACKAGE)], capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return target


def windtunnel(folder: Path, site: Path, *args: str) -> Answer:
    return call(folder, *args, site=site, environment={"COLUMNS": "200"})


@pytest.fixture
def folder(tmp_path: Path, echo_port: int) -> Path:
    (tmp_path / "sut.yaml").write_text(f"base_url: http://localhost:{echo_port}\n")
    (tmp_path / "hello.yaml").write_text(SCENARIO.replace("PORT", str(echo_port)))
    (tmp_path / "orders.yaml").write_text(TRANSACTION.replace("PORT", str(echo_port)))
    (tmp_path / "_greet.yaml").write_text(FRAGMENT.replace("PORT", str(echo_port)))
    return tmp_path


@pytest.mark.parametrize("workers", slow_unless(lambda workers: workers == "1", ["1", "2"]))
@pytest.mark.slow
def test_its_step_runs_like_any_other_with_workers_too(folder: Path, installed: Path, workers: str) -> None:
    load = ("--scenarios", "hello.yaml", "-p", "2", "-n", "6", "--workers", workers)
    answer = run_process(folder, "run", *load, environment={"PYTHONPATH": str(installed), "COLUMNS": "200"})
    assert answer.returncode == 99, answer.stderr
    assert ' hello, echo: expected "hello 3" but got "something else"' in answer.stdout
    assert " --instance-id hello-3\n" in answer.stdout
    assert "5 of 6 instances passed, 1 failed" in answer.stdout


@pytest.mark.slow
@pytest.mark.parametrize("workers", slow_unless(lambda workers: workers == "1", ["1", "2"]))
def test_its_step_that_holds_steps_runs_them_with_workers_too(folder: Path, installed: Path, workers: str) -> None:
    load = ("--scenarios", "orders.yaml", "-p", "2", "-n", "6", "--workers", workers)
    answer = run_process(folder, "run", *load, environment={"PYTHONPATH": str(installed), "COLUMNS": "200"})
    assert answer.returncode == 99, answer.stderr
    assert "5 of 6 instances passed, 1 failed" in answer.stdout
    summary = json.loads((folder / "runs" / "latest" / "summary.json").read_text())
    counted = {row["step"]: (row["action"], row["count"], row["failed"]) for row in summary["steps"]}
    assert counted == {
        "orders": ("repeat", 6, 1),
        "order": ("transaction", 11, 1),  # a failed round ends the loop
        "set order (step 1.1.1)": ("set", 11, 0),
        "greeting": ("include", 11, 1),
        "greeting/hello": ("echo", 11, 1),
        "set order (step 1.1.rollback.1)": ("set", 1, 0),
        "undo": ("transaction", 1, 0),
        "sorry": ("echo", 1, 0),
        "never": ("set", 0, 0),
        "note": ("set", 10, 0),
    }


def test_the_steps_inside_its_step_are_validated_in_their_places(folder: Path, installed: Path) -> None:
    text = """
id: orders
flow:
  - type: transaction
    name: order
    steps:
      - { type: echo, name: hello, host: localhost, port: 7000, txet: hello }
      - { type: http, name: pay, path: "/pay/{{ ordre }}" }
    rollback:
      - { type: http, name: pay, path: "/pay" }
      - { type: include, name: more, file: missing.yaml }
      - { type: echo, name: sorry, host: localhost, port: 7000, text: "{{ oder }}" }
"""
    (folder / "orders.yaml").write_text(text)
    answer = windtunnel(folder, installed, "validate", "sut.yaml", "orders.yaml")
    assert answer.returncode == 2
    assert 'orders.yaml:7:9: an echo step needs "text"' in answer.stderr
    assert 'orders.yaml:10:29: the name "pay" is taken by the step at orders.yaml:8:29' in answer.stderr
    assert 'orders.yaml:11:44: there is no file "missing.yaml"' in answer.stderr
    # The missing file may set any variable, so none is judged until it is there.
    assert "is not set by any earlier step" not in answer.stderr
    (folder / "missing.yaml").write_text("steps:\n  - { type: set, name: free, variables: { a: 1 } }\n")
    answer = windtunnel(folder, installed, "validate", "sut.yaml", "orders.yaml")
    assert answer.returncode == 2
    assert 'orders.yaml:7:9: an echo step needs "text"' in answer.stderr
    assert 'orders.yaml:8:49: variable "ordre" is not set by any earlier step' in answer.stderr
    assert 'orders.yaml:12:75: variable "oder" is not set by any earlier step' in answer.stderr


def test_its_renderer_writes_a_file_of_the_run(folder: Path, installed: Path) -> None:
    windtunnel(folder, installed, "run", "--scenarios", "hello.yaml", "-n", "2")
    answer = windtunnel(folder, installed, "report", "--format", "one-line")
    assert answer.returncode == 0, answer.stderr
    assert (folder / "runs" / "latest" / "one-line.txt").read_text() == "pass: 2 of 2 instances passed\n"
    wrong = windtunnel(folder, installed, "report", "--format", "one-lines")
    assert (wrong.returncode, wrong.stderr.splitlines()) == (
        2,
        ['unknown format "one-lines"', '  help: did you mean "one-line"?'],
    )


def test_its_mistakes_have_their_places(folder: Path, installed: Path) -> None:
    text = SCENARIO.replace("PORT", "70000").replace("text:", "txet:")
    (folder / "hello.yaml").write_text(text)
    answer = windtunnel(folder, installed, "validate", "hello.yaml")
    assert answer.returncode == 2
    assert 'hello.yaml:4:5: an echo step needs "text"' in answer.stderr
    assert 'help: did you mean "text"?' in answer.stderr
    assert '"port" must be' in answer.stderr


FAULTS = """
scenarios: [pay.yaml]
load: { rate: 20/s }
seed: 1
turbulence:
  phases: { steady: 0.2s, inject: 0.4s, recover: 0.2s }
  faults: [{ name: no key, type: strip_header, header: IDEMPOTENCY-KEY, on: { step: pay } }]
"""
PAY = """
id: pay
flow:
  - { type: http, name: look, path: / }
  - { type: http, name: pay, method: POST, path: /pay, headers: { Idempotency-Key: "{{ uuid() }}" } }
"""


def records(folder: Path, kind: str) -> list[dict[str, Any]]:
    files = (folder / "runs" / "latest" / "records").glob("*.jsonl")
    lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    return [line for line in lines if line["type"] == kind]


def test_its_fault_is_done_to_requests(folder: Path, installed: Path) -> None:
    (folder / "pay.yaml").write_text(PAY)
    (folder / "windtunnel.yaml").write_text(FAULTS)
    with HttpShop() as shop:
        answer = windtunnel(folder, installed, "run", "--target", shop.url)
    assert answer.returncode in {0, 4}, answer.stderr
    told = records(folder, "fault")
    assert {(each["name"], each["kind"], each["event"], each["step"], each["detail"]) for each in told} == {
        ("no key", "strip_header", "applied", "pay", "answered 400")
    }
    assert shop.without_key == len(told) > 0
    refused = [each for each in records(folder, "step") if each.get("fault")]
    assert {(each["step"], each["outcome"], each["request"]["status"]) for each in refused} == {
        ("pay", "failed", 400)
    }


def test_the_mistakes_of_its_fault_have_their_places(folder: Path, installed: Path) -> None:
    (folder / "pay.yaml").write_text(PAY)
    (folder / "windtunnel.yaml").write_text(FAULTS.replace("header:", "haeder:"))
    answer = windtunnel(folder, installed, "validate")
    assert answer.returncode == 2
    assert 'windtunnel.yaml:7:12: a strip_header fault needs "header"' in answer.stderr
    assert 'help: did you mean "header"?' in answer.stderr


def test_what_is_installed_is_listed(folder: Path, installed: Path) -> None:
    answer = windtunnel(folder, installed, "validate", "--verbose", "hello.yaml")
    assert "installed: step type echo (windtunnel-echo 0.1.0)" in answer.stdout
    assert "installed: step type transaction (windtunnel-echo 0.1.0)" in answer.stdout
    assert "installed: renderer one-line (windtunnel-echo 0.1.0)" in answer.stdout
    assert "installed: fault strip_header (windtunnel-echo 0.1.0)" in answer.stdout


def test_without_it_the_step_type_is_unknown(folder: Path, tmp_path: Path) -> None:
    answer = windtunnel(folder, tmp_path, "validate", "hello.yaml")
    assert answer.returncode == 2
    assert 'not text "echo"' in answer.stderr


def fake(site: Path, group: str, name: str, value: str, code: str) -> None:
    """Install a distribution by writing down what one consists of."""
    info = site / "broken_thing-3.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-thing\nVersion: 3.1\n")
    (info / "entry_points.txt").write_text(f"[{group}]\n{name} = {value}\n")
    (site / "broken_thing.py").write_text(code)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (
            "import no_such_module_anywhere",
            "can't be used: importing broken_thing:Step failed with ModuleNotFoundError",
        ),
        ("class Step: keys = ()", "can't be used: broken_thing:Step has no compile, schema"),
        pytest.param(
            "x = 1",
            "can't be used: importing broken_thing:Step failed with AttributeError",
            marks=pytest.mark.slow,
        ),
        (
            "class Step:\n keys = ()\n schema = {}\n @classmethod\n def compile(cls, *_): return 1 / 0",
            "cannot compile this step: ZeroDivisionError: division by zero",
        ),
    ],
)
def test_a_broken_package_is_named(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, code: str, said: str
) -> None:
    site = tmp_path_factory.mktemp("site")
    fake(site, "windtunnel.actions", "thing", "broken_thing:Step", code)
    (folder / "thing.yaml").write_text("id: a\nflow: [{ type: thing, name: b }]\n")
    answer = windtunnel(folder, site, "validate", "thing.yaml")
    assert answer.returncode == 2
    assert "broken-thing 3.1" in answer.stderr
    assert said in answer.stderr
    assert "Traceback" not in answer.stderr


def test_an_exception_of_a_package_is_an_outcome_of_its_step(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    site = tmp_path_factory.mktemp("site")
    code = """
class Step:
    keys = ()
    schema = {}
    type = "thing"
    name = "b"
    @classmethod
    def compile(cls, step, compiler):
        return cls()
    async def run(self, instance):
        raise KeyError("oh")
"""
    fake(site, "windtunnel.actions", "thing", "broken_thing:Step", code)
    (folder / "thing.yaml").write_text("id: a\nflow: [{ type: thing, name: b }]\n")
    answer = windtunnel(folder, site, "run", "--scenarios", "thing.yaml")
    assert answer.returncode == 99, answer.stderr
    assert "KeyError: the step type thing (broken-thing 3.1) raised KeyError: 'oh'" in answer.stdout


def test_a_start_asks_nobody_what_is_installed() -> None:
    script = "import sys, windtunnel.cli.main; print('windtunnel.plugins' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"
