from __future__ import annotations

from typing import Any

import pytest

from tests.support.compiling import Compiled, exchange_of, run_flow
from tests.unit.actions.test_extraction import extracted
from windtunnel.actions.response.extract import MissingValue
from windtunnel.testing.scripted import Answer, Sent

HTML = (("Content-Type", "text/html"),)


def form_in(page: str, selector: str = "form", **spec: Any) -> Any:
    exchange = exchange_of(page.encode(), headers=HTML)
    exchange.url = "http://shop.test/account/login?next=/cart"
    return extracted({"form": selector, **spec}, exchange)


def fields_of(controls: str) -> Any:
    return form_in(f"<form>{controls}</form>")["fields"]


LOGIN = """
<html><body><form id="search"><input name="q" value="x"></form>
<form id="login" action="do?a=1#top" method="post">
  <input type="hidden" name="csrf" value="t&amp;k">
  <input name="user"><input type="password" name="password">
  <label><input type="checkbox" name="remember" checked> stay</label>
  <button name="action" value="login" id="go">Log in</button>
  <button name="action" value="forgot" formaction="/forgot" formmethod="get">Forgot</button>
</form></body></html>
"""


def test_a_form_is_read_with_its_url_and_hidden_fields() -> None:
    assert form_in(LOGIN, "#login") == {
        "action": "http://shop.test/account/do?a=1",
        "method": "POST",
        "enctype": "application/x-www-form-urlencoded",
        "fields": {"csrf": "t&k", "user": "", "password": "", "remember": "on"},
        "buttons": [
            {"name": "action", "value": "login", "text": "Log in", "id": "go"},
            {
                "name": "action",
                "value": "forgot",
                "text": "Forgot",
                "id": "",
                "action": "http://shop.test/forgot",
                "method": "GET",
            },
        ],
    }


@pytest.mark.parametrize(
    ("controls", "fields"),
    [
        ('<input type="checkbox" name="a">', {}),
        (
            "<input type=CHECKBOX name=a value=1 checked><input type=checkbox name=a value=2 checked>",
            {"a": ["1", "2"]},
        ),
        ('<input type="radio" name="a" value="1"><input type="radio" name="a" value="2" checked>', {"a": "2"}),
        ("<input type=radio name=a value=1 checked><input type=radio name=a value=2 checked>", {"a": "2"}),
        ("<select name=a><option>x  y</option><option value=2 selected>z</option></select>", {"a": "2"}),
        ("<select name=a><option disabled>x</option><option> y </option></select>", {"a": "y"}),
        ("<select name=a size=3><option>x</option></select>", {}),
        ("<select name=a multiple><option>x</option></select>", {}),
        ("<select name=a multiple><option selected>x<option selected>y<option>z</select>", {"a": ["x", "y"]}),
        ("<select name=a><optgroup disabled><option>x</option></optgroup><option>y</option></select>", {"a": "y"}),
        ("<textarea name=a>\n\none\ntwo</textarea>", {"a": "\none\ntwo"}),
        ("<textarea name=a></textarea>", {"a": ""}),
        ("<input type=file name=a value=/etc/passwd>", {"a": ""}),
        ("<input type=hidden name=_charset_>", {"_charset_": "UTF-8"}),
        ("<input name=a value=1 disabled><input name=b readonly value=2>", {"b": "2"}),
        ("<fieldset disabled><legend><input name=a></legend><input name=b></fieldset>", {"a": ""}),
        ("<input value=1><input name='' value=2><input name=a value=3>", {"a": "3"}),
        ("<input type=submit name=a value=1><input type=image name=b><input type=reset name=c>", {}),
        ("<button name=a>x</button><button type=button name=b>y</button><input type=button name=c>", {}),
        ("<datalist><input name=a></datalist><input name=b type=unknown value=1>", {"b": "1"}),
        ("<input type=color name=a><input type=file name=b>", {"a": "#000000", "b": ""}),
        ("<input name=a value=1><input type=hidden name=a value=2>", {"a": ["1", "2"]}),
    ],
)
def test_a_control_is_sent_as_a_browser_sends_it(controls: str, fields: dict[str, Any]) -> None:
    assert fields_of(controls) == fields


def test_a_control_belongs_to_the_form_that_it_names() -> None:
    page = """
    <input name=before value=1 form=f>
    <form id=f><input name=inside value=2><input name=other value=3 form=g><input name=none value=4 form=zz></form>
    <form id=g></form><button form=f name=go value=5>Go</button>
    """
    assert form_in(page, "#f")["fields"] == {"before": "1", "inside": "2"}
    assert form_in(page, "#g")["fields"] == {"other": "3"}
    assert [button["name"] for button in form_in(page, "#f")["buttons"]] == ["go"]


