"""From a run directory to a report: the right instances, told right, in bounded memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.support import sample_run
from tests.support.sample_run import STARTED
from windtunnel.model.record import (
    AssertionRecord,
    FailedCheck,
    InstanceRecord,
    RequestFacts,
    RequestRecord,
    StepRecord,
    Timings,
)
from windtunnel.model.summary import ErrorGroup
from windtunnel.model.vocabulary import InstanceOutcome, Outcome
from windtunnel.report.collect import analyse, build_report
from windtunnel.report.instance_trace import BodyCache, instance_trace
from windtunnel.report.model import Report, StepStory, Story
from windtunnel.report.stories import InstanceRecords, collect, side_by_side
from windtunnel.storage.lines import RecordOfInstance

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
    told = (StepRecord, RequestRecord, AssertionRecord, InstanceRecord)
    records = [record for record in sample_run.records(3, None) if isinstance(record, told)]
    instances = collect(records, ["checkout-1"])
    story = instance_trace(instances["checkout-1"], run_started=STARTED, bodies=bodies(directory.bodies))
    polls = story.steps[-1]
    assert [request.poll for request in polls.requests] == [True, True, False]
    assert polls.requests[0].began_us < polls.requests[1].began_us < polls.requests[2].began_us


def test_an_instance_cut_off_by_the_end_of_the_records_is_told_as_far_as_it_got(tmp_path: Path) -> None:
    records: list[RecordOfInstance] = [
        step("shop-1", 500_000, outcome="failed"),
        RequestRecord(
            t=STARTED + 0.9,
            step="poll",
            request=RequestFacts(method="GET", url="/", timings_us=Timings(wait=100_000)),
            **IDS,
        ),
    ]
    instances = collect(records, ["shop-1"])
    story = instance_trace(instances["shop-1"], run_started=STARTED, bodies=bodies(tmp_path))
    assert story.outcome is None
    assert [(s.name, s.outcome) for s in story.steps] == [("pay", "failed"), ("poll", "unfinished")]
    assert story.duration_us == 900_000


def test_a_long_story_is_cut_and_says_so(tmp_path: Path) -> None:
    records: list[RecordOfInstance] = [step("shop-1", 5, name=f"s{n}") for n in range(1000)]
    records.append(ended("shop-1", outcome="failed"))
    instances = collect(records, ["shop-1"])
    story = instance_trace(instances["shop-1"], run_started=STARTED, bodies=bodies(tmp_path))
    assert (len(story.steps), story.left_out, story.outcome) == (400, 600, "failed")


def test_a_failed_step_is_told_however_long_the_story_is() -> None:
    records: list[RecordOfInstance] = [step("shop-1", 5, name=f"s{n}") for n in range(1000)]
    records += [step("shop-1", 5, name="pay", outcome="failed"), ended("shop-1", outcome="failed")]
    told = collect(records, ["shop-1"])["shop-1"].records
    assert [(r.step, r.outcome) for r in told if isinstance(r, StepRecord)][-1] == ("pay", "failed")


def test_many_stories_are_told_shorter_than_few() -> None:
    records: list[RecordOfInstance] = [step(f"shop-{n}", 5) for n in range(500) for _ in range(200)]
    few = collect(records, [f"shop-{n}" for n in range(5)])
    many = collect(records, [f"shop-{n}" for n in range(500)])
    assert {len(each.records) for each in few.values()} == {200}
    assert {(len(each.records), each.left_out) for each in many.values()} == {(80, 120)}


def test_the_page_itself_shows_the_first_of_every_error_group_and_what_thresholds_link_to(
    failing_report: Report,
) -> None:
    linked = {each for ids in failing_report.shown_by.values() for each in ids}
    first = {group.instances[0] for group in failing_report.summary.errors}
    featured = {story.instance_id for story in failing_report.featured_stories}
    assert featured == first | linked
    assert len(featured) < len(failing_report.stories)


def test_the_report_says_how_many_instances_it_keeps_of_how_many_and_why_each(failing_report: Report) -> None:
    told = failing_report.sampling
    assert told is not None
    assert (told.kept, told.of) == (len(failing_report.stories), 300)
    assert set(failing_report.why) == {story.instance_id for story in failing_report.stories}


def test_a_passing_story_of_the_same_scenario_stands_beside_every_failing_one(failing_report: Report) -> None:
    outcomes = {story.instance_id: story.outcome for story in failing_report.stories}
    assert set(failing_report.beside) == {each for each, outcome in outcomes.items() if outcome == "failed"}
    assert {outcomes[passing] for passing in failing_report.beside.values()} == {"passed"}


def story(instance_id: str, began_s: float, *, outcome: InstanceOutcome = "passed", **fields: Any) -> Story:
    defaults: dict[str, Any] = {"correlation_id": "c", "scenario": "shop", "offset_s": 0.0, "duration_us": 5}
    return Story(instance_id=instance_id, began_s=began_s, outcome=outcome, **{**defaults, **fields})


def ran(*names: str) -> tuple[StepStory, ...]:
    return tuple(StepStory(name=n, action="http", outcome="passed", began_us=0, duration_us=1) for n in names)


@pytest.mark.parametrize(
    ("passing", "beside"),
    [
        ([story("near", 9.0), story("far", 2.0)], {"bad": "near"}),
        ([story("near", 9.0), story("same-way", 2.0, steps=ran("pay"))], {"bad": "same-way"}),
        ([story("near", 9.0), story("spoilt", 9.5, fault="cut")], {"bad": "near"}),
        ([story("other", 9.5, scenario="browse")], {}),
        ([], {}),
    ],
    ids=["nearest in time", "ran the failed step", "no fault was done to it", "of the same scenario", "none"],
)
def test_the_passing_story_beside_a_failing_one_is_the_most_alike(
    passing: list[Story], beside: dict[str, str]
) -> None:
    assert side_by_side([story("bad", 10.0, outcome="failed", failed_step="pay"), *passing]) == beside


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
