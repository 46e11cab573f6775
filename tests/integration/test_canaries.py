"""No secret leaves a run, from whatever it comes, in whatever form it comes back, by whatever way.

One job sends every kind of secret to a server that answers with every form of every secret wherever an answer has
room for text. Then every byte that left the job is searched for every form.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from tests.support.command_line import Answer, call
from tests.support.encoders import ENCODERS

CANARIES = {
    "environment": "zq7environment4w /+&'<%~",
    "template": "zq7template4w\\/+&'<%\"",
    "file": "zq7file4w /+&'<%~ =",
    "column": "zq7column4w /+&'<>%~",
    "preset": "zq7preset4w/+&'<%~",
    "json": 'zq7json4w /+&"<é%\\~',
    "regex": "zq7regex4w/+&'%~",
    "header": "zq7header4w /+&'<%~",
    "cookie": "zq7cookie4w/+&'<%~",
    "list": "zq7list4w /+&'<%~",
    "user info": "zq7userinfo4w/+&~",
    "OAuth client": "zq7client4w/+&~",
    "OAuth token": "zq7access4w/+~",
    "service auth": "zq7basic4w /+&~",
    "code": "zq7code4w /+&'<%~",
}
EXTRACTED = ("json", "regex", "header", "cookie", "list")
KEPT = 64 * 1024
"""What of a body is kept, in bytes."""


def forms_of(canary: str) -> dict[str, str]:
    return {name: encode(canary) for name, encode in ENCODERS.items()}


def fragments() -> dict[str, str]:
    """What must not be found, folded: every form, without what stands around it; and what a cut would leave."""
    found = {}
    for source, canary in CANARIES.items():
        for name, form in forms_of(canary).items():
            around = "Basic" in name or "behind" in name
            found[f"{source}, {name}"] = (form[6:-12] if around else form.strip().rstrip("=")).lower()
        found[f"{source}, a part"] = canary[:8].lower()
        found[f"{source}, the end"] = canary.split("4w")[0][3:].lower() + "4w"
    return found


FRAGMENTS = fragments()
EVERYTHING = [form for canary in CANARIES.values() for form in forms_of(canary).values()]
IN_HEADERS = [place for place, form in enumerate(EVERYTHING) if form.isascii() and form.isprintable()]
"""Where the forms are that a header can hold."""

HEADS = 7
"""Over how many requests they are spread: a server of Python reads a hundred fields."""


class Echo(BaseHTTPRequestHandler):
    """Answers with every form of every secret, as the path says."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        kind = urlsplit(self.path).path.split("/")[1]
        safe = [EVERYTHING[place] for place in IN_HEADERS]
        headers = [(f"X-Echo-{number}", form) for number, form in enumerate(safe[:60])]
        if kind == "login":
            body = {"a": {"session": CANARIES["json"]}, "all": [CANARIES["list"]], "text": CANARIES["regex"]}
            own = [("X-Session", CANARIES["header"]), ("Set-Cookie", f"sid={CANARIES['cookie']}; Path=/")]
            self.send(200, json.dumps({**body, "echo": EVERYTHING}), own)
        elif kind == "token":
            answer = {"access_token": CANARIES["OAuth token"], "token_type": "Bearer", "expires_in": 3600}
            self.send(200, json.dumps(answer))
        elif kind == "away":
            at, host = quote(CANARIES["header"], safe=""), quote(CANARIES["json"], safe="")
            self.send(302, "", [("Location", f"http://{host}.test/{at}?q={at}")])
        elif kind == "hop":
            self.send(302, "", [("Location", f"/html?q={'&q='.join(quote(each) for each in CANARIES.values())}")])
        elif kind == "html":
            self.send(500, "<p>" + "</p>\n<p>".join(EVERYTHING), headers)
        elif kind == "heads":
            part = safe[int(self.path[-1]) :: HEADS]
            own = [(f"X-Echo-{number}", form) for number, form in enumerate(part)]
            self.send(500, "", [*own, *(("Set-Cookie", f"c={form}; Path=/{form}; Secure") for form in part[:9])])
        elif kind == "cut":
            number = int(self.path.rpartition("=")[2])
            form = EVERYTHING[number % len(EVERYTHING)]
            self.send(500, "." * (KEPT - 4 - number % 9) + form + "." * 100)
        elif kind == "reason":
            self.send(500, json.dumps(safe), headers, reason=CANARIES["header"])
        elif kind == "broken":
            self.wfile.write(f"HTTP/1.1 {CANARIES['header']} what\r\n{CANARIES['json']}\r\n\r\n".encode())
            self.close_connection = True
        else:
            self.send(200, json.dumps({"echo": EVERYTHING, "one": EVERYTHING[0], "token": "short"}), headers)

    def send(
        self,
        status: int,
        body: str,
        headers: Sequence[tuple[str, str]] = (),
        reason: str | None = None,
    ) -> None:
        content = body.encode()
        self.send_response(status, reason)
        for name, value in [*headers, ("Content-Length", str(len(content)))]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        """Nothing."""


@contextlib.contextmanager
def echo_server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


