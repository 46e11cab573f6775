"""Stories of instances by hand, with everything that a test does not speak of left at something harmless."""

from __future__ import annotations

import dataclasses
import json
import random
from typing import Any

from tests.support import sample_run
from windtunnel.model.record import Timings
from windtunnel.report.model import AssertionStory, Body, CheckStory, Report, RequestStory, StepStory, Story


def body(content: object, *, whole: bool = True) -> Body:
    """A body of JSON, or of a text as it is."""
    text, sent = (
        (content, content)
        if isinstance(content, str)
        else (json.dumps(content, indent=2), json.dumps(content, separators=(",", ":")))
    )
    return Body(text=text, size=len(sent.encode()), whole=whole, content=sent.encode())


def request(status: int = 200, *, response: object = None, sent: object = None, **fields: Any) -> RequestStory:
    defaults: dict[str, Any] = {
        "method": "GET",
        "url": "http://shop:8080/cart",
        "service": "shop",
        "error": None,
        "error_detail": None,
        "attempt": 1,
        "span_id": "",
        "failed": status >= 400,
        "poll": False,
        "resent": False,
        "bytes_sent": 100,
        "bytes_received": 100,
        "began_us": 0,
        "timings": Timings(wait=1_000),
        "response_body": None if response is None else body(response),
        "request_body": None if sent is None else body(sent),
    }
    return RequestStory(status=status, **{**defaults, **fields})


def step(name: str = "pay", *requests: RequestStory, outcome: Any = "passed", **fields: Any) -> StepStory:
    defaults: dict[str, Any] = {"action": "http", "began_us": 0, "duration_us": 1_000}
    return StepStory(name=name, outcome=outcome, requests=requests, **{**defaults, **fields})


def story(*steps: StepStory, index: int = 0, outcome: Any = "passed", **fields: Any) -> Story:
    defaults: dict[str, Any] = {
        "instance_id": f"shop-{index}",
        "correlation_id": f"{index:032x}",
        "scenario": "shop",
        "began_s": float(index),
        "offset_s": 0.0,
        "duration_us": 1_000,
        "index": index,
    }
    return Story(outcome=outcome, steps=steps, **{**defaults, **fields})


def report(*stories: Story, **fields: Any) -> Report:
    return Report(
        summary=sample_run.summary(),
        manifest=sample_run.manifest(),
        directory="runs/20261122T201512Z-7f3a9c",
        stories=stories,
        **fields,
    )


# ── A shop ──────────────────────────────────────────────────────────────────────────────────────────────────────

SECRET_HINT = "Bearer $TOKEN"


def shop(count: int = 40, *, bodies: bool = True) -> Report:
    """A shop in which every fourth instance fails: a stale price, silent payments, or a cancelled order."""
    dice = random.Random(7)
    return report(*(_visit(index, dice, bodies) for index in range(count)))


