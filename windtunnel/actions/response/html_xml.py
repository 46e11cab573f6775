"""HTML and XML of a response: what CSS selectors and XPath find in it. Needs the extra `windtunnel[html]`.

The page comes from the SUT: entities stay as they are written, no DTD is read, nothing is fetched, and a page
larger than `MAX_PAGE` is not parsed.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable
from typing import Any

from windtunnel.errors import ExpressionError
from windtunnel.model.http import Exchange

MAX_PAGE = 4 * 1024 * 1024
"""Bytes of a page that are parsed at most."""

FindIn = Callable[[Exchange], list[Any]]
"""What is found in a response, in the order of the page; nothing where the body is no page."""

_HINT_CSS = 'css: "a.product", or "a.product::attr(href)" for an attribute'
_HINT_XPATH = "xpath: //a[@class='product']/@href"


def compile_css(selector: str) -> FindIn:
    """The text of each element that a selector finds; `::attr(name)` takes an attribute.

    Raises ExpressionError for what is no selector.
    """
    _require("lxml", "cssselect")
    from cssselect import HTMLTranslator, SelectorError, parse

    try:
        found = [(HTMLTranslator().selector_to_xpath(one), _ending(one.pseudo_element)) for one in parse(selector)]
    except SelectorError as error:
        raise ExpressionError(f'"{selector}" is not a CSS selector: {error}', hint=_HINT_CSS) from None
    # One expression for all of a, b: what they find comes in the order of the page.
    return compile_xpath(" | ".join(path + ending for path, ending in found))


def compile_xpath(path: str) -> FindIn:
    """The text, attribute or number of each match of a path. Raises ExpressionError."""
    _require("lxml")
    from lxml import etree

    try:
        search = etree.XPath(path, regexp=False, smart_strings=False)
    except (etree.XPathError, ValueError) as error:
        raise ExpressionError(f'"{path}" is not an XPath: {error}', hint=_HINT_XPATH) from None

    def find(exchange: Exchange) -> list[Any]:
        page = _parse(exchange)
        if page is None:
            return []
        try:
            found = search(page)
        except etree.XPathError:  # a prefix that the page does not declare, a function of another type
            return []
        return [_plain(item) for item in (found if isinstance(found, list) else [found])]

    return find


def _ending(pseudo_element: Any) -> str:
    """What a pseudo-element adds to the path: nothing, an attribute, or the element's own text."""
    from cssselect.parser import FunctionalPseudoElement

    if pseudo_element is None:
        return ""
    if isinstance(pseudo_element, FunctionalPseudoElement):
        names = [token.value for token in pseudo_element.arguments]
        if pseudo_element.name == "attr" and len(names) == 1 and str(names[0]).replace("-", "").isalnum():
            return f"/@{names[0]}"
    elif pseudo_element == "text":
        return "/text()"
    raise ExpressionError("the pseudo-elements are ::text and ::attr(name)", hint=_HINT_CSS)


def _parse(exchange: Exchange) -> Any:
    """The root element; None for what can't be parsed."""
    root = _root(exchange)
    return root if root is not None and isinstance(root.tag, str) else None  # a lone comment has another tag


def _root(exchange: Exchange) -> Any:
    from lxml import etree, html

    body = exchange.body
    # XPath would expand an entity, even if the parser has not.
    if not body.strip() or len(body) > MAX_PAGE or b"<!ENTITY" in body:
        return None
    kind = exchange.headers.get("content-type", "").lower()
    if "html" not in kind and ("xml" in kind or body.lstrip().startswith(b"<?xml")):
        strict = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
        try:
            return etree.fromstring(body, parser=strict)
        except etree.LxmlError:
            return None
    charset = kind.partition("charset=")[2].partition(";")[0].strip(" \"'") or None
    try:
        lenient = html.HTMLParser(no_network=True, huge_tree=False, encoding=charset)
    except LookupError:
        lenient = html.HTMLParser(no_network=True, huge_tree=False)
    try:
        return html.document_fromstring(body, parser=lenient)
    except (etree.LxmlError, ValueError):
        return None


def _plain(item: Any) -> Any:
    """An element as its text with single spaces, a whole number without its fraction."""
    if isinstance(item, str):
        return item
    if isinstance(item, bool):
        return item
    if isinstance(item, float):
        return int(item) if item.is_integer() else None if math.isnan(item) else item
    if isinstance(item, tuple):  # a namespace: prefix and URI
        return str(item[-1])
    if not isinstance(item.tag, str):  # a comment or a processing instruction
        return str(item.text or "")
    return " ".join("".join(item.itertext()).split())


def _require(*packages: str) -> None:
    missing = [package for package in packages if importlib.util.find_spec(package) is None]
    if missing:
        raise ExpressionError(
            f"`css` and `xpath` need {' and '.join(missing)}", hint="pip install 'windtunnel[html]'"
        )
