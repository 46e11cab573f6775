"""Threshold blocks as k6 users have them, pasted into a plan."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.messages import Write
from windtunnel.config.plan import load_plan_file

# Selector and entry as a k6 script has them; metric, tags, aggregate, operator, limit, unit, abort, after.
BLOCKS = [
    ("http_req_failed: ['rate<0.01']", ("http_req_failed", {}, "rate", "<", 0.01, "%", False, 0)),
    ("http_req_duration: ['p(95)<200']", ("http_req_duration", {}, "p", "<", 200_000, "us", False, 0)),
    ("http_req_duration: ['p(99.9) < 2000']", ("http_req_duration", {}, "p", "<", 2_000_000, "us", False, 0)),
    ("http_req_duration: ['avg<150.5']", ("http_req_duration", {}, "avg", "<", 150_500, "us", False, 0)),
    ("http_req_duration: ['med<=100']", ("http_req_duration", {}, "med", "<=", 100_000, "us", False, 0)),
    ("http_req_waiting: ['max<3000']", ("http_req_waiting", {}, "max", "<", 3_000_000, "us", False, 0)),
    ("iteration_duration: ['min>10']", ("iteration_duration", {}, "min", ">", 10_000, "us", False, 0)),
    ("'http_req_duration{status:200}': ['max>=0']",
     ("http_req_duration", {"status": "200"}, "max", ">=", 0, "us", False, 0)),
    ("'http_req_duration{expected_response:true}': ['p(90)<400']",
     ("http_req_duration", {"expected_response": "true"}, "p", "<", 400_000, "us", False, 0)),
    ("'http_req_duration{name:pay, method:POST}': ['p(95)<500']",
     ("http_req_duration", {"step": "pay", "method": "POST"}, "p", "<", 500_000, "us", False, 0)),
    ("'checks{myTag:hola}': ['rate>0.9']", ("checks", {"myTag": "hola"}, "rate", ">", 0.9, "%", False, 0)),
    ("checks: ['rate===1']", ("checks", {}, "rate", "==", 1, "%", False, 0)),
    ("http_reqs: ['count>=1000']", ("http_reqs", {}, "count", ">=", 1000, "", False, 0)),
    ("http_reqs: ['rate>100']", ("http_reqs", {}, "rate", ">", 100, "/s", False, 0)),
    ("iterations: ['rate>100']", ("iterations", {}, "rate", ">", 100, "/s", False, 0)),
    ("iterations: ['count!=0']", ("iterations", {}, "count", "!=", 0, "", False, 0)),
    ("dropped_iterations: ['count==0']", ("dropped_iterations", {}, "count", "==", 0, "", False, 0)),
    ("data_received: ['count<1000000']", ("data_received", {}, "count", "<", 1_000_000, "B", False, 0)),
    ("vus: ['value>10']", ("vus", {}, "value", ">", 10, "", False, 0)),
    ("http_req_failed: [{ threshold: 'rate<0.1', abortOnFail: true }]",
     ("http_req_failed", {}, "rate", "<", 0.1, "%", True, 0)),
    ("http_req_duration: [{ threshold: 'p(99) < 10', abortOnFail: true, delayAbortEval: '10s' }]",
     ("http_req_duration", {}, "p", "<", 10_000, "us", True, 10)),
    ("http_req_duration: [{ threshold: 'p(99) < 10', abortOnFail: false }]",
     ("http_req_duration", {}, "p", "<", 10_000, "us", False, 0)),
]  # fmt: skip


@pytest.mark.parametrize(("block", "meaning"), BLOCKS, ids=[block for block, _ in BLOCKS])
def test_a_block_of_k6_means_the_same_here(write: Write, block: str, meaning: tuple[Any, ...]) -> None:
    write("windtunnel.yaml", f"thresholds:\n  {block}\n")
    [threshold] = load_plan_file("windtunnel.yaml", {}).thresholds
    assert (
        threshold.metric,
        threshold.tags,
        threshold.aggregate,
        threshold.op,
        threshold.limit,
        threshold.unit,
        threshold.abort,
        threshold.after_s,
    ) == meaning
