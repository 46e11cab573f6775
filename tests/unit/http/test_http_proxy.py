"""Which requests go through a proxy."""

from __future__ import annotations

import pytest

from windtunnel.http.proxy import proxy_for
from windtunnel.model.origin import parse_base_url
from windtunnel.model.sut import Proxies, Proxy

PLAIN, ENCRYPTED = Proxy(host="plain", port=1), Proxy(host="encrypted", port=2)
BYPASS = ("corp.test", ".sub.test", "port.test:8080", "10.0.0.0/8", "192.0.2.7", ".Bücher.test", "ü..test")


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("http://shop.test", PLAIN),
        ("https://shop.test", ENCRYPTED),
        ("http://localhost:8080", None),
        ("http://api.localhost", None),
        ("http://127.0.0.1", None),
        ("https://[::1]:8443", None),
        ("http://corp.test", None),
        ("http://deep.corp.test", None),
        ("http://notcorp.test", PLAIN),
        ("http://x.sub.test", None),
        ("http://port.test:8080", None),
        ("http://port.test", PLAIN),
        ("http://10.1.2.3", None),
        ("http://11.1.2.3", PLAIN),
        ("http://192.0.2.7:99", None),
        ("http://[2001:db8::1]", PLAIN),
        ("http://xn--bcher-kva.test", None),
        ("http://a.bücher.test", None),
        ("http://xn--tda.test", PLAIN),
    ],
)
def test_a_proxy_for_a_url(url: str, proxy: Proxy | None) -> None:
    proxies = Proxies(http=PLAIN, https=ENCRYPTED, bypass=BYPASS)
    assert proxy_for(parse_base_url(url).origin, proxies) == proxy


def test_a_star_bypasses_everything() -> None:
    assert proxy_for(parse_base_url("http://shop.test").origin, Proxies(http=PLAIN, bypass=("*",))) is None


def test_a_proxy_the_file_names_serves_this_machine_too() -> None:
    assert proxy_for(parse_base_url("http://localhost").origin, Proxies(http=PLAIN, loopback=True)) == PLAIN
