"""How the shop answers: JSON, errors, the home page; what never changes is encoded once."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from aiohttp import web

from windtunnel.demo.catalog import Product

_JSON = {"Content-Type": "application/json; charset=utf-8"}

encode = msgspec.json.encode


@dataclass(frozen=True, slots=True, kw_only=True)
class _ErrorBody:
    """The body of every answer that is an error: a word for programs and a sentence for people."""

    error: str
    message: str


def as_json(body: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """A response around JSON that is already encoded."""
    return web.Response(body=body, status=status, headers={**_JSON, **headers} if headers else _JSON)


def problem(status: int, error: str, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """An error as JSON."""
    return as_json(encode(_ErrorBody(error=error, message=message)), status=status, headers=headers)


def listing(products: Iterable[Product], **more: Any) -> bytes:
    """A list of products as JSON: `items`, and what else the caller says."""
    return encode({"items": tuple(products), **more})


def home_page(products: Iterable[Product]) -> bytes:
    """The shop window as HTML, with a link for each product."""
    links = "\n".join(
        f'    <li><a href="/api/products/{product.id}">{html.escape(product.name)}</a> {product.price:.2f}</li>'
        for product in products
    )
    page = f"""<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <title>The demo shop</title>
</head>
<body>
  <h1>The demo shop</h1>
  <p>A small shop to try a journey on. It lives in memory and forgets everything when it stops.</p>
  <ul>
{links}
  </ul>
</body>
</html>
"""
    return page.encode()
