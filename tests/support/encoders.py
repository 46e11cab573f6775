"""What encoders of all kinds make of a text, by the name of the encoder."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

Encoder = Callable[[str], str]


ENCODERS: dict[str, Encoder] = {
    "as it is": str,
    "upper case": str.upper,
    "lower case": str.lower,
    "quote": quote,
    "quote, nothing safe": lambda text: quote(text, safe=""),
    "quote, all of RFC 3986 safe": lambda text: quote(text, safe=":/?#[]@!$&'()*+,;=~"),
    "quote_plus": quote_plus,
    "quoted twice": lambda text: quote(quote(text, safe=""), safe=""),
    "percent, digits in lower case": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "percent, digits in upper case": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "JSON, ASCII": lambda text: json.dumps(text)[1:-1],
    "JSON, Unicode": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "JSON, escaped slashes": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "JSON inside JSON": lambda text: json.dumps(json.dumps(text))[3:-3],
    "JSON inside a URL": lambda text: quote(json.dumps(text)[1:-1], safe=""),
    "JSON, every character escaped": lambda text: "".join(
        f"\\u{unit:04X}" for unit in memoryview(text.encode("utf-16-le")).cast("H")
    ),
    "Python": lambda text: repr(text)[1:-1],
    "HTML": html.escape,
    "HTML, quotes kept": lambda text: html.escape(text, quote=False),
    "HTML, apostrophe by name": lambda text: html.escape(text).replace("&#x27;", "&apos;"),
    "HTML, decimal": lambda text: "".join(f"&#{ord(c)};" for c in text),
    "HTML, hexadecimal": lambda text: "".join(f"&#x{ord(c):X};" for c in text),
    "HTML twice": lambda text: html.escape(html.escape(text)),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 without padding": lambda text: base64.b64encode(text.encode()).decode().rstrip("="),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "base64 in lines": lambda text: base64.encodebytes(text.encode()).decode(),
    "base64 in a form": lambda text: quote_plus(base64.b64encode(text.encode()).decode()),
    "base64 of the upper case": lambda text: base64.b64encode(text.upper().encode()).decode(),
    "base64 of the lower case": lambda text: base64.b64encode(text.lower().encode()).decode(),
    "Basic auth with one character": lambda text: base64.b64encode(f"u:{text}".encode()).decode(),
    "Basic auth with two characters": lambda text: base64.b64encode(f"us:{text}".encode()).decode(),
    "base64 with more behind it": lambda text: base64.b64encode(f"usr:{text}:more".encode()).decode(),
    "form-encoded, then base64": lambda text: base64.b64encode(f"us:{quote_plus(text)}".encode()).decode(),
    "JSON, then base64": lambda text: base64.urlsafe_b64encode(json.dumps(text).encode()).decode(),
    "hex": lambda text: text.encode().hex(),
    "hex in upper case": lambda text: text.encode().hex().upper(),
}