@pytest.mark.parametrize(
    ("head", "attributes", "action"),
    [
        ("", "", "http://shop.test/account/login?next=/cart"),
        ("", 'action=""', "http://shop.test/account/login?next=/cart"),
        ("", 'action="?a=1"', "http://shop.test/account/login?a=1"),
        ("", 'action="/a b"', "http://shop.test/a%20b"),
        ("", 'action="//pay.test/x"', "http://pay.test/x"),
        ('<base href="/en/">', 'action="do"', "http://shop.test/en/do"),
        ('<base href="https://cdn.test/x/">', 'action="do"', "https://cdn.test/x/do"),
        ('<base target="_top"><base href="/en/">', 'action=""', "http://shop.test/account/login?next=/cart"),
        ("", 'action="javascript:go()"', None),
    ],
)
def test_the_url_of_a_form_is_resolved(head: str, attributes: str, action: str | None) -> None:
    page = f"<html><head>{head}</head><body><form {attributes}></form></body></html>"
    assert form_in(page)["action"] == action


def test_a_form_is_chosen_by_what_is_in_it_by_its_place_or_not_at_all() -> None:
    assert form_in(LOGIN, "input[name=csrf]")["fields"]["csrf"] == "t&k"
    assert form_in(LOGIN, "form", index=1)["method"] == "POST"
    assert len(form_in(LOGIN, "form input", all=True)) == 2
    assert form_in(LOGIN, "#absent", default=None) is None
    with pytest.raises(MissingValue, match='form "#absent" not found in'):
        form_in(LOGIN, "#absent")


def test_a_wrong_selector_is_a_problem_with_its_place() -> None:
    flow = 'flow: [{ type: http, name: a, path: /, extract: { f: { form: "#" } } }]'
    (problem,) = Compiled(flow).problems
    assert problem.message.startswith('"#" is not a CSS selector')


# ── submitting ───────────────────────────────────────────────────────────────────────────────────────────────


def submitted(page: str, step: str, selector: str = "form", **variables: Any) -> Sent:
    flow = f"""
    flow:
      - {{ type: http, name: page, path: /account/login, extract: {{ f: {{ form: "{selector}" }} }} }}
      - {{ type: http, name: send, {step} }}
    """
    ran = run_flow(flow, [Answer(body=page.encode(), headers=HTML), Answer()], **variables)
    assert ran.outcome.outcome == "passed", ran.outcome.message
    return ran.sent[1]


def test_a_login_form_is_sent_with_changes() -> None:
    sent = submitted(
        LOGIN,
        'submit: { form: "{{ f }}", fields: { user: ada, password: "{{ word }}", remember: null, more: [1, 2] } }',
        "#login",
        word="a b&c",
    )
    assert (sent.method, sent.target) == ("POST", "http://shop.test/account/do?a=1")
    assert sent.body == b"csrf=t%26k&user=ada&password=a+b%26c&more=1&more=2"
    assert [value for name, value in sent.headers if name.lower() == "content-type"] == [
        "application/x-www-form-urlencoded"
    ]


@pytest.mark.parametrize("button", ["action", "go", "Log in", "login"])
def test_a_button_is_named_by_name_id_text_or_value(button: str) -> None:
    sent = submitted(LOGIN, f'submit: {{ form: "{{{{ f }}}}", button: {button} }}', "#login")
    assert sent.body == b"csrf=t%26k&user=&password=&remember=on&action=login"


def test_a_button_may_change_where_a_form_goes() -> None:
    sent = submitted(LOGIN, 'submit: { form: "{{ f }}", button: Forgot, fields: { csrf: null } }', "#login")
    assert (sent.method, sent.body) == ("GET", b"")
    assert sent.target == "http://shop.test/forgot?user=&password=&remember=on&action=forgot"


