"""What `make count` reads out of callgrind's profiles, and what it makes of the figures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.callgrind import Instructions, read_profile
from benchmarks.counts import FIGURES, JUDGED, Counts, Sizes, compare, describe, per_request

# An excerpt of a real profile. The event loop, function 27430, is called before its own block: the block has its
# id alone. It costs 3 + 3 + 18 + 6 + 1 itself, and 98,276,610 + 23 in what it calls.
PROFILE = """\
# callgrind format
version: 1
creator: callgrind-3.19.0
cmd:  python -m windtunnel run
part: 1

desc: Trigger: Program termination

positions: line
events: Ir
summary: 2985657242

ob=(2) ???
fl=(52) ???
fn=(27317) __Pyx_CyFunction_Vectorcall_FASTCALL_KEYWORDS'2
207231 6484
+84 3242
cfn=(27430) __pyx_pw_6uvloop_4loop_4Loop_45run_until_complete
calls=3 35350
* 98276664
cfn=(29620) __pyx_pw_6uvloop_4loop_4Loop_18run_until_complete_1done_cb
calls=3 35443
* 4300

fn=(27430)
35350 3
+22 3
-22 18
fi=(733)
502 6
fe=(732)
35410 1
cfn=(27432) __pyx_pf_6uvloop_4loop_4Loop_44run_until_complete
calls=3 35686
* 98276610
cfi=(12)
cfn=(40)
calls=1 7
+3 23

fn=(27317)
23189 864

totals: 2985657242
"""

COUNTS = Counts(
    python={
        "implementation": "CPython",
        "version": "3.11.7",
        "compiler": "GCC 12.2.0",
        "machine": "x86_64",
        "pgo": True,
        "lto": False,
    },
    packages={"msgspec": "0.19.0", "uvloop": "0.21.0"},
    sizes=Sizes(),
    rounds=1,
    figures=dict.fromkeys(FIGURES, 1_000_000.0),
    spreads=dict.fromkeys(FIGURES, 0.0),
)


def with_figure(name: str, figure: float) -> Counts:
    return replace(COUNTS, figures={**COUNTS.figures, name: figure})


def test_the_event_loop_is_counted_with_all_that_it_calls() -> None:
    counted = read_profile(PROFILE.splitlines(keepends=True))
    assert counted == Instructions(total=2_985_657_242, in_loop=98_276_664)


def test_a_profile_without_an_event_loop_has_a_total_only() -> None:
    without = PROFILE.replace("_45run_until_complete", "_45run_forever")
    assert read_profile(without.splitlines()) == Instructions(total=2_985_657_242, in_loop=0)


def test_a_profile_that_was_cut_off_is_refused() -> None:
    with pytest.raises(ValueError, match="no summary"):
        read_profile(PROFILE.partition("summary:")[0].splitlines())


def test_a_profile_of_other_events_is_refused() -> None:
    with pytest.raises(ValueError, match="events: Ir Dr Dw"):
        read_profile(PROFILE.replace("events: Ir", "events: Ir Dr Dw").splitlines())


def test_a_request_costs_the_difference_of_two_runs_over_its_further_requests() -> None:
    few, many = Instructions(total=9, in_loop=98_000_000), Instructions(total=9, in_loop=683_000_000)
    assert per_request(few, many, Sizes(few=200, many=1_700)) == 195_000


def test_a_run_whose_event_loop_has_no_name_gives_no_cost_of_a_request() -> None:
    few, many = Instructions(total=9, in_loop=0), Instructions(total=9, in_loop=5)
    with pytest.raises(RuntimeError, match="symbols"):
        per_request(few, many, Sizes())


def test_the_table_names_the_python_build_and_every_figure() -> None:
    text = describe(with_figure("request", 194_902.4))
    assert text.startswith("CPython 3.11.7, GCC 12.2.0, x86_64, PGO yes, LTO not stated\n")
    assert "194,902 |" in text
    assert [label for label in FIGURES.values() if label not in text] == []
    assert "spread" not in text


def test_the_table_of_several_rounds_says_how_far_they_are_apart() -> None:
    text = describe(replace(COUNTS, rounds=2, spreads=dict.fromkeys(FIGURES, 2_500.0)))
    assert text.count("0.25%") == len(FIGURES)


@pytest.mark.parametrize("name", JUDGED)
def test_a_figure_above_the_tolerance_fails_the_comparison(name: str) -> None:
    text, within = compare(COUNTS, with_figure(name, 1_010_001.0), tolerance_percent=1.0)
    assert not within
    assert text.count("more than 1 %") == 1


@pytest.mark.parametrize("figure", [1_010_000.0, 1_000_000.0, 500_000.0])
def test_a_figure_within_the_tolerance_or_below_passes(figure: float) -> None:
    text, within = compare(COUNTS, with_figure("request", figure), tolerance_percent=1.0)
    assert within
    assert "more than" not in text


def test_the_floor_is_shown_but_not_judged() -> None:
    text, within = compare(COUNTS, with_figure("floor_request", 2_000_000.0), tolerance_percent=1.0)
    assert within
    assert "+100.00 %" in text


def test_figures_of_another_python_build_do_not_compare() -> None:
    other = replace(COUNTS, python={**COUNTS.python, "pgo": False})
    with pytest.raises(ValueError, match=r"another Python build \(CPython 3.11.7, .*PGO not stated"):
        compare(other, COUNTS, tolerance_percent=1.0)


def test_figures_of_runs_of_another_size_do_not_compare() -> None:
    with pytest.raises(ValueError, match="another size"):
        compare(replace(COUNTS, sizes=Sizes(many=4_700)), COUNTS, tolerance_percent=1.0)


def test_the_comparison_names_packages_whose_version_changed() -> None:
    newer = replace(COUNTS, packages={"msgspec": "0.20.0", "uvloop": "0.21.0", "typer": "1.0"})
    text, _ = compare(COUNTS, newer, tolerance_percent=1.0)
    assert text.splitlines()[-1] == "note: msgspec was 0.19.0, is 0.20.0"


def test_figures_are_read_back_as_they_were_saved(tmp_path: Path) -> None:
    COUNTS.save(tmp_path / "counts.json")
    assert Counts.load(tmp_path / "counts.json") == COUNTS


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"sizes": {}}', '{"sizes": {"users": 1, "other": 2}}'])
def test_a_file_of_something_else_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "counts.json").write_text(text)
    with pytest.raises(ValueError, match="not written by `make count`"):
        Counts.load(tmp_path / "counts.json")


def test_a_file_with_other_figures_is_refused(tmp_path: Path) -> None:
    replace(COUNTS, figures={"request": 1.0}).save(tmp_path / "counts.json")
    with pytest.raises(ValueError, match="other figures: request"):
        Counts.load(tmp_path / "counts.json")
