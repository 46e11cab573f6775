import pytest

from windtunnel.ci.inputs import ActionInputs, read_inputs
from windtunnel.errors import ConfigError


def problems_of(**inputs: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read_inputs({f"INPUT_{name.replace('_', '-').upper()}": value for name, value in inputs.items()})
    return [problem.message for problem in caught.value.problems]


def test_no_input_at_all_asks_for_nothing():
    assert read_inputs({}) == ActionInputs()


def test_an_empty_input_is_one_that_was_not_given():
    assert read_inputs({"INPUT_SUT": "", "INPUT_COUNT": "  ", "INPUT_SCENARIOS": "\n\n"}) == ActionInputs()


def test_every_input_is_read():
    inputs = read_inputs(
        {
            "INPUT_PLAN": "plan.yaml",
            "INPUT_SUT": " sut.yaml ",
            "INPUT_SCENARIOS": "scenarios/\nmore/*.yaml\n",
            "INPUT_PARALLEL": "50",
            "INPUT_COUNT": "500",
            "INPUT_DURATION": "30s",
            "INPUT_THRESHOLDS": "checks: rate > 99%",
            "INPUT_SEED": "0",
            "INPUT_OUTPUT-DIR": "out",
        }
    )
    assert inputs == ActionInputs(
        plan="plan.yaml",
        sut="sut.yaml",
        scenarios=("scenarios/", "more/*.yaml"),
        parallel=50,
        count=500,
        duration="30s",
        thresholds=("checks: rate > 99%",),
        seed=0,
        output_dir="out",
    )


def test_lists_are_one_item_a_line_and_commas_belong_to_the_item():
    text = "http_req_duration{step:a,method:GET}: p(95) < 1s\r\n\r\n  checks: rate > 99%  \r\n"
    assert read_inputs({"INPUT_THRESHOLDS": text}).thresholds == (
        "http_req_duration{step:a,method:GET}: p(95) < 1s",
        "checks: rate > 99%",
    )


def test_hyphens_stay_in_the_names_of_the_variables():
    assert read_inputs({"INPUT_OUTPUT_DIR": "wrong"}).output_dir == "windtunnel-report"


@pytest.mark.parametrize("given", ["ten", "0", "-1", "1.5", "1_000", "+5", "٣", "9" * 5000])
def test_a_count_that_is_no_whole_number_is_refused_by_name(given: str):
    [message] = problems_of(count=given)
    assert message.startswith('input "count": expected a whole number, 1 or more, got "')
    assert len(message) < 200


def test_all_malformed_inputs_are_told_at_once():
    messages = problems_of(parallel="many", count="few", sut="a.yaml\nb.yaml")
    assert [message.partition(":")[0] for message in messages] == [
        'input "parallel"',
        'input "count"',
        'input "sut"',
    ]


def test_what_was_given_is_shown_on_one_line_without_controls():
    [message] = problems_of(parallel="1\n::error::x\x1b[31m")
    assert "\n" not in message
    assert "\x1b" not in message


def test_flags_ask_the_command_line_for_the_same():
    inputs = ActionInputs(sut="s.yaml", scenarios=("a", "b"), parallel=2, thresholds=("checks: rate > 99%",))
    assert inputs.flags() == (
        "run",
        "--sut=s.yaml",
        "--parallel=2",
        "--output=windtunnel-report",
        "--scenarios=a",
        "--scenarios=b",
        "--threshold=checks: rate > 99%",
    )
