"""What the command line puts in: `--set`, `--tag`, `--only`, `--skip`, `--env-file`."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.messages import Write, golden, message_of
from windtunnel.config.assemble import load_all
from windtunnel.config.env_file import read_env_file
from windtunnel.config.overrides import overrides_of
from windtunnel.config.presets import parse_preset
from windtunnel.expressions.template import compile_template
from windtunnel.model.plan import TestPlan

SHOW_THEM = "  help: change the patterns; `windtunnel run --list` shows the scenarios"


@pytest.fixture
def load(write: Write) -> Any:
    write("sut.yaml", "base_url: http://x.test")
    for name, weight, tags in (("browse", 1, "{ team: web }"), ("checkout", 2, "{ team: cart, slow: true }")):
        write(
            f"scenarios/{name}.yaml",
            f"id: {name}\nweight: {weight}\ntags: {tags}\nvariables: {{ qty: 1, {name}_word: a }}\n"
            "flow: [{ type: http, name: x, path: / }]\n",
        )

    def load_it(**flags: Any) -> TestPlan:
        return load_all(environment={}, random_seed=1, overrides=overrides_of(**flags))

    return load_it


def variables(plan: TestPlan, id: str) -> dict[str, Any]:
    (scenario,) = [each for each in plan.scenarios if each.id == id]
    return {name: compile_template(value)({}) for name, value in scenario.variables.items()}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("1.5", 1.5),
        ("true", True),
        ("no", "no"),
        ("2.5", 2.5),
        ("null", None),
        ("", ""),
        ("01234", "01234"),
        ("1.10", "1.10"),
        ("3.0", "3.0"),
        ("-0", "-0"),
        ("1e3", "1e3"),
        ("0x1F", "0x1F"),
        ("+31612345678", "+31612345678"),
        ("True", "True"),
        ("~", "~"),
        ("9" * 1_500, "9" * 1_500),
        ("'5'", "5"),
        ('"a b"', "a b"),
        ("it's", "it's"),
        ("a=b", "a=b"),
        ("{{ uuid() }}", "{{ uuid() }}"),
    ],
)
def test_set_has_a_type_where_that_loses_nothing_and_is_never_a_template(load: Any, text: str, value: Any) -> None:
    plan = load(settings=[f"qty={text}"])
    assert variables(plan, "browse")["qty"] == value
    assert variables(plan, "checkout")["qty"] == value


def test_set_reaches_the_scenarios_that_have_the_variable(load: Any) -> None:
    plan = load(settings=["browse_word=b"])
    assert variables(plan, "browse") == {"qty": 1, "browse_word": "b"}
    assert variables(plan, "checkout") == {"qty": 1, "checkout_word": "a"}


def test_set_with_a_name_that_no_scenario_has_is_a_problem(load: Any) -> None:
    assert message_of(lambda: load(settings=["qyt=2", "qty"])) == golden(
        """
        --set: "qty" is not NAME=VALUE
          help: write it like qty=2
        """
    )
    assert message_of(lambda: load(settings=["qyt=2"])) == golden(
        """
        --set: no scenario has a variable "qyt"
          help: did you mean "qty"?
        """
    )


@given(st.text())
def test_any_text_behind_a_name_is_some_value_or_a_problem_told(text: str) -> None:
    preset = parse_preset(f"name={text}" if len(text) < 900 else "name=x")
    assert preset.name == "name"


@pytest.mark.parametrize(
    ("only", "skip", "left"),
    [
        (["check*"], [], ["checkout"]),
        (["team=web"], [], ["browse"]),
        (["team=*"], ["slow=true"], ["browse"]),
        ([], ["browse"], ["checkout"]),
        (["browse", "checkout"], [], ["browse", "checkout"]),
    ],
)
def test_only_and_skip_pick_by_name_or_tag(load: Any, only: list[str], skip: list[str], left: list[str]) -> None:
    assert [scenario.id for scenario in load(only=only, skip=skip).scenarios] == left


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"only": ["chekout"]}, '--only: no scenario is called "chekout"\n  help: did you mean "checkout"?'),
        ({"skip": ["x"]}, '--skip: no scenario is called "x"\n  help: the scenarios are browse, checkout'),
        ({"only": ["team=wbe"]}, '--only: no scenario has a tag "team=wbe"\n  help: did you mean "team=web"?'),
        ({"skip": ["*"]}, f"--skip: no scenario is left to run\n{SHOW_THEM}"),
        (
            {"only": ["browse"], "skip": ["team=web"]},
            f"--only and --skip: no scenario is left to run\n{SHOW_THEM}",
        ),
        ({"tags": ["team"]}, '--tag: "team" is not KEY=VALUE\n  help: write it like team=cart'),
    ],
)
def test_what_means_nothing_is_a_problem(load: Any, flags: dict[str, Any], message: str) -> None:
    assert message_of(lambda: load(**flags)) == message


def test_tags_of_the_run_are_added_to_those_of_the_plan(load: Any) -> None:
    assert load(tags=["stage=test", "note="]).tags == {"stage": "test", "note": ""}


def test_an_env_file_is_read_as_docker_compose_reads_it(write: Write) -> None:
    text = r"""
        # the shop
        PLAIN=abc 123  # said aside
        export EXPORTED=yes
        HASH=a#b
        SINGLE='as $it \n is' # aside
        DOUBLE="two\nlines \"quoted\" \$5"
        EMPTY=
        SPACED = value
        URL=http://x.test/?a=b
        """
    path = write(".env", text.replace("\n        ", "\r\n"))
    assert read_env_file(path) == {
        "PLAIN": "abc 123",
        "EXPORTED": "yes",
        "HASH": "a#b",
        "SINGLE": "as $it \\n is",
        "DOUBLE": 'two\nlines "quoted" $5',
        "EMPTY": "",
        "SPACED": "value",
        "URL": "http://x.test/?a=b",
    }


def test_a_quoted_value_of_an_env_file_goes_on_over_several_lines(write: Write) -> None:
    text = """
        KEY="-----BEGIN KEY-----
        MC4C # no comment
        -----END KEY-----"  # a comment
        JSON='{
          "a": "it is \\n"
        }'
        ESCAPED="a \\"quoted\\" one
        and a second line"
        LAST=1
        """.replace("\n        ", "\n")
    assert read_env_file(write(".env", text)) == {
        "KEY": "-----BEGIN KEY-----\nMC4C # no comment\n-----END KEY-----",
        "JSON": '{\n  "a": "it is \\n"\n}',
        "ESCAPED": 'a "quoted" one\nand a second line',
        "LAST": "1",
    }
    assert read_env_file(write(".env", text.replace("\n", "\r\n")))["LAST"] == "1"


def test_a_quote_that_another_value_closes_is_told_where_it_is_opened(write: Write) -> None:
    path = write(".env", "A='it\nB='x'\nC=3\n")
    assert message_of(lambda: read_env_file(path)) == golden(
        """
        .env:1:1: the quotes of A are not closed
          help: write NAME=value, or NAME="a value"
        """
    )


@given(
    st.dictionaries(
        st.from_regex("[A-Z_]{1,4}", fullmatch=True), st.text(st.characters(codec="utf-8"), max_size=20)
    )
)
def test_any_value_comes_back_from_double_quotes(values: dict[str, str]) -> None:
    escaped = {
        name: value.replace("\\", "\\\\").replace('"', '\\"').replace("\r", "\\r")
        for name, value in values.items()
    }
    with TemporaryDirectory() as folder:
        path = Path(folder, ".env")
        path.write_bytes("\n".join(f'{name}="{value}"' for name, value in escaped.items()).encode())
        assert read_env_file(str(path)) == values


def test_every_line_of_an_env_file_that_is_none_is_told_without_its_value(write: Write) -> None:
    path = write(".env", 'A=1\nsecret-value\nB=\'open\n1C=2\nD="x" y\n')
    assert message_of(lambda: read_env_file(path)) == golden(
        """
        .env:2:1: not a KEY=VALUE line
          help: write NAME=value, or NAME="a value"
        .env:3:1: the quotes of B are not closed
          help: write NAME=value, or NAME="a value"
        .env:4:1: not a KEY=VALUE line
          help: write NAME=value, or NAME="a value"
        .env:5:1: unexpected text after the closing quote of D
          help: write NAME=value, or NAME="a value"
        """
    )


def test_an_env_file_that_is_not_there_is_named_with_a_near_one(write: Write) -> None:
    write("test.env", "A=1")
    assert message_of(lambda: read_env_file("tset.env")) == golden(
        """
        --env-file: there is no file "tset.env"
          help: did you mean "test.env"?
        """
    )
