"""What a closed load leaves out while the system stands still."""

from __future__ import annotations

from tests.support.run_builder import WHOLE, Run, manifest
from windtunnel.metrics.histogram import Histogram
from windtunnel.verdict.conclude import conclude
from windtunnel.verdict.omission import omitted_waiting, with_omitted


def test_the_requests_that_were_not_sent_waited_for_the_rest_of_the_stall() -> None:
    full = with_omitted(Histogram([10_000] * 99 + [100_000]), 10_000)
    assert full.count == 109
    assert sorted(bucket.count for bucket in full.buckets()) == [1] * 9 + [100]
    assert (full.min_us, full.max_us) == (10_000, 100_000)


def test_without_a_stall_nothing_is_added() -> None:
    measured = Histogram([10_000, 11_000, 12_000])
    assert with_omitted(measured, 10_000) == measured


def test_a_long_stall_is_cut_into_few_pieces_of_the_right_weight() -> None:
    full = with_omitted(Histogram([10_000_000]), 100)
    assert len(full.buckets()) < 2_000
    assert 99_000 < full.count < 101_000


def stalled() -> Run:
    """Instances take 10 ms; one request in a thousand took half a second."""
    return Run().instances(2_000).requests(1_998, wait=9_000).requests(2, wait=500_000)


def test_a_closed_load_says_that_it_understates() -> None:
    said = omitted_waiting(stalled().aggregate)
    assert said == (
        "the system stalled at times, and a closed load sends nothing meanwhile: p99 of browse is 9 ms as "
        "measured and about 400 ms for users who arrive regardless; use an open load (--rate) to measure that"
    )


def test_only_a_closed_load_says_so_and_the_verdict_stays() -> None:
    run = stalled()
    for closed in (True, False):
        from msgspec.structs import replace

        summary = conclude(replace(manifest(), closed=closed), run.aggregate, WHOLE)
        assert summary.verdict == "pass"
        assert any("stalled" in finding for finding in summary.soundness.findings) == closed


def test_an_even_system_hides_nothing() -> None:
    assert omitted_waiting(Run().instances(2_000).requests(2_000, wait=9_000).aggregate) is None
