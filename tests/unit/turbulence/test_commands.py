"""Commands of the user: read as words, run without a shell, ended with all that they started."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest

from tests.support.processes import is_running
from windtunnel.errors import ExpressionError
from windtunnel.turbulence.drivers.commands import Ended, as_typed, command_of, run_command
from windtunnel.turbulence.drivers.driver import Reach

PATIENCE_S = 20.0


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("docker pause shop", ("docker", "pause", "shop")),
        ("echo 'a b' \"c d\" e\\ f", ("echo", "a b", "c d", "e f")),
        (["sh", "-c", "a && b"], ("sh", "-c", "a && b")),
        ("grep 'a|b;c' file", ("grep", "a|b;c", "file")),
        (
            "tc qdisc add dev lo root netem delay 100ms",
            ("tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "100ms"),
        ),
    ],
)
def test_a_command_is_split_as_a_shell_splits_it_or_is_a_list(written: object, words: tuple[str, ...]) -> None:
    assert command_of(written) == words


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ([], "empty"),
        ([" "], "empty"),
        ("echo 'a", "no closing quotation"),
        ("a && b", "without a shell"),
        ("a; b", "without a shell"),
        ("a | b", "without a shell"),
        ("a > b", "without a shell"),
        ("a $(b)", "without a shell"),
        (["a", "b\0c"], "NUL"),
        (7, "a text or a list"),
        (None, "a text or a list"),
    ],
)
def test_a_command_that_cannot_be_meant_is_refused(written: object, message: str) -> None:
    with pytest.raises(ExpressionError, match=message):
        command_of(written)


def test_the_help_for_a_shell_is_the_command_to_write() -> None:
    with pytest.raises(ExpressionError) as caught:
        command_of("echo 'a b' && c")

    assert caught.value.hint == """to run it in one, write: [sh, -c, 'echo '"'"'a b'"'"' && c']"""


def test_a_command_is_shown_as_it_is_typed() -> None:
    assert as_typed(("sh", "-c", "a && b")) == "sh -c 'a && b'"


def reach(**environment: str) -> Reach:
    return Reach(
        environment={"PATH": os.environ["PATH"], **environment},
        hide=lambda text: text.replace("hunter2", "[redacted]"),
    )


def ended(*command: str, within_s: float = PATIENCE_S, **environment: str) -> Ended:
    return asyncio.run(run_command(command, reach(**environment), within_s=within_s))


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def test_what_a_command_printed_is_kept_without_secrets() -> None:
    answer = ended(*python("import sys; print('out hunter2'); print('err', file=sys.stderr)"))

    assert (answer.code, answer.problem) == (0, None)
    assert sorted(answer.output.split()) == ["[redacted]", "err", "out"]


def test_an_exit_code_is_told_with_the_last_line() -> None:
    answer = ended("sh", "-c", "echo one; echo hunter2 is wrong >&2; exit 3")

    assert (answer.code, answer.problem) == (3, "'sh' exited 3: [redacted] is wrong")


def test_a_command_that_a_signal_ended_says_which() -> None:
    assert ended("sh", "-c", "kill -KILL $$").problem == "'sh' was ended by SIGKILL"


def test_a_program_that_is_not_there_is_an_answer() -> None:
    assert ended("no-such-program-hunter2").problem == "there is no program 'no-such-program-[redacted]'"


def test_a_program_that_may_not_be_run_is_an_answer(tmp_path: Path) -> None:
    assert "can't start" in (ended(str(tmp_path)).problem or "")


def test_it_has_the_environment_that_it_is_given_and_no_input() -> None:
    answer = ended("sh", "-c", "echo $ONE; cat; env", ONE="1")

    assert answer.output.splitlines()[0] == "1"
    assert "HOME=" not in answer.output


def test_only_the_end_of_a_long_output_is_kept() -> None:
    answer = ended(*python("print('x' * 1_000_000); print('the end')"))

    assert len(answer.output) == 2_000
    assert answer.output.endswith("x\nthe end")


def test_a_command_that_takes_too_long_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    children = tmp_path / "children"
    stubborn = f"trap '' TERM; sleep 1000 & echo $! >> {children}; echo $$ >> {children}; wait; wait"

    answer = ended("sh", "-c", stubborn, within_s=0.5)

    assert answer.code is None
    assert answer.problem == "'sh' took longer than 500 ms"
    wait_until_gone(children)


def test_a_call_that_is_cancelled_ends_its_command(tmp_path: Path) -> None:
    children = tmp_path / "children"

    async def cancel_when_started() -> None:
        running = asyncio.create_task(
            run_command(
                ("sh", "-c", f"sleep 1000 & echo $! >> {children}; echo $$ >> {children}; wait"),
                reach(),
                within_s=PATIENCE_S,
            )
        )
        await until(lambda: children.exists() and len(children.read_text().split()) == 2)
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        assert running.cancelled()

    run(cancel_when_started())
    wait_until_gone(children)


def test_what_a_command_leaves_in_the_background_stays(tmp_path: Path) -> None:
    left = tmp_path / "left"

    answer = ended("sh", "-c", f"sleep 1000 & echo $! > {left}; echo done")

    pid = int(left.read_text())
    try:
        assert answer.output == "done"
        os.kill(pid, 0)
    finally:
        os.kill(pid, 9)


def run(main: Coroutine[object, object, None]) -> None:
    asyncio.run(main)


async def until(is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_true():
        assert time.monotonic() < deadline, "it does not come to be"
        await asyncio.sleep(0.01)


def wait_until_gone(file: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    # On a busy machine its time may be over before it began.
    for pid in map(int, file.read_text().split() if file.exists() else ()):
        while is_running(pid):
            assert time.monotonic() < deadline, f"{pid} still runs"
            time.sleep(0.01)
