"""A flag is declared once: a new row is an option, an input, an argument in Python and a line of the documents."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import pytest
import typer

from tests.support import ROOT
from windtunnel.ci.inputs import all_inputs, read_inputs
from windtunnel.cli.options import GroupedCommand, with_flags
from windtunnel.config.flags import FLAGS, TITLES, Flag, Group, Kind
from windtunnel.config.load import LoadSettings
from windtunnel.config.overrides import READERS, Overrides, arguments, overrides_of, read_values
from windtunnel.model.load import Segment

NEW = Flag(
    name="think-time",
    kind="length",
    group="load",
    metavar="TIME",
    default="none",
    input="think-time",
    help="Pause between two steps: 2s. Not with --rate.",
)
ROWS = (*FLAGS, NEW)


def command_of(rows: Sequence[Flag]) -> Any:
    @with_flags("run", rows)
    def run(**flags: Any) -> None:
        del flags

    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command("run", cls=GroupedCommand)(run)
    return typer.main.get_command(app)


def help_of(rows: Sequence[Flag], width: int) -> str:
    context = command_of(rows).make_context("run", [], resilient_parsing=True, terminal_width=width)
    return str(context.get_help())


@pytest.fixture(name="generate", scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_new_row_is_an_option_in_the_section_of_its_group() -> None:
    load, _, _ = help_of(ROWS, 100).partition("\nTarget:\n")
    assert "--think-time TIME               Pause between two steps: 2s. Not with --rate. Default: none.\n" in load
    assert "think-time" not in help_of(FLAGS, 100)


def test_a_new_row_is_read_as_an_option() -> None:
    params = command_of(ROWS).make_context("run", ["--think-time", "2s"]).params
    values, problems = read_values(params, ROWS)
    assert (values["think_time_s"], problems) == (2.0, [])


def test_a_value_that_can_not_be_read_is_a_problem_with_the_flag() -> None:
    values, problems = read_values({"think_time": "0s"}, ROWS)
    assert values == {}
    assert [problem.text for problem in problems] == ["--think-time: must be more than 0"]


def test_a_new_row_is_an_input_of_the_action() -> None:
    assert "--think-time=2s" in read_inputs({"INPUT_THINK-TIME": "2s"}, ROWS).flags
    assert "--think-time=2s" in read_inputs({"INPUT_THINK_TIME": "2s"}, ROWS).flags


def test_a_new_row_is_an_argument_in_python() -> None:
    assert "think_time" in arguments(ROWS)
    assert read_values({"think_time": 2}, ROWS) == ({"think_time_s": 2.0}, [])


def test_a_new_row_is_in_all_generated_documents(generate: ModuleType) -> None:
    written = {name: "".join(part(all_inputs(ROWS)) for part in parts) for name, parts in generate.PARTS.items()}
    assert set(written) == {"action.yml", "host/action.yml", "templates/windtunnel.yml", "README.md"}
    help = NEW.help.replace("--rate", "`rate`")
    assert [name for name, text in written.items() if f"{help} Default: none" not in text] == []
    assert [name for name, text in written.items() if "INPUT_THINK_TIME" in text] == [
        "host/action.yml",
        "templates/windtunnel.yml",
    ]
    section = "\n".join(generate.command_section("run", command_of(ROWS)))
    assert "| `--think-time TIME` | Pause between two steps: 2s. Not with --rate. Default: none. |" in section


def test_generated_parts_need_their_marks(generate: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / "action.yml"
    file.write_text("inputs:\n  # BEGIN inputs: x\n  old: {}\n  # END inputs\nruns: {}\n")
    assert generate.with_parts(file, ["  new: {}\n"]) == (
        "inputs:\n  # BEGIN inputs: x\n  new: {}\n  # END inputs\nruns: {}\n"
    )
    with pytest.raises(SystemExit, match="1 of 2 generated parts"):
        generate.with_parts(file, ["", ""])


@pytest.mark.parametrize("width", [80, 100])
def test_the_help_has_a_section_for_each_group_and_fits_the_terminal(width: int) -> None:
    lines = help_of(FLAGS, width).splitlines()
    headings = [line for line in lines if line.endswith(":") and not line.startswith(" ")]
    assert headings == [*(f"{title}:" for title in TITLES.values()), "Other:"]
    assert max(map(len, lines)) <= width
    starts = {
        line.index(text) for line in lines for text in ("Number of", "Skip TLS", "Tag of the run") if text in line
    }
    assert starts == {34}


def test_every_flag_of_python_has_a_field_and_every_kind_a_reader() -> None:
    known = {each.name for each in (*fields(Overrides), *fields(LoadSettings))}
    assert {flag.name for flag in FLAGS if flag.in_python and flag.field not in known} == set()
    assert {*READERS, "choice"} == set(get_args(Kind))
    assert {flag.name for flag in FLAGS if (flag.kind == "choice") != bool(flag.choices)} == set()
    assert set(TITLES) == set(get_args(Group))


def test_no_two_flags_share_a_spelling_and_every_input_is_one() -> None:
    spellings = [each for flag in FLAGS for each in flag.spellings]
    assert len(spellings) == len(set(spellings))
    inputs = {f"--{flag.input}": flag.spellings for flag in FLAGS if flag.input}
    assert {name for name, of_flag in inputs.items() if name not in of_flag} == set()


def test_the_values_of_python_and_of_the_command_line_are_the_same() -> None:
    typed = overrides_of(
        duration="30s", rate="100/s", tags=["team=cart"], workers="2", resolve=["x.test:10.0.0.1"]
    )
    passed = overrides_of(duration=30, rate=100, tags={"team": "cart"}, workers=2, resolve="x.test:10.0.0.1")
    assert typed == passed
    assert (typed.load.duration_s, typed.load.rate, typed.workers) == (30.0, 100.0, 2)


@pytest.mark.parametrize("value", [True, 2.5, "2.5", "many", None])
def test_only_a_whole_number_is_a_count(value: Any) -> None:
    problems = [] if value is None else [f'--count: "{value}" is not a whole number']
    assert [problem.text for problem in overrides_of(count=value).problems] == problems


def test_a_shard_is_named_by_the_ci_system_or_refused() -> None:
    asked = overrides_of(shard="auto")
    assert asked.with_shard("2/4").shard == Segment(number=1, of=4)
    assert [problem.flag for problem in asked.with_shard(None).problems] == ["--shard"]
    assert [problem.text for problem in asked.with_shard("5/4").problems] == ['--shard: "5/4" is not a shard']
    assert overrides_of(shard="1/2").with_shard("2/4").shard == Segment(number=0, of=2)


def test_a_rate_of_python_may_be_as_small_as_one_of_the_command_line() -> None:
    assert overrides_of(rate=0.00001).load == overrides_of(rate="0.00001/s").load
