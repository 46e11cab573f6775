from __future__ import annotations

import pytest
from golden import golden, message_of

from windtunnel.config.sut import load_sut
from windtunnel.model.sut import HttpSettings, IdHeaders, Redactions, Tls


def test_a_name_and_a_url_are_a_complete_file(write):
    write("sut.yaml", 'name: "My E-Commerce App"\nbase_url: "http://localhost:8080"\n')
    sut = load_sut("sut.yaml", {}).sut
    assert sut.name == "My E-Commerce App"
    assert sut.default is not None
    assert sut.default.base_url == "http://localhost:8080"
    assert sut.default.timeout_s == 30.0
    assert sut.services == {}
    assert sut.service("catalog").base_url == sut.default.base_url
    assert (sut.ids, sut.http, sut.redact, sut.allow_hosts) == (IdHeaders(), HttpSettings(), Redactions(), ())
    assert sut.source.file == "sut.yaml"


def test_without_a_name_the_host_is_the_name(write):
    write("sut.yaml", "base_url: https://shop.test:8443/api/")
    sut = load_sut("sut.yaml", {}).sut
    assert sut.name == "shop.test:8443"
    assert sut.default is not None
    assert sut.default.base_url == "https://shop.test:8443/api"


def test_every_key(write):
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
    assert sut.http == HttpSettings(max_body=1024 * 1024)
    assert file.public_env == {"REGION"}


def test_every_bad_url_is_told_at_its_place(write):
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
        sut.yaml:1:11: a base URL begins with http:// or https://
          1 | base_url: localhost:8080
            |           ^^^^^^^^^^^^^^
          help: write http://localhost:8080
        sut.yaml:3:18: a base URL begins with http:// or https://
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


def test_neither_base_url_nor_services(write):
    write("sut.yaml", "name: shop\ntimeout: 5s\n")
    assert message_of(lambda: load_sut("sut.yaml", {})) == golden(
        """
        sut.yaml:1:1: an SUT file needs "base_url" or "services"
          1 | name: shop
            | ^^^^^^^^^^
        """
    )


def test_a_certificate_file_that_is_not_there(write):
    write("conf/sut.yaml", "services: { a: { base_url: 'https://a.test', tls: { ca: ca.pem } } }")
    assert message_of(lambda: load_sut("conf/sut.yaml", {})) == golden(
        """
        conf/sut.yaml:1:57: there is no file "conf/ca.pem"
          1 | services: { a: { base_url: 'https://a.test', tls: { ca: ca.pem } } }
            |                                                         ^^^^^^
          help: the path starts at this file's folder
        """
    )


def test_a_missing_variable_of_the_environment(write):
    write("sut.yaml", "base_url: ${SHOP_URL}")
    assert message_of(lambda: load_sut("sut.yaml", {})) == golden(
        """
        sut.yaml:1:11: the environment has no variable SHOP_URL
          1 | base_url: ${SHOP_URL}
            |           ^^^^^^^^^^^
          help: export SHOP_URL, or give a default: ${SHOP_URL:-default}
        """
    )


@pytest.mark.parametrize("key", ["auth", "health", "profiles", "trace_url"])
def test_keys_that_do_nothing_yet_are_refused(write, key: str):
    write("sut.yaml", f"base_url: http://a.test\n{key}: {{}}\n")
    assert f'unknown key "{key}" in an SUT file' in message_of(lambda: load_sut("sut.yaml", {}))
