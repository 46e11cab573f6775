from __future__ import annotations

from typing import Any

import pytest

from windtunnel.errors import ExpressionError
from windtunnel.model.origin import HostRules, Origin, in_ascii, parse_base_url, split_url
from windtunnel.model.source import Source
from windtunnel.model.sut import Service, Sut


@pytest.mark.parametrize(
    ("text", "origin", "path"),
    [
        ("http://shop.test", Origin(scheme="http", host="shop.test", port=80), ""),
        ("HTTPS://Shop.Test/", Origin(scheme="https", host="shop.test", port=443), ""),
        ("http://127.0.0.1:8080/api/v1/", Origin(scheme="http", host="127.0.0.1", port=8080), "/api/v1"),
        ("http://[::1]:9000", Origin(scheme="http", host="::1", port=9000), ""),
        ("http://bücher.test", Origin(scheme="http", host="xn--bcher-kva.test", port=80), ""),
        ("http://my_service:80", Origin(scheme="http", host="my_service", port=80), ""),
    ],
)
def test_a_base_url_is_taken_apart(text: str, origin: Any, path: str) -> None:
    base = parse_base_url(text)
    assert (base.origin, base.path) == (origin, path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("ftp://shop.test", "not an http or https URL"),
        ("shop.test:8080", "not an http or https URL"),
        ("http://", "the host is missing"),
        ("http://shop.test:99999", "the port"),
        ("http://shop.test:0", "the port"),
        ("http://shop.test:http", "the port"),
        ("http://user:secret@shop.test", "credentials"),
        ("http://shop.test/?a=1", "no query"),
        ("http://shop .test", "no spaces"),
        ("http://shop.test/\r\nX: y", "control characters"),
        ("http://sh%6fp.test", "not a host name"),
        ("http://[::zz]", ""),
    ],
)
def test_a_base_url_that_cannot_be_used_is_refused_with_the_reason(text: str, says: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        parse_base_url(text)
    assert says in str(raised.value)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("origin", "authority"),
    [
        (Origin(scheme="http", host="shop.test", port=80), "shop.test"),
        (Origin(scheme="https", host="shop.test", port=80), "shop.test:80"),
        (Origin(scheme="https", host="shop.test", port=443), "shop.test"),
        (Origin(scheme="http", host="::1", port=8080), "[::1]:8080"),
    ],
)
def test_the_host_header_names_the_port_only_when_it_is_unusual(origin: Any, authority: str) -> None:
    assert origin.authority == authority
    assert str(origin) == f"{origin.scheme}://{authority}"


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://a.test", "/"),
        ("http://a.test?x=1", "/?x=1"),
        ("http://a.test/b?c=d#e", "/b?c=d"),
        ("http://a.test/b%2Fc", "/b%2Fc"),
    ],
)
def test_an_absolute_url_splits_into_origin_and_target(url: str, target: str) -> None:
    assert split_url(url) == (Origin(scheme="http", host="a.test", port=80), target)


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("shop.test", True),
        ("shop.test.", True),
        ("dotted.test", True),
        ("dotted.test.", True),
        ("a.cdn.test.", True),
        ("api.shop.test", False),
        ("a.cdn.test", True),
        ("b.a.cdn.test", True),
        ("cdn.test", False),
        ("evilcdn.test", False),
        ("shop.test.evil.test", False),
        ("::1", True),
    ],
)
def test_hosts_are_allowed_by_exact_name_or_by_suffix(host: str, allowed: bool) -> None:
    rules = HostRules(["Shop.test", "*.cdn.test", "[::1]", "dotted.test."])
    assert rules.allow(Origin(scheme="http", host=host, port=80)) is allowed


def test_without_rules_no_host_is_allowed() -> None:
    assert not HostRules([]).allow(Origin(scheme="http", host="shop.test", port=80))


