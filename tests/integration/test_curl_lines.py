"""The line of curl of a request, run by a shell with a real curl, brings a server what the request brought it."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support.command_line import call
from windtunnel.report.collect import analyse, build_report
from windtunnel.report.curl import curl_line
from windtunnel.report.model import RequestStory
from windtunnel.storage.directory import RunDirectory

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")

Came = tuple[str, str, list[tuple[str, str]], bytes]
IDS = {"x-run-id", "x-instance-id", "x-correlation-id", "traceparent"}

SCENARIO = r"""
id: shop
stop_when: { step_fails: false }
flow:
  - { type: http, name: plain, path: "/a?b=c%20d&e[]={{ '{1}' }}" }
  - { type: http, name: head, method: HEAD, path: "/a/../%2e/b" }
  - type: http
    name: json
    path: /json
    json: { password: "pw-{{ 1 + 1 }}", name: "it's \"50%\" \\ $HOME `id` é" }
  - { type: http, name: form, path: "/form?token=t-1&x=1", form: { secret: "a b&c", plain: "ü" } }
  - type: http
    name: text
    method: PUT
    path: /text
    body: "-n @x\n%s\r\n\\n!\u2028'end'\n"
    headers: { X-Odd: "'\"$(id)!\t\\", X-Empty: "" }
  - { type: http, name: parts, path: /parts, multipart: { password: "pw-3", note: "two\nlines" } }
  - { type: http, name: nothing, method: POST, path: /nothing }
  - type: http
    name: delete
    method: DELETE
    path: /it
    headers: { Accept: null, Authorization: "Bearer at-1" }
  - { type: http, name: odd get, method: GET, path: /search, json: { q: 1 } }
  - { type: http, name: cookies, path: /cookies, cookies: { sid: "s-1", theme: "dark" } }
"""
SECRETS = {
    "BODY_PASSWORD": {"json": "pw-2", "parts": "pw-3"},
    "BODY_SECRET": {"form": "a+b%26c"},
    "URL_TOKEN": {"form": "t-1"},
    "AUTHORIZATION": {"delete": "at-1"},
    "COOKIE_SID": {"cookies": "s-1"},
    "COOKIE_THEME": {"cookies": "dark"},
}
"""What the reader of a line knows: the value of each variable, by the step."""


class Server(BaseHTTPRequestHandler):
    """Keeps what came, and fails everything."""

    protocol_version = "HTTP/1.1"
    came: list[Came]

    def do_GET(self) -> None:
        """Any method."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.came.append((self.command, self.path, list(self.headers.items()), body))
        self.send_response(500)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else b"no")

    def __getattr__(self, name: str) -> object:
        """The same for every other method."""
        if name.startswith("do_"):
            return self.do_GET
        raise AttributeError(name)

    def log_message(self, *args: object) -> None:
        """Nothing."""


@contextlib.contextmanager
def server() -> Iterator[tuple[str, list[Came]]]:
    came: list[Came] = []
    handler = type("Handler", (Server,), {"came": came})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as serving:
        thread = threading.Thread(target=serving.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{serving.server_port}", came
        finally:
            serving.shutdown()
            thread.join()


def compared(request: Came) -> object:
    """What counts of a request: headers in any order, without what is of one connection or one instance."""
    method, target, headers, body = request
    fields = sorted((name.lower(), value) for name, value in headers if name.lower() not in IDS)
    return method, target, fields, body


def requests_of(run: Path) -> dict[str, RequestStory]:
    directory = RunDirectory(run)
    found = analyse(directory)
    report = build_report(directory, found.manifest, found.summary, found.aggregate)
    (story,) = report.stories
    return {step.name: request for step in story.steps for request in step.requests}


def test_curl_sends_what_was_sent(tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text(SCENARIO)
    with server() as (url, came):
        (tmp_path / "sut.yaml").write_text(json.dumps({"base_url": url}))
        said = call(tmp_path, "run", "--scenarios", "shop.yaml", "--sut", "sut.yaml", "--once")
        assert said.returncode == 99, said.stdout + said.stderr
        requests = requests_of(tmp_path / "runs" / "latest")
        sent, came[:] = came[:], []
        for step, request in requests.items():
            known = {name: values[step] for name, values in SECRETS.items() if step in values}
            line = curl_line(request)
            assert line.isprintable()
            environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", **known}
            done = subprocess.run(["sh", "-c", line], capture_output=True, timeout=30, env=environment)
            assert done.returncode == 0, f"{line}\n{done.stderr.decode()}"

    assert len(came) == len(sent) == len(requests) == 10
    assert list(map(compared, came)) == list(map(compared, sent))
