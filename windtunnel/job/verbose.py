"""`run --once --verbose`: every request, response and check of an instance as lines of text.

An exchange is held back until the record of its step arrives. It is then shown below its step, and the secrets of
the instance are known and hidden.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from windtunnel.encodings import text_of
from windtunnel.engine.ids import InstanceIds
from windtunnel.figures import duration
from windtunnel.interfaces import Request
from windtunnel.model.http import Exchange
from windtunnel.model.note import sentence
from windtunnel.model.record import AssertionRecord, Checks, InstanceRecord, Record, StepRecord
from windtunnel.model.vocabulary import Outcome
from windtunnel.redaction import Redactor
from windtunnel.report.text import printable

LONGEST_BODY = 2_000
LONGEST_READ = 8 * LONGEST_BODY
"""What of a body may be shown, in bytes: characters that can't be are left out."""

LONGEST_LINE = 400
_MARKS = {"passed": "✓", "skipped": "-"}
_INDENT = "    "


class VerbosePrinter:
    """Writes exchanges and records as lines, in the order of the steps. Owned by one run, as hooks of it."""

    def __init__(self, say: Callable[[str], None], redactor: Redactor) -> None:
        self._say, self._redactor = say, redactor
        self._heads: dict[int, tuple[Request, bytes]] = {}
        self._waiting: list[tuple[Exchange, bytes]] = []
        self._instance = ""

    def on_request(self, request: Request, head: bytes) -> None:
        """Keep the head of a request until its response."""
        self._heads[id(request)] = request, head

    def on_response(self, request: Request, exchange: Exchange) -> None:
        """Hold an exchange that has ended until the record of its step arrives."""
        _, head = self._heads.pop(id(request), (request, b""))
        self._waiting.append((exchange, head))

    def on_record(self, ids: InstanceIds, record: Record) -> None:
        """Write a record, with the exchanges held back for it."""
        for line in self._lines(ids, record):
            self._say(line)

    def _lines(self, ids: InstanceIds, record: Record) -> Iterator[str]:
        if ids.instance_id != self._instance:
            self._instance = ids.instance_id
            yield f"\n{ids.instance_id}  (correlation id {ids.correlation_id})"
        if isinstance(record, StepRecord):
            took = duration(record.duration_us / 1000)
            head = f"{record.step}  {record.action} {record.outcome}, {took}"
            yield f"{_mark(record.outcome)} {self._redactor.text(head, ids.secrets)}{_injected(record.fault)}"
            for exchange, request_head in self._waiting:
                yield from self._exchange(exchange, request_head, ids.secrets)
            self._waiting.clear()
            yield from self._judged(record.checks, record.message, ids.secrets)
            if record.extracted:
                yield f"{_INDENT}extracted {', '.join(record.extracted)}"
        elif isinstance(record, AssertionRecord):
            yield f"{_mark(record.outcome)} {record.name}  assertion {record.outcome}{_injected(record.fault)}"
            yield from self._judged(record.checks, record.message, ids.secrets)
        elif isinstance(record, InstanceRecord):
            why = f": {printable(record.message, limit=LONGEST_LINE)}" if record.message else ""
            yield f"{_mark(record.outcome)} {ids.instance_id} {record.outcome}{why}{_injected(record.fault)}"

    def _judged(self, checks: Checks, message: str | None, secrets: Sequence[str]) -> Iterator[str]:
        """Checks and the message. The journal has hidden the secrets of failed checks."""
        for check in checks:
            if isinstance(check, str):
                yield self._shown(f"{_INDENT}✓ {check}", secrets)
            else:
                said = f"{check.name}: expected {check.expected}, got {check.actual}"
                yield self._shown(f"{_INDENT}✗ {said}", secrets)
        if message:
            yield self._shown(f"{_INDENT}{message}", secrets)

    def _exchange(self, exchange: Exchange, head: bytes, secrets: Sequence[str]) -> Iterator[str]:
        url = self._redactor.url(exchange.url, secrets)
        yield self._shown(f"{_INDENT}→ {exchange.method} {url}", secrets)
        yield from self._headers(head, secrets)
        yield from self._body(exchange.request_body, secrets)
        if exchange.error is not None:
            detail = f": {exchange.error_detail}" if exchange.error_detail else ""
            yield self._shown(f"{_INDENT}← {exchange.error}{self._redactor.excerpt(detail, secrets)}", secrets)
            return
        took = duration(exchange.timings.duration_us / 1000)
        yield f"{_INDENT}← {exchange.status}, {len(exchange.body):,} bytes, {took}"
        yield from self._headers(exchange.head, secrets)
        yield from self._body(exchange.in_utf8(4 * LONGEST_READ), secrets)
        for kind, count in (exchange.notes or {}).items():
            about = ", ".join((exchange.note_details or {}).get(kind, ()))
            yield self._shown(f"{_INDENT}! {sentence(kind, count)}{f' ({about})' if about else ''}", secrets)

    def _headers(self, head: bytes, secrets: Sequence[str]) -> Iterator[str]:
        for line in head.split(b"\r\n")[1:]:
            name, colon, value = text_of(line).partition(":")  # each for itself: they need not have one encoding
            if colon:
                shown = self._redactor.named(name, value.strip(), secrets)
                yield self._shown(f"{_INDENT}  {name}: {shown}", secrets)

    def _body(self, body: bytes, secrets: Sequence[str]) -> Iterator[str]:
        """The start of a body, cut after its secrets are hidden."""
        if body:
            text = self._redactor.body(body, secrets, limit=LONGEST_READ).decode("utf-8", "replace")
            for line in printable(text, limit=LONGEST_BODY, lines=True).split("\n"):
                yield f"{_INDENT}  {line}"

    def _shown(self, line: str, secrets: Sequence[str]) -> str:
        return printable(self._redactor.text(line, secrets), limit=LONGEST_LINE)


def _mark(outcome: Outcome) -> str:
    return _MARKS.get(outcome, "✗")


def _injected(fault: str | None) -> str:
    """` [injected: lost reply]`; empty for what no fault was done to."""
    return f" [injected: {printable(fault, limit=LONGEST_LINE)}]" if fault else ""
