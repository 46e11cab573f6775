"""The action on a runner of ours: its files, somebody else's workspace, a server whose every word is an attack."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import threading
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support.command_line import answer_of, started, until
from windtunnel.ci.comment import marker
from windtunnel.ci.outputs import OUTPUT_NAMES
from windtunnel.cli.action import action
from windtunnel.job.run import run_job

HOSTILE = (
    "@everyone \x1b[31mred\x1b[0m\n::set-output name=verdict::pass\n##[error]forged\r::stop-commands::x\n"
    "\u2028::error::line | `code` ``` </details><script>alert(1)</script> ]]> <!-- --> "
    "[link](https://evil.invalid) ##vso[task.complete] \x1b]0;title\x07 \x9b2J \u202egnp #1 "
    "![img](https://evil.invalid/x.png) %0A::error::encoded"
)
OWNER = (1001, 118)
AS_ROOT = os.geteuid() == 0


class Hostile(BaseHTTPRequestHandler):
    """The service; and GitHub's API below /api."""

    protocol_version = "HTTP/1.1"
    comments: list[str]

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        given = self.rfile.read(length)
        if self.path.startswith("/api"):
            if self.command == "POST" and "graphql" not in self.path:
                self.comments.append(json.loads(given)["body"])
            body = b"[]" if self.command == "GET" else b"{}"
        else:
            body = json.dumps({"said": HOSTILE, "plain": "x"}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[tuple[str, list[str]]]:
    comments: list[str] = []
    handler = type("Handler", (Hostile,), {"comments": comments})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", comments
        finally:
            server.shutdown()
            thread.join()


SCENARIO = """
id: attacked
flow:
{steps}
assertions:
  - {{ type: assert, name: said_nothing, expect: {{ body: {{ not_contains: everyone }} }} }}
"""
STEP = """  - type: http
    name: step_{n}
    path: /{n}
    on_failure: continue
    expect: {{ json: {{ $.said: fine }} }}"""


class Runner:
    """GitHub's files and environment around a workspace."""

    def __init__(self, folder: Path, base_url: str) -> None:
        self.workspace = folder / "workspace"
        (self.workspace / "scenarios").mkdir(parents=True)
        self.output, self.summary = folder / "output", folder / "summary"
        for file in (self.output, self.summary):
            file.touch(mode=0o644)
        event = folder / "event.json"
        event.write_text(json.dumps({"pull_request": {"number": 7, "head": {"repo": {"full_name": "you/shop"}}}}))
        (self.workspace / "sut.yaml").write_text(f"base_url: {base_url}\n")
        steps = "\n".join(STEP.format(n=n) for n in range(14))
        (self.workspace / "scenarios" / "a.yaml").write_text(SCENARIO.format(steps=steps))
        if AS_ROOT:
            os.chown(self.workspace, *OWNER)
        self.environment = {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_WORKSPACE": str(self.workspace),
            "GITHUB_OUTPUT": str(self.output),
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_REPOSITORY": "you/shop",
            "GITHUB_API_URL": f"{base_url}/api",
            "INPUT_GITHUB-TOKEN": "token-of-the-job",
            "INPUT_LOOPBACK": "strict",
        }

    @property
    def outputs(self) -> dict[str, str]:
        found, lines = {}, iter(self.output.read_text().split("\n"))
        for line in lines:
            if line:
                name, delimiter = line.split("<<")
                value = []
                while (line := next(lines)) != delimiter:
                    value.append(line)
                found[name] = "\n".join(value)
        return found


def commands(log: str) -> list[str]:
    """What a runner obeys: `::name` at the beginning of a line, `##[name` and `##vso[` anywhere."""
    lines = re.split(r"\r\n|\r|\n", log)
    return [line for line in lines if line.lstrip().startswith("::") or "##[" in line or "##vso[" in line]


def outside_of_code(markdown: str) -> str:
    """The page without code blocks and spans, in which nothing is active."""
    markdown = re.sub(r"^(`{3,})text\n.*?^\1$", "", markdown, flags=re.S | re.M)
    return re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", markdown)


Attacked = tuple[Runner, str, list[str], int]
"""The runner, the log, the comments and the exit code."""


@pytest.fixture(name="attacked")
def attacked_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Attacked:
    with serving() as (base_url, comments):
        runner = Runner(tmp_path, base_url)
        monkeypatch.chdir(runner.workspace)
        out = io.StringIO()
        inputs = {"INPUT_COUNT": "3", "INPUT_THRESHOLDS": "checks: rate > 99%"}
        code = action({**runner.environment, **inputs}, out=out, run=run_job)
        return runner, out.getvalue(), comments, code


def test_nothing_the_server_says_is_a_command_or_markup_anywhere(attacked: Attacked) -> None:
    runner, log, comments, code = attacked
    assert code == 99, log
    obeyed = {re.split(r"[ :]", line.lstrip()[2:])[0] for line in commands(log)}
    assert obeyed == {"group", "endgroup", "error"}
    assert "everyone" in log, "what the server said is told, harmlessly"
    assert not re.search("[\x1b\x9b\x07\u2028\u202e]", log)

    run = runner.workspace / runner.outputs["report-dir"]
    for page in (runner.summary.read_text(), comments[0], (run / "summary.md").read_text()):
        active = outside_of_code(page).replace(marker("default"), "")
        # Our own folds: each tag has a line of its own, which no text of others has.
        active = re.sub(r"(?m)^(?:</?details>|<summary>(.*)</summary>)$", r"\1", active)
        assert "everyone" in page, "what the server said is told, harmlessly"
        assert "@everyone" not in active
        assert not re.search("[\u200b-\u200f\u2060-\u2064\ufeff]", page)
        assert not re.search(r"</details>|<script|<!--|\]\(https://evil|::error|[\x1b\u2028\u202e]", active), (
            active
        )
    html = (run / "report.html").read_text()
    assert "<script>alert(1)" not in html
    assert "</details><script>" not in html
    cases = ElementTree.parse(run / "junit.xml").getroot()
    names = [(case.get("classname"), case.get("name")) for case in cases.iter("testcase")]
    assert len(names) == len(set(names)) > 0
    files = [file for file in run.rglob("*") if file.suffix in {".md", ".xml", ".prom", ".env", ".html"}]
    assert len(files) >= 5
    for file in files:
        assert not re.search("[\x1b\x07\u2028\u202e]", file.read_text()), file.name


@pytest.mark.slow
def test_the_files_of_the_runner_hold_what_they_should_within_the_limits(attacked: Attacked) -> None:
    runner, log, comments, _ = attacked
    outputs = runner.outputs
    assert tuple(outputs) == OUTPUT_NAMES
    assert (outputs["verdict"], outputs["exit-code"], outputs["instances"]) == ("fail", "99", "3")
    assert outputs["requests"] == "42"
    for name in ("report-html", "summary-json", "summary-md", "junit"):
        assert (runner.workspace / outputs[name]).is_file()
    run = runner.workspace / outputs["report-dir"]
    assert runner.summary.read_bytes() == (run / "summary.md").read_bytes()
    assert len(runner.summary.read_bytes()) < 1024 * 1024
    assert comments[0] == f"{marker('default')}\n{runner.summary.read_text()}\n`default`\n"
    assert len(comments[0]) <= 65_536
    errors = [line for line in log.split("\n") if line.startswith("::error ")]
    assert len(errors) == 10
    assert "more, see the log." in errors[9]
    assert all(len(line.split("::", 2)[2]) <= 4096 for line in errors)
    assert sum("file=scenarios/a.yaml,line=" in line for line in errors) >= 8
    assert (runner.output.stat().st_mode & 0o777, runner.summary.stat().st_mode & 0o777) == (0o644, 0o644)


@pytest.mark.slow
@pytest.mark.skipif(not AS_ROOT, reason="only root gives files away")
def test_every_file_of_the_run_belongs_to_the_owner_of_the_workspace(attacked: Attacked) -> None:
    runner, *_ = attacked
    kept = runner.workspace / "windtunnel-report"
    paths = [kept, *kept.rglob("*")]
    assert len(paths) > 5
    for path in paths:
        found = path.lstat()
        assert (found.st_uid, found.st_gid) == OWNER, path


@pytest.mark.slow
def test_a_cancelled_job_gives_instances_three_seconds_and_leaves_outputs_and_summary(tmp_path: Path) -> None:
    with serving() as (base_url, comments):
        runner = Runner(tmp_path, base_url)
        load = {"INPUT_DURATION": "600s", "INPUT_PARALLEL": "5"}
        with started(runner.workspace, "action", environment=runner.environment | load) as process:
            kept = runner.workspace / "windtunnel-report"
            until(lambda: any(f.stat().st_size > 20_000 for f in kept.glob("2*/records/*.jsonl")), process)
            process.send_signal(signal.SIGINT)
            answer = answer_of(process)
    assert answer.returncode == 130, answer
    # Of the 7.5 s that GitHub leaves between SIGINT and SIGTERM.
    assert "SIGINT: no new instances start, running ones have 3 s" in answer.stdout + answer.stderr
    assert (runner.outputs["verdict"], runner.outputs["exit-code"]) == ("interrupted", "130")
    assert "Interrupted" in runner.summary.read_text()
    assert (runner.workspace / runner.outputs["summary-json"]).is_file()
    assert comments == []
