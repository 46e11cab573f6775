"""What a job tells, as a terminal, a CI log and the text of the API show it."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from windtunnel.ci.log import GitHubLog
from windtunnel.job.observer import Observer, TextObserver
from windtunnel.job.progress import Status
from windtunnel.terminal import LIVE_S, LOG_S, TerminalObserver, progress_line

STATUS = Status(
    elapsed_s=12.0,
    instances=240,
    planned=500,
    done=0.48,
    not_passed=3,
    in_flight=50,
    dropped=0,
    requests_per_s=1234.4,
    p95_ms=12.04,
)


def tell(observer: Observer) -> None:
    """One call of each kind."""
    with observer.section("run", "Run"):
        observer.say("said")
        observer.result("the result")
        observer.note("noted")
        observer.warning("limits the result")
        observer.progress(STATUS)
        observer.debug("looked at closely")


def terminal(*, quiet: bool = False, interactive: bool = False, debugging: bool = False) -> TerminalObserver:
    return TerminalObserver(
        out=io.StringIO(),
        err=io.StringIO(),
        color=False,
        interactive=interactive,
        quiet=quiet,
        form=GitHubLog(),
        debugging=debugging,
    )


def shown(observer: TerminalObserver) -> tuple[str, str]:
    assert isinstance(observer.out, io.StringIO)
    assert isinstance(observer.err, io.StringIO)
    return observer.out.getvalue(), observer.err.getvalue()


def test_text_holds_results_and_nothing_beside_them() -> None:
    observer = TextObserver(width=100)
    tell(observer)
    assert observer.text == "said\nthe result\n"
    assert observer.progress_every_s is None


def test_a_log_folds_sections_and_shows_progress_as_lines() -> None:
    observer = terminal()
    tell(observer)
    out, err = shown(observer)
    assert out == "::group::Run\nsaid\nthe result\n::endgroup::\n"
    assert err == f"noted\nwarning: limits the result\n{progress_line(STATUS)}\n"
    assert observer.progress_every_s == LOG_S


def test_debug_lines_are_shown_when_debugging() -> None:
    observer = terminal(debugging=True)
    tell(observer)
    assert "::debug::looked at closely\n" in shown(observer)[0]


def test_quiet_shows_results_and_no_progress() -> None:
    observer = terminal(quiet=True)
    with observer.section("run", "Run"):
        observer.say("said")
        observer.result("the result")
    assert shown(observer) == ("the result\n", "")
    assert observer.progress_every_s is None


def test_the_live_line_is_gone_after_its_section() -> None:
    observer = terminal(interactive=True)
    tell(observer)
    assert observer.progress_every_s == LIVE_S
    assert observer._live is None
    tell(observer)  # a second run, as of `demo --freeze`, gets a line of its own


@pytest.mark.parametrize(
    ("status", "line"),
    [
        (
            STATUS,
            " 12 s  240/500 instances, 3 not passed · 50 running · 1,234 req/s · p95 12 ms · about 13 s left",
        ),
        (
            Status(
                elapsed_s=1.0,
                instances=0,
                planned=None,
                done=0.0,
                not_passed=0,
                in_flight=2,
                dropped=1500,
                requests_per_s=0.0,
                p95_ms=None,
            ),
            "  1 s  0 instances · 2 running, 1,500 dropped · 0 req/s",
        ),
        (
            replace(STATUS, phase="steady", done=0.0),
            " 12 s  steady · 240/500 instances, 3 not passed · 50 running · 1,234 req/s · p95 12 ms",
        ),
        (
            replace(STATUS, phase="inject", faults=("brownout at 400 ms", "lost\nreply"), done=0.0),
            " 12 s  inject: brownout at 400 ms, lost reply · 240/500 instances, 3 not passed · 50 running"
            " · 1,234 req/s · p95 12 ms",
        ),
        (
            replace(
                STATUS, phase="inject", faults=("a" * 99, "b", "c", "d", "e"), in_flight=0, done=0.0, p95_ms=None
            ),
            f" 12 s  inject: {'a' * 39}…, b, c and 2 more · 240/500 instances, 3 not passed · 0 running"
            " · 1,234 req/s",
        ),
    ],
)
def test_a_line_of_progress(status: Status, line: str) -> None:
    assert progress_line(status) == line