SUT = """
base_url: {url}
services:
  shop: {{ base_url: "{url}", auth: {{ type: basic, user: ann, password: "${{BASIC}}" }} }}
  bank:
    base_url: "{url}"
    auth:
      {{ type: oauth2, token_url: "{url}/token", client_id: us, client_secret: "${{CLIENT}}", credentials: body }}
headers: {{ X-Environment: "${{ENVIRONMENT}}", X-File: "${{file:secret.txt}}", X-Db: "${{DB_URL}}" }}
"""
SCENARIO = """
id: shop
variables: { password: none, nl: "\\n" }
data: { shopper: { file: shoppers.csv } }
flow:
  - type: http
    name: login
    path: /login
    method: POST
    service: shop
    form: { password: "{{ data.shopper.password }}", preset: "{{ password }}", "${ENVIRONMENT}": "${ENVIRONMENT}" }
    extract:
      a: { json: $.a.session, secret: true }
      b: { regex: '"text": "([^"]+)"', secret: true }
      c: { header: X-Session, secret: true }
      d: { cookie: sid, secret: true }
      e: { json: "$.all[*]", all: true, secret: true }
  - type: http
    name: send
    path: "/echo/{{ a }}/{{ b }}"
    method: POST
    on_failure: continue
    query: { q: "{{ c }}", r: "{{ data.shopper.password }}", s: "{{ env.TEMPLATE }}" }
    json: { a: "{{ a }}", b: ["{{ d }}", "{{ e }}"], c: "{{ data.shopper.password }}", d: "${ENVIRONMENT}" }
    headers: { X-A: "{{ b }}", X-B: "{{ c }}", X-C: "Bearer {{ d }}" }
    expect:
      json:
        $.one: "{{ c }}"
        $.token: "{{ b }}"
        $.gone: "{{ a }}"
        $.echo: { length: 1 }
        "$['${PLAIN}']": "${ENVIRONMENT}"
      headers:
        X-Echo-1: "{{ d }}"
        X-Echo-2: { matches: "^${FILE_PART}" }
        X-Echo-3: { in: ["{{ c }}", "{{ b }}"] }
      cookies: { sid: "{{ d }}" }
      body: { contains: "{{ data.shopper.password }}!" }
      condition: "{{ response.json.one == '${PLAIN}' }}"
  - type: http
    name: upload
    path: /html/1
    method: POST
    on_failure: continue
    multipart: { password: "${ENVIRONMENT}", n: "{{ data.shopper.password }}" }
  - { type: http, name: text, path: /html/2, method: POST, on_failure: continue, body: "{{ a }}|{{ c }}|{{ d }}" }
  - { type: http, name: bank, path: /html/3, service: bank, on_failure: continue }
  - { type: http, name: away, path: /away, on_failure: continue }
  - { type: http, name: hop, path: "/hop?at={{ a }}", on_failure: continue }
  - { type: http, name: reason, path: /reason, on_failure: continue }
  - { type: http, name: broken, path: /broken, on_failure: continue }
  - { type: http, name: method, path: /echo, on_failure: continue, headers: { X-A: "{{ nl }}{{ a }}" } }
  - { type: http, name: again, path: "/html?{{ b }}", on_failure: continue, retry: { attempts: 2, on: ["5xx"] } }
  - { type: wait, name: poll, path: "/html?{{ c }}", on_failure: continue, timeout: 50ms, interval: 10ms }
  - { type: http, name: everything, path: /echo }
  BACK
  - type: http
    name: extract
    path: /login
    on_failure: continue
    expect: { status_code: 404 }
    extract: { f: { json: $.a.session, secret: true } }
  - type: http
    name: missing
    path: /login
    on_failure: continue
    extract: { g: { regex: "${ENVIRONMENT}!", secret: true }, h: "$['${PLAIN}']" }
  - type: http
    name: schema
    path: /login
    on_failure: continue
    expect: { schema: { properties: { a: { properties: { session: { const: "{{ b }}" } } } } } }
  - type: python
    name: code
    call: "code:fail"
    args: { token: "{{ a }}", row: "{{ data.shopper.password }}" }
    on_failure: continue
  - type: repeat
    name: cuts
    times: 40
    steps:
      - { type: http, name: cut, path: "/cut?n={{ loop.index }}", on_failure: continue }
assertions:
  - { type: assert, name: last, expect: { condition: "{{ a == b }}", json: { $.one: "{{ a }}" } } }
"""
BACK = "\n  ".join(
    json.dumps(
        {
            "type": "http",
            "name": f"back {part}",
            "path": f"/heads/{part}",
            "on_failure": "continue",
            "when": "{{ instance_index < 2 }}",  # one of the first two instances is of this scenario
            "headers": {
                f"X-Back-{number}": f"{{{{ steps.everything.json.echo[{place}] }}}}"
                for number, place in enumerate(IN_HEADERS[part::HEADS])
            },
        }
    ).join(("- ", ""))
    for part in range(HEADS)
)
CODE = """
import os

from windtunnel import scenario


def fail(context, token, row):
    raise ValueError(f"no {token} nor {row.upper()}")


@scenario("code", data={"shopper": {"file": "shoppers.csv"}})
async def code(user):
    password = user.data["shopper"]["password"]
    user.check(f"is {password}", False, expected=password, actual=password.upper())
    with user.group(f"group {password}"), user.step(f"step {password}") as step:
        step.check(f"has {password}", password == "", actual=password)
    await user.http.get(f"get {password}", "/html", on_failure="continue")
    raise KeyError(password)
"""
ENVIRONMENT = {
    "ENVIRONMENT": CANARIES["environment"],
    "TEMPLATE": CANARIES["template"],
    "CLIENT": CANARIES["OAuth client"],
    "BASIC": CANARIES["service auth"],
    "DB_URL": f"postgres://ann:{quote(CANARIES['user info'], safe='')}@db.test/shop",
    "FILE_PART": "short",
    "SHOP_TOKEN": CANARIES["code"],
    "PLAIN": "zq7plain4w",
}


