"""`windtunnel.run()`: the whole job as a call, against a real shop."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import windtunnel
from tests.support import ROOT
from windtunnel import User
from windtunnel.demo.process import ShopProcess
from windtunnel.model.record import InstanceRecord
from windtunnel.storage.directory import RunDirectory
from windtunnel.storage.reader import RecordReader


@windtunnel.scenario("look")
async def look(user: windtunnel.User) -> None:
    response = await user.http.get(None, "/api/products", name="get_products")
    user.check("some_products", len(response.json("$.items")) > 0)


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_run_comes_back_with_its_verdict(shop: ShopProcess, capfd: pytest.CaptureFixture[str]) -> None:
    result = windtunnel.run(
        sut={"name": "shop", "base_url": shop.base_url},
        scenarios=[look, ROOT / "scenarios" / "checkout.yaml"],
        parallel=4,
        count=20,
        seed=1,
        thresholds={"instances": "rate == 100%", "checks": ["rate > 99%"]},
        name="from a test",
        tags={"kind": "test"},
        output="my-runs",
    )
    # A machine that is busy with other tests can't be sure of times.
    assert (result.verdict.word, result.verdict.exit_code) in {("pass", 0), ("inconclusive", 4)}
    assert result.passed == (result.verdict.word == "pass")
    assert result.summary.run.instances == 20
    assert {step.scenario for step in result.summary.steps} == {"look", "checkout_flow"}
    assert result.directory.parent.name == "my-runs"
    assert result.report.is_file()
    assert "20 of 20 instances passed" in result.output
    assert capfd.readouterr() == ("", "")


def test_a_verdict_that_is_no_pass_is_a_value_too(shop: ShopProcess) -> None:
    result = windtunnel.run(
        sut={"base_url": shop.base_url}, scenarios=look, thresholds=["http_reqs: count > 1000"]
    )
    assert (result.passed, result.verdict.word, result.verdict.exit_code) == (False, "fail", 99)
    assert result.verdict.reasons[0] == "http_reqs: count > 1000 failed: 1"


def test_wrong_input_is_raised_with_every_problem_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("id: a\nflow: [{ type: htp, name: x }]\n")
    with pytest.raises(windtunnel.ConfigError) as caught:
        windtunnel.run(sut={"base_ur": "http://localhost"}, scenarios="a.yaml", parallel=0)
    messages = [problem.text for problem in caught.value.problems]
    assert any("base_ur" in message for message in messages)
    assert any("htp" in message for message in messages)
    assert "--parallel: must be at least 1, not 0" in messages
    assert not (tmp_path / "runs").exists()


def test_an_argument_that_does_not_exist() -> None:
    with pytest.raises(TypeError, match="no argument 'paralel'"):
        windtunnel.run(sut={"base_url": "http://localhost"}, scenarios=look, paralel=3)


def test_load_checks_and_sends_nothing(tmp_path: Path) -> None:
    plan = windtunnel.load(sut={"base_url": "http://localhost:1"}, scenarios=look, parallel=3, duration=2)
    assert [scenario.id for scenario in plan.scenarios] == ["look"]
    assert (plan.most_at_once, plan.length_s) == (3, 2.0)
    with pytest.raises(windtunnel.ConfigError, match="matches nothing"):
        windtunnel.load(
            sut={"base_url": "http://localhost:1"}, scenarios=look, thresholds=["http_reqs{phase:x}: count > 1"]
        )


def test_a_step_that_only_the_run_knows_is_no_mistake_of_a_threshold(shop: ShopProcess) -> None:
    @windtunnel.scenario("dynamic")
    async def dynamic(user: User) -> None:
        await user.http.get(None, "/api/products", name="-".join(("get", "them")))

    result = windtunnel.run(
        sut={"base_url": shop.base_url},
        scenarios=dynamic,
        count=3,
        thresholds=["http_reqs{step:get-them}: count == 3"],
    )
    assert result.summary.run.passed == 3
    assert [step.step for step in result.summary.steps] == ["get-them"]


def test_inside_a_running_loop_there_is_a_call_to_await(shop: ShopProcess) -> None:
    async def main() -> tuple[windtunnel.Result, int]:
        with pytest.raises(RuntimeError, match="run_async"):
            windtunnel.run(sut={"base_url": shop.base_url}, scenarios=look)
        turned = 0

        async def turn() -> None:
            nonlocal turned
            while True:
                turned += 1
                await asyncio.sleep(0.001)

        beside = asyncio.create_task(turn())
        result = await windtunnel.run_async(sut={"base_url": shop.base_url}, scenarios=look, count=5)
        beside.cancel()
        return result, turned

    result, turned = asyncio.run(main())
    assert result.summary.run.passed == 5
    assert turned > 10


def test_a_cancelled_run_ends_early_and_leaves_its_report(shop: ShopProcess, tmp_path: Path) -> None:
    async def main() -> None:
        running = asyncio.create_task(
            windtunnel.run_async(sut={"base_url": shop.base_url}, scenarios=look, duration=60)
        )
        while not list(tmp_path.glob("runs/*/records/*.jsonl")):  # noqa: ASYNC110, ASYNC240  a run tells of itself by its files
            await asyncio.sleep(0.05)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(main())
    (summary,) = tmp_path.glob("runs/2*/summary.json")
    assert b'"interrupted"' in summary.read_bytes()


def test_signals_are_left_alone(shop: ShopProcess) -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    seen = []

    @windtunnel.scenario("signals")
    async def signals(user: User) -> None:
        seen.append({number: signal.getsignal(number) for number in before})

    windtunnel.run(sut={"base_url": shop.base_url}, scenarios=signals)
    assert seen == [before]


SCRIPT = """
    import sys
    import windtunnel

    @windtunnel.scenario("look")
    async def look(user):
        await user.http.get(None, "/api/products", name="get_products")

    if __name__ == "__main__":
        result = windtunnel.run(
            sut={"base_url": sys.argv[1]}, scenarios=look, parallel=4, count=40, seed=1, workers=2, show=True
        )
        print("VERDICT", result.verdict.word, result.summary.run.instances, result.directory)
