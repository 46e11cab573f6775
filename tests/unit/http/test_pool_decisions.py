"""What a pool does with connections and requests, as tables."""

from __future__ import annotations

import pytest

from windtunnel.http.connection import ConnectionState
from windtunnel.http.pool import MAX_IDLE, Move, after_failure, after_response, before_request, may_be_sent_twice
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
    ("error", "harmless", "was_reused", "sent", "received", "move"),
    [
        ("closed", True, True, 90, 0, Move.RESEND),
        ("reset", True, True, 90, 0, Move.RESEND),
        ("closed", False, True, 90, 0, Move.REPORT_CLOSED),
        ("reset", False, True, 90, 0, Move.REPORT_CLOSED),
        ("closed", True, True, 0, 0, Move.REPLACE),
        ("reset", False, True, 0, 0, Move.REPLACE),
        ("closed", True, False, 90, 0, Move.REPORT),
        ("closed", False, False, 0, 0, Move.REPORT),
        ("closed", True, True, 90, 1, Move.REPORT),
        ("closed", False, True, 90, 1, Move.REPORT),
    ],
)
def test_a_request_is_sent_again_only_when_it_can_have_had_no_effect(
    error: str, harmless: bool, was_reused: bool, sent: int, received: int, move: Move
) -> None:
    decided = after_failure(
        error, harmless=harmless, was_reused=was_reused, bytes_sent=sent, bytes_received=received
    )
    assert decided is move


@pytest.mark.parametrize("error", sorted(ERROR_KINDS.keys() - {"closed", "reset"}))
@pytest.mark.parametrize("sent", [0, 90])
def test_any_other_failure_is_reported_as_it_is(error: str, sent: int) -> None:
    decided = after_failure(error, harmless=True, was_reused=True, bytes_sent=sent, bytes_received=0)
    assert decided is Move.REPORT


@pytest.mark.parametrize(
    ("method", "headers", "body", "may"),
    [
        ("GET", "", "", True),
        ("DELETE", "", "", True),
        ("POST", "", "", False),
        ("PATCH", "X-Key: idempotency-key: 1\r\n", "", False),
        ("POST", "Idempotency-Key: k1\r\n", "", True),
        ("PATCH", "x-idempotency-key:k1\r\n", "", True),
        ("POST", "Idempotency-Key: \r\n", "", False),
        ("POST", "Not-Idempotency-Key: k1\r\n", "", False),
        ("POST", "", "a\r\nIdempotency-Key: k1\r\n", False),
    ],
)
def test_a_key_lets_the_server_tell_that_a_request_is_the_same(
    method: str, headers: str, body: str, may: bool
) -> None:
    wire = f"{method} / HTTP/1.1\r\nHost: shop.test\r\n{headers}\r\n{body}".encode()
    assert may_be_sent_twice(method, wire) is may
