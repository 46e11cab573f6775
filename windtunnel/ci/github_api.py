"""A few calls of GitHub's REST API. A failure is a value with its reason, never an exception.

What GitHub can't answer at the moment is asked again, as its page "Best practices for using the REST API" says.

| answer | asked again |
|---|---|
| 429, 5xx, 403 with `Retry-After` or `X-RateLimit-Remaining: 0` | twice, after the time it names, else 1 s, 2 s |
| the same, but all waits together would be over 60 s | no: the job would stand still |
| any other, or none | no |
"""

from __future__ import annotations

import email.utils
import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import Message
from typing import IO, Any
from urllib.parse import urlsplit

from windtunnel.report.text import printable

_TIMEOUT_S = 10.0
_LARGEST = 16 * 1024 * 1024
_SHOWN = 200
RETRIES = 2
_PATIENCE_S = 60.0
_MOST_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Answer:
    """The JSON of a successful response."""

    document: Any


@dataclass(frozen=True, slots=True)
class ApiFailure:
    """A failed call: the status (0 without a response) and the reason.

    `retry_s` is the number of seconds after which GitHub takes the call again; None when it never does, 0 when it
    names no time.
    """

    status: int
    reason: str
    retry_s: float | None = None

    @property
    def refused(self) -> bool:
        """Whether the token may not do this."""
        return self.status in (401, 403, 404) and self.retry_s is None

    def __str__(self) -> str:
        return f"GitHub answered {self.status}: {self.reason}" if self.status else self.reason


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Refuses redirects: they would send the token to another host."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> None:
        del req, fp, code, msg, headers, newurl


class GitHubApi:
    """The API below `base_url`, used with a token. `sleep` waits before a call is made again."""

    def __init__(
        self,
        base_url: str,
        *,
        token: str,
        timeout_s: float = _TIMEOUT_S,
        sleep: Callable[[float], None] = time.sleep,
        unix: Callable[[], float] = time.time,
    ) -> None:
        self._base_url, self._token, self._timeout_s = base_url.rstrip("/"), token, timeout_s
        self._sleep, self._unix, self._patience_s = sleep, unix, _PATIENCE_S
        self._opener = urllib.request.build_opener(_NoRedirects)

    def call(self, method: str, path: str, document: Mapping[str, Any] | None = None) -> Answer | ApiFailure:
        """Call `path` or a whole URL, with a JSON document if one is given; again where that can help."""
        for attempt in range(RETRIES + 1):
            answer = self.call_once(method, path, document)
            if isinstance(answer, Answer) or not self.wait(answer, attempt):
                break
        return answer

    def wait(self, failure: ApiFailure, attempt: int) -> bool:
        """Wait until the call can be made again after this attempt, counted from 0; False if it should not."""
        if failure.retry_s is None or attempt >= RETRIES:
            return False
        wait_s = failure.retry_s or 2.0**attempt
        if wait_s > self._patience_s:
            return False
        self._patience_s -= wait_s
        self._sleep(wait_s)
        return True

    def call_once(self, method: str, path: str, document: Mapping[str, Any] | None = None) -> Answer | ApiFailure:
        """Call without a second attempt."""
        url = path if path.startswith("http") else f"{self._base_url}{path}"
        if not _is_web(url) or "\n" in self._token:
            return ApiFailure(0, "the URL of the API or the token is invalid")
        request = urllib.request.Request(  # noqa: S310  the scheme is checked
            url,
            method=method,
            data=None if document is None else json.dumps(document).encode(),
            headers={
                "Accept": "application/vnd.github+json",
                "Authorization": f"Bearer {self._token}",
                "Content-Type": "application/json",
                "User-Agent": "windtunnel",
                "X-GitHub-Api-Version": "2022-11-28",
            },
        )
        try:
            with self._opener.open(request, timeout=self._timeout_s) as response:
                return Answer(json.loads(response.read(_LARGEST)))
        except urllib.error.HTTPError as error:
            with error:
                return ApiFailure(error.code, _message(error), _retry_s(error.code, error.headers, self._unix()))
        except (OSError, http.client.HTTPException, ValueError, RecursionError) as error:
            reason = error.reason if isinstance(error, urllib.error.URLError) else error
            said = printable(str(reason), limit=_SHOWN) or type(error).__name__
            return ApiFailure(0, f"no valid response from GitHub: {said}")


def _retry_s(status: int, headers: Message, now: float) -> float | None:
    """Seconds until the call can be made again; 0 when GitHub names none, None when the answer is final."""
    after, remaining = headers.get("Retry-After"), headers.get("X-RateLimit-Remaining")
    if not (status == 429 or status >= 500 or (status == 403 and (after or remaining == "0"))):
        return None
    until = headers.get("X-RateLimit-Reset", "") if remaining == "0" else ""
    if after is None:
        return max(0.0, float(until) - now) if _is_number(until) else 0.0
    if _is_number(after):
        return float(after)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(after).timestamp() - now)
    except (ValueError, OverflowError):
        return 0.0


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS


def _is_web(url: str) -> bool:
    try:
        return urlsplit(url).scheme in ("http", "https")
    except ValueError:
        return False


def _message(error: urllib.error.HTTPError) -> str:
    """GitHub's message on one line, without control characters."""
    try:
        document = json.loads(error.read(_LARGEST))
    except (OSError, http.client.HTTPException, ValueError, RecursionError):
        document = None
    said = document.get("message") if isinstance(document, dict) else None
    return printable(said if isinstance(said, str) else str(error.reason), limit=_SHOWN)
