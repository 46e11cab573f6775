"""Tokens of users against a real token endpoint: whose is sent, how often one is fetched, what is written."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

import windtunnel
from tests.support import ROOT
from tests.support.token_server import Form, TokenServer, token_server
from windtunnel import User

APP = "type: oauth2, token_url: URL/token, client_id: app"
OF_USER = f"{{ {APP}, grant: password, username: 'user-{{{{ n }}}}', password: 'password-of-{{{{ n }}}}' }}"
N = "variables: { n: '{{ user_index }}' }"
ME = "flow: [{ type: http, name: me, path: /me }]"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TokenServer]:
    monkeypatch.chdir(tmp_path)
    with token_server() as running:
        yield running


def run(server: TokenServer, *scenario: str, sut: str = "", **more: Any) -> windtunnel.Result:
    """A run of one scenario; URL is replaced by that of the server."""
    Path("sut.yaml").write_text(f"base_url: URL\n{sut}\n".replace("URL", server.url))
    Path("a.yaml").write_text("\n".join(("id: a", *scenario)).replace("URL", server.url))
    return windtunnel.run(sut="sut.yaml", scenarios="a.yaml", seed=1, **{"parallel": 1, "count": 1, **more})


def records(result: windtunnel.Result) -> list[dict[str, Any]]:
    lines = [line for file in sorted(result.directory.rglob("*.jsonl")) for line in file.read_text().splitlines()]
    return [json.loads(line) for line in lines]


def messages(result: windtunnel.Result) -> list[str]:
    """Of the steps of the load that did not pass."""
    steps = [each for each in records(result) if each["type"] == "step"]
    return [str(each.get("message")) for each in steps if each["outcome"] != "passed"]


def holding(result: windtunnel.Result, *secrets: str) -> list[tuple[str, str]]:
    """Each file of a run that holds one of the secrets, with the secret."""
    files = [path for path in result.directory.rglob("*") if path.is_file() and not path.is_symlink()]
    assert len(files) > 4
    return [(path.name, secret) for path in files for secret in secrets if secret.encode() in path.read_bytes()]


def owners(server: TokenServer) -> list[str | None]:
    return [owner for _, owner in server.seen]


def test_each_user_has_a_token_of_its_own_and_fetches_it_once(server: TokenServer) -> None:
    result = run(server, N, f"auth: {OF_USER}", ME, parallel=5, count=20)
    assert set(owners(server)) == {f"user-{number}" for number in range(5)}
    assert (len(server.seen), len(server.asked)) == (20, 5)
    form, header = server.asked[0]
    assert (form["client_id"], form.get("client_secret"), header) == (["app"], None, "")
    tokens = [each for each in records(result) if each.get("phase") == "token"]
    assert [(each["type"], each["step"]) for each in tokens] == [("request", "oauth2")] * 5
    assert result.summary.metrics["http_reqs"].count == 20
    assert holding(result, *server.owners, *(f"password-of-{number}" for number in range(5))) == []


def test_one_token_serves_all_when_nothing_of_a_user_is_read(server: TokenServer) -> None:
    auth = OF_USER.replace("{{ n }}", "{{ 1 + one }}")
    run(server, "variables: { one: 1 }", f"auth: {auth}", ME, parallel=10, count=30)
    assert owners(server) == ["user-2"] * 30
    assert len(server.asked) == 1


def test_a_row_of_a_file_decides_about_the_token(server: TokenServer) -> None:
    Path("users.csv").write_text("name,password\nuser-1,password-of-1\nuser-2,password-of-2\n")
    auth = OF_USER.replace("user-{{ n }}", "{{ data.row.name }}").replace(
        "password-of-{{ n }}", "{{ data.row.password }}"
    )
    result = run(server, "data: { row: { file: users.csv } }", ME, sut=f"auth: {auth}", count=6)
    assert sorted(map(str, owners(server))) == ["user-1"] * 3 + ["user-2"] * 3
    assert len(server.asked) == 2
    assert holding(result, "access-user-1", "password-of-1") == []


def test_an_account_for_each_user_signs_in_once_for_its_setup_and_all_its_instances(server: TokenServer) -> None:
    rows = "".join(f"user-{number},password-of-{number}\n" for number in range(4))
    Path("users.csv").write_text(f"name,password\n{rows}")
    auth = OF_USER.replace("user-{{ n }}", "{{ data.mine.name }}").replace(
        "password-of-{{ n }}", "{{ data.mine.password }}"
    )
    result = run(
        server,
        "data: { mine: { file: users.csv, share: user } }",
        f"auth: {auth}",
        "user_setup: [{ type: http, name: first, path: '/first?{{ user_index }}' }]",
        "flow: [{ type: http, name: me, path: '/me?{{ user_index }}' }]",
        parallel=4,
        count=12,
    )
    assert messages(result) == []
    assert {owner for _, owner in server.seen} == {f"user-{number}" for number in range(4)}
    assert {(path.partition("?")[2], owner) for path, owner in server.seen} == {
        (str(number), f"user-{number}") for number in range(4)
    }
    assert (len(server.seen), len(server.asked)) == (16, 4)
    assert holding(result, *server.owners) == []


def test_a_setup_has_no_row_for_the_auth_of_its_scenario(server: TokenServer) -> None:
    Path("users.csv").write_text("name,password\nuser-1,password-of-1\n")
    auth = "auth: { type: bearer, token: '{{ data.mine.name }}' }"
    setup = "setup: [{ type: http, name: once, path: /once }]"
    with pytest.raises(windtunnel.ConfigError) as caught:
        run(server, "data: { mine: { file: users.csv } }", auth, setup, ME)
    (problem,) = caught.value.problems
    assert problem.where is not None
    assert (problem.where.file, problem.where.line) == ("a.yaml", 3)
    assert '"once"' in problem.text


def test_every_part_of_a_scenario_has_its_auth_and_headers(server: TokenServer) -> None:
    Path("part.yaml").write_text("steps: [{ type: http, name: included, path: /included }]")
    result = run(
        server,
        "variables: { n: 7 }",
        f"auth: {OF_USER}",
        "headers: { X-Tenant: 'tenant-{{ n }}' }",
        "setup: [{ type: http, name: setup, path: /setup }]",
        "user_setup: [{ type: http, name: first, path: /user_setup }]",
        "teardown: [{ type: http, name: teardown, path: /teardown }]",
        "flow:",
        "  - { type: include, name: inc, file: part.yaml }",
        "  - { type: wait, name: poll, path: /poll, expect: { status_code: 200 } }",
        "  - { type: http, name: graph, path: /graph, graphql: { query: '{ a }' } }",
        "  - { type: group, name: g, steps: [{ type: http, name: inside, path: /inside }] }",
        "  - { type: parallel, name: p, branches: [{ steps: [{ type: http, name: side, path: /side }] }] }",
        "  - { type: http, name: out, path: /out, auth: { type: none }, expect: { status_code: 401 } }",
    )
    assert messages(result) == []
    paths = ["/setup", "/user_setup", "/included", "/poll", "/graph", "/inside", "/side", "/out", "/teardown"]
    assert server.seen == [(path, None if path == "/out" else "user-7") for path in paths]
    assert [headers.get("x-tenant") for headers in server.headers] == ["tenant-7"] * 9
    assert len(server.asked) == 1


def test_a_login_in_the_user_setup_gives_the_token_of_the_flow(server: TokenServer) -> None:
    server.owners = {"given": "somebody"}
    result = run(
        server,
        "auth: { type: bearer, token: '{{ token }}' }",
        "user_setup:",
        "  - type: http",
        "    name: login",
        "    path: /login",
        "    auth: { type: none }",
        "    expect: { status_code: 401 }",
        "  - { type: set, name: take, variables: { token: given } }",
        ME,
        count=3,
    )
    assert messages(result) == []
    assert owners(server) == [None, "somebody", "somebody", "somebody"]


def test_a_token_is_renewed_by_the_refresh_token_that_came_with_it(server: TokenServer) -> None:
    server.gives_refresh, server.expires_in = True, 1  # a token is sent until 1 s before its end
    result = run(server, "variables: { n: 1 }", f"auth: {OF_USER}", ME, count=4)
    assert server.grants() == ["password", *["refresh_token"] * 3]
    assert [form["refresh_token"] for form, _ in server.asked[1:]] == [
        ["refresh-user-1-1"],
        ["refresh-user-1-2"],
        ["refresh-user-1-3"],
    ]
    assert owners(server) == ["user-1"] * 4
    assert holding(result, *server.refresh_owners, *server.owners) == []


def test_a_refresh_token_that_is_refused_makes_way_for_the_grant(server: TokenServer) -> None:
    server.gives_refresh, server.expires_in = True, 0
    server.refuses = {"refresh-user-1-1"}
    result = run(server, "variables: { n: 1 }", f"auth: {OF_USER}", ME, count=2)
    assert server.grants() == ["password", "refresh_token", "password"]
    assert (owners(server), messages(result)) == (["user-1"] * 2, [])
    tokens = [each for each in records(result) if each.get("phase") == "token"]
    assert [each["request"].get("failed", False) for each in tokens] == [False, True, False]


def test_the_grant_refresh_token_begins_with_the_one_that_is_written(server: TokenServer) -> None:
    server.refresh_owners["begin-here-1"] = "user-9"
    server.gives_refresh, server.expires_in = True, 0
    auth = f"{{ {APP}, grant: refresh_token, refresh_token: 'begin-{{{{ x }}}}' }}"
    result = run(server, "variables: { x: here-1 }", f"auth: {auth}", ME, count=2)
    assert [form["refresh_token"] for form, _ in server.asked] == [["begin-here-1"], ["refresh-user-9-1"]]
    assert (owners(server), messages(result)) == (["user-9"] * 2, [])
    assert holding(result, "begin-here-1") == []


@pytest.mark.parametrize(
    ("client", "form", "header"),
    [
        ("client_id: shop, client_secret: '{{ s }}'", {}, "Basic c2hvcDpjbGllbnQtc2VjcmV0LTAxMjM="),
        (
            "client_id: shop, client_secret: '{{ s }}', credentials: body",
            {"client_id": ["shop"], "client_secret": ["client-secret-0123"]},
            "",
        ),
        ("client_id: app, credentials: none", {"client_id": ["app"]}, ""),
        (
            "client_id: app, params: { client_assertion: '{{ s }}', resource: [a, b] }",
            {"client_id": ["app"], "client_assertion": ["client-secret-0123"], "resource": ["a", "b"]},
            "",
        ),
    ],
)
def test_a_client_proves_itself_in_the_header_or_in_the_form(
    server: TokenServer, client: str, form: dict[str, list[str]], header: str
) -> None:
    auth = f"auth: {{ type: oauth2, token_url: URL/token, {client}, scope: [a, b] }}"
    result = run(server, "variables: { s: client-secret-0123 }", auth, ME)
    assert messages(result) == []
    assert server.asked == [({"grant_type": ["client_credentials"], "scope": ["a b"], **form}, header)]
    assert holding(result, "client-secret-0123") == [("a.yaml", "client-secret-0123")]


def _answering(text: str, content_type: str = "application/json", status: int = 200) -> Callable[[Form], Any]:
    return lambda _: web.Response(text=text, content_type=content_type, status=status)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (None, "answered 400: invalid_grant (The grant is not valid)"),
        (_answering("<html>down</html>", "text/html", 502), "answered 502"),
        pytest.param(
            _answering("<html>welcome</html>", "text/html"),
            "answered without an access_token",
            marks=pytest.mark.slow,
        ),
        pytest.param(_answering("{}"), "answered without an access_token", marks=pytest.mark.slow),
        pytest.param(
            _answering('{"access_token": ""}'), "answered without an access_token", marks=pytest.mark.slow
        ),
        (_answering('{"access_token": 5, "token_type": "bearer"}'), "answered without an access_token"),
        pytest.param(_answering("[1]"), "answered without an access_token", marks=pytest.mark.slow),
        (
            _answering('{"access_token": "abc", "token_type": "mac"}'),
            "answered with a token of type mac, not bearer",
        ),
        (_answering('{"error": "slow_down"}'), "answered 200: slow_down"),
        (_answering('{"error": {"code": 5}}', status=401), "answered 401"),
    ],
)
def test_a_token_endpoint_that_gives_none_fails_the_step_with_what_it_said(
    server: TokenServer, answer: Callable[[Form], web.Response] | None, message: str
) -> None:
    server.answer = answer
    result = run(server, "variables: { n: none }", f"auth: {OF_USER}", ME)
    (said,) = messages(result)
    assert f"POST {server.url}/token {message}" in said
    assert server.seen == []
    assert result.verdict.word == "fail"


def test_what_a_token_endpoint_repeats_is_redacted(server: TokenServer) -> None:
    def answer(form: Form) -> web.Response:
        said = f"no user {form['username'][0]} with the password {form['password'][0]}\x1b[31m" + " and so on" * 99
        return web.json_response({"error": "invalid_grant", "error_description": said}, status=400)

    server.answer = answer
    result = run(server, "variables: { n: 3 }", f"auth: {OF_USER}", ME)
    (said,) = messages(result)
    assert "no user user-3 with the password [redacted]" in said
    assert "\x1b" not in said
    assert len(said) < 600
    assert holding(result, "password-of-3") == []


def test_a_server_that_does_not_answer_fails_the_step_in_its_time(server: TokenServer) -> None:
    auth = "auth: { type: oauth2, token_url: 'http://127.0.0.1:1/token', client_id: app, credentials: none }"
    result = run(server, auth, ME)
    assert "POST http://127.0.0.1:1/token" in messages(result)[0]


def test_a_401_fetches_a_new_token_for_this_user_alone(server: TokenServer) -> None:
    class Forgetful(dict[str, str]):
        """Takes no token for the first request of user 1."""

        def get(self, token: str, default: Any = None) -> Any:
            return None if token == "access-user-1-1" else super().get(token, default)

    server.owners = Forgetful()
    result = run(server, "variables: { n: 1 }", f"auth: {OF_USER}", ME)
    assert (owners(server), server.grants()) == ([None, "user-1"], ["password", "password"])
    assert messages(result) == []


def test_each_worker_process_has_tokens_of_its_own(server: TokenServer) -> None:
    result = run(server, "variables: { n: 1 }", f"auth: {OF_USER}", ME, parallel=4, count=8, workers=2)
    assert owners(server) == ["user-1"] * 8
    assert len(server.asked) == 2
    assert holding(result, "password-of-1", *server.owners) == []


def test_the_page_about_auth_holds(server: TokenServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLIENT_SECRET", "client-secret-0123")
    page = (ROOT / "docs" / "auth.md").read_text(encoding="utf-8").replace("http://localhost:8080", server.url)
    sut, of_users, login = re.findall(r"^```yaml\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    Path("sut.yaml").write_text(sut)
    Path("bare.yaml").write_text(f"base_url: {server.url}\n")
    Path("all.yaml").write_text(f"id: all\n{ME}\n")
    Path("users.yaml").write_text(of_users)
    Path("login.yaml").write_text(login)
    for files in (("sut.yaml", "all.yaml"), ("bare.yaml", "users.yaml"), ("bare.yaml", "login.yaml")):
        result = windtunnel.run(sut=files[0], scenarios=files[1], parallel=2, count=2, seed=1)
        assert messages(result) == []
        assert holding(result, *server.owners, "client-secret-0123", "password-of-1") == []
    ours = ["shop", "shop", "user-0", "user-1", None, "user-0", None, "user-1"]
    assert sorted(map(str, owners(server))) == sorted(map(str, ours))
    assert server.grants() == ["client_credentials", "password", "password"]


CODE = """
import windtunnel