def write_project(folder: Path, url: str) -> None:
    (folder / "sut.yaml").write_text(SUT.format(url=url))
    (folder / "shop.yaml").write_text(SCENARIO.replace("BACK", BACK))
    (folder / "code.py").write_text(CODE)
    (folder / "secret.txt").write_text(CANARIES["file"] + "\n")
    (folder / "shoppers.csv").write_text(
        f'user,password,note\nann,"{CANARIES["column"]}","is {CANARIES["column"]}"\n'
    )
    (folder / "windtunnel.yaml").write_text(
        "sut: sut.yaml\nscenarios: [shop.yaml, code.py]\noutput: { bodies: all }\n"
        'name: "${ENVIRONMENT}"\nload: { parallel: 1, count: 3 }\n'
    )


def leaks(folder: Path, said: Answer, inputs: set[Path]) -> dict[str, set[str]]:
    """What was found where: the file, and the forms."""
    texts = {"standard output": said.stdout.lower(), "standard error": said.stderr.lower()}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path not in inputs and not path.is_symlink() and "__pycache__" not in path.parts:
            texts[str(path.relative_to(folder))] = path.read_bytes().decode("utf-8", "replace").lower()
            assert not any(each in path.name.lower() for each in FRAGMENTS.values())
    assert len(texts) > 10
    return {
        name: found
        for name, text in texts.items()
        if (found := {form for form, fragment in FRAGMENTS.items() if fragment in text})
    }


def hidden_in_heads(folder: Path) -> dict[str, set[str]]:
    """The names of the headers that were recorded with something hidden in them, by direction."""
    found: dict[str, set[str]] = {"request_headers": set(), "response_headers": set()}
    for path in folder.rglob("records/*.jsonl"):
        for line in path.read_bytes().splitlines():
            record = json.loads(line)
            for direction, names in found.items():
                fields = (record.get("request") or {}).get(direction) or ()
                names.update(name for name, value in fields if "[redacted]" in value)
    return found


@pytest.mark.parametrize(
    ("words", "more"),
    [
        pytest.param(("run", "--plan", "windtunnel.yaml"), {}, marks=pytest.mark.slow),
        pytest.param(("run", "--plan", "windtunnel.yaml", "--once", "--verbose"), {}, marks=pytest.mark.slow),
        pytest.param(
            ("run", "--plan", "windtunnel.yaml", "--workers", "2", "--parallel", "2"),
            {"GITLAB_CI": "true"},
            marks=pytest.mark.slow,
        ),
        pytest.param(
            ("action",),
            {"GITHUB_ACTIONS": "true", "RUNNER_DEBUG": "1", "INPUT_PLAN": "windtunnel.yaml"},
            marks=pytest.mark.slow,
        ),
    ],
    ids=["one process", "verbose", "workers", "action"],
)
def test_no_form_of_a_secret_leaves_a_run(words: tuple[str, ...], more: dict[str, str], tmp_path: Path) -> None:
    preset = f"password={CANARIES['preset']}"
    with echo_server() as url:
        write_project(tmp_path, url)
        inputs = {path for path in tmp_path.iterdir() if path.is_file()}
        runner = {name: str(tmp_path / name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        for file in runner.values():
            Path(file).touch()
        more = {**more, **runner, "INPUT_ARGS": f'--set "{preset}" --tag team=a'} if "action" in words else more
        flags = () if "action" in words else ("--set", preset)
        said = call(tmp_path, *words, *flags, environment={**ENVIRONMENT, **more})

    assert said.returncode == 99, said.stdout + said.stderr
    assert leaks(tmp_path, said, inputs) == {}
    heads = hidden_in_heads(tmp_path)
    per_request = len(IN_HEADERS) // HEADS
    assert {f"X-Back-{number}" for number in range(per_request)} <= heads["request_headers"]
    assert {f"X-Echo-{number}" for number in range(per_request)} <= heads["response_headers"]
    assert {"Authorization", "Cookie", "X-Environment"} <= heads["request_headers"]
    assert {"Location", "Set-Cookie", "X-Session"} <= heads["response_headers"]
