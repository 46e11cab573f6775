from __future__ import annotations

from typing import Any

import pytest

from tests.support.compiling import SHOP
from windtunnel.interfaces import Request
from windtunnel.model.http import Exchange
from windtunnel.testing.scripted import Answer, ScriptedTransport, Sent, json_answer
from windtunnel.testing.virtual_clock import run_virtual


def send(transport: ScriptedTransport, target: str = "/a", *, timeout_s: float = 5.0, **kwargs: Any) -> Exchange:
    endpoint = transport.endpoint(method="GET", service=SHOP, headers={"X-Team": "cart"})
    client = transport.client()
    client.begin_instance(instance_id="run/7", correlation_id="0" * 32)
    return run_virtual(client.send(Request(endpoint=endpoint, target=target, timeout_s=timeout_s, **kwargs)))


def test_answers_come_in_order_and_what_was_sent_is_kept() -> None:
    transport = ScriptedTransport([json_answer({"id": 1}), Answer(status=404)])
    first, second = send(transport, headers=[("X-User", "7")], body=b"x"), send(transport, "/b")
    assert (first.status, first.json, first.url) == (200, {"id": 1}, "http://shop.test/a")
    assert first.headers["content-type"] == "application/json"
    assert second.status == 404
    assert [request.target for request in transport.sent] == ["/a", "/b"]
    assert transport.sent[0].headers == (("X-Team", "cart"), ("X-User", "7"))
    assert (transport.sent[0].body, transport.sent[0].instance_id) == (b"x", "run/7")
    assert transport.sent[0].header("x-user") == "7"
    assert transport.sent[0].header("absent") is None


def test_a_script_that_runs_out_fails_the_test() -> None:
    with pytest.raises(AssertionError, match="the script has no answer for GET /a"):
        send(ScriptedTransport([]))


def test_a_function_answers_by_what_was_sent() -> None:
    def answer(request: Sent) -> Answer:
        return Answer(body=request.target.encode())

    assert send(ScriptedTransport(answer), "/echo").body == b"/echo"


def test_latency_is_spent_and_measured() -> None:
    exchange = send(ScriptedTransport([Answer(latency_s=0.25)]))
    assert exchange.ended - exchange.started == 0.25
    assert exchange.timings.duration_us == 250_000


def test_an_answer_that_comes_too_late_is_a_timeout_at_the_deadline() -> None:
    exchange = send(ScriptedTransport([Answer(latency_s=60)]), timeout_s=1.5)
    assert (exchange.error, exchange.status, exchange.ended) == ("timeout", 0, 1.5)


def test_an_error_comes_without_a_response() -> None:
    exchange = send(ScriptedTransport([Answer(error="refused", error_detail="port 80")]))
    assert (exchange.error, exchange.error_detail, exchange.status, exchange.bytes_sent) == (
        "refused",
        "port 80",
        0,
        0,
    )


def test_hops_are_handed_over_and_the_last_answer_returned() -> None:
    hops: list[Exchange] = []
    transport = ScriptedTransport(lambda _: Answer(hops=(Answer(status=302, latency_s=1), Answer(status=301))))
    assert send(transport, on_hop=hops.append).status == 200
    assert [hop.status for hop in hops] == [302, 301]
    assert send(transport, on_hop=hops.append, timeout_s=0.5).error == "timeout"
    assert send(transport, on_hop=hops.append, follow_redirects=False).status == 200
    assert len(hops) == 2


def test_an_absolute_url_stays_as_it_is() -> None:
    assert send(ScriptedTransport([Answer()]), "https://pay.test/x").url == "https://pay.test/x"
