"""Whatever a person writes is read or refused with words: YAML, templates, conditions, JSON paths."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windtunnel.config.reader import read_yaml
from windtunnel.config.recovery import remainder
from windtunnel.config.schemas import StepTypes, complaints, load_schema, problems_of
from windtunnel.errors import ConfigError, ExpressionError
from windtunnel.expressions.conditions import compile_condition
from windtunnel.expressions.jsonpath import compile_jsonpath
from windtunnel.expressions.template import compile_json, compile_template, compile_text

quick_and_long = pytest.mark.parametrize("examples", [200, pytest.param(5_000, marks=pytest.mark.slow)])

SCENARIO = load_schema("scenario")
SCOPE: dict[str, Any] = {"a": {"b": [1, {"c": "x"}], "items": 5}, "x": "text", "n": 0, "steps": {}}
DOCUMENT: Any = {"a": [{"b": 1}, [2, "x"], None, 1.5], "items": {"id": "{{ 7 * 7 }}"}, "": 0}


def made_of(words: str, *, more: tuple[str, ...] = (), most: int) -> st.SearchStrategy[str]:
    """Texts of these words, in any order, with anything between them."""
    return st.lists(st.sampled_from([*words.split(), *more]) | st.text(max_size=3), max_size=most).map("".join)


TEMPLATES = made_of(
    """{{ }} {% %} {# #} a x n .b [0] ['c'] | length join if else endif endfor ( ) range( * ** 999999999 / ~ ' " -
    uuid() choice( response.json steps.a __class__ lipsum endmacro é""",
    more=(" ", "for i in a", "set q =", "macro m()", "\n", "\0"),
    most=12,
)
PATHS = made_of(
    """$ . .. a b items [0] [*] [?( @ @.b > 1 )] [' '] [ ] [-1] [1:2] * ` `len` `sorted` | & where $.. , =~ (""",
    more=(" ",),
    most=8,
)
YAML = made_of(
    """} json: *a !!x - [ ] { , ' " ${X} ${ # &a {{""",
    more=(
        *("id: a\n", "flow:\n", "- type: http\n", "  name: b\n", "  path: /\n", "  expect: {", "<<: ", "? ", ": "),
        *("|\n", ">\n", "\t", "\n", "  ", "---\n", "...\n", "%YAML 1.2\n", "\\u0000", "\x85", "\u2028"),
    ),
    most=25,
)
BYTES = (YAML | st.text(max_size=200)).map(lambda text: text.encode("utf-8", "surrogatepass"))


@quick_and_long
def test_any_text_is_yaml_or_a_problem(examples: int) -> None:
    @settings(max_examples=examples)
    @given(
        (YAML | st.text(max_size=200)).map(lambda text: text.encode("utf-8", "surrogatepass"))
        | st.binary(max_size=200)
    )
    def holds(raw: bytes) -> None:
        try:
            document = read_yaml("f.yaml", raw, environment={"X": "y"})
        except ConfigError:
            return
        found = list(complaints(document, SCENARIO))
        problems_of(document, found)
        remainder(document, found, StepTypes(SCENARIO), SCENARIO["properties"])

    holds()


@quick_and_long
def test_any_text_is_a_template_or_a_problem(examples: int) -> None:
    @settings(max_examples=examples)
    @given(TEMPLATES | st.text(max_size=60))
    def holds(text: str) -> None:
        for compile_ in (compile_template, compile_text, compile_json, compile_condition):
            with contextlib.suppress(ExpressionError):
                compile_(text)(SCOPE)

    holds()


@quick_and_long
def test_any_text_is_a_json_path_or_a_problem(examples: int) -> None:
    @settings(max_examples=examples)
    @given(PATHS | st.text(max_size=40))
    def holds(text: str) -> None:
        with contextlib.suppress(ExpressionError):
            assert isinstance(compile_jsonpath(text).find(DOCUMENT), list)

    holds()
