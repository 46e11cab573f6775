"""Several processes share the load: the same journeys as one, stopped together, and none lost without a word."""

from __future__ import annotations

import asyncio
import errno
import functools
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.support.command_line import answer_of, call, started, until
from tests.support.tiers import every, slow_unless
from windtunnel.demo.process import ShopProcess
from windtunnel.engine.run import coordinator
from windtunnel.engine.workers.pool import Patience, WorkerPool
from windtunnel.model.summary import Summary
from windtunnel.report.collect import analyse
from windtunnel.storage.directory import RunDirectory

DRAWING = """
id: drawing
weight: 2
variables: { customer: "{{ uuid() }}", number: "{{ random_int(1, 1000000) }}" }
flow:
  - { type: http, name: list, path: "/api/products?customer={{ customer }}&n={{ number }}" }
"""
OTHER = "id: other\nflow: [{ type: http, name: look, path: '/api/products?n={{ random_int(1, 9999) }}' }]\n"
LONG = "id: long\nflow: [{ type: http, name: look, path: /api/products }, { type: wait, duration: 50ms }]\n"

WITH_TWO = ("run", "--parallel", "8", "--duration", "600s", "--workers", "2")

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="worker processes need a Unix system")


@pytest.fixture
def folder(tmp_path: Path, shop: ShopProcess) -> Path:
    """A folder with a SUT file and a scenario that takes its time."""
    (tmp_path / "sut.yaml").write_text(f"name: shop\nbase_url: {shop.base_url}\n")
    write_scenarios(tmp_path, LONG)
    return tmp_path


def write_scenarios(folder: Path, *texts: str) -> None:
    (folder / "scenarios").mkdir(exist_ok=True)
    for number, text in enumerate(texts):
        (folder / "scenarios" / f"{number}.yaml").write_text(text)


def newest(folder: Path) -> RunDirectory:
    return RunDirectory((folder / "runs" / "latest").resolve())


def lines(run: RunDirectory, kind: str) -> list[dict[str, Any]]:
    found = []
    for path in run.segments():
        found += [json.loads(line) for line in path.read_bytes().split(b"\n") if line.endswith(b"}")]
    return [line for line in found if line["type"] == kind]


def children(pid: int) -> list[int]:
    """The processes that a process started, oldest first."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def load_runs(folder: Path, *, segments: int) -> bool:
    """Whether every segment of the newest run has a request in it."""
    if not (folder / "runs" / "latest").exists():
        return False
    paths = newest(folder).segments()
    return len(paths) == segments and all(b'"type":"step"' in path.read_bytes() for path in paths)


THINKING = "id: thinking\nflow: [{ type: http, path: /, name: a }, { type: wait, name: w, duration: 1.1s }]\n"
USERS: dict[str, tuple[tuple[str, ...], dict[str, float]]] = {
    "closed": (("--parallel", "3", "--duration", "1s", "--pace", "100ms"), {"value": 3, "avg": 3.0, "max": 3}),
    "open": (("--rate", "20/s", "--duration", "300ms"), {"value": 6, "max": 6}),
}


@pytest.mark.parametrize("workers", slow_unless(lambda workers: workers == "3", ["1", "3"]))
@pytest.mark.parametrize("model", every(2, USERS))
@pytest.mark.slow
def test_users_are_the_same_with_any_number_of_workers_live_and_from_disk(
    folder: Path, model: str, workers: str
) -> None:
    write_scenarios(folder, THINKING)
    load, expected = USERS[model]
    # With a threshold on dropped arrivals, late starts on a busy machine make the run no inconclusive one.
    conditions = ("vus: max < 100", f"vus_max: value == {expected['max']}", "dropped_iterations: count == 0")
    judged = [argument for each in conditions for argument in ("--threshold", each)]

    answer = call(folder, "run", *load, *judged, "--workers", workers)

    live = msgspec.json.decode((newest(folder).path / "summary.json").read_bytes())["metrics"]
    assert answer.returncode == 0, answer.stdout
    assert {key: live["vus"][key] for key in expected} == expected
    assert call(folder, "report", newest(folder).run_id).returncode == 0
    again = msgspec.json.decode((newest(folder).path / "summary.json").read_bytes())["metrics"]
    assert (again["vus"], again["vus_max"]) == (live["vus"], live["vus_max"])


def test_four_workers_run_the_same_journeys_as_one(folder: Path) -> None:
    write_scenarios(folder, DRAWING, OTHER)
    journeys = []
    for workers in ("1", "4"):
        answer = call(folder, "run", "--parallel", "10", "--count", "60", "--seed", "11", "--workers", workers)
        assert answer.returncode == 0, answer
        run = newest(folder)
        assert len(run.segments()) == int(workers)
        urls = {line["instance_id"]: line["request"]["url"].partition("?")[2] for line in lines(run, "step")}
        scenarios = sorted((line["index"], line["scenario"]) for line in lines(run, "instance"))
        journeys.append((urls, scenarios))
        assert analyse(run).summary == json_summary(run)
    assert journeys[0] == journeys[1]
    assert [index for index, _ in journeys[0][1]] == list(range(60))


def json_summary(run: RunDirectory) -> Summary:
    return msgspec.json.decode((run.path / "summary.json").read_bytes(), type=Summary)


@pytest.mark.slow
def test_a_killed_worker_ends_the_run_early_as_incomplete_and_keeps_its_records(folder: Path) -> None:
    with started(folder, *WITH_TWO) as process:
        until(lambda: load_runs(folder, segments=2), process)
        os.kill(children(process.pid)[1], signal.SIGKILL)
        answer = answer_of(process)

    assert answer.returncode == 5, answer
    assert "worker 2 of 2 was ended by SIGKILL" in answer.stdout
    assert answer.stderr == ""
    run = newest(folder)
    live = json_summary(run)
    assert live.verdict == "incomplete"
    assert live.soundness.finished
    assert live.soundness.intact
    assert [line.get("lost", "") for line in lines(run, "run_ended")] == [
        "",
        "worker 2 of 2 was ended by SIGKILL (out of memory?)",
    ]
    assert live.run.instances + live.run.interrupted >= 1
    assert analyse(run).summary == live


DYING = """
import os, signal, sys
from windtunnel import scenario

