"""What `windtunnel demo --turbulence` says of its run, against the plan that it runs."""

from __future__ import annotations

import re
import shutil
import socket
from pathlib import Path
from typing import get_args

import pytest

from tests.support import ROOT
from tests.support.command_line import call
from windtunnel.demo.__main__ import main
from windtunnel.demo.settings import CALLER_GIVES_UP_S, PAYMENT_PLACES, PAYMENT_S, VIRTUES, Virtue
from windtunnel.demo.turbulence import PLAN, course, free_ports, shop_command, what_next
from windtunnel.job.request import JobRequest, load_test_plan
from windtunnel.model.load import OpenLoad
from windtunnel.model.plan import TestPlan


@pytest.fixture(scope="module")
def plan() -> TestPlan:
    return load_test_plan(JobRequest(plan=str(PLAN)), {})


def moments(text: str) -> list[tuple[float, float]]:
    """The times that the lines of a course begin with."""
    return [(float(begin), float(end)) for begin, end in re.findall(r"^ +(\d+) to (\d+) s ", text, re.MULTILINE)]


def test_what_the_demo_announces_is_what_its_plan_does(plan: TestPlan) -> None:
    turbulence = plan.turbulence
    assert turbulence is not None
    phases = turbulence.phases
    inject_s = phases.begin_s("inject")
    windows = []
    for fault in turbulence.faults:
        begin_s = fault.schedule.at.of(phases.inject_s)
        length_s = (
            fault.schedule.length.of(phases.inject_s) if fault.schedule.length else phases.inject_s - begin_s
        )
        windows.append((inject_s + begin_s, inject_s + begin_s + length_s))
    assert moments(course(())) == [(0, inject_s), *windows, (phases.begin_s("recover"), phases.length_s)]
    assert phases.length_s < 60


def test_the_payment_service_bears_about_twice_the_orders_that_come(plan: TestPlan) -> None:
    assert isinstance(plan.load, OpenLoad)
    weights = {scenario.id: scenario.weight for scenario in plan.scenarios}
    orders_per_s = plan.load.stages[0].target * weights["buy"] / sum(weights.values())
    assert f"{orders_per_s:.0f} orders a second" in course(())
    assert pytest.approx(2 * orders_per_s, rel=0.1) == PAYMENT_PLACES / PAYMENT_S


def test_the_customers_of_the_plan_wait_as_long_as_the_shop_believes(plan: TestPlan) -> None:
    [buy] = [scenario for scenario in plan.scenarios if scenario.id == "buy"]
    [waited] = [step.options["timeout"] for step in buy.steps if step.name == "check_out"]
    assert waited == f"{CALLER_GIVES_UP_S:g}s"


@pytest.mark.parametrize("virtue", VIRTUES)
def test_what_the_shop_does_without_is_said(virtue: Virtue) -> None:
    assert set(VIRTUES) == set(get_args(Virtue))
    assert len(course((virtue,)).splitlines()) == len(course(()).splitlines()) + 1


def test_what_was_just_tried_is_not_what_comes_next() -> None:
    assert "--without idempotency" in what_next((), "plan.yaml")
    assert "--without idempotency" not in what_next(("idempotency",), "plan.yaml")


def test_the_command_of_the_shop_is_one_that_its_program_takes(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port, payments = taken.getsockname()[1], free_ports(1)[0]
        assert main(shop_command(port, payments, VIRTUES)[3:]) == 2
    assert "can't listen" in capsys.readouterr().err


def test_the_demo_with_faults_refuses_what_the_shop_does_not_have(tmp_path: Path) -> None:
    answer = call(tmp_path, "demo", "--turbulence", "--without", "brakes")
    assert answer.returncode == 2
    assert answer.stderr.startswith('--without: the shop has no "brakes" to do without\n')
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("folder", [PLAN.parent, ROOT / "examples" / "lost-reply"], ids=lambda folder: folder.name)
def test_the_folder_of_an_experiment_is_complete(tmp_path: Path, folder: Path) -> None:
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    answer = call(tmp_path, "validate")
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("windtunnel.yaml: plan\nsut.yaml: SUT\n")
