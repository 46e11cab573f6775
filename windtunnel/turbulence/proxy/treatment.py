"""What faults do to one request, or to one connection of a TCP proxy: decided first, done by the connection.

Each fault that hits adds its part; the first final one is the last that is asked. Of requests:

    delay_s        held so long, then sent on or answered
    held           held until the fault is off
    answer         answered like this, and not sent on
    twice          sent on a second time, over a connection of its own; that answer is dropped
    after_s        the answer is held so long
    rate, piece, gap_s, pieces, over_s            the answer is passed on slowly, in pieces
    part, limit    the connection is closed after so much of the answer
    lost           the answer is dropped, and the connection reset
    half           the caller is told that nothing follows; the answer is dropped

A connection that is no HTTP does what has a meaning there to what comes from the upstream: `delay_s` of each
piece, `held` in both directions, the rates, `limit`, `half`, and the ending of `answer` at once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

from windtunnel.model.vocabulary import ProxyProtocol
from windtunnel.turbulence.settings import Settings

Ending = Literal["keep", "close", "reset"]
"""What becomes of a connection: it goes on, it is closed after what is written, or it is reset."""

Draw = Callable[[int], float]
"""A number from 0 to below 1 that depends on the request alone; another one for each argument."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Bytes in place of the upstream's answer; `head` is what answers HEAD. `status` is what they say."""

    head: bytes = b""
    body: bytes = b""
    status: int = 0
    ending: Ending


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """So much of a body: a share, or bytes."""

    share: float | None = None
    size: int = 0

    def of(self, length: int) -> int:
        """Bytes of a body of this length."""
        return self.size if self.share is None else int(length * self.share)


@dataclass(slots=True, kw_only=True)
class Treatment:
    """See the top of this file. The default does nothing. Sizes are bytes, `rate` bytes per second, 0 for none."""

    delay_s: float = 0.0
    after_s: float = 0.0
    held: bool = False
    answer: Answer | None = None
    twice: bool = False
    rate: float = 0.0
    piece: int = 0
    gap_s: float = 0.0
    pieces: int = 0
    over_s: float = 0.0
    part: Part | None = None
    limit: int | None = None
    lost: bool = False
    half: bool = False

    @property
    def is_slow(self) -> bool:
        """Whether the answer is passed on later or in pieces."""
        return bool(self.after_s or self.rate or self.piece or self.pieces)


class ProxyFault(Protocol):
    """A fault with its settings. One serves all requests of a proxy, at the same time."""

    @property
    def waits(self) -> bool:
        """Whether it is done to an answer of the upstream, which must come first."""

    def add(self, treatment: Treatment, draw: Draw) -> None:
        """Add what the fault does to one request or connection."""

    @property
    def words(self) -> str:
        """What happens to a request, after a plural: `wait 800 ms (median) longer`."""


class ProxyFaultType(Protocol):
    """A type of faults in a proxy."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The settings."""

    @property
    def main(self) -> str:
        """The setting that a sweep without `of` goes through, "" for none."""

    @property
    def passes_on(self) -> bool:
        """Whether further faults are done to the request as well; of all others only the first one is."""

    @property
    def protocols(self) -> tuple[ProxyProtocol, ...]:
        """The proxies that it is for."""

    def compile(self, settings: Settings) -> ProxyFault:
        """The fault that settings describe. Raises ExpressionError with the path to what is wrong."""


HTTP: tuple[ProxyProtocol, ...] = ("http",)
ANY: tuple[ProxyProtocol, ...] = ("http", "tcp")


class WithoutSettings(ABC):
    """What the faults in a proxy without settings have in common. `says` is what happens to a request."""

    keys: ClassVar[tuple[str, ...]] = ()
    main = ""
    passes_on = False
    waits = False
    protocols = HTTP
    says: ClassVar[str]

    @classmethod
    def compile(cls, settings: Settings) -> WithoutSettings:  # noqa: ARG003  it has none
        """See `ProxyFaultType.compile`."""
        return cls()

    @property
    def words(self) -> str:
        """See `ProxyFault.words`."""
        return self.says

    @abstractmethod
    def add(self, treatment: Treatment, draw: Draw) -> None:
        """See `ProxyFault.add`."""
