"""`docs/turbulence.md` read literally: its plans are valid, its commands are commands, its table is the demo's."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import pytest
import typer
import yaml

from tests.support import ROOT
from tests.support.command_line import call
from tests.support.recipes import FENCED
from windtunnel.cli.main import app
from windtunnel.config.plan import load_plan_file
from windtunnel.demo.settings import VIRTUES
from windtunnel.demo.turbulence import PLAN
from windtunnel.job.request import JobRequest
from windtunnel.job.validation import check_job
from windtunnel.model.turbulence import Turbulence
from windtunnel.model.vocabulary import FaultPattern

PAGE = (ROOT / "docs" / "turbulence.md").read_text(encoding="utf-8")
BLOCKS = [(language, text) for language, text in FENCED.findall(PAGE)]
PLANS = [text for language, text in BLOCKS if language == "yaml" and not text.startswith("#")]
FILES = {text.split("\n", 1)[0].lstrip("# "): text for _, text in BLOCKS if text.startswith("# ")}
COMMANDS = [
    line for language, text in BLOCKS if language == "sh" for line in text.replace("\\\n", " ").splitlines()
]
OURS = [line for line in COMMANDS if line.startswith("windtunnel ")]
OF_OTHERS = {"curl", "fault", "toxiproxy-server", "toxiproxy-cli", "sleep", "chaos"}

PHASES = "phases: { steady: 30s, inject: 60s, recover: 60s }\n"
PROXY = 'proxies: { payments: { upstream: "http://127.0.0.1:9000" } }\n'


def whole(block: str) -> str:
    """The section `turbulence` that a block is a part of."""
    if block.startswith("turbulence:"):
        return block
    if block.startswith("- "):
        faults = "\n".join(line for line in block.splitlines())
        return section(f"{PHASES}{PROXY}faults:\n{textwrap.indent(faults, '  ')}\n")
    return section(f"{PHASES}{'' if block.startswith('proxies:') else PROXY}{block}")


def section(content: str) -> str:
    return f"turbulence:\n{textwrap.indent(content, '  ')}"


def test_the_blocks_of_the_page_are_read() -> None:
    assert len(PLANS) >= 12
    assert set(FILES) == {
        "windtunnel.yaml",
        "buy.yaml",
        "look.yaml",
        ".github/workflows/turbulence.yml",
        "compose.yaml",
        "experiment.yaml",
    }


@pytest.fixture
def shop_files(tmp_path: Path) -> Path:
    """The files that a plan of the page names."""
    for name in ("sut.yaml", "buy.yaml", "look.yaml"):
        shutil.copy(PLAN.parent / name, tmp_path)
    return tmp_path


def problems_of(folder: Path, plan: str) -> None:
    """Check a plan as `windtunnel validate` does. Raises ConfigError."""
    (folder / "windtunnel.yaml").write_text(plan)
    request = JobRequest(plan=str(folder / "windtunnel.yaml"))
    check_job(request, environment={}, caution=lambda _: None)


@pytest.mark.parametrize("block", PLANS, ids=lambda block: block.split("\n", 1)[0][:40])
def test_every_part_of_a_plan_is_valid(shop_files: Path, block: str) -> None:
    plan = "sut: sut.yaml\nscenarios: [buy.yaml, look.yaml]\nload: { rate: 20/s }\n"
    folder = shop_files
    if "0.0.0.0" in block:
        (folder / "windtunnel.yaml").write_text(plan + whole(block))
        answer = call(folder, "validate", "--allow", "listen")
        assert answer.returncode == 0, answer.stderr
        return
    problems_of(folder, plan + whole(block))


def test_every_fault_and_every_pattern_is_shown() -> None:
    definitions = json.loads((ROOT / "schemas" / "plan.schema.json").read_text())["$defs"]
    kinds = {name for name in definitions if name.startswith(("request_", "proxy_")) and name.count("_fault") == 0}
    wanted = {name.split("_", 1)[1] for name in kinds}
    assert len(wanted) > 20
    assert {kind for kind in wanted if f"type: {kind}," not in PAGE and f"type: {kind} }}" not in PAGE} == set()
    patterns = set(get_args(FaultPattern)) - {"window"}
    assert {each for each in patterns if f"pattern: {each}" not in PAGE and f"{each}: " not in PAGE} == set()


def turbulence_of(path: Path) -> Turbulence:
    found = load_plan_file(path, {}).turbulence
    assert found is not None
    return found


def test_the_experiment_of_the_page_is_that_of_the_demo(tmp_path: Path) -> None:
    for name in ("windtunnel.yaml", "buy.yaml", "look.yaml"):
        (tmp_path / name).write_text(FILES[name])
    shutil.copy(PLAN.parent / "sut.yaml", tmp_path)
    check_job(JobRequest(plan=str(tmp_path / "windtunnel.yaml")), environment={}, caution=lambda _: None)
    shown, run = turbulence_of(tmp_path / "windtunnel.yaml"), turbulence_of(PLAN)
    assert shown.phases == run.phases
    assert [(each.name, each.type, each.settings) for each in shown.faults] == [
        (each.name, each.type, each.settings) for each in run.faults
    ]
    assert [(each.schedule, each.probability) for each in shown.faults] == [
        (each.schedule, each.probability) for each in run.faults
    ]


@pytest.mark.parametrize("line", OURS)
def test_every_command_of_ours_has_these_options(line: str) -> None:
    command: Any = typer.main.get_command(app)
    words = shlex.split(line)[1:]
    context = None
    while True:
        name = words[0] if words else ""
        if name not in getattr(command, "commands", {}):
            break
        command, words = command.commands[name], words[1:]
    context = command.make_context("windtunnel", list(words))
    assert context.args == []


def test_the_other_commands_are_those_of_the_tools_beside_ours() -> None:
    assert {shlex.split(line)[0] for line in COMMANDS if line not in OURS} == OF_OTHERS


def test_the_files_for_other_programs_are_yaml_with_what_they_need() -> None:
    experiment = yaml.safe_load(FILES["experiment.yaml"])
    assert {"title", "description", "steady-state-hypothesis", "method", "rollbacks"} <= set(experiment)
    assert set(yaml.safe_load(FILES["compose.yaml"])["services"]) == {"shop", "payments"}
    inputs = yaml.safe_load((ROOT / "host" / "action.yml").read_text())["inputs"]
    steps = yaml.safe_load(FILES[".github/workflows/turbulence.yml"])["jobs"]["payments"]["steps"]
    [used] = [step["with"] for step in steps if "windtunnel" in step.get("uses", "")]
    assert set(used) <= set(inputs)


def left_out() -> Sequence[tuple[str, ...]]:
    """What the commands of the page let the shop do without."""
    return [
        tuple(re.findall(r"--without (\w+)", line)) for line in OURS if line.startswith("windtunnel demo --turb")
    ]


def test_the_table_of_the_page_has_a_row_for_each_command() -> None:
    rows = re.findall(r"^\| (`\w+`(?: (?:and|or) `\w+`)*(?: alone)?) \|.*\| `(\w+)` \|$", PAGE, re.MULTILINE)
    told = {tuple(re.findall(r"`(\w+)`", names)): word for names, word in rows if word != "0"}
    assert [each for each in left_out() if each and each not in told] == []
    assert {name for names in told for name in names} <= set(VIRTUES)
