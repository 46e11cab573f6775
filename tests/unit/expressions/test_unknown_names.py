"""Functions, filters and tests that do not exist: the nearest of ours, and all there are."""

from __future__ import annotations

import re

import pytest

from tests.support.compiling import SUT, scenario_of
from windtunnel.actions.compile.scenario import compile_scenario
from windtunnel.errors import ExpressionError, Problem
from windtunnel.expressions.filters import FILTERS, TESTS
from windtunnel.expressions.functions import FUNCTIONS
from windtunnel.expressions.template import compile_template
from windtunnel.expressions.unknown_names import _CALLS, _ELSEWHERE, _OURS, KNOWN
from windtunnel.testing.scripted import ScriptedTransport


def refused(template: str) -> tuple[str, str]:
    with pytest.raises(ExpressionError) as caught:
        compile_template(template)
    return str(caught.value), caught.value.hint or ""


@pytest.mark.parametrize(
    ("template", "kind", "name", "listed"),
    [
        ("{{ x | nothing_like_it }}", "filter", "nothing_like_it", sorted(FILTERS)),
        ("{{ nothing_like_it(1) }}", "function", "nothing_like_it", sorted(FUNCTIONS)),
        ("{{ x is nothing_like_it }}", "test", "nothing_like_it", ["boolean", "defined", "undefined"]),
        ("{% filter upercase_of %}a{% endfilter %}", "filter", "upercase_of", ["upper"]),
    ],
)
def test_an_unknown_name_lists_what_there_is(template: str, kind: str, name: str, listed: list[str]) -> None:
    message, hint = refused(template)

    assert message == f'there is no {kind} "{name}"'
    assert set(listed) <= set(re.findall(r"\w+", hint))
    assert "docs/templates.md" in hint


@pytest.mark.parametrize(
    ("template", "hint"),
    [
        ("{{ x | shaa256 }}", 'did you mean "sha256"? filters: sha256, '),
        ("{{ random_itn(1, 2) }}", 'did you mean "random_int"? functions: random_int, '),
        ("{{ x is defned }}", 'did you mean "defined"? tests: defined, '),
        ("{{ x | b64encode }}", "write x | base64; filters: "),
        ("{{ sha256sum(x) }}", "write x | sha256; functions: "),
        ("{{ randomInt(1, 5) }}", "write random_int(1, 100); functions: "),
        ("{{ uuidv4() }}", "write uuid(); functions: "),
        ("{{ len(x) }}", "write x | length; functions: "),
        ("{{ x | strftime('%Y') }}", 'write now() | date("%Y-%m-%d"); filters: '),
        ("{{ x | to_json }}", 'did you mean "tojson"? filters: tojson, '),
        ("{{ x is contains('a') }}", 'write "a" in x; tests: '),
        ("{{ sha256(x) }}", "sha256 is a filter: x | sha256; functions: "),
        ("{{ x | uuid }}", "uuid is a function: uuid(); filters: "),
        ("{{ x | defined }}", "defined is a test: x is defined; filters: "),
        ("{{ x is base64 }}", "base64 is a filter: x | base64; tests: "),
        ("{{ x | split(',') }}", "split is a method: x.split(…); filters: "),
        ("{{ xs | map('uper') | list }}", 'did you mean "upper"? filters: upper, '),
        ("{{ xs | selectattr('a', 'definde') | list }}", 'did you mean "defined"? tests: defined, '),
        ("{% if y %}{{ x | lenght }}{% endif %}", 'did you mean "length"? filters: length, '),
        ("{{ x | date('%Y') if y else x | dat }}", 'did you mean "date"? filters: date, '),
    ],
)
def test_the_nearest_comes_first(template: str, hint: str) -> None:
    assert refused(template)[1].startswith(hint)


@pytest.mark.parametrize(
    ("template", "hint"),
    [
        ("{{ $guid }}", "write uuid() for $guid"),
        ("{{$timestamp}}", "write now() | int for $timestamp"),
        ("{{ $isoTimestamp }}", "write now() | iso for $isoTimestamp"),
        ("id-{{ $randomInt }}", "write random_int(1, 100) for $randomInt"),
        ("{{ $random.integer(1, 5) }}", "write random_int(1, 100) for $random.integer"),
        ("{{ $uuid }}", "write uuid() for $uuid"),
        ("{{ $processEnvironment.TOKEN }}", "write env.TOKEN"),
        ("{{ $loopCount }}", "write instance_index for $loopCount"),
        ("{{ $token }}", "write token without the $, or a function: choice, fake, "),
        ("{{ __VU }}", "write user_index"),
        ("{{ __ENV.HOST }}", "write env.NAME"),
    ],
)
def test_names_of_postman_artillery_and_k6_lead_to_ours(template: str, hint: str) -> None:
    assert refused(template)[1].startswith(hint)


