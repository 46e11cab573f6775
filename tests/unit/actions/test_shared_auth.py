"""`auth` wherever it stands, with templates, and the headers of a scenario: which of them a request carries."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.compiling import Compiled, FakeInstance, Ran
from windtunnel.config.sut import load_sut
from windtunnel.errors import ConfigError
from windtunnel.model.auth import OAuth2
from windtunnel.model.sut import Sut
from windtunnel.testing.scripted import Answer, Sent

STEP = "{ type: http, name: x, path: /a%s }"
OAUTH2 = "{ type: oauth2, token_url: 'http://id.test/t', client_id: c"
VALUES = {"t": "token-of-ann", "u": "ann", "h": "X-Key", "row": {"scopes": ["a", "b"], "nothing": None}}


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Ran]:
    """Run a flow of one step, given what stands in the step, the scenario, the service and the SUT file."""

    def run_(
        *,
        step: str = "",
        scenario: str = "",
        service: str = "",
        sut: str = "",
        own: str | None = None,
        **values: Any,
    ) -> Ran:
        text = f"{scenario}\nflow:\n  - {own or STEP % (step and ', ' + step)}\n"
        values = values or VALUES
        compiled = Compiled(
            text, sut=sut_of(tmp_path, service=service, sut=sut), names=tuple(values), answers=lambda _: Answer()
        )
        return Ran(compiled, FakeInstance(compiled.transport, **values))

    return run_


def sut_of(folder: Path, *, service: str = "", sut: str = "", env: dict[str, str] | None = None) -> Sut:
    (folder / "sut.yaml").write_text(
        f"{sut}\nbase_url: http://shop.test\nallow_hosts: [elsewhere.test]\n"
        f"services:\n  shop:\n    base_url: http://shop.test\n    {service}\n"
    )
    return load_sut(folder / "sut.yaml", env or {}).sut


def everywhere(auth: str) -> list[dict[str, str]]:
    """An `auth` at each place where one can stand."""
    return [
        {"step": f"service: shop, auth: {auth}"},
        {"step": "service: shop", "scenario": f"auth: {auth}"},
        {"step": "service: shop", "service": f"auth: {auth}"},
        {"step": "service: shop", "sut": f"auth: {auth}"},
        {"sut": f"auth: {auth}"},
    ]


def oauth2_of(sent: Sent) -> OAuth2:
    assert sent.service.auth.oauth2 is not None
    return sent.service.auth.oauth2


@pytest.mark.parametrize(
    ("auth", "carried"),
    [
        ('{ type: bearer, token: "{{ t }}" }', ("Authorization", "Bearer token-of-ann")),
        ('{ type: bearer, token: "a-{{ t | upper }}" }', ("Authorization", "Bearer a-TOKEN-OF-ANN")),
        ('{ type: basic, user: "{{ u }}", password: pä }', ("Authorization", "Basic YW5uOnDDpA==")),
        ('{ type: basic, user: a, password: "{{ t }}" }', ("Authorization", "Basic YTp0b2tlbi1vZi1hbm4=")),
        ('{ type: api_key, key: "{{ t }}", header: X-Key }', ("X-Key", "token-of-ann")),
        ('{ type: api_key, key: k, header: "{{ h }}-{{ u }}" }', ("X-Key-ann", "k")),
        ('{ type: api_key, key: "{{ t }}", cookie: "c_{{ u }}" }', ("Cookie", "c_ann=token-of-ann")),
        ("{ type: bearer, token: \"{{ 'con' ~ 'stant' }}\" }", ("Authorization", "Bearer constant")),
    ],
)
def test_auth_renders_wherever_it_stands(run: Callable[..., Ran], auth: str, carried: tuple[str, str]) -> None:
    sent = [run(**place).sent[0] for place in everywhere(auth)]
    assert [carried in (*each.headers, *each.service.auth.headers) for each in sent] == [True] * 5


def test_a_templated_key_in_the_query_follows_what_is_there(run: Callable[..., Ran]) -> None:
    targets = [
        run(own=f"{{ type: http, name: x, path: '/a?b=1', {place.pop('step', '')} }}", **place).sent[0].target
        for place in everywhere('{ type: api_key, key: "{{ t }}/&", query: "k {{ u }}" }')
    ]
    assert targets == ["/a?b=1&k%20ann=token-of-ann%2F%26"] * 5


def test_every_parameter_of_oauth2_renders(run: Callable[..., Ran]) -> None:
    auth = (
        '{ type: oauth2, token_url: "http://shop.test/{{ u }}/token", client_id: "c-{{ u }}", '
        'client_secret: "s-{{ u }}", grant: password, username: "{{ u }}", password: "{{ t }}", '
        'credentials: body, scope: "{{ row.scopes }}", '
        'params: { audience: "{{ u }}", resource: ["{{ u }}", b], none: "{{ row.nothing }}" } }'
    )
    rendered = OAuth2(
        token_url="http://shop.test/ann/token",
        client_id="c-ann",
        client_secret="s-ann",
        grant="password",
        username="ann",
        password="token-of-ann",
        scope="a b",
        params=(("audience", "ann"), ("resource", "ann"), ("resource", "b")),
        in_header=False,
    )
    assert [oauth2_of(run(**place).sent[0]) for place in everywhere(auth)] == [rendered] * 5


@pytest.mark.parametrize(
    ("scope", "sent"), [("'{{ 5 }}'", "5"), ("['{{ 5 }}', b]", "5 b"), ("'{{ [1, 2] }}'", "1 2")]
)
def test_a_scope_that_is_no_text_becomes_one(run: Callable[..., Ran], scope: str, sent: str) -> None:
    auth = f"{OAUTH2}, client_secret: s, scope: {scope}, params: {{ n: '{{{{ 7 }}}}' }} }}"
    oauth2 = [oauth2_of(run(**place).sent[0]) for place in everywhere(auth)]
    assert [(each.scope, each.params) for each in oauth2] == [(sent, (("n", "7"),))] * 5


def test_a_list_of_scopes_may_hold_templates(run: Callable[..., Ran]) -> None:
    auth = f"{OAUTH2}, client_secret: s, scope: [read, '{{{{ u }}}}:x'] }}"
    assert oauth2_of(run(step=f"auth: {auth}").sent[0]).scope == "read ann:x"


@pytest.mark.parametrize(
    ("auth", "message"),
    [
        ('{ type: bearer, token: "{{ row.gone }}" }', 'auth.token: "gone" is not defined'),
        ('{ type: basic, user: "{{ row.gone }}", password: x }', 'auth.user: "gone" is not defined'),
        (
            '{ type: basic, user: "{{ u }}:", password: x }',
            "auth.user: the user of basic auth must not contain a colon",
        ),
        ('{ type: bearer, token: "{{ row.nothing }}" }', "auth.token: row.nothing is null"),
        (
            "{ type: bearer, token: \"{{ t ~ '\\\\r\\\\n' }}x\" }",
            'auth.token: the value of "token" must not contain',
        ),
        (
            '{ type: api_key, key: "{{ t }};", cookie: c }',
            'auth.key: the value of "key" must not contain a semicolon',
        ),
        ('{ type: api_key, key: k, header: "{{ u }} b" }', "auth.header: the name of a header has"),
        (
            '{ type: oauth2, token_url: "{{ u }}", client_id: c, client_secret: s }',
            "auth.token_url: `token_url` must be an http or https URL",
        ),
        (
            '{ type: oauth2, token_url: "http://{{ u }}.test/t", client_id: c, client_secret: s }',
            'auth.token_url: the host "ann.test" is neither a service of the SUT nor in its allow_hosts',
        ),
        (
            OAUTH2 + ', client_secret: s, params: { a: "{{ row }}" } }',
            "auth.params.a: expected a text, or a list of texts",
        ),
        (
            OAUTH2 + ', client_secret: s, scope: "{{ row.gone }}" }',
            'auth.scope: "gone" is not defined',
        ),
    ],
)
def test_what_can_not_be_rendered_fails_the_step_and_names_the_place(
    run: Callable[..., Ran], auth: str, message: str
) -> None:
    places = [{"step": f"auth: {auth}"}, {"scenario": f"auth: {auth}"}, {"sut": f"auth: {auth}"}]
    said = []
    for place in places:
        ran = run(**place)
        assert (ran.outcome.outcome, ran.outcome.error, ran.sent) == ("errored", "template", [])
        said.append(str(ran.outcome.message))
    where, _, why = message.partition(": ")
    assert said[0].startswith(message)
    assert said[1].startswith(f"{where} of the scenario: {why}")
    assert said[2].startswith(f"{where} of ")
    assert f"sut.yaml: {why}" in said[2]


def test_the_auth_of_a_service_is_named_with_its_service(run: Callable[..., Ran]) -> None:
    ran = run(step="service: shop", service='auth: { type: bearer, token: "{{ row.gone }}" }')
    assert str(ran.outcome.message).startswith("services.shop.auth.token of ")


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ({"step": 'auth: { type: bearer, token: "{{ nix }}" }'}, 'variable "nix" is not set by any earlier step'),
        (
            {"scenario": 'auth: { type: bearer, token: "{{ nix }}" }'},
            'variable "nix" is not set before the step "x"',
        ),
        ({"scenario": 'headers: { X-A: "{{ nix }}" }'}, 'variable "nix" is not set before the step "x"'),
        (
            {"sut": 'auth: { type: bearer, token: "{{ nix }}" }'},
            'variable "nix" is not set before the step "x" of the scenario "checkout"',
        ),
        (
            {"sut": 'auth: { type: bearer, token: "{{ data.users.name }}" }'},
            'there is no data file named "users"; the step "x" of the scenario "checkout" needs it',
        ),
        ({"sut": "auth: { type: bearer, token: '{{ 1 + }}' }"}, "unexpected"),
    ],
)
def test_what_can_be_known_at_load_is_known_at_its_place(
    tmp_path: Path, place: dict[str, str], message: str
) -> None:
    text = f"{place.get('scenario', '')}\nflow:\n  - {STEP % (', ' + place['step'] if 'step' in place else '')}\n"
    problems = Compiled(text, sut=sut_of(tmp_path, sut=place.get("sut", ""))).problems
    assert len(problems) == 1, problems
    assert message in problems[0].message
    where = problems[0].where
    assert where is not None
    assert (where.file.endswith("sut.yaml"), where.line) == ("sut" in place, 3 if "step" in place else 1)
    assert "nix" in where.excerpt[where.column - 1 :] or "{{" in where.excerpt


def test_a_login_without_the_auth_that_it_makes_possible_says_so(run: Callable[..., Ran]) -> None:
    auth = 'auth: { type: bearer, token: "{{ token }}" }'
    login = "{ type: http, name: login, path: /login, extract: { token: $.t }%s }\n  - " + STEP % ""
    compiled = Compiled(f"{auth}\nflow:\n  - {login % ''}\n", answers=lambda _: Answer())
    assert [(problem.message, problem.hint) for problem in compiled.problems] == [
        (
            'variable "token" is not set before the step "login"',
            "write `auth: { type: none }` there if it is sent without, or set the variable earlier",
        )
    ]
    compiled = Compiled(
        f"{auth}\nflow:\n  - {login % ', auth: { type: none }'}\n", answers=lambda _: Answer(body=b'{"t": "abc"}')
    )
    ran = Ran(compiled, FakeInstance(compiled.transport))
    assert [sent.header("Authorization") for sent in ran.sent] == [None, "Bearer abc"]


BEARER = "auth: { type: bearer, token: %s }"


@pytest.mark.parametrize(
    ("levels", "header"),
    [
        ({"sut": BEARER % "sut"}, "Bearer sut"),
        ({"sut": BEARER % "sut", "service": BEARER % "service"}, "Bearer service"),
        ({"service": BEARER % "service", "scenario": BEARER % "scenario"}, "Bearer scenario"),
        ({"scenario": BEARER % "scenario", "step": BEARER % "step"}, "Bearer step"),
        ({"scenario": BEARER % '"{{ t }}"', "step": BEARER % "step"}, "Bearer step"),
        ({"scenario": BEARER % '"{{ t }}"', "service": BEARER % "service"}, "Bearer token-of-ann"),
        ({"service": BEARER % '"{{ t }}"', "scenario": BEARER % "scenario"}, "Bearer scenario"),
        ({"service": BEARER % '"{{ t }}"', "step": "auth: { type: none }"}, None),
        ({"scenario": BEARER % '"{{ t }}"', "step": "auth: { type: none }"}, None),
        ({"service": BEARER % "service", "scenario": "auth: { type: none }"}, None),
        ({"scenario": BEARER % '"{{ t }}"', "step": "headers: { authorization: own }"}, "own"),
        ({"scenario": BEARER % '"{{ t }}"', "step": 'headers: { authorization: "{{ u }}" }'}, "ann"),
        ({"scenario": BEARER % "x", "step": 'headers: { authorization: "{{ u }}" }'}, "ann"),
        ({"scenario": BEARER % "x", "step": "headers: { authorization: null }"}, None),
        ({"service": BEARER % "service", "scenario": "headers: { Authorization: own }"}, "own"),
        ({"service": BEARER % '"{{ t }}"', "scenario": 'headers: { Authorization: "{{ u }}" }'}, "ann"),
        ({"service": "headers: { Authorization: low }", "scenario": BEARER % "scenario"}, "Bearer scenario"),
        ({"service": "headers: { Authorization: low }", "scenario": BEARER % '"{{ t }}"'}, "Bearer token-of-ann"),
        ({"service": "headers: { Authorization: low }", "step": "auth: { type: none }"}, None),
        ({"scenario": "headers: { Authorization: '{{ u }}' }", "step": "auth: { type: none }"}, None),
        ({"scenario": "headers: { Authorization: '{{ u }}' }", "step": BEARER % "step"}, "Bearer step"),
    ],
)
def test_the_highest_auth_holds(run: Callable[..., Ran], levels: dict[str, str], header: str | None) -> None:
    step = levels.pop("step", "")
    sent = run(step=f"service: shop{step and ', ' + step}", **levels).sent[0]
    assert carried(sent).get("authorization") == header


def carried(sent: Sent) -> dict[str, str]:
    """The headers of a request by name in lower case, the lowest level first."""
    pairs = (*sent.service.headers.items(), *sent.service.auth.headers, *sent.headers)
    return {name.lower(): value for name, value in pairs}


@pytest.mark.parametrize(
    ("levels", "value"),
    [
        ({"scenario": "headers: { X-A: scenario }"}, "scenario"),
        ({"service": "headers: { x-a: service }", "scenario": "headers: { X-A: scenario }"}, "scenario"),
        ({"service": "headers: { x-a: service }", "scenario": 'headers: { X-A: "{{ u }}" }'}, "ann"),
        ({"scenario": "headers: { X-A: scenario }", "step": "headers: { x-a: step }"}, "step"),
        ({"scenario": 'headers: { X-A: "{{ u }}" }', "step": "headers: { x-a: step }"}, "step"),
        ({"scenario": 'headers: { X-A: "{{ u }}" }', "step": 'headers: { x-a: "{{ t }}" }'}, "token-of-ann"),
        ({"scenario": "headers: { X-A: scenario }", "step": "headers: { x-a: null }"}, None),
        ({"scenario": 'headers: { X-A: "{{ u }}" }', "step": "headers: { x-a: null }"}, None),
        ({"service": "headers: { x-a: service }", "scenario": "headers: { X-A: null }"}, None),
        ({"service": "headers: { x-a: service }", "step": "headers: { X-A: null }"}, None),
        ({"scenario": 'headers: { X-A: "{{ row.nothing }}" }'}, None),
        ({"scenario": "headers: { X-A: 1.50 }"}, "1.5"),
    ],
)
def test_the_highest_header_is_sent(run: Callable[..., Ran], levels: dict[str, str], value: str | None) -> None:
    step = levels.pop("step", "")
    sent = run(step=f"service: shop{step and ', ' + step}", **levels).sent[0]
    assert carried(sent).get("x-a") == value


@pytest.mark.parametrize(
    "step",
    [
        "{ type: wait, name: x, path: /a, expect: { status_code: 200 } }",
        "{ type: http, name: x, path: /a, graphql: { query: '{ a }' } }",
        "{ type: http, name: x, path: /a, retry: { attempts: 2, on: [502] } }",
        "{ type: http, name: x, url: 'http://shop.test/a' }",
        "{ type: http, name: x, url: '{{ \"http://shop.test/a\" }}' }",
        "{ type: http, name: x, path: '{{ \"/a\" }}' }",
    ],
)
def test_every_request_of_a_scenario_has_its_auth_and_headers(run: Callable[..., Ran], step: str) -> None:
    scenario = 'auth: { type: bearer, token: "{{ t }}" }\nheaders: { X-A: a, X-B: "{{ u }}" }'
    sent = run(own=step, scenario=scenario).sent[0]
    found = carried(sent)
    assert (found["authorization"], found["x-a"], found["x-b"]) == ("Bearer token-of-ann", "a", "ann")


@pytest.mark.parametrize("url", ["http://elsewhere.test/a", "{{ 'http://elsewhere.test/a' }}"])
@pytest.mark.parametrize("value", ["constant", '"{{ t }}"'])
def test_what_a_scenario_shares_goes_to_no_other_host(run: Callable[..., Ran], url: str, value: str) -> None:
    scenario = f"auth: {{ type: bearer, token: {value} }}\nheaders: {{ X-A: {value} }}"
    sent = run(own=f'{{ type: http, name: x, url: "{url}" }}', scenario=scenario).sent[0]
    assert sent.headers == ()
    if "{{" not in url:  # the client drops what is the service's
        assert (sent.service.headers, sent.service.auth.headers) == ({}, ())


def test_cookies_of_a_step_stand_beside_a_key_in_a_cookie(run: Callable[..., Ran]) -> None:
    for key in ("constant", '"{{ u }}"'):
        for cookies, own in (("{ a: b }", "a=b"), ('{ a: "{{ u }}" }', "a=ann"), ("{ k: mine }", "k=mine")):
            for place in ("scenario", "service", "sut"):
                auth = f"auth: {{ type: api_key, key: {key}, cookie: k }}"
                sent = run(step=f"service: shop, cookies: {cookies}", **{place: auth}).sent[0]
                value = "constant" if key == "constant" else "ann"
                expected = own if own.startswith("k=") else f"k={value}; {own}"
                assert carried(sent)["cookie"] == expected


def test_what_is_rendered_is_kept_out_of_the_records(run: Callable[..., Ran]) -> None:
    for auth in (
        '{ type: bearer, token: "{{ t }}" }',
        '{ type: basic, user: u, password: "{{ t }}" }',
        '{ type: api_key, key: "{{ t }}", query: q }',
        OAUTH2 + ', grant: refresh_token, refresh_token: "{{ t }}" }',
    ):
        ran = run(scenario=f"auth: {auth}")
        assert "token-of-ann" in ran.instance.ids.secrets


@pytest.mark.parametrize("value", ["{{ 7 * 7 }}", "{% if %}", "{{", "{{ t }}", "}} {# x #}"])
@pytest.mark.parametrize("level", ["sut", "service"])
def test_a_value_of_the_environment_is_never_a_template_in_auth(tmp_path: Path, value: str, level: str) -> None:
    for auth, rendered in (
        ('{ type: bearer, token: "${S}" }', value),
        ('{ type: bearer, token: "${S}-{{ t }}" }', f"{value}-token-of-ann"),
    ):
        sut = sut_of(tmp_path, **{level: f"auth: {auth}"}, env={"S": value})
        compiled = Compiled(
            "flow: [{ type: http, name: x, path: /, service: shop }]",
            sut=sut,
            names=("t",),
            answers=lambda _: Answer(),
        )
        sent = Ran(compiled, FakeInstance(compiled.transport, **VALUES)).sent[0]
        assert carried(sent)["authorization"] == f"Bearer {rendered}"


def test_the_sut_file_reads_the_environment_for_its_templates(tmp_path: Path) -> None:
    auth = 'auth: { type: bearer, token: "{{ env.TOKEN }}" }'
    sut = sut_of(tmp_path, sut=auth, env={"TOKEN": "{{ 1 }}"})
    assert sut.env == {"TOKEN": "{{ 1 }}"}
    compiled = Compiled("flow: [{ type: http, name: x, path: / }]", sut=sut, answers=lambda _: Answer())
    sent = Ran(compiled, FakeInstance(compiled.transport, env=sut.env)).sent[0]
    assert carried(sent)["authorization"] == "Bearer {{ 1 }}"
    problems = Compiled("flow: [{ type: http, name: x, path: / }]", sut=sut_of(tmp_path, sut=auth)).problems
    assert problems[0].message.startswith("the environment has no variable TOKEN")


@pytest.mark.parametrize(
    ("auth", "message"),
    [
        ("{ type: basic, user: a }", "auth of type basic needs `password`"),
        ("{ type: oauth2, token_url: 'http://x/t', client_id: c, grant: password }", "the grant password needs"),
        ("{ type: bearer, token: a }\nheaders: { AUTHORIZATION: b }", "`auth` and the Authorization header both"),
    ],
)
def test_what_is_wrong_with_the_auth_of_a_scenario_is_told_once(auth: str, message: str) -> None:
    flow = "flow: [{ type: http, name: x, path: / }, { type: http, name: y, path: / }]"
    problems = Compiled(f"auth: {auth}\n{flow}").problems
    assert problems
    assert all(problem.where and problem.where.line == 1 for problem in problems)
    assert message in problems[0].message
    assert len({str(problem) for problem in problems}) == len(problems)


def test_names_of_keys_are_redacted_wherever_the_auth_stands(tmp_path: Path) -> None:
    sut = sut_of(
        tmp_path,
        sut='auth: { type: api_key, key: "{{ t }}", query: k }',
        service='auth: { type: api_key, key: "{{ t }}", header: "X-{{ t }}" }',
    )
    assert (sut.redact.query, sut.redact.headers) == (("k",), ())


def test_a_wrong_auth_with_templates_is_a_problem_of_the_sut_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="needs exactly one of"):
        sut_of(tmp_path, sut='auth: { type: api_key, key: "{{ t }}" }')
