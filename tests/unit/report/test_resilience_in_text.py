"""How faults were borne, in the terminal: what a tired person must see, and that it is said once."""

from __future__ import annotations

import re
from typing import get_args

import pytest
from msgspec.structs import replace

from tests.support import borne
from tests.support.reports import HOSTILE, bare
from windtunnel.model.resilience import NOT_JUDGED, Band, Bound, FaultFigures, Resilience
from windtunnel.model.vocabulary import ResilienceWord
from windtunnel.report import resilience, terminal
from windtunnel.report.timeline import lines

WORDS: tuple[ResilienceWord, ...] = get_args(ResilienceWord)


def shown(word: ResilienceWord, *, width: int = 100) -> str:
    return terminal.render(bare(borne.summary(word)), width=width)


def joined(text: str) -> str:
    """The text with its lines joined as a reader does."""
    return re.sub(r"\s+", " ", text)


@pytest.mark.parametrize("word", WORDS)
def test_the_last_lines_have_the_word_why_the_recovery_the_faults_and_where_to_look(word: ResilienceWord) -> None:
    text = shown(word)
    end = text[text.index(f"{resilience.SIGNS[word]} {word.replace('_', ' ')}  ") :]

    assert borne.SENTENCES[word] in joined(end)
    assert "  recovery  " in end
    assert "  injected  payments brownout 241 times" in end
    assert ("  look at   " in end) == (word != "resilient")
    assert "report  runs/x/report.html" in end
    assert len(end.strip().splitlines()) <= 10


@pytest.mark.parametrize("word", WORDS)
def test_why_is_said_once(word: ResilienceWord) -> None:
    assert joined(shown(word)).count(borne.SENTENCES[word]) == 1


@pytest.mark.parametrize(
    ("word", "headline"),
    [
        ("resilient", "The threshold held; the faults were borne without a trace."),
        ("degraded", "The threshold held; under faults the system degraded, and came back."),
        ("failed", "The faults were not borne."),
        ("metastable", "The system stays down after the faults."),
        ("not_judged", "There is not enough sound evidence for a pass or a fail."),
    ],
)
def test_the_headline_of_the_verdict_speaks_of_the_faults(word: ResilienceWord, headline: str) -> None:
    assert headline in shown(word)


def test_a_run_that_a_guard_ended_is_no_judgement_of_the_faults() -> None:
    reasons = ["the run was stopped early: guard: instances: rate < 50% was true for 10 s"]
    ended = replace(borne.summary("not_judged"), verdict="fail", exit_code=99, reasons=reasons)

    assert "✗ fail  The run was stopped before its end.\n  - the run was stopped early: guard" in terminal.render(
        bare(ended), width=100
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("the system held", "The system held."),
        ("http_req_failed: rate < 5% did not hold", "http_req_failed: rate < 5% did not hold."),
        ("instances{scenario:a}: too few.", "instances{scenario:a}: too few."),
        ("", "."),
    ],
)
def test_a_sentence_begins_with_a_capital_unless_that_would_change_a_name(text: str, said: str) -> None:
    assert resilience.sentence(text) == said


def test_the_length_of_the_pieces_that_were_judged_is_printed() -> None:
    assert "under faults, judged in pieces of 1 s" in shown("degraded")


@pytest.mark.parametrize(
    ("judged", "said"),
    [
        (borne.resilience("degraded"), "degraded 2 s after the first fault; recovered 8 s after the last one"),
        (
            borne.resilience(time_to_recover_s=0.0),
            "degraded 2 s after the first fault; back in its steady state when the last one ended",
        ),
        (borne.resilience("metastable"), "degraded 2 s after the first fault; never recovered within 32 s"),
        (borne.resilience("resilient"), "not needed: it never degraded"),
        (replace(borne.resilience("resilient"), word="not_judged"), "not needed: it never degraded"),
        (replace(borne.resilience("resilient"), word="not_judged", buckets=[]), "unknown: too little was seen"),
    ],
    ids=["recovered", "at once", "never", "not needed", "not judged", "unknown"],
)
def test_the_recovery_is_told_with_what_it_is_counted_from(judged: Resilience, said: str) -> None:
    assert resilience.recovery(judged) == said


def test_a_reason_of_something_else_stays_with_the_verdict() -> None:
    summary = borne.summary("not_judged")
    other = replace(summary, reasons=["nothing was looked at", *summary.reasons])

    assert resilience.other_reasons(other) == ["nothing was looked at"]
    assert "- nothing was looked at" in terminal.render(bare(other))


