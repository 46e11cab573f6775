from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.messages import Write, golden, message_of
from windtunnel.config.reader import MAX_BYTES, read_file, read_yaml
from windtunnel.model.source import Mark


def read(text: str | bytes) -> Any:
    return read_yaml("f.yaml", text.encode() if isinstance(text, str) else text, environment={}).data


def error(text: str | bytes) -> str:
    return message_of(lambda: read(text))


def test_every_key_and_value_has_its_place() -> None:
    source = read_yaml("f.yaml", b"a: 1\nflow:\n  - type: http\n    tags: { x: 'y' }\n", environment={}).source
    assert source.file == "f.yaml"
    assert source.lines == ("a: 1", "flow:", "  - type: http", "    tags: { x: 'y' }")
    assert source.marks[()] == Mark(line=1, column=1, width=4)
    assert source.marks["a",] == Mark(line=1, column=4, width=1, key_line=1, key_column=1, key_width=1)
    assert source.marks["flow", 0] == Mark(line=3, column=5, width=10)
    assert source.marks["flow", 0, "tags", "x"] == Mark(
        line=4, column=16, width=3, key_line=4, key_column=13, key_width=1
    )


def test_the_lines_are_those_of_the_file() -> None:
    for text in ("a: 1\n", "a: 1", "a: 1\n\n", "a: 1\r\nb: 2\r\n"):
        lines = read_yaml("f.yaml", text.encode(), environment={}).source.lines
        assert "\n".join(lines).rstrip("\r\n") == text.replace("\r\n", "\n").rstrip("\n")


def test_a_byte_order_mark_is_passed_over() -> None:
    assert read(b"\xef\xbb\xbfa: 1") == {"a": 1}


def test_texts_of_all_kinds() -> None:
    assert read("a: \"x\\ty\"\nb: 'it''s'\nc: |\n  one\n  two\nd: >\n  one\n  two\ne: plain text\n") == {
        "a": "x\ty",
        "b": "it's",
        "c": "one\ntwo\n",
        "d": "one two\n",
        "e": "plain text",
    }


def test_an_escaped_surrogate_pair_is_one_character() -> None:
    assert read('"\\ud83d\\ude00"') == "\U0001f600"


def test_aliases_stand_for_what_they_name() -> None:
    document = read_yaml("f.yaml", b"a: &a { x: 1 }\nb: [*a, *a]\n", environment={})
    assert document.data == {"a": {"x": 1}, "b": [{"x": 1}, {"x": 1}]}
    assert document.source.marks["b", 1] == Mark(line=2, column=9, width=2)
    assert document.source.marks["b", 1, "x"].line == 1


def test_two_aliases_of_one_mapping_can_be_changed_apart() -> None:
    data = read_yaml("f.yaml", b"a: &a { x: 1 }\nb: *a\n", environment={}).data
    data["b"]["x"] = 2
    assert data["a"] == {"x": 1}


def test_a_mapping_can_be_merged_and_its_own_keys_win() -> None:
    assert read("a: &a { x: 1, y: 2 }\nb:\n  x: 3\n  <<: *a\n") == {"a": {"x": 1, "y": 2}, "b": {"x": 3, "y": 2}}


def test_a_merge_can_merge_what_merges() -> None:
    assert read("- &a { x: 1 }\n- &b { <<: *a, y: 2 }\n- { <<: *b, z: 3 }\n")[2] == {"x": 1, "y": 2, "z": 3}


def test_a_quoted_merge_key_is_a_key() -> None:
    assert read('"<<": 1') == {"<<": 1}


def test_an_empty_file() -> None:
    for text in ("", "\n\n", "# only a comment\n", "---\n", "\ufeff"):
        assert error(text) == "f.yaml: the file is empty"


def test_a_binary_file() -> None:
    assert error(b"\x7fELF\x02\x00\x00") == "f.yaml: this is a binary file, not YAML text"


def test_a_file_in_another_encoding() -> None:
    assert error("a: ä".encode("latin-1")) == golden(
        """
        f.yaml: the file is not UTF-8: byte 0xe4 on line 1
          help: save it as UTF-8
        """
    )
    assert error("a: 1".encode("utf-16")) == golden(
        """
        f.yaml: the file is UTF-16, not UTF-8
          help: save it as UTF-8
        """
    )


def test_a_control_character() -> None:
    assert error("a: 1\nb: x\x1b[0m\n") == golden(
        r"""
        f.yaml:2:5: the control character U+001B is not allowed in YAML
          help: inside double quotes it can be written as an escape, such as "\x1b"
        """
    )


def test_a_file_that_is_too_large() -> None:
    assert error(b"#" * (MAX_BYTES + 1)) == "f.yaml: the file is larger than 1 MiB"
    assert read(b"a: 1 #" + b"#" * (MAX_BYTES - 6)) == {"a": 1}


