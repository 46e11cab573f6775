from __future__ import annotations

from textwrap import dedent
from typing import Any

import pytest

from tests.support.compiling import SUT, Ran, run_flow
from windtunnel.model.record import FailedCheck
from windtunnel.model.source import Source
from windtunnel.model.sut import Service, Sut
from windtunnel.model.vocabulary import ErrorKind
from windtunnel.testing.scripted import Answer, json_answer

JOURNEY = """
flow:
  - type: http
    name: get_products
    method: GET
    path: /api/products
    extract: { product_id: "$.items[0].id" }
  - type: http
    name: add_to_cart
    method: POST
    path: /api/cart
    json: { item_id: "{{ product_id }}", qty: 1 }
assertions:
  - type: assert
    name: cart_not_empty
    expect: { status_code: 201 }
"""


def step(lines: str, *answers: Answer, sut: Sut = SUT, **variables: Any) -> Ran:
    """Run one http step that has these lines of YAML beside its type and name."""
    body = "".join(f"    {line}\n" for line in dedent(lines).strip().splitlines())
    return run_flow(f"flow:\n  - type: http\n    name: one\n{body}", answers or [Answer()], sut=sut, **variables)


def test_a_journey_hands_what_it_extracts_to_the_next_step() -> None:
    ran = run_flow(JOURNEY, [json_answer({"items": [{"id": "p-1"}]}), json_answer({}, status=201)])
    assert [outcome.outcome for outcome in ran.outcomes] == ["passed"] * 3
    assert ran.outcomes[0].extracted == ["product_id"]
    assert ran.outcomes[0].checks == ["status_code"]
    assert (ran.sent[0].method, ran.sent[0].target, ran.sent[0].body) == ("GET", "/api/products", b"")
    assert ran.sent[1].body == b'{"item_id":"p-1","qty":1}'
    assert ran.sent[1].header("content-type") == "application/json"
    assert ran.sent[1].timeout_s == 10.0
    assert ran.outcomes[2].checks == ["status_code"]
    assert ran.outcomes[2].exchange is None
    assert ran.outcomes[2].requests == 0


def test_the_response_is_seen_by_later_steps() -> None:
    ran = run_flow(JOURNEY, [json_answer({"items": [{"id": "p-1"}]}), json_answer({}, status=201)])
    assert ran.scope["response"] is ran.instance.last_exchange is ran.instance.exchanges["add_to_cart"]
    assert ran.outcomes[1].exchange is ran.instance.last_exchange
    assert ran.outcomes[1].requests == 1
    assert ran.instance.observed == []


def test_a_failed_check_fails_the_step_and_nothing_is_extracted() -> None:
    ran = step(
        """
        path: /
        expect: { status_code: 200, json: { "$.total": 1 } }
        extract: { total: "$.total" }
        """,
        json_answer({"total": 2}, status=503),
    )
    assert (ran.outcome.outcome, ran.outcome.error) == ("failed", "check")
    assert ran.outcome.message == "status_code: expected 200 but got 503 (and 1 more)"
    assert ran.outcome.checks == [
        FailedCheck(name="status_code", expected="200", actual="503"),
        FailedCheck(name="json:$.total", expected="1", actual="2", key="$.total"),
    ]
    assert ran.outcome.request_failed
    assert "total" not in ran.scope


def test_values_of_the_response_stay_out_of_the_message() -> None:
    ran = step("path: /\nexpect: { json: { $.token: abc } }", json_answer({"token": "secret"}))
    assert ran.outcome.message == "json:$.token does not hold"
    assert not ran.outcome.request_failed


def test_a_transport_error_fails_the_step_and_every_check() -> None:
    ran = step("path: /\nexpect: { status_code: 200, body: ok }", Answer(error="reset"))
    assert (ran.outcome.outcome, ran.outcome.error) == ("failed", "reset")
    assert ran.outcome.message == "the connection was reset"
    assert [check.actual for check in ran.outcome.checks if isinstance(check, FailedCheck)] == [
        "reset: the connection was reset"
    ] * 2
    assert ran.outcome.request_failed
    assert ran.instance.exchanges["one"].error == "reset"
    assert ran.instance.last_exchange is None


