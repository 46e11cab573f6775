"""What a fault does to which requests, as the plan and the report say it."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from tests.support.faulty import fault
from windtunnel.model.turbulence import FaultSpec
from windtunnel.turbulence.faults.table import FAULTS
from windtunnel.turbulence.proxy.faults.table import PROXY_FAULTS
from windtunnel.turbulence.words import describe


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (fault("latency", delay="800ms"), "all requests wait 800 ms longer"),
        (
            fault(
                "latency",
                delay={"lognormal": {"median": "800ms", "sigma": 0.5}},
                probability=0.6,
                on={"method": "POST", "path": "/charge*", "service": "payments"},
            ),
            "60% of POST /charge* to payments wait 800 ms (median) longer",
        ),
        (fault("latency", delay={"uniform": ["1s", "3s"]}), "all requests wait 1 s to 3 s longer"),
        (fault("abort"), "all requests are hung up on after 50% of the body of the response"),
        (fault("abort", after="headers"), "all requests are hung up on after the head of the response"),
        (
            fault("lose_response", on={"step": "add_to_cart", "scenario": "checkout"}, probability=0.05),
            "5% of requests of the step add_to_cart in checkout lose their answer",
        ),
        (
            fault("lose_response", then={"retry": {"attempts": 2, "same_key": False}}),
            "all requests lose their answer, and are sent again with a new key, 2 times at most",
        ),
        (fault("duplicate"), "all requests are sent twice"),
        (
            fault("duplicate", gap="50ms", concurrent=True),
            "all requests are sent twice, at the same time, 50 ms apart",
        ),
        (fault("slow_send", rate="1KiB/s"), "all requests are sent at 1 KiB/s"),
        (fault("slow_read", rate="1KiB/s"), "all requests read their response at 1 KiB/s"),
        (fault("drop_connection"), "all requests lose their connection before the request is sent"),
        (fault("corrupt_body", bytes=2), "all requests are sent with 2 bytes of the body changed"),
        (fault("stale_token"), "all requests are sent with an old token"),
        (fault("status", code=503), "all requests are answered 503 and not sent"),
        (fault("timeout", after="200ms"), "all requests are given up after 200 ms"),
        (fault("thundering_herd", size=1000), "all requests wait for each other, and are sent 1,000 at a time"),
        (fault("retry_storm"), "all requests are sent again at once when they fail, 3 times at most"),
        (
            fault("retry_storm", attempts=5, backoff="1s", budget=0.1),
            "all requests are sent again after 1 s when they fail, 5 times at most, within a budget of 10%",
        ),
        (
            fault("latency", on={"proxy": "payments", "path": "/charge*"}, delay="800ms", probability=0.6),
            "60% of /charge* through payments wait 800 ms longer",
        ),
        (
            replace(fault("bandwidth", on={"proxy": "payments"}, rate=10), engine="toxiproxy"),
            "all requests through payments have bandwidth (rate: 10) done to them by toxiproxy",
        ),
        (
            replace(fault("hook", apply=["docker", "pause", "my db"], revert="x"), engine="hook"),
            "`docker pause 'my db'` is run, and `x` to undo it",
        ),
        (
            replace(fault("hook", apply="docker pause db", revert=["docker", "unpause", "my db"]), engine="hook"),
            "`docker pause db` is run, and `docker unpause 'my db'` to undo it",
        ),
        (fault("of_a_package", part=0.5), "all requests have of_a_package (part: 0.5) done to them"),
    ],
)
def test_a_fault_in_words(spec: FaultSpec, words: str) -> None:
    assert describe(spec) == words


NEEDED: dict[str, dict[str, Any]] = {
    "latency": {"delay": 1},
    "slow_send": {"rate": "1B/s"},
    "slow_read": {"rate": "1B/s"},
    "status": {"code": 503},
    "timeout": {"after": 1},
    "thundering_herd": {"size": 2},
}


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_has_words_of_its_own(name: str) -> None:
    assert "done to them" not in describe(fault(name, **NEEDED.get(name, {})))


NEEDED_IN_A_PROXY: dict[str, dict[str, Any]] = {
    **NEEDED,
    "bandwidth": {"rate": "1B/s"},
    "slicer": {"size": 1},
    "limit_bytes": {"bytes": 1},
    "delay": {"delay": 1},
    "dribble": {"over": 1},
}


@pytest.mark.parametrize("name", PROXY_FAULTS)
def test_every_fault_in_a_proxy_has_words_of_its_own(name: str) -> None:
    spec = fault(name, on={"proxy": "payments"}, **NEEDED_IN_A_PROXY.get(name, {}))
    assert "done to them" not in describe(spec)


@pytest.mark.parametrize("name", [name for name, kind in FAULTS.items() if kind.main])
def test_what_a_sweep_goes_through_is_a_key_of_the_fault(name: str) -> None:
    assert FAULTS[name].main in FAULTS[name].keys
