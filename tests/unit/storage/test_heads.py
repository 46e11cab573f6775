"""What is kept of the head of a request or response: every field as on the wire, no secret, not too much."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from windtunnel.model.record import RequestFacts, Timings
from windtunnel.model.sut import Redactions
from windtunnel.redaction import Redactor
from windtunnel.storage.heads import FIELD_OVERHEAD, MAX_HEAD, HeadStore, shown_fields

SECRET = "correct horse battery"


def shown(*fields: tuple[str, str | bytes], names: Redactions | None = None) -> list[tuple[str, str]]:
    lines = [
        name.encode() + b": " + (value if isinstance(value, bytes) else value.encode()) for name, value in fields
    ]
    redactor = Redactor(secrets=[SECRET], names=names or Redactions())
    found, left_out, _ = shown_fields(b"\r\n".join([b"HTTP/1.1 200 OK", *lines, b""]), redactor)
    assert left_out == 0
    return found


def test_fields_are_kept_as_they_came_in_order_with_their_names_and_repetitions() -> None:
    fields = [("Vary", "Accept"), ("x-B", ""), ("VARY", "Cookie"), ("X-Umlaut", "é"), ("Etag", 'W/"1"')]

    assert shown(*fields) == fields


def test_bytes_that_are_no_text_are_shown_as_latin_1_in_a_record_that_can_be_written() -> None:
    fields = shown(("X-Bytes", b"\xff\xfe\x01"), ("X-Folded", b"a\r\n  b"))

    assert fields == [("X-Bytes", "ÿþ\x01"), ("X-Folded", "a b")]
    facts = RequestFacts(method="GET", url="/", timings_us=Timings(), response_headers=fields)
    assert msgspec.json.decode(msgspec.json.encode(facts), type=RequestFacts).response_headers == fields


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("Authorization", "Bearer abc.def", "Bearer [redacted]"),
        ("authorization", "basic YTpi", "basic [redacted]"),
        ("Authorization", "abc.def", "[redacted]"),
        ("Authorization", "Bearer", "[redacted]"),
        ("Authorization", "abcdef ghi", "[redacted]"),
        ("Proxy-Authorization", "Digest username=ann", "Digest [redacted]"),
        ("X-Authorization", "Bearer abc", "[redacted]"),
        ("Cookie", "sid=1; theme=dark; junk", "sid=[redacted]; theme=[redacted]; [redacted]"),
        ("Cookie", 'sid="a;b=c"', "[redacted]"),
        ("Cookie2", "a=b", "[redacted]"),
        ("Set-Cookie", "sid=1; Path=/; HttpOnly; SameSite=Lax", "sid=[redacted]; Path=/; HttpOnly; SameSite=Lax"),
        ("Set-Cookie", "sid=1; Max-Age=5; token=2; secure", "sid=[redacted]; Max-Age=5; [redacted]; secure"),
        ("Set-Cookie", "sid", "[redacted]"),
        ("X-Api-Key", "k", "[redacted]"),
        ("X-Csrf-Token", "k", "[redacted]"),
        ("X-Shop", f"is {SECRET}!", "is [redacted]!"),
        ("X-Shop", "is correct%20horse%20battery!", "is [redacted]!"),
        ("Set-Cookie", f"{SECRET.replace(' ', '+')}=1; Path=/", "[redacted]=[redacted]; Path=/"),
        (
            "Set-Cookie",
            f"c=1; Path=/{SECRET.replace(' ', '&#32;')}; Secure",
            "c=[redacted]; Path=/[redacted]; Secure",
        ),
        ("Location", "https://ann:pw@shop/a?token=1&b=2", "https://shop/a?token=[redacted]&b=2"),
        ("X-Data", '{"password":"1","b":2}', '{"password":"[redacted]","b":2}'),
    ],
)
def test_what_is_secret_by_its_key_or_its_value_is_hidden(name: str, value: str, expected: str) -> None:
    assert shown((name, value)) == [(name, expected)]


def test_a_header_that_the_user_names_is_hidden_as_a_whole() -> None:
    names = Redactions(headers=("x-own", "set-cookie"))

    assert shown(("X-Own", "abc"), ("Set-Cookie", "a=b; Path=/"), names=names) == [
        ("X-Own", "[redacted]"),
        ("Set-Cookie", "[redacted]"),
    ]


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 70_000)), max_size=40), st.integers(1, 14_000))
def test_a_head_is_bounded_whatever_a_server_sends(sizes: list[tuple[int, int]], repetitions: int) -> None:
    lines = [b"N" * name + b":" + b"v" * value for name, value in sizes] + [b"a:"] * repetitions
    fields, left_out, size = shown_fields(b"\r\n".join([b"HTTP/1.1 200 OK", *lines, b""]), Redactor())

    assert size <= MAX_HEAD
    assert sum(len(name) + len(value) + FIELD_OVERHEAD for name, value in fields) <= MAX_HEAD + FIELD_OVERHEAD
    assert len(fields) + left_out <= len(lines)


def test_a_secret_that_the_bound_cuts_leaves_nothing_behind() -> None:
    for before in range(MAX_HEAD - 80, MAX_HEAD):
        head = b"HTTP/1.1 200 OK\r\nX-A: " + b"." * before + SECRET.encode() + b"." * 100 + b"\r\n"
        ((_, value),), _, _ = shown_fields(head, Redactor(secrets=[SECRET]))
        assert "corr" not in value


def test_a_field_that_is_longer_than_what_is_read_leaves_nothing_behind() -> None:
    for before in range(64 * 1024 - 80, 64 * 1024):
        fields = b"X-A: 1\r\nX-B: " + b"." * before + SECRET.encode() * 100
        found, _, _ = shown_fields(b"HTTP/1.1 200 OK\r\n" + fields, Redactor(secrets=[SECRET]))
        assert found == [("X-A", "1")]


def test_heads_of_requests_that_passed_leave_room_for_failures() -> None:
    head = b"HTTP/1.1 200 OK\r\nX-A: " + b"." * 946 + b"\r\n"
    store = HeadStore(Redactor(), total=16_000)

    passed = [store.keep(head, passed=True)[0] for _ in range(10)]
    assert [fields is not None for fields in passed] == [True] * 5 + [False] * 5
    assert store.left_out == 0

    failed = [store.keep(head)[0] for _ in range(20)]
    assert sum(fields is not None for fields in failed) == 12
    assert store.left_out == 8