@windtunnel.scenario("a", variables={"n": "{{ user_index }}"}, auth=AUTH, headers={"X-N": "{{ n }}"})
async def a(user):
    await user.http.get(None, "/me", name="me")
    await user.http.get(None, "/out", name="out", auth={"type": "none"}, expect={"status_code": 401})
    await user.http.poll(None, "/poll", expect={"status_code": 200})
    await user.http.get(None, "/own", auth={"type": "bearer", "token": "{{ n }}"}, expect={"status_code": 401})
    await user.http.get(None, "/mine", headers={"x-n": "mine", "authorization": "x"}, expect={"status_code": 401})
"""


def test_code_has_the_auth_and_headers_of_its_scenario(server: TokenServer) -> None:
    auth = {"type": "oauth2", "token_url": f"{server.url}/token", "client_id": "app", "grant": "password"}
    auth |= {"username": "user-{{ n }}", "password": "password-of-{{ n }}"}
    Path("a.py").write_text(CODE.replace("AUTH", repr(auth)))
    result = windtunnel.run(sut={"base_url": server.url}, scenarios="a.py", parallel=2, count=2, seed=1)
    assert messages(result) == []
    by_user = [[each for each in server.seen if each[0] == path] for path in ("/me", "/out", "/poll", "/own")]
    assert [sorted(str(owner) for _, owner in each) for each in by_user] == [
        ["user-0", "user-1"],
        ["None", "None"],
        ["user-0", "user-1"],
        ["None", "None"],
    ]
    sent = [headers.get("authorization") for headers in server.headers]
    assert (sent.count("Bearer {{ n }}"), sent.count("x"), len(server.asked)) == (2, 2, 2)
    assert sorted(headers.get("x-n", "") for headers in server.headers) == ["0"] * 4 + ["1"] * 4 + ["mine"] * 2


@windtunnel.scenario("late", auth={"type": "bearer", "token": "{{ later }}"})
async def late(user: User) -> None:
    first = await user.http.get(None, "/me", name="first")
    user.check("not_sent", first.error == "bad_request" and not first.passed)
    user.variables["later"] = "value"
    await user.http.get(None, "/me", name="second", expect={"status_code": 401})


def test_a_template_that_code_has_not_set_yet_fails_the_request_and_not_the_code(server: TokenServer) -> None:
    result = windtunnel.run(sut={"base_url": server.url}, scenarios=late, seed=1)
    assert messages(result) == ['auth.token of the scenario: "later" is not defined']
    assert len(server.seen) == 1


def test_a_wrong_auth_of_code_is_a_problem_at_load(server: TokenServer) -> None:
    @windtunnel.scenario("wrong", auth={"type": "basic", "user": "a"}, headers={"X": "{{ 1 + }}"})
    async def wrong(user: User) -> None:
        await user.http.get(None, "/me")

    with pytest.raises(windtunnel.ConfigError) as caught:
        windtunnel.run(sut={"base_url": server.url}, scenarios=wrong)
    texts = [problem.text for problem in caught.value.problems]
    assert any("auth of type basic needs `password`" in text for text in texts)
    assert len(texts) == 2
