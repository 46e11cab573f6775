from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.compiling import SHOP, SUT, Compiled, run_flow
from windtunnel.expressions.text import encode_component
from windtunnel.model.source import Source
from windtunnel.model.sut import Service, Sut
from windtunnel.testing.scripted import Answer, Sent


def sent_for(lines: str, *, sut: Sut = SUT, **variables: Any) -> Sent:
    body = "".join(f"    {line}\n" for line in lines.splitlines())
    ran = run_flow(f"flow:\n  - type: http\n    name: one\n{body}", [Answer()], sut=sut, **variables)
    assert ran.outcome.outcome == "passed", ran.outcome.message
    return ran.sent[0]


@pytest.mark.parametrize(
    ("lines", "target"),
    [
        ("path: /api/products", "/api/products"),
        ("path: /a b/ü?q=1#part", "/a%20b/%C3%BC?q=1"),
        ("path: /a%20b", "/a%20b"),
        ('path: "/items/{{ id }}/x"', "/items/a%2Fb%20%26c/x"),
        ('path: "/ü/{{ id }}"', "/%C3%BC/a%2Fb%20%26c"),
        ('path: "{{ location }}"', "/orders/7?a=1&b=x%20y"),
        ('path: "{{ relative }}"', "/next"),
        ('path: "{{ absolute }}"', "https://shop.test/a?b=1"),
        ('url: "{{ absolute }}"', "https://shop.test/a?b=1"),
        ("url: http://shop.test/a", "http://shop.test/a"),
        ('url: "http://shop.test/{{ id }}"', "http://shop.test/a%2Fb%20%26c"),
        ("url: http://bücher.cdn.test/ä?ü=1#ß", "http://bücher.cdn.test/%C3%A4?%C3%BC=1"),
        ('url: "http://bücher.cdn.test?ü={{ n }}"', "http://bücher.cdn.test?%C3%BC=5"),
        (
            "path: /s\nquery: { q: a b&c, n: 5, on: true, list: [1, x] }",
            "/s?q=a%20b%26c&n=5&on=true&list=1&list=x",
        ),
        ('path: /s\nquery: { q: "{{ id }}", n: 1 }', "/s?q=a%2Fb%20%26c&n=1"),
        ('path: /s?a=1\nquery: { q: "{{ n }}" }', "/s?a=1&q=5"),
        ('path: /s\nquery: { a: "{{ many }}", b: "{{ nothing }}", c: "{{ yes }}" }', "/s?a=1&a=2&c=true"),
        ('path: /s\nquery: { b: "{{ nothing }}" }', "/s"),
        ('path: "/{{ n }}"\nquery: { a: 1 }', "/5?a=1"),
    ],
)
def test_a_target_is_encoded_once(lines: str, target: str) -> None:
    request = sent_for(
        lines,
        id="a/b &c",
        n=5,
        many=[1, 2],
        nothing=None,
        yes=True,
        location="/orders/7?a=1&b=x y#part",
        relative="next",
        absolute="https://shop.test/a?b=1",
    )
    assert request.target == target


@settings(max_examples=100)
@given(text=st.text(max_size=30))
def test_text_in_a_template_never_leaves_its_segment(text: str) -> None:
    target = sent_for('path: "/items/{{ id }}"\nquery: { q: "{{ id }}" }', id=text).target
    assert target.isascii()
    assert target.count("/") == 2
    assert target.count("?") == 1
    assert not set(target) & set(' \r\n#&\\"<>')


@settings(max_examples=100)
@given(url=st.text(min_size=1, max_size=30).filter(str.strip))
def test_a_url_from_a_response_can_be_sent_whatever_it_holds(url: str) -> None:
    target = sent_for('path: "{{ next }}"', next=url).target
    assert target.isascii()
    assert not set(target) & set(" \r\n#")


def test_plain_text_is_encoded_without_work() -> None:
    assert encode_component("p123") == "p123"
    assert encode_component("٣") == "%D9%A3"


@pytest.mark.parametrize("value", ["", "  ", None, {"a": 1}])
def test_a_url_that_is_none_is_an_error_of_the_scenario(value: object) -> None:
    ran = run_flow('flow:\n  - { type: http, name: one, path: "{{ next }}" }', [Answer()], next=value)
    assert (ran.outcome.outcome, ran.outcome.error) == ("errored", "template")
    assert ran.sent == []


CATALOG = Service(name="catalog", base_url="https://catalog.test:8443", headers={"Authorization": "Bearer x"})
CART = Service(name="cart", base_url="http://cart.test/v1")
SHOPS = Sut(
    name="Shop",
    default=None,
    services={"catalog": CATALOG, "cart": CART},
    allow_hosts=("payments.test", "*.cdn.test"),
    source=Source(file="sut.yaml"),
)


