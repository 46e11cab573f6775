"""A server that stands still now and then: an open load sees it, and a closed one says what it did not see."""

from __future__ import annotations

from pathlib import Path

import pytest

from windtunnel.config.overrides import Overrides, overrides_of
from windtunnel.demo.journey import write_look, write_sut
from windtunnel.demo.process import ShopProcess
from windtunnel.demo.settings import ShopSettings
from windtunnel.job.request import JobRequest
from windtunnel.job.run import run_job
from windtunnel.model.summary import Summary
from windtunnel.terminal import TerminalObserver


def seen(folder: Path, base_url: str, overrides: Overrides) -> Summary:
    request = JobRequest(
        sut=str(write_sut(folder, base_url)), scenarios=(str(write_look(folder)),), overrides=overrides
    )
    return run_job(request, environment={}, observer=TerminalObserver.standard(quiet=True)).summary


@pytest.mark.slow  # what it measures is time
def test_a_stall_is_in_the_open_loads_numbers_and_in_the_closed_loads_words(tmp_path: Path) -> None:
    runs = str(tmp_path / "runs")
    settings = ShopSettings(freeze_s=0.2, freeze_every_s=1.6)
    with ShopProcess(settings) as shop:
        opened = seen(tmp_path, shop.base_url, overrides_of(rate="200/s", duration="3.2s", output=runs))
        closed = seen(tmp_path, shop.base_url, overrides_of(parallel=5, duration="3.2s", output=runs))
    of_open = opened.metrics["http_req_duration"].distribution
    of_closed = closed.metrics["http_req_duration"].distribution
    assert of_open is not None
    assert of_closed is not None
    # An eighth of all arrivals falls into a stall of 200 ms: the last hundredth waited for most of one.
    assert of_open.p99 > 100
    assert of_closed.p99 < 100
    assert not any("stalled" in finding for finding in opened.soundness.findings)
    assert any("stalled" in finding for finding in closed.soundness.findings)
