from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windtunnel.errors import ExpressionError
from windtunnel.http.endpoint import (
    encode_target,
    header_lines,
    merge_headers,
    require_method,
)


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("/products?page=1&q=a%20b", "/products?page=1&q=a%20b"),
        ("/with space", "/with%20space"),
        ("/käse?ö=ü", "/k%C3%A4se?%C3%B6=%C3%BC"),
        ("/100%", "/100%25"),
        ("/%zz%2", "/%25zz%252"),
        ("/a|b^c`{d}\\", "/a%7Cb%5Ec%60%7Bd%7D%5C"),
        ("/list[0]?ids[]=1", "/list[0]?ids[]=1"),
        ("/page#part", "/page"),
        ("/a\r\nX-Evil: 1", "/a%0D%0AX-Evil:%201"),
        ("//double", "//double"),
    ],
)
def test_a_target_keeps_what_is_valid_and_encodes_the_rest(text: str, encoded: str) -> None:
    assert encode_target(text) == encoded


@given(st.text())
def test_an_encoded_target_is_one_word_of_ascii_and_encoding_it_again_changes_nothing(text: Any) -> None:
    encoded = encode_target(f"/{text}")
    assert encoded.isascii()
    assert encoded.isprintable()
    assert " " not in encoded
    assert "#" not in encoded
    assert encode_target(encoded) == encoded


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\rb", "a\0b"])
def test_a_header_value_that_would_end_its_line_is_refused(value: str) -> None:
    with pytest.raises(ExpressionError, match="'X-Note'"):
        header_lines([("Accept", "*/*"), ("X-Note", value)])


@pytest.mark.parametrize("name", ["", "X Note", "X:Note", "X-Nöte", "X\r\nY", "(x)"])
def test_a_header_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ExpressionError):
        header_lines([(name, "value")])


@pytest.mark.parametrize("name", ["Content-Length", "transfer-encoding"])
def test_headers_that_follow_from_the_body_are_refused(name: str) -> None:
    with pytest.raises(ExpressionError, match="is computed from the body"):
        header_lines([(name, "3")])


def test_headers_become_lines_in_order() -> None:
    assert header_lines([("A", "1"), ("b", "ü"), ("A", "")]) == "A: 1\r\nb: ü\r\nA: \r\n"


def test_a_later_layer_of_headers_wins_whatever_its_case() -> None:
    merged = merge_headers([("Accept", "*/*"), ("User-Agent", "w")], [("ACCEPT", "a"), ("accept", "b")])
    assert merged == (("User-Agent", "w"), ("ACCEPT", "a"), ("accept", "b"))


@pytest.mark.parametrize("method", ["", "GET /", "GE T", "CONNECT", "connect"])
def test_a_method_that_cannot_be_sent_is_refused(method: str) -> None:
    with pytest.raises(ExpressionError):
        require_method(method)