@pytest.mark.parametrize("error", ["open_files", "ports", "bad_request"])
def test_an_error_of_the_generator_is_not_held_against_the_sut(error: ErrorKind) -> None:
    assert step("path: /", Answer(error=error)).outcome.outcome == "errored"


def test_the_deadline_of_the_step_goes_before_the_services() -> None:
    ran = step("path: /\ntimeout: 250ms", Answer(latency_s=60))
    assert ran.sent[0].timeout_s == 0.25
    assert (ran.outcome.error, ran.took_s) == ("timeout", 0.25)


def test_a_missing_extract_fails_the_step() -> None:
    ran = step('path: /\nextract: { id: "$.id" }', json_answer({"ids": []}))
    assert (ran.outcome.outcome, ran.outcome.error) == ("failed", "extract")
    assert ran.outcome.message == 'extract "id": $.id not found in {"ids": []}'
    assert ran.outcome.checks == ["status_code"]
    assert not ran.outcome.request_failed


@pytest.mark.parametrize(
    "lines",
    [
        'path: "/{{ x.y }}"',
        'path: "{{ x.y }}"',
        'path: /\nquery: { a: "{{ x.y }}" }',
        'path: /\nheaders: { a: "{{ x.y }}" }',
        'path: /\ncookies: { a: "{{ x.y }}" }',
        'path: /\njson: { a: "{{ x.y }}" }',
        'path: /\nbody: "{{ x.y }}"',
        'path: /\nform: { a: "{{ x.y }}" }',
    ],
)
def test_a_request_that_cannot_be_rendered_is_not_sent(lines: str) -> None:
    ran = step(lines, x={})
    assert (ran.outcome.outcome, ran.outcome.error, ran.outcome.requests) == ("errored", "template", 0)
    assert "y" in (ran.outcome.message or "")
    assert ran.sent == []


def test_an_expected_value_that_cannot_be_rendered_is_errored_with_its_request() -> None:
    ran = step('path: /\nexpect: { body: "{{ x.y }}" }', x={})
    assert (ran.outcome.outcome, ran.outcome.error, ran.outcome.requests) == ("errored", "template", 1)
    assert ran.outcome.exchange is not None


def test_redirect_hops_are_records_of_their_own_and_so_is_the_last_response() -> None:
    ran = step("path: /\nexpect: { status_code: 200 }", Answer(hops=(Answer(status=302), Answer(status=301))))
    assert ran.outcome.requests == 3
    assert [(exchange.status, poll, failed) for exchange, poll, failed in ran.instance.observed] == [
        (302, False, False),
        (301, False, False),
        (200, False, False),
    ]
    assert ran.outcome.exchange is ran.instance.observed[-1][0]


def test_the_record_of_the_last_hop_says_that_it_failed() -> None:
    ran = step("path: /", Answer(status=500, hops=(Answer(status=302),)))
    assert [failed for _, _, failed in ran.instance.observed] == [False, True]


def test_redirects_can_be_left_alone() -> None:
    ran = step("path: /\nfollow_redirects: false", Answer(status=302, hops=(Answer(status=301),)))
    assert (ran.outcome.requests, ran.outcome.outcome) == (1, "passed")
    assert ran.sent[0].follow_redirects is False


def test_the_largest_body_is_handed_on() -> None:
    assert step("path: /\nmax_body: 64KiB").sent[0].max_body == 65536
    assert step("path: /").sent[0].max_body is None


def test_constant_headers_belong_to_the_endpoint_and_others_are_rendered() -> None:
    ran = step(
        """
        path: /
        headers: { X-Team: cart, X-Count: 5, X-User: "u-{{ user }}" }
        cookies: { a: 1, b: "{{ user }}" }
        """,
        user=7,
    )
    assert ran.sent[0].headers == (("X-Team", "cart"), ("X-Count", "5"), ("X-User", "u-7"), ("Cookie", "a=1; b=7"))


