"""Requests that leave together, once a turn of the event loop.

A send changes into the kernel and, on one machine, wakes the server; both throw what the processor had cached out
again. Sends one after another, behind all that was to be decided, cost about half of sends between decisions
(docs/decisions/0007-hot-path.md). A request alone in its turn leaves some microseconds later; its time
counts from when it leaves.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop
from typing import Protocol


class Sender(Protocol):
    """What can put bytes on the wire."""

    def write(self, wire: bytes) -> None:
        """Send now. Must not raise."""


class Outbox:
    """What will be sent when everybody whose turn it is has spoken. Belongs to one event loop."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: list[tuple[Sender, bytes]] = []

    def put(self, sender: Sender, wire: bytes, loop: AbstractEventLoop) -> None:
        """Let `sender.depart(wire)` be called in the next turn of its loop."""
        waiting = self._waiting
        if not waiting:
            loop.call_soon(self._send)
        waiting.append((sender, wire))

    def _send(self) -> None:
        waiting, self._waiting = self._waiting, []
        for sender, wire in waiting:
            sender.write(wire)
