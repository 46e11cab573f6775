"""The floor: the journey of `benchmarks/journey`, hard-coded on the libraries that Windtunnel uses.

It does what a result needs and nothing else. It sends the same two requests with the same ids on the wire, parses
the first response, keeping only the id that the journey needs, and checks both status codes. It writes a record
for each step and each instance, with the fields that Windtunnel writes, once a turn of the event loop, and prints
percentiles at the end. It has no deadlines, retries, cookies, redirects, templates, redaction or limits.

    python benchmarks/floor.py http://127.0.0.1:8080 --count 10000 --records records.jsonl
"""

from __future__ import annotations

import argparse
import asyncio
import os
from collections import defaultdict
from time import perf_counter, time
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from zlib import crc32

import httptools
import msgspec
import uvloop

RUN_ID = "20260101T000000Z-f10015"
RUN_TRACE = "b5ad5a34097d79e5"
CLOCK_OFFSET_S = time() - perf_counter()
MASKS = [-1 << max(0, bits - 9) for bits in range(64)]  # a sample keeps its 9 highest bits


class Timings(msgspec.Struct, omit_defaults=True, gc=False):
    """Whole microseconds."""

    send: int = 0
    wait: int = 0
    receive: int = 0


class Request(msgspec.Struct, gc=False):
    """The request of a step."""

    method: str
    url: str
    service: str
    status: int
    span_id: str
    bytes_sent: int
    bytes_received: int
    timings_us: Timings


class Step(msgspec.Struct, tag_field="type", tag="step", omit_defaults=True, gc=False):
    """One line a step."""

    seq: int
    run_id: str
    t: float
    instance_id: str
    correlation_id: str
    scenario: str
    step: str
    action: str
    outcome: str
    duration_us: int
    checks: list[str]
    request: Request
    extracted: list[str] = []


class Instance(msgspec.Struct, tag_field="type", tag="instance", gc=False):
    """One line an instance."""

    seq: int
    run_id: str
    t: float
    instance_id: str
    correlation_id: str
    scenario: str
    index: int
    user: int
    outcome: str
    scheduled: float
    started: float
    duration_us: int
    response_time_us: int
    steps: int


class Product(msgspec.Struct, gc=False):
    """What the journey needs of a product."""

    id: str


class Products(msgspec.Struct, gc=False):
    """What the journey needs of the first response."""

    items: list[Product]


class Connection(asyncio.Protocol):
    """Sends one request at a time; the future that `send` returns is done when the response is complete."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Prepare the parser."""
        self.transport: Any = transport
        self.loop = asyncio.get_running_loop()
        self.parser = httptools.HttpResponseParser(self)
        self.done: asyncio.Future[None] | None = None

    def send(self, wire: bytes) -> asyncio.Future[None]:
        """Write a request; call it again only when the future is done."""
        self.first_s = 0.0
        self.received = 0
        self.body = b""
        done = self.done = self.loop.create_future()
        self.began_s = perf_counter()
        self.transport.write(wire)
        self.sent_s = perf_counter()
        return done

    def data_received(self, data: bytes) -> None:
        """Take the time, then parse."""
        now = perf_counter()
        self.first_s = self.first_s or now
        self.received += len(data)
        self.parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body."""
        self.body += body

    def on_message_complete(self) -> None:
        """The response has ended."""
        self.ended_s = perf_counter()
        self.status = self.parser.get_status_code()
        assert self.done is not None
        self.done.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        """Fail the request under way."""
        if self.done is not None and not self.done.done():
            self.done.set_exception(error or ConnectionError("the service closed the connection"))


class Journal:
    """Writes records once a turn of the event loop, and counts the duration of each step in a histogram."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.encoder = msgspec.json.Encoder()
        self.pending: list[Step | Instance] = []
        self.histograms: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        self.written = 0

    def add(self, record: Step | Instance) -> None:
        """Write the record at the end of this turn."""
        if not self.pending:
            asyncio.get_running_loop().call_soon(self.flush)
        self.pending.append(record)

    def flush(self) -> None:
        """Number, count and write the records of this turn."""
        for number, record in enumerate(self.pending, self.written):
            record.seq = number
            if type(record) is Step:
                timings = record.request.timings_us
                us = timings.send + timings.wait + timings.receive
                self.histograms[record.step][us & MASKS[us.bit_length()]] += 1
        self.written += len(self.pending)
        parts: list[bytes] = []
        for record in self.pending:
            bare = self.encoder.encode(record)[:-1]
            parts += (bare, b',"crc":"%08x"}\n' % crc32(bare))
        os.write(self.descriptor, b"".join(parts))
        self.pending.clear()


class StepKind(NamedTuple):
    """What is the same each time a step runs."""

    name: str
    method: str
    url: str
    status: int
    extracted: list[str]


