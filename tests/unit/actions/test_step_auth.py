"""`auth` of a step: with templates, in place of the service's, and what is wrong with it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.compiling import SHOP, SUT, Compiled, run_flow
from windtunnel.model.auth import auth_of
from windtunnel.testing.scripted import Answer, Sent

STEP = "flow:\n  - { type: http, name: x, path: /a, auth: { %s } }\n"


def sent(
    auth: str, *, service_auth: dict[str, Any] | None = None, path: str = "path: /a", **variables: str
) -> Sent:
    service = replace(SHOP, auth=auth_of(service_auth)) if service_auth else SHOP
    text = f"flow:\n  - {{ type: http, name: x, {path}{', auth: { ' + auth + ' }' if auth else ''} }}\n"
    return run_flow(text, lambda request: Answer(), sut=replace(SUT, default=service), **variables).sent[0]


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        ('type: bearer, token: "{{ t }}"', "Authorization", "Bearer secret"),
        ('type: basic, user: ada, password: "{{ t }}"', "Authorization", "Basic YWRhOnNlY3JldA=="),
        ('type: api_key, key: "{{ t }}", header: X-Key', "X-Key", "secret"),
        ('type: api_key, key: "{{ t }}", cookie: key', "Cookie", "key=secret"),
    ],
)
def test_a_template_becomes_a_header_of_the_request(auth: str, header: str, value: str) -> None:
    request = sent(auth, t="secret", service_auth={"type": "bearer", "token": "other"})
    assert request.header(header) == value
    assert request.service.auth.headers == ()


def test_a_step_without_auth_has_its_services_and_none_takes_it_away() -> None:
    bearer = {"type": "bearer", "token": "abc"}
    assert sent("", service_auth=bearer).service.auth.headers == (("Authorization", "Bearer abc"),)
    assert sent("type: none", service_auth=bearer).service.auth.headers == ()


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("path: /a", "/a?k=a%2Fb"),
        ('path: "/{{ t }}?x=1"', "/y?x=1&k=a%2Fb"),
        ('url: "{{ there }}"', "http://evil.test/"),
    ],
)
def test_a_key_in_the_query_goes_to_its_own_service_alone(path: str, target: str) -> None:
    key = {"type": "api_key", "key": "a/b", "query": "k"}
    assert sent("", service_auth=key, path=path, t="y", there="http://evil.test/").target == target


@pytest.mark.parametrize(
    ("auth", "message"),
    [
        ("type: bearer", "auth of type bearer needs `token`"),
        ("type: basic, user: a", "auth of type basic needs `password`"),
        ('type: basic, user: "a:b", password: c', "the user of basic auth must not contain a colon"),
        ("type: bearer, token: a, user: b", "`user` does not belong to auth of type bearer"),
        ("type: api_key, key: a", "auth of type api_key needs exactly one of `header`, `query` and `cookie`"),
        (
            "type: api_key, key: a, header: b, query: c",
            "auth of type api_key needs exactly one of `header`, `query` and `cookie`",
        ),
        (
            "type: oauth2, token_url: ftp://x, client_id: a, client_secret: b",
            "`token_url` must be an http or https URL",
        ),
        ("type: oauth2, token_url: http://x/t, client_id: a", "auth of type oauth2 needs `client_secret`"),
        (
            "type: oauth2, token_url: http://x/t, client_id: a, grant: password, username: b",
            "the grant password needs `password`",
        ),
        (
            "type: oauth2, token_url: http://x/t, client_id: a, grant: refresh_token",
            "the grant refresh_token needs `refresh_token`",
        ),
        (
            "type: oauth2, token_url: http://x/t, client_id: a, client_secret: b, username: c",
            "`username` does not belong to the grant client_credentials",
        ),
        (
            "type: oauth2, token_url: http://x/t, client_id: a, client_secret: b, credentials: none",
            "`credentials: none` sends no client_secret",
        ),
        (
            "type: oauth2, token_url: http://x/t, client_id: a, credentials: body",
            "`credentials: body` needs `client_secret`",
        ),
        (
            "type: oauth2, token_url: http://x/t, client_id: a, client_secret: b, params: { grant_type: c }",
            "`params` can't set grant_type",
        ),
        (
            'type: oauth2, token_url: "ftp://{{ t }}/t", client_id: a, client_secret: b',
            "`token_url` must be an http or https URL",
        ),
    ],
)
def test_what_is_wrong_with_auth_is_told(auth: str, message: str) -> None:
    assert [problem.message for problem in Compiled(STEP % auth, names=("t",)).problems] == [message]


def test_auth_and_an_authorization_header_say_different_things() -> None:
    text = (
        "flow:\n  - { type: http, name: x, path: /a, headers: { authorization: a }, "
        "auth: { type: bearer, token: b } }\n"
    )
    assert [problem.message for problem in Compiled(text).problems] == [
        "`auth` and the Authorization header both set credentials"
    ]