def test_null_that_stands_alone_leaves_out_what_it_stands_for() -> None:
    ran = step(
        """
        path: /
        query: { a: "{{ none_at_all }}", b: "{{ user }}", c: null, d: ["{{ none_at_all }}", 1] }
        headers: { X-A: "{{ none_at_all }}", X-B: "{{ user }}", X-C: null }
        cookies: { a: "{{ none_at_all }}", b: null }
        form: { a: "{{ none_at_all }}", b: "{{ user }}" }
        """,
        none_at_all=None,
        user=True,
    )
    (sent,) = ran.sent
    assert (sent.target, sent.body) == ("/?b=true&d=1", b"b=true")
    assert [pair for pair in sent.headers if pair[0] != "Content-Type"] == [("X-B", "true")]


@pytest.mark.parametrize(
    "line",
    ['headers: { X-A: "a {{ x.y }}" }', 'path: "/{{ x.y }}"', 'body: "{{ x.y }}"', 'cookies: { a: "a{{ x.y }}" }'],
)
def test_null_inside_a_text_fails_the_step_and_nothing_is_sent(line: str) -> None:
    ran = step(line if line.startswith("path") else f"path: /\n{line}", x={"y": None})
    assert (ran.outcome.outcome, ran.outcome.error, ran.sent) == ("errored", "template", [])
    assert ran.outcome.message == "x.y is null"


def test_constant_cookies_belong_to_the_endpoint() -> None:
    assert step("path: /\ncookies: { a: 1, b: x }").sent[0].header("cookie") == "a=1; b=x"


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\0b"])
def test_a_header_value_cannot_end_the_header(value: str) -> None:
    ran = step('path: /\nheaders: { X-User: "{{ user }}" }', user=value)
    assert ran.outcome.message == ('the value of "X-User" must not contain a line break or a null character')
    assert ran.sent == []


def test_a_cookie_value_cannot_begin_another_cookie() -> None:
    ran = step('path: /\ncookies: { a: "{{ user }}" }', user="x; admin=1")
    assert ran.outcome.message == 'the value of "a" must not contain a semicolon'


@pytest.mark.parametrize(
    ("lines", "body", "content_type"),
    [
        ('json: ["{{ qty }}", true, null]', b"[2,true,null]", "application/json"),
        ("json: null", b"null", "application/json"),
        (
            'form: { a: "{{ name }}", b: [1, x y] }',
            b"a=J%C3%BCrgen+%26+Co&b=1&b=x+y",
            "application/x-www-form-urlencoded",
        ),
        ("form: { a: 1 }", b"a=1", "application/x-www-form-urlencoded"),
        ('body: "qty={{ qty }}"', b"qty=2", None),
        ("body: Jürgen", "Jürgen".encode(), None),
        ("headers: { content-type: text/plain }\njson: 5", b"5", "text/plain"),
        ('headers: { Content-Type: "x/{{ qty }}" }\njson: 5', b"5", "x/2"),
    ],
)
def test_a_body_goes_with_its_content_type(lines: str, body: bytes, content_type: str | None) -> None:
    ran = step(f"method: post\npath: /\n{lines}", qty=2, name="Jürgen & Co")
    assert (ran.sent[0].method, ran.sent[0].body) == ("POST", body)
    assert ran.sent[0].header("content-type") == content_type


@pytest.mark.parametrize(
    ("lines", "content_type"), [("json: {}", None), ("form: { a: 1 }", "application/x-www-form-urlencoded")]
)
def test_the_services_own_json_type_stands_but_a_form_says_its_own(lines: str, content_type: str | None) -> None:
    service = Service(name="", base_url="http://shop.test", headers={"Content-Type": "application/vnd.shop+json"})
    ran = step(f"path: /\n{lines}", sut=Sut(name="Shop", default=service, source=Source(file="sut.yaml")))
    assert ran.sent[0].header("content-type") == content_type