@pytest.mark.parametrize(
    ("template", "message", "hint"),
    [
        (
            "{{ x | date('%Y', day=1) }}",
            "date: got an unexpected keyword argument 'day'",
            'did you mean "days"? x | date(format, weeks, days, hours, minutes, seconds, tz)',
        ),
        (
            "{{ hmac('k') }}",
            "hmac: missing a required argument: 'text'",
            "write hmac(key, text, digest); add | base64 for base64",
        ),
        ("{{ x | md5('a') }}", "md5: too many positional arguments", "write x | md5; add | base64 for base64"),
        (
            "{{ now() | date(tz='Europe/Berln') }}",
            "'Europe/Berln' is not a time zone",
            'did you mean "Europe/Berlin"?',
        ),
        ("{{ x | iso(days='a') }}", "days is a number, not 'a'", "make a text a number: … | float"),
        ("{{ hmac(key, x, 'sha257') }}", "'sha257' is not a digest of hmac", 'did you mean "sha256"?'),
        (
            "{{ jwt_sign(x, key, 'RS256') }}",
            "'RS256' is not an algorithm of jwt_sign",
            "one of HS256, HS384, HS512",
        ),
        ("{{ x | raw(1) }}", "raw: too many positional arguments", "write x | raw"),
        ("{{ uuid(4) }}", "uuid: too many positional arguments", "write uuid()"),
    ],
)
def test_arguments_that_do_not_fit_are_found_at_load(template: str, message: str, hint: str) -> None:
    assert refused(template) == (message, hint)


@pytest.mark.parametrize(
    "template",
    [
        "{% macro f() %}{{ caller() }}{% endmacro %}{% call f() %}x{% endcall %}",
        "{% for a in [[1]] recursive %}{{ loop(a) if a is iterable }}{% endfor %}",
        "{% set g = namespace(a=1) %}{{ g.a }}{{ range(3) | list }}",
        "{{ hmac(*['k', 't']) }}{{ hmac('k', text='t') }}",
    ],
)
def test_what_a_template_makes_itself_can_be_called(template: str) -> None:
    compile_template(template)


@pytest.mark.parametrize("ours", [*_ELSEWHERE, *_CALLS.values()])
def test_every_help_compiles(ours: str) -> None:
    if not ours.startswith("extract:"):
        compile_template(f"{{{{ {ours} }}}}")


def test_the_help_says_how_each_function_is_called() -> None:
    assert _CALLS.keys() == FUNCTIONS.keys()
    assert len(_OURS) == sum(len(names.split()) for names in _ELSEWHERE.values()), "a name stands there twice"
    assert set(KNOWN["filter"]) == set(FILTERS)
    assert set(KNOWN["test"]) <= set(TESTS)


@pytest.mark.parametrize(
    ("step", "word", "hint"),
    [
        ("{ type: http, name: a, path: '/{{ 1 | b64encode }}' }", "b64encode", "write x | base64; "),
        (
            "{ type: http, name: a, path: /, json: { a: [1, 'x{{ sha256sum(1) }}'] } }",
            "sha256sum",
            "write x | sha256",
        ),
        ("{ type: http, name: a, path: /, when: '1 is definde' }", "definde", 'did you mean "defined"?'),
        ("{ type: set, name: a, variables: { v: '{{ now() | date(day=1) }}' } }", "day", 'did you mean "days"?'),
        ("{ type: set, name: a, variables: { v: '{{ newUuid }}' } }", "newUuid", "write uuid()"),
    ],
)
def test_the_place_is_that_of_the_name(step: str, word: str, hint: str) -> None:
    problems: list[Problem] = []
    text = f"flow:\n  - {step}\n"
    compile_scenario(scenario_of(text), sut=SUT, transport=ScriptedTransport(), problems=problems)

    (problem,) = problems
    assert problem.where is not None
    assert (problem.hint or "").startswith(hint)
    assert (problem.where.line, problem.where.width) == (2, len(word))
    assert problem.where.excerpt[problem.where.column - 1 :].startswith(word)