def test_a_second_reason_of_the_word_is_below_it_unless_the_verdict_has_it() -> None:
    judged = borne.resilience("failed", reasons=[borne.SENTENCES["failed"], "two effects are duplicates"])
    summary = borne.summary("failed")
    told = replace(summary, turbulence=judged, reasons=[f"{NOT_JUDGED}{borne.SENTENCES['failed']}"])
    both = replace(told, reasons=[*summary.reasons, "two effects are duplicates"])

    assert resilience.more_reasons(told) == ["two effects are duplicates"]
    assert resilience.more_reasons(both) == []


def test_a_fault_that_was_done_less_often_than_asked_for_says_so() -> None:
    assert "lost reply 13 of 15 times" in resilience.injected(borne.resilience())
    assert "lost reply 0 times" in resilience.injected(borne.resilience("not_judged"))


def test_where_to_look_begins_with_the_line_of_the_plan() -> None:
    assert resilience.look_at(borne.resilience("failed")) == [
        "turbulence.yaml:31 during: instances: rate > 95% (61.4%)",
        "17 s to 40 s of the load, when the steady state did not hold",
    ]
    assert resilience.look_at(borne.resilience("not_judged"))[0] == "turbulence.yaml:18 lost reply: never done"


def test_the_limit_of_a_measure_says_its_name_once() -> None:
    limit = Bound(name="duplicates", condition="duplicates < 1", result="broken", measured="3")
    plain = Bound(name="duplicates", condition="at most 0 by Idempotency-Key", result="broken", measured="3")

    assert (resilience.bound_name(limit), resilience.condition(limit)) == ("duplicates < 1", "< 1")
    assert resilience.bound_name(plain) == "duplicates: at most 0 by Idempotency-Key"
    assert resilience.condition(plain) == "at most 0 by Idempotency-Key"


def test_instances_that_failed_by_a_fault_are_counted_apart() -> None:
    assert "1,900 of 1,913 instances passed, 13 failed; 13 more failed by a fault" in shown("degraded")


def test_phases_faults_and_bad_times_are_on_one_axis() -> None:
    drawn = lines(borne.resilience(), width=80, most_faults=2)

    assert drawn == [
        "                   │steady   │inject 20 s        │recover 30 s                 │",
        "payments brownout            ███████████████",
        "lost reply                   ██  ██  ██  ██  ██",
        "                   and 1 more",
        "passed/s           ████████████▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▆████████████████████████",
        "not held                       ████████████████████████",
    ]


@pytest.mark.parametrize("width", [20, 60, 80, 120])
@pytest.mark.parametrize("name", ["f", "a" * 300, "故障" * 40, "e\u0301" * 80, *HOSTILE])
def test_no_name_of_a_fault_breaks_a_line(width: int, name: str) -> None:
    fault = FaultFigures(name=name, kind="status", what="", pattern="window", asked=1, applied=1)
    judged = borne.resilience(faults=[replace(fault, bands=[Band(begin_s=20.0, end_s=21.0)])])

    drawn = [line.replace("\u0301", "") for line in lines(judged, width=width, most_faults=5)]

    assert len(drawn) == 4
    assert max(map(len, drawn)) <= width
    assert all(line.isprintable() for line in drawn)


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("width", [60, 80, 120])
def test_it_fits_the_width(word: ResilienceWord, width: int) -> None:
    assert max(map(len, shown(word, width=width).splitlines())) <= width


@pytest.mark.parametrize("width", [60, 80, 120])
def test_every_figure_is_whole_on_a_narrow_terminal_too(width: int) -> None:
    text = joined(shown("failed", width=width))

    assert re.search(r"instances passed per second 20/s 14/s 19\.7/s", text)
    assert re.search(r"failed by a fault 0 13 0", text)
    assert "payments" in text.partition("proxy")[2]
    assert "104 ms" in text
    assert "83%" in text
    assert "…" not in text


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_the_terminal_shows_no_escape_and_obeys_no_command_of_a_name(text: str) -> None:
    judged = borne.resilience(faults=[replace(each, name=text) for each in borne.resilience().faults])
    page = terminal.render(bare(replace(borne.summary(), turbulence=judged)), width=80)

    assert "\x1b" not in page
    assert "\n::" not in page
    assert "##[" not in page
