"""Multipart and GraphQL bodies; the others are told about in test_http_step."""

from __future__ import annotations

import email.policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.compiling import Compiled, run_flow
from windtunnel.testing.scripted import Answer, Sent, json_answer


@pytest.fixture(autouse=True)
def beside_the_scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").write_bytes(b"\x89PNG")
    return tmp_path


def flow(lines: str) -> str:
    return "flow:\n  - type: http\n    name: one\n    path: /\n" + "".join(
        f"    {x}\n" for x in lines.splitlines()
    )


def parts_of(sent: Sent) -> list[tuple[str, str | None, str | None, bytes]]:
    """Name, file name, content type and content, as the standard library's own parser reads them."""
    head = f"Content-Type: {sent.header('content-type')}\r\n\r\n".encode()
    message = BytesParser(_class=EmailMessage, policy=email.policy.HTTP).parsebytes(head + sent.body)
    parts = []
    for part in message.iter_parts():
        disposition = part["content-disposition"].params
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        kind = part.get("content-type")
        parts.append((disposition["name"], disposition.get("filename"), kind and str(kind), content))
    return parts


def test_fields_are_parts_and_templates_in_them_are_rendered() -> None:
    ran = run_flow(
        flow("multipart: { title: 'Nr. {{ n }}', ok: true, tags: [a, 1], none: null }"), [Answer()], n=5
    )
    assert parts_of(ran.sent[0]) == [
        ("title", None, None, b"Nr. 5"),
        ("ok", None, None, b"true"),
        ("tags", None, None, b"a"),
        ("tags", None, None, b"1"),
    ]
    assert ran.sent[0].method == "POST"


def test_a_field_without_a_value_is_left_out_and_a_list_repeats_it() -> None:
    lines = (
        "multipart:\n"
        "  gone: '{{ nothing }}'\n"
        "  noted: { text: '{{ nothing }}', content_type: text/plain }\n"
        "  many: { text: '{{ list }}', filename: '{{ n }}.txt' }\n"
        "  one: '{{ object }}'"
    )
    ran = run_flow(flow(lines), [Answer()], nothing=None, list=[1, None, True], n=5, object={"a": 1.0})
    assert parts_of(ran.sent[0]) == [
        ("many", "5.txt", None, b"1"),
        ("many", "5.txt", None, b"true"),
        ("one", None, None, b'{"a":1}'),
    ]


def test_a_file_is_named_and_not_read_when_the_step_is_compiled() -> None:
    ran = run_flow(flow("multipart: { id: p-1, photo: { file: images/a.png } }"), [Answer()])
    assert parts_of(ran.sent[0]) == [("id", None, None, b"p-1"), ("photo", "a.png", "image/png", b"")]
    assert [Path(name) for name in ran.sent[0].files] == [Path("images/a.png")]


def test_a_part_can_have_a_file_name_and_a_content_type_of_its_own() -> None:
    lines = (
        "multipart:\n"
        '  photo: { file: images/a.png, filename: "{{ n }}.jpg", content_type: image/jpeg }\n'
        '  meta: { json: { id: "{{ n }}" } }\n'
        "  note: { text: hello, content_type: text/markdown }"
    )
    ran = run_flow(flow(lines), [Answer()], n=5)
    assert parts_of(ran.sent[0]) == [
        ("photo", "5.jpg", "image/jpeg", b""),
        ("meta", None, "application/json", b'{"id":5}'),
        ("note", None, "text/markdown", b"hello"),
    ]


def test_the_boundary_is_the_same_in_every_request_of_a_step_and_not_in_those_of_another() -> None:
    two = flow("multipart: { a: '{{ n }}' }") + flow("multipart: { a: 1 }").replace("flow:\n", "").replace(
        "one", "two"
    )
    first, other = run_flow(two, [Answer(), Answer()], n=1).sent
    again = run_flow(two, [Answer(), Answer()], n=2).sent[0]
    assert first.header("content-type") == again.header("content-type")
    assert first.header("content-type") != other.header("content-type")


def test_a_value_that_holds_the_boundary_is_not_sent() -> None:
    boundary = (
        run_flow(flow("multipart: { a: '{{ x }}' }"), [Answer()], x="").sent[0].header("content-type") or ""
    )[30:]
    ran = run_flow(flow("multipart: { a: '{{ x }}' }"), x=f"\r\n--{boundary}\r\nContent-Disposition: …")
    assert ran.sent == []
    assert (ran.outcome.outcome, ran.outcome.message) == (
        "errored",
        "the value contains the boundary of the multipart body",
    )


