from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from windtunnel.http.cookie_dates import parse_cookie_date
from windtunnel.http.cookies import CookieJar, Refusal, join_cookies, parse_set_cookie
from windtunnel.model.http import Exchange
from windtunnel.model.note import NOTES

NOW = 1_800_000_000.0


def jar_with(
    *values: str, host: str = "www.shop.test", target: str = "/account/login?x=/", secure: bool = True
) -> CookieJar:
    jar = CookieJar()
    store(jar, *values, host=host, target=target, secure=secure)
    return jar


def store(
    jar: CookieJar, *values: str, host: str = "www.shop.test", target: str = "/", secure: bool = True
) -> list[Refusal]:
    encoded = [value.encode() for value in values]
    return jar.store(encoded, host=host, target=target, secure=secure, now=NOW)


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
        ("a=1; Path=cart", "www.shop.test", "/account/x", True),
        ("a=1; Path=cart", "www.shop.test", "/cart", False),
        ("a=1; Path=/; Path=", "www.shop.test", "/", False),
        ("a=1; SameSite=Strict; Path=/; HttpOnly; Partitioned; Priority=High", "www.shop.test", "/", True),
    ],
)
def test_domain_and_path_decide_where_a_cookie_goes(cookie: str, host: str, target: str, goes: bool) -> None:
    assert (sent(jar_with(cookie), host, target) == "a=1") is goes


@pytest.mark.parametrize(
    ("cookie", "kind"),
    [
        ("a=1; Domain=other.test", "cookie_domain"),
        ("a=1; Domain=test", "cookie_domain"),
        ("a=1; Domain=sub.www.shop.test", "cookie_domain"),
        ("a=1; Domain=.test", "cookie_domain"),
        ("a=1; Domain=shop.test; Domain=other.test", "cookie_domain"),
        ("a=1; Domain=\u212aiosk.test", "cookie_domain"),
        ("a=1; Domain=shop.test.", "cookie_domain"),
        ("no equals sign", "cookie_syntax"),
        ("=nameless", "cookie_syntax"),
        ("", "cookie_syntax"),
        ("a=\x01", "cookie_syntax"),
        ("a=1; Path=/\x00", "cookie_syntax"),
        ("a\x7f=1", "cookie_syntax"),
        ("a=" + "x" * 4096, "cookie_size"),
        ("é=" + "x" * 4095, "cookie_size"),
        ("__Host-a=1; Path=/", "cookie_prefix"),
        ("__Host-a=1; Secure", "cookie_prefix"),
        ("__Host-a=1; Secure; Path=/account", "cookie_prefix"),
        ("__Host-a=1; Secure; Path=/; Domain=www.shop.test", "cookie_prefix"),
        ("__HOST-a=1; Path=/", "cookie_prefix"),
        ("__Secure-a=1; Path=/", "cookie_prefix"),
        ("__secure-a=1", "cookie_prefix"),
    ],
)
def test_a_cookie_that_is_not_the_servers_to_set_is_refused_with_the_reason(cookie: str, kind: Any) -> None:
    jar = CookieJar()
    assert [refusal.kind for refusal in store(jar, cookie, target="/account/")] == [kind]
    assert len(jar) == 0
    assert kind in NOTES


@pytest.mark.parametrize(
    "cookie",
    [
        "a=",
        "a=" + "x" * 4095,
        "a=1; Path=/" + "p" * 5000,
        "a=1; Comment=" + "c" * 9000,
        "a=1\t2; SameSite=None; Partitioned",
        "a=1; Domain=",
        "a=1; Domain=other.test; Domain=shop.test",
        "a=1; Domain=WWW.Shop.Test",
        "__Host-a=1; Secure; Path=/",
        "__Secure-a=1; secure",
        "__Host=1",
    ],
)
def test_what_browsers_take_is_taken(cookie: str) -> None:
    jar = CookieJar()
    assert store(jar, cookie) == []
    assert len(jar) == 1


def test_the_limit_counts_name_and_value_in_bytes_and_no_attribute() -> None:
    jar = CookieJar()
    assert store(jar, "a=" + "ë" * 2047 + "; Path=/; Comment=" + "x" * 4000) == []
    assert store(jar, "a=" + "ë" * 2048) == [Refusal("cookie_size", "a")]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "shop"])
def test_a_host_without_a_domain_keeps_a_cookie_for_its_own_name_to_itself(host: str) -> None:
    written = f"[{host}]" if ":" in host else host
    jar = jar_with(f"a=1; Path=/; Domain={written}", host=host)
    assert sent(jar, host) == "a=1"
    assert sent(jar, f"app.{host}") is None


def test_no_host_below_localhost_sets_a_cookie_for_all_of_them() -> None:
    refused = store(CookieJar(), "a=1; Domain=localhost", host="app.localhost")
    assert refused == [Refusal("cookie_domain", "a")]


