"""The labels of charsets and what their bytes read as."""

from __future__ import annotations

import codecs

import pytest

from windtunnel.errors import UnreadableBodyError
from windtunnel.model.charset import CHARSETS, LABELS, MAX_MULTIBYTE, codec_of, decode


@pytest.mark.parametrize(
    ("label", "codec"),
    [
        ("UTF-8", "utf-8"),
        ("utf8", "utf-8"),
        ("ISO-8859-1", "cp1252"),
        ("us-ascii", "cp1252"),
        ("Latin1", "cp1252"),
        ("iso-8859-9", "cp1254"),
        ("gb2312", "gb18030"),
        ("GBK", "gb18030"),
        ("shift_jis", "cp932"),
        ("x-sjis", "cp932"),
        ("ks_c_5601-1987", "cp949"),
        ("big5", "big5hkscs"),
        ("utf-16", "utf-16-le"),
        ("unicodeFFFE", "utf-16-be"),
        (" koi8-r\t", "koi8-r"),
    ],
)
def test_a_label_means_what_browsers_take_it_for(label: str, codec: str) -> None:
    assert codec_of(label) == codec


@pytest.mark.parametrize(
    "label",
    ["", "hex", "rot13", "base64", "zip", "idna", "punycode", "unicode_escape", "undefined", "utf-7", "cp037"],
)
def test_what_is_a_codec_of_python_alone_is_no_charset(label: str) -> None:
    assert codec_of(label) is None


def test_every_charset_is_one_of_text_and_reads_every_byte() -> None:
    assert len(LABELS) == len(set(LABELS)) > 220
    for codec in CHARSETS:
        assert codec == "x-user-defined" or codecs.lookup(codec)._is_text_encoding
        for final in (True, False):
            assert isinstance(decode(bytes(range(256)) * 2, codec, final=final), str)


@pytest.mark.parametrize(
    ("label", "data", "text"),
    [
        ("iso-8859-1", b"\x80 \x93quoted\x94 \x81 Zo\xeb", "€ “quoted” \x81 Zoë"),
        ("windows-1253", b"\xd2 \xe2", "\ufffd β"),
        ("iso-8859-9", b"\xfd\xde", "ıŞ"),
        ("gb2312", "你好 鎔 €".encode("gb18030"), "你好 鎔 €"),
        ("shift_jis", b"\x87\x40 \\ ~ \x83\x5c", "① \\ ~ ソ"),
        ("euc-jp", b"\xad\xa1 \xc6\xfc\xcb\xdc", "① 日本"),
        ("euc-jp", "丂 日本".encode("euc_jp"), "丂 日本"),
        ("iso-2022-jp", "日本".encode("iso2022_jp"), "日本"),
        ("euc-kr", "똠방각하".encode("cp949"), "똠방각하"),
        ("big5", "中文".encode("big5"), "中文"),
        ("x-user-defined", b"a\x80\xff", "a\uf780\uf7ff"),
        ("utf-8", b"a\xffb", "a\ufffdb"),
        ("utf-16", b"a\x00\x00\xd8b\x00", "a\ufffdb"),
    ],
)
def test_bytes_read_as_in_a_browser(label: str, data: bytes, text: str) -> None:
    assert decode(data, codec_of(label) or "") == text


def test_a_character_that_is_cut_off_is_left_out_where_more_would_follow() -> None:
    for codec in ("utf-8", "gb18030", "utf-16-le", "cp932", "euc_jp"):
        data = "日本".encode(codec)
        assert decode(data[:-1], codec, final=False) == "日"


def test_what_takes_long_to_decode_has_a_bound() -> None:
    with pytest.raises(UnreadableBodyError, match="a body of 2 MiB in gb18030 is too large to be read"):
        decode(b"a" * (MAX_MULTIBYTE + 1), "gb18030")
    assert len(decode(b"\xff" * MAX_MULTIBYTE, "gb18030")) == MAX_MULTIBYTE


def test_utf_16_of_lone_surrogates_alone_is_not_replaced_one_by_one_to_the_end() -> None:
    text = decode(b"\x00\xd8" * 5_000_000, "utf-16-le")

    assert (len(text), set(text)) == (10_000, {"\ufffd"})
