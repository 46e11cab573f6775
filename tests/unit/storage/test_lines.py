"""Lines of a record file are found by the bytes they hold, wherever they lie in the file."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windtunnel.errors import EvidenceError
from windtunnel.storage.lines import LineDecoder, field, lines_with
from windtunnel.storage.reader import AT_A_TIME
from windtunnel.storage.sums import summed

LINES = st.lists(st.binary(max_size=30).map(lambda text: text.replace(b"\n", b"|")), max_size=30)


@settings(max_examples=60, deadline=None)
@given(
    lines=LINES,
    torn=st.binary(max_size=5),
    needles=st.lists(st.binary(min_size=1, max_size=2), min_size=1, max_size=3),
)
def test_every_whole_line_with_a_needle_is_found_once_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], torn: bytes, needles: list[bytes]
) -> None:
    file = tmp_path_factory.mktemp("lines") / "0000.jsonl"
    needles = [needle.replace(b"\n", b"|") for needle in needles]
    torn = torn.replace(b"\n", b"|")
    file.write_bytes(b"".join(line + b"\n" for line in lines) + torn)

    assert list(lines_with(file, *needles)) == [
        line for line in lines if any(needle in line for needle in needles)
    ]


@pytest.mark.parametrize("before", [AT_A_TIME - 40, AT_A_TIME - 8, AT_A_TIME - 1, AT_A_TIME, 3 * AT_A_TIME + 7])
def test_a_line_across_the_pieces_that_are_read_is_found(tmp_path: Path, before: int) -> None:
    file = tmp_path / "0000.jsonl"
    wanted = b'{"instance_id":"shop-1","more":"' + b"x" * AT_A_TIME + b'"}'
    file.write_bytes(b"y" * before + b"\n" + wanted + b"\n" + b"z" * 100 + b"\n")

    assert list(lines_with(file, field("instance_id", "shop-1"))) == [wanted]


def test_an_id_is_not_found_in_a_longer_one_and_not_in_what_a_service_answered(tmp_path: Path) -> None:
    file = tmp_path / "0000.jsonl"
    file.write_bytes(
        b'{"instance_id":"a-11"}\n{"instance_id":"ba-1"}\n{"message":"got \\"instance_id\\":\\"a-1\\""}\n'
        b'{"instance_id":"a-1"}\n'
    )

    assert list(lines_with(file, field("instance_id", "a-1"))) == [b'{"instance_id":"a-1"}']


@pytest.mark.parametrize("text", ["plain", 'with "quotes" and \\', "bell \a", "münchen", "\ud800"])
def test_a_field_is_looked_for_as_it_is_written(text: str) -> None:
    assert field("name", text).startswith(b'"name":"')
    assert field("name", text).endswith(b'"')


def test_a_file_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    (tmp_path / "0000.jsonl").symlink_to("/dev/zero")

    for name in ("0000.jsonl", "none.jsonl"):
        with pytest.raises(EvidenceError, match="can't read"):
            list(lines_with(tmp_path / name, b"x"))


def test_a_line_that_was_changed_after_it_was_written_is_counted() -> None:
    decoder = LineDecoder(("mine",))
    line = summed(b'{"type":"health","seq":1,"run_id":"mine","t":1.0}')[:-1]

    assert decoder.record(line) is not None
    assert decoder.record(line.replace(b'"t":1.0', b'"t":2.0')) is None
    assert decoder.damaged == 1


def test_a_line_that_is_no_record_is_counted_and_one_of_another_run_is_not() -> None:
    decoder = LineDecoder(("mine",))

    assert decoder.record(b'{"type":"health","seq":1,"run_id":"mine","t":1.0}') is not None
    assert decoder.record(b'{"type":"health","seq":1,"run_id":"other","t":1.0}') is None
    assert decoder.damaged == 0
    for line in (b"{", b"\xff", b"[" * 100_000, b'{"type":"step"}', b""):
        assert decoder.record(line) is None
    assert decoder.damaged == 5
