"""The fault `strip_header`: a header is lost on the way, as by a gateway that does not know it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from windtunnel.extending import Case, Exchange, Forward, Request, Settings


class StripHeader:
    """Sends requests without one of the headers that they vary in."""

    keys = ("header",)
    main = ""
    passes_on = False
    schema: Mapping[str, Any] = {
        "required": ["header"],
        "properties": {"header": {"type": "string", "minLength": 1, "description": "The header that is lost."}},
    }

    def __init__(self, header: str) -> None:
        self._header = header

    @classmethod
    def compile(cls, settings: Settings) -> StripHeader:
        """Make the fault before the load starts; an ExpressionError is a problem with its place."""
        return cls(settings.text("header"))

    @property
    def words(self) -> str:
        """What happens to the requests."""
        return f"lose the header {self._header}"

    async def apply(self, request: Request, forward: Forward, case: Case) -> Exchange:
        """Send a request without the header. The mark says that how the system answers is not its failure."""
        kept = [pair for pair in request.headers if pair[0].lower() != self._header.lower()]
        if len(kept) == len(request.headers):
            case.missed(f"it has no {self._header}")
            return await forward(request)
        exchange = await forward(request.replace(headers=kept))
        case.applied(f"answered {exchange.error or exchange.status}")
        exchange.fault = case.name
        return exchange
