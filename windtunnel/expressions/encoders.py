"""Filters and functions that encode, decode, hash and sign. Imported when a template first uses one.

A text stands for its UTF-8 bytes, a number or an object for its text (`text.py`). A digest reads as hex, and gives
its bytes to every filter and function here: `x | sha256 | base64`, and the key of the next `hmac`. Decoded bytes
are a text where they are UTF-8; else they stay bytes.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from hmac import digest as hmac_digest
from typing import Any
from urllib.parse import unquote

from windtunnel.errors import ExpressionError, NotJsonError, did_you_mean
from windtunnel.expressions.limits import charge, require_number, require_text
from windtunnel.expressions.text import Digest, bytes_of, json_of, kind_of
from windtunnel.figures import given, plural
from windtunnel.model.body_json import read as read_json

_DIGESTS = ("md5", "sha1", "sha256", "sha384", "sha512")
_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}")
_JWT_PARTS = 3
_SIGNATURES = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}

# ── bytes as text, and back ──────────────────────────────────────────────────────────────────────────────────


def base64(value: Any) -> str:
    """Base64 with padding (RFC 4648, 4)."""
    data = bytes_of(value)
    require_text(len(data) * 4 // 3)
    return b64encode(data).decode()


def base64url(value: Any) -> str:
    """Base64 of the URL alphabet without padding (RFC 7515, appendix C)."""
    return base64(value).rstrip("=").replace("+", "-").replace("/", "_")


def unbase64(value: Any) -> str | bytes:
    """What base64 of either alphabet says, with or without padding; line ends and blanks are skipped."""
    text = "".join(_encoded_text(value, "unbase64").split()).replace("-", "+").replace("_", "/")
    digits = text.rstrip("=")
    if not _BASE64.fullmatch(text) or len(digits) % 4 == 1:
        raise ExpressionError("the value is not base64", hint="base64 has letters, digits, + and /, or - and _")
    return _decoded(b64decode(digits + "=" * (-len(digits) % 4)))


def to_bytes(value: Any) -> bytes:
    """The bytes of a text or a digest."""
    data = bytes_of(value)
    require_text(len(data))
    return data


def to_hex(value: Any) -> str:
    """Hex of the bytes of a text; of a whole number its digits."""
    if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
        what = "a boolean" if isinstance(value, bool) else "a number with decimals"
        raise ExpressionError(f"hex takes a text, bytes or a whole number, not {what}")
    if isinstance(value, int | float):
        require_number(value)
        return hex(int(value)).replace("0x", "", 1)
    data = bytes_of(value)
    require_text(len(data) * 2)
    return data.hex()


def unhex(value: Any) -> str | bytes:
    """What hex says, in upper or lower case."""
    try:
        return _decoded(bytes.fromhex(_encoded_text(value, "unhex")))
    except ValueError:
        raise ExpressionError("the value is not hex", hint="it has pairs of 0-9 and a-f") from None


def urldecode(value: Any) -> str:
    """The text without percent-encoding; a plus stays."""
    return unquote(_encoded_text(value, "urldecode"))


def _encoded_text(value: Any, name: str) -> str:
    if isinstance(value, bytes):
        value = value.decode("ascii", "replace")
    if not isinstance(value, str):
        raise ExpressionError(f"{name} takes a text, not {kind_of(value)}")
    require_text(len(value))
    charge(len(value) // 64)
    return value


def _decoded(data: bytes) -> str | bytes:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


# ── digests ──────────────────────────────────────────────────────────────────────────────────────────────────


def md5(value: Any) -> Digest:
    """The MD5 digest."""
    return _digest("md5", value)


def sha1(value: Any) -> Digest:
    """The SHA-1 digest."""
    return _digest("sha1", value)


def sha256(value: Any) -> Digest:
    """The SHA-256 digest."""
    return _digest("sha256", value)


def sha384(value: Any) -> Digest:
    """The SHA-384 digest."""
    return _digest("sha384", value)


def sha512(value: Any) -> Digest:
    """The SHA-512 digest."""
    return _digest("sha512", value)


def hmac(key: Any, text: Any, digest: str = "sha256") -> Digest:
    """The HMAC (RFC 2104) of a text or bytes under a key."""
    for name, value in (("key", key), ("text", text)):
        if value is None:
            raise ExpressionError(f"the {name} of hmac is null")
    secret, data = bytes_of(key), bytes_of(text)
    charge((len(secret) + len(data)) // 256)
    return Digest(hmac_digest(secret, data, _digest_name(digest)))


def _digest(name: str, value: Any) -> Digest:
    data = bytes_of(value)
    charge(len(data) // 256)
    return Digest(hashlib.new(name, data, usedforsecurity=False).digest())


def _digest_name(written: Any) -> str:
    name = written.lower().replace("-", "").replace("_", "") if isinstance(written, str) else ""
    if name not in _DIGESTS:
        hint = did_you_mean(name, _DIGESTS) or f"one of {', '.join(_DIGESTS)}"
        raise ExpressionError(f"{given(written)} is not a digest of hmac", hint=hint)
    return name


# ── JSON and tokens ──────────────────────────────────────────────────────────────────────────────────────────


def fromjson(value: Any) -> Any:
    """The value of a JSON text."""
    if not isinstance(value, str | bytes):
        raise ExpressionError(
            f"fromjson takes a text with JSON in it, not {kind_of(value)}", hint="use the value as it is"
        )
    data = bytes_of(value)
    require_text(len(data))
    charge(len(data) // 32)
    found, _ = read_json(data, ())
    if isinstance(found, NotJsonError):
        raise ExpressionError(f"the text is {found}")
    return found


def jwt(token: Any) -> dict[str, Any]:
    """Header and payload of a JSON Web Token (RFC 7519); the signature is not checked."""
    text = _encoded_text(token, "jwt").strip()
    parts = text.split(".")
    if " " in text:
        raise ExpressionError("the value is not a JWT: it has a blank", hint='write x.split(" ")[-1] | jwt')
    if len(parts) == 5:
        raise ExpressionError("the token is encrypted (JWE, five parts): its payload can't be read")
    if len(parts) != _JWT_PARTS:
        raise ExpressionError(
            f"the value is not a JWT: it has {plural(len(parts), 'part')} between dots, not {_JWT_PARTS}"
        )
    return {
        "header": _jwt_part("header", parts[0]),
        "payload": _jwt_part("payload", parts[1]),
        "signature": parts[2],
    }


def _jwt_part(name: str, part: str) -> Any:
    try:
        found = fromjson(unbase64(part))
    except ExpressionError as error:
        raise ExpressionError(f"the value is not a JWT: its {name} is not JSON in base64url") from error
    if not isinstance(found, dict):
        raise ExpressionError(f"the value is not a JWT: its {name} is {kind_of(found)}, not an object")
    return found


def jwt_sign(payload: Any, key: Any, algorithm: str = "HS256", header: Any = None) -> str:
    """A JSON Web Token, signed by HMAC (RFC 7515); `header` adds to `alg` and `typ`."""
    if not isinstance(algorithm, str) or algorithm not in _SIGNATURES:
        hint = f"one of {', '.join(_SIGNATURES)}"
        raise ExpressionError(f"{given(algorithm)} is not an algorithm of jwt_sign", hint=hint)
    header = {} if header is None else header
    for name, value in (("payload", payload), ("header", header)):
        if not isinstance(value, Mapping):
            raise ExpressionError(f"the {name} of jwt_sign is {kind_of(value)}, not an object")
    header = {"alg": algorithm, "typ": "JWT", **header} | {"alg": algorithm}
    text = f"{base64url(json_of(header))}.{base64url(json_of(payload))}"
    return f"{text}.{base64url(hmac(key, text, _SIGNATURES[algorithm]))}"