def _visit(index: int, dice: random.Random, bodies: bool) -> Story:
    broken = ("stale", "silent", "gone")[index // 4 % 3] if index % 4 == 3 else ""
    at = 0
    steps: list[StepStory] = []
    for make in (_browse, _add, _pay, _await):
        made = dataclasses.replace(make(index, broken, dice), began_us=at)
        requests, began = [], at + 120
        for each in made.requests:
            requests.append(dataclasses.replace(each if bodies else _bare(each), began_us=began))
            began += each.elapsed_us + (50_000 if each.poll or len(made.requests) > 1 else 0)
        steps.append(dataclasses.replace(made, requests=tuple(requests), duration_us=began - at + 90))
        at = began + 700
        if made.outcome == "failed":
            break
    failed = steps[-1] if broken else None
    return story(
        *steps,
        index=index,
        instance_id=f"checkout-{index}",
        correlation_id=f"{random.Random(index).getrandbits(128):032x}",
        scenario="checkout",
        outcome="failed" if failed else "passed",
        offset_s=index * 0.21,
        duration_us=at,
        user=index % 8,
        late_us=9_000 if index % 13 == 0 else 0,
        failed_step=failed.name if failed else None,
        error=failed.error if failed else None,
        message=failed.message if failed else None,
        assertions=(
            AssertionStory(
                name="order is paid",
                outcome="skipped" if failed else "passed",
                checks=() if failed else (CheckStory(name="order is paid", ok=True),),
            ),
        ),
    )


def _bare(each: RequestStory) -> RequestStory:
    return dataclasses.replace(
        each, request_headers=(), response_headers=(), request_body=None, response_body=None
    )


def _timings(dice: random.Random, wait_us: int, **fields: int) -> Timings:
    wait = round(wait_us * dice.lognormvariate(0, 0.3))
    return Timings(queue=dice.randrange(20, 90), send=60, wait=wait, receive=wait // 12, **fields)


def _headers(index: int, *, cache: str = "HIT") -> dict[str, Any]:
    return {
        "span_id": f"{index + 1:016x}",
        "request_headers": (
            ("Host", "shop.internal:8080"),
            ("User-Agent", "windtunnel/0.1"),
            ("Accept", "application/json"),
            ("Authorization", SECRET_HINT),
            ("X-Instance-ID", f"checkout-{index}"),
        ),
        "response_headers": (
            ("Content-Type", "application/json"),
            ("X-Cache", cache),
            ("Date", f"Sun, 22 Nov 2026 20:15:{index % 60:02d} GMT"),
            ("X-Request-ID", f"r-{index}"),
        ),
    }


def _browse(index: int, broken: str, dice: random.Random) -> StepStory:
    connected = {"dns": 420, "connect": 1_800, "tls": 2_600} if index < 8 else {}
    items = [{"sku": f"sku-{number}", "price": 1990 + number} for number in range(4)]
    stale = broken == "stale"
    items[0]["price"] = 2490 if stale else 1990
    moved = request(
        302,
        url="http://shop.internal:8080/products",
        hop=True,
        timings=_timings(dice, 3_000, **connected),
        response_headers=(("Location", "/products/all?page=1"), ("Content-Length", "0")),
    )
    found = request(
        url="http://shop.internal:8080/products/all?page=1",
        timings=_timings(dice, 9_000),
        response={"items": items, "generated": f"2026-11-22T20:15:{index % 60:02d}Z"},
        **_headers(index, cache="MISS" if stale else "HIT"),
    )
    return step("list_products", moved, found, checks=(CheckStory(name="status", ok=True),))


def _add(index: int, broken: str, dice: random.Random) -> StepStory:
    conflict = broken == "stale"
    said = (
        {"error": "price changed", "seen": 2490, "now": 1990} if conflict else {"cart": f"c-{index}", "items": 1}
    )
    sent = request(
        409 if conflict else 201,
        method="POST",
        url=f"http://shop.internal:8080/carts/{index}/items",
        timings=_timings(dice, 21_000),
        sent={"sku": "sku-0", "quantity": 1, "note": f"for {index}"},
        response=said,
        **_headers(index),
    )
    check = CheckStory(name="status", ok=not conflict, expected="201", actual="409")
    return step(
        "add_to_cart",
        sent,
        outcome="failed" if conflict else "passed",
        error="check" if conflict else None,
        message='check "status": expected 201, got 409' if conflict else None,
        checks=(check, CheckStory(name="has an id", ok=True)),
        extracted=() if conflict else ("cart_id",),
    )


def _pay(index: int, broken: str, dice: random.Random) -> StepStory:
    silent = broken == "silent"
    common: dict[str, Any] = {
        "method": "POST",
        "url": "http://payments.internal:8081/payments",
        "service": "payments",
        "sent": {"cart": f"c-{index}", "amount": {"value": 1990, "currency": "EUR"}, "method": "card"},
    }
    if silent:
        tries = tuple(
            request(
                503 if attempt < 3 else 0,
                attempt=attempt,
                error=None if attempt < 3 else "timeout",
                error_detail=None if attempt < 3 else "no complete response before the deadline of 500 ms",
                timings=Timings(queue=30, send=60, wait=500_000) if attempt == 3 else _timings(dice, 60_000),
                response={"error": "upstream", "retry": True} if attempt < 3 else None,
                **common,
            )
            for attempt in (1, 2, 3)
        )
        message = "no complete response before the deadline of 500 ms"
        return step("pay", *tries, outcome="failed", error="timeout", message=message)
    paid = request(timings=_timings(dice, 140_000), response={"paid": True}, **common, **_headers(index))
    return step("pay", paid, checks=(CheckStory(name="status", ok=True),))


def _await(index: int, broken: str, dice: random.Random) -> StepStory:
    gone = broken == "gone"
    polls = tuple(
        request(
            poll=number < 2,
            url="http://shop.internal:8080/orders/77",
            timings=_timings(dice, 14_000),
            response={"state": "cancelled" if gone else "paid" if number == 2 else "pending", "items": [1]},
            **_headers(index),
        )
        for number in range(3)
    )
    check = CheckStory(name="json $.state", ok=not gone, expected='"paid"', actual='"cancelled"')
    return step(
        "await_order",
        *polls,
        action="wait",
        outcome="failed" if gone else "passed",
        error="check" if gone else None,
        message='check "json $.state": expected "paid", got "cancelled"' if gone else None,
        checks=(check,),
    )
