"""A journal that shows each record to somebody who looks on, with whom it is about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from windtunnel.engine.journal import InstanceIds, Journal
from windtunnel.model.record import Record

OnRecord = Callable[[InstanceIds, Record], None]


class WatchedJournal(Journal):
    """A `Journal` for runs of one user, whose records somebody sees as they are made."""

    def __init__(self, *arguments: Any, on_record: OnRecord, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._on_record = on_record
        self._who: InstanceIds | None = None

    def step(self, ids: InstanceIds, *arguments: Any, **named: Any) -> None:
        """As `Journal.step`."""
        self._who = ids
        super().step(ids, *arguments, **named)

    def assertion(self, ids: InstanceIds, *arguments: Any, **named: Any) -> None:
        """As `Journal.assertion`."""
        self._who = ids
        super().assertion(ids, *arguments, **named)

    def instance(self, ids: InstanceIds, *arguments: Any, **named: Any) -> None:
        """As `Journal.instance`."""
        self._who = ids
        super().instance(ids, *arguments, **named)

    def write(self, record: Record) -> None:
        """As `Journal.write`."""
        super().write(record)
        ids, self._who = self._who, None
        if ids is not None:
            self._on_record(ids, record)
