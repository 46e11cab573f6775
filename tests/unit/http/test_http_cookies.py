from __future__ import annotations

import pytest

from windtunnel.http.cookies import CookieJar, join_cookies, parse_set_cookie

NOW = 1_800_000_000.0


def jar_with(
    *values: str, host: str = "www.shop.test", target: str = "/account/login?x=/", secure: bool = True
) -> CookieJar:
    jar = CookieJar()
    jar.store(values, host=host, target=target, secure=secure, now=NOW)
    return jar


def sent(
    jar: CookieJar,
    host: str = "www.shop.test",
    target: str = "/account/",
    *,
    secure: bool = True,
    after: float = 0,
) -> str | None:
    return jar.header(host=host, target=target, secure=secure, now=NOW + after)


def test_a_cookie_goes_back_to_where_it_came_from() -> None:
    assert sent(jar_with("a=1", "b=x=y; Path=/; HttpOnly")) == "a=1; b=x=y"


@pytest.mark.parametrize(
    ("cookie", "host", "target", "goes"),
    [
        ("a=1; Path=/", "www.shop.test", "/", True),
        ("a=1; Path=/", "shop.test", "/", False),
        ("a=1; Path=/", "api.www.shop.test", "/", False),
        ("a=1; Path=/; Domain=shop.test", "shop.test", "/", True),
        ("a=1; Path=/; Domain=.shop.test", "api.shop.test", "/", True),
        ("a=1; Path=/; Domain=shop.test", "evilshop.test", "/", False),
        ("a=1; Path=/; Domain=www.shop.test", "a.www.shop.test", "/", True),
        ("a=1", "www.shop.test", "/account", True),
        ("a=1", "www.shop.test", "/accounting", False),
        ("a=1", "www.shop.test", "/account/x?y", True),
        ("a=1", "www.shop.test", "/", False),
        ("a=1; Path=/cart/", "www.shop.test", "/cart/1", True),
        ("a=1; Path=/cart/", "www.shop.test", "/cart", False),
    ],
)
def test_domain_and_path_decide_where_a_cookie_goes(cookie: str, host: str, target: str, goes: bool) -> None:
    assert (sent(jar_with(cookie), host, target) == "a=1") is goes


@pytest.mark.parametrize(
    "cookie",
    [
        "a=1; Domain=other.test",
        "a=1; Domain=test",
        "a=1; Domain=sub.www.shop.test",
        "no equals sign",
        "=nameless",
        "a=\x01",
        "a=" + "x" * 5000,
    ],
)
def test_a_cookie_that_is_not_the_servers_to_set_is_ignored(cookie: str) -> None:
    assert len(jar_with(cookie)) == 0


def test_a_secure_cookie_stays_on_tls() -> None:
    jar = jar_with("a=1; Path=/; Secure")
    assert sent(jar, secure=True) == "a=1"
    assert sent(jar, secure=False) is None
    assert len(jar_with("a=1; Secure", secure=False)) == 0


@pytest.mark.parametrize(
    ("attribute", "lives_s"),
    [
        ("Max-Age=60", 60),
        ("Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", 60),
        ("Expires=Fri, 15 Jan 2027 08:01:00 GMT", 60),
        ("Max-Age=soon", None),
        ("Expires=tomorrow", None),
    ],
)
def test_a_cookie_lives_as_long_as_it_says(attribute: str, lives_s: int | None) -> None:
    jar = jar_with(f"a=1; Path=/; {attribute}")
    assert sent(jar, after=59) == "a=1"
    assert sent(jar, after=61) == (None if lives_s else "a=1")


@pytest.mark.parametrize("attribute", ["Max-Age=0", "Max-Age=-1", "Expires=Thu, 01 Jan 1970 00:00:00 GMT"])
def test_a_cookie_that_has_expired_deletes_the_one_before(attribute: str) -> None:
    jar = jar_with("a=1; Path=/")
    jar.store([f"a=; Path=/; {attribute}"], host="www.shop.test", target="/", secure=True, now=NOW)
    assert len(jar) == 0


def test_longer_paths_come_first_and_a_new_value_replaces_the_old() -> None:
    jar = jar_with("a=1; Path=/", "b=2; Path=/account", "a=3; Path=/")
    assert sent(jar) == "b=2; a=3"


def test_a_server_cannot_fill_the_memory() -> None:
    jar = jar_with(*(f"c{i}=1" for i in range(10_000)))
    assert len(jar) <= 200


def test_an_address_shares_no_cookies_with_its_digits() -> None:
    assert parse_set_cookie("a=1; Domain=0.0.1", host="127.0.0.1", target="/", secure=True, now=NOW) is None


def test_a_steps_own_cookies_go_beside_those_of_the_jar_and_win_over_one_of_the_same_name() -> None:
    assert join_cookies("mine=1; lang=de", "lang=en; session=abc") == "mine=1; lang=de; session=abc"
