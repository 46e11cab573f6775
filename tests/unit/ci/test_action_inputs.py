from pathlib import Path

import pytest

from windtunnel.ci.inputs import OWN_INPUTS, ActionInputs, name_input, named_as_inputs, read_inputs
from windtunnel.cli.run import read_flags
from windtunnel.config.flags import FLAGS
from windtunnel.config.overrides import overrides_of
from windtunnel.errors import ConfigError, Location, Problem
from windtunnel.job.request import load_test_plan, request_of

RUN_INPUTS = [flag.input for flag in FLAGS if flag.input]


def given(**inputs: str) -> dict[str, str]:
    return {f"INPUT_{name.replace('_', '-').upper()}": value for name, value in inputs.items()}


def problems_of(**inputs: str) -> list[str]:
    """The problems of the inputs, and of the values of the flags that they become."""
    environment = given(**inputs)
    read = read_inputs(environment)
    problems = (*read.problems, *overrides_of(**read_flags(read.flags)).problems)
    return [name_input(problem, environment).text for problem in problems]


def test_no_input_at_all_asks_for_nothing_but_a_folder_of_its_own() -> None:
    assert read_inputs({}) == ActionInputs(flags=("--output-dir=windtunnel-report",))


def test_an_empty_input_is_one_that_was_not_given() -> None:
    assert read_inputs(given(sut="", count="  ", scenarios="\n\n", annotations="", args=" ")) == read_inputs({})


SAMPLES = {
    "count": "500", "parallel": "50", "max-parallel": "9", "seed": "0", "loopback": "strict",
    "thresholds": "checks: rate > 99%",
}  # fmt: skip


@pytest.mark.parametrize("name", RUN_INPUTS)
def test_an_input_that_concerns_the_run_is_a_flag_of_run_with_the_same_name(name: str) -> None:
    before = read_flags([])
    inputs = read_inputs({f"INPUT_{name.upper()}": SAMPLES.get(name, "5s")})
    values = read_flags([flag for flag in inputs.flags if name == "output-dir" or "output-dir" not in flag])
    assert sum(values[key] != before[key] for key in before) == 1


def test_no_input_is_both_the_runs_and_the_actions_own() -> None:
    assert not set(RUN_INPUTS) & {each.name for each in OWN_INPUTS}


def test_every_input_becomes_its_flag() -> None:
    inputs = read_inputs(
        given(
            sut=" sut.yaml ",
            scenarios="scenarios/\nmore/*.yaml\n",
            seed="007",
            output_dir="out",
            args="--tag 'a b'",
        )
    )
    assert inputs.flags == (
        "--seed=007",
        "--sut=sut.yaml",
        "--scenarios=scenarios/",
        "--scenarios=more/*.yaml",
        "--output-dir=out",
        "--tag",
        "a b",
    )


def test_lists_are_one_item_a_line_and_commas_belong_to_the_item() -> None:
    text = "http_req_duration{step:a,method:GET}: p(95) < 1s\r\n\r\n  checks: rate > 99%  \r\n"
    assert read_inputs(given(thresholds=text)).flags[:2] == (
        "--thresholds=http_req_duration{step:a,method:GET}: p(95) < 1s",
        "--thresholds=checks: rate > 99%",
    )


def test_an_underscore_stands_for_a_hyphen_where_variables_have_none() -> None:
    assert read_inputs({"INPUT_OUTPUT_DIR": "out"}).flags == ("--output-dir=out",)
    assert read_inputs({"INPUT_OUTPUT_DIR": "out", "INPUT_OUTPUT-DIR": "in"}).flags == ("--output-dir=in",)


def test_what_the_action_does_beside_the_run() -> None:
    inputs = read_inputs(given(only_validate="true", summary="false", annotations="0", working_directory="app"))
    assert (inputs.only_validate, inputs.summary, inputs.annotations) == (True, False, 0)
    assert inputs.working_directory == "app"


@pytest.mark.parametrize("text", ["ten", "1.5", "1_000", "+5", "٣", "a" * 5000])
def test_a_count_that_is_no_whole_number_is_refused_by_name(text: str) -> None:
    [message] = problems_of(count=text)
    assert message.startswith('input "count": "')
    assert message.endswith('" is not a whole number')
    assert len(message) < 200


