"""Problems in words: their text can always be shown, whatever is quoted in it."""

from __future__ import annotations

import pytest

from windtunnel.errors import LONGEST_TEXT, Location, Problem, describe, visible

MARK = "\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(
    "character", ["\0", "\x1b", "\x7f", "\x9b", "\r", "\ud800", "\u202e", "\u2066", "\ufeff", "\u2028"]
)
def test_a_character_that_can_not_be_shown_is_one_mark(character: str) -> None:
    assert visible(f"a{character}b") == f"a{MARK}b"


def test_text_of_people_stays() -> None:
    text = "Köln\n\tÅ é 漢 \N{GRINNING FACE} \N{NO-BREAK SPACE}"
    assert visible(text) == text


def test_the_marker_stands_below_the_place_whatever_is_before_it() -> None:
    where = Location(file="f.yaml", line=1, column=6, excerpt="a: \x1b[x]", width=1)
    problem = Problem(message="not \x1b[31mred", where=where, hint="write \u202e", flag="--set")
    assert str(problem) == (
        f"f.yaml:1:6: --set: not {MARK}[31mred\n  1 | a: {MARK}[x]\n    |      ^\n  help: write {MARK}"
    )
    assert problem.text == f"--set: not {MARK}[31mred"


class NoTextError(Exception):
    def __str__(self) -> str:
        raise KeyboardInterrupt


def test_an_exception_of_foreign_code_is_described_whatever_its_text_is() -> None:
    assert describe(KeyError("id")) == "KeyError: 'id'"
    assert describe(ValueError()) == "ValueError"
    assert describe(NoTextError()) == "NoTextError: its text can't be made (KeyboardInterrupt)"
    assert len(describe(ValueError("x" * 10_000_000))) <= LONGEST_TEXT + len("ValueError: ")
