"""`stale_token`: the request carries an old token in place of its credentials. A SUT that is right refuses it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from windtunnel.errors import ExpressionError
from windtunnel.interfaces import Request
from windtunnel.model.http import LINE_BREAKS, Exchange, sendable
from windtunnel.turbulence.faults.fault import Case, Forward
from windtunnel.turbulence.settings import Settings

NEVER_VALID = "windtunnel-stale-token"
_HEADER = "authorization"


class StaleToken:
    """Sends `Authorization` with another token of the same scheme. The answer to that is not the SUT's failure."""

    keys = ("value",)
    main = ""
    passes_on = False

    def __init__(self, value: str) -> None:
        self._value = value

    @classmethod
    def compile(cls, settings: Settings) -> StaleToken:
        """See `FaultType.compile`."""
        value = settings.text("value", NEVER_VALID)
        try:
            return cls(sendable("value", value, LINE_BREAKS))
        except ExpressionError as error:
            error.path = ("value",)
            raise

    @property
    def words(self) -> str:
        """See `Fault.words`."""
        return "are sent with an old token"

    async def apply(self, request: Request, forward: Forward, case: Case) -> Exchange:
        """See `Fault.apply`."""
        scheme = _scheme(request)
        if scheme is None:
            case.missed("it has no Authorization header")
            return await forward(request)
        others = [pair for pair in request.headers if pair[0].lower() != _HEADER]
        headers = (*others, ("Authorization", f"{scheme} {self._value}"))
        exchange = await forward(request.replace(headers=headers))
        if not exchange.bytes_sent:
            case.missed(f"it was not sent: {exchange.error}")
            return exchange
        case.applied(f"answered {exchange.error or exchange.status}")
        exchange.fault = case.name
        return exchange


def _scheme(request: Request) -> str | None:
    """The scheme of the credentials that the request would be sent with, None without any."""
    endpoint, auth = request.endpoint, request.endpoint.service.auth
    constant = getattr(endpoint, "headers", ())
    layers: tuple[Iterable[tuple[str, str]], ...] = (
        request.headers,
        constant.items() if isinstance(constant, Mapping) else constant,
        auth.headers,
        endpoint.service.headers.items(),
    )
    for name, value in (pair for layer in layers for pair in layer):
        if name.lower() == _HEADER:
            return value.partition(" ")[0]
    has_token = auth.oauth2 is not None or getattr(endpoint, "authorizer", None) is not None
    return "Bearer" if has_token else None
