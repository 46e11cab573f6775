"""The plan of `windtunnel demo --turbulence` in fifteen seconds, against a shop in a process of its own."""

from __future__ import annotations

import json
import shutil
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from windtunnel.config.overrides import overrides_of
from windtunnel.demo.process import ShopProcess
from windtunnel.demo.settings import Behaviour, ShopSettings, Virtue
from windtunnel.demo.turbulence import PLAN, free_ports
from windtunnel.job.request import JobRequest
from windtunnel.job.run import JobResult, run_job
from windtunnel.model.resilience import Resilience
from windtunnel.report.collect import analyse
from windtunnel.storage.directory import RunDirectory
from windtunnel.terminal import TerminalObserver
from windtunnel.verdict.resilience import judge_resilience
from windtunnel.verdict.resilience_faults import load_began

PHASES = {"warmup": "1s", "steady": "4s", "inject": "5s", "recover": "5s"}
LOST, OUTAGE = {"at": "0s", "for": "1500ms"}, {"at": "1500ms", "for": "3500ms"}


@dataclass(frozen=True, kw_only=True)
class Outage:
    """What the proxy does to payments, and what must hold meanwhile."""

    fault: Mapping[str, Any]
    during: Mapping[str, Sequence[str]] = field(default_factory=dict)


LATE = Outage(fault={"type": "latency", "delay": "3s", "schedule": OUTAGE})
SOME_FAIL = Outage(
    fault={"type": "status", "code": 503, "schedule": {**OUTAGE, "every_nth": 6}},
    during={"instances{scenario:buy}": ["rate > 94%"]},
)


@dataclass(frozen=True, kw_only=True)
class Borne:
    """What the judge says of a run, what the shop's own log says, and when the load began."""

    resilience: Resilience
    log: Sequence[Mapping[str, Any]]
    began: float

    def last(self, event: str) -> float:
        """When something happened for the last time, in seconds since the load began."""
        at: float = [each["at"] for each in self.log if each["event"] == event][-1]
        return at - self.began


def write_short_plan(folder: Path, *, proxy: int, outage: Outage) -> Path:
    """The plan with phases of a few seconds, a proxy at a port, and an outage there."""
    shutil.copytree(PLAN.parent, folder, dirs_exist_ok=True)
    plan = yaml.safe_load(PLAN.read_text().replace(" on:", ' "on":'))  # in YAML 1.1 on is true
    turbulence = plan["turbulence"]
    turbulence["phases"] = PHASES
    turbulence["judge"]["recover"] = {"within": "4s", "hold": "1s"}
    turbulence["judge"]["during"] = outage.during
    # A condition that a second has enough samples for.
    turbulence["steady_state"]["http_req_duration"] = ["p(90) < 400ms"]
    turbulence["proxies"]["payments"]["listen"] = f"127.0.0.1:{proxy}"
    lost, slow = turbulence["faults"]
    turbulence["faults"] = [
        {**lost, "schedule": LOST, "probability": "50%"},
        {"name": slow["name"], "on": slow["on"], **outage.fault},
    ]
    path = folder / PLAN.name
    path.write_text(json.dumps(plan))
    return path


def bear(folder: Path, outage: Outage, without: Sequence[Virtue] = ()) -> Borne:
    """Run the short plan against a shop that does without some of what is right."""
    payments, proxy = free_ports(2)
    settings = ShopSettings(
        payments_url=f"http://127.0.0.1:{proxy}", behaviour=Behaviour().without(*without)
    ).serving_payments(payments)
    plan = write_short_plan(folder, proxy=proxy, outage=outage)
    with ShopProcess(settings) as shop:
        result = run_plan(plan, {"SHOP_PORT": shop.base_url.rsplit(":", 1)[1], "PAYMENTS_PORT": str(payments)})
        with urllib.request.urlopen(f"{shop.base_url}/log", timeout=10) as answer:
            log = [json.loads(line) for line in answer.read().splitlines()]
    found = analyse(result.directory)
    turbulence = found.manifest.turbulence
    assert turbulence is not None
    began = load_began(found.aggregate, turbulence.phases)
    return Borne(resilience=judged_without_doubt(result.directory), log=log, began=began)


def run_plan(plan: Path, environment: Mapping[str, str]) -> JobResult:
    """Run a plan with the seed 1; the runs are beside it."""
    request = JobRequest(plan=str(plan), overrides=overrides_of(output=str(plan.parent / "runs"), seed=1))
    return run_job(request, environment=environment, observer=TerminalObserver.standard(quiet=True))


def judged_without_doubt(directory: RunDirectory) -> Resilience:
    """The judgement of a run: that this machine was busy is no fault of the shop."""
    found = analyse(directory)
    assert found.manifest.turbulence is not None
    return judge_resilience(found.manifest.turbulence, found.manifest, found.aggregate)
