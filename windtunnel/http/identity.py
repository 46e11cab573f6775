"""Who a request says it belongs to: run, instance and trace, as headers."""

from __future__ import annotations

from windtunnel.http.encoding import header_lines
from windtunnel.http.endpoint import Pairs
from windtunnel.model.sut import IdHeaders


class Identity:
    """The id headers of one instance: `lines`, the id of a span, then `end` make them complete.

    W3C Trace Context: `traceparent: 00-<32 hex: trace>-<16 hex: span>-<flags>`. A span's id is `span_prefix`
    and its number in the instance (from 1) as 8 hex digits: unique in its trace, and the same in every
    repetition. Without a trace `span_prefix` and `end` are empty.
    """

    __slots__ = ("end", "lines", "span_prefix")

    def __init__(self, lines: str, end: str = "", span_prefix: str = "") -> None:
        self.lines, self.end, self.span_prefix = lines, end, span_prefix

    def with_span(self, span_id: str) -> Pairs:
        """All id headers of one request, apart from each other."""
        lines = f"{self.lines}{span_id}{self.end}".splitlines()
        return tuple((name, value) for name, _, value in (line.partition(": ") for line in lines))


class Identification:
    """Makes the identities of a run. What is constant about them is checked and put together once.

    `names` are the names of all id headers in lower case.
    """

    __slots__ = ("_end", "_lines", "_traced", "names", "of_run")

    def __init__(self, ids: IdHeaders, *, run_id: str) -> None:
        """Raises ExpressionError for a name or a run id that can't be sent."""
        run = ((ids.run, run_id),) if ids.run else ()
        named = ((ids.instance, "{instance}"), (ids.correlation, "{correlation}"))
        pairs = [(name, value) for name, value in named if name]
        self.of_run = Identity(header_lines(run))
        """The identity of requests outside every instance."""
        self._traced = ids.traceparent
        traceparent = "traceparent: 00-{correlation}-" if ids.traceparent else ""
        constant = self.of_run.lines.replace("{", "{{").replace("}", "}}")
        self._lines = f"{constant}{header_lines(pairs)}{traceparent}".format
        self._end = "-01\r\n" if ids.traceparent else ""
        names = [name.lower() for name, _ in (*run, *pairs)]
        self.names = frozenset([*names, "traceparent"] if ids.traceparent else names)

    def of_instance(self, *, instance_id: str, correlation_id: str) -> Identity:
        """The identity of one instance. Both ids consist of letters, digits, `_`, `.` and `-`."""
        lines = self._lines(instance=instance_id, correlation=correlation_id)
        # The end of a correlation id tells the instances of a run apart, its beginning does not.
        return Identity(lines, self._end, correlation_id[-8:] if self._traced else "")
