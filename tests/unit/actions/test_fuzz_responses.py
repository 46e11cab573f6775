"""Whatever the SUT answers becomes an outcome that can be written down, and is never rendered."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.compiling import Compiled, FakeInstance, Ran
from windtunnel.model.record import FailedCheck
from windtunnel.testing.scripted import Answer

quick_and_long = pytest.mark.parametrize("examples", [100, pytest.param(2_000, marks=pytest.mark.slow)])

FLOW = """
flow:
  - type: http
    name: one
    path: /
    on_failure: continue
    expect:
      status_code: 2xx
      latency: { below: 5s }
      headers: { content-type: { contains: json }, x-number: { at_least: 1, between: [1, 5] } }
      cookies: { session: { matches: "^[a-z]+$" } }
      body: { contains: a, matches: "(a|aa)+b", not_contains: x, length: { above: 1 }, starts_with: "{" }
      schema: { type: object, properties: { a: { type: array, uniqueItems: true, items: { pattern: "^p" } } } }
      condition: response.json.a[0] == 5 and response.json.b > 1
      json:
        - { path: $.a, length: { at_least: 1 }, each: { type: string } }
        - { path: $.a, any: { equals: { b: 1 } }, contains: 5 }
        - { path: "$.a[*].b", not: { in: [1, x] }, exists: true }
        - { path: $..b, above: 1, below: 1e300 }
        - { path: "$.a[?(@.b > 1)]", equals: "{{ response.json.a }}" }
        - { path: $.b, ends_with: x, type: integer, between: [0, 1] }
  - type: http
    name: two
    path: /
    on_failure: continue
    extract:
      a: { json: $.a, default: null }
      all: { json: "$..b", all: true, default: [] }
      text: { regex: "(.*)", default: "" }
      page: { css: "a::attr(href)", default: null }
      node: { xpath: "//text()", default: null }
      header: { header: x-number, default: null }
      cookie: { cookie: session, default: null }
      code: { status: true }
  - type: http
    name: three
    path: "/{{ a }}/{{ text }}"
    query: { q: "{{ header }}" }
    json: { a: "{{ a }}", t: "{{ text }}", all: "{{ all }}", page: "{{ page }}", node: "{{ node }}" }
"""
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**400, -(10**30), 1e308, 5e-324, 2**63, 2**64])
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(["{{ 7 * 7 }}", "{% for a in b %}", "</script>", "\r\nX: y", "\u2028", "p-1", "${HOME}"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["a", "b", "{{ x }}", ""]), inner),
    max_leaves=12,
)
DOCUMENTS = st.builds(lambda a, b: {"a": a, "b": b}, VALUES, VALUES) | VALUES
BODIES = (
    DOCUMENTS.map(lambda value: json.dumps(value).encode())
    | DOCUMENTS.map(lambda value: json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    | st.binary(max_size=60)
    | st.sampled_from(
        [
            *(b'{"a": NaN}', b'{"a": [Infinity]}', b'{"a": 1e999}', b'{"a": "\\ud800"}', b'{"a": "\xff"}'),
            *(b'{"a":' * 900 + b"1" + b"}" * 900, b"[" * 5000 + b"]" * 5000, b"[" * 100_000),
            *(b'{"a": ' + b"9" * 5000 + b"}", b'{"a": 1, "a": 2}', b"", b"null", b'"a"', b"a" * 80 + b"c"),
            *(b"\xef\xbb\xbf{}", b"<a href='{{ 1 }}'>{{ 2 }}</a>", b"\0" * 50),
        ]
    )
)
VALUES_OF_HEADERS = (
    "application/json",
    "text/html",
    "text/xml",
    "5",
    "NaN",
    "session={{ 1 }}",
    "session=\xe9",
    "=;;",
)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(["content-type", "x-number", "set-cookie", "location"]),
        st.sampled_from(VALUES_OF_HEADERS),
    ),
    max_size=4,
)
EVIL = ("{{ 7 * 7 }}", "{% raw %}", "{{ x }}", "{#", "}}", "${HOME}", "$${")
COMPILED = Compiled(FLOW, answers=lambda _: Answer())


@quick_and_long
def test_any_response_becomes_an_outcome_that_can_be_written(examples: int) -> None:
    @settings(max_examples=examples)
    @given(BODIES, HEADERS, st.integers(100, 599))
    def holds(body: bytes, headers: list[tuple[str, str]], status: int) -> None:
        COMPILED.transport.sent.clear()
        COMPILED.transport._answer = lambda _: Answer(status=status, headers=headers, body=body)
        ran = Ran(COMPILED, FakeInstance(COMPILED.transport))
        assert len(ran.outcomes) == 3
        for outcome in ran.outcomes:
            assert outcome.outcome in ("passed", "failed", "errored")
            written = msgspec.json.encode([outcome.checks, outcome.message, outcome.extracted])
            assert len(written) < 20_000
        for check in ran.outcomes[0].checks:
            assert isinstance(check, str) or len(check.actual) <= 200

    holds()


@quick_and_long
def test_a_value_of_a_response_goes_out_as_it_came_in(examples: int) -> None:
    flow = """
flow:
  - { type: http, name: one, path: /, extract: { x: $.x } }
  - { type: http, name: two, path: "/{{ x }}", headers: { X-A: "{{ x }}" }, form: { a: "{{ x }}" } }
  - { type: http, name: three, path: /, json: { a: "{{ x }}", b: "-{{ x }}-" }, expect: { body: "{{ x }}" } }
"""
    compiled = Compiled(flow, answers=lambda _: Answer())

    @settings(max_examples=examples)
    @given(
        st.sampled_from(["{{ 7 * 7 }}", "{% raw %}", "{{ x }}", "{#", "}}", "${HOME}", "$${"]), st.text(max_size=5)
    )
    def holds(evil: str, more: str) -> None:
        value = evil + more
        compiled.transport.sent.clear()
        compiled.transport._answer = lambda _: Answer(body=json.dumps({"x": value}).encode())
        ran = Ran(compiled, FakeInstance(compiled.transport))
        assert ran.scope["x"] == value
        assert json.loads(ran.sent[-1].body) == {"a": value, "b": f"-{value}-"}
        (check,) = [check for check in ran.outcomes[-1].checks if isinstance(check, FailedCheck)]
        assert check.expected.startswith(json.dumps(evil, ensure_ascii=False)[:-1])

    holds()


def test_what_came_is_never_compiled_as_a_template(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a scenario is compiled, nothing parses a template any more."""
    compiled: Any = Compiled(FLOW, answers=lambda _: Answer(body=b'{"a": "{{ 7 * 7 }}", "b": "{% for %}"}'))

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a template was parsed while the scenario ran")

    monkeypatch.setattr("windtunnel.expressions.template.parse", refuse)
    ran = Ran(compiled, FakeInstance(compiled.transport))
    assert ran.scope["a"] == "{{ 7 * 7 }}"
