from __future__ import annotations

from typing import Any

import pytest

from tests.support.records import START, aggregate_of, instance, request, step
from tests.support.run_builder import Run, manifest
from windtunnel.metrics.cube import Cube
from windtunnel.model.record import Dropped, Health, Record, Users
from windtunnel.report.course import MOST_STEPS, Course, blocks, course_of
from windtunnel.report.course_bands import course_bands


def course(*records: Record, order: tuple[tuple[str, str], ...] = ()) -> Course:
    return course_of(aggregate_of(records).cube, order=order)


def health(t: float, *, segment: int = 0, users: int = 0, **fields: Any) -> Health:
    told = Users(segment=segment, now=users, most=users, area_us=users * 1_000_000, span_us=1_000_000)
    return Health(t=START + t, users=told, **fields)


def test_every_series_has_one_value_for_each_bucket() -> None:
    seen = course(step(t=START + 0.2, request=request()), step(t=START + 10), health(3.0, users=2))
    assert seen.buckets == 80
    assert seen.width_s == 1 / 8
    assert seen.started == START + 0.125
    for series in (seen.rate, seen.requests, seen.failures, seen.p95, seen.users, seen.lag, seen.warmup):
        assert len(series) == seen.buckets


def test_the_rate_is_that_of_requests_a_second() -> None:
    seen = course(*(step(t=START + n / 4, request=request()) for n in range(8)), step(t=START + 60))
    assert (seen.width_s, seen.noun) == (0.25, "request")
    assert seen.rate[:9] == (4.0,) * 8 + (0.0,)
    assert seen.p95[0] == pytest.approx(1.015, rel=1 / 32)
    assert seen.p95[8] is None


def test_without_any_request_instances_are_what_is_counted() -> None:
    seen = course(instance(duration_us=250_000), instance(1, "failed", duration_us=250_000))
    assert (seen.noun, seen.rate, seen.failures) == ("instance", (16.0,), (1,))
    assert seen.p50[0] == pytest.approx(250, rel=1 / 32)


def test_times_of_failures_hide_none_of_successes() -> None:
    fast = step(request=request(wait=10_000))
    timeout = step(outcome="failed", duration_us=10**7, request=request(0, wait=10**7, error="timeout"))
    seen = course(fast, *[timeout] * 9)
    assert seen.p99[0] == pytest.approx(10, rel=1 / 16)
    assert seen.steps[0].p95[0] == pytest.approx(2, rel=1 / 16)
    assert (seen.requests, seen.requests_failed, seen.steps[0].failed) == ((10,), (9,), (9,))


def test_users_are_those_of_all_segments_and_of_the_second_before_they_were_told() -> None:
    lines = [health(second, segment=which, users=5 * (which + 1)) for second in (1.0, 2.0) for which in (0, 1)]
    seen = course(step(t=START), *lines, step(t=START + 4))
    assert seen.users[:17] == (15.0,) * 17
    assert seen.users[17:] == (None,) * 16


def test_lag_and_cpu_are_told_bucket_by_bucket() -> None:
    seen = course(health(0.0, lag_p99_us=4_000, cpu=1), health(0.1, lag_p99_us=9_000, cpu=0))
    assert (seen.lag, seen.cpu) == ((9.0,), (0.5,))


def test_dropped_arrivals_and_failures_stand_where_they_happened() -> None:
    dropped = Dropped(t=START + 1, scenario="shop", index=1, scheduled=START + 1)
    seen = course(instance(0, "failed", t=START), dropped, step("pay", "errored", t=START + 1, error="template"))
    assert (seen.dropped[0], seen.dropped[8]) == (0, 1)
    assert (seen.failures[0], seen.failures[8]) == (1, 0)
    (cause,) = seen.causes
    assert (cause.step, cause.cause, seen.causes[cause][8], sum(seen.causes[cause])) == ("pay", "template", 1, 1)


def test_a_bucket_in_which_only_warm_up_ended_is_marked() -> None:
    seen = course(step(t=START, phase="warmup:ramp"), step(t=START + 0.125), step(t=START + 0.125, phase="warmup"))
    assert seen.warmup == (True, False)
    assert seen.steps[0].count == (1, 2)
    assert sum(cell.passed for cell in seen.steps[0].measured.values()) == 1


def test_steps_stand_in_the_order_of_the_plan_and_others_after_them() -> None:
    seen = course(
        step("browse"), step("pay"), step("extra"), order=(("shop", "pay"), ("shop", "never"), ("shop", "browse"))
    )
    assert [each.step for each in seen.steps] == ["pay", "browse", "extra"]


def test_beyond_200_steps_the_heaviest_keep_their_series_and_the_others_share_one() -> None:
    many = [step(f"step {n:03}", t=START + n % 3) for n in range(MOST_STEPS + 40)]
    twice = [step(each.step, t=each.t) for each in many[30:]]
    seen = course(*many, *twice)
    assert len(seen.steps) == MOST_STEPS + 1
    others = seen.steps[-1]
    assert (others.step, others.folded, sum(others.count)) == ("", 40, 30 + 2 * 10)
    assert "step 000" not in {each.step for each in seen.steps}
    assert sum(sum(each.count) for each in seen.steps) == len(many) + len(twice)


def test_a_run_of_nothing_has_no_buckets() -> None:
    seen = course_of(Cube())
    assert (seen.buckets, seen.rate, seen.p95, seen.users, seen.steps) == (0, (), (), (), ())


def test_blocks_are_as_high_as_the_values_and_blank_where_there_is_none() -> None:
    assert blocks([0, 1, 2, 3, 4, 5, 6, 7, 8]) == "▁▁▂▃▄▅▆▇█"
    assert blocks([None, 3.0, None]) == " █ "
    assert blocks([0, 0]) == "▁▁"
    assert blocks([]) == ""


def test_more_values_than_there_is_room_for_are_joined() -> None:
    assert blocks([1, 8, None, None, 4, 4], width=3) == "█ ▄"
    assert blocks([1, 1, 1, 1, 1], width=3, join=sum) == "██▄"
    assert len(blocks(range(300), width=60)) == 60


def test_stages_of_the_load_follow_each_other_along_time() -> None:
    phases = ("warmup:ramp", "climb", "climb", "peak", "setup")
    at = [instance(n, started=START + 10.0 * n, phase=phase) for n, phase in enumerate(phases)]
    # One that was due before the peak and ended in it.
    late = instance(9, started=START + 29, duration_us=5_000_000, phase="climb")
    bands = course_bands(aggregate_of([*at, late]), manifest(), Run().instances(1).concluded())
    stages = [(band.name, band.from_s, band.to_s) for band in bands if not band.warmup]
    assert stages == [("climb", 10.0, 30.0), ("peak", 30.0, 34.0)]
