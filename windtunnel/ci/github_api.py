"""A few calls of GitHub's REST API. A failure is a value with its reason, never an exception."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Any
from urllib.parse import urlsplit

from windtunnel.report.text import printable

_TIMEOUT_S = 10.0
_LARGEST = 16 * 1024 * 1024
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """The JSON of a successful response."""

    document: Any


@dataclass(frozen=True, slots=True)
class ApiFailure:
    """A failed call: the status (0 without a response) and the reason."""

    status: int
    reason: str

    def __str__(self) -> str:
        return f"GitHub answered {self.status}: {self.reason}" if self.status else self.reason


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Refuses redirects: they would send the token to another host."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> None:
        del req, fp, code, msg, headers, newurl


class GitHubApi:
    """The API below `base_url`, used with a token."""

    def __init__(self, base_url: str, *, token: str, timeout_s: float = _TIMEOUT_S) -> None:
        self._base_url, self._token, self._timeout_s = base_url.rstrip("/"), token, timeout_s
        self._opener = urllib.request.build_opener(_NoRedirects)

    def call(self, method: str, path: str, document: Mapping[str, Any] | None = None) -> Answer | ApiFailure:
        """Call `path` or a whole URL, with a JSON document if one is given."""
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
                return ApiFailure(error.code, _message(error))
        except (OSError, http.client.HTTPException, ValueError, RecursionError) as error:
            reason = error.reason if isinstance(error, urllib.error.URLError) else error
            said = printable(str(reason), limit=_SHOWN) or type(error).__name__
            return ApiFailure(0, f"no valid response from GitHub: {said}")


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
