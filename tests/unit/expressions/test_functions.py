from __future__ import annotations

import random
import sys
import uuid
from typing import Any

import pytest

from windtunnel.errors import ExpressionError
from windtunnel.expressions.functions import FUNCTIONS
from windtunnel.expressions.sandbox import RESERVED, is_reserved
from windtunnel.expressions.template import compile_template


def scope(seed: int = 1) -> dict[str, Any]:
    generator = random.Random(seed)
    return {"_random": lambda: generator, "_now": lambda: 1_700_000_000.5}


def call(text: str, given: dict[str, Any]) -> Any:
    return compile_template(f"{{{{ {text} }}}}")(given)


def test_now_is_the_clock_of_the_instance() -> None:
    assert call("now()", scope()) == 1_700_000_000.5
    assert call("(now() + 0.5) | int", scope()) == 1_700_000_001


def test_a_uuid_is_a_random_one_of_version_4() -> None:
    drawn = uuid.UUID(call("uuid()", scope()))

    assert (drawn.version, drawn.variant) == (4, uuid.RFC_4122)


@pytest.mark.parametrize(
    "text", ["uuid()", "random_int(1, 1000000)", "random_string(12)", "choice([1, 2, 3, 4, 5, 6, 7])"]
)
def test_a_replay_draws_the_same(text: str) -> None:
    first, again = scope(), scope()

    assert [call(text, first) for _ in range(5)] == [call(text, again) for _ in range(5)]
    assert len({str(call(text, first)) for _ in range(20)}) > 1


def test_random_int_reaches_both_ends() -> None:
    given = scope()

    assert {call("random_int(1, 3)", given) for _ in range(100)} == {1, 2, 3}
    assert call("random_int(n, n)", {**given, "n": -4}) == -4


def test_choice_takes_lists_of_variables() -> None:
    given = {**scope(), "items": [{"id": 1}, {"id": 2}]}

    assert {call("choice(items).id", given) for _ in range(50)} == {1, 2}


def test_a_random_string_has_letters_and_digits_only() -> None:
    drawn = call("random_string(500)", scope())

    assert len(drawn) == 500
    assert drawn.isascii()
    assert drawn.isalnum()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("random_int(1.5, 2)", "whole numbers"),
        ("random_int(true, 2)", "whole numbers"),
        ("choice([])", "empty list"),
        ("choice('abc')", "takes a list"),
        ("random_string(-1)", "from 0 to"),
        ("random_string(1000000000)", "from 0 to"),
        ("uuid(1)", "uuid: too many positional arguments"),
    ],
)
def test_wrong_arguments_are_said(text: str, message: str) -> None:
    with pytest.raises(ExpressionError, match=message):
        call(text, scope())


@pytest.mark.parametrize(
    "name", [*FUNCTIONS, "response", "steps", "env", "data", "run_id", "user_index", "_x", "true"]
)
def test_names_of_ours_can_not_be_variables(name: str) -> None:
    assert is_reserved(name)


@pytest.mark.parametrize("name", ["product_id", "item", "user", "Response"])
def test_other_names_can(name: str) -> None:
    assert not is_reserved(name)


def test_what_is_reserved_is_written_in_one_table() -> None:
    assert set(FUNCTIONS) <= RESERVED


def test_fake_values_are_drawn_from_the_instances_own_randomness() -> None:
    ada, alan = compile_template("{{ fake.email() }}"), compile_template("{{ fake.name() }} {{ fake.city() }}")
    one, other = scope(1), scope(2)
    first = (ada(one), alan(one))
    # What another instance draws in between changes nothing.
    again = scope(1)
    assert (ada(again), ada(other) and alan(again)) == first
    assert ada(scope(2)) != first[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{ fake.emial() }}", 'Faker has no "emial"'),
        ("{{ fake.unique.email() }}", 'Faker has no "unique"'),
        ("{{ fake.seed_instance(1) }}", 'Faker has no "seed_instance"'),
    ],
)
def test_what_faker_does_not_make_up_is_told_when_the_template_is_compiled(text: str, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_template(text)
    assert str(caught.value) == message


def test_without_faker_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from windtunnel.expressions import fake

    fake._generator.cache_clear()
    monkeypatch.setitem(sys.modules, "faker", None)
    with pytest.raises(ExpressionError) as caught:
        compile_template("{{ fake.postcode() }}")
    assert (str(caught.value), caught.value.hint) == (
        "`fake` needs Faker, which is not installed",
        "pip install 'windtunnel[fake]'",
    )


def test_a_function_of_fake_must_be_called() -> None:
    with pytest.raises(ExpressionError, match="is a function"):
        compile_template("{{ fake.email }}")(scope(1))
