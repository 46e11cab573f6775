"""`status`: an answer of ours, with this status; the request is not sent."""

from __future__ import annotations

from windtunnel.interfaces import Request
from windtunnel.model.http import Exchange
from windtunnel.turbulence.exchanges import headers_of, response_head, unsent
from windtunnel.turbulence.faults.fault import Case, Forward
from windtunnel.turbulence.settings import Settings


class Status:
    """Answers in place of the SUT. `head` is that of the response."""

    keys = ("code", "headers", "body")
    main = "code"
    passes_on = False

    def __init__(self, code: int, head: bytes, body: bytes) -> None:
        self._code, self._head, self._body = code, head, body

    @classmethod
    def compile(cls, settings: Settings) -> Status:
        """See `FaultType.compile`."""
        code, body = settings.whole("code", least=200, most=599), settings.text("body", "").encode()
        headers = {"content-length": str(len(body)), **headers_of(settings)}
        return cls(code, response_head(code, headers), body)

    @property
    def words(self) -> str:
        """See `Fault.words`."""
        return f"are answered {self._code} and not sent"

    async def apply(self, request: Request, forward: Forward, case: Case) -> Exchange:  # noqa: ARG002
        """See `Fault.apply`."""
        now = case.clock.now()
        exchange = unsent(request, began=now, ended=now, fault=case.name)
        exchange.status, exchange.head, exchange.body = self._code, self._head, self._body
        case.applied(str(self._code))
        return exchange
