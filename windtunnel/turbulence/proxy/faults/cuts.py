"""Faults that end a connection: `reset`, `refuse`, `half_close`, `limit_bytes`, `truncate`, `lose_response`."""

from __future__ import annotations

from typing import Any

from windtunnel.expressions.quantities import parse_percentage, parse_size
from windtunnel.figures import share, size
from windtunnel.turbulence.proxy.treatment import ANY, HTTP, Answer, Draw, Part, Treatment, WithoutSettings
from windtunnel.turbulence.settings import Settings

_RESET = Answer(ending="reset")


class Reset(WithoutSettings):
    """`reset`: the connection is reset when a request comes; one that is no HTTP, at once."""

    protocols = ANY
    says = "are reset and not sent on"

    def add(self, treatment: Treatment, draw: Draw) -> None:  # noqa: ARG002
        """See `ProxyFault.add`."""
        treatment.answer = _RESET


class Refuse(WithoutSettings):
    """`refuse`: a new connection is refused; open ones go on.

    Where all of them are (a probability of 100 %), nothing listens: callers see that the connection is refused.
    Else it is reset as soon as it is open, since only the whole port can be closed. With `match`, at the first
    request that is meant.
    """

    protocols = ANY
    says = "are refused when they connect"

    def add(self, treatment: Treatment, draw: Draw) -> None:  # noqa: ARG002
        """See `ProxyFault.add`."""
        treatment.answer = _RESET


class HalfClose(WithoutSettings):
    """`half_close`: the caller is told that nothing follows, in place of what the upstream sends.

    What the caller sends still passes.
    """

    waits = True
    protocols = ANY
    says = "are sent on, and get the end of the connection for an answer"

    def add(self, treatment: Treatment, draw: Draw) -> None:  # noqa: ARG002
        """See `ProxyFault.add`."""
        treatment.half = True


class LimitBytes:
    """`limit_bytes`: the connection is closed after so many bytes of the answer, those of its head included.

    Of a connection that is no HTTP, after so many bytes from the upstream while the fault is on.
    """

    keys = ("bytes",)
    main = "bytes"
    passes_on = False
    waits = True
    protocols = ANY

    def __init__(self, most: int) -> None:
        self._most = most

    @classmethod
    def compile(cls, settings: Settings) -> LimitBytes:
        """See `ProxyFaultType.compile`."""
        return cls(settings.size("bytes"))

    @property
    def words(self) -> str:
        """See `ProxyFault.words`."""
        return f"are closed after {size(self._most)} of the answer"

    def add(self, treatment: Treatment, draw: Draw) -> None:  # noqa: ARG002
        """See `ProxyFault.add`."""
        treatment.limit = self._most


class Truncate:
    """`truncate`: the connection is closed inside the body of the answer.

    Of a body whose length is not known, what comes first counts as all of it.
    """

    keys = ("after",)
    main = "after"
    passes_on = False
    waits = True
    protocols = HTTP

    def __init__(self, part: Part) -> None:
        self._part = part

    @classmethod
    def compile(cls, settings: Settings) -> Truncate:
        """See `ProxyFaultType.compile`."""
        return cls(settings.read("after", _part, Part(share=0.5)))

    @property
    def words(self) -> str:
        """See `ProxyFault.words`."""
        after = size(self._part.size) if self._part.share is None else share(self._part.share)
        return f"are closed after {after} of the body of the answer"

    def add(self, treatment: Treatment, draw: Draw) -> None:  # noqa: ARG002
        """See `ProxyFault.add`."""
        treatment.part = self._part


class LoseResponse(WithoutSettings):
    """`lose_response`: the request is sent on and answered; then the connection is reset without the answer."""

    waits = True
    says = "are sent on and lose their answer"

    def add(self, treatment: Treatment, draw: Draw) -> None:  # noqa: ARG002
        """See `ProxyFault.add`."""
        treatment.lost = True


def _part(value: Any) -> Part:
    if value == "headers":
        return Part(size=0)
    if isinstance(value, str) and value.strip().endswith("%"):
        return Part(share=parse_percentage(value))
    return Part(size=parse_size(value))
