from __future__ import annotations

import json
import pickle

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.support.messages import Write, golden, message_of
from windtunnel.config.reader import read_file, read_yaml
from windtunnel.config.scalars import Expansion, expand, secret_values
from windtunnel.errors import ExpressionError
from windtunnel.expressions.template import compile_template
from windtunnel.model.scenario import Expanded

ENVIRONMENT = {
    "HOST": "http://shop.test:8080",
    "TOKEN": "tok-1234567890",
    "COUNT": "12",
    "FLAG": "true",
    "EMPTY": "",
    "SHORT": "abc",
    "PRIVATE": "a: [b, c]  # no comment",
}


def expanded(text: str, environment: dict[str, str]) -> Expansion:
    def read_secret(path: str) -> str:
        raise ExpressionError(f"{path} is not read")

    return expand(text, environment, read_secret, frozenset())


def read(text: str) -> object:
    return read_yaml("f.yaml", text.encode(), environment=ENVIRONMENT).data["x"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("x: ${COUNT}", 12),
        ("x: '${COUNT}'", "12"),
        ('x: "${COUNT}"', "12"),
        ("x: ${COUNT}0", "120"),
        ("x: ${FLAG}", True),
        ("x: ${MISSING:-5}", 5),
        ("x: ${MISSING:-}", ""),
        ("x: '${MISSING:-}'", ""),
        ("x: ${EMPTY:-5}", 5),
        ("x: '${EMPTY}'", ""),
        ("x: ${MISSING:-http://a.test/b?c=1}", "http://a.test/b?c=1"),
        ("x: Bearer ${TOKEN}", "Bearer tok-1234567890"),
        ("x: ${HOST}/a/${COUNT}", "http://shop.test:8080/a/12"),
        ("x: ${PRIVATE}", "a: [b, c]  # no comment"),
        ("x: $${COUNT}", "${COUNT}"),
        ("x: $COUNT", "$COUNT"),
        ("x: $$", "$$"),
        ("x: |\n  ${COUNT}\n", "12\n"),
    ],
)
def test_a_reference_becomes_its_value(text: str, value: object) -> None:
    assert read(text) == value
    assert type(read(text)) is type(value)


def test_keys_are_left_alone() -> None:
    assert read_yaml("f.yaml", b"${COUNT}: 1", environment=ENVIRONMENT).data == {"${COUNT}": 1}


def test_a_value_of_the_environment_is_not_expanded_again() -> None:
    assert expanded("${A}", {"A": "${B}", "B": "secret"}).text == "${B}"


_LIKE_TEMPLATES = (
    *("{{ 7 * 7 }}", "{{", "{", "{%", "{% if x %}", "{# gone #}", "{{ '{{' }}", "}}{{ 1 }}", "{{{{", "a{ {b"),
    *("{{ env.HOME }}", "'{{ 1 }}\"", "\\{{ 1 }}", "{{ 1 }}\n{{ 2 }}"),
)
_beginnings = st.text("{%#} a", max_size=6)


@pytest.mark.parametrize("value", _LIKE_TEMPLATES)
@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("${A}", "{A}"),
        ("Bearer ${A}", "Bearer {A}"),
        ("{${A}", "{{{A}"),
        ("${A}{ 7 }", "{A}{{ 7 }}"),
        ("${A}${A}", "{A}{A}"),
        ("{{ x }}-${A}-{{ x }}", "7-{A}-7"),
        ("{{ '${A}' }}!", "{A}!"),
        ('{{ "${A}" ~ x }}', "{A}7"),
        ("{# '${A} #}n{{ x }}", "n7"),
    ],
)
def test_a_value_of_the_environment_is_never_a_template(value: str, written: str, meant: str) -> None:
    text = pickle.loads(
        pickle.dumps(read_yaml("f.yaml", f"x: {json.dumps(written)}".encode(), environment={"A": value}))
    )
    assert compile_template(text.data["x"])({"x": 7}) == meant.format(A=value)


@given(_beginnings, st.text("{%#} 'x\"\\", max_size=9), _beginnings)
def test_no_value_makes_a_template_of_the_text_around_it(before: str, value: str, after: str) -> None:
    assume(not any(mark in text for mark in ("{{", "{%", "{#") for text in (before, after)))
    expansion = expanded(f"{before}${{A}}{after}", {"A": value})
    assert compile_template(Expanded(expansion.text, expansion.template))({}) == f"{before}{value}{after}"