@pytest.mark.parametrize(
    ("lines", "service"),
    [
        ("service: cart\npath: /", CART),
        ("url: https://catalog.test:8443/x", CATALOG),
        ("url: http://cart.test:80/x", CART),
        ("service: catalog\nurl: http://cart.test/x", CATALOG),
        ("url: https://payments.test/pay", Service(name="payments.test", base_url="https://payments.test")),
        ("url: https://img.cdn.test:444?a", Service(name="img.cdn.test", base_url="https://img.cdn.test:444")),
        # A trailing dot is allowed, and makes another origin: the service's headers do not go there.
        (
            "url: https://catalog.test.:8443/x",
            Service(name="catalog.test.", base_url="https://catalog.test.:8443"),
        ),
        ("url: https://payments.test./pay", Service(name="payments.test.", base_url="https://payments.test.")),
    ],
)
def test_a_url_goes_to_the_service_it_belongs_to_and_takes_no_other_services_headers(
    lines: str, service: Service
) -> None:
    assert sent_for(lines, sut=SHOPS).service == service


def test_every_service_is_the_base_url_when_the_sut_lists_none() -> None:
    assert sent_for("service: anything\npath: /").service.base_url == SHOP.base_url


@pytest.mark.parametrize(
    ("lines", "message", "hint", "field"),
    [
        ("path: api", "a path begins with /", 'path: "/api"', "4:11"),
        ("path: http://shop.test/", "a path begins with /", 'url: "http://shop.test/"', "4:11"),
        (
            "url: ftp://shop.test/",
            "a URL begins with http:// or https://",
            "requests go to http:// and https:// alone",
            "4:10",
        ),
        (
            "url: http://evil.test/x",
            'the host "evil.test" is neither a service of the SUT nor in its allow_hosts',
            "add it to the SUT file: allow_hosts: [evil.test]",
            "4:10",
        ),
        (
            'url: "https://cdn.test/{{ a }}"',
            'the host "cdn.test" is neither a service of the SUT nor in its allow_hosts',
            "add it to the SUT file: allow_hosts: [cdn.test]",
            "4:10",
        ),
        ("url: http://shop.test:port/", "http://shop.test:port: the port is not a number from 1 to", None, "4:10"),
        (
            "url: http://ada:secret@shop.test/",
            "http://…@shop.test: credentials do not belong into a URL",
            "send them in an Authorization header",
            "4:10",
        ),
        (
            "path: /\n    url: http://shop.test/",
            "a request needs exactly one of `path` and `url`",
            'path: "/api/products"',
            "2:5",
        ),
        ("method: GET", "a request needs exactly one of `path` and `url`", 'path: "/api/products"', "2:5"),
        ("path: 5", "expected a text here, not 5", None, "4:11"),
        (
            "path: /\n    query: { a: { b: 1 } }",
            "a mapping is no text",
            "write its keys as parameters, or a text with JSON in it",
            "5:17",
        ),
        ("path: /\n    query: [a]", "expected a mapping here", None, "5:12"),
    ],
)
def test_a_wrong_target_is_a_problem_with_its_place(
    lines: str, message: str, hint: str | None, field: str
) -> None:
    compiled = Compiled(f"flow:\n  - type: http\n    name: one\n    {lines}\n", names=("a", "b"))
    (problem,) = compiled.problems
    assert problem.message.startswith(message)
    assert problem.hint == hint
    assert str(problem.where) == f"checkout.yaml:{field}"


@pytest.mark.parametrize(
    ("lines", "message", "hint"),
    [
        ("service: catlog\n    path: /", 'there is no service "catlog" in sut.yaml', 'did you mean "catalog"?'),
        ("service: zzz\n    path: /", 'there is no service "zzz" in sut.yaml', "the services are catalog, cart"),
        (
            "path: /",
            "this step needs `service`, because sut.yaml has no base_url",
            "add `service:` with one of catalog, cart",
        ),
    ],
)
def test_a_service_that_is_not_there_is_a_problem(lines: str, message: str, hint: str) -> None:
    compiled = Compiled(f"flow:\n  - type: http\n    name: one\n    {lines}\n", sut=SHOPS)
    assert [(problem.message, problem.hint) for problem in compiled.problems] == [(message, hint)]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_component_comes_back_whole_and_never_leaves_its_place(text: Any) -> None:
    quoted = encode_component(text)
    assert unquote(quoted) == text
    assert not set(quoted) & set("/?#&=+ ;:@\r\n")


def test_a_component_with_half_a_character_is_still_sent() -> None:
    assert encode_component("a\ud800b") == "a%3Fb"
