"""Whole runs with faults of engines: what the load saw of them, what is on record, and what is judged."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.command_line import Answer, call
from tests.support.toxiproxy import Toxiproxy, running
from windtunnel.demo.process import ShopProcess
from windtunnel.model.record import FaultRecord, PhaseRecord, Record, RunStarted, StepRecord
from windtunnel.storage.directory import RunDirectory
from windtunnel.storage.reader import RecordReader
from windtunnel.turbulence.drivers.toxiproxy_api import Address
from windtunnel.turbulence.drivers.toxiproxy_api import call as tell

pytestmark = pytest.mark.slow

PLAN = """
sut: sut.yaml
scenarios: [home.yaml]
load: {{ rate: 20/s }}
turbulence:
  phases: {{ steady: 500ms, inject: 3s, recover: 1s }}
  faults:
{faults}
"""
SLOW = """
    - name: slow
      engine: toxiproxy
      url: "{url}"
      on: {{ proxy: shop }}
      type: latency
      attributes: {{ latency: 200ms }}
      schedule: {{ for: 1s }}
"""
DOWN = """
    - name: down
      engine: toxiproxy
      url: "{url}"
      on: {{ proxy: shop }}
      type: down
      schedule: {{ at: 1500ms, for: 1s }}
"""
HOOK = """
    - name: switch
      type: hook
      apply: [sh, -c, "mkdir on; echo $WINDTUNNEL_LEVEL >> told; echo signed in with ${{SHOP_PASSWORD}}"]
      revert: rmdir on
      verify: test -d on
      schedule: {{ sweep: [low, high] }}
"""
BROKEN = """
    - {{ name: broken, type: hook, apply: "false", revert: "true" }}
"""


@pytest.fixture
def proxied(tmp_path: Path, shop: ShopProcess) -> Iterator[Toxiproxy]:
    """A Toxiproxy whose proxy `shop` is what the run sends to."""
    with running() as server:
        told = {"name": "shop", "upstream": shop.base_url.removeprefix("http://")}
        made = asyncio.run(tell(Address.of(server.url), "POST", "proxies", body=told))
        (tmp_path / "sut.yaml").write_text(f"base_url: http://{made['listen']}\n")
        (tmp_path / "home.yaml").write_text("id: home\nflow: [{ type: http, name: home, path: /health }]\n")
        yield server


def run(folder: Path, server: Toxiproxy, *faults: str, **environment: str) -> Answer:
    text = PLAN.format(faults="".join(each.format(url=server.url) for each in faults))
    (folder / "windtunnel.yaml").write_text(text)
    return call(folder, "run", "--allow", "toxiproxy,hook", environment=environment)


def records(folder: Path) -> list[Record]:
    reader = RecordReader(RunDirectory.find("latest", folder / "runs").segments())
    return [record for batch in reader.batches() for record in batch]


def steps_during(folder: Path, fault: str, until_s: float) -> list[StepRecord]:
    """The steps that began while a fault was on for sure: after it was found, before `until_s` of the load."""
    found = records(folder)
    load = min(record.t for record in found if isinstance(record, PhaseRecord) and record.name == "steady")
    (on,) = (
        record.t
        for record in found
        if isinstance(record, FaultRecord) and (record.name, record.event) == (fault, "applied")
    )
    steps = [record for record in found if isinstance(record, StepRecord)]
    return [each for each in steps if on <= each.t - each.duration_us / 1e6 <= load + until_s]


def summary(folder: Path) -> Any:
    return json.loads((folder / "runs" / "latest" / "summary.json").read_text())


def test_what_toxiproxy_does_is_what_the_load_sees(tmp_path: Path, proxied: Toxiproxy) -> None:
    answer = run(tmp_path, proxied, SLOW, DOWN)

    slow, refused = steps_during(tmp_path, "slow", 1.4), steps_during(tmp_path, "down", 2.9)
    assert slow, answer.stdout + answer.stderr
    assert min(each.duration_us for each in slow) >= 200_000
    assert {(each.outcome, each.error) for each in refused} == {("failed", "refused")}
    assert not proxied.proxies["shop"].toxics
    assert proxied.proxies["shop"].enabled
    figures = {
        each["name"]: (each["asked"], each["applied"]) for each in summary(tmp_path)["turbulence"]["faults"]
    }
    assert figures == {"slow": (1, 1), "down": (1, 1)}


def test_a_hook_is_told_its_levels_and_says_no_secret(tmp_path: Path, proxied: Toxiproxy) -> None:
    run(tmp_path, proxied, HOOK, SHOP_PASSWORD="hunter2-secret")

    told = [record for record in records(tmp_path) if isinstance(record, FaultRecord)]
    assert [(each.event, each.level) for each in told] == [
        (event, level) for level in ("low", "high") for event in ("on", "applied", "off")
    ]
    assert {each.detail for each in told if each.event == "applied"} == {"signed in with [redacted]"}
    assert (tmp_path / "told").read_text().split() == ["low", "high"]
    directory = (tmp_path / "runs" / "latest").resolve()
    assert [file for file in directory.rglob("*") if file.is_file() and b"hunter2" in file.read_bytes()] == []
    kinds = [record.kind for record in records(tmp_path) if isinstance(record, RunStarted)]
    assert kinds == ["load", "turbulence"]


def test_a_fault_that_an_engine_does_not_do_is_not_judged(tmp_path: Path, proxied: Toxiproxy) -> None:
    answer = run(tmp_path, proxied, BROKEN)

    (missed,) = (record for record in records(tmp_path) if isinstance(record, FaultRecord))
    assert (missed.event, missed.detail) == ("missed", "apply: 'false' exited 1")
    assert answer.returncode == 4
    assert summary(tmp_path)["turbulence"]["word"] == "not_judged"