@pytest.mark.parametrize(
    ("page", "step", "method", "target", "body"),
    [
        ("<form action='/s?old=1'><input name=q value='a b'></form>", "", "GET", "http://shop.test/s?q=a+b", b""),
        ("<form action='/s'></form>", "", "GET", "http://shop.test/s", b""),
        ("<form action='/s'><input name=q></form>", ", query: { n: 1 }", "GET", "http://shop.test/s?n=1&q=", b""),
        ("<form action='/s'><input name=q></form>", ", path: '/own?a=1'", "GET", "/own?a=1&q=", b""),
        ("<form action='/s?a=1'><input name=q></form>", ", method: PUT", "PUT", "http://shop.test/s?a=1", b"q="),
        ("<form method=post><input name=q></form>", ", method: GET, path: /p", "GET", "/p?q=", b""),
        ("<form method=post action=mailto:x><input name=q></form>", ", path: /p", "POST", "/p", b"q="),
        (
            "<form method=post action=/t><textarea name=t>a\nb</textarea></form>",
            "",
            "POST",
            "http://shop.test/t",
            b"t=a%0D%0Ab",
        ),
        (
            "<form method=post enctype=text/plain action=/t><input name=a value='b c'></form>",
            "",
            "POST",
            "http://shop.test/t",
            b"a=b c\r\n",
        ),
    ],
)
def test_a_form_is_sent_by_its_method_and_encoding(
    page: str, step: str, method: str, target: str, body: bytes
) -> None:
    sent = submitted(page, 'submit: { form: "{{ f }}" }' + step)
    assert (sent.method, sent.target, sent.body) == (method, target, body)


def test_a_multipart_form_is_sent_in_parts() -> None:
    page = "<form method=post enctype='multipart/form-data' action=/u><input name=a value=1><input name=b></form>"
    sent = submitted(page, 'submit: { form: "{{ f }}", fields: { b: [x, y] } }')
    (kind,) = [value for name, value in sent.headers if name.lower() == "content-type"]
    boundary = kind.removeprefix("multipart/form-data; boundary=")
    part = '--{}\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'.format
    assert (
        sent.body
        == (
            part(boundary, "a", "1") + part(boundary, "b", "x") + part(boundary, "b", "y") + f"--{boundary}--\r\n"
        ).encode()
    )


@pytest.mark.parametrize(
    ("page", "step", "said"),
    [
        (LOGIN, 'submit: { form: "{{ f.action }}" }', "expected a form here, not"),
        (
            LOGIN,
            'submit: { form: "{{ f }}", button: save }',
            'the form has no button "save": it has no button with a name',
        ),
        ("<form action='javascript:x'></form>", 'submit: { form: "{{ f }}" }', "is no http URL"),
        ("<form><input name=a></form>", 'submit: { form: "{{ f }}", button: "" }', 'no button ""'),
    ],
)
def test_what_can_not_be_submitted_sends_nothing(page: str, step: str, said: str) -> None:
    flow = f"""
    flow:
      - {{ type: http, name: page, path: /, extract: {{ f: {{ form: form }} }} }}
      - {{ type: http, name: send, {step} }}
    """
    ran = run_flow(flow, [Answer(body=page.encode(), headers=HTML), Answer()])
    assert (ran.outcome.outcome, ran.outcome.error, len(ran.sent)) == ("errored", "template", 1)
    assert said in str(ran.outcome.message)


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ('submit: { form: "{{ g }}" }', 'variable "g" is not set by any earlier step'),
        ('submit: { form: "{{ f }}", feilds: {} }', 'unknown key "feilds"'),
        ('submit: { form: "{{ f }}" }, json: { a: 1 }', "`submit` has a body of its own"),
        ('submit: { form: "{{ f }}" }, headers: { a: "{{ h }}" }', 'variable "h" is not set by any earlier step'),
        ('submit: { form: "{{ f }}", fields: { a: "{{ h }}" } }', 'variable "h" is not set by any earlier step'),
    ],
)
def test_a_mistake_in_a_submit_is_told_once(step: str, message: str) -> None:
    compiled = Compiled(f"flow: [{{ type: http, name: send, {step} }}]", names=("f",))
    assert [problem.message for problem in compiled.problems] == [message]


@pytest.mark.parametrize(
    ("control", "selector", "count"),
    [
        ("<input name=a form=f value=1>", "#f", 20_000),
        ("<input type=radio name=a value=1 checked>", "#f", 1),
        ("<form><input name=a value=1></form>", "form", 20_000),
        ("<fieldset disabled><input name=a></fieldset>", "#f", 0),
        ("<i id=f>", "#f", 0),
    ],
)
def test_a_page_of_many_controls_is_read_in_one_pass(control: str, selector: str, count: int) -> None:
    page = f"<form id=f>{control * 20_000}</form>"
    found = form_in(page, selector, all=True)
    assert sum(len(form["fields"].get("a", [])) for form in found) == count
