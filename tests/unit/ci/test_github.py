import io
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from windtunnel.ci.github import (
    MAX_ANNOTATION_LENGTH,
    SUMMARY_BUDGET,
    Annotation,
    SafeLog,
    annotation_command,
    annotation_commands,
    fenced,
    fitted_summary,
    outputs_text,
    without_commands,
)

# Text made of what matters to a runner, far more often than chance would have it.
TRICKY = st.lists(
    st.sampled_from(
        ["::", ":", "##[", "##", "[", "error", "set-env name=A::", "\n", "\r", " ", "\t", "%0A", "\x1b[0m"]
    )
    | st.text(max_size=3)
).map("".join)


def commands_seen_by_a_runner(log: str) -> list[str]:
    """The lines that a runner would obey, as its command parser reads them."""
    lines = re.split(r"\r\n|\r|\n", log)
    return [line for line in lines if line.lstrip().startswith("::") or "##[" in line]


def outputs_seen_by_a_runner(text: str) -> dict[str, str]:
    """The outputs in a `GITHUB_OUTPUT` file, read as a runner reads it."""
    outputs, lines = {}, iter(text.split("\n"))
    for line in lines:
        if line:
            name, _, delimiter = line.partition("<<")
            value = []
            while (part := next(lines)) != delimiter:
                value.append(part)
            outputs[name] = "\n".join(value)
    return outputs


def test_the_runner_of_these_tests_does_see_commands() -> None:
    assert commands_seen_by_a_runner("a\r  ::error::b\n##[group]c") == ["  ::error::b", "##[group]c"]


@settings(max_examples=200)
@given(TRICKY)
@example("\r::set-output name=verdict::pass")
@example(" \t::stop-commands::x")
@example("a ##[command]b")
def test_no_text_commands_the_runner(text: str) -> None:
    assert commands_seen_by_a_runner(without_commands(text)) == []


def test_plain_text_stays_as_it_is() -> None:
    text = "p(95) < 400ms :: 12 ms\n  std::string\t# [x]\n"
    assert without_commands(text) == text


@settings(max_examples=200)
@given(st.lists(TRICKY, max_size=6))
@example([":", ":error::x\n"])
@example(["##", "[error]x"])
def test_a_log_written_in_pieces_commands_nothing(pieces: list[str]) -> None:
    stream = io.StringIO()
    log = SafeLog(stream)
    for piece in pieces:
        log.write(piece)
        log.flush()
    log.write("\n")
    assert commands_seen_by_a_runner(stream.getvalue()) == []


def test_a_line_is_passed_on_when_it_ends() -> None:
    stream = io.StringIO()
    log = SafeLog(stream)
    log.write("one\ntw")
    assert stream.getvalue() == "one\n"
    log.write("o\n")
    assert stream.getvalue() == "one\ntwo\n"


@settings(max_examples=100)
@given(st.dictionaries(st.sampled_from(["verdict", "run-id", "report-html"]), st.text()))
def test_outputs_are_read_back_as_they_were_written(outputs: dict[str, str]) -> None:
    assert outputs_seen_by_a_runner(outputs_text(outputs)) == outputs


def test_a_value_that_looks_like_the_end_of_an_output_stays_a_value() -> None:
    first = outputs_text({"verdict": "fail"})
    delimiter = first.split("\n")[0].partition("<<")[2]
    forged = f"fail\n{delimiter}\nverdict<<x\npass\nx"
    assert outputs_seen_by_a_runner(outputs_text({"verdict": forged})) == {"verdict": forged}


def test_a_summary_that_fits_is_written_whole() -> None:
    assert fitted_summary("## Pass\n\nall well ✓\n") == "## Pass\n\nall well ✓\n"


@pytest.mark.parametrize("used", [0, 500_000])
def test_a_summary_too_large_keeps_its_beginning_and_says_that_it_was_cut(used: int) -> None:
    text = "## Fail\n\n" + "\n\n".join(f"paragraph {n} …" for n in range(200_000))
    fitted = fitted_summary(text, used=used)
    assert fitted.startswith("## Fail\n\nparagraph 0 …\n\n")
    assert fitted.endswith("…\n\n_The rest is omitted to save space; see the report._\n")
    assert SUMMARY_BUDGET - used - 200 < len(fitted.encode()) <= SUMMARY_BUDGET - used


def test_a_full_summary_file_takes_nothing_more() -> None:
    assert fitted_summary("## Fail\n", used=SUMMARY_BUDGET) == ""


def test_an_annotation_names_file_line_and_title() -> None:
    annotation = Annotation(title="Threshold: fail", message="p95 812 ms > 500 ms", file="plan.yaml", line=7)
    assert (
        annotation_command(annotation)
        == "::error file=plan.yaml,line=7,title=Threshold%3A fail::p95 812 ms > 500 ms"
    )


def test_what_would_end_a_property_or_the_command_is_escaped() -> None:
    annotation = Annotation(title="a,b:c%", message="100%\nline=2::x", file="odd,name:1.yaml")
    assert (
        annotation_command(annotation) == "::error file=odd%2Cname%3A1.yaml,title=a%2Cb%3Ac%25::100%25%0Aline=2::x"
    )


def test_an_annotation_without_a_place_has_a_title_only() -> None:
    assert (
        annotation_command(Annotation(title="T", message="m", line=3), level="warning") == "::warning title=T::m"
    )


@settings(max_examples=100)
@given(TRICKY, TRICKY, TRICKY)
def test_an_annotation_is_always_one_line(title: str, message: str, file: str) -> None:
    line = annotation_command(Annotation(title=title, message=message, file=file))
    assert re.split(r"\r\n|\r|\n", line) == [line]


@pytest.mark.parametrize("text", ["x" * 9000, "%" * 9000, "ab\n" * 9000, "x" * 4093 + "%%%"])
def test_a_long_message_is_cut_between_escapes(text: str) -> None:
    message = annotation_command(Annotation(title="T", message=text)).partition("::error title=T::")[2]
    assert MAX_ANNOTATION_LENGTH - 4 <= len(message) <= MAX_ANNOTATION_LENGTH
    assert message.endswith("…")
    assert re.fullmatch(r"([^%]|%25|%0A)*", message)


def test_the_tenth_annotation_tells_how_many_are_left_out() -> None:
    lines = annotation_commands([Annotation(title="T", message=f"m{n}") for n in range(25)])
    assert len(lines) == 10
    assert lines[8] == "::error title=T::m8"
    assert lines[9] == "::error title=T::+15 more, see the log. m9"


def test_ten_annotations_are_shown_as_they_are() -> None:
    lines = annotation_commands([Annotation(title="T", message=f"m{n}") for n in range(10)])
    assert lines[9] == "::error title=T::m9"


@given(st.text(alphabet="`a\n", max_size=30))
def test_a_code_block_ends_where_it_should(text: str) -> None:
    fence, *inside, last, empty = fenced([text]).split("\n")
    assert (fence, empty) == (f"{last}text", "")
    assert all(not line.startswith(last) for line in inside)
