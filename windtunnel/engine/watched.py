"""A journal that shows each record to somebody who looks on, with whom it is about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from windtunnel.engine.journal import Identity, Journal
from windtunnel.model.record import Record

__all__ = ["OnRecord", "WatchedJournal"]

OnRecord = Callable[[Identity, Record], None]


class WatchedJournal(Journal):
    """A `Journal` for runs of one user, whose records somebody sees as they are made."""

    def __init__(self, *arguments: Any, on_record: OnRecord, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._on_record = on_record
        self._who: Identity | None = None

    def step(self, who: Identity, *arguments: Any, **named: Any) -> None:
        """As `Journal.step`."""
        self._who = who
        super().step(who, *arguments, **named)

    def assertion(self, who: Identity, *arguments: Any, **named: Any) -> None:
        """As `Journal.assertion`."""
        self._who = who
        super().assertion(who, *arguments, **named)

    def instance(self, who: Identity, *arguments: Any, **named: Any) -> None:
        """As `Journal.instance`."""
        self._who = who
        super().instance(who, *arguments, **named)

    def write(self, record: Record) -> None:
        """As `Journal.write`."""
        super().write(record)
        who, self._who = self._who, None
        if who is not None:
            self._on_record(who, record)
