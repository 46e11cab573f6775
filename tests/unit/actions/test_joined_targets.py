from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.compiling import SUT, Compiled, run_flow
from tests.unit.actions.test_request_targets import SHOPS, sent_for
from windtunnel.testing.scripted import Answer

TEXTS = st.one_of(
    st.text(max_size=20),
    st.text("/.:@?#%\\\\ a{}", max_size=12),
    st.sampled_from(
        ["//evil.test", "/\\\\evil.test", "http://evil.test/", ".evil.test", "@evil.test", ":99", "/..//a"]
    ),
)


@pytest.mark.parametrize(
    ("lines", "value", "target"),
    [
        ('path: "{{ x }}/b"', "/a/c", "/a/c/b"),
        ('path: "{{ x }}{{ n }}"', "/a/", "/a/7"),
        ('path: "{{ x }}/{{ slash }}"', "/a", "/a/p%2Fq"),
        ('path: "{{ x }}/b"', "/a%20b/ü d", "/a%20b/%C3%BC%20d/b"),
        ('path: "{{ x }}/b"', "/a?page=2#top", "/a/b?page=2"),
        ('path: "{{ x }}/b?c=1"', "/a?page=2", "/a/b?page=2&c=1"),
        ('path: "{{ x }}?c=1"', "/a?page=2", "/a?page=2&c=1"),
        ('path: "{{ x }}&c={{ slash }}"', "/a?page=2", "/a?page=2&c=p%2Fq"),
        ('path: "{{ x }}/b#end"', "/a?page=2", "/a/b?page=2"),
        ('path: "{{ x }}/b"\nquery: { c: 1 }', "/a?page=2", "/a/b?page=2&c=1"),
        ('path: "{{ x }}/b"', "", "/b"),
        ('path: "{{ x }}/b"', 7, "/7/b"),
        ('path: "{{ x }}/b"', "p/q", "/p%2Fq/b"),
        ('path: "{{ x | raw }}/b"', "p/q", "/p/q/b"),
        ("path: \"{{ x['a'] }}/b\"", {"a": "/c"}, "/c/b"),
        ("path: \"{{ '}}' if n == 8 else x }}/b\"", "/a", "/a/b"),
        ('path: "{{ x }}{% if n == 7 %}/b{% endif %}"', "/a", "/a/b"),
        ('path: "/k/{{ x }}"', "/a/c", "/k/%2Fa%2Fc"),
        ('path: "/k/{{ x | raw }}"', "a/c%20d", "/k/a/c%20d"),
        ('path: "/k{{ x | raw }}/z"', "/a b#c", "/k/a%20b%23c/z"),
        ('path: "/k"\nquery: { q: "{{ x | raw }}" }', "a%2Fb c", "/k?q=a%2Fb%20c"),
        ('path: "{{ x | raw }}"', "/a/c%20d", "/a/c%20d"),
        ('url: "http://shop.test{{ x }}"', "/a/c?d=1", "http://shop.test/a/c?d=1"),
        ('url: "http://shop.test{{ x }}/b"', "/a?d=1", "http://shop.test/a/b?d=1"),
        ('url: "http://shop.test{{ x }}"', "", "http://shop.test"),
        ('url: "http://shop.test{{ x }}"', "?d=1", "http://shop.test?d=1"),
        ('url: "http://shop.test:80{{ x }}"', "/a", "http://shop.test:80/a"),
        ('url: "http://shop.test/{{ x }}"', "/a", "http://shop.test/%2Fa"),
        ('url: "http://{{ x }}.test/{{ slash | raw }}"', "shop", "http://shop.test/p/q"),
        ('url: "http://shop.test:{{ x }}/b"', 80, "http://shop.test:80/b"),
    ],
)
def test_a_value_that_begins_with_a_slash_goes_in_as_a_path(lines: str, value: Any, target: str) -> None:
    assert sent_for(lines, x=value, n=7, slash="p/q").target == target


def test_a_field_of_a_form_that_is_encoded_already_is_sent_as_it_is() -> None:
    assert sent_for('path: /\nform: { a: "{{ x }}", b: "{{ x | raw }}" }', x="p%2Fq").body == b"a=p%252Fq&b=p%2Fq"


@pytest.mark.parametrize(
    ("lines", "value", "said"),
    [
        ('path: "{{ x }}/b"', "//evil.test/a", 'x is "//evil.test/a", which names a host'),
        ('path: "{{ x }}/b"', "https://evil.test/a", "which names a host"),
        ('path: "{{ x | raw }}/b"', " //evil.test", "which names a host"),
        ('url: "http://shop.test{{ x }}"', ".evil.test/", "must begin with /"),
        ('url: "http://shop.test{{ x }}"', "@evil.test/", "must begin with /"),
        ('url: "http://shop.test{{ x | raw }}/b"', ":99", "must begin with /"),
        ('url: "http://shop.test{{ x }}"', "orders", "must begin with /"),
        ('path: "{{ x }}/b"', None, "x is null"),
    ],
)
def test_a_value_that_is_no_path_sends_nothing(lines: str, value: Any, said: str) -> None:
    ran = run_flow(f"flow:\n  - type: http\n    name: one\n    {lines}\n", [Answer()], x=value)
    assert (ran.outcome.outcome, ran.outcome.error, ran.sent) == ("errored", "template", [])
    assert said in str(ran.outcome.message)