def test_duplicate_keys_and_what_is_no_text_key_are_told_together() -> None:
    assert error("a: 1\nb:\n  timeout: 1s\n  retry: 2\n  timeout: 3s\n5: x\ntrue: y\n") == golden(
        """
        f.yaml:5:3: duplicate key "timeout", first written on line 3
          5 |   timeout: 3s
            |   ^^^^^^^
          help: keep one of them
        f.yaml:6:1: a key must be text, not 5
          6 | 5: x
            | ^
          help: put it into quotes: "5"
        f.yaml:7:1: a key must be text, not true
          7 | true: y
            | ^^^^
          help: put it into quotes: "true"
        """
    )


def test_a_key_that_is_a_list() -> None:
    assert error("[a, b]: 1") == golden(
        """
        f.yaml:1:1: a key must be text
          1 | [a, b]: 1
            | ^
        """
    )


def test_a_template_without_quotes() -> None:
    assert error("json:\n  item_id: {{ product_id }}\n") == golden(
        """
        f.yaml:2:13: a template must be in quotes
          2 |   item_id: {{ product_id }}
            |             ^
          help: write "{{ name }}", quotes included
        """
    )


def test_a_second_document() -> None:
    assert error("a: 1\n---\nb: 1\n") == golden(
        """
        f.yaml:2:1: a second YAML document begins here
          2 | ---
            | ^^^
          help: one file holds one document
        """
    )


def test_tags() -> None:
    assert error("a: !!python/object/apply:os.system ['true']\nb: !env X") == golden(
        """
        f.yaml:1:4: the tag !!python/object/apply:os.system is not supported
          1 | a: !!python/object/apply:os.system ['true']
            |    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: put text that begins with "!" into quotes
        f.yaml:2:4: the tag !env is not supported
          2 | b: !env X
            |    ^^^^^^
          help: put text that begins with "!" into quotes
        """
    )


def test_an_alias_without_anchor() -> None:
    assert error("a: *b") == golden(
        """
        f.yaml:1:4: there is no anchor "&b" before this
          1 | a: *b
            |    ^^
          help: put text that begins with "*" into quotes
        """
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "a: b: c",
            """
            f.yaml:1:5: not valid YAML: mapping values are not allowed here
              1 | a: b: c
                |     ^
              help: put text that holds ": " into quotes, and check the indentation
            """,
        ),
        (
            "a:\n\tb: 1",
            """
            f.yaml:2:1: not valid YAML: found character '\\t' that cannot start any token
              2 | \tb: 1
                | ^
              help: indent with spaces, not with tabs
            """,
        ),
        (
            "Accept: */*",
            """
            f.yaml:1:10: not valid YAML: expected alphabetic or numeric character, but found '/'
              1 | Accept: */*
                |          ^
              help: put text that begins with "*" into quotes
            """,
        ),
        (
            "a: @home",
            """
            f.yaml:1:4: not valid YAML: found character '@' that cannot start any token
              1 | a: @home
                |    ^
              help: put text that begins with this character into quotes
            """,
        ),
        (
            "a: 'x",
            """
            f.yaml:1:6: not valid YAML: found unexpected end of stream
              1 | a: 'x
                |      ^
              help: a quote is opened and never closed
            """,
        ),
        (
            'a: "\\UFFFFFFFF"',
            """
            f.yaml:1:7: not valid YAML: a number is out of range
              1 | a: "\\UFFFFFFFF"
                |       ^
            """,
        ),
    ],
)
def test_what_is_no_yaml_is_told_with_a_way_out(text: str, message: str) -> None:
    assert error(text) == golden(message)


def test_half_a_character() -> None:
    assert error('a: "\\ud83d"') == golden(
        """
        f.yaml:1:4: half of a surrogate pair is not a character
          1 | a: "\\ud83d"
            |    ^^^^^^^^
          help: write the character itself
        """
    )


def test_a_number_of_absurd_length() -> None:
    assert error("a: " + "9" * 1001).startswith("f.yaml:1:4: a number with 1,001 digits is too large\n")


def test_a_missing_file(write: Write) -> None:
    write("sut.yaml", "a: 1")
    assert message_of(lambda: read_file("sut.yml", {})) == golden(
        """
        there is no file "sut.yml"
          help: did you mean "sut.yaml"?
        """
    )
    assert message_of(lambda: read_file("conf/sut.yml", {})) == golden(
        """
        there is no file "conf/sut.yml"
          help: there is no directory "conf" either
        """
    )


def test_a_directory_in_place_of_a_file(write: Write) -> None:
    write("sut/a.yaml", "a: 1")
    assert message_of(lambda: read_file("sut", {})) == '"sut" is a directory, not a file'


def test_a_name_that_no_file_can_have() -> None:
    message = message_of(lambda: read_file("a\0b", {}))
    assert message == '"a\N{REPLACEMENT CHARACTER}b" can\'t be read: no file can have such a name'


def test_a_file_is_named_as_it_was_given(write: Write) -> None:
    write("a/f.yaml", "x: [")
    assert message_of(lambda: read_file("./a/../a/f.yaml", {})).startswith("./a/../a/f.yaml:")
    assert message_of(lambda: read_file(Path("a") / "f.yaml", {})).startswith("a/f.yaml:")
