"""What each fault does to a request: what is sent, what the step receives, and what is on record."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.support.faulty import Load, fault, schedule, send_all, with_load
from windtunnel.model.http import Exchange
from windtunnel.testing.scripted import Answer, Sent, json_answer

KEY = (("Idempotency-Key", "k-1"),)


def outcome(exchange: Exchange) -> tuple[Any, ...]:
    return exchange.status, exchange.error, exchange.fault, exchange.attempt


# status


def test_a_status_is_answered_without_sending() -> None:
    spec = fault("status", code=503, headers={"Retry-After": 2}, body='{"error": "down"}')
    (answer,), load = send_all(spec)
    assert outcome(answer) == (503, None, "status", 1)
    assert (answer.headers["retry-after"], answer.headers["content-length"]) == ("2", "17")
    assert (answer.json, answer.url) == ({"error": "down"}, "http://shop.test/pay")
    assert (answer.bytes_sent, answer.timings.duration_us) == (0, 0)
    assert (load.transport.sent, load.told) == ([], [("status", "applied", "503")])


# latency


@pytest.mark.parametrize(
    ("delay", "least_s", "most_s"),
    [
        ("800ms", 0.8, 0.8),
        (0.25, 0.25, 0.25),
        ({"uniform": ["1s", "3s"]}, 1, 3),
        ({"exponential": {"mean": "1s", "max": "2s"}}, 0, 2),
        ({"normal": {"mean": "1s", "sd": "2s"}}, 0, 10),
        ({"lognormal": {"median": "800ms", "sigma": 0.5, "max": "1s"}}, 0.05, 1),
    ],
)
def test_a_request_waits_before_it_is_sent(delay: Any, least_s: float, most_s: float) -> None:
    answers, load = send_all(
        fault("latency", delay=delay), requests=[{"timeout_s": 20}] * 12, answers=lambda _: Answer(latency_s=0.1)
    )
    delays_s = [each.delay_us / 1e6 for each in load.records]
    assert all(least_s <= each <= most_s for each in delays_s)
    assert {(each.error, each.fault, each.timings.duration_us) for each in answers} == {(None, None, 100_000)}
    again = send_all(fault("latency", delay=delay), requests=[{"timeout_s": 20}] * 12)[1]
    assert [each.delay_us for each in again.records] == [each.delay_us for each in load.records]


def test_delays_add_and_are_each_on_record() -> None:
    times: list[float] = []

    def answer(_: Sent) -> Answer:
        times.append(asyncio.get_running_loop().time())
        return Answer()

    _, load = send_all(
        fault("latency", name="near", delay="1s"), fault("latency", name="far", delay="2s"), answers=answer
    )
    assert times == [3.0]
    assert [(each.name, each.delay_us) for each in load.records] == [("near", 1_000_000), ("far", 2_000_000)]


def test_an_answer_that_is_late_for_the_delay_is_thrown_away() -> None:
    (answer,), load = send_all(fault("latency", delay="4s"), answers=[Answer(latency_s=2)])
    assert outcome(answer) == (0, "timeout", "latency", 1)
    assert (answer.error_detail, len(load.transport.sent)) == ("held back for 4 s on purpose", 1)


def test_what_is_not_answered_in_all_its_time_is_the_failure_of_the_sut() -> None:
    """A delay must not hide that the system hangs."""
    (answer,), load = send_all(fault("latency", delay="100ms"), answers=[Answer(latency_s=9)])
    assert outcome(answer) == (0, "timeout", None, 1)
    assert load.transport.sent[0].timeout_s == 5.0
    assert answer.held_us == 100_000


def test_a_request_that_is_held_beyond_its_deadline_is_not_sent() -> None:
    (answer,), load = send_all(fault("latency", delay="1h"))
    assert outcome(answer) == (0, "timeout", "latency", 1)
    assert (answer.started, answer.ended, answer.bytes_sent, load.transport.sent) == (0.0, 5.0, 0, [])
    assert answer.error_detail == "held back for 1 h on purpose"


def test_a_failure_of_the_sut_after_a_delay_is_its_own() -> None:
    (answer,), _ = send_all(fault("latency", delay="1s"), answers=[Answer(status=500)])
    assert outcome(answer) == (500, None, None, 1)


# lose_response


def test_a_lost_response_was_sent_and_is_gone() -> None:
    (answer,), load = send_all(fault("lose_response"), answers=[json_answer({"id": 1}, latency_s=0.5)])
    assert outcome(answer) == (0, "closed", "lose_response", 1)
    assert (answer.head, answer.body, answer.notes) == (b"", b"", None)
    assert answer.error_detail == "the answer was thrown away on purpose"
    assert len(load.transport.sent) == 1
    assert load.told == [("lose_response", "applied", "lost 200")]


def test_what_was_not_answered_is_not_lost() -> None:
    (answer,), load = send_all(fault("lose_response"), answers=[Answer(error="refused")])
    assert outcome(answer) == (0, "refused", None, 1)
    assert load.told == [("lose_response", "missed", "no answer came: refused")]


@pytest.mark.parametrize("same_key", [True, False])
def test_a_client_that_lost_a_response_sends_again(same_key: bool) -> None:
    once = fault(
        "lose_response", when=schedule("first_n", first_n=1), then={"retry": {"attempts": 3, "same_key": same_key}}
    )
    (answer,), load = send_all(once, requests=[{"headers": KEY}], answers=[Answer(), Answer(status=201)])
    assert outcome(answer) == (201, None, None, 2)
    assert [outcome(each) for each in load.observed] == [(0, "closed", "lose_response", 1)]
    first, second = load.transport.sent
    assert first.header("idempotency-key") == "k-1"
    assert (second.header("idempotency-key") == "k-1") == same_key
    assert [each.attempt for each in load.transport.sent] == [1, 2]


def test_a_retry_that_the_sut_answers_badly_is_the_failure_of_the_sut() -> None:
    once = fault("lose_response", when=schedule("first_n", first_n=1), then={"retry": {"attempts": 2}})
    (answer,), load = send_all(once, answers=[Answer(), Answer(status=500)])
    assert outcome(answer) == (500, None, None, 2)
    assert load.told == [("lose_response", "applied", "lost 200")]


def test_the_last_attempt_may_be_lost_too() -> None:
    lost = fault("lose_response", then={"retry": {"attempts": 3, "backoff": "1s"}})
    (answer,), load = send_all(lost)
    assert outcome(answer) == (0, "closed", "lose_response", 3)
    assert answer.started == 2.0
    assert [each.attempt for each in load.records] == [1, 2, 3]
    assert len({each.decision for each in load.records}) == 3


def test_attempts_of_a_fault_and_of_a_step_never_have_the_same_number() -> None:
    lost = fault("lose_response", then={"retry": {"attempts": 2}})
    _, load = send_all(lost, requests=[{"occurrence": 1}, {"occurrence": 1, "attempt": 2}, {"occurrence": 2}])
    assert [(each.occurrence, each.attempt) for each in load.records] == [
        (1, 1),
        (1, 2),
        (1, 3),
        (1, 4),
        (2, 1),
        (2, 2),
    ]


# duplicate


@pytest.mark.parametrize(
    ("settings", "starts"),
    [({}, [0, 1]), ({"gap": "3s"}, [0, 4]), ({"gap": "0.5s", "concurrent": True}, [0, 0.5])],
)
def test_a_duplicate_is_the_same_request_once_more(settings: dict[str, Any], starts: list[float]) -> None:
    times: list[float] = []

    def answer(sent: Sent) -> Answer:
        times.append(asyncio.get_running_loop().time())
        return json_answer({"id": len(times)}, latency_s=1)

    (first,), load = send_all(fault("duplicate", **settings), requests=[{"headers": KEY}], answers=answer)
    assert (first.json, first.fault, first.attempt) == ({"id": 1}, None, 1)
    (second,) = load.observed
    assert (second.json, second.fault, second.attempt) == ({"id": 2}, "duplicate", 2)
    assert times == starts
    assert {(each.header("idempotency-key"), each.body) for each in load.transport.sent} == {("k-1", b"")}
    assert load.told == [("duplicate", "applied", "answered 200 and 200")]


def test_what_could_not_be_sent_has_no_duplicate() -> None:
    (answer,), load = send_all(fault("duplicate"), answers=[Answer(error="refused")])
    assert (outcome(answer), load.observed) == ((0, "refused", None, 1), [])
    assert load.told == [("duplicate", "missed", "it was not sent: refused")]


# corrupt_body, stale_token


@pytest.mark.parametrize("count", [1, 3, 100])
def test_bytes_of_a_body_are_changed_at_the_same_places_every_time(count: int) -> None:
    body = b'{"amount": 100}'
    bodies = set()
    for _ in range(2):
        (answer,), load = send_all(
            fault("corrupt_body", bytes=count), requests=[{"body": body}], answers=[Answer(status=400)]
        )
        assert outcome(answer) == (400, None, "corrupt_body", 1)
        assert load.told == [("corrupt_body", "applied", "answered 400")]
        bodies.add(load.transport.sent[0].body)
    (changed,) = bodies
    assert len(changed) == len(body)
    assert sum(one != other for one, other in zip(changed, body, strict=True)) == min(count, len(body))


def test_a_request_without_a_body_is_not_corrupted() -> None:
    (answer,), load = send_all(fault("corrupt_body"))
    assert (outcome(answer), load.told) == ((200, None, None, 1), [("corrupt_body", "missed", "it has no body")])


@pytest.mark.parametrize(
    ("headers", "sent"),
    [
        ((("authorization", "Bearer fresh"), ("X", "1")), "Bearer old"),
        ((("Authorization", "Basic dTpw"),), "Basic old"),
    ],
)
def test_an_old_token_takes_the_place_of_the_credentials(headers: Any, sent: str) -> None:
    (answer,), load = send_all(
        fault("stale_token", value="old"), requests=[{"headers": headers}], answers=[Answer(status=401)]
    )
    assert outcome(answer) == (401, None, "stale_token", 1)
    (request,) = load.transport.sent
    assert [value for name, value in request.headers if name.lower() == "authorization"] == [sent]
    assert load.told == [("stale_token", "applied", "answered 401")]


def test_a_request_without_credentials_gets_none() -> None:
    _, load = send_all(fault("stale_token"))
    assert load.told == [("stale_token", "missed", "it has no Authorization header")]


# timeout


def test_a_client_gives_up_early() -> None:
    (answer,), load = send_all(fault("timeout", after="200ms"), answers=[Answer(latency_s=1)])
    assert outcome(answer) == (0, "timeout", "timeout", 1)
    assert (answer.ended, answer.error_detail) == (0.2, "given up on purpose after 200 ms")
    assert load.told == [("timeout", "applied", "after 200 ms")]


@pytest.mark.parametrize(
    ("after", "answer", "why"),
    [
        ("2s", Answer(latency_s=1), "it ended before: 200"),
        ("2s", Answer(error="reset"), "it ended before: reset"),
        ("9s", Answer(latency_s=7), "its own deadline is 5 s"),
    ],
)
def test_what_ends_before_is_not_given_up(after: str, answer: Answer, why: str) -> None:
    (exchange,), load = send_all(fault("timeout", after=after), answers=[answer])
    assert (exchange.fault, load.told) == (None, [("timeout", "missed", why)])


# thundering_herd


def herd(count: int, *, size: int = 3, every_s: float = 1.0, end_at: float | None = None, **more: Any) -> Any:
    """When each of several instances is sent, one of which comes `every_s`, and the load."""
    times: dict[str, float] = {}

    def answer(sent: Sent) -> Answer:
        times[sent.instance_id] = asyncio.get_running_loop().time()
        return Answer()

    async def instance(load: Load, index: int) -> None:
        await asyncio.sleep(index * every_s)
        assert (await load.instance(index).send(load.request())).fault is None

    async def end(load: Load) -> None:
        if end_at is not None:
            await asyncio.sleep(end_at)
            load.clients.end()

    async def test(load: Load) -> None:
        await asyncio.gather(end(load), *[instance(load, index) for index in range(count)])

    load = with_load(test, fault("thundering_herd", size=size, **more), answers=answer)
    return [times[f"shop-{index}"] for index in range(count)], load


def test_a_herd_is_sent_when_it_is_complete() -> None:
    times, load = herd(6)
    assert times == [2, 2, 2, 5, 5, 5]
    assert [(each.event, each.delay_us) for each in load.records[:3]] == [
        ("applied", 2_000_000),
        ("applied", 1_000_000),
        ("applied", 0),
    ]


def test_a_herd_that_is_not_complete_does_not_hang() -> None:
    times, load = herd(2)
    assert times == [10, 11]
    assert load.told == [("thundering_herd", "missed", "fewer than 3 came within 10 s")] * 2


def test_the_end_of_its_time_lets_a_herd_go() -> None:
    times, load = herd(2, when=schedule(length=4))
    assert times == [4, 4]
    assert {each.event for each in load.records} == {"missed"}


def test_the_end_of_the_load_lets_a_herd_go() -> None:
    times, _ = herd(2, end_at=3)
    assert times == [3, 3]


def test_one_of_a_herd_that_is_cancelled_is_no_longer_in_it() -> None:
    async def test(load: Load) -> None:
        gone = asyncio.create_task(load.instance(0).send(load.request()))
        await asyncio.sleep(1)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        others = [asyncio.create_task(load.instance(index).send(load.request())) for index in (1, 2)]
        await asyncio.sleep(1)
        assert not any(each.done() for each in others)
        await load.instance(3).send(load.request())
        await asyncio.gather(*others)

    assert len(with_load(test, fault("thundering_herd", size=3)).transport.sent) == 3


# retry_storm


@pytest.mark.parametrize("bad", [Answer(status=503), Answer(status=429), Answer(error="reset")])
def test_a_failed_request_is_sent_again_at_once(bad: Answer) -> None:
    (answer,), load = send_all(fault("retry_storm", attempts=4), answers=[bad, bad, Answer()])
    assert outcome(answer) == (200, None, None, 3)
    assert [(each.fault, each.attempt) for each in load.observed] == [(None, 1), (None, 2)]
    assert load.told == [("retry_storm", "applied", "sent again 2 times, then 200")]


def test_a_storm_ends_with_its_last_attempt() -> None:
    (answer,), load = send_all(fault("retry_storm", backoff="1s"), answers=[Answer(status=500)] * 3)
    assert (outcome(answer), answer.started) == ((500, None, None, 3), 2.0)
    assert len(load.transport.sent) == 3


def test_there_is_no_storm_while_all_is_well() -> None:
    (answer,), load = send_all(fault("retry_storm"), answers=[Answer(status=404)])
    assert (outcome(answer), load.told) == ((404, None, None, 1), [])


def test_a_budget_bounds_the_retries_of_all_requests() -> None:
    spec = fault("retry_storm", attempts=5, budget="20%")
    _, load = send_all(spec, requests=[{}] * 20, answers=lambda _: Answer(status=503))
    assert len(load.transport.sent) == 24
    assert ("retry_storm", "missed", "the retry budget is used up") in load.told


# faults together


def test_the_first_final_fault_wins_and_delays_before_it_count() -> None:
    (answer,), load = send_all(
        fault("latency", delay="1s"),
        fault("status", name="down", code=503),
        fault("latency", name="never", delay="1s"),
        fault("lose_response"),
    )
    assert (outcome(answer), answer.ended) == ((503, None, "down", 1), 1.0)
    assert [each.name for each in load.records] == ["latency", "down"]
