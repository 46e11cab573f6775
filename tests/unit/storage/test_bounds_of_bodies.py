"""A run keeps a bounded number of bodies, however many processes and failures it has."""

from __future__ import annotations

from pathlib import Path

import pytest

from windtunnel.engine.run.segment import shares_of_bodies
from windtunnel.model.load import Segment
from windtunnel.redaction import Redactor
from windtunnel.storage.copies import MAX_BODY_BYTES, MAX_BODY_FILES, BodyStore
from windtunnel.storage.heads import MAX_HEADS


class _Counting(Redactor):
    asked = 0

    def body(self, body: bytes, *given: object, **named: object) -> bytes:
        self.asked += 1
        return body


def test_bodies_beyond_the_number_are_not_kept_and_not_even_redacted(tmp_path: Path) -> None:
    redactor = _Counting()
    store = BodyStore(tmp_path, redactor, files=3)

    names = [store.keep(b"body %d" % number) for number in range(10)]

    assert len([name for name in names if name is not None]) == 3
    assert len(list(tmp_path.iterdir())) == 3
    assert redactor.asked == 3
    assert store.left_out == 7


@pytest.mark.parametrize("workers", [1, 2, 3, 7, 256])
def test_the_shares_of_all_processes_are_those_of_the_run_together(workers: int) -> None:
    segments = [Segment(number=number, of=workers) for number in range(workers)]
    shares = [shares_of_bodies(segment) for segment in [*segments, Segment(kind="setup")]]

    assert sum(files for files, _, _ in shares) == MAX_BODY_FILES
    assert sum(size for _, size, _ in shares) <= MAX_BODY_BYTES * 1.01
    assert sum(heads for _, _, heads in shares) <= MAX_HEADS * 1.01
    assert min(min(share) for share in shares) > 0
