"""The charsets of web pages by their labels, as browsers read them (WHATWG Encoding), and bytes of them as text.

Only these labels are looked up: a response never reaches a codec of Python that is none of text.
"""

from __future__ import annotations

import codecs
import functools

from windtunnel.errors import UnreadableBodyError
from windtunnel.figures import size

MAX_MULTIBYTE = 2 * 1024 * 1024
"""Bytes of a body in an East Asian charset at most: decoding them takes ten times as long as UTF-8."""

_MAX_REPLACED = 10_000
"""Places in UTF-16 and UTF-32 that are replaced one by one; behind them the rest is replaced at once."""

_MULTIBYTE = frozenset({"gb18030", "big5hkscs", "euc_jp", "iso2022_jp_ext", "cp932", "cp949"})
_WIDE = frozenset({"utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"})
_WIDER = {"euc_jp": "euc_jis_2004"}
"""What has the characters that browsers know beside those of a charset."""

_USER_DEFINED = "x-user-defined"

_LABELS = {
    "utf-8": "unicode-1-1-utf-8 unicode11utf8 unicode20utf8 utf-8 utf8 x-unicode20utf8",
    "cp866": "866 cp866 csibm866 ibm866",
    "iso8859-2": "csisolatin2 iso-8859-2 iso-ir-101 iso8859-2 iso88592 iso_8859-2 iso_8859-2:1987 l2 latin2",
    "iso8859-3": "csisolatin3 iso-8859-3 iso-ir-109 iso8859-3 iso88593 iso_8859-3 iso_8859-3:1988 l3 latin3",
    "iso8859-4": "csisolatin4 iso-8859-4 iso-ir-110 iso8859-4 iso88594 iso_8859-4 iso_8859-4:1988 l4 latin4",
    "iso8859-5": "csisolatincyrillic cyrillic iso-8859-5 iso-ir-144 iso8859-5 iso88595 iso_8859-5 iso_8859-5:1988",
    "iso8859-6": "arabic asmo-708 csiso88596e csiso88596i csisolatinarabic ecma-114 iso-8859-6 iso-8859-6-e "
    "iso-8859-6-i iso-ir-127 iso8859-6 iso88596 iso_8859-6 iso_8859-6:1987",
    "iso8859-7": "csisolatingreek ecma-118 elot_928 greek greek8 iso-8859-7 iso-ir-126 iso8859-7 iso88597 "
    "iso_8859-7 iso_8859-7:1987 sun_eu_greek",
    "iso8859-8": "csiso88598e csiso88598i csisolatinhebrew hebrew iso-8859-8 iso-8859-8-e iso-8859-8-i iso-ir-138 "
    "iso8859-8 iso88598 iso_8859-8 iso_8859-8:1988 logical visual",
    "iso8859-10": "csisolatin6 iso-8859-10 iso-ir-157 iso8859-10 iso885910 l6 latin6",
    "iso8859-13": "iso-8859-13 iso8859-13 iso885913",
    "iso8859-14": "iso-8859-14 iso8859-14 iso885914",
    "iso8859-15": "csisolatin9 iso-8859-15 iso8859-15 iso885915 iso_8859-15 l9",
    "iso8859-16": "iso-8859-16",
    "koi8-r": "cskoi8r koi koi8 koi8-r koi8_r",
    "koi8-u": "koi8-ru koi8-u",
    "mac-roman": "csmacintosh mac macintosh x-mac-roman",
    "cp874": "dos-874 iso-8859-11 iso8859-11 iso885911 tis-620 windows-874",
    "cp1250": "cp1250 windows-1250 x-cp1250",
    "cp1251": "cp1251 windows-1251 x-cp1251",
    "cp1252": "ansi_x3.4-1968 ascii cp1252 cp819 csisolatin1 ibm819 iso-8859-1 iso-ir-100 iso8859-1 iso88591 "
    "iso_8859-1 iso_8859-1:1987 l1 latin1 us-ascii windows-1252 x-cp1252",
    "cp1253": "cp1253 windows-1253 x-cp1253",
    "cp1254": "cp1254 csisolatin5 iso-8859-9 iso-ir-148 iso8859-9 iso88599 iso_8859-9 iso_8859-9:1989 l5 latin5 "
    "windows-1254 x-cp1254",
    "cp1255": "cp1255 windows-1255 x-cp1255",
    "cp1256": "cp1256 windows-1256 x-cp1256",
    "cp1257": "cp1257 windows-1257 x-cp1257",
    "cp1258": "cp1258 windows-1258 x-cp1258",
    "mac-cyrillic": "x-mac-cyrillic x-mac-ukrainian",
    "gb18030": "chinese csgb2312 csiso58gb231280 gb2312 gb_2312 gb_2312-80 gbk iso-ir-58 x-gbk gb18030",
    "big5hkscs": "big5 big5-hkscs cn-big5 csbig5 x-x-big5",
    "euc_jp": "cseucpkdfmtjapanese euc-jp x-euc-jp",
    "iso2022_jp_ext": "csiso2022jp iso-2022-jp",
    "cp932": "csshiftjis ms932 ms_kanji shift-jis shift_jis sjis windows-31j x-sjis",
    "cp949": "cseuckr csksc56011987 euc-kr iso-ir-149 korean ks_c_5601-1987 ks_c_5601-1989 ksc5601 ksc_5601 "
    "windows-949",
    "utf-16-be": "unicodefffe utf-16be",
    "utf-16-le": "csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff utf-16 utf-16le",
    # Browsers have dropped it; JSON was allowed to be in it.
    "utf-32-be": "utf-32be",
    "utf-32-le": "utf-32 utf-32le",
    _USER_DEFINED: _USER_DEFINED,
}
"""The labels of each charset, by the codec of Python that reads it."""

