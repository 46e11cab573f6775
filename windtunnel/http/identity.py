"""Who a request says it belongs to: run, instance and trace, as headers."""

from __future__ import annotations

from dataclasses import dataclass

from windtunnel.http.encoding import header_lines
from windtunnel.http.endpoint import Pairs
from windtunnel.model.sut import IdHeaders

__all__ = ["Identity", "identify"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The id headers of one instance: `lines`, the id of a span, then `end` make them complete.

    `headers` are the same without traceparent, `names` the names of all in lower case. Without a trace,
    `trace_id` and `span_prefix` are empty. W3C Trace Context:
    `traceparent: 00-<32 hex: trace>-<16 hex: span>-<flags>`; a span's id is `span_prefix` and its number in the
    instance (from 1) as 8 hex digits: unique in its trace, and the same in every repetition.
    """

    lines: str
    end: str
    headers: Pairs
    names: frozenset[str]
    trace_id: str
    span_prefix: str

    def with_span(self, span_id: str) -> Pairs:
        """All id headers of one request."""
        if not self.trace_id:
            return self.headers
        return (*self.headers, ("traceparent", f"00-{self.trace_id}-{span_id}-01"))


def identify(ids: IdHeaders, *, run_id: str, instance_id: str = "", correlation_id: str = "") -> Identity:
    """Build an identity; what is empty, or has no name in `ids`, is left out.

    Raises ExpressionError for names or values that can't be sent.
    """
    named = ((ids.run, run_id), (ids.instance, instance_id), (ids.correlation, correlation_id))
    headers = tuple((name, value) for name, value in named if name and value)
    trace_id = correlation_id if ids.traceparent else ""
    names = [name.lower() for name, _ in headers]
    return Identity(
        lines=header_lines(headers) + (f"traceparent: 00-{trace_id}-" if trace_id else ""),
        end="-01\r\n" if trace_id else "",
        headers=headers,
        names=frozenset([*names, "traceparent"] if trace_id else names),
        trace_id=trace_id,
        span_prefix=trace_id[:8],
    )
