"""What a pool does with connections and requests, as tables."""

from __future__ import annotations

import pytest

from windtunnel.http.connection import ConnectionState
from windtunnel.http.pool import MAX_IDLE, Move, after_failure, after_response, before_request
from windtunnel.model.http import ERROR_KINDS

OPENING, IDLE, BUSY, CLOSED = ConnectionState


@pytest.mark.parametrize(
    ("newest", "move"), [(None, Move.OPEN), (IDLE, Move.REUSE), (CLOSED, Move.DISCARD), (BUSY, Move.DISCARD)]
)
def test_only_an_open_idle_connection_is_used_again(newest: ConnectionState | None, move: Move) -> None:
    assert before_request(newest) is move


@pytest.mark.parametrize(
    ("state", "keeps_open", "idle", "move"),
    [
        (IDLE, True, 0, Move.KEEP),
        (IDLE, True, MAX_IDLE - 1, Move.KEEP),
        (IDLE, True, MAX_IDLE, Move.CLOSE),
        (IDLE, False, 0, Move.CLOSE),
        (CLOSED, True, 0, Move.CLOSE),
    ],
)
def test_a_connection_is_kept_while_it_is_open_and_there_is_room(
    state: ConnectionState, keeps_open: bool, idle: int, move: Move
) -> None:
    assert after_response(state, keeps_open, idle) is move


@pytest.mark.parametrize(
    ("error", "method", "was_reused", "bytes_received", "move"),
    [
        ("closed", "GET", True, 0, Move.RESEND),
        ("reset", "DELETE", True, 0, Move.RESEND),
        ("closed", "POST", True, 0, Move.REPORT_CLOSED),
        ("reset", "PATCH", True, 0, Move.REPORT_CLOSED),
        ("closed", "GET", False, 0, Move.REPORT),
        ("closed", "GET", True, 1, Move.REPORT),
        ("closed", "POST", True, 1, Move.REPORT),
    ],
)
def test_a_request_is_sent_again_only_when_it_can_have_had_no_effect(
    error: str, method: str, was_reused: bool, bytes_received: int, move: Move
) -> None:
    decided = after_failure(error, method=method, was_reused=was_reused, bytes_received=bytes_received)
    assert decided is move


@pytest.mark.parametrize("error", sorted(ERROR_KINDS.keys() - {"closed", "reset"}))
def test_any_other_failure_is_reported_as_it_is(error: str) -> None:
    assert after_failure(error, method="GET", was_reused=True, bytes_received=0) is Move.REPORT
