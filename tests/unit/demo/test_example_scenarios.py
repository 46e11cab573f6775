"""The example files: each a lesson, and quick enough for a run of 500 instances."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import ROOT

EXAMPLES = sorted((ROOT / "scenarios").glob("*.yaml"))
SCHEMA_LINE = "# yaml-language-server: $schema=../schemas/scenario.schema.json\n"


def loaded(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def milliseconds(text: str) -> float:
    assert text.endswith("ms"), f"{text} is not written in milliseconds"
    return float(text.removesuffix("ms"))


def test_the_examples_are_these() -> None:
    assert [path.stem for path in EXAMPLES] == ["browse", "checkout", "customers", "journey", "order", "visit"]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_ids_and_step_names_are_unique(path: Path) -> None:
    names = [step["name"] for step in loaded(path)["flow"] + loaded(path)["assertions"]]
    assert len(names) == len(set(names))
    assert len({loaded(example)["id"] for example in EXAMPLES}) == len(EXAMPLES)


@pytest.mark.parametrize(
    "path", [path for path in EXAMPLES if path.stem != "checkout"], ids=lambda path: path.stem
)
def test_an_example_tells_editors_its_schema(path: Path) -> None:
    assert path.read_text(encoding="utf-8").startswith(SCHEMA_LINE)


def test_no_pause_is_longer_than_200_ms() -> None:
    steps = [step for path in EXAMPLES for step in loaded(path)["flow"]]
    thinking = [bound for step in steps if "duration" in step for bound in step["duration"]["uniform"]]
    polling = [step["interval"] for step in steps if "interval" in step]
    assert thinking
    assert polling
    assert max(map(milliseconds, thinking + polling)) <= 200


def test_the_quick_start_needs_nothing_but_a_name_and_a_base_url() -> None:
    assert loaded(ROOT / "sut.yaml") == {"name": "My E-Commerce App", "base_url": "http://localhost:8080"}


def test_the_checkout_example_is_the_one_of_the_quick_start() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert (ROOT / "scenarios" / "checkout.yaml").read_text(encoding="utf-8") in readme
