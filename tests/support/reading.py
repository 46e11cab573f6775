"""What a reader makes of a response that arrives in pieces."""

from __future__ import annotations

from dataclasses import dataclass, field

from windtunnel.http.errors import Failure
from windtunnel.http.response import ResponseReader
from windtunnel.model.http import Exchange

ROOM = 1_000_000


@dataclass(kw_only=True)
class Seen:
    """What a reader makes of a response."""

    exchange: Exchange
    failure: Failure | None
    reader: ResponseReader
    notes: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.notes = set(self.exchange.notes or ())


def read(
    pieces: list[bytes], *, method: str = "GET", strict: bool = False, closes: bool = False, max_body: int = ROOM
) -> Seen:
    reader = ResponseReader(strict=strict)
    exchange = Exchange(method, "http://shop.test/", "shop")
    reader.start(exchange, max_body)
    failure = None
    for piece in pieces:
        failure = reader.feed(piece)
        if failure:
            break
    if closes and not failure and not reader.complete:
        failure = reader.end_of_stream()
    if failure:
        reader.give_up()
    return Seen(exchange=exchange, failure=failure, reader=reader)