@given(st.text(), st.text())
@settings(max_examples=50)
def test_no_value_gets_out_of_its_part(title: str, filename: str) -> None:
    lines = "multipart: { title: '{{ title }}', photo: { text: x, filename: '{{ filename }}' }, last: 1 }"
    ran = run_flow(flow(lines), [Answer()], title=title, filename=filename)
    body = ran.sent[0].body
    boundary = (ran.sent[0].header("content-type") or "").partition("boundary=")[2].encode()
    first, second, third, end = body.split(b"--" + boundary)[1:]
    assert (
        first
        == b'\r\nContent-Disposition: form-data; name="title"\r\n\r\n' + title.encode("utf-8", "replace") + b"\r\n"
    )
    assert second.count(b"\r\n\r\n") == 1
    assert second.endswith(b"\r\n\r\nx\r\n")
    assert third.endswith(b"\r\n\r\n1\r\n")
    assert end == b"--\r\n"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("multipart: { a: { file: gone.png } }", 'there is no file "gone.png"'),
        ("multipart: { a: { file: images/a.png, text: x } }", "a part needs exactly one of file, text, json"),
        ("multipart: { a: { text: x, content_type: png } }", "'png' is not a content type"),
        ("multipart: { a: { text: x, charset: b } }", 'unknown key "charset"'),
        ("multipart: { a: '{{ b }}' }", 'variable "b" is not set by any earlier step'),
        ("multipart: { a: 1 }\njson: 1", "a request has one body, not 2: json, multipart"),
        ("graphql: { variables: {} }", "`query` is missing here"),
        ("graphql: { query: '{ a }', operationName: x }", 'unknown key "operationName"'),
    ],
)
def test_what_is_wrong_with_a_body_is_said(lines: str, message: str) -> None:
    assert message in [problem.message for problem in Compiled(flow(lines)).problems]


QUERY = """graphql:
  query: "query Shelf($n: Int) { products(limit: $n) { id } }"
  variables: { n: "{{ n }}" }
  operation: Shelf"""


def test_a_graphql_query_is_json_with_its_variables() -> None:
    ran = run_flow(flow(QUERY), [json_answer({"data": {"products": []}})], n=3)
    assert ran.sent[0].method == "POST"
    assert ran.sent[0].header("content-type") == "application/json"
    assert ran.sent[0].body == (
        b'{"query":"query Shelf($n: Int) { products(limit: $n) { id } }",'
        b'"variables":{"n":3},"operationName":"Shelf"}'
    )
    assert (ran.outcome.outcome, ran.outcome.checks) == ("passed", ["status_code", "graphql:errors"])


@pytest.mark.parametrize(
    ("answer", "actual"),
    [
        (json_answer({"errors": [{"message": "no such field"}]}), '"no such field"'),
        (json_answer({"data": {}, "errors": [{"message": "a"}, {"message": "b"}, 5]}), '"a" (and 2 more)'),
        (json_answer({"errors": [5]}), "5"),
        (json_answer({"errors": "down"}), '"down"'),
        (json_answer([1]), "not a GraphQL response: [1]"),
        (Answer(body=b"<html>"), 'not JSON but HTML: "<html>"'),
    ],
)
def test_errors_in_an_answer_with_status_200_fail_the_step(answer: Answer, actual: str) -> None:
    outcome = run_flow(flow("graphql: { query: '{ a }' }"), [answer]).outcome
    assert (outcome.outcome, outcome.message) == ("failed", "graphql:errors does not hold")
    check = outcome.checks[1]
    assert not isinstance(check, str)
    assert (check.name, check.expected, check.actual) == ("graphql:errors", "no errors", actual)
    assert not outcome.request_failed, "the request got its answer: it is the check that failed"


@pytest.mark.parametrize(
    "answer", [json_answer({"data": 1, "errors": []}), json_answer({"data": 1, "errors": None})]
)
def test_no_errors_are_no_errors(answer: Answer) -> None:
    assert run_flow(flow("graphql: { query: '{ a }' }"), [answer]).outcome.outcome == "passed"


@pytest.mark.parametrize(
    "expect",
    [
        '{ json: { "$.errors[0].message": x } }',
        '{ json: [{ path: "$.errors[0].message", equals: x }] }',
        "{ condition: \"response.json.errors[0].message == 'x'\" }",
    ],
)
def test_an_expectation_that_speaks_of_errors_decides_itself(expect: str) -> None:
    lines = f"graphql: {{ query: '{{ a }}' }}\nexpect: {expect}"
    outcome = run_flow(flow(lines), [json_answer({"errors": [{"message": "x"}]})]).outcome
    assert outcome.outcome == "passed"
    assert "graphql:errors" not in outcome.checks


@pytest.mark.parametrize(
    ("lines", "method"),
    [("expect: { status_code: 200 }", "GET"), ("body: x", "POST"), ("form: { a: 1 }", "POST"),
     ("json: {}\nmethod: put", "PUT"), ("file: images/a.png", "POST")],
)  # fmt: skip
def test_what_has_a_body_is_a_post_unless_the_step_says_otherwise(lines: str, method: str) -> None:
    assert run_flow(flow(lines), [Answer()]).sent[0].method == method
