from __future__ import annotations

import contextlib
import re
import warnings
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.compiling import run_flow
from windtunnel.actions.response.safe_regex import compile_pattern
from windtunnel.errors import ExpressionError
from windtunnel.testing.scripted import Answer

EVIL = [
    (r"(a|aa)+$", "a" * 80 + "b"),
    (r"\s+$", " " * 200_000 + "x"),
    (r"(?:x+x+)+y", "x" * 60),
    (r"^(([a-z])+.)+[A-Z]([a-z])+$", "a" * 60),
    (r".*.*.*.*=.*z", "=" * 20_000),
]


@pytest.mark.parametrize(("pattern", "text"), EVIL)
def test_no_pattern_holds_up_the_generator(pattern: str, text: str) -> None:
    # Without a limit the first of them alone would outlast the test's own timeout.
    for search in (compile_pattern(pattern).is_in, partial(compile_pattern(pattern).find_all, group=0)):
        with contextlib.suppress(ExpressionError):
            search(text)


def test_a_pattern_that_takes_too_long_is_the_scenarios_doing_and_never_a_pass() -> None:
    step = "flow:\n  - type: http\n    name: a\n    path: /\n    expect: { body: %s }"
    answers = [Answer(body=b"a" * 80 + b"b")]
    for matcher in ("{ matches: '(a|aa)+$' }", "{ not: { matches: '(a|aa)+$' } }"):
        outcome = run_flow(step % matcher, answers).outcome
        assert outcome.outcome == "errored"
        assert '"(a|aa)+$" takes more than 50 ms on a text of 81 characters' in (outcome.message or "")


@pytest.mark.parametrize("pattern", ["^p-[0-9]+$", "a|b", "^$", r"\d{2}", "a*?b", "[[a]b]", "(?i)A"])
@given(text=st.text(alphabet="ab1p-AB[]\n é", max_size=12))
@settings(max_examples=30)
def test_what_is_found_is_what_re_finds(pattern: str, text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = re.compile(pattern).search(text) is not None
    assert compile_pattern(pattern).is_in(text) is expected
    assert bool(compile_pattern(pattern).find_all(text, group=0)) is expected


@given(pattern=st.text(max_size=20), text=st.text(max_size=50))
@settings(max_examples=200)
def test_any_text_is_a_pattern_or_a_problem(pattern: str, text: str) -> None:
    try:
        compiled = compile_pattern(pattern)
    except ExpressionError:
        return
    assert compiled.is_in(text) is bool(compiled.find_all(text, group=0))


def test_a_huge_number_of_matches_is_cut_short() -> None:
    assert len(compile_pattern("a").find_all("a" * 50_000, group=0)) == 10_000
    assert compile_pattern("a").find_all("aaaa", group=0, limit=2) == ["a", "a"]
