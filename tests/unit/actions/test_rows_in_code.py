"""Rows of data files in Python: keys are attributes and items, and one that is not there names those that are."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from windtunnel.actions.python.rows import Rows, rows_of

ROW = {
    "user": "ada",
    "items": 3,
    "copy": "c",
    "address": {"city": "London", "lines": [{"street": "St James"}]},
    "e-mail": "a@x",
}


@pytest.fixture
def data() -> Any:
    return rows_of({"data": {"account": ROW, "items": {"sku": "p-1"}}})


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (lambda data: data.account.user, "ada"),
        (lambda data: data.account["user"], "ada"),
        (lambda data: data["account"].user, "ada"),
        (lambda data: data["account"]["e-mail"], "a@x"),
        (lambda data: data.account.get("user"), "ada"),
        (lambda data: data.account.get("nothing", 1), 1),
        (lambda data: data.account.copy, "c"),
        (lambda data: data.account["items"], 3),
        (lambda data: data["items"].sku, "p-1"),
        (lambda data: len(data.account.items()), len(ROW)),
        (lambda data: data.account.address.city, "London"),
        (lambda data: data.account.address.lines[0].street, "St James"),
        (lambda data: getattr(data.account, "nothing", None), None),
        (lambda data: hasattr(data.account, "user"), True),
        (lambda data: list(data.account), list(ROW)),
        (lambda data: dict(data.account) == ROW, True),
        (lambda data: {**data.account, "more": 1} == {**ROW, "more": 1}, True),
    ],
)
def test_a_key_is_an_item_and_an_attribute(data: Any, read: Callable[[Any], Any], value: Any) -> None:
    assert read(data) == value


@pytest.mark.parametrize("write", [json.dumps, msgspec.json.encode])
def test_a_row_is_sent_as_the_object_it_is(data: Any, write: Callable[[Any], Any]) -> None:
    assert json.loads(write(data.account)) == ROW
    assert pickle.loads(pickle.dumps(data.account)) == ROW


@pytest.mark.parametrize(
    ("read", "kind", "said"),
    [
        (
            lambda data: data.account.usr,
            AttributeError,
            'data.account has no column "usr": did you mean "user"? The columns are user, items, copy, address, ',
        ),
        (
            lambda data: data.account["password"],
            KeyError,
            'data.account has no column "password"; the columns are user, items, copy, address, e-mail',
        ),
        (
            lambda data: data.account.address.zip,
            AttributeError,
            'data.account.address has no column "zip"; the columns are city, lines',
        ),
        (
            lambda data: data.shopper,
            AttributeError,
            'there is no data file named "shopper"; the names are account, items',
        ),
        (lambda data: data["shopper"], KeyError, 'there is no data file named "shopper"; the names are'),
        (
            lambda _: rows_of({}).account,
            AttributeError,
            'no data file named "account": the scenario has none here',
        ),
        (lambda data: setattr(data.account, "user", "x"), AttributeError, "can't be set in a row of a data file"),
        (lambda data: data.account.__setitem__("user", "x"), TypeError, 'set user.variables["user"]'),
    ],
)
def test_what_is_not_there_is_said_with_what_is(
    data: Any, read: Callable[[Any], Any], kind: type[Exception], said: str
) -> None:
    with pytest.raises(kind) as raised:
        read(data)
    assert said in str(raised.value.args[0])


def test_code_that_changes_what_it_read_changes_no_row_of_others() -> None:
    scope = {"data": {"account": {"user": "ada", "tags": [{"a": 1}]}}}
    rows_of(scope).account.tags.append(2)
    rows_of(scope).account.pop("user")
    assert rows_of(scope) == Rows({"account": {"user": "ada", "tags": [{"a": 1}]}})
