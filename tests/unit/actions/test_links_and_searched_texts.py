from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.compiling import exchange_of, run_flow
from tests.unit.actions.test_extraction import extracted, extraction
from windtunnel.actions.python.response import Response, UnexpectedResponse
from windtunnel.actions.response.extract import MissingValue
from windtunnel.actions.response.links import linked
from windtunnel.testing.scripted import Answer

CALLBACK = exchange_of(
    b'{"next": "/jobs/7?after=12", "tags": ["v1", "v2"]}',
    headers=(
        ("Location", "http://app.test/cb?code=a%2Fb&state=s"),
        ("Set-Cookie", "a=x-1"),
        ("Set-Cookie", "b=x-2"),
    ),
)


@pytest.mark.parametrize(
    ("spec", "value"),
    [
        ({"header": "location", "regex": "code=([^&]+)"}, "a%2Fb"),
        ({"header": "location", "regex": "[?&]state=\\w"}, "&state=s"),
        ({"header": "set-cookie", "regex": "=x-(\\d)", "all": True}, ["1", "2"]),
        ({"header": "set-cookie", "regex": "=x-(\\d)", "index": -1}, "2"),
        ({"cookie": "a", "regex": "x-(.)"}, "1"),
        ({"json": "$.next", "regex": "after=(\\d+)"}, "12"),
        ({"json": "$.tags", "regex": "v(\\d)", "index": 1}, "2"),
        ({"json": "$.tags[*]", "regex": "v(\\d)", "index": 1}, "2"),
        ({"header": "location", "regex": "token=(.*)", "default": "none"}, "none"),
        ({"header": "location", "regex": "token=(.*)", "required": False}, None),
        ({"header": "absent", "regex": "a", "all": True}, []),
        ({"from": "{{ url }}", "regex": "id=(\\d+)"}, "5"),
        ({"from": "{{ url }}&id=6", "regex": "id=(\\d+)", "all": True}, ["5", "6"]),
        ({"from": "{{ parts }}", "regex": "(\\d)$", "all": True}, ["1", "2"]),
        ({"from": "{{ nothing }}", "regex": "a", "default": "{{ url }}"}, "/x?id=5"),
    ],
)
def test_a_pattern_searches_a_header_another_source_or_a_variable(spec: Any, value: Any) -> None:
    assert extracted(spec, CALLBACK, url="/x?id=5", parts=["a1", "b2"], nothing=None) == value


def test_a_pattern_searches_what_the_same_step_extracted_before() -> None:
    scope: dict[str, Any] = {}
    names = extraction({"to": {"header": "location"}, "code": {"from": "{{ to }}", "regex": "code=([^&]+)"}}).run(
        CALLBACK, scope
    )
    assert (names, scope["code"]) == (["to", "code"], "a%2Fb")


def test_a_pattern_that_finds_nothing_says_in_what() -> None:
    with pytest.raises(MissingValue) as missing:
        extracted({"header": "location", "regex": "token=(.*)"}, CALLBACK)
    assert str(missing.value) == (
        'extract "it": regex "token=(.*)" in header location not found in "http://app.test/cb?code=a%2Fb&state=s"'
    )
    with pytest.raises(MissingValue, match="not found in the headers location, set-cookie"):
        extracted({"header": "x-id", "regex": "a"}, CALLBACK)
    with pytest.raises(
        MissingValue, match=r'regex "a=(.*)" in {{ url }} not found in its value'.replace("(.*)", ".*")
    ):
        extracted({"from": "{{ url }}", "regex": "a=(.*)"}, CALLBACK, url="/x")


def test_a_secret_out_of_another_extract_is_known_before_it_is_extracted() -> None:
    compiled = extraction(
        {"to": {"header": "location"}, "code": {"from": "{{ to }}", "regex": "code=([^&]+)", "secret": True}}
    )
    assert compiled.reveal is not None
    assert compiled.reveal(CALLBACK) == ["a%2Fb"]


PAGES = ('</p?page=2>; rel="next", </p?page=9>; rel="last"',)


