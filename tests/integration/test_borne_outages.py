"""What the shop does right and wrong, live: the shop, its payments, a proxy between them, and the judge."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support import ROOT
from tests.support.command_line import run_process
from tests.support.short_outage import LATE, SOME_FAIL, Outage, bear, judged_without_doubt, run_plan
from windtunnel.demo.process import ShopProcess
from windtunnel.demo.settings import Behaviour, ShopSettings, Virtue

pytestmark = pytest.mark.slow  # what they show takes its time


def test_the_time_to_recover_is_within_a_second_of_what_the_shop_saw(tmp_path: Path) -> None:
    borne = bear(tmp_path, LATE)
    found = borne.resilience
    assert (found.word, found.recovery) == ("degraded", "recovered"), found.reasons
    assert found.time_to_recover_s is not None
    ended_s = max(band.end_s for fault in found.faults for band in fault.bands)
    assert ended_s + found.time_to_recover_s == pytest.approx(borne.last("outage_ended"), abs=1.0)


@pytest.mark.parametrize(
    ("without", "outage", "words", "because"),
    [
        (("breaker", "budget"), LATE, "metastable", "the system is stuck"),
        (("budget",), LATE, "degraded", "recovered"),
        (("idempotency",), LATE, "failed", "answers to the same Idempotency-Key differ"),
        (("timeout",), LATE, "failed", "fail_fast"),
        (("breaker",), SOME_FAIL, "resilient or degraded", "its steady state"),
        (("breaker", "retries"), SOME_FAIL, "failed", "instances"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_what_the_shop_does_without_is_what_the_judge_finds(
    tmp_path: Path, without: Sequence[Virtue], outage: Outage, words: str, because: str
) -> None:
    found = bear(tmp_path, outage, without).resilience
    assert found.word in words.split(" or "), found.reasons
    assert because in found.headline


def test_the_demo_goes_from_an_outage_to_the_recovery_in_a_minute(tmp_path: Path) -> None:
    answer = run_process(tmp_path, "demo", "--turbulence")
    # On a machine that is busy with other things it is not judged.
    assert answer.returncode in {0, 4}, answer
    assert "recovered" in answer.stdout
    assert "--without idempotency" in answer.stdout


@pytest.mark.parametrize("is_right", [True, False], ids=["idempotent", "not idempotent"])
def test_the_example_with_a_lost_reply_finds_orders_that_are_placed_twice(tmp_path: Path, is_right: bool) -> None:
    behaviour = Behaviour() if is_right else Behaviour().without("idempotency")
    shutil.copytree(ROOT / "examples" / "lost-reply", tmp_path, dirs_exist_ok=True)
    with ShopProcess(ShopSettings(behaviour=behaviour)) as shop:
        result = run_plan(tmp_path / "windtunnel.yaml", {"SHOP_PORT": shop.base_url.rsplit(":", 1)[1]})
    found = judged_without_doubt(result.directory)
    assert found.duplicates is not None
    assert (found.duplicates == 0) == is_right
    assert (found.word == "failed") == (not is_right), found.reasons
    assert [(fault.name, fault.applied > 0) for fault in found.faults] == [("lost reply", True)]
