"""Faults that answer in place of the upstream: `status`, `empty`, `malformed`, `garbage`. Nothing is sent on."""

from __future__ import annotations

import random

from windtunnel.turbulence.exchanges import headers_of, response_head
from windtunnel.turbulence.proxy.treatment import HTTP, Answer, Draw, Treatment, WithoutSettings
from windtunnel.turbulence.settings import Settings

_FRAMING = ("content-length", "transfer-encoding", "connection")
_WITHOUT_BODY = (204, 304)
_GARBAGE_BYTES = 1024

_MALFORMED = Answer(
    head=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    body=b"7fff\r\n{\x00\xff]\r\n-1\r\n\r\nHTTP/1.1 999\r\n",
    status=200,
    ending="close",
)


class Status:
    """`status`: a response with this status, headers and body. The connection goes on."""

    keys = ("code", "headers", "body")
    main = "code"
    passes_on = False
    waits = False
    protocols = HTTP

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    @classmethod
    def compile(cls, settings: Settings) -> Status:
        """See `ProxyFaultType.compile`."""
        code, body = settings.whole("code", least=200, most=599), settings.text("body", "").encode()
        headers = headers_of(settings, but=_FRAMING)
        if code in _WITHOUT_BODY:
            body = b""
        else:
            headers["Content-Length"] = str(len(body))
        return cls(Answer(head=response_head(code, headers), body=body, status=code, ending="keep"))

    @property
    def words(self) -> str:
        """See `ProxyFault.words`."""
        return f"are answered {self._answer.status} and not sent on"

    def add(self, treatment: Treatment, draw: Draw) -> None:  # noqa: ARG002
        """See `ProxyFault.add`."""
        treatment.answer = self._answer


class Empty(WithoutSettings):
    """`empty`: the connection is closed without a byte."""

    says = "are closed without an answer and not sent on"

    def add(self, treatment: Treatment, draw: Draw) -> None:  # noqa: ARG002
        """See `ProxyFault.add`."""
        treatment.answer = Answer(ending="close")


class Malformed(WithoutSettings):
    """`malformed`: the head of a good response, a body whose framing is broken, and the end of the connection."""

    says = "are answered 200 with a malformed body and not sent on"

    def add(self, treatment: Treatment, draw: Draw) -> None:  # noqa: ARG002
        """See `ProxyFault.add`."""
        treatment.answer = _MALFORMED


class Garbage(WithoutSettings):
    """`garbage`: random bytes, the same ones for the same request, and the end of the connection."""

    says = "are answered with random bytes and not sent on"

    def add(self, treatment: Treatment, draw: Draw) -> None:
        """See `ProxyFault.add`."""
        # Not a letter first: no client may take it for a response.
        body = b"\x00" + random.Random(draw(0)).randbytes(_GARBAGE_BYTES - 1)
        treatment.answer = Answer(head=body, ending="close")
