"""A run that tested nothing is no pass: every form of it against a real shop, and the neighbours that pass."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import windtunnel
from tests.support.command_line import Answer, call
from tests.support.tiers import every
from windtunnel import User
from windtunnel.demo.process import ShopProcess

NOTHING = (
    "nothing was tested: no request of the measured load got a complete response, and no code checked anything"
)

PLUGIN = """
from windtunnel.extending import StepOutcome


class LedgerAction:
    type, keys, schema = "ledger", ("balance",), {"properties": {"balance": {"type": "integer"}}}

    def __init__(self, name, checks):
        self.name, self._checks = name, checks

    @classmethod
    def compile(cls, step, context):
        return cls(step.name, ["balance"] if "balance" in step.options else [])

    async def run(self, instance):
        return StepOutcome(checks=self._checks)
"""

CODE = """
import windtunnel


def look(context):
    return None


def count(context):
    context.variables["counted"] = 1


def compare(context):
    context.check("counted", 1 + 1 == 2)


async def fetch(context):
    await context.http.get(None, "/", name="home")
"""

HOME = "{ type: http, name: home, path: / }"
SKIPPED = '{ type: http, name: home, path: /, when: "1 > 2" }'
SET = "{ type: set, variables: { a: 1 } }"
ON_A = "{ type: assert, name: a is one, expect: { condition: a == 1 } }"


def flow(*steps: str, more: str = "") -> str:
    """A scenario in YAML."""
    return f"id: shopping\nflow: [{', '.join(steps)}]\n{more}"


def code(*lines: str) -> str:
    """A scenario in Python with these lines."""
    body = "\n    ".join(lines)
    return f'import windtunnel\n\n\n@windtunnel.scenario("shopping")\nasync def shopping(user):\n    {body}\n'


UNTESTED: Mapping[str, str] = {
    "a step that is skipped": flow(SKIPPED),
    "a skipped step whose assertion reads a variable": flow(SET, SKIPPED, more=f"assertions: [{ON_A}]\n"),
    "a loop of zero rounds": flow(f"{{ type: repeat, name: inner, times: 0, steps: [{HOME}] }}"),
    "a loop over nothing": flow(f'{{ type: repeat, name: inner, for_each: "{{{{ [] }}}}", steps: [{HOME}] }}'),
    "a loop whose condition is false": flow(
        f'{{ type: repeat, name: inner, while: "1 > 2", max_times: 3, steps: [{HOME}] }}'
    ),
    "a branch without a true case": flow(
        f'{{ type: branch, name: inner, cases: [{{ if: "1 > 2", steps: [{HOME}] }}] }}'
    ),
    "a choice of a set": flow(f"{{ type: choose, name: inner, options: [{{ weight: 1, steps: [{SET}] }}] }}"),
    "a group of skipped steps": flow(f"{{ type: group, name: buy, steps: [{SKIPPED}, {SET}] }}"),
    "branches that set variables": flow(
        "{ type: parallel, name: inner, branches: [{ steps: [{ type: set, variables: { b: 1 } }] }, "
        "{ steps: [{ type: set, variables: { c: 1 } }] }] }"
    ),
    "an include that sends nothing": flow("{ type: include, name: part, file: _part.yaml }"),
    "variables, pauses and assertions on variables": flow(SET, "{ type: wait, duration: 1ms }", ON_A),
    "requests in the setup only": flow(SET, more=f"setup: [{HOME}]\n"),
    "requests in the user_setup only": flow(SET, more=f"user_setup: [{HOME}]\n"),
    "requests in the teardown only": flow(SET, more=f"teardown: [{HOME}]\n"),
    "a Python step that returns": flow('{ type: python, call: "code:look" }'),
    "a Python step that sets a variable": flow('{ type: python, call: "code:count", sets: [counted] }'),
    "a plugin's step without checks": flow("{ type: ledger, name: balance }"),
    "a Python scenario of pass": code("pass"),
    "a Python scenario that pauses": code('await user.pause(0.001, name="think")'),
    "a Python scenario that stops": code("user.stop()"),
    "empty blocks in Python": code('with user.group("g"):', "    with user.step('s'):", "        pass"),
    "an expectation without a response": code('user.expect("one", {"condition": "1 == 1"})'),
}

TESTED: Mapping[str, str] = {
    "a request without expectations": flow(HOME),
    "a request that wants a 404": flow("{ type: http, name: gone, path: /no, expect: { status_code: 404 } }"),
    "a poll": flow("{ type: wait, name: up, path: /, expect: { status_code: 200 }, timeout: 5s }"),
    "a request in a branch": flow(
        f"{{ type: parallel, name: inner, branches: [{{ steps: [{HOME}] }}, {{ steps: [{SET}] }}] }}"
    ),
    "one request of fifty instances": flow("{ type: http, name: h, path: /, when: instance_index == 7 }"),
    "a request in a Python step": flow('{ type: python, call: "code:fetch" }'),
    "a check in a Python step": flow('{ type: python, call: "code:compare" }'),
    "a plugin's step with a check": flow("{ type: ledger, name: balance, balance: 3 }"),
    "a request in Python": code('await user.http.get(None, "/", name="home")'),
    "a check in Python": code('user.check("sums", 1 + 1 == 2)'),
    "a check in a step in Python": code('with user.step("sum") as step:', '    step.check("sums", True)'),
}

WAYS: Mapping[str, tuple[str, ...]] = {
    "as it is": (),
    "once": ("--once",),
    "with a threshold on nothing": ("--threshold", "http_reqs: count == 0"),
    "with a threshold on instances": ("--threshold", "instances: rate > 50%"),
    "failing on errors": ("--fail-on", "errors"),
    "with a rate": ("--rate", "1000/s", "--duration", "20ms"),
    "with two workers": ("--workers", "2", "-p", "2", "-n", "6"),
}


@pytest.fixture
def folder(tmp_path: Path, shop: ShopProcess) -> Path:
    (tmp_path / "sut.yaml").write_text(f"base_url: {shop.base_url}\n")
    (tmp_path / "code.py").write_text(CODE)
    (tmp_path / "_part.yaml").write_text(f"steps: [{{ type: set, variables: {{ d: 1 }} }}, {SKIPPED}]\n")
    facts = tmp_path / "site" / "ledger-1.dist-info"
    facts.mkdir(parents=True)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: ledger\nVersion: 1\n")
    (facts / "entry_points.txt").write_text("[windtunnel.actions]\nledger = ledger:LedgerAction\n")
    (tmp_path / "site" / "ledger.py").write_text(PLUGIN)
    return tmp_path


def run(folder: Path, scenario: str, *args: str) -> tuple[Answer, dict[str, Any]]:
    """Run a scenario by the command line; return the answer and the summary."""
    name = "shopping.py" if "async def" in scenario else "shopping.yaml"
    (folder / name).write_text(scenario)
    load = args if {"--once", "--rate", "-n"} & set(args) else ("-n", "50", *args)
    answer = call(
        folder,
        "run",
        "--scenarios",
        name,
        *load,
        "--seed",
        "3",
        site=folder / "site",
        environment={"COLUMNS": "300"},
    )
    return answer, summary_of(folder)


def summary_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "runs" / "latest" / "summary.json").read_text())
    return found


def judged(summary: Mapping[str, Any]) -> tuple[str, int, list[str]]:
    return summary["verdict"], summary["exit_code"], [reason.partition("; ")[0] for reason in summary["reasons"]]


@pytest.mark.parametrize("scenario", every(3, UNTESTED.values()), ids=UNTESTED)
def test_a_run_that_tested_nothing_is_inconclusive_now_and_from_its_records(folder: Path, scenario: str) -> None:
    answer, summary = run(folder, scenario)
    assert (answer.returncode, judged(summary)) == (4, ("inconclusive", 4, [NOTHING])), answer.stdout
    assert NOTHING in answer.stdout
    assert summary["run"]["passed"] == summary["run"]["instances"] == 50, "what passed is told all the same"
    for file in ("summary.md", "junit.xml", "report.html"):
        assert NOTHING in (folder / "runs" / "latest" / file).read_text(), file
    call(folder, "report", "latest", "--format", "json")
    assert judged(summary_of(folder)) == judged(summary)


@pytest.mark.parametrize("scenario", every(3, TESTED.values()), ids=TESTED)
def test_one_response_or_one_check_of_code_is_enough(folder: Path, scenario: str) -> None:
    answer, summary = run(folder, scenario)
    assert (answer.returncode, judged(summary)) == (0, ("pass", 0, [])), answer.stdout + answer.stderr


@pytest.mark.parametrize("way", every(2, WAYS.values()), ids=WAYS)
@pytest.mark.parametrize(
    "scenario", every(2, [UNTESTED["a step that is skipped"], UNTESTED["a Python scenario of pass"]])
)
def test_however_nothing_is_tested_it_is_no_pass(folder: Path, scenario: str, way: tuple[str, ...]) -> None:
    if "--workers" in way and sys.platform == "win32":
        pytest.skip("worker processes need a Unix system")
    answer, summary = run(folder, scenario, *way)
    word, code, reasons = judged(summary)
    assert (answer.returncode, word, code) == (4, "inconclusive", 4), answer.stdout
    assert NOTHING in reasons


def test_a_failure_stays_one_and_nothing_tested_is_told_beside_it(folder: Path) -> None:
    answer, summary = run(folder, flow(SKIPPED, "{ type: assert, name: seen, expect: { status_code: 200 } }"))
    assert answer.returncode == 99
    assert judged(summary)[2] == ["50 of 50 instances did not pass (100%)", NOTHING]
    assert "50 steps were skipped by `when`" in summary["reasons"][1]


def test_a_call_from_python_is_judged_alike(
    shop: ShopProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    @windtunnel.scenario("idle")
    async def idle(_: User) -> None:
        """Nothing at all."""

    result = windtunnel.run(sut={"base_url": shop.base_url}, scenarios=idle)
    assert (result.passed, result.verdict.word) == (False, "inconclusive")
    assert [reason.partition("; ")[0] for reason in result.verdict.reasons] == [NOTHING]


def test_shards_are_judged_together(folder: Path) -> None:
    mixed = flow('{ type: http, name: home, path: /, when: "instance_index == 1" }')
    for scenario, tested in ((flow(SKIPPED), False), (mixed, True)):
        parts = []
        for shard in ("1/2", "2/2"):
            answer, summary = run(folder, scenario, "-n", "4", "-p", "2", "--shard", shard)
            assert (answer.returncode, summary["verdict"]) == (0, "pass"), "a part is not judged"
            parts.append(str((folder / "runs" / "latest").resolve()))
        answer = call(folder, "merge", *parts)
        # One after another they are no load of two: the merged run is inconclusive for that in any case.
        assert (NOTHING not in judged(summary_of(folder))[2]) is tested, answer.stdout


def test_a_scenario_that_never_ran_is_told_and_its_thresholds_have_no_data(folder: Path) -> None:
    (folder / "other.yaml").write_text(f"id: other\nflow: [{HOME}]\n")
    two = ("run", "--scenarios", "other.yaml", "--scenarios", "shopping.yaml", "-n", "1", "--seed", "3")
    (folder / "shopping.yaml").write_text(flow(HOME))
    answer = call(folder, *two)
    assert answer.returncode == 0, answer.stdout
    assert "scenario other never ran: the load was too short for it" in " ".join(answer.stdout.split())
    answer = call(folder, *two, "--threshold", "http_reqs{scenario:other}: count == 0")
    assert (answer.returncode, summary_of(folder)["verdict"]) == (4, "inconclusive")
    assert call(folder, *two, "--threshold", "http_reqs{scenario:shopping}: count == 1").returncode == 0