def test_the_hosts_of_services_are_allowed_as_they_are_sent() -> None:
    default = Service(name="shop", base_url="http://M\u00fcnchen.test/api")
    services = {"pay": Service(name="pay", base_url="https://pay.test.:8443")}
    sut = Sut(name="s", default=default, services=services, allow_hosts=("*.cdn.test",), source=Source(file="s"))
    rules = HostRules.of(sut)
    urls = ("http://xn--mnchen-3ya.test", "https://pay.test", "http://a.cdn.test", "http://evil.test")
    assert [rules.allow(split_url(url)[0]) for url in urls] == [True, True, True, False]


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("shop.localhost", True),
        ("localhost.", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("0.0.0.0", True),
        ("localhost.example.com", False),
        ("10.0.0.1", False),
        ("shop", False),
    ],
)
def test_loopback_is_this_machine_by_name_or_address(host: str, loopback: bool) -> None:
    assert Origin(scheme="http", host=host, port=80).is_loopback is loopback


@pytest.mark.parametrize(
    ("url", "secure"),
    [
        ("https://shop.test", True),
        ("http://localhost:8080", True),
        ("http://LOCALHOST", True),
        ("http://localhost.", True),
        ("http://shop.localhost", True),
        ("http://127.0.0.1:8470", True),
        ("http://127.255.3.4", True),
        ("http://[::1]", True),
        ("http://[0:0:0:0:0:0:0:1]", True),
        ("http://shop.test", False),
        ("http://0.0.0.0", False),
        ("http://[::]", False),
        ("http://10.0.0.1", False),
        ("http://127.0.0.1.shop.test", False),
        ("http://127.shop.test", False),
        ("http://localhost.shop.test", False),
        ("http://notlocalhost", False),
    ],
)
def test_the_way_to_this_machine_is_as_secure_as_tls(url: str, secure: bool) -> None:
    assert split_url(url)[0].is_secure is secure


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("shop.test", "shop.test"),
        ("xn--bcher-kva.test", "xn--bcher-kva.test"),
        ("bücher.test", "xn--bcher-kva.test"),
        ("BÜCHER.Test", "xn--bcher-kva.test"),
        ("bu\u0308cher.test", "xn--bcher-kva.test"),
        ("bücher.test.", "xn--bcher-kva.test."),
        ("straße.test", "xn--strae-oqa.test"),
        ("東京。test", "xn--1lqs71d.test"),
        ("\uff53hop.test", "shop.test"),
        ("\u2615.test", "xn--53h.test"),
        ("my_shop.bücher.test", "my_shop.xn--bcher-kva.test"),
        ("пример.испытание", "xn--e1afmkfd.xn--80akhbyknj4f"),
    ],
)
def test_a_host_name_is_sent_as_browsers_send_it(name: str, sent: str) -> None:
    assert in_ascii(name) == sent
    assert parse_base_url(f"http://{name}").origin.host == sent


@pytest.mark.parametrize(
    "name", ["bücher..test", "ü" * 64 + ".test", "a\u200db.test", "\u05d0b.test", "ü\u2028.test"]
)
def test_what_is_no_host_name_in_any_alphabet_is_refused(name: str) -> None:
    with pytest.raises(ExpressionError, match="is not a host name"):
        parse_base_url(f"http://{name}")


@pytest.mark.parametrize("written", ["bücher.test", "BÜCHER.test.", "xn--bcher-kva.test", "*.test"])
@pytest.mark.parametrize("asked", ["http://bücher.test", "http://xn--bcher-kva.test:80/x", "https://Bücher.test."])
def test_a_host_is_allowed_in_either_spelling(written: str, asked: str) -> None:
    assert HostRules([written]).allow(split_url(asked)[0])


def test_a_suffix_may_be_written_in_its_own_alphabet() -> None:
    rules = HostRules(["*.bücher.test"])
    allowed = [
        rules.allow(split_url(f"http://{host}")[0]) for host in ("cdn.bücher.test", "bücher.test", "ücher.test")
    ]
    assert allowed == [True, False, False]
