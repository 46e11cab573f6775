"""What tells instances apart: their ids, which every record carries, and their random numbers."""

from __future__ import annotations

import hashlib
from random import Random

from windtunnel.model.vocabulary import SectionPhase
from windtunnel.secret import SHORTEST_SECRET, texts_in

NO_INDEX = -1
"""The index of what is no instance of the load, and the user of what belongs to no user."""

_STEP = 0x9E3779B97F4A7C15
"""2**64 divided by the golden ratio: its multiples spread evenly over 64 bits, and being odd, never repeat."""

_MASK = (1 << 64) - 1


class StepFaults:
    """What faults did to the steps under way, by the names of these: which one, and how long they held the step.

    Owned by one instance.
    """

    __slots__ = ("held_us", "names")

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.held_us: dict[str, int] = {}


class InstanceIds:
    """The ids in every record of one instance, and `secrets`: the values that no record contains.

    `secrets` grows while the instance runs, by what it extracts as secret. `faults` are those that were done to
    requests of a step under way, by its name; None in an instance that no fault can touch. `whole`: the requests
    of the instance are kept also when they pass.
    """

    __slots__ = (
        "correlation_id",
        "faults",
        "index",
        "instance_id",
        "phase",
        "scenario",
        "secrets",
        "user",
        "whole",
    )

    def __init__(
        self,
        *,
        instance_id: str = "",
        correlation_id: str = "",
        scenario: str = "",
        index: int = 0,
        user: int = 0,
        phase: str,
    ) -> None:
        self.instance_id, self.correlation_id, self.scenario = instance_id, correlation_id, scenario
        self.index, self.user, self.phase = index, user, phase
        self.secrets: tuple[str, ...] = ()
        self.faults: StepFaults | None = None
        self.whole = False

    def hide(self, *values: object) -> None:
        """Hide every text in the values in the further records. Short ones would hide half of every line."""
        known = self.secrets
        for text in texts_in(values):
            if len(text) >= SHORTEST_SECRET and text not in known:
                known = (*known, text)
        self.secrets = known


class RunIds:
    """Makes the ids of every instance of one run.

    A correlation id is a W3C trace id: 32 hex digits, the first 16 of which are a hash of the run id.
    """

    __slots__ = ("_key", "_offset", "_prefix")

    def __init__(self, run_id: str) -> None:
        self._key = hashlib.blake2b(run_id.encode(), digest_size=16).digest()
        self._prefix, self._offset = self._key[:8].hex(), int.from_bytes(self._key[8:], "big")

    def of_instance(self, scenario: str, *, index: int, user: int, phase: str) -> InstanceIds:
        """The ids of the instance of a global index.

        Within a run no two indexes share a correlation id. (A hash of each index would cost five times as much.)
        """
        return InstanceIds(
            instance_id=f"{scenario}-{index}",
            correlation_id=f"{self._prefix}{(self._offset + index * _STEP) & _MASK:016x}",
            scenario=scenario,
            index=index,
            user=user,
            phase=phase,
        )

    def of_section(self, phase: SectionPhase, scenario: str, *, user: int = NO_INDEX) -> InstanceIds:
        """The ids of the setup or teardown of a scenario (`phase`), or of its `user_setup` for one user."""
        name = f"{scenario}-{phase}" if user == NO_INDEX else f"{scenario}-user-{user}"
        own = hashlib.blake2b(f"{scenario}:{user}".encode(), key=self._key, person=phase.encode(), digest_size=8)
        return InstanceIds(
            instance_id=name,
            correlation_id=self._prefix + own.hexdigest(),
            scenario=scenario,
            index=NO_INDEX,
            user=user,
            phase=phase,
        )


class LazyRandom:
    """The random numbers of one instance, seeded at the first use, since seeding costs more than a request.

    Apart from the instance, because a scope that referred to the instance would be a cycle: everything an instance
    received would wait for the garbage collector.
    """

    __slots__ = ("_forks", "_ids", "_random", "_seed", "_stream")

    def __init__(self, seed: int, ids: InstanceIds, stream: str) -> None:
        self._seed, self._ids, self._stream = seed, ids, stream
        self._random: Random | None = None
        self._forks = 0

    def __call__(self) -> Random:
        """The random numbers, the same ones at every call."""
        if self._random is None:
            self._random = Random(f"{self._seed}:{self._ids.scenario}:{self._ids.index}{self._stream}")
        return self._random

    def fork(self) -> LazyRandom:
        """Another stream. It depends on the number of earlier forks, not on what was drawn."""
        self._forks += 1
        return LazyRandom(self._seed, self._ids, f"{self._stream}/{self._forks}")
