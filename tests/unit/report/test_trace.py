"""`windtunnel trace`: one instance in the terminal and as JSON, and what is said when there is none."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from tests.support import ROOT, sample_run
from windtunnel.errors import ConfigError
from windtunnel.model.load import Segment
from windtunnel.report import terminal_trace, trace_json
from windtunnel.report.model import Body, CheckStory, Story
from windtunnel.report.trace import Trace, Wanted, trace
from windtunnel.storage.directory import RunDirectory

SCHEMA: dict[str, Any] = msgspec.json.decode((ROOT / "schemas" / "trace.schema.json").read_bytes())


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return sample_run.write_run(tmp_path_factory.mktemp("trace"), instances=120)


def strict() -> Draft202012Validator:
    """The published schema, which here also refuses a field that it does not have."""
    forms = {
        name: form | {"additionalProperties": False} if "properties" in form else form
        for name, form in SCHEMA["$defs"].items()
    }
    return Draft202012Validator(SCHEMA | {"$defs": forms})


def text_of(found: Trace, width: int = 80, *, color: bool = False) -> str:
    return terminal_trace.render(found, width=width, color=color)


def wrapped_lines(shown: str) -> list[str]:
    """The lines but those that are there to be copied, which are never wrapped."""
    return [line for line in shown.splitlines() if not line.startswith(("repeat  ", "next    ", "beside  "))]


def test_a_failed_instance_is_shown_with_its_cause_and_with_what_was_answered(run: RunDirectory) -> None:
    found = trace(run, Wanted(failed=2))

    said = text_of(found)

    assert "✗ failed  checkout-5" in said
    assert "failed instance 2 of " in said
    assert "status: expected 200, got 503" in said
    assert "← 503  1.79 KiB in 143 ms" in said
    assert '"detail": "payment provider did not answer within 100 ms"' in said
    assert 'first difference: step "pay": status 200 became 503' in said
    assert "\nnext    windtunnel trace --failed 3" in said
    assert "\nrepeat  curl " in said


@pytest.mark.parametrize("wanted", ["5bc8fbbcbde5c0994164d8399f767c45", "5BC8FBBC-BDE5-C099-4164-D8399F767C45"])
def test_a_correlation_id_is_taken_in_the_forms_in_which_logs_hold_it(run: RunDirectory, wanted: str) -> None:
    traceparent = f"00-{wanted.replace('-', '').lower()}-0102030405060708-01"
    for given in (wanted, traceparent):
        assert trace(run, Wanted(correlation_id=given)).story.instance_id == "checkout-5"


def test_an_instance_that_is_not_of_the_measured_load_says_so(run: RunDirectory) -> None:
    found = trace(run, Wanted(failed=1))
    assert " · in warmup · " in text_of(dataclasses.replace(found, phase="warmup"))
    assert " · in " not in text_of(found)


def test_an_instance_that_passed_stands_beside_no_other(run: RunDirectory) -> None:
    found = trace(run, Wanted(instance_id="checkout-6"))

    assert found.comparison is None
    assert "beside" not in text_of(found)
    assert "await_order" in text_of(found)


def test_an_instance_of_a_run_that_was_killed_is_shown_as_far_as_it_came(tmp_path: Path) -> None:
    directory = sample_run.write_run(tmp_path, instances=20, finish=False)
    file = directory.segment(Segment())
    lines = file.read_bytes().splitlines(keepends=True)
    last = max(number for number, line in enumerate(lines) if line.startswith(b'{"type":"instance"'))
    record = msgspec.json.decode(lines[last])
    file.write_bytes(b"".join(lines[:last]) + lines[last][:50])

    found = trace(directory, Wanted(instance_id=record["instance_id"]))

    assert found.story.outcome is None
    assert "the run ended before this instance did" in text_of(found)


@pytest.mark.parametrize("width", [60, 72, 80, 100, 120])
@pytest.mark.parametrize("failed", [1, 2, 3])
def test_no_line_is_wider_than_the_terminal(run: RunDirectory, width: int, failed: int) -> None:
    found = trace(run, Wanted(failed=failed))
    longest = max(wrapped_lines(text_of(found, width)), key=len)
    assert len(longest) <= width, longest


def test_text_of_the_service_neither_colours_nor_commands_the_terminal(run: RunDirectory) -> None:
    found = trace(run, Wanted(failed=2))
    evil = "\x1b[31mred\x1b]0;title\x07\r\n::error::x\u202e" + "w" * 500
    pay = found.story.steps[-1]
    request = dataclasses.replace(
        pay.requests[0],
        url=evil,
        method=evil,
        error_detail=evil,
        request_headers=((evil, evil),) * 50,
        response_headers=((evil, evil),),
        response_body=Body(text=evil * 40, size=9_000, whole=False),
    )
    step = dataclasses.replace(
        pay,
        name=evil,
        action=evil,
        message=evil,
        checks=(CheckStory(name=evil, ok=False, expected=evil, actual=evil), CheckStory(name=evil, ok=True)),
        requests=(request,),
    )
    story: Story = dataclasses.replace(
        found.story, instance_id=evil, scenario=evil, message=evil, failed_step=evil, fault=evil, steps=(step,)
    )

    said = text_of(dataclasses.replace(found, story=story))

    assert not {"\x1b", "\r", "\x07", "\u202e"} & set(said)
    assert "\n::error" not in said
    assert max(map(len, wrapped_lines(said))) <= 81, "one more for the blank that makes a command harmless"


def test_colours_come_only_when_asked_for_and_change_no_word(run: RunDirectory) -> None:
    from windtunnel.report.text import printable

    found = trace(run, Wanted(failed=2))
    coloured = text_of(found, color=True)
    assert "\x1b[" in coloured
    bare = [line.rstrip() for line in printable(coloured, lines=True).splitlines()]
    assert bare == text_of(found).splitlines()


def test_an_instance_with_hundreds_of_steps_and_polls_stays_short(run: RunDirectory) -> None:
    found = trace(run, Wanted(failed=2))
    pay = found.story.steps[-1]
    crowded = dataclasses.replace(pay, requests=pay.requests * 50, left_out=7)
    story = dataclasses.replace(found.story, steps=(crowded,) * 300, left_out=12)

    said = text_of(dataclasses.replace(found, story=story))

    headers_shown = 4 * 4 * (10 + 5)  # steps, requests of each, headers of both directions
    assert said.count("\n") < 450 + headers_shown
    assert "more rows" in said
    assert "53 more requests" in said


def test_a_step_that_failed_in_the_middle_of_hundreds_is_shown(run: RunDirectory) -> None:
    found = trace(run, Wanted(failed=2))
    passed, failed = found.story.steps[0], found.story.steps[-1]
    after = dataclasses.replace(passed, began_us=failed.began_us + 1)
    many = (*(passed,) * 150, dataclasses.replace(failed, name="the one"), *(after,) * 150)

    said = text_of(dataclasses.replace(found, story=dataclasses.replace(found.story, steps=many)))

    rows = said[: said.index("█ wait")].splitlines()
    at = next(place for place, line in enumerate(rows) if "✗ the one" in line)
    assert "more rows" in rows[at - 1]
    assert "more rows" in rows[at + 1]


@pytest.mark.parametrize("wanted", [Wanted(failed=1), Wanted(failed=2), Wanted(instance_id="checkout-6")])
def test_the_json_is_of_the_published_schema(run: RunDirectory, wanted: Wanted) -> None:
    value = msgspec.json.decode(trace_json.render(trace(run, wanted)))

    assert [error.message for error in strict().iter_errors(value)] == []
    assert value["instance"]["steps"][0]["requests"][0]["timings_us"]["wait"] > 0


def test_every_field_of_the_json_is_in_the_schema(run: RunDirectory) -> None:
    """Also those that this run has nothing for."""
    found = trace(run, Wanted(failed=2))
    pay = found.story.steps[-1]
    request = dataclasses.replace(
        pay.requests[0],
        error="timeout",
        error_detail="x",
        poll=True,
        resent=True,
        fault="f",
        request_headers=(("a", "b"),),
        response_headers=(("a", "b"),),
    )
    step = dataclasses.replace(pay, requests=(request,), round=2, left_out=3, fault="f", extracted=("a",))
    story = dataclasses.replace(found.story, outcome=None, steps=(step,), late_us=5, fault="f", left_out=1)

    value = msgspec.json.decode(
        trace_json.render(dataclasses.replace(found, story=story, damaged=2, phase="warmup"))
    )

    assert [error.message for error in strict().iter_errors(value)] == []
    sent = SCHEMA["$defs"]["request"]["properties"]
    assert set(value["instance"]["steps"][0]["requests"][0]) == set(sent)


@pytest.mark.parametrize(
    ("wanted", "said", "hint"),
    [
        (Wanted(instance_id="chekout-5"), "no instance 'chekout-5' in this run", 'did you mean "checkout-5"?'),
        (Wanted(instance_id="chekout-999"), "no instance 'chekout-999'", "this run has checkout-10"),
        (Wanted(instance_id="x" * 5_000), "no instance 'xxx", "windtunnel trace --failed 1"),
        (Wanted(correlation_id="00" * 16), "no instance has the correlation id", "X-Correlation-ID"),
        (Wanted(failed=99, run="abc"), "only 16 instances failed", "windtunnel trace abc --failed 16"),
    ],
)
def test_what_is_not_there_is_said_with_what_to_type(
    run: RunDirectory, wanted: Wanted, said: str, hint: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        trace(run, wanted)
    (problem,) = caught.value.problems
    assert said in problem.message
    assert hint in (problem.hint or "")
    assert len(str(caught.value)) < 400


def test_a_run_without_a_failed_instance_names_one_to_look_at(tmp_path: Path) -> None:
    directory = sample_run.write_run(tmp_path, instances=1)
    with pytest.raises(ConfigError) as caught:
        trace(directory, Wanted(failed=1))
    (problem,) = caught.value.problems
    assert problem.message == "no instance failed"
    assert problem.hint == "show one: windtunnel trace --instance-id checkout-0"


def test_a_run_without_any_instance_says_so(tmp_path: Path) -> None:
    directory = sample_run.write_run(tmp_path, instances=0)
    for wanted in (Wanted(failed=1), Wanted(instance_id="checkout-0")):
        with pytest.raises(ConfigError, match="no instance"):
            trace(directory, wanted)
