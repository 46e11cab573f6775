"""The pull request's comment, against an API server of ours that behaves as GitHub's does, or worse."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from windtunnel.ci.comment import (
    MAX_COMMENT,
    PullRequest,
    comment_body,
    find_pull_request,
    marker,
    put_comment,
)
from windtunnel.ci.github_api import ApiFailure, GitHubApi

WHERE = PullRequest(repository="you/shop", number=7)
BOT = {"login": "github-actions[bot]", "type": "Bot"}


class Api(ThreadingHTTPServer):
    """Keeps comments; `instead` may answer a call (method, path) with a status and a body of its own."""

    daemon_threads = True

    def __init__(self) -> None:
        self.comments: list[dict[str, Any]] = []
        self.calls: list[tuple[str, str]] = []
        self.tokens: set[str] = set()
        self.viewer: object = {"data": {"viewer": {"login": "github-actions[bot]"}}}
        self.instead: Callable[[str, str], tuple[int, bytes] | None] = lambda method, path: None
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def add(self, body: str, user: dict[str, str] = BOT) -> int:
        self.comments.append({"id": len(self.comments) + 1, "user": user, "body": body})
        return len(self.comments)

    def put(self, body: str, key: str = "default", **more: Any) -> str | None:
        api = GitHubApi(self.url, token="token-of-the-job", timeout_s=5)
        return put_comment(
            api, WHERE, key=key, body=f"{marker(key)}\n{body}", graphql_url=f"{self.url}/graphql", **more
        )


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Api

    def _serve(self) -> None:
        server = self.server
        length = int(self.headers.get("Content-Length") or 0)
        document = json.loads(self.rfile.read(length)) if length else {}
        server.calls.append((self.command, self.path))
        server.tokens.add(str(self.headers["Authorization"]))
        other = server.instead(self.command, self.path)
        status, body = other or (200, json.dumps(self._answer(document)).encode())
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _answer(self, document: dict[str, Any]) -> Any:
        server = self.server
        if self.path == "/graphql":
            return server.viewer
        if self.command == "GET":
            page = int(self.path.rpartition("=")[2])
            return server.comments[(page - 1) * 100 : page * 100]
        if self.command == "PATCH":
            comment = server.comments[int(self.path.rpartition("/")[2]) - 1]
            comment["body"] = document["body"]
            return comment
        server.add(document["body"])
        return {}

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PATCH(self) -> None:
        self._serve()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_the_first_comment_is_new_and_the_next_ones_renew_it(api: Api) -> None:
    assert api.put("first") is None
    assert api.put("second") is None
    assert [comment["body"] for comment in api.comments] == ["<!-- windtunnel default -->\nsecond"]
    assert api.tokens == {"Bearer token-of-the-job"}


def test_every_key_has_a_comment_of_its_own(api: Api) -> None:
    api.put("a", key="checkout")
    api.put("b", key="browse")
    api.put("c", key="checkout")
    assert [comment["body"].partition("\n")[2] for comment in api.comments] == ["c", "b"]


def test_a_key_can_not_end_the_marker() -> None:
    assert "-->" not in marker("x --> <script>").removesuffix("-->")


def test_ours_is_found_on_any_page(api: Api) -> None:
    for number in range(250):
        api.add(f"comment {number}", {"login": "somebody", "type": "User"})
    api.add(f"{marker('default')}\nold")
    api.add("later", {"login": "somebody", "type": "User"})
    assert api.put("new") is None
    assert api.comments[250]["body"].endswith("new")
    assert len(api.comments) == 252


@pytest.mark.parametrize(
    ("user", "body"),
    [
        ({"login": "mallory", "type": "User"}, f"{marker('default')}\nforged"),
        ({"login": "github-actions", "type": "User"}, f"{marker('default')}\nforged"),
        (BOT, f"> {marker('default')}\nquoted by another workflow"),
        (BOT, f"{marker('other')}\nanother key"),
        ({}, f"{marker('default')}\nby nobody"),
    ],
)
def test_what_others_wrote_stays_whatever_stands_in_it(api: Api, user: dict[str, str], body: str) -> None:
    api.add(body, user)
    assert api.put("ours") is None
    assert [comment["body"] for comment in api.comments] == [body, f"{marker('default')}\nours"]


def test_an_app_of_its_own_finds_its_own(api: Api) -> None:
    api.viewer = {"data": {"viewer": {"login": "shop-ci"}}}
    api.add(f"{marker('default')}\nold", {"login": "shop-ci[bot]", "type": "Bot"})
    api.put("new")
    assert [comment["body"] for comment in api.comments] == [f"{marker('default')}\nnew"]


@pytest.mark.parametrize(
    "viewer", [{"errors": ["no"]}, {"data": None}, [], "x", {"data": {"viewer": {"login": 5}}}]
)
def test_who_can_not_be_told_is_the_bot_of_the_workflow(api: Api, viewer: object) -> None:
    api.viewer = viewer
    api.add(f"{marker('default')}\nold")
    api.put("new")
    assert len(api.comments) == 1


def test_a_comment_that_was_just_deleted_is_made_anew(api: Api) -> None:
    api.add(f"{marker('default')}\nold")
    api.instead = lambda method, path: (404, b'{"message": "Not Found"}') if method == "PATCH" else None
    assert api.put("new") is None
    assert len(api.comments) == 2


def test_only_updating_makes_no_new_one(api: Api) -> None:
    assert api.put("green", only_update=True) is None
    assert api.comments == []
    api.put("red")
    api.put("green", only_update=True)
    assert [comment["body"].partition("\n")[2] for comment in api.comments] == ["green"]


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
@pytest.mark.parametrize("status", [301, 403, 429, 500, 503])
def test_a_refusal_is_a_sentence(api: Api, method: str, status: int) -> None:
    if method == "PATCH":
        api.add(f"{marker('default')}\nold")
    api.instead = lambda called, path: (
        (status, b'{"message": "no\\n::error::x"}') if called == method and path != "/graphql" else None
    )
    told = api.put("new")
    assert told is not None
    assert told.startswith(f"no comment on the pull request: GitHub answered {status}: no ::error::x")
    assert "\n" not in told
    assert ("pull-requests: write" in told) == (status == 403)


@pytest.mark.parametrize(
    "body", [b"<html>", b"", b"null", b'{"a": 1}', b'[1, null, {"id": "x"}]', b"\xff" * 99, b"[" * 9999]
)
def test_answers_that_make_no_sense_break_nothing(api: Api, body: bytes) -> None:
    api.instead = lambda method, path: (200, body)
    told = api.put("new")
    assert told is None or told.startswith("no comment on the pull request: no valid response from GitHub")


def test_a_server_that_is_not_there_is_a_sentence() -> None:
    api = GitHubApi("http://127.0.0.1:1", token="t", timeout_s=2)
    told = put_comment(api, WHERE, key="k", body="b", graphql_url="http://127.0.0.1:1/graphql")
    assert told == "no comment on the pull request: no valid response from GitHub: [Errno 111] Connection refused"


def test_a_redirect_does_not_take_the_token_along(api: Api) -> None:
    with Api() as elsewhere:
        api.instead = lambda method, path: (302, b"") if path != "/graphql" else None
        assert "302" in (api.put("new") or "")
        assert elsewhere.calls == []


def test_a_token_that_is_none_reaches_nobody() -> None:
    answer = GitHubApi("http://127.0.0.1:1", token="a\nb").call("GET", "/x")
    assert answer == ApiFailure(0, "the URL of the API or the token is invalid")
    assert isinstance(GitHubApi("file:///etc/passwd", token="t").call("GET", ""), ApiFailure)


# Which pull request


def event(tmp_path: Path, document: object, **more: str) -> dict[str, str]:
    path = tmp_path / "event.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return {"GITHUB_EVENT_PATH": str(path), "GITHUB_REPOSITORY": "you/shop", **more}


def test_the_event_names_the_pull_request(tmp_path: Path) -> None:
    own = {"number": 7, "head": {"repo": {"full_name": "you/shop"}}}
    assert find_pull_request(event(tmp_path, {"pull_request": own})) == WHERE
    on_issue = {"issue": {"number": 7, "pull_request": {"url": "x"}}}
    assert find_pull_request(event(tmp_path, on_issue)) == WHERE


@pytest.mark.parametrize(
    "document", ["", "[", [], {}, {"issue": {"number": 7}}, {"pull_request": 7}, {"pull_request": {"number": "7"}}]
)
def test_other_events_name_none(tmp_path: Path, document: object) -> None:
    assert find_pull_request(event(tmp_path, document)) is None


def test_without_an_event_there_is_no_pull_request(tmp_path: Path) -> None:
    assert find_pull_request({}) is None
    assert find_pull_request({"GITHUB_EVENT_PATH": str(tmp_path / "gone"), "GITHUB_REPOSITORY": "a/b"}) is None


def test_a_fork_and_dependabot_get_told_why_their_token_can_not_write(tmp_path: Path, api: Api) -> None:
    fork: dict[str, object] = {"number": 7, "head": {"repo": {"full_name": "mallory/shop"}}}
    api.instead = lambda method, path: (403, b'{"message": "Resource not accessible by integration"}')
    for pull_request, actor, reason in (
        (fork, "mallory", "a job for a fork"),
        ({"number": 7}, "dependabot[bot]", "Dependabot's jobs"),
    ):
        where = find_pull_request(event(tmp_path, {"pull_request": pull_request}, GITHUB_ACTOR=actor))
        assert where is not None
        client = GitHubApi(api.url, token="t")
        told = put_comment(client, where, key="k", body="b", graphql_url=f"{api.url}/graphql")
        assert reason in (told or "")


# The body

JOB = {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "you/shop", "GITHUB_RUN_ID": "42"}


def test_the_body_is_the_summary_between_marker_and_link() -> None:
    assert comment_body("# Fail\n", key="k", environment=JOB) == (
        "<!-- windtunnel k -->\n# Fail\n\n[The job and its report](https://github.com/you/shop/actions/runs/42)\n"
    )
    assert comment_body("# Fail\n", key="k", environment={}) == "<!-- windtunnel k -->\n# Fail\n"


@pytest.mark.parametrize("unit", ["word ", "é", "🌪", "long line\n\n"])
def test_the_body_keeps_within_what_github_takes(unit: str) -> None:
    body = comment_body("# Fail\n\n" + unit * 80_000, key="k", environment=JOB)
    assert len(body) <= MAX_COMMENT
    assert body.startswith("<!-- windtunnel k -->\n# Fail\n")
    assert body.endswith("runs/42)\n")
