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


@pytest.mark.parametrize(
    ("expected", "actual", "shown", "came"),
    [
        ('"abc"', "nothing at $.token", f"{HIDDEN} (3 characters)", "missing"),
        ('"abc"', "no X-Token header", f"{HIDDEN} (3 characters)", "missing"),
        ('"abc"', "no response", f"{HIDDEN} (3 characters)", "no response"),
        ('"abc"', '"abcd\\"e"', f"{HIDDEN} (3 characters)", f"{HIDDEN} (6 characters)"),
        ('"abc"', '"abd"', f"{HIDDEN} (3 characters)", f"{HIDDEN} (3 characters), a different value"),
        ('matching "^a+$"', '"b"', f"matching {HIDDEN} (4 characters)", f"{HIDDEN} (1 character)"),
        ("not containing 12", "1234", f"not containing {HIDDEN} (2 characters)", f"{HIDDEN} (4 characters)"),
        ("a value", "nothing at $.token", "a value", "missing"),
        (
            'length "' + "x" * 198 + "…",
            "null",
            f"length {HIDDEN} (more than 199 characters)",
            "null",
        ),
    ],
)
def test_a_check_that_is_hidden_still_says_why_it_failed(
    expected: str, actual: str, shown: str, came: str
) -> None:
    assert Redactor().compared("$.access_token", expected, actual) == (shown, came)


def test_two_secrets_that_are_hidden_by_value_are_told_to_differ() -> None:
    redactor = Redactor(secrets=["hunter2-hunter2", "swordfish-123"])

    assert redactor.compared("$.id", '"hunter2-hunter2"', '"swordfish-123"') == (
        f'"{HIDDEN}"',
        f'"{HIDDEN}", a different value',
    )
    assert redactor.compared("$.id", '"a"', '"b"') == ('"a"', '"b"')


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("--set=password=x", f"--set=password={HIDDEN}"),
        ("api_key=x", f"api_key={HIDDEN}"),
        ("qty=2", "qty=2"),
        ("--target=http://ann:pw@shop.test", "--target=http://shop.test"),
        ("--wait-for=http://shop.test/?token=x", f"--wait-for=http://shop.test/?token={HIDDEN}"),
    ],
)
def test_a_word_of_the_command_line_shows_no_secret(word: str, shown: str) -> None:
    assert Redactor().argument(word) == shown


def test_only_the_beginning_of_a_large_body_is_looked_at() -> None:
    redactor = Redactor(secrets=["hunter2-hunter2"])
    large = b'{"a": "hunter2-hunter2 &amp; %41", "token": "x"}\n' * 100_000

    assert redactor.body(large, limit=1000) == redactor.body(large[:2000], limit=1000)
    assert len(redactor.body(large, limit=1000)) == 1000
