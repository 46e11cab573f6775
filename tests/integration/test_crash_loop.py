"""Killed at any moment, a run leaves every step that it had acknowledged, and a report that does not say pass.

What was acknowledged is told by what the server saw: an instance sends a request only when the step before has
ended. The record of that step is written in the same turn of the loop, perhaps just after the request. So the
steps of all requests of an instance but the last two must be on the disk.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support.command_line import ENVIRONMENT, call
from windtunnel.model.record import Record, StepRecord
from windtunnel.report.collect import analyse
from windtunnel.storage.directory import RunDirectory
from windtunnel.storage.verifying import record_reader

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("WINDTUNNEL_KILLS", "20"))
"""How often the command is killed; `make test-all` does it 200 times."""

STEPS = 40

MOST_WAITED_S = 60.0

BUFFERED = """
import sys
from windtunnel.storage import writer

def held_back(self, lines, append=writer.RecordWriter._append):
    self.held = getattr(self, "held", b"") + lines
    if len(self.held) > 64 * 1024:
        append(self, self.held)
        self.held = b""

writer.RecordWriter._append = held_back
from windtunnel.cli.main import main
sys.argv[0] = "windtunnel"
main()
"""
"""The command with a writer that keeps lines in its own memory, as a buffered file does."""


class Seen:
    """What a server saw: the requests of each instance in their order, by their span ids."""

    def __init__(self) -> None:
        self.spans: defaultdict[str, list[str]] = defaultdict(list)
        self._enough = threading.Event()
        self._changing = threading.Lock()
        self._wanted = self._count = 0

    def expect(self, count: int) -> None:
        """Begin anew, until there are that many requests."""
        with self._changing:
            self.spans.clear()
            self._wanted, self._count = count, 0
            self._enough.clear()

    def add(self, instance_id: str, span_id: str) -> None:
        with self._changing:
            self.spans[instance_id].append(span_id)
            self._count += 1
            if self._count == self._wanted:
                self._enough.set()

    def wait(self) -> None:
        assert self._enough.wait(MOST_WAITED_S), f"only {self._count} of {self._wanted} requests came"


@contextmanager
def watching_server() -> Iterator[tuple[str, Seen]]:
    """A server that answers at once and notes what it was asked."""
    seen = Seen()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if (instance_id := self.headers["X-Instance-ID"]) is not None:
                seen.add(instance_id, self.headers["traceparent"].split("-")[2])
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

        def log_message(self, format: str, *args: object) -> None:
            del format, args

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            del request, client_address  # the client was killed

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", seen
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[tuple[Path, Seen]]:
    with watching_server() as (url, seen):
        (tmp_path / "sut.yaml").write_text(f"name: shop\nbase_url: {url}\n")
        (tmp_path / "scenarios").mkdir()
        steps = "\n".join(f"  - {{ type: http, name: s{number}, path: /{number} }}" for number in range(STEPS))
        (tmp_path / "scenarios" / "journey.yaml").write_text(f"id: journey\nflow:\n{steps}\n")
        yield tmp_path, seen


def kill_after(folder: Path, seen: Seen, requests: int, *program: str) -> RunDirectory:
    """Run the command, and kill it when the server has seen that many requests."""
    seen.expect(requests)
    before = set((folder / "runs").glob("2*"))
    command = [sys.executable, *program, "run", "--parallel", "10", "--duration", "60s", "--quiet"]
    process = subprocess.Popen(
        command, cwd=folder, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        seen.wait()
    finally:
        process.kill()
        process.wait()
    (run,) = set((folder / "runs").glob("2*")) - before
    return RunDirectory(run)


def unrecorded(run: RunDirectory, seen: Seen) -> list[str]:
    """The requests whose steps were acknowledged and are not among the records."""
    records = whole_records(run)
    on_disk = {record.request.span_id for record in records if isinstance(record, StepRecord) and record.request}
    return [span for spans in seen.spans.values() for span in spans[:-2] if span not in on_disk]


def whole_records(run: RunDirectory) -> list[Record]:
    reader = record_reader(run, run.manifest())
    records = list(reader)
    assert reader.evidence().intact, reader.evidence().findings
    assert not reader.evidence().finished
    assert [record.seq for record in records] == list(range(len(records)))
    return records


def test_kills_lose_no_acknowledged_step_and_never_give_a_pass(watched: tuple[Path, Seen]) -> None:
    folder, seen = watched
    draw = random.Random(20261122)
    checked = 0
    for _ in range(KILLS):
        run = kill_after(folder, seen, draw.randint(1, 1500), "-m", "windtunnel")
        assert unrecorded(run, seen) == []
        checked += sum(max(len(spans) - 2, 0) for spans in seen.spans.values())
        summary = analyse(run).summary
        assert (summary.verdict, summary.exit_code) == ("incomplete", 5)
        assert json.loads((run.path / "manifest.json").read_text())["run_id"] == run.path.name
    assert checked > 100 * KILLS

    answer = call(folder, "verify", run.path.name)
    assert answer.returncode == 5
    assert answer.stdout.startswith("unfinished: run ")


def test_a_writer_that_holds_lines_back_does_not_get_through(watched: tuple[Path, Seen]) -> None:
    folder, seen = watched
    (folder / "buffered.py").write_text(BUFFERED)
    assert unrecorded(kill_after(folder, seen, 700, "buffered.py"), seen) != []
