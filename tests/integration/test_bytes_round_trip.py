"""A run against a server whose headers hold bytes of all kinds: they go back as they came, and read as text."""

from __future__ import annotations

import io
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from windtunnel.config.overrides import overrides_of
from windtunnel.job.request import JobRequest
from windtunnel.job.run import run_job
from windtunnel.terminal import TerminalObserver

ANSWERS = {
    b"/login": b"200 OK\r\nX-Utf: Zo\xc3\xab\r\nX-Latin: Zo\xeb\r\nX-Two: \xc3\xab\r\nX-Two: \xff"
    b'\r\nSet-Cookie: utf=Zo\xc3\xab\r\nSet-Cookie: latin=Zo\xeb; Secure\r\nSet-Cookie: quoted="a b"'
    b"\r\nSet-Cookie: elsewhere=1; Domain=evil.test\r\nSet-Cookie: tracker=1; Domain=evil.test"
    b"\r\nSet-Cookie: __Host-x=1",
    b"/go": b"302 Found\r\nSet-Cookie: hop=\xfe\r\nLocation: /caf\xe9?q=a b",
    b"/twice": b"302 Found\r\nLocation: /once\r\nLocation: /once",
    b"/two": b"302 Found\r\nLocation: /one\r\nLocation: /other?token=geheim",
}

SCENARIO = """
id: bytes
flow:
  - type: http
    name: login
    path: /login
    expect:
      headers: { X-Utf: Zoë, X-Latin: Zoë, X-Two: { contains: "ÿ" } }
      cookies: { utf: Zoë, latin: { equals: Zoë }, quoted: a b }
    extract:
      utf: { header: X-Utf }
      latin: { header: X-Latin }
      cookie: { cookie: latin }
      two: { header: x-two, all: true }
  - { type: set, name: keep, variables: { kept: "{{ latin }}", made: "{{ latin ~ '!' }}" } }
  - type: http
    name: back
    method: POST
    path: "/back/{{ latin }}"
    headers:
      X-Utf: "{{ utf }}"
      X-Latin: "{{ kept }}"
      X-Inside: "<{{ utf }}|{{ latin }}|{{ response.headers['X-Latin'] }}>"
      X-Two: "{{ two[1] }}"
      X-Made: "{{ made }}"
      X-Own: Zoë
    cookies: { own: "{{ cookie }}" }
    json: { name: "{{ latin }}", list: "{{ two }}" }
  - type: assert
    name: same
    expect: { condition: "latin == utf and latin == 'Zoë' and latin | length == 3 and latin.upper() == 'ZOË'" }
  - { type: http, name: go, path: /go }
  - type: http
    name: by_hand
    path: /go
    follow_redirects: false
    expect: { status_code: 302 }
    extract: { to: { header: Location } }
  - { type: http, name: there, path: "{{ to }}" }
  - { type: http, name: twice, path: /twice }
  - { type: http, name: two, path: /two }
"""


class Server(socketserver.ThreadingTCPServer):
    """Answers by path, and keeps every request as it came."""

    daemon_threads = True

    def __init__(self) -> None:
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []
        super().__init__(("127.0.0.1", 0), Handler)

    def of(self, target: bytes) -> dict[bytes, bytes]:
        """The headers of the last request for a target."""
        head = next(head for head in reversed(self.heads) if head.split(b" ", 2)[1] == target)
        fields = (line.partition(b": ") for line in head.split(b"\r\n")[1:] if line)
        return {name.lower(): value for name, _, value in fields}


class Handler(socketserver.StreamRequestHandler):
    """One connection."""

    server: Server

    def handle(self) -> None:
        """Answer its requests, one after another."""
        while line := self.rfile.readline():
            head = line
            while line not in {b"\r\n", b""}:
                line = self.rfile.readline()
                head += line
            self.server.heads.append(head)
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            self.server.bodies.append(self.rfile.read(int(length or 0)))
            answer = ANSWERS.get(head.split(b" ", 2)[1], b"200 OK")
            self.wfile.write(b"HTTP/1.1 " + answer + b"\r\nContent-Length: 0\r\n\r\n")


@pytest.fixture
def server() -> Iterator[Server]:
    """A server in a thread."""
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def test_the_bytes_of_headers_go_back_as_they_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: Server
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").write_text(SCENARIO, encoding="utf-8")
    (tmp_path / "sut.yaml").write_text(f"base_url: http://127.0.0.1:{server.server_address[1]}\n")
    out = io.StringIO()
    observer = TerminalObserver(out=out, err=out, color=False, interactive=False)
    request = JobRequest(scenarios=("a.yaml",), overrides=overrides_of(once=True), verbose=True)
    result = run_job(request, environment={}, observer=observer)
    said = out.getvalue()

    back = server.of(b"/back/Zo%C3%AB")
    assert back[b"x-utf"] == b"Zo\xc3\xab"
    assert back[b"x-latin"] == b"Zo\xeb"
    assert back[b"x-inside"] == b"<Zo\xc3\xab|Zo\xeb|Zo\xeb>"
    assert back[b"x-two"] == b"\xff"
    assert back[b"x-made"] == "Zoë!".encode()
    assert back[b"x-own"] == "Zoë".encode()
    assert back[b"cookie"] == b'own=Zo\xeb; utf=Zo\xc3\xab; latin=Zo\xeb; quoted="a b"'
    assert '{"name":"Zoë","list":["ë","ÿ"]}'.encode() in server.bodies
    assert server.of(b"/caf%E9?q=a%20b")[b"cookie"].endswith(b"; hop=\xfe")
    assert len([head for head in server.heads if head.startswith(b"GET /caf%E9?q=a%20b ")]) == 2
    assert server.of(b"/once")

    outcomes = {row.step: row.passed for row in result.summary.steps}
    assert outcomes == {name: int(name != "two") for name in outcomes}, said
    assert {(note.kind, note.count) for note in result.summary.notes} == {
        ("cookie_domain", 2),
        ("cookie_prefix", 1),
        ("location_characters", 1),
        ("location_twice", 1),
    }
    for line in (
        "      X-Utf: Zoë",
        "      X-Latin: Zoë",
        "      X-Inside: <ZoÃ«|Zoë|Zoë>",  # two encodings in one value: it is not UTF-8
        "    ! 2 cookies refused: Domain is not that of the server (elsewhere, tracker)",
        '    ← protocol: 2 different Location headers: "/one" and "/other?token=[redacted]',
    ):
        assert line in said, said
    written = b"".join(path.read_bytes() for path in (tmp_path / "runs").rglob("*") if path.is_file())
    assert b"geheim" not in written
    assert "geheim" not in said
