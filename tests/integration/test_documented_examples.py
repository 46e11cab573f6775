"""What the documents show is what runs: the cookbook, the example for pytest, and a scenario beside its twin."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

import windtunnel
from tests.support import ROOT
from tests.support.cookbook import Recipe, recipes
from tests.support.tiers import every, slow_unless
from windtunnel.demo.process import ShopProcess
from windtunnel.demo.settings import ShopSettings
from windtunnel.model.record import AssertionRecord, InstanceRecord, RequestRecord, StepRecord
from windtunnel.storage.directory import RunDirectory
from windtunnel.storage.reader import RecordReader

ON_THE_SHOP = [recipe for recipe in recipes() if not recipe.service]
"""Recipes for the demo shop. The others have services of their own, and tests beside them."""

TOLD = (StepRecord, RequestRecord, AssertionRecord, InstanceRecord)
OF_ITS_TIME = {"seq", "run_id", "t", "correlation_id", "scheduled", "started", "duration_us", "response_time_us"}


@pytest.fixture
def kitchen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what the recipes speak of."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "scenarios" / "data" / "photo.png", tmp_path)
    (tmp_path / "shoppers.csv").write_text("user,password\nada,lovelace\n")
    return tmp_path


def assert_all_passed(result: windtunnel.Result) -> None:
    """Every instance passed. That this machine was too busy to be sure of times is no fault of an example."""
    run = result.summary.run
    assert run.passed == run.instances > 0, result.output
    assert result.verdict.word in {"pass", "inconclusive"}, result.output


@pytest.mark.parametrize("recipe", every(3, ON_THE_SHOP), ids=str)
def test_every_recipe_passes(shop: ShopProcess, kitchen: Path, recipe: Recipe) -> None:
    recipe.write(kitchen)
    sut = {"base_url": shop.base_url}
    result = windtunnel.run(sut=sut, scenarios=recipe.scenario_file, parallel=2, count=4, seed=1)
    assert_all_passed(result)


@pytest.mark.parametrize("file", ["visit.py", "visit.yaml"])
def test_the_journey_passes_in_python_and_in_yaml(
    shop: ShopProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = windtunnel.run(
        sut={"base_url": shop.base_url},
        scenarios=ROOT / "scenarios" / file,
        parallel=3,
        count=6,
        thresholds={"checks": "rate == 100%", "instances": "rate == 100%"},
    )
    assert_all_passed(result)
    rows = {step.step: step for step in result.summary.steps}
    assert (rows["add_to_cart"].count, rows["look_again"].count, rows["look_around"].count) == (12, 6, 0)


@pytest.mark.slow
def test_the_example_for_pytest_passes_under_pytest(shop: ShopProcess, tmp_path: Path) -> None:
    shutil.copy(ROOT / "examples" / "pytest" / "test_shop.py", tmp_path)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_shop.py"]
    environment = {**os.environ, "SHOP_URL": shop.base_url}
    answer = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=100, check=False
    )
    assert answer.returncode == 0, answer.stdout
    assert "1 passed" in answer.stdout


def facts(scenarios: str, base_url: str) -> list[dict[str, Any]]:
    """Everything in the records of one instance that does not depend on when it ran."""
    result = windtunnel.run(
        sut={"base_url": base_url}, scenarios=ROOT / "scenarios" / scenarios, count=1, seed=1, output=scenarios
    )
    records = [
        {key: value for key, value in msgspec.to_builtins(record).items() if key not in OF_ITS_TIME}
        for record in RecordReader(RunDirectory(result.directory).segments())
        if isinstance(record, TOLD)
    ]
    for record in records:
        for varying in ("timings_us", "span_id", "bytes_received", "request_headers", "response_headers"):
            record.get("request", {}).pop(varying, None)
        record.pop("extracted", None)  # code keeps values in variables of its own
    return records


@pytest.mark.parametrize("failing", slow_unless(lambda failing: failing, [False, True]))
def test_a_scenario_and_its_twin_leave_the_same_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    with ShopProcess(ShopSettings(failure_rate=1.0 if failing else 0.0)) as shop:
        yaml, python = facts("checkout.yaml", shop.base_url), facts("checkout.py", shop.base_url)
    assert yaml == python
    assert len(yaml) == (3 if failing else 5)


def test_the_journey_and_its_twin_leave_the_same_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    told = []
    for file in ("visit.yaml", "visit.py"):
        with ShopProcess(ShopSettings()) as shop:
            records = facts(file, shop.base_url)
        for record in records:
            record.pop("round", None)
            record.pop("steps", None)
            if record.get("step") == "parcel_sent":
                record.pop("requests", None)  # how often it is asked depends on the time
                record.pop("request", None)
            if "request" in record:
                record["request"]["url"] = record["request"]["url"].replace(shop.base_url, "")
                record["request"].pop("bytes_sent")  # the host has another port
        # What only holds steps is no step in code.
        told.append(
            [each for each in records if each.get("action") not in {"repeat", "branch"} and not polled(each)]
        )
    assert told[0] == told[1]
    assert len(told[0]) == 11


def polled(record: dict[str, Any]) -> bool:
    return (record["type"], record.get("step")) == ("request", "parcel_sent")
