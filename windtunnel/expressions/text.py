"""Values as text: the one function that writes them, wherever a template, a header, a query or a form does.

| value               | text                                                                                      |
|---------------------|-------------------------------------------------------------------------------------------|
| a text              | itself                                                                                    |
| true, false         | `true`, `false`                                                                           |
| a number            | the shortest digits that read back the same, without an exponent; 3.0 is `3`              |
| an object or a list | JSON without blanks, its numbers as above                                                 |
| null                | none: an error here; what stands alone for a header, a parameter or a field leaves it out |
| a date and the like | as in JSON, without the quotes                                                            |
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import Enum
from json.encoder import encode_basestring, encode_basestring_ascii
from string import printable
from typing import Any
from urllib.parse import quote

import msgspec
from jinja2 import nodes
from jinja2.runtime import Undefined

from windtunnel.errors import ExpressionError
from windtunnel.expressions.limits import charge_text, require_number, require_text, text_length
from windtunnel.figures import literal
from windtunnel.model.http import Exchange, OpaqueText, wire_text, without_bytes
from windtunnel.model.origin import IN_A_URL, percent_encoded

_UNKNOWN = "a value"


class Encoded(str):
    """A text that is percent-encoded already (`{{ x | raw }}`): what encodes texts for a URL leaves it as it is.

    It is a mark of this value alone: what is made of it, such as its upper case or a part, is a plain text.
    """

    __slots__ = ()


class Digest(str):
    """A digest: a text of hex digits that knows its bytes, which base64 and the key of the next HMAC take."""

    __slots__ = ("_bytes",)
    _bytes: bytes

    def __new__(cls, digest: bytes) -> Digest:
        """`digest` as hex."""
        self = super().__new__(cls, digest.hex())
        self._bytes = digest
        return self

    def __reduce__(self) -> tuple[type[Digest], tuple[bytes]]:
        """Pickle the bytes."""
        return Digest, (self._bytes,)


def bytes_of(value: Any) -> bytes:
    """A value as bytes: those of bytes and digests, those that came in a header, else UTF-8 of the text.

    Takes the steps of reading them. Raises ExpressionError for what has no text.
    """
    if isinstance(value, Digest):
        return value._bytes
    if isinstance(value, bytes | bytearray | memoryview):
        charge_text(len(value))
        return bytes(value)
    text = wire_text(text_of(value))
    charge_text(len(text))
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")  # as bodies are sent


def text_of(value: Any) -> str:
    """A value as text. Raises ExpressionError for null, for what JSON can't hold, and for a text too long."""
    kind = value.__class__
    if kind is str:
        return value  # type: ignore[no-any-return]
    if kind is bool:
        return "true" if value else "false"
    if kind is int:
        if value.bit_length() > 64:
            require_number(value)
        return str(value)
    if kind is float:
        return _number(value)
    if value is None:
        raise null_in_text(_UNKNOWN)
    if isinstance(value, Enum):
        return text_of(value.value)
    if isinstance(value, str):
        return value
    if isinstance(value, Undefined):
        return str(value)  # which raises, but for an `if` without `else`
    if isinstance(value, Decimal):
        return _number(value)
    require_text(text_length(value) // 2)  # a guess, for what is no text
    text = json_of(value)
    return msgspec.json.decode(text, type=str) if text.startswith('"') else text


def encoded(value: Any) -> Encoded:
    """The filter `raw`: a value as a text that is encoded already. Bytes of a header become `%XX`."""
    text = text_of(value)
    return Encoded(percent_encoded(wire_text(text), safe=printable) if isinstance(text, OpaqueText) else text)


def encode_component(text: str) -> str:
    """Percent-encode everything but letters, digits and `-._~`; of `Encoded` only what no URL can hold."""
    if text.isalnum() and text.isascii():
        return text
    if isinstance(text, Encoded):
        return percent_encoded(text, safe=IN_A_URL)
    return quote(text, safe="", errors="replace")


def json_of(value: Any) -> str:
    """A value as JSON without blanks, keys in order. Raises ExpressionError for what JSON can't hold."""
    try:
        return "".join(_pieces(value))
    except RecursionError as error:
        raise ExpressionError("the value is nested too deep to be written as text") from error


def null_in_text(name: str) -> ExpressionError:
    """The error for null where a text is made: `order.note is null`."""
    return ExpressionError(f"{name} is null", hint='add | default("") for no text, or | tojson for the word null')


def spelled(node: nodes.Node) -> str:
    """An expression as it is written, where it is a name, a way down from it, and filters; else "a value"."""
    if isinstance(node, nodes.Filter) and node.node is not None:
        name = spelled(node.node)
        return name if node.name.startswith("_") or name == _UNKNOWN else f"{name} | {node.name}"
    way = ""
    while isinstance(node, nodes.Getattr | nodes.Getitem):
        if isinstance(node, nodes.Getattr):
            way = f".{node.attr}{way}"
        elif isinstance(node.arg, nodes.Const):
            way = f"[{node.arg.value!r}]{way}"
        else:
            return _UNKNOWN
        node = node.node
    return f"{node.name}{way}" if isinstance(node, nodes.Name) else _UNKNOWN


def kind_of(value: Any) -> str:
    """The kind of a value, in words: a mapping, a text, a number."""
    if value is None:
        return "null"
    if isinstance(value, Exchange):
        return "the response"
    for kind, name in ((Mapping, "a mapping"), (str, "a text"), (list | tuple, "a list"), (bool, "a boolean")):
        if isinstance(value, kind):
            return name
    return "a number" if isinstance(value, int | float) else f"a {type(value).__name__}"


_UNEQUAL = re.compile(r"'([<>]=?)' not supported between instances of '(\w+)' and '(\w+)'")
_KINDS = {"str": "a text", "int": "a number", "float": "a number", "NoneType": "null", "list": "a list"}


def reason_of(error: Exception) -> str:
    """What Python says of an error, in our words where `<` or `>` compares a text with a number."""
    found = _UNEQUAL.fullmatch(str(error)) if isinstance(error, TypeError) else None
    if found is None:
        return str(error) or type(error).__name__
    left, right = (_KINDS.get(kind, "a mapping" if kind == "dict" else kind) for kind in found.groups()[1:])
    cure = "; make the text a number: … | float" if {left, right} == {"a text", "a number"} else ""
    return f"{left} can't be compared with {right} by {found[1]}{cure}"


def _number(value: float | Decimal) -> str:
    digits = repr(value) if isinstance(value, float) else ""
    if not digits or "e" in digits or "n" in digits:
        if not math.isfinite(value):
            raise ExpressionError(f"{value} is no number that JSON can hold")
        digits = literal(value)
    return digits.removesuffix(".0")


def _quoted(text: str) -> str:
    try:
        text.isascii() or text.encode()
    except UnicodeEncodeError:  # half of a pair of surrogates: only its escape can be sent
        return encode_basestring_ascii(text)
    return encode_basestring(text)


def _pieces(value: Any) -> Iterable[str]:
    """The parts of the JSON of a value."""
    if value is None:
        return ("null",)
    if isinstance(value, Enum):
        return _pieces(value.value)
    if isinstance(value, str):
        return (_quoted(value),)
    if isinstance(value, int):
        return (text_of(value if isinstance(value, bool) else int(value)),)
    if isinstance(value, float):
        return (_number(float(value)),)
    if isinstance(value, Mapping):
        members = [f"{_quoted(_key(key))}:{''.join(_pieces(item))}" for key, item in value.items()]
        return ("{", ",".join(members), "}")
    if isinstance(value, list | tuple | set | frozenset):
        return ("[", ",".join(["".join(_pieces(item)) for item in value]), "]")
    return _pieces(_plain(value))


def _key(key: Any) -> str:
    return "null" if key is None else text_of(key)


def _plain(value: Any) -> Any:
    """A value of another kind, such as a date or a dataclass, as JSON has it. Raises ExpressionError for none."""
    if isinstance(value, Undefined):
        return str(value)
    if isinstance(value, Exchange):
        raise ExpressionError(
            "a response cannot be used as text", hint="name a part: response.text, response.status"
        )
    if isinstance(value, bytes | bytearray | memoryview):
        raise ExpressionError("bytes can't be written as text", hint="add | base64 or | hex, or .decode()")
    if callable(value):
        raise ExpressionError(f"{getattr(value, '__name__', 'this')} is a function", hint="call it with ( )")
    try:
        return msgspec.to_builtins(value, enc_hook=without_bytes)
    except (TypeError, ValueError, OverflowError, msgspec.MsgspecError) as error:
        hint = "add | list" if hasattr(value, "__iter__") else None
        raise ExpressionError(f"a value of the kind {type(value).__name__} has no text", hint=hint) from error
