"""Files that are made to hurt: each is refused quickly, with a message."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.support.messages import golden, message_of
from windtunnel.config.reader import Document, read_yaml
from windtunnel.errors import ConfigError

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + before] * 10)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


def error(text: str) -> str:
    return message_of(lambda: read_yaml("f.yaml", text.encode(), environment={}))


@pytest.mark.parametrize("piece", ["[", "- ", "{a: ", "? ", "[\n", "[{", "- ? ", "[[]: ", "!x [", "&a ["])
def test_deep_nesting_is_refused_where_it_begins(piece: str) -> None:
    message = error(piece * 100_000)
    line, column = message.split(":")[1:3]
    assert int(line) <= 51
    assert int(column) <= 50 * len(piece) + 1
    assert len(message) < 50_000


def test_the_depth_that_is_too_much() -> None:
    assert read_yaml("f.yaml", b"[" * 50 + b"]" * 50, environment={}).data
    assert error("- " * 50 + "\n" + "  " * 50 + "- x") == golden(
        """
        f.yaml:2:101: nested more than 50 levels deep
          2 | ..- x
            | ..^^^
        """
    ).replace("..", "  " * 50)


def test_depth_that_only_aliases_reach() -> None:
    text = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 60))
    assert error(text) == golden(
        """
        f.yaml:50:12: nested more than 50 levels deep by aliases
          50 | a49: &a49 [*a48]
             |            ^^^^
        """
    )


def test_an_alias_bomb() -> None:
    assert error(BOMB) == golden(
        """
        f.yaml:5:36: aliases grow this file to more than 100,000 values
          5 | e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]
            |                                    ^^
        """
    )


def test_an_alias_within_what_it_stands_for() -> None:
    assert error("a: &a [1, *a]") == golden(
        """
        f.yaml:1:11: alias "*a" refers to itself
          1 | a: &a [1, *a]
            |           ^^
          help: write the value out
        """
    )


def test_a_merge_key_bomb() -> None:
    assert error("a: &a { x: 1 }\nb: { <<: [*a, *a, *a] }\n") == golden(
        """
        f.yaml:2:10: "<<" must be followed by one mapping
          2 | b: { <<: [*a, *a, *a] }
            |          ^
          help: write `<<: *name`
        """
    )


def test_a_chain_of_merges() -> None:
    text = "- &a0 { k: 1 }\n" + "".join(f"- &a{n} {{ <<: *a{n - 1}, k{n}: 1 }}\n" for n in range(1, 60))
    assert error(text).splitlines()[0] == 'f.yaml:2:3: "<<" chained more than 50 times'


def test_merges_that_multiply() -> None:
    wide = "- &a0 { " + ", ".join(f"k{n}: 1" for n in range(2000)) + " }\n"
    assert "aliases grow this file to more than 100,000 values" in error(wide + "- { <<: *a0 }\n" * 100)


def test_a_file_of_very_many_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("windtunnel.config.nodes.MAX_NODES", 1000)
    assert error("[" + "1," * 100_001 + "]") == "f.yaml:1:2000: the file holds more than 1,000 values"


def test_a_version_with_endless_digits() -> None:
    assert error(f"%YAML 1.{'1' * 5000}\n---\na").startswith(
        "f.yaml:1:9: not valid YAML: a number is out of range"
    )


def test_a_long_line_is_cut_in_the_message() -> None:
    short = error("a: 1\na: " + "x" * 10_000)
    assert short.startswith('f.yaml:2:1: duplicate key "a"')
    assert len(short) < 400
    assert error("[" + " " * 10_000 + "!x y]") == golden(
        """
        f.yaml:1:10002: the tag !x is not supported
          help: put text that begins with "!" into quotes
        """
    )


def read(text: bytes) -> Document | None:
    try:
        return read_yaml("f.yaml", text, environment={"A": "1", "B": "some secret"})
    except ConfigError as error:
        return None if error.problems and str(error) else pytest.fail("an error that says nothing")


@given(st.binary(max_size=200))
@settings(max_examples=100)
def test_no_bytes_give_anything_but_a_document_or_an_error(text: bytes) -> None:
    read(text)


YAML_PIECES = st.sampled_from(
    [
        *"[]{},:-?&*!|>'\"%@`#ab1 \n\t\\",
        *(": ", "- ", "? ", "\n  ", "&a ", "*a", "<<: *a", "!!", "---\n", "...\n", "%YAML 1.2\n", "{{ a }}"),
        *(
            "${A}",
            "${B:-x}",
            "${",
            "$${",
            "\\ud800",
            "\\x41",
            "true",
            "0x1",
            ".nan",
            "\r\n",
            "\u2028",
            "\x85",
            "é",
        ),
    ]
)


@given(st.lists(YAML_PIECES, max_size=40).map("".join))
@settings(max_examples=400)
def test_no_text_that_looks_like_yaml_gives_anything_but_a_document_or_an_error(text: str) -> None:
    document = read(text.encode())
    marks = document.source.marks if document is not None else {}
    assert [path for path, mark in marks.items() if mark.line < 1 or mark.column < 1] == []
    if document is not None:
        for path in marks:
            document.source.locate(path)


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


def written(value: object) -> str:
    """The value as YAML on one line."""
    if isinstance(value, str):
        text = value.replace("\\", "\\\\").replace('"', '\\"')
        return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in text) + '"'
    if isinstance(value, list):
        return f"[{', '.join(map(written, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{written(key)}: {written(item)}' for key, item in value.items())}}}"
    if isinstance(value, float) and math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    if value is None or isinstance(value, bool):
        return str(value).replace("None", "null").lower()
    return repr(value)


@given(VALUES)
@settings(max_examples=150)
def test_what_is_written_is_what_is_read(value: object) -> None:
    assume("${" not in str(value) and "{{" not in str(value))  # a template as a key is refused
    document = read(f"x: {written(value)}".encode())
    assert document is not None
    assert document.data == {"x": value}
