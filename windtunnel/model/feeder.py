"""Data files of a scenario: rows for its instances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from windtunnel.errors import Location
from windtunnel.model.vocabulary import OnEnd, RowOrder

ABSENT = Ellipsis
"""Stands in a row for a column it does not have: an object of a JSON file may leave keys out."""

LARGEST_KEPT = 1024 * 1024
"""Bytes of a data file that a run still keeps a copy of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feeder:
    """A data file that was read, and how its rows are dealt to instances.

    `order`: `sequential`, `shuffle` (once, by the seed) or `random` (drawn with replacement). `on_end`, when there
    is no row left: `recycle` begins anew, `stop` lets no further instance start, `fail` makes it an error of the
    scenario. `unique`: no row is used twice in the run, whoever else reads the same file so. `identity` is the
    file's real path, equal for all who do. `digest` is the SHA-256 of its bytes, `size` their number.
    """

    name: str
    file: str
    identity: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[Any, ...]]
    order: RowOrder = "sequential"
    on_end: OnEnd = "recycle"
    unique: bool = False
    size: int = 0
    digest: str = ""
    where: Location | None = None