def test_a_count_that_is_too_large_is_refused_by_name() -> None:
    [message] = problems_of(count="9" * 5000)
    assert message.startswith('input "count": must be at most 9,007,199,254,740,991, not 999')
    assert len(message) < 200


@pytest.mark.parametrize("text", ["0", "-1"])
def test_a_count_that_is_too_small_is_refused_by_name(text: str) -> None:
    assert problems_of(count=text) == [f'input "count": must be at least 1, not {text}']


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("annotations", "11", "a whole number from 0 to 10"),
        ("summary", "yes", "true or false"),
        ("args", "--name 'x", "flags as in a shell, with every quotation mark closed"),
        ("plan", "a.yaml\nb.yaml", "one line"),
    ],
)
def test_a_malformed_input_says_what_was_expected(name: str, text: str, expected: str) -> None:
    [message] = problems_of(**{name: text})
    assert message.startswith(f'input "{name}": expected {expected}, got "')


def test_all_malformed_inputs_are_told_at_once() -> None:
    assert problems_of(parallel="many", count="few", sut="a.yaml\nb.yaml") == [
        'input "sut": expected one line, got "a.yaml b.yaml"',
        'input "parallel": "many" is not a whole number',
        'input "count": "few" is not a whole number',
    ]


def test_what_was_given_is_shown_on_one_line_without_controls() -> None:
    [message] = problems_of(parallel="1\n::error::x\x1b[31m")
    assert "\n" not in message
    assert "\x1b" not in message


@pytest.mark.parametrize(
    ("flag", "told"),
    [
        ("--duration", 'input "duration": wrong'),
        ("--threshold", 'input "thresholds": wrong'),
        ("--output", 'input "output-dir": wrong'),
        ("--rate", "--rate: wrong"),
        ("--name", "--name: wrong"),
        ("", "wrong"),
    ],
)
def test_a_problem_with_a_flag_names_the_input_it_came_from(flag: str, told: str) -> None:
    environment = given(duration="soon", thresholds="x", count="0", output_dir="x", name="x")
    assert name_input(Problem(message="wrong", flag=flag), environment).text == told


def test_a_problem_in_a_file_stays_as_it_is() -> None:
    problem = Problem(message="--count: x", where=Location(file="plan.yaml", line=1, column=1))
    assert name_input(problem, given(count="1")) == problem


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ("start it, or give it longer with --wait-timeout", "start it, or give it longer with `wait-timeout`"),
        ("to read there, add --allow-path /data/x", "to read there, add `allow-path: /data/x`"),
        ('write the same, such as --seed 1 or --seed "$ID"', 'write the same, such as `seed: 1` or `seed` "$ID"'),
        ("without a baseline, use --baseline none", "without a baseline, use `baseline: none`"),
        ("raise --max-duration, or shorten with --duration", "raise `max-duration`, or shorten with `duration`"),
        ("name it with --output FOLDER", "name it with `output-dir: FOLDER`"),
        ("excluded by --only or --skip", "excluded by `only` or `skip`"),
        ("write --shard 2/4, or set `parallel:`", "write `shard: 2/4`, or set `parallel:`"),
        ("needs --once: under load it would", "needs --once: under load it would"),
        ("`windtunnel run --list` shows the scenarios", "`windtunnel run --list` shows the scenarios"),
    ],
)
def test_texts_name_inputs_where_there_are_inputs(said: str, named: str) -> None:
    assert named_as_inputs(said) == named


@pytest.mark.parametrize(
    ("name", "text"),
    [("scenarios", "first.yaml\nnope/"), ("scenarios", "nope*.yaml"), ("sut", "nope.yaml"), ("plan", "nope.yaml")],
)
def test_an_input_that_matched_nothing_is_named(
    name: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "first.yaml").write_text("id: a\nflow: [{ type: http, name: home, path: / }]\n")
    (tmp_path / "sut.yaml").write_text("base_url: http://localhost:1\n")
    flags = {"scenarios": ("first.yaml",), name: tuple(text.split("\n"))}
    request = request_of(
        read_flags([f"--{flag}={value}" for flag, values in flags.items() for value in values]), argv=()
    )
    with pytest.raises(ConfigError) as error:
        load_test_plan(request, {})
    [problem] = [name_input(problem, given(**{name: text})) for problem in error.value.problems]
    assert problem.text.startswith(f'input "{name}": ')
    assert text.split("\n")[-1] in problem.text
