"""CSS selectors and XPath on pages that a SUT may send."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.bounded import outcomes
from tests.support.compiling import exchange_of, field
from windtunnel.actions.response.extract import MissingValue, compile_extraction
from windtunnel.actions.response.html_xml import MAX_PAGE, compile_css, compile_xpath
from windtunnel.errors import ExpressionError

HTML = (("Content-Type", "text/html; charset=utf-8"),)
XML = (("Content-Type", "application/xml"),)
PAGE = """<!doctype html><html><head><title>Shop</title></head><body>
<ul><li class="item"><a href="/p-1" data-id="1">Copper   <b>kettle</b></a> 39.90
<li class="item"><a href="/p-2" data-id="2">Grüße</a> 27.50</ul>
<form><input name="csrf" value="a&amp;b"></form></body>""".encode()


def extracted(rule: dict[str, Any], body: bytes = PAGE, headers: tuple[tuple[str, str], ...] = HTML) -> Any:
    here = field()
    extraction = compile_extraction(here, {"found": rule})
    assert here.context.problems == []
    scope: dict[str, Any] = {}
    extraction.run(exchange_of(body, headers=headers), scope)
    return scope["found"]


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ({"css": "title"}, "Shop"),
        ({"css": "li.item a"}, "Copper kettle"),
        ({"css": "li.item a", "index": 1}, "Grüße"),
        ({"css": "li.item a::attr(href)", "all": True}, ["/p-1", "/p-2"]),
        ({"css": "a::attr(data-id)", "index": -1}, "2"),
        ({"css": "input[name=csrf]::attr(value)"}, "a&b"),
        ({"css": "title, b", "all": True}, ["Shop", "kettle"]),
        ({"css": "a::text", "all": True}, ["Copper   ", "Grüße"]),
        ({"css": "p", "default": None}, None),
        ({"xpath": "//a/@href"}, "/p-1"),
        ({"xpath": "//li[2]/a"}, "Grüße"),
        ({"xpath": "count(//li)"}, 2),
        ({"xpath": "string(//title)"}, "Shop"),
        ({"xpath": "boolean(//title)"}, True),
        ({"xpath": "//svg:rect", "default": 0}, 0),
    ],
)
def test_what_is_found_in_a_page(rule: dict[str, Any], value: Any) -> None:
    found = extracted(rule)
    assert found == value
    assert type(found) is type(value), "plain values: they go into templates and records"


def test_xml_is_read_as_xml() -> None:
    feed = b'<?xml version="1.0"?><r xmlns:a="urn:a"><a:x>1</a:x><Y z="2"/></r>'
    assert extracted({"xpath": "//Y/@z"}, feed, XML) == "2"
    assert extracted({"xpath": "//*[local-name()='x']"}, feed, ()) == "1"


@pytest.mark.parametrize("body", [b"", b"  ", b"<", b"\0", b"<r>", b"\xff\xfe", b"not a page", b"<!-- -->"])
@pytest.mark.parametrize("headers", [HTML, XML, (), (("Content-Type", "text/html; charset=nonsense"),)])
def test_what_is_no_page_has_nothing_in_it(body: bytes, headers: Any) -> None:
    assert extracted({"css": "a", "default": "none"}, body, headers) == "none"


def test_entities_are_not_expanded_and_files_are_not_read(tmp_path: Any) -> None:
    secret = tmp_path / "secret"
    secret.write_text("the secret")
    bomb = b'<!DOCTYPE r [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;"><!ENTITY c "&b;&b;&b;">]><r>&c;</r>'
    outside = f'<!DOCTYPE r [<!ENTITY x SYSTEM "{secret.as_uri()}">]><r>&x;</r>'.encode()
    for page in (bomb, outside):
        for headers in (XML, HTML, ()):
            found = extracted({"xpath": "string(/*)", "default": ""}, page, headers)
            assert "haha" not in found
            assert "secret" not in found


def test_a_page_that_is_too_large_is_not_parsed_and_said_so_even_with_a_default() -> None:
    with pytest.raises(MissingValue, match="a page of 1 MiB is too large to be searched"):
        extracted({"css": "a", "default": 0}, b"<a>x</a>" + b" " * MAX_PAGE)


_FLAT = b"<html><body>" + b"<p class='a'>x</p>" * 40_000 + b"</body></html>"
_DEEP = b"<html><body>" + (b"<div class='a'>" * 200 + b"<i>y</i>" + b"</div>" * 200) * 200 + b"</body></html>"
_TOO_FAR = [
    *("xpath: //*//*//*", "xpath: //*[count(//*) > 1]", "xpath: //*[//*[//*[//*]]]", "xpath: //*/following::*"),
    *("xpath: //*/preceding-sibling::*", "xpath: //p[../p[. = 'y']]", "xpath: //p[/html/body/p = 'y']"),
    *("xpath: //p | //i | //*", "xpath: //*/ancestor::*", "xpath: //*[. = //*]", "css: p ~ p", "css: div div i"),
]


def judge(case: str) -> str:
    """What a path finds in two large pages."""
    kind, _, path = case.partition(": ")
    said = []
    for page in (_FLAT, _DEEP):
        try:
            found = (compile_css if kind == "css" else compile_xpath)(path)(exchange_of(page, headers=HTML))
            said.append(f"{len(found)} found")
        except ExpressionError as error:
            said.append(str(error))
    return ", ".join(said)


@pytest.fixture(scope="module")
def said() -> dict[str, str]:
    return outcomes(judge, _TOO_FAR)


@pytest.mark.parametrize("case", _TOO_FAR)
def test_a_path_that_could_compare_every_element_with_every_other_is_refused_on_a_large_page(
    case: str, said: dict[str, str]
) -> None:
    assert "the path looks at too much of a page of " in said.get(case, "no end")


@pytest.mark.parametrize(
    "path", ["//p[1]/@class", "//p[@class = 'a'][2]", "//body/p[last()]", "//p[not(contains(., '//'))]"]
)
def test_an_ordinary_path_is_searched_on_a_large_page(path: str) -> None:
    assert compile_xpath(path)(exchange_of(_FLAT, headers=HTML))


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"css": "a["}, '"a[" is not a CSS selector: '),
        ({"css": "a::before"}, "the pseudo-elements are ::text and ::attr(name)"),
        ({"css": "a::attr(x y)"}, "the pseudo-elements are ::text and ::attr(name)"),
        ({"css": "a::attr(x/../y)"}, '"a::attr(x/../y)" is not a CSS selector: '),
        ({"xpath": "//a["}, '"//a[" is not an XPath: '),
        ({"xpath": ""}, '"" is not an XPath: '),
    ],
)
def test_what_is_no_selector_is_a_problem(rule: dict[str, Any], message: str) -> None:
    here = field()
    compile_extraction(here, {"found": rule})
    assert [problem.message.startswith(message) for problem in here.context.problems] == [True]


FINDERS = (compile_css("*"), compile_css("a::attr(b)"), compile_xpath("//node()"), compile_xpath("//@*"))


@given(st.binary(max_size=300) | st.text(alphabet="<>/ab='\"&;!-[]?x \n", max_size=100).map(str.encode))
@settings(max_examples=200)
def test_no_body_raises(body: bytes) -> None:
    exchanges = [exchange_of(body, headers=headers) for headers in (HTML, XML, ())]
    found = {type(each) for exchange in exchanges for find in FINDERS for each in find(exchange)}
    assert found <= {str, int, float, bool, type(None)}


@given(st.text(max_size=20))
@settings(max_examples=200)
def test_any_text_is_a_selector_or_a_problem(text: str) -> None:
    for compile_ in (compile_css, compile_xpath):
        try:
            find = compile_(text)
        except ExpressionError:
            continue
        find(exchange_of(PAGE, headers=HTML))
