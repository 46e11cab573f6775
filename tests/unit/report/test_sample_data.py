"""What the page's script is given of instances: complete, each body once, cleaned, and small."""

from __future__ import annotations

import dataclasses

import pytest

from tests.support import stories
from tests.support.reports import HOSTILE
from tests.support.stories import body, request, step, story
from windtunnel.report.charts import PHASES
from windtunnel.report.model import Report
from windtunnel.report.page_data import packed
from windtunnel.report.sample_data import samples
from windtunnel.report.text import printable


def test_an_instance_tells_what_its_story_tells() -> None:
    made = samples(stories.shop())
    told = made["instances"][3]
    add = told["steps"][1]

    assert (told["id"], told["outcome"], told["failed_step"]) == ("checkout-3", "failed", "add_to_cart")
    assert add["checks"] == [["status", 0, "201", "409"], ["has an id", 1]]
    [sent] = add["requests"]
    assert (sent["method"], sent["status"], sent["failed"]) == ("POST", 409, True)
    assert ("X-Instance-ID", "checkout-3") in sent["request_headers"]
    assert sent["curl"].startswith("curl ")
    assert len(sent["timings"]) == len(made["phases"]) == len(PHASES)
    assert made["total"] == 2000


def test_each_failing_instance_stands_beside_a_passing_one_and_no_passing_one_does() -> None:
    made = samples(stories.shop())
    by_id = {each["id"]: each for each in made["instances"]}
    failing = [each for each in made["instances"] if each["outcome"] == "failed"]

    assert len(failing) == 10
    assert {by_id[each["beside"]["id"]]["outcome"] for each in failing} == {"passed"}
    assert [each["id"] for each in made["instances"] if "beside" in each] == [each["id"] for each in failing]
    assert by_id["checkout-3"]["beside"]["first"] == {
        "part": "status",
        "says": 'step "add_to_cart": status 201 became 409',
        "here": 1,
        "there": 1,
        "request": 0,
    }


def test_equal_bodies_are_there_once() -> None:
    made = samples(stories.report(*(story(step("pay", request(response="fine")), index=n) for n in range(9))))

    assert made["bodies"] == ["fine"]
    assert {tuple(each["steps"][0]["requests"][0]["response_body"]) for each in made["instances"]} == {(0, 4, 1)}


def test_what_was_not_kept_is_not_there() -> None:
    [told] = samples(stories.report(story(step("pay", request()))))["instances"]

    [sent] = told["steps"][0]["requests"]
    assert not {"request_headers", "response_headers", "request_body", "response_body", "curl"} & set(sent)


def test_a_user_with_the_number_zero_is_a_user() -> None:
    [told] = samples(stories.report(story(step(), user=0)))["instances"]

    assert told["user"] == 0
    assert "late_us" not in told


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_text_is_cleaned(hostile: str) -> None:
    sent = request(response=hostile, url=hostile, response_headers=((hostile, hostile),))
    failing = story(step(hostile, sent, outcome="failed", message=hostile), outcome="failed", message=hostile)
    made = samples(stories.report(failing, story(step(hostile, request(response=body("x").text)), index=1)))

    told = made["instances"][0]
    assert told["message"] == printable(hostile, limit=2_000)
    assert made["bodies"][0] == printable(hostile, lines=True)
    texts = list(strings(made))
    assert len(texts) > 10
    assert [text for text in texts if printable(text, lines=True) != text] == []


def strings(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        value = [*value.keys(), *value.values()]
    return [text for each in value for text in strings(each)] if isinstance(value, list | tuple) else []


def test_five_hundred_instances_without_bodies_are_small() -> None:
    report = stories.shop(500, bodies=False)

    assert len(packed(samples(report))) < 160_000
    assert packed(samples(report)) == packed(samples(report))


def test_an_unfinished_instance_is_told_as_one() -> None:
    report: Report = stories.report(dataclasses.replace(story(step("pay", outcome="unfinished")), outcome=None))
    [told] = samples(report)["instances"]

    assert told["outcome"] == "unfinished"
    assert "beside" not in told
