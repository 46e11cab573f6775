"""The pull request's comment, against an API server of ours that behaves as GitHub's does, or worse."""

from __future__ import annotations

import io
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
    default_key,
    find_pull_request,
    marker,
    put_comment,
    told,
)
from windtunnel.ci.github_api import ApiFailure, GitHubApi
from windtunnel.cli.action import action
from windtunnel.errors import ConfigError
from windtunnel.job.run import JobResult

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
        self.headers: dict[str, str] = {}
        self.waits: list[float] = []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def add(self, body: str, user: dict[str, str] = BOT) -> int:
        self.comments.append({"id": len(self.comments) + 1, "user": user, "body": body})
        return len(self.comments)

    def put(self, body: str, key: str = "default", where: PullRequest = WHERE, **more: Any) -> str | None:
        api = GitHubApi(self.url, token="token-of-the-job", timeout_s=5, sleep=self.waits.append, unix=lambda: NOW)
        failure = put_comment(
            api, where, key=key, body=f"{marker(key)}\n{body}", graphql_url=f"{self.url}/graphql", **more
        )
        return told(failure, where) if failure else None


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
        for name, value in server.headers.items() if other else ():
            self.send_header(name, value)
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
    said = api.put("new")
    assert said is not None
    assert said.startswith(f"no comment on the pull request: GitHub answered {status}: no ::error::x")
    assert "\n" not in said
    assert ("pull-requests: write" in said) == (status == 403)


LOAD = {"GITHUB_WORKFLOW": "Load", "GITHUB_JOB": "journeys"}
"""What every leg of a job has alike."""


@pytest.mark.parametrize(
    ("matrix", "key"),
    [
        ("", "Load / journeys"),
        ("null", "Load / journeys"),
        ("{}", "Load / journeys"),
        ('{\n  "size": 2,\n  "os": "ubuntu"\n}', "Load / journeys / os: ubuntu, size: 2"),
        ('{"shop": {"url": "http://a", "de": true}}', 'Load / journeys / shop: {"de": true, "url": "http://a"}'),
        ("[1, 2]", "Load / journeys / leg: [1, 2]"),
        ("{broken", "Load / journeys / leg: {broken"),
    ],
)
def test_a_job_that_names_no_key_has_that_of_its_workflow_job_and_leg(matrix: str, key: str) -> None:
    assert default_key(LOAD, matrix) == key


def test_without_any_of_these_the_key_is_default() -> None:
    assert default_key({}, "") == "default"


def test_no_two_jobs_or_legs_share_a_comment(api: Api) -> None:
    long = json.dumps({f"key {number}": "x" * 40 for number in range(30)})
    keys = [
        default_key(environment, matrix)
        for environment in (LOAD, LOAD | {"GITHUB_JOB": "search"}, LOAD | {"GITHUB_WORKFLOW": "Nightly"})
        for matrix in (
            "",
            '{"os": "a"}',
            '{"os": "b"}',
            '{"os": ["a"]}',
            long,
            long.replace("29", "30"),
            "[" * 9999,
        )
    ]
    for key in keys * 2:
        assert api.put(key, key=key) is None
    assert [comment["body"].partition("\n")[2] for comment in api.comments] == keys
    assert max(map(len, keys)) < 200


# Another attempt

NOW = 1_800_000_000.0
LIMITED = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(NOW) + 12)}


def failing_times(api: Api, status: int, times: int, method: str = "POST") -> None:
    """The next calls of the comments' API fail, so many of them."""
    left = [status] * times
    api.instead = lambda called, path: (
        (left.pop(), b'{"message": "busy"}') if left and called == method and path != "/graphql" else None
    )


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
@pytest.mark.parametrize(
    ("status", "headers", "waits"),
    [
        (429, {"Retry-After": "7"}, [7, 7]),
        (429, {"Retry-After": "Fri, 15 Jan 2027 08:00:20 GMT"}, [20, 20]),
        (429, {"Retry-After": "soon"}, [1, 2]),
        (429, {}, [1, 2]),
        (403, {"Retry-After": "30"}, [30, 30]),
        (403, LIMITED, [12, 12]),
        (500, {}, [1, 2]),
        (502, {"Retry-After": "0"}, [1, 2]),
        (503, {"Retry-After": "3"}, [3, 3]),
    ],
)
def test_a_busy_github_is_asked_twice_more_after_the_time_it_names(
    api: Api, method: str, status: int, headers: dict[str, str], waits: list[float]
) -> None:
    if method == "PATCH":
        api.add(f"{marker('default')}\nold")
    api.headers = headers
    failing_times(api, status, 2, method)
    assert api.put("new") is None
    assert api.waits == waits
    assert [comment["body"].partition("\n")[2] for comment in api.comments] == ["new"]


def test_it_is_not_asked_a_fourth_time(api: Api) -> None:
    failing_times(api, 502, 3)
    assert api.put("new") == "no comment on the pull request: GitHub answered 502: busy"
    assert api.waits == [1, 2]