class Load:
    """The journey of every user, and what all users share."""

    def __init__(self, base_url: str, count: int, journal: Journal) -> None:
        self.indexes, self.journal = iter(range(count)), journal
        self.decode = msgspec.json.Decoder(Products).decode
        address = urlsplit(base_url)
        self.host, self.port = address.hostname or "", address.port or 80
        head = f"Host: {address.netloc}\r\nUser-Agent: floor\r\nAccept: */*\r\n"
        self.get = f"GET /api/products HTTP/1.1\r\n{head}"
        self.post = f"POST /api/cart HTTP/1.1\r\n{head}Content-Type: application/json\r\n"
        self.look = StepKind("get_products", "GET", f"{base_url}/api/products", 200, ["product_id"])
        self.add = StepKind("add_to_cart", "POST", f"{base_url}/api/cart", 201, [])

    async def user(self, number: int) -> None:
        """Run instances until all have been started."""
        connection: Any
        _, connection = await asyncio.get_running_loop().create_connection(Connection, self.host, self.port)
        for index in self.indexes:
            await self.instance(connection, number, index)
        connection.transport.close()

    async def instance(self, connection: Connection, user: int, index: int) -> None:
        """Get the products, put the first into the cart."""
        began_s = perf_counter()
        name, last = f"cart-{index}", f"{index * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF:016x}"
        trace, span = RUN_TRACE + last, last[8:]
        ids = (
            f"X-Run-ID: {RUN_ID}\r\nX-Instance-ID: {name}\r\nX-Correlation-ID: {trace}\r\n"
            f"traceparent: 00-{trace}-{span}"
        )
        wire = f"{self.get}{ids}00000001-01\r\n\r\n".encode()
        await connection.send(wire)
        self.record(connection, self.look, name, trace, f"{span}00000001", len(wire))
        product = self.decode(connection.body).items[0].id
        body = msgspec.json.encode({"item_id": product, "qty": 1})
        wire = f"{self.post}{ids}00000002-01\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        await connection.send(wire)
        self.record(connection, self.add, name, trace, f"{span}00000002", len(wire))
        now = perf_counter()
        started, us = CLOCK_OFFSET_S + began_s, int((now - began_s) * 1e6)
        t = CLOCK_OFFSET_S + now
        self.journal.add(
            Instance(0, RUN_ID, t, name, trace, "cart", index, user, "passed", started, started, us, us, 2)
        )

    def record(self, done: Connection, kind: StepKind, name: str, trace: str, span: str, sent: int) -> None:
        """Check the status and record the step."""
        step, method, url, status, extracted = kind
        if done.status != status:
            raise RuntimeError(f"{method} {url} answered {done.status}, not {status}")
        timings = Timings(
            int((done.sent_s - done.began_s) * 1e6),
            int((done.first_s - done.sent_s) * 1e6),
            int((done.ended_s - done.first_s) * 1e6),
        )
        request = Request(method, url, "default", status, span, sent, done.received, timings)
        now = perf_counter()
        t, us = CLOCK_OFFSET_S + now, int((now - done.began_s) * 1e6)
        checks = ["status_code"]
        self.journal.add(
            Step(0, RUN_ID, t, name, trace, "cart", step, "http", "passed", us, checks, request, extracted)
        )


def percentile(histogram: dict[int, int], share: float) -> int:
    """The lower bound, in microseconds, of the bucket that holds the sample of that rank."""
    left = share * sum(histogram.values())
    for us in sorted(histogram):
        left -= histogram[us]
        if left <= 0:
            return us
    return 0


async def run(base_url: str, *, count: int, users: int, records: str) -> None:
    """Run the load, then print the number of requests and two percentiles for each step."""
    descriptor = os.open(records, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o644)
    journal = Journal(descriptor)
    load = Load(base_url, count, journal)
    await asyncio.gather(*(load.user(number) for number in range(users)))
    await asyncio.sleep(0)  # the turn in which the last records are written
    os.close(descriptor)
    for step, histogram in journal.histograms.items():
        p50, p99 = percentile(histogram, 0.50), percentile(histogram, 0.99)
        print(f"{step}: {sum(histogram.values())} requests, p50 {p50} us, p99 {p99} us")


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description="Run the benchmark journey without Windtunnel.")
    parser.add_argument("base_url")
    parser.add_argument("--count", type=int, default=1000, help="instances, two requests each (default: 1000)")
    parser.add_argument("--users", type=int, default=50, help="users at once (default: 50)")
    parser.add_argument("--records", default=os.devnull, help="file of the records (default: none)")
    given = parser.parse_args()
    uvloop.run(run(given.base_url, count=given.count, users=given.users, records=given.records))


if __name__ == "__main__":
    main()
