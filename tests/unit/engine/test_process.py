"""What a load can need, against what the machine gives."""

from __future__ import annotations

from tests.support.journeys import SUT, scenario
from windtunnel.engine.run.process import local_ports, raise_open_file_limit, shortages
from windtunnel.model.load import ClosedLoad, OpenLoad
from windtunnel.model.plan import TestPlan


def plan(load: ClosedLoad | OpenLoad, *, workers: int = 1) -> TestPlan:
    return TestPlan(sut=SUT, scenarios=(scenario(),), load=load, seed=1, workers=workers)


def test_a_load_that_fits_needs_no_word() -> None:
    assert shortages(plan(ClosedLoad(parallel=900, count=900)), open_files=1024, ports=28_232) == []


def test_more_users_than_open_files_are_said_with_a_cure() -> None:
    [said] = shortages(plan(ClosedLoad(parallel=1000, count=1000)), open_files=1024, ports=28_232)
    assert said == (
        "1,000 concurrent instances can need 1,050 open files, but the limit here is 1,024: "
        "raise it with `ulimit -n`, or use more --workers or fewer users"
    )


def test_every_worker_has_open_files_of_its_own_but_ports_are_shared() -> None:
    load = ClosedLoad(parallel=1800, count=1800)
    assert shortages(plan(load, workers=2), open_files=1024, ports=28_232) == []
    [said] = shortages(plan(load, workers=2), open_files=1024, ports=1000)
    assert said.startswith("1,800 concurrent instances can need as many local ports, but there are 1,000 here")


def test_an_open_load_can_need_all_of_its_slots() -> None:
    assert len(shortages(plan(OpenLoad(rate=1000, duration_s=10)), open_files=1024, ports=0)) == 1


def test_unknown_limits_are_not_compared() -> None:
    assert shortages(plan(ClosedLoad(parallel=10**6, count=10**6)), open_files=0, ports=0) == []


def test_the_limits_of_this_machine_can_be_read() -> None:
    assert raise_open_file_limit() >= 0
    assert local_ports() >= 0
