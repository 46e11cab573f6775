"""What is counted of one step, or of the instances of one scenario, in one bucket of time."""

from __future__ import annotations

from collections.abc import Sequence

from windtunnel.metrics.bins import Bins, Durations
from windtunnel.model.record import RequestFacts
from windtunnel.model.vocabulary import InstanceOutcome, Outcome


class _Cell:
    """What ended in one bucket. Durations are those of successes and of failures apart."""

    __slots__ = ("_failed_us", "_passed_us", "errored", "failed", "injected", "interrupted", "passed")

    def __init__(self) -> None:
        self.passed = self.failed = self.errored = self.interrupted = self.injected = 0
        # Most cells have no failure.
        self._passed_us: Durations | None = None
        self._failed_us: Durations | None = None

    @property
    def ended(self) -> int:
        """What ended by itself."""
        return self.passed + self.failed + self.errored

    @property
    def passed_us(self) -> Bins:
        """Durations of what passed."""
        return _bins(self._passed_us)

    @property
    def failed_us(self) -> Bins:
        """Durations of what failed or errored."""
        return _bins(self._failed_us)

    def _add(self, outcome: Outcome, durations_us: list[int]) -> None:
        """Count what ended so; what was skipped is for the cell of a step."""
        if outcome == "passed":
            self.passed += len(durations_us)
            if self._passed_us is None:
                self._passed_us = Durations()
            self._passed_us.add(durations_us)
        elif outcome == "interrupted":
            self.interrupted += len(durations_us)
        else:
            self.failed += len(durations_us) if outcome == "failed" else 0
            self.errored += len(durations_us) if outcome == "errored" else 0
            if self._failed_us is None:
                self._failed_us = Durations()
            self._failed_us.add(durations_us)

    def _merge(self, other: _Cell) -> None:
        self.passed += other.passed
        self.failed += other.failed
        self.errored += other.errored
        self.interrupted += other.interrupted
        self.injected += other.injected
        self._passed_us = _merged(self._passed_us, other._passed_us)
        self._failed_us = _merged(self._failed_us, other._failed_us)


class StepCell(_Cell):
    """One step in one bucket.

    `injected` of them a fault on our own requests was done to; no other figure has those. Durations are those of
    steps that ended by themselves, and of requests whose bytes were `sent`.
    """

    __slots__ = ("_sent_failed_us", "_sent_passed_us", "bytes_received", "requests", "requests_failed", "skipped")

    def __init__(self) -> None:
        super().__init__()
        self.skipped = self.requests = self.requests_failed = self.bytes_received = 0
        # Many steps send nothing.
        self._sent_passed_us: Durations | None = None
        self._sent_failed_us: Durations | None = None

    @property
    def sent_passed_us(self) -> Bins:
        """Service times of requests that were sent and did not fail."""
        return _bins(self._sent_passed_us)

    @property
    def sent_failed_us(self) -> Bins:
        """Service times of requests that were sent and failed."""
        return _bins(self._sent_failed_us)

    def add_steps(self, outcome: Outcome, durations_us: list[int]) -> None:
        """Count steps that ended so."""
        if outcome == "skipped":
            self.skipped += len(durations_us)
        else:
            self._add(outcome, durations_us)

    def add_requests(self, requests: Sequence[RequestFacts], sent_us: list[int]) -> None:
        """Count requests whose tags are all the same; `sent_us` are the service times of those that were sent."""
        self.requests += len(requests)
        self.bytes_received += sum([request.bytes_received for request in requests])
        if requests[0].failed:
            self.requests_failed += 0 if requests[0].poll else len(requests)
            if self._sent_failed_us is None:
                self._sent_failed_us = Durations()
            self._sent_failed_us.add(sent_us)
        else:
            if self._sent_passed_us is None:
                self._sent_passed_us = Durations()
            self._sent_passed_us.add(sent_us)

    def merge(self, other: StepCell) -> None:
        """Add what `other` counted, which keeps it."""
        self._merge(other)
        self.skipped += other.skipped
        self.requests += other.requests
        self.requests_failed += other.requests_failed
        self.bytes_received += other.bytes_received
        self._sent_passed_us = _merged(self._sent_passed_us, other._sent_passed_us)
        self._sent_failed_us = _merged(self._sent_failed_us, other._sent_failed_us)


class InstanceCell(_Cell):
    """The instances of a scenario in one bucket: those that ended, and arrivals that were dropped.

    `injected` of them failed by a fault on our own requests; no other figure has those.
    """

    __slots__ = ("dropped",)

    def __init__(self) -> None:
        super().__init__()
        self.dropped = 0

    def add_instances(self, outcome: InstanceOutcome, durations_us: list[int]) -> None:
        """Count instances that ended so."""
        self._add(outcome, durations_us)

    def merge(self, other: InstanceCell) -> None:
        """Add what `other` counted, which keeps it."""
        self._merge(other)
        self.dropped += other.dropped


def _bins(durations: Durations | None) -> Bins:
    return {} if durations is None else durations.bins


def _merged(mine: Durations | None, theirs: Durations | None) -> Durations | None:
    if theirs is not None:
        mine = mine or Durations()
        mine.merge(theirs)
    return mine
