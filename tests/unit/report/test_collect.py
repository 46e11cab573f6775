"""From a run directory to a report: the right instances, told right, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from tests.support import sample_run
from tests.support.sample_run import STARTED
from windtunnel.model.record import (
    AssertionRecord,
    FailedCheck,
    InstanceRecord,
    Record,
    RequestFacts,
    RequestRecord,
    StepRecord,
    Timings,
)
from windtunnel.model.summary import ErrorGroup
from windtunnel.model.vocabulary import InstanceOutcome, Outcome
from windtunnel.report.collect import analyse, build_report
from windtunnel.report.instance_trace import BodyCache, instance_trace
from windtunnel.report.model import Report
from windtunnel.report.stories import InstanceRecords, Slowest, choose_failing, collect, slowest_for

IDS: dict[str, Any] = {"instance_id": "shop-1", "correlation_id": "c" * 32, "scenario": "shop"}


def group(*instances: str, step: str = "pay") -> ErrorGroup:
    return ErrorGroup(
        scenario="checkout",
        step=step,
        cause="status",
        outcome="failed",
        count=len(instances),
        share=0.1,
        first_t=STARTED,
        last_t=STARTED,
        example="",
        instances=list(instances),
    )


def step(instance: str, duration_us: int, *, name: str = "pay", outcome: Outcome = "passed") -> StepRecord:
    return StepRecord(
        t=STARTED + duration_us / 1e6,
        instance_id=instance,
        correlation_id="c" * 32,
        scenario="shop",
        step=name,
        action="http",
        outcome=outcome,
        duration_us=duration_us,
    )


def ended(instance: str, *, t: float = STARTED + 1, outcome: InstanceOutcome = "passed") -> InstanceRecord:
    return InstanceRecord(
        t=t,
        instance_id=instance,
        correlation_id="c" * 32,
        scenario="shop",
        index=1,
        user=0,
        outcome=outcome,
        scheduled=STARTED,
        started=STARTED,
        duration_us=1_000_000,
        response_time_us=1_020_000,
    )


def bodies(tmp_path: Path, **bounds: int) -> BodyCache:
    return BodyCache(tmp_path, **bounds)


def test_every_error_group_is_told_by_instances_of_its_own(failing_report: Report) -> None:
    told = {story.instance_id for story in failing_report.stories}
    assert failing_report.summary.errors
    for errors in failing_report.summary.errors:
        assert set(errors.instances) & told


def test_a_failing_story_has_its_steps_checks_and_bodies(failing_report: Report) -> None:
    story = next(s for s in failing_report.stories if s.error == "check" and s.failed_step == "pay")
    pay = story.steps[-1]
    assert [s.name for s in story.steps] == ["list_products", "add_to_cart", "pay"]
    assert (pay.checks[0].expected, pay.checks[0].actual, pay.checks[0].ok) == ("200", "503", False)
    request = pay.requests[0]
    assert request.request_body is not None
    assert '"currency": "EUR"' in request.request_body.text
    assert request.status == 503
    assert story.assertions[0].outcome == "skipped"
    assert 0 <= story.steps[0].began_us < story.steps[1].began_us < pay.began_us
    assert pay.began_us + pay.duration_us <= story.duration_us + 2


def test_a_failing_request_has_its_headers_as_on_the_wire(failing_report: Report) -> None:
    story = next(s for s in failing_report.stories if s.error == "check" and s.failed_step == "pay")
    passed, failed = story.steps[0].requests[0], story.steps[-1].requests[0]

    assert (passed.request_headers, passed.response_headers) == (None, None)
    assert failed.request_headers is not None
    assert failed.request_headers[:2] == (("Host", "shop.internal:8080"), ("User-Agent", "windtunnel/0.1.0"))
    assert failed.response_headers is not None
    assert ("Retry-After", "2") in failed.response_headers


def test_headers_beyond_the_total_of_a_report_are_not_taken_over(tmp_path: Path) -> None:
    cache = bodies(tmp_path, heads=25)

    assert cache.fields([("Name", "value")] * 2) == (("Name", "value"),) * 2
    assert cache.fields([("Name", "value")]) == (("Name", "value"),)
    assert cache.fields([("Name", "value")]) is None
    assert cache.fields(None) is None


def test_a_time_threshold_that_fails_is_shown_by_the_slowest_instances(failing_report: Report) -> None:
    position = next(i for i, t in enumerate(failing_report.summary.thresholds) if "step:pay" in t.selector)
    shown = failing_report.shown_by[position]
    stories = {story.instance_id: story for story in failing_report.stories}
    slowest = failing_report.summary.metrics["http_req_duration"].distribution
    assert slowest is not None
    assert len(shown) == 3
    assert max(r.timings.duration_us for s in stories[shown[0]].steps for r in s.requests) == slowest.max * 1000


def test_the_implied_threshold_is_shown_by_failing_instances(failing_report: Report) -> None:
    position = next(i for i, t in enumerate(failing_report.summary.thresholds) if t.origin == "implied")
    outcomes = {story.instance_id: story.outcome for story in failing_report.stories}
    assert [outcomes[i] for i in failing_report.shown_by[position]] == ["failed"] * 3


def test_latencies_have_as_many_samples_as_the_summary_says(failing_report: Report) -> None:
    rows = {row.step: row for row in failing_report.summary.steps}
    assert len(failing_report.steps) == 4
    for latency in failing_report.steps:
        assert latency.distribution == rows[latency.step].latency
        assert sum(b.count for b in (*latency.passed, *latency.failed)) == latency.distribution.count
    assert failing_report.overall is not None
    assert failing_report.overall.distribution == failing_report.summary.metrics["http_req_duration"].distribution


def test_polls_of_a_step_are_told_in_order(tmp_path: Path) -> None:
    directory = sample_run.write_run(tmp_path, instances=3)
    records = [r for r in sample_run.records(3, None) if getattr(r, "instance_id", "") == "checkout-1"]
    instances, _ = collect(records, ["checkout-1"], [])
    story = instance_trace(instances["checkout-1"], run_started=STARTED, bodies=bodies(directory.bodies))
    polls = story.steps[-1]
    assert [request.poll for request in polls.requests] == [True, True, False]
    assert polls.requests[0].began_us < polls.requests[1].began_us < polls.requests[2].began_us


def test_an_instance_cut_off_by_the_end_of_the_records_is_told_as_far_as_it_got(tmp_path: Path) -> None:
    records: list[Record] = [
        step("shop-1", 500_000, outcome="failed"),
        RequestRecord(
            t=STARTED + 0.9,
            step="poll",
            request=RequestFacts(method="GET", url="/", timings_us=Timings(wait=100_000)),
            **IDS,
        ),
    ]
    instances, _ = collect(records, ["shop-1"], [])
    story = instance_trace(instances["shop-1"], run_started=STARTED, bodies=bodies(tmp_path))
    assert story.outcome is None
    assert [(s.name, s.outcome) for s in story.steps] == [("pay", "failed"), ("poll", "unfinished")]
    assert story.duration_us == 900_000


def test_reading_stops_when_the_last_wanted_instance_has_ended() -> None:
    def records() -> Iterator[Record]:
        yield step("shop-1", 5, outcome="failed")
        yield ended("shop-1", outcome="failed")
        raise AssertionError("read on")

    kept, _ = collect(records(), ["shop-1"], [])
    assert list(kept) == ["shop-1"]


def test_the_slowest_are_found_among_many_and_nothing_else_is_kept() -> None:
    ranking = Slowest(lambda instance: max(r.duration_us for r in instance.records if isinstance(r, StepRecord)))

    def records() -> Iterator[Record]:
        for number in range(1000):
            yield step(f"shop-{number}", (number * 7919) % 1000)
            yield ended(f"shop-{number}")

    kept, slow = collect(records(), [], [ranking])
    assert not kept
    assert [max(r.duration_us for r in c.records if isinstance(r, StepRecord)) for c in slow.values()] == [
        999,
        998,
        997,
    ]


def test_a_long_story_is_cut_and_says_so(tmp_path: Path) -> None:
    records: list[Record] = [step("shop-1", 5, name=f"s{n}") for n in range(1000)]
    records.append(ended("shop-1", outcome="failed"))
    instances, _ = collect(records, ["shop-1"], [])
    story = instance_trace(instances["shop-1"], run_started=STARTED, bodies=bodies(tmp_path))
    assert (len(story.steps), story.left_out, story.outcome) == (400, 600, "failed")


def test_each_group_gets_room_before_any_gets_more() -> None:
    groups = [group(*(f"a-{n}" for n in range(5))), group("b-1", "b-2"), group("c-1", "a-0")]
    assert choose_failing(groups, total=4) == ["a-0", "a-1", "b-1", "c-1"]
    assert choose_failing(groups) == ["a-0", "a-1", "a-2", "a-3", "a-4", "b-1", "b-2", "c-1"]
    assert choose_failing([]) == []


def test_only_a_time_that_is_too_long_has_slowest_instances() -> None:
    result = sample_run.summary().thresholds[0]
    assert slowest_for(result) is not None
    assert slowest_for(replace(result, result="pass")) is None
    assert slowest_for(replace(result, operator=">")) is None
    assert slowest_for(replace(result, metric="http_req_failed", aggregate="rate")) is None
    assert slowest_for(replace(result, tags={"team": "a"})) is None


def test_a_threshold_with_tags_measures_only_what_they_pick() -> None:
    result = sample_run.summary().thresholds[0]
    ranking = slowest_for(replace(result, metric="http_req_waiting", tags={"step": "pay", "status": "200"}))
    assert ranking is not None

    def sent(name: str, status: int, wait: int) -> StepRecord:
        record = step("shop-1", wait, name=name)
        record.request = RequestFacts(
            method="GET", url="/", status=status, bytes_sent=1, timings_us=Timings(wait=wait)
        )
        return record

    ranking.consider("other step", InstanceRecords(records=[sent("list", 200, 900)]))
    ranking.consider("other status", InstanceRecords(records=[sent("pay", 500, 900)]))
    ranking.consider("picked", InstanceRecords(records=[sent("pay", 200, 5)]))
    assert [instance for instance, _ in ranking.found()] == ["picked"]


@pytest.mark.parametrize("metric", ["http_req_duration", "step_duration", "instance_duration"])
def test_what_no_metric_includes_is_not_among_the_slowest(metric: str) -> None:
    result = sample_run.summary().thresholds[0]
    ranking = slowest_for(replace(result, metric=metric, tags={}))
    assert ranking is not None

    def took(us: int, phase: str) -> InstanceRecords:
        record, instance = step("shop-1", us), ended("shop-1")
        record.request = RequestFacts(method="GET", url="/", bytes_sent=1, timings_us=Timings(wait=us))
        record.phase = instance.phase = phase
        return InstanceRecords(records=[record, instance])

    for phase in ("setup", "user_setup", "warmup:first"):
        ranking.consider(phase, took(900, phase))
    ranking.consider("measured", took(5, "peak"))
    assert [instance for instance, _ in ranking.found()] == ["measured"]


def test_a_body_that_is_gone_or_leads_elsewhere_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "bodies").mkdir()
    (tmp_path / "secret").write_text("do not show")
    cache = bodies(tmp_path / "bodies")
    assert cache.body(None) is None
    assert cache.body("0123456789abcdef") is None
    assert cache.body("../secret") is None
    assert cache.body(str(tmp_path / "secret")) is None


def test_bodies_are_shortened_one_by_one_and_in_all(tmp_path: Path) -> None:
    for name in ("aa", "bb", "cc"):
        (tmp_path / name).write_text(name * 500)
    cache = bodies(tmp_path, each=100, total=200)
    first = cache.body("aa")
    assert first is not None
    assert (len(first.text), first.size, first.whole) == (100, 1000, False)
    assert cache.body("bb") is not None
    assert cache.body("cc") is None
    assert cache.body("aa") is first


def test_bodies_read_well_whatever_they_are(tmp_path: Path) -> None:
    contents = {
        "aa": b'{"a":[1,2]}',
        "bb": bytes(range(256)),
        "cc": b"[" * 4000 + b"]" * 4000,
        "dd": b"<b>plain\x1b[31m</b>",
        "ee": b"{broken",
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    cache = bodies(tmp_path)
    shown = {name: body.text for name in contents if (body := cache.body(name))}
    assert shown["aa"] == '{\n  "a": [\n    1,\n    2\n  ]\n}'
    assert shown["bb"] == "(binary)"
    assert len(shown["cc"]) == 8000
    assert shown["dd"] == "<b>plain</b>"
    assert shown["ee"] == "{broken"


def test_an_unfinished_run_is_no_pass_whatever_its_summary_says(tmp_path: Path) -> None:
    directory = sample_run.write_run(tmp_path, instances=20, finish=False)
    analysis = analyse(directory)
    claimed = msgspec.structs.replace(analysis.summary, verdict="pass", exit_code=0, reasons=[])
    report = build_report(directory, analysis.manifest, claimed, analysis.aggregate)
    assert report.summary.verdict == "incomplete"
    assert report.summary.exit_code == 5
    assert report.summary.reasons == ["the run did not finish"]


def test_assertions_keep_their_checks(tmp_path: Path) -> None:
    failed = FailedCheck(name="total", expected="10", actual="11")
    assertion = AssertionRecord(t=STARTED + 1, name="sum", outcome="failed", checks=["currency", failed], **IDS)
    story = instance_trace(
        InstanceRecords(records=[assertion, ended("shop-1")]), run_started=STARTED, bodies=bodies(tmp_path)
    )
    assert [(c.name, c.ok, c.actual) for c in story.assertions[0].checks] == [
        ("currency", True, ""),
        ("total", False, "11"),
    ]
    assert story.late_us == 20_000


def test_the_slowest_to_be_blocked_are_found_by_the_time_that_the_metric_counts() -> None:
    result = sample_run.summary().thresholds[0]
    ranking = slowest_for(replace(result, metric="http_req_blocked", tags={}))
    assert ranking is not None

    def sent(timings: Timings) -> InstanceRecords:
        record = step("shop-1", 1)
        record.request = RequestFacts(method="GET", url="/", status=200, bytes_sent=1, timings_us=timings)
        return InstanceRecords(records=[record])

    ranking.consider("in the queue", sent(Timings(queue=50)))
    ranking.consider("resolving the name", sent(Timings(dns=90)))
    ranking.consider("connecting", sent(Timings(connect=900)))
    assert [instance for instance, _ in ranking.found()] == ["resolving the name", "in the queue", "connecting"]
