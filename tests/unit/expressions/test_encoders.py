"""Filters and functions that encode values, sign them and read what is encoded."""

from __future__ import annotations

import json
import pickle
from typing import Any
from urllib.parse import quote

import pytest

from windtunnel.errors import ExpressionError
from windtunnel.expressions.template import compile_json, compile_template, compile_text
from windtunnel.expressions.text import Encoded
from windtunnel.model.http import OpaqueText


def value(text: str, **scope: Any) -> Any:
    return compile_template(f"{{{{ {text} }}}}")(scope)


def component(text: str) -> str:
    return text if isinstance(text, Encoded) else quote(text, safe="")


# ── raw ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("/a/{{ x | raw }}", "/a/b%20c/d"),
        ("/a/{{ x }}", "/a/b%2520c%2Fd"),
        ("{{ x if not y else x | raw }}", "b%20c/d"),
        ("{{ (x ~ '/e') | raw }}", "b%20c/d/e"),
        ("{{ x | raw | upper }}", "B%2520C%2FD"),
        ("{{ 'p/q' | raw }}{{ 'p/q' }}", "p/qp%2Fq"),
        ("{{ 5 | raw }}/{{ z | raw }}", "5/1.5"),
    ],
)
def test_what_is_raw_is_not_encoded_again(template: str, text: str) -> None:
    assert compile_text(template, encode=component)({"x": "b%20c/d", "y": True, "z": 1.5}) == text


def test_a_raw_value_stays_raw_in_a_variable_and_is_a_text_everywhere_else() -> None:
    kept = value("x | raw", x="b%20c")

    assert compile_text("/{{ kept }}", encode=component)({"kept": kept}) == "/b%20c"
    assert isinstance(pickle.loads(pickle.dumps(kept)), Encoded)  # on its way to a worker
    assert json.loads(compile_json({"a": "{{ kept }}", "b": ["{{ kept ~ 1 }}"]})({"kept": kept})) == {
        "a": "b%20c",
        "b": ["b%20c1"],
    }


def test_a_raw_header_that_is_no_text_keeps_its_bytes() -> None:
    came = OpaqueText("/caf\u00e9", b"/caf\xe9")

    assert compile_text("{{ to | raw }}", encode=component)({"to": came}) == "/caf%E9"


def test_null_can_not_be_raw() -> None:
    with pytest.raises(ExpressionError, match=r"^order\.note is null$"):
        value("order.note | raw", order={"note": None})