_CODECS = {label: codec for codec, labels in _LABELS.items() for label in labels.split()}
CHARSETS = tuple(_LABELS)
LABELS = tuple(_CODECS)


def codec_of(label: str) -> str | None:
    """The codec for a label in any case; None for an unknown one."""
    return _CODECS.get(label.strip().lower())


def decode(data: bytes, codec: str, *, strict: bool = False, final: bool = True) -> str:
    """Bytes as text. What can't be decoded is replaced, or raises UnicodeDecodeError if `strict`.

    Not `final`: a character that is cut off at the end is left out. Raises UnreadableBodyError for more than
    `MAX_MULTIBYTE` in a charset that takes long.
    """
    if codec not in _MULTIBYTE and codec not in _WIDE and codec != "utf-8":
        return codecs.charmap_decode(data, "strict", _table(codec))[0]
    if codec in _MULTIBYTE and len(data) > MAX_MULTIBYTE:
        raise UnreadableBodyError(
            f"a body of {size(len(data))} in {codec} is too large to be read: {size(MAX_MULTIBYTE)} at most"
        )
    errors = "strict" if strict else _BOUNDED if codec in _WIDE else "replace"
    if codec in _WIDER:
        try:
            return _decoded(data, codec, "strict", final=final)
        except UnicodeDecodeError:
            codec = _WIDER[codec]
    return _decoded(data, codec, errors, final=final)


def _decoded(data: bytes, codec: str, errors: str, *, final: bool) -> str:
    return data.decode(codec, errors) if final else codecs.getincrementaldecoder(codec)(errors).decode(data)


@functools.cache
def _table(codec: str) -> str:
    """The character of each byte. Where a charset has none, browsers take C1 controls, else U+FFFD."""
    if codec == _USER_DEFINED:
        return "".join(map(chr, (*range(0x80), *range(0xF780, 0xF800))))
    table = []
    for byte in range(256):
        try:
            table.append(bytes([byte]).decode(codec))
        except UnicodeDecodeError:
            table.append(chr(byte) if byte < 0xA0 else "\ufffd")
    return "".join(table)


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    # One object serves all errors of a call.
    replaced = error.__dict__["replaced"] = error.__dict__.get("replaced", 0) + 1
    return "\ufffd", error.end if replaced < _MAX_REPLACED else len(error.object)


_BOUNDED = "windtunnel.replace"
codecs.register_error(_BOUNDED, _replace)
