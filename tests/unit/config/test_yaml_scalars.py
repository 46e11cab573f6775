from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windtunnel.config.scalars import is_number, resolve, texts


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None), ("~", None), ("null", None), ("Null", None), ("NULL", None),
        ("true", True), ("True", True), ("TRUE", True), ("false", False), ("False", False), ("FALSE", False),
        ("0", 0), ("12", 12), ("-7", -7), ("+7", 7), ("010", 10), ("0o17", 15), ("0x1F", 31),
        ("1.5", 1.5), (".5", 0.5), ("1.", 1.0), ("-1e3", -1000.0), ("1E-2", 0.01),
        (".inf", math.inf), ("-.INF", -math.inf),
    ],
)  # fmt: skip
def test_the_core_schema_types_a_plain_scalar(text: str, value: object) -> None:
    assert resolve(text) == value
    assert type(resolve(text)) is type(value)


@pytest.mark.parametrize(
    "text",
    ["yes", "no", "on", "off", "y", "n", "tRUE", "1:30", "1_000", "0b1", "-0x1", "0o8", "2026-11-22", "1.2.3",
     "nUll", ".", "-", "+", "1e", "e5", "inf", "nan", "٣"],
)  # fmt: skip
def test_everything_else_is_text(text: str) -> None:
    assert resolve(text) == text


def test_nan_is_a_float() -> None:
    value = resolve(".nan")
    assert isinstance(value, float)
    assert math.isnan(value)


def test_a_number_of_more_than_a_thousand_digits_is_refused() -> None:
    with pytest.raises(ValueError, match="1,001 digits"):
        resolve("1" * 1001)


@given(st.integers())
def test_every_integer_comes_back(number: int) -> None:
    assert resolve(str(number)) == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_comes_back(number: float) -> None:
    assert resolve(repr(number)) == number


@pytest.mark.parametrize(
    ("text", "answer"), [("12", True), ("1.5e3", True), ("0x1f", True), ("12a", False), ("", False)]
)
def test_what_is_a_number(text: str, answer: bool) -> None:
    assert is_number(text) is answer


def test_scalars_become_text_as_they_stand_in_the_file() -> None:
    assert texts({"a": True, "b": 5, "c": 1.0, "d": "x", "e": None}) == {"a": "true", "b": "5", "c": "1", "d": "x"}