def test_a_missing_variable_is_an_error_at_its_place() -> None:
    assert message_of(lambda: read("x:\n  - y: Bearer ${TOKENN}\n")) == golden(
        """
        f.yaml:2:8: the environment has no variable TOKENN
          2 |   - y: Bearer ${TOKENN}
            |        ^^^^^^^^^^^^^^^^
          help: export TOKENN, or give a default: ${TOKENN:-default}
        """
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [("${a b}", "${a b}"), ("${}", "${}"), ("${1A}", "${1A}"), ("${A", "${A"), ("${A:-${B}}", "${A:-${B}")],
)
def test_what_only_looks_like_a_reference_is_an_error(text: str, found: str) -> None:
    assert message_of(lambda: read(f"x: '{text}'")).splitlines()[0] == (
        f'f.yaml:1:4: "{found}" is not a reference to the environment'
    )


def test_a_reference_inside_braces_must_be_quoted() -> None:
    assert message_of(lambda: read("x: { y: ${COUNT} }")) == golden(
        """
        f.yaml:1:10: not valid YAML: expected ',' or '}', but got '{'
          1 | x: { y: ${COUNT} }
            |          ^
          help: inside { } and [ ] put a reference into quotes: "${NAME}"
        """
    )


def test_what_came_from_the_environment_is_secret() -> None:
    text = (
        b"a: Bearer ${TOKEN}\nb: ${HOST}\nc: ${COUNT}\nd: ${SHORT}\ne: ${MISSING:-default-value}\nf: $${PRIVATE}"
    )
    document = read_yaml("f.yaml", text, environment={**ENVIRONMENT, "COUNT": "1234567890.5"})
    assert document.secrets == {"tok-1234567890"}


def test_public_variables_are_no_secrets() -> None:
    read = {"TOKEN": "tok-1234567890", "REGION": "eu-central-1"}
    assert secret_values([read], public=["REGION"]) == {"tok-1234567890"}


@given(st.text(), st.dictionaries(st.from_regex(r"[A-C]", fullmatch=True), st.text()))
def test_expanding_never_raises_and_text_without_references_stays(text: str, environment: dict[str, str]) -> None:
    expansion = expanded(text, environment)
    if "${" not in text:
        assert expansion.text == text
    assert set(expansion.read.items()) <= set(environment.items())


@given(st.text(), st.text())
def test_an_escaped_reference_is_literal_whatever_stands_around_it(before: str, after: str) -> None:
    before, after = before.replace("$", ""), after.replace("$", "")
    assert expanded(f"{before}$${{A}}{after}", {"A": "never"}).text == f"{before}${{A}}{after}"


def test_a_secret_can_stand_in_a_file_whose_last_line_break_is_not_part_of_it(write: Write) -> None:
    write("secrets/token", "very-secret-token\n")
    path = write("sut.yaml", 'base_url: http://x.test\nheaders: { A: "Bearer ${file:secrets/token}" }\n')
    document = read_file(path, {})
    assert document.data["headers"] == {"A": "Bearer very-secret-token"}
    assert document.secrets == {"very-secret-token"}


def test_what_came_from_a_file_is_secret_even_if_it_is_a_number_or_a_url(write: Write) -> None:
    write("n", "1234567890")
    write("u", "http://user@x.test")
    path = write("sut.yaml", "a: ${file:n}\nb: ${file:u}\nc: ${file:gone:-default}\n")
    document = read_file(path, {})
    assert document.data == {"a": 1234567890, "b": "http://user@x.test", "c": "default"}
    assert document.secrets == {"1234567890", "http://user@x.test"}


def test_a_secret_that_can_not_be_read_is_told_where_it_is_asked_for(write: Write) -> None:
    write("big", "x" * 70_000)
    write("binary", b"\xff\xfe")
    path = write("sut.yaml", "a: ${file:nowhere/token}\nb: ${file:big}\nc: ${file:binary}\nd: ${file:}\n")
    lines = [line for line in message_of(lambda: read_file(path, {})).splitlines() if line.startswith("sut")]
    assert lines == [
        'sut.yaml:1:4: there is no file "nowhere/token"',
        'sut.yaml:2:4: "big" is larger than 64 KiB, too large for a secret',
        'sut.yaml:3:4: "binary" is not UTF-8 text',
        'sut.yaml:4:4: "${file:}" is not a reference to the environment',
    ]
