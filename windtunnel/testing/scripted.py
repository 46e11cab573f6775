"""A transport without a network: answers come from a script or a model, and what was sent is kept for the test."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from windtunnel.interfaces import Endpoint, Hide, OnToken, Request
from windtunnel.model.auth import Auth, OAuth2
from windtunnel.model.http import Exchange, FileBody, PartsBody
from windtunnel.model.record import Timings
from windtunnel.model.sut import Service
from windtunnel.model.vocabulary import ErrorKind
from windtunnel.tasks import cancel_and_wait


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one request is answered with.

    `error` is one of `ERROR_KINDS`, for an exchange without a complete response. `latency_s` is slept away on
    the running loop; one longer than the request's deadline becomes a `timeout`. `hops` are redirects that
    come before this answer, when the request follows redirects.
    """

    status: int = 200
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""
    error: ErrorKind | None = None
    error_detail: str | None = None
    latency_s: float = 0.0
    hops: tuple[Answer, ...] = ()


def json_answer(document: object, *, status: int = 200, latency_s: float = 0.0) -> Answer:
    """An answer with a JSON body."""
    return Answer(
        status=status,
        headers=[("content-type", "application/json")],
        body=json.dumps(document).encode(),
        latency_s=latency_s,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One request as the client was asked to send it; see `interfaces.Request`.

    `headers` are the endpoint's and the request's own. `body` has everything but the content of `files`, which are
    not read. `cookies` is the mark of the instance whose cookies the client has.
    """

    method: str
    target: str
    service: Service
    headers: tuple[tuple[str, str], ...]
    body: bytes
    files: tuple[str, ...] = ()
    timeout_s: float
    max_body: int | None
    follow_redirects: bool
    step: str
    occurrence: int
    attempt: int
    instance_id: str
    correlation_id: str
    cookies: object = None

    def header(self, name: str) -> str | None:
        """The value of one header, None when it was not sent."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedEndpoint:
    """What `ScriptedTransport.endpoint` was given."""

    method: str
    service: Service
    headers: Mapping[str, str] = field(default_factory=dict)


Script = Callable[[Sent], Answer]

Model = Callable[[Sent], Awaitable[Answer]]
"""Answers when it is done. It goes on when the client has given up, as a server does."""


class ScriptedTransport:
    """A `Transport` whose clients answer from one script: a list in order of the requests, or a function.

    `sent` lists every request of every client. A list that runs out raises AssertionError in the test. `model`
    answers instead of the script, each request in a task of its own until `close`.
    """

    def __init__(self, answers: Iterable[Answer] | Script = (), *, model: Model | None = None) -> None:
        self._model = model
        self._running: set[asyncio.Task[Answer]] = set()
        self.sent: list[Sent] = []
        self.endpoints: list[ScriptedEndpoint] = []
        self.closed = False
        self._answer: Script = answers if callable(answers) else _in_order(answers)

    def endpoint(self, *, method: str, service: Service, headers: Mapping[str, str]) -> ScriptedEndpoint:
        """An endpoint that remembers what it was made of."""
        endpoint = ScriptedEndpoint(method=method, service=service, headers=dict(headers))
        self.endpoints.append(endpoint)
        return endpoint

    def authorized(self, endpoint: Endpoint, oauth2: OAuth2, *, hide: Hide) -> ScriptedEndpoint:
        """The endpoint with this auth; nothing is fetched."""
        assert isinstance(endpoint, ScriptedEndpoint), "the endpoint was made by another transport"
        hide(*oauth2.secrets)
        return replace(endpoint, service=replace(endpoint.service, auth=Auth(oauth2=oauth2)))

    def client(self) -> ScriptedClient:
        """A client for one user."""
        return ScriptedClient(self)

    async def begin(self, *, on_token: OnToken, on_secret: Callable[[str], None]) -> None:
        """Nothing is needed."""

    async def close(self) -> None:
        """End what the model still works on."""
        self.closed = True
        await cancel_and_wait(self._running)

    async def answer(self, request: Sent) -> Answer:
        """Keep a request and look up what it is answered with; a model has as long as the request."""
        self.sent.append(request)
        if self._model is None:
            return self._answer(request)
        task = asyncio.ensure_future(self._model(request))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        done, _ = await asyncio.wait({task}, timeout=request.timeout_s)
        return task.result() if done else Answer(error="timeout")


class ScriptedClient:
    """A `Client` of a `ScriptedTransport`."""

    def __init__(self, transport: ScriptedTransport) -> None:
        self._transport = transport
        self.instance_id = self.correlation_id = ""
        self.cookies: object = None
        self.closed = False

    async def send(self, request: Request) -> Exchange:
        """Answer from the script, after the answer's latency."""
        sent = _sent(request, self.instance_id, self.correlation_id, self.cookies)
        began = asyncio.get_running_loop().time()
        answer = await self._transport.answer(sent)
        left_s = request.timeout_s
        for hop in answer.hops if request.follow_redirects else ():
            exchange = await _exchange(sent, hop, left_s, began)
            began = exchange.ended
            left_s -= exchange.ended - exchange.started
            if exchange.error is not None:
                return exchange
            exchange.hop = True
            if request.on_hop is not None:
                request.on_hop(exchange)
        return await _exchange(sent, answer, left_s, began)

    def begin_instance(
        self,
        *,
        instance_id: str,
        correlation_id: str,
        cookies: object | None = None,
    ) -> None:
        """Remember the instance; its cookies are a mark that goes on when it is handed in."""
        self.instance_id, self.correlation_id = instance_id, correlation_id
        self.cookies = f"cookies of {instance_id}" if cookies is None else cookies

    def close(self) -> None:
        """Nothing is open."""
        self.closed = True


_NEVER_SENT = frozenset(
    {
        "dns",
        "refused",
        "unreachable",
        "connect_timeout",
        "tls",
        "host_not_allowed",
        "bad_request",
        "open_files",
        "ports",
    }
)


def _sent(request: Request, instance_id: str, correlation_id: str, cookies: object) -> Sent:
    endpoint, body = request.endpoint, request.body
    constant = endpoint.headers.items() if isinstance(endpoint, ScriptedEndpoint) else ()
    pieces = body.pieces if isinstance(body, PartsBody) else (body,)
    return Sent(
        method=endpoint.method,
        target=request.target,
        service=endpoint.service,
        headers=(*constant, *request.headers),
        body=b"".join(piece for piece in pieces if isinstance(piece, bytes)),
        files=tuple(piece.path for piece in pieces if isinstance(piece, FileBody)),
        timeout_s=request.timeout_s,
        max_body=request.max_body,
        follow_redirects=request.follow_redirects,
        step=request.step,
        occurrence=request.occurrence,
        attempt=request.attempt,
        instance_id=instance_id,
        correlation_id=correlation_id,
        cookies=cookies,
    )


def _in_order(answers: Iterable[Answer]) -> Script:
    left = iter(answers)

    def answer(request: Sent) -> Answer:
        following = next(left, None)
        if following is None:
            raise AssertionError(f"the script has no answer for {request.method} {request.target}")
        return following

    return answer


def _head(first: str, fields: Iterable[tuple[str, str]]) -> bytes:
    lines = [first, *(f"{name}: {value}" for name, value in fields), ""]
    return "\r\n".join(lines).encode("latin-1", "replace")


async def _exchange(request: Sent, answer: Answer, timeout_s: float, began: float) -> Exchange:
    """The exchange of one answer; times are the running loop's, so that they can be virtual."""
    loop = asyncio.get_running_loop()
    late = answer.latency_s > timeout_s
    absolute = request.target.lower().startswith(("http://", "https://"))
    url = request.target if absolute else request.service.base_url + request.target
    exchange = Exchange(request.method, url, request.service.name, request.body, attempt=request.attempt)
    exchange.started = began
    exchange.request_head = _head(f"{request.method} {request.target} HTTP/1.1", request.headers)
    waited_s = max(0.0, min(answer.latency_s, timeout_s))
    if waited_s:
        await asyncio.sleep(waited_s)
    exchange.ended = loop.time()
    exchange.timings = Timings(wait=round((exchange.ended - began) * 1_000_000))
    exchange.error = "timeout" if late else answer.error
    exchange.bytes_sent = 0 if exchange.error in _NEVER_SENT else 1 + len(request.body)
    exchange.error_detail = None if late else answer.error_detail
    if exchange.error is None:
        exchange.status = answer.status
        exchange.head = _head(f"HTTP/1.1 {answer.status} ", answer.headers)
        exchange.body = answer.body
        exchange.bytes_received = 1 + len(answer.body)
    return exchange
