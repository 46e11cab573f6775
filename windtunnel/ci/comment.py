"""The comment on a pull request: one for each key, edited in place. A failure never changes the verdict."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args
from urllib.parse import quote

from windtunnel.ci.github import fitted_summary
from windtunnel.ci.github_api import Answer, ApiFailure, GitHubApi
from windtunnel.model.vocabulary import CommentWhen
from windtunnel.report.text import code

WHEN_TO_COMMENT: tuple[CommentWhen, ...] = get_args(CommentWhen)

MAX_COMMENT = 65_536
"""Characters. The body has at most as many bytes, and bytes are never fewer than characters."""

ACTIONS_BOT = "github-actions[bot]"
"""The author of comments made with the token of a workflow."""

MAX_EVENT = 16 * 1024**2
"""Bytes of the file of an event; GitHub's are a hundred times smaller."""

_LONGEST_KEY = 160
_PAGE = 100
_MAX_PAGES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequest:
    """A pull request to comment on. `read_only`: why the token probably can't write; None if it can."""

    repository: str
    number: int
    read_only: str | None = None


def find_pull_request(environment: Mapping[str, str]) -> PullRequest | None:
    """The pull request of the event that started the job; None if there is none or the event can't be read."""
    event, repository = _event(environment.get("GITHUB_EVENT_PATH", "")), environment.get("GITHUB_REPOSITORY", "")
    pull_request = _mapping(event, "pull_request") or (
        _mapping(event, "issue") if _mapping(event, "issue", "pull_request") else {}
    )
    number = pull_request.get("number")
    if not isinstance(number, int) or not repository:
        return None
    return PullRequest(
        repository=repository, number=number, read_only=_read_only(pull_request, environment, repository)
    )


def _event(path: str) -> Any:
    """What the file of the event says; None when it can't be read or is no JSON."""
    try:
        if not Path(path).is_file():
            return None
        with Path(path).open("rb") as file:
            return json.loads(file.read(MAX_EVENT))
    except (OSError, ValueError, RecursionError):
        return None


def default_key(environment: Mapping[str, str], matrix: str) -> str:
    """The key of a job that names none, such as `workflow / job / os: ubuntu, size: 2`: no two jobs share one.

    `matrix` is the leg of the job as JSON: no variable of the runner tells it. Text that is no JSON is a leg too.
    """
    try:
        values = json.loads(matrix or "null")
    except (ValueError, RecursionError):
        values = matrix
    legs = values.items() if isinstance(values, dict) else [("leg", values)] if values else []
    leg = ", ".join(f"{name}: {_value(value)}" for name, value in sorted(legs))
    names = (environment.get("GITHUB_WORKFLOW"), environment.get("GITHUB_JOB"), leg)
    key = " / ".join(filter(None, names)) or "default"
    if len(key) <= _LONGEST_KEY:
        return key
    digest = hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()[:12]
    return f"{key[:_LONGEST_KEY]}… {digest}"


def _value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)


def comment_body(summary: str, *, key: str, environment: Mapping[str, str]) -> str:
    """The summary between the marker and a line that names the job and its page, within GitHub's limit."""
    foot = f"\n{_link(environment)}{code(key)}\n"
    room = MAX_COMMENT - len(f"{marker(key)}\n{foot}".encode("utf-8", "replace"))
    return f"{marker(key)}\n{fitted_summary(summary, budget=room)}{foot}"


def marker(key: str) -> str:
    """The hidden text that marks a comment of ours; quoted, so that no key ends it."""
    return f"<!-- windtunnel {quote(key, safe=' ', errors='replace')} -->"


def put_comment(
    api: GitHubApi, where: PullRequest, *, key: str, body: str, graphql_url: str, only_update: bool = False
) -> ApiFailure | None:
    """Write the comment, or update it. Returns why that failed. `only_update` makes no new comment."""
    issues, login = f"/repos/{where.repository}/issues", _own_login(api, graphql_url)
    comments = f"{issues}/{where.number}/comments"
    found = _find(api, comments, key=key, login=login)
    if isinstance(found, ApiFailure):
        return found
    if found is not None:
        answer = api.call("PATCH", f"{issues}/comments/{found}", {"body": body})
        if isinstance(answer, Answer):
            return None
        if answer.status not in (404, 410):
            return answer
        # It was deleted in the meantime.
    if only_update:
        return None
    for attempt in itertools.count():
        made = api.call_once("POST", comments, {"body": body})
        if isinstance(made, Answer):
            break
        if not api.wait(made, attempt):
            return made
        # A server that failed may have made the comment all the same: a second one would stay for ever.
        found = _find(api, comments, key=key, login=login)
        if found is not None:
            return found if isinstance(found, ApiFailure) else None
    return None


def _find(api: GitHubApi, path: str, *, key: str, login: str) -> int | ApiFailure | None:
    """The id of our comment with this key, the first on any page."""
    for number in range(1, _MAX_PAGES + 1):
        page = api.call("GET", f"{path}?per_page={_PAGE}&page={number}")
        if isinstance(page, ApiFailure):
            return page
        comments = page.document if isinstance(page.document, list) else []
        for comment in _comments(comments):
            if _is_ours(comment, login) and str(comment.get("body")).startswith(marker(key)):
                return int(comment["id"])
        if len(comments) < _PAGE:
            return None
    return None


def _comments(page: list[Any]) -> Iterator[dict[str, Any]]:
    return (comment for comment in page if isinstance(comment, dict) and isinstance(comment.get("id"), int))


def _is_ours(comment: Mapping[str, Any], login: str) -> bool:
    """Whether this action wrote it: a comment by others can hold the marker too."""
    user = _mapping(comment, "user")
    name = user.get("login")
    return name == login or (user.get("type") == "Bot" and name == f"{login}[bot]")


def _own_login(api: GitHubApi, graphql_url: str) -> str:
    """The login of the token's owner. The REST API does not tell a workflow's token; GraphQL does."""
    answer = api.call("POST", graphql_url, {"query": "{ viewer { login } }"})
    login = _mapping(answer.document, "data", "viewer").get("login") if isinstance(answer, Answer) else None
    return login if isinstance(login, str) and login else ACTIONS_BOT


def told(failure: ApiFailure, where: PullRequest) -> str:
    """Why there is no comment, as a sentence with its help."""
    said = f"no comment on the pull request: {failure}"
    if failure.refused:
        return f"{said}; {where.read_only or 'give the job `permissions: { pull-requests: write }`'}"
    return said


def _read_only(pull_request: Mapping[str, Any], environment: Mapping[str, str], repository: str) -> str | None:
    if environment.get("GITHUB_ACTOR") == "dependabot[bot]":
        return "the token of Dependabot's jobs is read-only"
    head = _mapping(pull_request, "head", "repo").get("full_name")
    if isinstance(head, str) and head != repository:
        return "the token of a job for a fork is read-only; the summary is on the job's page"
    return None


def _link(environment: Mapping[str, str]) -> str:
    server, run = environment.get("GITHUB_SERVER_URL", ""), environment.get("GITHUB_RUN_ID", "")
    if not server.startswith(("https://", "http://")) or not run.isdigit():
        return ""
    return f"[The job and its report]({server}/{environment.get('GITHUB_REPOSITORY', '')}/actions/runs/{run}) · "


def _mapping(document: Any, *keys: str) -> Mapping[str, Any]:
    """The mapping below the keys; an empty one for anything else."""
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document if isinstance(document, dict) else {}
