"""`docs/templates.md`: each example gives what the page says, and it names everything that a template has."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec
import pytest
import yaml

from tests.support import ROOT
from tests.support.compiling import SUT, scenario_of
from windtunnel.actions.compile.scenario import compile_scenario
from windtunnel.errors import Problem
from windtunnel.expressions.calls import METHODS
from windtunnel.expressions.conditions import KINDS_OF_FILTERS
from windtunnel.expressions.filters import FILTERS, TESTS
from windtunnel.expressions.functions import FUNCTIONS
from windtunnel.expressions.known_names import GLOBALS
from windtunnel.expressions.sandbox import RESERVED
from windtunnel.expressions.template import compile_template
from windtunnel.expressions.text import kind_of
from windtunnel.model.http import Exchange
from windtunnel.testing.scripted import ScriptedTransport

PAGE = (ROOT / "docs" / "templates.md").read_text()
_CELL = re.compile(r"(?<!\\)\|")
_CODE = re.compile(r"`([^`]+)`")
_BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
_READ = "# What the examples read\n"


def scope_of(page: str) -> dict[str, Any]:
    """What one example reads: the values on the page, and randomness that begins anew."""
    read: dict[str, Any] = yaml.safe_load(next(block for block in _BLOCK.findall(page) if _READ in block))
    came = read.pop("response")
    response = Exchange(came["method"], came["url"], "default")
    response.status, response.body = came["status"], came["body"].encode()
    response.head = "\r\n".join(
        ["HTTP/1.1 200 OK", *(f"{name}: {value}" for name, value in came["headers"].items()), ""]
    ).encode()
    generator, now = random.Random(1), read.pop("now")
    own = {"_random": lambda: generator, "_now": lambda: now}
    return {**read, **own, "response": response, "steps": {came["step"]: response}}


def rows(page: str = PAGE) -> Iterator[tuple[str, list[str]]]:
    """The section and the cells of each row of a table, as they are read."""
    section = ""
    for line in page.splitlines():
        if line.startswith("## "):
            section = line.removeprefix("## ")
        elif line.startswith("| ") and not line.startswith(("| name", "| place", "| of", "| elsewhere")):
            yield section, [cell.strip().replace("\\|", "|") for cell in _CELL.split(line)[1:-1]]


EXAMPLES = [(cells[2][1:-1], cells[3][1:-1]) for _, cells in rows() if len(cells) == 4]


def names(section: str) -> set[str]:
    """What the first column of a section's tables names."""
    return {name for found, cells in rows() if found == section for name in _CODE.findall(cells[0])}


@pytest.mark.parametrize(("example", "result"), EXAMPLES)
def test_an_example_gives_what_the_page_says(example: str, result: str) -> None:
    value = compile_template(example)(scope_of(PAGE))

    assert json.loads(msgspec.json.encode(value, enc_hook=str)) == json.loads(result)
    # True is 1 in Python.
    assert isinstance(value, bool) is isinstance(json.loads(result), bool)


def test_every_function_filter_test_and_variable_has_its_row() -> None:
    variables = {"correlation_id", "data", "env", "instance_id", "instance_index", "response", "run_id", "steps"}

    assert names("Functions") == {*FUNCTIONS, *GLOBALS}
    assert names("Filters") - FUNCTIONS.keys() == set(FILTERS)
    assert names("Tests") == set(TESTS)
    assert names("Variables") == {*variables, "user_index", "item", "loop"}
    assert variables | {"user_index", "loop"} <= RESERVED


def test_every_reserved_name_is_on_the_page() -> None:
    """Keywords and functions are; a new variable of every scope would be missing."""
    words = set(re.findall(r"\w+", PAGE))

    assert {name for name in RESERVED if name not in words} <= {"False", "None", "True", "else", "self"}


def test_the_methods_that_are_listed_are_those_there_are() -> None:
    kinds = {"a text": str, "bytes": bytes, "a whole number": int, "a number": float, "a list": list}
    kinds |= {"a tuple": tuple, "a range": range, "a mapping": dict}
    listed = {
        cells[0]: set(_CODE.findall(cells[1]))
        for section, cells in rows()
        if section == "Methods" and len(cells) == 2
    }

    formats = {"a text": {"format", "format_map"}}
    assert listed == {
        kind: {name for name in METHODS[of] if hasattr(of, name)} | formats.get(kind, set())
        for kind, of in kinds.items()
    }


def test_a_filter_that_always_gives_one_kind_gives_it_on_the_page() -> None:
    """What conditions take for granted (`"{{ x | sha256 }}"` is a text) holds on the page."""
    alone = re.compile(r"\{\{ [^|]+ \| (\w+)(\([^|]*\))? \}\}")
    given = [(found[1], example) for example, _ in EXAMPLES if (found := alone.fullmatch(example))]
    kinds = {(name, kind_of(compile_template(example)(scope_of(PAGE)))) for name, example in given}

    assert len(kinds) > 20
    assert [(name, kind) for name, kind in kinds if KINDS_OF_FILTERS.get(name, kind) != kind] == []


@pytest.mark.parametrize("example", [cells[1][1:-1] for section, cells in rows() if section == "From other tools"])
def test_what_stands_for_a_name_of_another_tool_is_a_template(example: str) -> None:
    compile_template(example)(scope_of(PAGE))


def test_the_steps_on_the_page_compile() -> None:
    steps = [block for block in _BLOCK.findall(PAGE) if _READ not in block]
    assert len(steps) >= 2
    problems: list[Problem] = []
    for block in steps:
        text = "flow:\n" + "".join(f"  {line}\n" for line in block.splitlines())
        variables = {"user_id": 1, "qty": 1, "name": "a"}
        scenario = replace(scenario_of(text), variables=variables, env={"WEBHOOK_KEY": "k"})
        compile_scenario(scenario, sut=SUT, transport=ScriptedTransport(), problems=problems)

    assert problems == []
