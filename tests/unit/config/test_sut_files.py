from __future__ import annotations

import pytest

from tests.support.messages import Write, golden, message_of
from windtunnel.config.overrides import overrides_of
from windtunnel.config.sut import load_sut
from windtunnel.model.origin import HostRules, split_url
from windtunnel.model.sut import HttpSettings, IdHeaders, Proxies, Proxy, Redactions, Tls
from windtunnel.project import Project


def test_a_name_and_a_url_are_a_complete_file(write: Write) -> None:
    write("sut.yaml", 'name: "My E-Commerce App"\nbase_url: "http://localhost:8080"\n')
    sut = load_sut("sut.yaml", {}).sut
    assert sut.name == "My E-Commerce App"
    assert sut.default is not None
    assert sut.default.base_url == "http://localhost:8080"
    assert sut.default.timeout_s == 30.0
    assert sut.services == {}
    catalog = sut.service("catalog")
    assert catalog is not None
    assert catalog.base_url == "http://localhost:8080"
    assert (sut.ids, sut.http, sut.redact, sut.allow_hosts) == (IdHeaders(), HttpSettings(), Redactions(), ())
    assert sut.source.file == "sut.yaml"


def test_without_a_name_the_host_is_the_name(write: Write) -> None:
    write("sut.yaml", "base_url: https://shop.test:8443/api/")
    sut = load_sut("sut.yaml", {}).sut
    assert sut.name == "shop.test:8443"
    assert sut.default is not None
    assert sut.default.base_url == "https://shop.test:8443/api"


def test_every_key(write: Write) -> None:
    write("conf/ca.pem", "certificate")
    write(
        "conf/sut.yaml",
        """
        name: shop
        headers: { Accept: application/json, X-Version: 1.0, x-debug: true }
        timeout: 10s
        services:
          catalog:
            base_url: https://catalog.test:8443
            headers: { accept: text/plain }
            timeout: 250ms
            tls: { ca: ca.pem, verify: false }
          cart: { base_url: "${CART}" }
        ids: { run: X-Run, instance: false, traceparent: false }
        redact: { headers: [x-session], json: ["$.card"], query: [sig] }
        public_env: [REGION]
        allow_hosts: [Payments.test, "*.cdn.test"]
        tracing_url: https://tracing.test/trace/{trace_id}
        http: { max_body: 1MiB }
        """,
    )
    file = load_sut("conf/sut.yaml", {"CART": "http://cart.test"})
    sut = file.sut
    catalog, cart = sut.services["catalog"], sut.services["cart"]
    assert sut.default is None
    assert catalog.headers == {"X-Version": "1.0", "x-debug": "true", "accept": "text/plain"}
    assert catalog.timeout_s == 0.25
    assert catalog.tls == Tls(verify=False, ca="conf/ca.pem")
    assert cart.base_url == "http://cart.test"
    assert cart.headers == {"Accept": "application/json", "X-Version": "1.0", "x-debug": "true"}
    assert cart.timeout_s == 10.0
    assert sut.ids == IdHeaders(run="X-Run", instance=None, correlation="X-Correlation-ID", traceparent=False)
    assert sut.redact == Redactions(headers=("x-session",), json=("$.card",), query=("sig",))
    assert sut.allow_hosts == ("payments.test", "*.cdn.test")
    assert sut.tracing_url == "https://tracing.test/trace/{trace_id}"
    assert sut.http == HttpSettings(max_body=1024 * 1024)
    assert file.public_env == {"REGION"}


def test_every_bad_url_is_told_at_its_place(write: Write) -> None:
    write(
        "sut.yaml",
        """
        base_url: localhost:8080
        services:
          a: { base_url: "ftp://a.test" }
          b: { base_url: "http://b.test/?x=1" }
          c: { base_url: "http:///path" }
          d: { base_url: "http://d.test:99999" }
          e: { base_url: "http://user:hunter22@e.test" }
          f: { base_url: "http://f .test" }
          g: { base_url: "http://g.test/#top" }
          h: { base_url: "http://[::1" }
        """,
    )
    assert message_of(lambda: load_sut("sut.yaml", {})) == golden(
        """
        sut.yaml:1:11: a base URL must begin with http:// or https://
          1 | base_url: localhost:8080
            |           ^^^^^^^^^^^^^^
          help: write http://localhost:8080
        sut.yaml:3:18: a base URL must begin with http:// or https://
          3 |   a: { base_url: "ftp://a.test" }
            |                  ^^^^^^^^^^^^^^
          help: write a URL such as http://localhost:8080
        sut.yaml:4:18: a base URL must not have a query or a fragment
          4 |   b: { base_url: "http://b.test/?x=1" }
            |                  ^^^^^^^^^^^^^^^^^^^^
          help: write them with the steps: query: { name: value }
        sut.yaml:5:18: a base URL needs a host and no spaces
          5 |   c: { base_url: "http:///path" }
            |                  ^^^^^^^^^^^^^^
          help: write a URL such as http://localhost:8080
        sut.yaml:6:18: not a URL: Port out of range 0-65535
          6 |   d: { base_url: "http://d.test:99999" }
            |                  ^^^^^^^^^^^^^^^^^^^^^
          help: write a URL such as http://localhost:8080
        sut.yaml:7:18: a base URL must not hold a user or password
          7 |   e: { base_url: "http://user:hunter22@e.test" }
            |                  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: send them in a header, such as Authorization
        sut.yaml:8:18: a base URL needs a host and no spaces
          8 |   f: { base_url: "http://f .test" }
            |                  ^^^^^^^^^^^^^^^^
          help: write a URL such as http://localhost:8080
        sut.yaml:9:18: a base URL must not have a query or a fragment
          9 |   g: { base_url: "http://g.test/#top" }
            |                  ^^^^^^^^^^^^^^^^^^^^
          help: write them with the steps: query: { name: value }
        sut.yaml:10:18: not a URL: Invalid IPv6 URL
          10 |   h: { base_url: "http://[::1" }
             |                  ^^^^^^^^^^^^^
          help: write a URL such as http://localhost:8080
        """
    )


