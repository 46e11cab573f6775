"""Text from elsewhere can't do anything but be read."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from windtunnel.report.text import for_log, printable, prose


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("plain", "plain"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]8;;http://evil\x07link\x1b]8;;\x07", "link"),
        ("\x1b]0;title\x1b\\after", "after"),
        ("a\x00b\x07c\x7f", "abc"),
        ("one\ntwo\r\nthree\u2028four\u2029five\x85six", "one two three four five six"),
        ("price \u202egnp.exe", "price gnp.exe"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("lone \ud800 half", "lone  half"),
        ("grüße 東京 ✓", "grüße 東京 ✓"),
    ],
)
def test_escapes_controls_and_invisible_marks_disappear(given_text: str, shown: str) -> None:
    assert printable(given_text) == shown


def test_lines_and_tabs_stay_where_they_are_wanted() -> None:
    assert printable("a\r\n\tb\u2028c", lines=True) == "a\n\tb\nc"


def test_a_long_text_is_cut_with_an_ellipsis() -> None:
    assert printable("x" * 10_000_000, limit=10) == "xxxxxxxxx…"
    assert len(printable("\x1b[31m" * 3 + "é" * 100, limit=10)) == 10


@given(st.text())
@example("\x1b\x1b[[31m31mx")
@example("\x1b[\x1b[0m31m")
def test_nothing_that_acts_is_left(text: str) -> None:
    shown = printable(text)
    assert all(unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Zl", "Zp"} for c in shown)
    shown.encode()  # UTF-8 can hold it


@pytest.mark.parametrize(
    "command",
    [
        "::set-output name=a::b",
        "   ::error::x",
        "\x1b[31m::add-mask::x",
        "ok\n::stop-commands::t",
        "before ##[error]x",
        "##vso[task.complete]",
        "##[group]",
    ],
)
def test_no_workflow_command_survives(command: str) -> None:
    harmless = for_log(command)
    assert "##[" not in harmless
    assert "##vso[" not in harmless
    assert not any(printable(line).strip().startswith("::") for line in harmless.split("\n"))


@given(st.text(alphabet=":# [v\n\t", max_size=12))
def test_neutralising_never_makes_a_new_command(text: str) -> None:
    harmless = for_log(text)
    assert "##[" not in harmless
    assert not any(line.strip().startswith("::") for line in harmless.split("\n"))


def test_what_is_no_command_stays_as_it_is() -> None:
    assert for_log("std::string at [::1]:8080 # [x]") == "std::string at [::1]:8080 # [x]"


LINKING = ["@everyone", "#1", "http://evil.invalid", "www.evil.invalid", ":tada:", "you@shop.example", "a/b#7"]


@pytest.mark.parametrize("word", LINKING)
@pytest.mark.parametrize("around", ["{}", "see {} now", "({})", "`{}", "{}`", "[x]({})", "**{}**", "a`{} b`"])
def test_a_word_that_would_link_or_mention_is_code_and_stays_as_it_is_written(word: str, around: str) -> None:
    text = around.format(word)
    read = MarkdownIt("gfm-like", {"linkify": False}).parseInline(prose(text))[0].children or []
    assert "".join(token.content for token in read) == text
    assert not any(word in token.content for token in read if token.type != "code_inline")
    assert {token.type for token in read} <= {"text", "text_special", "code_inline"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("write `rate: 5/s` there", "write `rate: 5/s` there"),
        ("at 09:15:12 (`-w /work`).", "at 09:15:12 (`-w /work`)."),
        ("1. `uses: a/b@v1`", "1\\. `uses: a/b@v1`"),
        ("snake_case and _emphasis_", "snake_case and \\_emphasis\\_"),
        ("http://a: refused; see #7).", "`http://a`: refused; see `#7`)."),
        (":tada:", "`:tada:`"),
        ("a ` b", "a \\` b"),
    ],
)
def test_what_is_in_backticks_is_code(text: str, shown: str) -> None:
    assert prose(text) == shown


@given(st.text(alphabet="`\\ @:/#a_*<|", max_size=24))
@example("`a`")
@example("\\`@a`")
def test_prose_reads_as_it_was_written_whatever_marks_are_in_it(text: str) -> None:
    read = MarkdownIt("commonmark", {"html": False}).parseInline(prose(text))[0].children or []
    assert {token.type for token in read} <= {"text", "text_special", "code_inline"}
    assert not any("@a" in token.content for token in read if token.type != "code_inline")
