"""What Toxiproxy does to the bytes of a connection: each toxic of a direction in turn, as long as it is there."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

CHUNK = 32 * 1024

ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "latency": ("latency", "jitter"),
    "bandwidth": ("rate",),
    "slow_close": ("delay",),
    "timeout": ("timeout",),
    "reset_peer": ("timeout",),
    "slicer": ("average_size", "size_variation", "delay"),
    "limit_data": ("bytes",),
}
"""The toxics, and their attributes: whole numbers, milliseconds but for the slicer's delay in microseconds."""


class ClosedError(Exception):
    """A toxic closes the connection; `reset`: with RST."""

    def __init__(self, *, reset: bool = False) -> None:
        self.reset = reset


@dataclass(eq=False)
class Toxic:
    """A toxic of one direction of a proxy."""

    name: str
    type: str
    stream: str
    toxicity: float
    attributes: dict[str, int]

    def as_json(self) -> dict[str, object]:
        return {
            "attributes": self.attributes,
            "name": self.name,
            "type": self.type,
            "stream": self.stream,
            "toxicity": self.toxicity,
        }


@dataclass(eq=False)
class Link:
    """One direction of one connection. Its toxicity decides once whether a toxic is done to it."""

    toxics: list[Toxic]
    stream: str
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    done_to_it: dict[Toxic, bool] = field(default_factory=dict)
    sent: int = 0

    def active(self) -> list[Toxic]:
        mine = [toxic for toxic in self.toxics if toxic.stream == self.stream]
        for toxic in mine:
            if toxic not in self.done_to_it:
                self.done_to_it[toxic] = random.random() < toxic.toxicity
        return [toxic for toxic in mine if self.done_to_it[toxic]]

    async def pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry bytes until the end of the reader, or until a toxic closes the connection."""
        reset = False
        try:
            while chunk := await self._read(reader):
                async for piece in self._through(chunk):
                    writer.write(piece)
                    await writer.drain()
            await asyncio.sleep(sum(each.attributes["delay"] for each in self._of("slow_close")) / 1000)
        except ClosedError as closed:
            reset = closed.reset
        except (ConnectionError, OSError):
            pass
        finally:
            _close(writer, reset=reset)

    def _of(self, type: str) -> list[Toxic]:
        return [toxic for toxic in self.active() if toxic.type == type]

    async def _read(self, reader: asyncio.StreamReader) -> bytes:
        """The next bytes; meanwhile a `timeout` toxic may close the connection, also one that comes later."""
        reading = asyncio.ensure_future(reader.read(CHUNK))
        changing = asyncio.ensure_future(self.changed.wait())
        try:
            while True:
                if changing.done():
                    self.changed.clear()
                    changing = asyncio.ensure_future(self.changed.wait())
                waits = [each.attributes["timeout"] / 1000 for each in self._of("timeout")]
                closes_in = min((wait for wait in waits if wait), default=None)
                done, _ = await asyncio.wait(
                    {reading, changing}, timeout=closes_in, return_when=asyncio.FIRST_COMPLETED
                )
                if reading in done:
                    return reading.result()
                if not done:
                    raise ClosedError
        finally:
            for task in (reading, changing):
                task.cancel()
            await asyncio.wait({reading, changing})

    async def _through(self, chunk: bytes) -> AsyncIterator[bytes]:
        pieces = [chunk]
        for toxic in self.active():
            value = toxic.attributes
            if toxic.type == "timeout":
                return
            if toxic.type == "reset_peer":
                await asyncio.sleep(value["timeout"] / 1000)
                raise ClosedError(reset=True)
            if toxic.type == "latency":
                jitter = random.uniform(-value["jitter"], value["jitter"])
                await asyncio.sleep(max(0.0, value["latency"] + jitter) / 1000)
            if toxic.type == "bandwidth" and value["rate"]:
                await asyncio.sleep(len(chunk) / value["rate"] / 1000)
            if toxic.type == "slicer" and value["average_size"]:
                size = value["average_size"]
                pieces = [chunk[at : at + size] for at in range(0, len(chunk), size)]
        slicer = next(iter(self._of("slicer")), None)
        for piece in pieces:
            limit = min((each.attributes["bytes"] for each in self._of("limit_data")), default=None)
            kept = piece if limit is None else piece[: max(0, limit - self.sent)]
            self.sent += len(kept)
            yield kept
            if limit is not None and self.sent >= limit:
                raise ClosedError
            if slicer is not None:
                await asyncio.sleep(slicer.attributes["delay"] / 1_000_000)


def _close(writer: asyncio.StreamWriter, *, reset: bool) -> None:
    with contextlib.suppress(OSError):
        if reset and (sock := writer.get_extra_info("socket")) is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.close()