"""


@pytest.mark.slow
def test_a_script_shares_the_load_between_worker_processes(shop: ShopProcess, tmp_path: Path) -> None:
    (tmp_path / "load.py").write_text(textwrap.dedent(SCRIPT))
    answer = subprocess.run(
        [sys.executable, "load.py", shop.base_url], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    *_, last = answer.stdout.splitlines()
    word, verdict, instances, directory = last.split()
    assert (word, instances) == ("VERDICT", "40")
    assert verdict in {"pass", "inconclusive"}
    segments = RunDirectory(Path(directory)).segments()
    assert len(segments) == 2
    assert len({record.index for record in RecordReader(segments) if isinstance(record, InstanceRecord)}) == 40


def test_what_stands_inside_a_function_cannot_be_shared(shop: ShopProcess) -> None:
    @windtunnel.scenario("inside")
    async def inside(user: User) -> None: ...

    with pytest.raises(windtunnel.ConfigError, match="is not defined at the top level of"):
        windtunnel.run(sut={"base_url": shop.base_url}, scenarios=inside, parallel=2, count=2, workers=2)


def test_code_that_exits_past_the_loop_does_not_end_the_caller(shop: ShopProcess) -> None:
    @windtunnel.scenario("leave")
    async def leave(user: windtunnel.User) -> None:
        await user.http.get(None, "/api/products", name="get_products")
        asyncio.get_running_loop().call_soon(sys.exit, 0)
        await user.pause(9)

    result = windtunnel.run(sut={"base_url": shop.base_url}, scenarios=leave)

    assert (result.verdict.word, result.verdict.exit_code) == ("incomplete", 5)
    assert result.verdict.reasons[0] == "the run ended early: a task of the scenarios' code raised SystemExit"