def test_neither_base_url_nor_services(write: Write) -> None:
    write("sut.yaml", "name: shop\ntimeout: 5s\n")
    assert message_of(lambda: load_sut("sut.yaml", {})) == golden(
        """
        sut.yaml:1:1: an SUT file needs "base_url" or "services"
          1 | name: shop
            | ^^^^^^^^^^
          help: add `base_url: http://localhost:8080`
        """
    )


def test_a_certificate_file_that_is_not_there(write: Write) -> None:
    write("conf/sut.yaml", "services: { a: { base_url: 'https://a.test', tls: { ca: ca.pem } } }")
    assert message_of(lambda: load_sut("conf/sut.yaml", {})) == golden(
        """
        conf/sut.yaml:1:57: there is no file "conf/ca.pem"
          1 | services: { a: { base_url: 'https://a.test', tls: { ca: ca.pem } } }
            |                                                         ^^^^^^
          help: the path starts at this file's folder
        """
    )


def test_a_missing_variable_of_the_environment(write: Write) -> None:
    write("sut.yaml", "base_url: ${SHOP_URL}")
    assert message_of(lambda: load_sut("sut.yaml", {})) == golden(
        """
        sut.yaml:1:11: the environment has no variable SHOP_URL
          1 | base_url: ${SHOP_URL}
            |           ^^^^^^^^^^^
          help: export SHOP_URL, or give a default: ${SHOP_URL:-default}
        """
    )


@pytest.mark.parametrize("key", ["trace_url"])
def test_keys_that_do_nothing_yet_are_refused(write: Write, key: str) -> None:
    write("sut.yaml", f"base_url: http://a.test\n{key}: {{}}\n")
    assert f'unknown key "{key}" in an SUT file' in message_of(lambda: load_sut("sut.yaml", {}))


def test_how_requests_get_there(write: Write) -> None:
    for name in ("ca.pem", "our.pem", "our.key"):
        write(f"conf/{name}", "PEM")
    write(
        "conf/sut.yaml",
        """
        base_url: https://shop.test
        tls: { ca: ca.pem, cert: our.pem, key: our.key, server_name: inner.test }
        http: { proxy: "http://me:my%20word@proxy.test:3128", connections: none, dns_ttl: 10s, strict: true }
        """,
    )
    sut = load_sut("conf/sut.yaml", {"http_proxy": "http://other.test"}).sut
    proxy = Proxy(host="proxy.test", port=3128, user="me", password="my word")
    assert sut.http.proxies == Proxies(http=proxy, https=proxy, loopback=True)
    assert (sut.http.connections, sut.http.dns_ttl_s, sut.http.strict) == ("none", 10.0, True)
    assert sut.default is not None
    assert sut.default.tls == Tls(
        ca="conf/ca.pem", cert="conf/our.pem", key="conf/our.key", server_name="inner.test"
    )
    assert sut.secrets == {"my word", "me:my word"}
    assert "my word" not in repr(sut)


def test_proxies_come_from_the_environment_unless_the_file_says_none(write: Write) -> None:
    environment = {
        "HTTP_PROXY": "http://capitals.test",
        "http_proxy": "small.test:8080",
        "ALL_PROXY": "http://all.test:1",
        "no_proxy": "localhost, .corp.test ,10.0.0.0/8",
    }
    write("sut.yaml", "base_url: http://shop.test")
    assert load_sut("sut.yaml", environment).sut.http.proxies == Proxies(
        http=Proxy(host="small.test", port=8080),
        https=Proxy(host="all.test", port=1),
        bypass=("localhost", ".corp.test", "10.0.0.0/8"),
    )
    write("sut.yaml", "base_url: http://shop.test\nhttp: { proxy: null }")
    assert load_sut("sut.yaml", environment).sut.http.proxies == Proxies()


