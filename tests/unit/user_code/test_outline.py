"""The steps that can be read off a function before it runs."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest

from windtunnel.user_code.outline import default_name, written_steps


def outline(body: str, more: str = "") -> list[Any]:
    source = (
        f"async def flow(user):\n{textwrap.indent(textwrap.dedent(body).strip(), '    ')}\n{textwrap.dedent(more)}"
    )
    return written_steps(source, "flow")


def test_every_kind_of_step_with_its_line() -> None:
    steps = outline(
        """
        with user.group("login"):
            token = await user.http.post("accounts", "/api/login", name="sign_in")
        await user.pause(1, 2, name="think")
        await user.http.poll("orders", "/api/orders/1", name="shipped", expect={})
        with user.step("sign"):
            pass
        user.check("ok", True)
        """
    )
    assert [(step.name, step.action, step.method, step.service, step.line) for step in steps] == [
        ("login", "group", "", None, 2),
        ("sign_in", "http", "POST", "accounts", 3),
        ("think", "wait", "", None, 4),
        ("shipped", "wait", "GET", "orders", 5),
        ("sign", "python", "", None, 6),
        ("ok", "assert", "", None, 8),
    ]
    assert [step.assertion for step in steps] == [False] * 5 + [True]


def test_a_request_without_a_name_has_that_of_its_path() -> None:
    steps = outline(
        """
        await user.http.get("catalog", "/api/products")
        await user.http.request("DELETE", "cart", f"/api/cart/{item}/lines")
        """
    )
    assert [step.name for step in steps] == ["GET /api/products", "DELETE /api/cart/*/lines"]


def test_what_is_not_written_out_is_not_known() -> None:
    assert (
        outline('await user.http.get("catalog", path)\nuser.check(name, True)\nawait other.http.get("a", "/")')
        == []
    )


def test_a_name_that_comes_twice_is_one_row() -> None:
    assert len(outline('await user.http.get("a", "/")\nawait user.http.get("a", "/")')) == 1


def test_functions_that_are_handed_the_user_are_read_too() -> None:
    steps = outline(
        'await login("ada", user)',
        """
        async def login(name, somebody):
            await somebody.http.post("accounts", "/login", name="sign_in")
            await login(name, somebody)
        """,
    )
    assert [step.name for step in steps] == ["sign_in"]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/api/products?limit=5", "GET /api/products"),
        ("/api/orders/o-000123/lines", "GET /api/orders/*/lines"),
        ("/api/v2/products", "GET /api/v2/products"),
        ("/", "GET /"),
    ],
)
def test_ids_are_left_open(path: str, name: str) -> None:
    assert default_name("GET", path) == name
