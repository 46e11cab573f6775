"""Which requests a fault is done to: a keyed hash of what a request is, and not of when it is sent.

    number(seed, parts…) = the first 53 bits of BLAKE2b(key = seed, parts…) / 2**53        from 0 to below 1

The same request has the same number whatever the concurrency, in however many processes, at every repetition. The
fault is done to it when the number is below the probability.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

_BITS = 53
"""What a float holds exactly."""

_STEPS = 1 << _BITS

_KEY_BYTES = 8


def number(seed: int, *parts: str | int) -> float:
    """A number from 0 to below 1 that depends on the seed and the parts alone, and on where each part ends."""
    key = (seed % (1 << 8 * _KEY_BYTES)).to_bytes(_KEY_BYTES, "big")
    texts = [f"{part}" if type(part) is str else f"#{part}" for part in parts]
    text = "".join([f"{len(each)}:{each}" for each in texts])
    digest = blake2b(text.encode("utf-8", "surrogatepass"), key=key, digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> (64 - _BITS)) / _STEPS


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request of ours, as a decision sees it. `attempt` counts from 1, also those that a fault makes."""

    scenario: str
    index: int
    step: str
    occurrence: int
    attempt: int


def decide(seed: int, fault: str, asked: Asked) -> float:
    """The number that decides whether a fault is done to a request."""
    return number(seed, "fault", fault, *_parts(asked))


def draw(seed: int, fault: str, asked: Asked, what: int = 0) -> float:
    """A number for how a fault is done to a request, such as how long it waits; another one for each `what`."""
    return number(seed, "draw", what, fault, *_parts(asked))


def _parts(asked: Asked) -> tuple[str | int, ...]:
    return asked.scenario, asked.index, asked.step, asked.occurrence, asked.attempt


def is_in_control(seed: int, share: float, index: int) -> bool:
    """Whether the instance of a global index belongs to the control group, a share of all instances."""
    return share > 0 and number(seed, "control", index) < share