def test_without_tls_no_cookie_replaces_or_hides_a_secure_one() -> None:
    jar = jar_with("a=1; Path=/; Secure; Domain=shop.test")
    for attack in ("a=2; Path=/", "a=2; Path=/account; Domain=shop.test", "a=; Path=/; Max-Age=0"):
        assert store(jar, attack, secure=False) == [Refusal("cookie_secure", "a")]
    assert store(jar, "b=2; Path=/", secure=False) == []
    assert sent(jar) == "a=1; b=2"


def test_the_name_of_a_refused_cookie_is_shown_as_text_and_not_at_full_length() -> None:
    values = [b"n\xeb=1; Domain=x.test", b"x" * 9000 + b"=1"]
    refused = CookieJar().store(values, host="shop.test", target="/", secure=True, now=NOW)
    assert refused == [Refusal("cookie_domain", "në"), Refusal("cookie_size", "x" * 100)]


def test_a_refused_cookie_is_noted_with_its_name() -> None:
    exchange = Exchange("GET", "http://shop.test/", "shop")
    for kind, name in store(CookieJar(), "a=1; Domain=x.test", "b=1; Domain=y.test", "=1"):
        exchange.note(kind, about=name or None)
    assert exchange.notes == {"cookie_domain": 2, "cookie_syntax": 1}
    assert exchange.note_details == {"cookie_domain": ["a", "b"]}


@pytest.mark.parametrize(
    "value",
    [
        b"Zo\xc3\xab",
        b"Zo\xeb",
        b'"a b"',
        b'"',
        b"\xff\xfe",
        b"a=b==",
        b"\xc2\xa0x\xc2\x85",
        b"\xe2\x80\xa8",
        b"",
        b"%41",
    ],
)
def test_the_bytes_of_a_cookie_go_back_as_they_came(value: bytes) -> None:
    jar = CookieJar()
    jar.store([b"name = " + value + b"\t; Path=/"], host="a.test", target="/", secure=False, now=NOW)
    header = jar.header(host="a.test", target="/", secure=False, now=NOW)
    assert header is not None
    assert header.encode("utf-8", "surrogateescape") == b"name=" + value


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
        ("Max-Age=60; Max-Age=+5", 60),
        ("Max-Age=60; Max-Age=1e3", 60),
        ("Expires=Fri, 15 Jan 2027 08:01:00 GMT; Expires=soon", 60),
        ("Expires=Friday, 15-Jan-27 08:01:00 GMT", 60),
        ("Max-Age=99999999999999999999", None),
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
    store(jar, f"a=; Path=/; {attribute}")
    assert len(jar) == 0


def test_longer_paths_come_first_and_a_new_value_replaces_the_old() -> None:
    jar = jar_with("a=1; Path=/", "b=2; Path=/account", "a=3; Path=/")
    assert sent(jar) == "b=2; a=3"


def test_a_server_cannot_fill_the_memory() -> None:
    jar = jar_with(*(f"c{i}=1" for i in range(10_000)))
    assert len(jar) <= 200


def test_an_address_shares_no_cookies_with_its_digits() -> None:
    refused = parse_set_cookie(b"a=1; Domain=0.0.1", host="127.0.0.1", target="/", secure=True, now=NOW)
    assert refused == Refusal("cookie_domain", "a")


@pytest.mark.parametrize(
    "text",
    [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "Sun, 6-Nov-1994 08:49:37 PST",
        "1994 November 6th 8:49:37",
        "06/nov/94 08:49:37.123",
        "08:49:37;6;NOVEMBER;1994",
        "Sun, 06 Nov 1994 08:49:37 GMT+0200 (CEST) 07 Dec 1995 09:00:00",
    ],
)
def test_a_date_is_read_in_every_form_that_browsers_read(text: str) -> None:
    assert parse_cookie_date(text) == 784_111_777


@pytest.mark.parametrize(
    ("year", "read"), [("69", 2069), ("70", 1970), ("99", 1999), ("00", 2000), ("2038", 2038)]
)
def test_a_year_of_two_digits_is_near(year: str, read: int) -> None:
    date = parse_cookie_date(f"Fri, 01 Jan {year} 00:00:00 GMT")
    assert date == datetime(read, 1, 1, tzinfo=timezone.utc).timestamp()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tomorrow",
        "06 Nov 1994",
        "06 Nov 94 25:00:00",
        "31 Feb 2030 00:00:00",
        "00 Jan 2030 00:00:00",
        "01 Jan 1600 00:00:00",
        "01 Jan 99999 00:00:00",
        "01 Jan 2030 00:00",
        "\u0660\u0661 Jan 2030 00:00:00",
    ],
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert parse_cookie_date(text) is None


def test_a_steps_own_cookies_go_beside_those_of_the_jar_and_win_over_one_of_the_same_name() -> None:
    assert join_cookies("mine=1; lang=de", "lang=en; session=abc") == "mine=1; lang=de; session=abc"
