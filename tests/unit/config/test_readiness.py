from __future__ import annotations

from typing import Any

import pytest

from windtunnel.config.readiness import parse_health, parse_target, parse_wait_for, with_target
from windtunnel.errors import ExpressionError
from windtunnel.model.source import Source
from windtunnel.model.sut import Health, Service, Sut, WaitFor


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("http://shop:8080/health?deep=1", WaitFor(text="http://shop:8080/health?deep=1", url="http://shop:8080/health?deep=1")),
        ("db:5432", WaitFor(text="db:5432", host="db", port=5432)),
        ("[::1]:6379", WaitFor(text="[::1]:6379", host="::1", port=6379)),
    ],
)  # fmt: skip
def test_a_url_or_a_port_can_be_waited_for(text: str, meant: WaitFor) -> None:
    assert parse_wait_for(text) == meant


@pytest.mark.parametrize(
    "text",
    ["shop", "db:port", "db:99999", "ftp://shop/x", "http://", "http://u:p@shop/", "a b:80", "db:5432/x", "http://[::1"],
)  # fmt: skip
def test_nothing_else_can_be_waited_for(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse_wait_for(text)


@pytest.mark.parametrize("parse", [parse_target, parse_wait_for])
@pytest.mark.parametrize("mark", "/?#")
def test_a_password_that_should_have_been_encoded_is_not_quoted_as_a_port(mark: str, parse: Any) -> None:
    with pytest.raises(ExpressionError, match="the port is not a number") as caught:
        parse(f"http://ann:secret{mark}word@shop.test:80")
    assert "secret" not in str(caught.value)


def test_a_target_is_a_base_url() -> None:
    assert parse_target("https://preview-42.example.com/app/") == "https://preview-42.example.com/app"
    for text in (
        "preview",
        "ftp://x",
        "https://u:p@x",
        "https://x?y=1",
        "https://x#y",
        "https://x:0x",
        "https:// x",
    ):
        with pytest.raises(ExpressionError):
            parse_target(text)


def sut(default: str | None, **services: str) -> Sut:
    return Sut(
        name="shop",
        default=Service(name="default", base_url=default) if default else None,
        services={name: Service(name=name, base_url=url) for name, url in services.items()},
        allow_hosts=("pay.test",),
        source=Source(file="sut.yaml"),
    )


def test_a_target_takes_the_place_of_the_base_url_and_its_host_is_allowed() -> None:
    aimed = with_target(sut("http://localhost:8080"), "https://preview.test")
    assert aimed.default is not None
    assert aimed.default.base_url == "https://preview.test"
    assert aimed.allow_hosts == ("pay.test", "preview.test")


def test_services_at_the_same_origin_move_with_it_and_keep_their_paths() -> None:
    aimed = with_target(
        sut("http://localhost:80", cart="http://localhost/cart", pay="http://pay.test", sock="http+unix:///s"),
        "https://preview.test",
    )
    assert {name: service.base_url for name, service in aimed.services.items()} == {
        "cart": "https://preview.test/cart",
        "pay": "http://pay.test",
        "sock": "http+unix:///s",
    }


def test_services_at_one_origin_need_no_base_url_to_be_moved() -> None:
    aimed = with_target(sut(None, cart="http://shop:80/cart", catalog="http://shop/catalog"), "https://p.test")
    assert [service.base_url for service in aimed.services.values()] == [
        "https://p.test/cart",
        "https://p.test/catalog",
    ]


def test_services_at_several_origins_can_not_be_meant_by_one_target() -> None:
    with pytest.raises(ExpressionError, match="services at 2 origins and no base_url"):
        with_target(sut(None, cart="http://cart:80", catalog="http://catalog"), "https://p.test")


@pytest.mark.parametrize(
    ("data", "health"),
    [
        ({"path": "/h"}, Health(path="/h")),
        (
            {"path": "/h", "expect": {"status_code": 204}, "timeout": "2m", "interval": "250ms"},
            Health(path="/h", statuses=((204, 204),), timeout_s=120, interval_s=0.25),
        ),
        (
            {"path": "/h", "expect": {"status_code": [200, "3xx", "40X"]}},
            Health(path="/h", statuses=((200, 200), (300, 399), (400, 409))),
        ),
    ],
)
def test_health_is_what_the_file_says(data: dict[str, Any], health: Health) -> None:
    assert parse_health(data) == health
