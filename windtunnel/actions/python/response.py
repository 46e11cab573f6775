"""The response of a request in user code."""

from __future__ import annotations

import builtins
import functools
from typing import Any

from windtunnel.actions.response.extract import response_cookies, show_links
from windtunnel.actions.response.text import not_json, outline, show_body, show_error
from windtunnel.errors import ExpressionError, NotJsonError, UnreadableBodyError, WindtunnelError
from windtunnel.expressions.jsonpath import compile_jsonpath
from windtunnel.model.http import Exchange, Headers

_REQUIRED: Any = object()


class UnexpectedResponse(WindtunnelError):  # noqa: N818  (it is about the response, not an error of the code)
    """A response lacks a value that the code reads from it: a failure of the SUT, so the instance fails.

    `step` is the name of the request; `passed` is False if it had failed already, which is recorded then.
    """

    def __init__(self, step: str, message: str, *, passed: bool) -> None:
        self.step, self.passed = step, passed
        super().__init__(message)


class Response:
    """The response of a request, or why there is none: the request itself raises nothing.

    `error` is None for a complete response, otherwise a word such as `timeout` or `refused`, with `status` 0
    unless the head had arrived. `passed` is whether everything held that the request expected.
    """

    __slots__ = ("_exchange", "passed", "step")

    def __init__(self, step: str, exchange: Exchange, *, passed: bool) -> None:
        self.step, self._exchange, self.passed = step, exchange, passed

    def __repr__(self) -> str:
        return f"<Response {self.error or self.status} of {self.step!r}>"

    @property
    def exchange(self) -> Exchange:
        """The request and its outcome, as step types see it."""
        return self._exchange

    @property
    def status(self) -> int:
        """The status code; 0 without a response."""
        return self._exchange.status

    @property
    def ok(self) -> bool:
        """Whether there is a complete response with a status below 400."""
        return self.error is None and self.status < 400

    @property
    def error(self) -> str | None:
        """Why there is no complete response, in one word; None when there is one."""
        return self._exchange.error

    @property
    def url(self) -> str:
        """Where the response came from, after redirects."""
        return self._exchange.url

    @property
    def headers(self) -> Headers:
        """The headers, by lower-case name; `headers.all(name)` is every value of one."""
        return self._exchange.headers

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies that this response sets."""
        return response_cookies(self._exchange)

    @property
    def bytes(self) -> builtins.bytes:
        """The body; one in an unknown Content-Encoding as it came."""
        return self._exchange.body

    @property
    def text(self) -> str:
        """The body as text, by the charset of Content-Type, a byte order mark, or as UTF-8.

        What can't be decoded is replaced. A body that can't be read raises `UnexpectedResponse`.
        """
        try:
            return self._exchange.text
        except UnreadableBodyError as error:
            raise self._without(str(error)) from None

    @property
    def elapsed(self) -> float:
        """Seconds from the first byte sent to the last one received."""
        return self._exchange.timings.duration_us / 1e6

    def json(self, path: str | None = None, *, default: Any = _REQUIRED, all: bool = False) -> Any:
        """The body as JSON, or what a JSON path finds in it: the first value, with `all` the list of them.

        Without a `default`, a missing value raises `UnexpectedResponse`, which fails the instance unless it is
        caught. Raises ValueError for an invalid JSON path.
        """
        exchange = self._exchange
        try:
            document = exchange.json
        except NotJsonError as error:
            if default is not _REQUIRED:
                return default
            came = show_error(exchange) if exchange.error else f"a body that is {not_json(exchange, error)}"
            raise self._without(f"expected JSON but got {came}") from None
        except UnreadableBodyError as error:
            raise self._without(str(error)) from None
        if path is None:
            return document
        try:
            found = _compiled(path).find(document)
        except ExpressionError as error:
            raise ValueError(str(error)) from None
        if all:
            return found
        if found:
            return found[0]
        if default is not _REQUIRED:
            return default
        raise self._without(f"{path} not found in {outline(document)}")

    def link(self, rel: str, *, default: Any = _REQUIRED) -> Any:
        """The absolute URL of the first link with that relation in the `Link` headers, such as `next`.

        Without a `default`, a missing link raises `UnexpectedResponse`, as a missing value of `json` does.
        """
        from windtunnel.actions.response.links import linked

        found = linked(self._exchange, rel)
        if found:
            return found[0]
        if default is not _REQUIRED:
            return default
        raise self._without(f"no link {rel} in {show_links(self._exchange)}")

    def form(self, selector: str = "form", *, index: int = 0, default: Any = _REQUIRED) -> Any:
        """The HTML form that a CSS selector finds, for `user.http.submit`.

        It is a mapping of `action`, `method`, `enctype`, `fields` and `buttons`, as a browser would submit it.
        Without a `default`, a missing form raises `UnexpectedResponse`. Raises ValueError for an invalid selector.
        """
        from windtunnel.actions.response.html_forms import compile_form

        try:
            find = compile_form(selector)
        except ExpressionError as error:
            raise ValueError(str(error)) from None
        try:
            found = find(self._exchange)
        except (ExpressionError, UnreadableBodyError) as error:
            raise self._without(str(error)) from None
        if -len(found) <= index < len(found):
            return found[index]
        if default is not _REQUIRED:
            return default
        raise self._without(f'no form "{selector}" in {show_body(self._exchange)}')

    def _without(self, message: str) -> UnexpectedResponse:
        return UnexpectedResponse(self.step, message, passed=self.passed)


_compiled = functools.lru_cache(maxsize=1000)(compile_jsonpath)
"""Compiled paths: code uses the same ones again and again."""