@pytest.mark.parametrize(
    ("headers", "url"),
    [
        (PAGES, "http://shop.test/p?page=2"),
        (("</a>; rel=prev", "</b>; rel=next"), "http://shop.test/b"),
        (('<?page=2>; rel="prev NEXT"',), "http://shop.test/items?page=2"),
        (("<b>;REL = next",), "http://shop.test/b"),
        (('</a>; title="x, </no>; rel=next; \\" y"; rel=prev, </b>; rel=next',), "http://shop.test/b"),
        (("</a>; rel=prev; rel=next, </b>; rel=next",), "http://shop.test/b"),
        (("</a,b;c>; rel=next",), "http://shop.test/a,b;c"),
        (("<//cdn.test/a>; rel=next",), "http://cdn.test/a"),
        (("<https://cdn.test/ü x#y>; rel=next",), "https://cdn.test/%C3%BC%20x"),
        (("<>; rel=next",), "http://shop.test/items"),
        (("nonsense, </b>;;; rel=next",), "http://shop.test/b"),
        ((",, ,</b>; crossorigin; rel=next",), "http://shop.test/b"),
        (('</a>; rel=next; anchor="/other", </b>; rel=next; anchor="/items"',), "http://shop.test/b"),
        (("<mailto:a@b.test>; rel=next, <http://[>; rel=next, </b>; rel=next",), "http://shop.test/b"),
        (('</b>; rel="next',), "http://shop.test/b"),
    ],
)
def test_a_link_is_found_by_its_relation_and_is_a_whole_url(headers: tuple[str, ...], url: str) -> None:
    page = exchange_of(headers=tuple(("Link", header) for header in headers))
    page.url = "http://shop.test/items"
    assert extracted({"link": "next"}, page) == url
    assert Response("list", page, passed=True).link("next") == url


def test_a_link_that_is_not_there_is_missing_or_its_default() -> None:
    last = exchange_of(headers=(("Link", '</p?page=1>; rel="prev first"'), ("Link", "</x>")))
    assert extracted({"link": "next", "default": None}, last) is None
    assert extracted({"link": "next", "required": False}, last) is None
    assert extracted({"link": "next", "all": True}, last) == []
    with pytest.raises(
        MissingValue, match='link next not found in the Link headers </p\\?page=1>; rel="prev first", </x>'
    ):
        extracted({"link": "next"}, last)
    with pytest.raises(MissingValue, match="a response without a Link header"):
        extracted({"link": "next"}, exchange_of())


def test_code_gets_the_default_of_a_link_or_fails_the_instance() -> None:
    response = Response("list", exchange_of(), passed=True)
    assert response.link("next", default=None) is None
    with pytest.raises(UnexpectedResponse, match="no link next in a response without a Link header"):
        response.link("next")


def test_a_part_of_a_link_is_searched() -> None:
    page = exchange_of(headers=(("Link", "</p?cursor=abc>; rel=next"),))
    page.url = "http://shop.test/items"
    assert extracted({"link": "next", "regex": "cursor=(.*)"}, page) == "abc"


def test_the_next_page_is_requested_as_it_was_linked() -> None:
    flow = """
    flow:
      - { type: http, name: first, path: /items, extract: { next: { link: next } } }
      - { type: http, name: second, url: "{{ next }}", extract: { next: { link: next, default: null } } }
      - { type: http, name: by_path, path: "{{ last }}" }
    """
    answers = [Answer(headers=(("Link", "</p?page=2&q=a%20b>; rel=next"),)), Answer(), Answer()]
    ran = run_flow(flow, answers, last="http://shop.test/p?page=9")
    assert [sent.target for sent in ran.sent] == [
        "/items",
        "http://shop.test/p?page=2&q=a%20b",
        "http://shop.test/p?page=9",
    ]
    assert ran.scope["next"] is None


@settings(max_examples=200)
@given(st.text('<>;,="\\\\ \tarelnxt/', max_size=60))
def test_any_header_is_read_to_its_end(value: str) -> None:
    page = exchange_of(headers=(("Link", value),))
    assert all(url.startswith("http://shop.test/") for url in linked(page, "next"))


@pytest.mark.parametrize("value", [",", "<,", "<a>;", "<a> ", '<a>;rel="', "<a>; ; ", "x,<"])
def test_a_long_header_takes_time_by_its_length(value: str) -> None:
    page = exchange_of(headers=(("Link", value * 20_000 + "<b>; rel=next"),))
    assert all(url.startswith("http://shop.test/") for url in linked(page, "next"))
