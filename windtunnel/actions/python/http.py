"""`user.http`: requests of the user's code, each a step with its record, its checks and its row."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from windtunnel.actions.http import HttpAction
from windtunnel.actions.python.requests import RequestFactory, RequestOptions
from windtunnel.actions.python.response import Response
from windtunnel.actions.request.backoff import Backoff
from windtunnel.actions.request.retry import RetryingHttpAction
from windtunnel.actions.wait import PollAction
from windtunnel.errors import ExpressionError
from windtunnel.expressions.quantities import parse_duration
from windtunnel.interfaces import Action, StepOutcome
from windtunnel.model.http import Exchange
from windtunnel.model.vocabulary import OnFailure
from windtunnel.user_code.outline import default_name

RunAction = Callable[[Action, OnFailure | None], Awaitable[tuple[Exchange, bool]]]
"""Runs an action as a step, given `on_failure`. Returns the exchange and whether the step passed."""


def unsent(outcome: StepOutcome) -> Exchange:
    """The exchange of a request that was not sent, since a template of its auth or headers can't be rendered."""
    exchange = Exchange("", "", "")
    exchange.error, exchange.error_detail = "bad_request", outcome.message
    return exchange


class Http:
    """Sends requests. `inside` is the step that they are part of, if they are not steps themselves.

    A failed request is a value: see `Response.error`, `status` and `passed`.
    """

    __slots__ = ("_inside", "_requests", "_run_action")

    def __init__(self, requests: RequestFactory, run_action: RunAction, *, inside: str | None = None) -> None:
        self._requests, self._run_action, self._inside = requests, run_action, inside

    async def request(
        self,
        method: str,
        service: str | None,
        path: str,
        *,
        name: str | None = None,
        json: Any = msgspec.UNSET,
        body: bytes | str | None = None,
        form: Mapping[str, Any] | None = None,
        file: str | None = None,
        multipart: Mapping[str, Any] | None = None,
        graphql: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        cookies: Mapping[str, str] | None = None,
        expect: Mapping[str, Any] | None = None,
        timeout: float | str | None = None,
        follow_redirects: bool = True,
        max_body: int | str | None = None,
        auth: Mapping[str, Any] | None = None,
        retry: Mapping[str, Any] | None = None,
        on_failure: OnFailure | None = None,
    ) -> Response:
        """Send one request and check its response against `expect`.

        `service` names one of the SUT file (None for its base_url), `path` is under it, or a whole URL. `name` is
        the row in reports: the method and path with ids left open, unless given. The body is one of `json` (any
        JSON value), `body`, `form`, `file` (relative to the scenario), and `multipart` and `graphql` as in YAML.
        `expect` is written as in YAML, with plain values; without it the status must be below 400. `timeout` is
        seconds, or text such as "500ms". `auth` is written as in YAML, with plain values; it stands above that of
        the scenario and of the SUT file.
        `on_failure="stop"` ends the flow when the step fails. Raises ValueError for invalid arguments.
        """
        # fmt: off
        options = RequestOptions(
            json=json, body=body, form=form, file=file, multipart=multipart, graphql=graphql,
            query=query, headers=headers, cookies=cookies,
            timeout=timeout, follow_redirects=follow_redirects, max_body=max_body, auth=auth,
        )
        # fmt: on
        method = method.upper()
        step = name or default_name(method, path)
        request = self._requests.request(method, service, path, options)
        judge = self._requests.judge(expect, graphql=graphql is not None)
        action: Action = HttpAction(self._inside or step, request, judge)
        if retry is not None:
            action = RetryingHttpAction(self._inside or step, request, judge, self._requests.retry(retry))
        exchange, passed = await self._run_action(action, on_failure)
        return Response(step, exchange, passed=passed)

    async def submit(
        self,
        form: Mapping[str, Any],
        *,
        fields: Mapping[str, Any] | None = None,
        button: str | None = None,
        method: str | None = None,
        service: str | None = None,
        path: str | None = None,
        **options: Any,
    ) -> Response:
        """Send a form of `Response.form` as a browser would, with changed `fields`: None leaves one out.

        `button` is the one that is pressed, by its name, id, text or value. `method` and `path` stand above those
        of the form; other options are those of `request`. Raises ValueError for invalid arguments.
        """
        from windtunnel.actions.request import submit
        from windtunnel.actions.request.target import join_query

        try:
            filled = submit.fill(form, fields or {}, button, None if method is None else method.upper())
            target = filled.url if path is None else path
            if not filled.has_body:
                target = join_query(target, filled.encoded())
            else:
                options = {**options, "body": filled.body(submit.BOUNDARY)}
                headers = options.get("headers") or {}
                if not any(name.lower() == "content-type" for name in headers):
                    options["headers"] = {**headers, "Content-Type": submit.content_type(filled.enctype)}
        except ExpressionError as error:
            raise ValueError(str(error)) from None
        return await self.request(filled.method, service, target, **options)

    async def get(self, service: str | None, path: str, **options: Any) -> Response:
        """GET; options are those of `request`."""
        return await self.request("GET", service, path, **options)

    async def post(self, service: str | None, path: str, **options: Any) -> Response:
        """POST; options are those of `request`."""
        return await self.request("POST", service, path, **options)

    async def put(self, service: str | None, path: str, **options: Any) -> Response:
        """PUT; options are those of `request`."""
        return await self.request("PUT", service, path, **options)

    async def patch(self, service: str | None, path: str, **options: Any) -> Response:
        """PATCH; options are those of `request`."""
        return await self.request("PATCH", service, path, **options)

    async def delete(self, service: str | None, path: str, **options: Any) -> Response:
        """DELETE; options are those of `request`."""
        return await self.request("DELETE", service, path, **options)

    async def head(self, service: str | None, path: str, **options: Any) -> Response:
        """HEAD; options are those of `request`."""
        return await self.request("HEAD", service, path, **options)

    async def poll(
        self,
        service: str | None,
        path: str,
        *,
        expect: Mapping[str, Any],
        name: str | None = None,
        method: str = "GET",
        interval: float | str = 1.0,
        timeout: float | str = 30.0,
        on_failure: OnFailure | None = None,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: Mapping[str, Any] | None = None,
    ) -> Response:
        """Poll until `expect` holds, as a `wait` step does: at once, then `interval` after each response.

        The step fails when no time is left for another poll.
        """
        step = name or default_name(method.upper(), path)
        options = RequestOptions(query=query, headers=headers, auth=auth)
        action = PollAction(
            self._inside or step,
            self._requests.request(method.upper(), service, path, options),
            self._requests.judge(expect),
            backoff=Backoff.constant(parse_duration(interval)),
            timeout_s=parse_duration(timeout),
        )
        exchange, passed = await self._run_action(action, on_failure)
        return Response(step, exchange, passed=passed)
