"""What the README and `docs/ci/` tell people to copy: it parses, and every input, output and flag in it exists."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, cast

import jsonschema
import pytest
import typer
import yaml

from tests.support import ROOT
from tests.support.recipes import Block, blocks
from windtunnel.cli.main import app

ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
OURS = re.compile(r"windtunnel/action(?:/host)?@v1")
PAGES = sorted((ROOT / "docs/ci").glob("*.md"))


def steps_of(block: Block) -> list[dict[str, Any]]:
    jobs = yaml.safe_load(block.text).get("jobs") or {}
    return [step for job in jobs.values() for step in job.get("steps", [])]


WORKFLOWS = [block for block in blocks("yaml") if "\njobs:" in f"\n{block.text}" and ".circleci" not in block.file]


def test_there_is_a_page_for_every_case() -> None:
    cases = "service-container localhost docker-compose preview-deployment nightly-soak matrix shards baseline"
    others = "gitlab jenkins circleci docker-run README"
    assert {page.stem for page in PAGES} == {*cases.split(), *others.split()}


def test_the_contents_name_every_page() -> None:
    named = re.findall(r"\]\(([a-z-]+\.md)\)", (ROOT / "docs/ci/README.md").read_text())
    assert sorted(named) == [page.name for page in PAGES if page.stem != "README"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("block", blocks("yaml"), ids=str)
def test_every_yaml_parses(block: Block) -> None:
    assert list(yaml.safe_load_all(block.text))


@pytest.mark.parametrize("block", WORKFLOWS, ids=str)
def test_workflows_give_the_action_only_inputs_that_it_has(block: Block) -> None:
    ours = [step for step in steps_of(block) if OURS.fullmatch(step.get("uses", ""))]
    for step in ours:
        assert set(step.get("with", {})) <= set(ACTION["inputs"]), step
    named = set(re.findall(r"steps\.windtunnel\.outputs\.([a-z0-9-]+)", block.text))
    assert named <= set(ACTION["outputs"])
    assert ours or "windtunnel" not in block.text.replace("windtunnel.yaml", "")


GITLAB_KINDS = {"string": str, "array": list}
"""What a value has to be in YAML for the type of an input."""


def test_gitlab_pipelines_give_the_template_only_inputs_that_it_has() -> None:
    [spec, _] = yaml.safe_load_all((ROOT / "templates/windtunnel.yml").read_text())
    seen = 0
    for block in blocks("yaml"):
        for include in (yaml.safe_load(block.text) or {}).get("include", []) if "gitlab" in block.file else []:
            assert include["component"].endswith("/windtunnel/action/windtunnel@v1")
            assert set(include["inputs"]) <= set(spec["spec"]["inputs"])
            kinds = {name: spec["spec"]["inputs"][name].get("type", "string") for name in include["inputs"]}
            wrong = [
                name for name, value in include["inputs"].items() if GITLAB_KINDS[kinds[name]] is not type(value)
            ]
            assert wrong == []
            seen += 1
    assert seen >= 2


def flags_of_commands() -> dict[str, set[str]]:
    group = cast(Any, typer.main.get_command(app))
    return {
        name: {flag for option in command.params for flag in (*option.opts, *option.secondary_opts)}
        for name, command in group.commands.items()
    }


# A command of ours: after the program's name, or after the image's on a docker line.
COMMAND = re.compile(r"(?:windtunnel|ghcr\.io/windtunnel/action)\s+([a-z]+)\b((?:[^\n'|;&]|\\\n)*)")


def test_commands_use_only_flags_that_exist() -> None:
    known = flags_of_commands()
    seen = 0
    for block in blocks():
        text = re.sub(r"\s*\\\n\s*|(?<=action)\n\s+", " ", block.text)
        text = re.sub(r"\n\s+(?=--)", " ", text)
        for command, rest in COMMAND.findall(text):
            if command not in known:
                continue
            given = set(re.findall(r"(?<=\s)(--[a-z][a-z-]*|-[a-z])\b", rest))
            assert given <= known[command] | {"--help"}, f"{block}: {command} {sorted(given - known[command])}"
            seen += 1
    assert seen >= 10


@pytest.mark.parametrize("block", [b for b in blocks("yaml") if b.file == "windtunnel.yaml"], ids=str)
def test_plans_are_what_our_own_schema_says(block: Block) -> None:
    schema = json.loads((ROOT / "schemas/plan.schema.json").read_text())
    jsonschema.validate(yaml.safe_load(block.text), schema)
