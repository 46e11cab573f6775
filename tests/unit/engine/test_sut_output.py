"""The output of a SUT that the run starts: what of it is kept, and what is hidden in it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windtunnel.engine.sut.output import LAST_LINES, LONGEST_LINE, SutOutput
from windtunnel.redaction import Redactor

SECRET = "correct-horse-battery"


def kept(path: Path, *parts: bytes, head: int = 1000, tail: int = 100) -> str:
    output = SutOutput(path, Redactor(secrets=[SECRET]), head=head, tail=tail)
    for part in parts:
        output.feed(part)
    output.close()
    return path.read_text()


def test_lines_are_written_as_they_come(tmp_path: Path) -> None:
    with closing(SutOutput(tmp_path / "sut.log", Redactor())) as output:
        output.feed(b"one\ntw")

        assert (tmp_path / "sut.log").read_text() == "one\n"


def test_a_last_line_without_an_end_is_kept(tmp_path: Path) -> None:
    assert kept(tmp_path / "sut.log", b"one\n", b"two") == "one\ntwo\n"


@given(cuts=st.lists(st.integers(0, 60), max_size=4))
def test_a_secret_is_hidden_wherever_the_output_is_cut(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int]
) -> None:
    text = f"the password is {SECRET}, twice: {SECRET}\r\nand: {SECRET}".encode()
    at = [0, *sorted(cuts), len(text)]
    parts = [text[begin:end] for begin, end in pairwise(at)]

    found = kept(tmp_path_factory.mktemp("run") / "sut.log", *parts)

    assert found == "the password is [redacted], twice: [redacted]\nand: [redacted]\n"


def test_values_under_secret_names_are_hidden(tmp_path: Path) -> None:
    assert kept(tmp_path / "sut.log", b'{"token": "abc", "user": "ada"}\n') == (
        '{"token": "[redacted]", "user": "ada"}\n'
    )


@pytest.mark.parametrize("ends", [True, False])
def test_a_line_that_is_too_long_is_cut_behind_its_secrets(tmp_path: Path, ends: bool) -> None:
    line = b"x" * (LONGEST_LINE - 5) + SECRET.encode() + b"y" * 10 * LONGEST_LINE + (b"\n" if ends else b"")

    found = kept(tmp_path / "sut.log", line, head=10 * LONGEST_LINE)

    assert len(found) == LONGEST_LINE + 2
    assert found.endswith("x[reda…\n")


def test_the_beginning_and_the_end_of_a_long_output_are_kept(tmp_path: Path) -> None:
    lines = [f"line {number:03}\n".encode() for number in range(1000)]

    found = kept(tmp_path / "sut.log", *lines, head=90, tail=45).splitlines()

    assert found == [
        *(f"line {number:03}" for number in range(10)),
        "… 8.66 KiB left out …",
        *(f"line {number:03}" for number in range(995, 1000)),
    ]


def test_what_is_left_out_is_not_searched_for_secrets(tmp_path: Path) -> None:
    class Counting(Redactor):
        def excerpt(self, text: str, also: Sequence[str] = ()) -> str:
            searched.append(text)
            return super().excerpt(text, also)

    searched: list[str] = []
    with closing(SutOutput(tmp_path / "sut.log", Counting(secrets=[SECRET]), head=90, tail=45)) as output:
        output.feed(b"".join(f"line {number:04}\n".encode() for number in range(5000)))
        output.feed(f"the end: {SECRET}\n".encode())

    assert len(searched) < 20
    assert (tmp_path / "sut.log").read_text().endswith("\nline 4999\nthe end: [redacted]\n")


def test_the_last_lines_are_those_that_say_something(tmp_path: Path) -> None:
    with closing(SutOutput(tmp_path / "sut.log", Redactor(secrets=[SECRET]))) as output:
        output.feed(b"".join(f"line {number}\n".encode() for number in range(50)) + SECRET.encode() + b"\n\n  \n")

    assert output.last[-2:] == ("line 49", "[redacted]")
    assert len(output.last) == LAST_LINES


def test_bytes_that_are_no_text_are_kept_as_far_as_they_can_be(tmp_path: Path) -> None:
    assert kept(tmp_path / "sut.log", b"caf\xe9 \xff\x00\n") == "caf\ufffd \ufffd\x00\n"