@settings(max_examples=200)
@given(value=TEXTS)
@pytest.mark.parametrize(
    "url",
    [
        "http://shop.test{{ x }}",
        "http://shop.test{{ x | raw }}/b",
        "http://shop.test/{{ x | raw }}",
        "http://shop.test?{{ x | raw }}",
        "http://shop.test/a/{{ x }}",
    ],
)
def test_no_value_changes_the_host_of_a_url(url: str, value: str) -> None:
    ran = run_flow(f'flow: [{{ type: http, name: one, url: "{url}" }}]', [Answer()], x=value)
    assert all(re.fullmatch(r"http://shop\.test([/?][!-~]*)?", sent.target) for sent in ran.sent)
    assert all(set(sent.target).isdisjoint('#\\"<>') for sent in ran.sent)


@settings(max_examples=200)
@given(value=TEXTS)
@pytest.mark.parametrize(
    "path", ["{{ x }}/b", "{{ x | raw }}/b", "{{ x }}&c=1", "{{ x }}{{ x }}", "/{{ x | raw }}"]
)
def test_no_value_leads_a_path_to_another_host(path: str, value: str) -> None:
    ran = run_flow(f'flow: [{{ type: http, name: one, path: "{path}" }}]', [Answer()], x=value)
    assert all(re.fullmatch("/[!-~]*", sent.target) for sent in ran.sent)
    assert all(set(sent.target).isdisjoint('#\\"<>') for sent in ran.sent)


@settings(max_examples=200)
@given(first=st.sampled_from(["/a", "b", ""]), value=TEXTS)
def test_a_value_behind_the_beginning_stays_one_segment(first: str, value: str) -> None:
    target = sent_for('path: "{{ first }}/{{ x }}/c"', first=first, x=value).target
    assert target.count("/") == (2 if not first else 3)
    assert "?" not in target


@settings(max_examples=100)
@given(value=TEXTS)
def test_a_value_in_a_host_stays_in_it(value: str) -> None:
    ran = run_flow('flow: [{ type: http, name: one, url: "http://{{ x | raw }}.test/b" }]', [Answer()], x=value)
    assert all(re.fullmatch(r"http://[^/?#@:]*\.test/b", sent.target) for sent in ran.sent)


def test_a_path_behind_a_literal_host_goes_to_its_service_and_must_be_allowed() -> None:
    assert sent_for('url: "http://cart.test{{ x }}"', sut=SHOPS, x="/a").service.name == "cart"
    compiled = Compiled('flow: [{ type: http, name: one, url: "http://evil.test{{ x }}" }]', sut=SUT, names=("x",))
    (problem,) = compiled.problems
    assert problem.message == 'the host "evil.test" is neither a service of the SUT nor in its allow_hosts'


@pytest.mark.parametrize(
    ("lines", "hint", "target"),
    [
        ("path: api/items", 'path: "/api/items"', "/api/items"),
        ("path: ' /api'", 'path: "/api"', "/api"),
        ("path: http://shop.test/a", 'url: "http://shop.test/a"', "http://shop.test/a"),
        ('path: "api/{{ x }}"', 'path: "/api/{{ x }}"', "/api/%2Fv"),
        ("url: /api", 'path: "/api"', "/api"),
        ("url: ' http://shop.test/a'", 'url: "http://shop.test/a"', "http://shop.test/a"),
        ('url: "/api/{{ x }}"', 'path: "/api/{{ x }}"', "/api/%2Fv"),
    ],
)
def test_each_help_sends_the_request_that_was_meant(lines: str, hint: str, target: str) -> None:
    compiled = Compiled(f"flow:\n  - type: http\n    name: one\n    {lines}\n", names=("x",))
    assert [problem.hint for problem in compiled.problems] == [hint]
    assert sent_for(hint, x="/v").target == target


@pytest.mark.parametrize("lines", ["path: ftp://shop.test/a", "url: ws://shop.test/a"])
def test_a_scheme_that_is_not_sent_gets_no_path_as_help(lines: str) -> None:
    (problem,) = Compiled(f"flow:\n  - type: http\n    name: one\n    {lines}\n").problems
    assert problem.hint == "requests go to http:// and https:// alone"


def test_a_url_that_begins_with_a_template_is_joined_in_one() -> None:
    flow = 'flow: [{ type: http, name: one, url: "{{ base }}/items" }]'
    (problem,) = Compiled(flow, names=("base",)).problems
    written = re.search(r'"(.*)"', str(problem.hint))
    assert written is not None
    assert sent_for(f'url: "{written[1]}"', base="http://shop.test").target == "http://shop.test/items"


def test_a_mistake_in_the_rest_is_told_once_with_the_whole_text() -> None:
    (problem,) = Compiled('flow: [{ type: http, name: one, path: "{{ a }}/{{ b" }]', names=("a",)).problems
    assert '"{{ a }}/{{ b" is not a template' in problem.message
    (unknown,) = Compiled('flow: [{ type: http, name: one, path: "{{ a }}/{{ b }}" }]', names=("a",)).problems
    assert 'variable "b" is not set' in unknown.message