@pytest.mark.parametrize("after", ["61", "3600", "999999999999", "9" * 400, "Fri, 15 Jan 2027 09:00:00 GMT"])
def test_a_job_does_not_stand_still_for_a_comment(api: Api, after: str) -> None:
    api.headers = {"Retry-After": after}
    failing_times(api, 429, 1)
    said = api.put("new")
    assert (said is None) == (len(after) > 100)  # which is no time at all
    assert sum(api.waits) <= 60


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 422])
def test_what_github_refuses_for_good_is_not_asked_again(api: Api, status: int) -> None:
    failing_times(api, status, 1)
    assert f"GitHub answered {status}" in (api.put("new") or "")
    assert api.waits == []


def test_a_comment_that_was_made_by_a_call_that_failed_is_not_made_twice(api: Api) -> None:
    def fails_late(method: str, path: str) -> tuple[int, bytes] | None:
        if method == "POST" and path != "/graphql" and not api.comments:
            api.add(f"{marker('default')}\nnew")
            return 504, b""
        return None

    api.instead = fails_late
    assert api.put("new") is None
    assert len(api.comments) == 1


@pytest.mark.parametrize(
    "body", [b"<html>", b"", b"null", b'{"a": 1}', b'[1, null, {"id": "x"}]', b"\xff" * 99, b"[" * 9999]
)
def test_answers_that_make_no_sense_break_nothing(api: Api, body: bytes) -> None:
    api.instead = lambda method, path: (200, body)
    said = api.put("new")
    assert said is None or said.startswith("no comment on the pull request: no valid response from GitHub")


def test_a_server_that_is_not_there_is_a_sentence() -> None:
    api = GitHubApi("http://127.0.0.1:1", token="t", timeout_s=2)
    failure = put_comment(api, WHERE, key="k", body="b", graphql_url="http://127.0.0.1:1/graphql")
    assert failure is not None
    assert (
        told(failure, WHERE)
        == "no comment on the pull request: no valid response from GitHub: [Errno 111] Connection refused"
    )


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
        assert reason in (api.put("b", where=where) or "")


def log_of_a_job(tmp_path: Path, api: Api, comment: str, head: str = "you/shop", **more: str) -> str:
    """The log of a job for a pull request that ran nothing, with a token that may not write."""

    def run(*_: object, **__: object) -> JobResult:
        raise ConfigError.of("no such key")

    api.instead = lambda method, path: (403, b'{"message": "Resource not accessible by integration"}')
    pull_request = {"pull_request": {"number": 7, "head": {"repo": {"full_name": head}}}}
    environment = event(tmp_path, pull_request, **more) | {
        "GITHUB_ACTIONS": "true",
        "GITHUB_API_URL": api.url,
        "INPUT_GITHUB-TOKEN": "t",
        "INPUT_COMMENT": comment,
        "RUNNER_DEBUG": "1",
    }
    out = io.StringIO()
    assert action(environment, out=out, run=run) == 2
    return out.getvalue()


@pytest.mark.parametrize(
    ("comment", "head", "actor"),
    [
        *(("auto", "you/shop", "you"), ("auto", "mallory/shop", "mallory"), ("always", "mallory/shop", "mallory")),
        *(("on-failure", "you/shop", "dependabot[bot]"), ("auto", "you/shop", "dependabot[bot]")),
    ],
)
def test_a_token_that_may_not_comment_is_no_news(
    tmp_path: Path, api: Api, comment: str, head: str, actor: str
) -> None:
    log = log_of_a_job(tmp_path, api, comment, head, GITHUB_ACTOR=actor)
    assert "::notice" not in log
    assert "::warning" not in log
    assert [line for line in log.split("\n") if "pull request" in line and not line.startswith("::debug::")] == []
    assert "::debug::no comment on the pull request: GitHub answered 403" in log


def test_a_permission_that_was_forgotten_for_a_comment_that_was_asked_for_is_a_notice(
    tmp_path: Path, api: Api
) -> None:
    log = log_of_a_job(tmp_path, api, "always", GITHUB_ACTOR="you")
    assert "::notice title=Windtunnel::no comment on the pull request: GitHub answered 403" in log
    assert "give the job `permissions: { pull-requests: write }`" in log


# The body

JOB = {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "you/shop", "GITHUB_RUN_ID": "42"}


def test_the_body_is_the_summary_between_marker_and_link() -> None:
    link = "[The job and its report](https://github.com/you/shop/actions/runs/42)"
    assert comment_body("# Fail\n", key="k", environment=JOB) == f"<!-- windtunnel k -->\n# Fail\n\n{link} · `k`\n"
    assert comment_body("# Fail\n", key="k", environment={}) == "<!-- windtunnel k -->\n# Fail\n\n`k`\n"


@pytest.mark.parametrize("unit", ["word ", "é", "🌪", "long line\n\n"])
def test_the_body_keeps_within_what_github_takes(unit: str) -> None:
    body = comment_body("# Fail\n\n" + unit * 80_000, key="k", environment=JOB)
    assert len(body) <= MAX_COMMENT
    assert body.startswith("<!-- windtunnel k -->\n# Fail\n")
    assert body.endswith("runs/42) · `k`\n")