def test_a_unix_socket_is_a_base_url(write: Write) -> None:
    write("sut.yaml", "base_url: http+unix:///run/shop.sock")
    sut = load_sut("sut.yaml", {}, project=Project.allowing(["/run"]).around("sut.yaml")).sut
    assert sut.default is not None
    assert (sut.name, sut.default.base_url) == ("http+unix:///run/shop.sock", "http+unix:///run/shop.sock")


def test_what_can_be_wrong_on_the_way(write: Write) -> None:
    write(
        "sut.yaml",
        """
        services:
          a: { base_url: "http+unix://shop.sock" }
          b: { base_url: https://shop.test, tls: { cert: none.pem } }
          c: { base_url: https://shop.test, tls: { key: sut.yaml } }
        http: { proxy: "socks5://me:word@proxy.test" }
        """,
    )
    assert message_of(lambda: load_sut("sut.yaml", {})) == golden(
        """
        sut.yaml:2:18: a Unix socket needs its whole path
          2 |   a: { base_url: "http+unix://shop.sock" }
            |                  ^^^^^^^^^^^^^^^^^^^^^^^
          help: write it like http+unix:///run/shop.sock
        sut.yaml:3:50: there is no file "none.pem"
          3 |   b: { base_url: https://shop.test, tls: { cert: none.pem } }
            |                                                  ^^^^^^^^
          help: the path starts at this file's folder
        sut.yaml:4:44: `key` needs `cert`
          4 |   c: { base_url: https://shop.test, tls: { key: sut.yaml } }
            |                                            ^^^
          help: add `cert:`, the certificate it belongs to
        sut.yaml:5:16: the scheme of a proxy must be http, not socks5
          5 | http: { proxy: "socks5://me:word@proxy.test" }
            |                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: write a URL such as http://proxy.test:3128
        """
    )


def test_a_proxy_of_the_environment_that_is_none_is_named_without_its_password(write: Write) -> None:
    write("sut.yaml", "base_url: http://shop.test")
    assert message_of(lambda: load_sut("sut.yaml", {"https_proxy": "https://me:word@proxy.test"})) == golden(
        """
        the environment variable https_proxy: the scheme of a proxy must be http, not https
          help: write a URL such as http://proxy.test:3128
        """
    )


@pytest.mark.parametrize(
    ("text", "key", "address"),
    [
        ("shop.test:10.0.0.5", "shop.test", "10.0.0.5"),
        ("Shop.test:443:10.0.0.5", "shop.test:443", "10.0.0.5"),
        ("shop.test:::1", "shop.test", "::1"),
        ("shop.test:443:[::1]", "shop.test:443", "::1"),
        ("Bücher.test:10.0.0.5", "xn--bcher-kva.test", "10.0.0.5"),
        ("straße.test:443:10.0.0.5", "xn--strae-oqa.test:443", "10.0.0.5"),
    ],
)
def test_an_address_for_a_host(write: Write, text: str, key: str, address: str) -> None:
    write("sut.yaml", "base_url: http://shop.test")
    sut = overrides_of(resolve=(text,)).applied_to(load_sut("sut.yaml", {}).sut)
    assert sut.http.resolve == {key: address}


def test_hosts_may_be_written_in_their_own_alphabet(write: Write) -> None:
    write(
        "sut.yaml",
        'base_url: http://münchen.test\nallow_hosts: [Bücher.test, "*.東京.test"]\ntls: { server_name: ü.test }',
    )
    sut = load_sut("sut.yaml", {}).sut
    rules = HostRules.of(sut)
    urls = ("http://münchen.test", "http://xn--bcher-kva.test", "https://a.東京.test", "http://東京.test")
    assert [rules.allow(split_url(url)[0]) for url in urls] == [True, True, True, False]
    assert sut.default is not None
    assert sut.default.tls.server_name == "xn--tda.test"


@pytest.mark.parametrize("host", ["bücher..test", "*.ü..test", "payments.test:443"])
def test_an_allowed_host_that_is_none_is_told_at_its_place(write: Write, host: str) -> None:
    write("sut.yaml", f"base_url: http://a.test\nallow_hosts: [b.test, '{host}']")
    assert message_of(lambda: load_sut("sut.yaml", {})).startswith(f'sut.yaml:2:23: "{host}" is not a host name\n')


def test_insecure_believes_every_service(write: Write) -> None:
    write("sut.yaml", "base_url: https://a.test\nservices: { b: { base_url: https://b.test } }")
    sut = overrides_of(insecure=True).applied_to(load_sut("sut.yaml", {}).sut)
    assert sut.unchecked == ("default", "b")