IN_WORKER = sys.argv[0] == "-c"


def die(when):
    if IN_WORKER and when == WHEN:
        {act}


WHEN = "{when}"
die("import")

if IN_WORKER and WHEN == "told":
    from windtunnel.engine.workers.messages import Channel, Ended

    send = Channel.send

    def die_first(self, message):
        if isinstance(message, Ended):
            {act}
        send(self, message)

    Channel.send = die_first


@scenario("dying")
async def dying(user):
    await user.http.get("default", "/api/products", name="look")
    die("step")
    if IN_WORKER:
        import atexit
        atexit.register(die, "exit")
"""
"""A scenario whose process ends, or stops, at a moment of its choice."""

STOP = "os.kill(os.getpid(), signal.SIGSTOP)"


@pytest.mark.parametrize(
    ("when", "act", "words"),
    [
        pytest.param(
            "import",
            "os.kill(os.getpid(), signal.SIGKILL)",
            "was ended by SIGKILL (out of memory?)",
            marks=pytest.mark.slow,
        ),
        pytest.param("import", "os._exit(0)", "ended with exit code 0", marks=pytest.mark.slow),
        pytest.param("import", STOP, "said nothing for 500 ms and was ended", marks=pytest.mark.slow),
        pytest.param(
            "step", "os.kill(os.getpid(), signal.SIGSEGV)", "was ended by SIGSEGV", marks=pytest.mark.slow
        ),
        pytest.param("step", "os._exit(0)", "ended with exit code 0", marks=pytest.mark.slow),
        ("told", "os.kill(os.getpid(), signal.SIGKILL)", "was ended by SIGKILL (out of memory?)"),
        ("import", "raise SystemExit", "can't load the plan: "),
        pytest.param("step", STOP, "said nothing for 1 s and was ended", marks=pytest.mark.slow),
    ],
)
def test_workers_that_end_without_their_result_make_every_word_of_the_run_incomplete(
    folder: Path, monkeypatch: pytest.MonkeyPatch, when: str, act: str, words: str
) -> None:
    stopped = "STOP" in act
    patience = Patience(
        silence_s=1.0 if stopped and when == "step" else 30.0,
        start_s=0.5 if stopped and when == "import" else 60.0,
    )
    monkeypatch.setattr(coordinator, "WorkerPool", functools.partial(WorkerPool, patience=patience))
    (folder / "dying.py").write_text(DYING.format(when=when, act=act))
    answer = call(folder, "run", "--scenarios", "dying.py", "-p", "2", "-n", "8", "--workers", "2")

    assert answer.returncode == 5, answer
    assert answer.stderr == ""
    live = json_summary(newest(folder))
    assert (live.verdict, live.exit_code) == ("incomplete", 5)
    assert all(f"worker {number} of 2 {words}" in str(live.reasons) for number in (1, 2)), live.reasons
    assert analyse(newest(folder)).summary == live
    assert len(lines(newest(folder), "run_started")) == 2
    assert "WINDTUNNEL_VERDICT=incomplete" in (newest(folder).path / "ci" / "windtunnel.env").read_text()


def test_workers_that_the_system_does_not_start_make_the_run_incomplete(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*args: object, **kwargs: object) -> None:
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(asyncio, "create_subprocess_exec", refuse)
    answer = call(folder, "run", "-p", "2", "-n", "8", "--workers", "2")

    assert answer.returncode == 5, answer
    assert "worker 1 of 2 could not be started: Resource temporarily unavailable" in answer.stdout
    assert analyse(newest(folder)).summary == json_summary(newest(folder))


@pytest.mark.slow
def test_a_signal_while_workers_start_does_not_wait_for_them(folder: Path) -> None:
    (folder / "dying.py").write_text(DYING.format(when="import", act="open('there', 'w'); signal.pause()"))
    args = ("run", "--scenarios", "dying.py", "-p", "2", "-n", "8", "--workers", "2")
    with started(folder, *args) as process:
        until((folder / "there").exists, process)
        process.send_signal(signal.SIGTERM)
        answer = answer_of(process)

    assert answer.returncode == 143, answer
    assert analyse(newest(folder)).summary == json_summary(newest(folder))
    assert [line["signal"] for line in lines(newest(folder), "run_ended")] == [15, 15]


@pytest.mark.slow
def test_a_worker_that_does_not_end_after_its_last_record_is_not_waited_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coordinator, "WorkerPool", functools.partial(WorkerPool, patience=Patience(exit_s=1.0)))
    (folder / "dying.py").write_text(DYING.format(when="exit", act="os.kill(os.getpid(), signal.SIGSTOP)"))
    answer = call(folder, "run", "--scenarios", "dying.py", "-p", "2", "-n", "8", "--workers", "2")

    assert answer.returncode == 0, answer
    assert analyse(newest(folder)).summary == json_summary(newest(folder))


def test_a_signal_stops_every_worker_with_its_closing_line(folder: Path) -> None:
    with started(folder, *WITH_TWO) as process:
        until(lambda: load_runs(folder, segments=2), process)
        process.send_signal(signal.SIGTERM)
        answer = answer_of(process)

    assert answer.returncode == 143, answer
    endings = lines(newest(folder), "run_ended")
    assert [(line["reason"], line["signal"]) for line in endings] == [("interrupted by SIGTERM", 15)] * 2
    assert json_summary(newest(folder)).verdict == "interrupted"


def test_workers_end_when_the_coordinator_is_killed_and_nobody_calls_that_a_pass(folder: Path) -> None:
    with started(folder, *WITH_TWO) as process:
        until(lambda: load_runs(folder, segments=2), process)
        process.kill()
        answer = answer_of(process)  # the workers hold its standard error until they have ended

    assert (answer.returncode, answer.stderr) == (-signal.SIGKILL, "")
    run = newest(folder)
    assert len(lines(run, "run_ended")) == 2
    summary = analyse(run).summary
    assert (summary.verdict, summary.exit_code) == ("incomplete", 5)
    assert "the coordinating process ended before its workers" in summary.reasons[0]


def test_no_more_workers_start_than_there_are_users(folder: Path) -> None:
    answer = call(folder, "run", "--parallel", "2", "--count", "3", "--workers", "8")
    assert answer.returncode == 0, answer
    assert len(newest(folder).segments()) == 2


def test_every_segment_says_that_nobody_answers(folder: Path) -> None:
    (folder / "sut.yaml").write_text("name: nobody\nbase_url: http://127.0.0.1:1\n")
    answer = call(folder, "run", "--parallel", "4", "--count", "8", "--workers", "2", "--loopback", "strict")
    assert answer.returncode == 3, answer
    assert analyse(newest(folder)).summary.verdict == "unreachable"


@pytest.mark.parametrize("workers", slow_unless(lambda workers: workers == "2", ["1", "2"]))
def test_a_threshold_that_aborts_ends_every_worker_and_fails_the_run(folder: Path, workers: str) -> None:
    (folder / "plan.yaml").write_text('thresholds: { http_reqs: [{ threshold: "count < 10", abort: true }] }\n')
    load = ("--parallel", "4", "--duration", "600s", "--workers", workers)
    answer = call(folder, "run", "--plan", "plan.yaml", *load)

    assert answer.returncode == 99, answer
    endings = lines(newest(folder), "run_ended")
    assert [line["aborted"] for line in endings] == [True] * int(workers)
    assert endings[0]["reason"].startswith("http_reqs: count < 10 failed")
    assert "the run was stopped early" in answer.stdout
    assert analyse(newest(folder)).summary == json_summary(newest(folder))
