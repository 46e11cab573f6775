"""Secrets do not leave."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windtunnel.model.sut import Redactions
from windtunnel.redaction import HIDDEN, Redactor


def test_a_secret_value_disappears_wherever_it_stands_also_encoded() -> None:
    redactor = Redactor(secrets=["s3cr/t value"])

    assert redactor.text("before s3cr/t value after") == f"before {HIDDEN} after"
    assert redactor.url("http://h/p/s3cr%2Ft%20value") == f"http://h/p/{HIDDEN}"


def test_a_secret_inside_a_longer_one_leaves_nothing_of_it_behind() -> None:
    redactor = Redactor(secrets=["password1", "password1-and-more"])

    assert redactor.text("x password1-and-more y") == f"x {HIDDEN} y"


def test_values_under_eight_characters_are_not_hidden_by_value() -> None:
    assert Redactor(secrets=["short"]).text("a short text") == "a short text"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://h/p?q=1", "http://h/p?q=1"),
        ("http://user:pw@h/p", "http://h/p"),
        ("http://h/p?a=1&token=x&b=2", f"http://h/p?a=1&token={HIDDEN}&b=2"),
        ("http://h/p?api_key=x", f"http://h/p?api_key={HIDDEN}"),
        ("http://h/p?SIG=x", f"http://h/p?SIG={HIDDEN}"),
        ("http://[::1?token=x", HIDDEN),
    ],
)
def test_urls_lose_userinfo_and_known_query_keys(url: str, shown: str) -> None:
    assert Redactor().url(url) == shown


def test_json_bodies_are_hidden_by_key_at_any_depth() -> None:
    body = b'{"user":{"name":"ann","Password":"x"},"list":[{"access_token":1}]}'

    assert Redactor().body(body) == (
        b'{"user":{"name":"ann","Password":"[redacted]"},"list":[{"access_token":"[redacted]"}]}'
    )


def test_a_body_without_a_secret_comes_back_byte_for_byte() -> None:
    body = b'{ "a" :  1.50 }'

    assert Redactor().body(body) == body


def test_form_bodies_are_hidden_by_key() -> None:
    assert Redactor().body(b"user=ann&password=x") == b"user=ann&password=[redacted]"


def test_the_users_own_names_are_hidden_too() -> None:
    redactor = Redactor(names=Redactions(headers=("X-Session",), json=("$.payment.card",), query=("k",)))

    assert redactor.named("x-session", "v") == HIDDEN
    assert redactor.body(b'{"payment":{"card":"4111"}}') == b'{"payment":{"card":"[redacted]"}}'
    assert redactor.url("http://h/?k=1&kk=2") == f"http://h/?k={HIDDEN}&kk=2"


@given(st.binary(max_size=200))
def test_any_body_can_be_redacted(body: bytes) -> None:
    Redactor(secrets=["12345678"]).body(body)


@given(st.text(max_size=100), st.text(min_size=8, max_size=20), st.text(max_size=100))
def test_no_secret_survives_in_a_text(before: str, secret: str, after: str) -> None:
    shown = Redactor(secrets=[secret]).text(before + secret + after)

    assert secret not in shown or secret in HIDDEN or secret in before + HIDDEN + after


def test_a_body_nested_deeper_than_the_stack_is_redacted_as_text() -> None:
    body = b'{"a":' * 900 + b"1" + b"}" * 900

    assert Redactor(secrets=["12345678"]).body(body) == body
    assert Redactor().body(b"[" * 100_000) == b"[" * 100_000


@pytest.mark.parametrize(
    ("excerpt", "shown"),
    [
        ('{"user":"ann","token":"abc"}', '{"user":"ann","token":"[redacted]"}'),
        ('{"token": "abc…', '{"token": "[redacted]"'),
        ('{"token": 12, "n": 1}', '{"token": "[redacted]", "n": 1}'),
        ("{'api-key': 'x', 'n': 1}", "{'api-key': \"[redacted]\", 'n': 1}"),
        ('{"token": "a\\"b", "n": 1}', '{"token": "[redacted]", "n": 1}'),
        ('expected "x" but got "y"', 'expected "x" but got "y"'),
    ],
)
def test_a_quoted_piece_of_a_body_is_hidden_by_key(excerpt: str, shown: str) -> None:
    assert Redactor().excerpt(excerpt) == shown
