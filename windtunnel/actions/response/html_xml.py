"""HTML and XML of a response: what CSS selectors and XPath find in it.

The page comes from the SUT: entities stay as they are written, no DTD is read, nothing is fetched, and a page
larger than `MAX_PAGE` is not parsed. libxml2 can't be interrupted, and compares nodes by the square of their
number for `//div//a`, by its cube for `following::`: what a path could cost on a page is estimated before.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from windtunnel.errors import ExpressionError
from windtunnel.figures import size
from windtunnel.model.http import Exchange

MAX_PAGE = 1024 * 1024
"""Bytes of a page that are parsed at most."""

MAX_COMPARISONS = 400_000_000
"""Comparisons of nodes that a path may need on a page, at worst: about half a second."""

_LOOKUP = 50
"""What finding a node takes, in comparisons."""

FindIn = Callable[[Exchange], list[Any]]
"""What is found in a response, in the order of the page; nothing where the body is no page."""

_HINT_CSS = 'css: "a.product", or "a.product::attr(href)" for an attribute'
_HINT_XPATH = "xpath: //a[@class='product']/@href"


def compile_css(selector: str) -> FindIn:
    """The text of each element that a selector finds; `::attr(name)` takes an attribute.

    Raises ExpressionError for what is no selector.
    """
    from cssselect import HTMLTranslator, SelectorError, parse

    try:
        found = [(HTMLTranslator().selector_to_xpath(one), _ending(one.pseudo_element)) for one in parse(selector)]
    except SelectorError as error:
        raise ExpressionError(f'"{selector}" is not a CSS selector: {error}', hint=_HINT_CSS) from None
    # One expression for all of a, b: what they find comes in the order of the page.
    return compile_xpath(" | ".join(path + ending for path, ending in found))


def compile_elements(selector: str) -> FindIn:
    """The elements that a selector finds. Raises ExpressionError for what is no selector."""
    from cssselect import HTMLTranslator, SelectorError

    try:
        return _searching(HTMLTranslator().css_to_xpath(selector))
    except SelectorError as error:
        raise ExpressionError(f'"{selector}" is not a CSS selector: {error}', hint='form: "#login"') from None


def compile_xpath(path: str) -> FindIn:
    """The text, attribute or number of each match of a path. Raises ExpressionError."""
    find = _searching(path)
    return lambda exchange: [_plain(item) for item in find(exchange)]


def _searching(path: str) -> FindIn:
    """What a path matches, as the parser has it. Raises ExpressionError."""
    from lxml import etree

    try:
        search = etree.XPath(path, regexp=False, smart_strings=False)
    except (etree.XPathError, ValueError) as error:
        raise ExpressionError(f'"{path}" is not an XPath: {error}', hint=_HINT_XPATH) from None

    reach = _reach(path)

    def find(exchange: Exchange) -> list[Any]:
        page = _parse(exchange)
        if page is None:
            return []
        reach.require(page)
        try:
            found = search(page)
        except etree.XPathError:  # a prefix that the page does not declare, a function of another type
            return []
        return found if isinstance(found, list) else [found]

    return find


class _Reach(NamedTuple):
    """How far a path looks: `wide` steps that reach whole subtrees, `across` those that reach all that follows or
    precedes, `inside` the power of the number of nodes that its predicates look at for each node.
    """

    wide: int
    across: int
    inside: int

    def require(self, page: Any) -> None:
        """Raise ExpressionError when the path could look at too much of a page."""
        if self.wide < 2 and not self.across and not self.inside:
            return
        nodes = depths = depth = 0
        from lxml import etree

        for event, _ in etree.iterwalk(page, events=("start", "end", "comment", "pi")):
            depth += (event == "start") - (event == "end")
            if event != "end":
                nodes += 1
                depths += depth
        cost = max(self.wide - 1, 0) * depths * nodes + (nodes**3 if self.across else 0)
        if self.inside:
            cost += _LOOKUP * nodes ** (1 + self.inside)
        if cost > MAX_COMPARISONS:
            raise ExpressionError(
                f"the path looks at too much of a page of {nodes:,} elements",
                hint="name the way to the element, with fewer // in it and none in its conditions",
            )


_LITERALS = re.compile(r"\"[^\"]*\"|'[^']*'")
_STEPS = re.compile(
    r"""(?P<open>\[) | (?P<close>\]) | (?P<across> (?:following|preceding)(?:-sibling)?\s*:: )
      | (?P<wide> // | \| | (?:descendant|ancestor)(?:-or-self)?\s*:: )
      | (?P<up> \.\. | parent\s*:: | (?<=[\[(=<>,+*\s|-])/ )""",
    re.VERBOSE,
)


def _reach(path: str) -> _Reach:
    """How far an XPath looks; upwards and from the root it looks far only inside a predicate."""
    scopes = [0]
    wide = across = inside = 0
    for step in _STEPS.finditer(_LITERALS.sub("''", path)):
        kind = step.lastgroup
        if kind == "open":
            scopes.append(0)
        elif kind == "close":
            if len(scopes) > 1:
                scopes.pop()
        elif len(scopes) > 1:
            scopes[-1] += 2 if kind == "across" else 1
            inside = max(inside, sum(min(each, 3) for each in scopes[1:]))
        elif kind == "across":
            across += 1
        elif kind == "wide":
            wide += 1
    return _Reach(wide, across, inside)


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

    _require_small(len(exchange.body))
    # As every other reader of the body reads it, whatever the page says of its charset.
    body = exchange.text.encode("utf-8", "replace")
    _require_small(len(body))
    # XPath would expand an entity, even if the parser has not.
    if not body.strip() or b"<!ENTITY" in body:
        return None
    kind = exchange.headers.get("content-type", "").lower()
    if "html" not in kind and ("xml" in kind or body.lstrip().startswith(b"<?xml")):
        strict = etree.XMLParser(
            resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, encoding="utf-8"
        )
        try:
            return etree.fromstring(body, parser=strict)
        except etree.LxmlError:
            return None
    lenient = html.HTMLParser(no_network=True, huge_tree=False, encoding="utf-8")
    try:
        return html.document_fromstring(body, parser=lenient)
    except (etree.LxmlError, ValueError):
        return None


def _require_small(length: int) -> None:
    if length > MAX_PAGE:
        raise ExpressionError(f"a page of {size(length)} is too large to be searched: {size(MAX_PAGE)} at most")


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
