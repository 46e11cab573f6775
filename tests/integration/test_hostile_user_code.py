"""Whatever code of a scenario raises is its outcome: the load goes on, the run is judged, and it does not pass."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.support.command_line import Answer, call, run_process
from tests.support.tiers import every, slow_unless
from windtunnel.demo.process import ShopProcess

BEGINNING = """
import asyncio, sys
from windtunnel import scenario


class OfTheUser(BaseException):
    pass


class NoText(Exception):
    def __str__(self):
        raise KeyboardInterrupt

    __repr__ = __str__


class NoAttributes(Exception):
    def __setattr__(self, name, value):
        raise AttributeError(name)


def endless():
    endless()


async def do():
    {statement}
"""
STATEMENTS = {
    "cancelled": "raise asyncio.CancelledError",
    "cancels itself": "asyncio.current_task().cancel(); await asyncio.sleep(0)",
    "generator": "raise GeneratorExit",
    "ctrl-c": "raise KeyboardInterrupt",
    "exit": "sys.exit(0)",
    "own kind": "raise OfTheUser('odd')",
    "stop iteration": "raise StopIteration(1)",
    "recursion": "endless()",
    "memory": "raise MemoryError",
    "no text": "raise NoText",
    "no attributes": "raise NoAttributes",
    "not text": r"raise ValueError('\ud800\x1b[31m')",
    "huge": "raise ValueError('x' * 10_000_000)",
    "timeout": "raise asyncio.TimeoutError",
}
SCENARIO = """
@scenario("code")
async def code(user):
    await user.http.get("default", "/", name="before")
    if user.index == 1:
        await do()
    with user.step("inner"):
        if user.index == 2:
            await do()
    await user.http.get("default", "/", name="after")
"""
STEPS = """
async def work(context):
    if context.index in (1, 2):
        await do()


async def always(context):
    await do()
"""
FLOW = """
id: code
{section}
flow:
  - {{ type: http, name: before, path: / }}
  - {{ type: python, name: work, call: "steps:work" }}
  - {{ type: http, name: after, path: / }}
"""


def run(folder: Path, shop: ShopProcess, file: str, *flags: str) -> tuple[Answer, dict[str, Any]]:
    (folder / "sut.yaml").write_text(f"base_url: {shop.base_url}\n")
    answer = call(folder, "run", "--scenarios", file, "--count", "5", "--parallel", "2", *flags)
    summary: dict[str, Any] = json.loads((folder / "runs" / "latest" / "summary.json").read_text())
    return answer, summary


def outcomes(folder: Path) -> Counter[str]:
    """How the instances ended."""
    lines = (folder / "runs" / "latest" / "records" / "0000.jsonl").read_text().splitlines()
    return Counter(each["outcome"] for each in map(json.loads, lines) if each["type"] == "instance")


@pytest.mark.parametrize("raised", every(3, STATEMENTS))
@pytest.mark.parametrize("file", slow_unless(lambda file: file == "code.py", ["code.py", "code.yaml"]))
def test_what_code_raises_ends_its_instance_alone(
    tmp_path: Path, shop: ShopProcess, file: str, raised: str
) -> None:
    beginning = BEGINNING.format(statement=STATEMENTS[raised])
    (tmp_path / "code.py").write_text(beginning + SCENARIO)
    (tmp_path / "steps.py").write_text(beginning + STEPS)
    (tmp_path / "code.yaml").write_text(FLOW.format(section=""))

    answer, summary = run(tmp_path, shop, file)

    assert answer.returncode == 99, answer.stdout + answer.stderr
    assert summary["verdict"] == "fail"
    assert outcomes(tmp_path) == {"passed": 3, "errored": 2}
    assert "Traceback" not in answer.stdout + answer.stderr


@pytest.mark.parametrize(
    "raised",
    slow_unless(lambda raised: raised == "exit", ["cancelled", "generator", "ctrl-c", "exit", "own kind"]),
)
@pytest.mark.parametrize("section", every(3, ["setup", "user_setup", "teardown"]))
def test_what_code_raises_around_the_load_is_an_outcome_too(
    tmp_path: Path, shop: ShopProcess, section: str, raised: str
) -> None:
    (tmp_path / "steps.py").write_text(BEGINNING.format(statement=STATEMENTS[raised]) + STEPS)
    step = f'{section}: [{{ type: python, name: around, call: "steps:always" }}]'
    (tmp_path / "code.yaml").write_text(FLOW.format(section=step))

    answer, summary = run(tmp_path, shop, "code.yaml")

    assert answer.returncode in (1, 4, 99), answer.stdout + answer.stderr
    assert summary["verdict"] in ("error", "inconclusive", "fail")
    assert "Traceback" not in answer.stdout + answer.stderr


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        (
            "asyncio.get_running_loop().stop(); await asyncio.sleep(0)",
            "code of the scenarios stopped the event loop",
        ),
        pytest.param(
            "[each.cancel() for each in asyncio.all_tasks()]",
            "code of the scenarios cancelled all tasks",
            marks=pytest.mark.slow,
        ),
        (
            "asyncio.ensure_future(leave()); await asyncio.sleep(1)",
            "a task of the scenarios' code raised SystemExit",
        ),
    ],
)
def test_code_that_ends_the_event_loop_leaves_an_incomplete_run(
    tmp_path: Path, shop: ShopProcess, statement: str, told: str
) -> None:
    leave = "\n\nasync def leave():\n    sys.exit(0)\n"
    (tmp_path / "sut.yaml").write_text(f"base_url: {shop.base_url}\n")
    (tmp_path / "code.py").write_text(BEGINNING.format(statement=statement) + leave + SCENARIO)

    answer = run_process(tmp_path, "run", "--scenarios", "code.py", "--count", "5")

    assert answer.returncode == 5, answer.stdout + answer.stderr
    assert f"the run ended early: {told}" in answer.stderr
    assert '"verdict": "incomplete"' in (tmp_path / "runs" / "latest" / "summary.json").read_text()


def test_code_that_cancels_other_users_leaves_no_pass(tmp_path: Path, shop: ShopProcess) -> None:
    """Also where their task was between two instances."""
    statement = '[each.cancel() for each in asyncio.all_tasks() if each.get_name().startswith("user-")]'
    (tmp_path / "code.py").write_text(BEGINNING.format(statement=statement) + SCENARIO)

    answer, summary = run(tmp_path, shop, "code.py", "--pace", "300ms")

    assert answer.returncode in (1, 99), answer.stdout + answer.stderr
    assert summary["verdict"] in ("error", "fail")
