"""Code of the user that ends its process, holds it, or never returns: the command has the last word."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from tests.support.command_line import ENVIRONMENT, Answer, answer_of, run_process, started, until
from windtunnel.demo.process import ShopProcess
from windtunnel.model.summary import Summary
from windtunnel.report.collect import analyse
from windtunnel.storage.directory import RunDirectory

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")

CODE = """
import atexit, ctypes, os, signal, sys, threading, time
from windtunnel import scenario

{loading}


@scenario("look")
async def look(user):
    await user.http.get("default", "/api/products", name="look")
    {running}
"""
EXITS = "os._exit(0)"


@pytest.fixture
def folder(tmp_path: Path, shop: ShopProcess) -> Path:
    (tmp_path / "sut.yaml").write_text(f"name: shop\nbase_url: {shop.base_url}\n")
    return tmp_path


def write(folder: Path, *, loading: str = "", running: str = "pass") -> None:
    (folder / "code.py").write_text(CODE.format(loading=loading, running=running))


RUN = ("run", "--scenarios", "code.py", "-n", "4")


@pytest.mark.parametrize(
    ("args", "loading", "running", "words"),
    [
        (("validate", "code.py"), EXITS, "pass", "ended with exit code 0 while it imported code.py"),
        (RUN, "", EXITS, "ended with exit code 0, without its result"),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in [
                (
                    ("run", "--scenarios", "code.py", "--list"),
                    "os._exit(99)",
                    "pass",
                    "exit code 99 while it imported",
                ),
                (("validate", "code.py"), "ctypes.string_at(0)", "pass", "was ended by SIGSEGV while it imported"),
                ((*RUN, "--dry-run"), "os.kill(os.getpid(), 9)", "pass", "was ended by SIGKILL (out of memory?)"),
                (
                    RUN,
                    "threading.Thread(target=os._exit, args=(0,)).start(); time.sleep(9)",
                    "pass",
                    "exit code 0",
                ),
                (RUN, "", "threading.Thread(target=os._exit, args=(0,)).start()", "exit code 0"),
                (RUN, "", "os.abort()", "was ended by SIGABRT"),
                ((*RUN, "-p", "2", "--workers", "2"), EXITS, "pass", "exit code 0 while it imported code.py"),
            ]
        ),
    ],
)
def test_a_process_that_ends_without_its_result_is_incomplete_and_never_silent(
    folder: Path, args: tuple[str, ...], loading: str, running: str, words: str
) -> None:
    write(folder, loading=loading, running=running)
    answer = run_process(folder, *args)
    assert answer.returncode == 5, answer
    assert "the process with your code" in answer.stderr + answer.stdout
    assert words in answer.stderr + answer.stdout
    assert "Traceback" not in answer.stderr


PLUGIN = """
[windtunnel.actions]
ending = ending:Action
[windtunnel.renderers]
ending = ending:Renderer
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("step", "args", "imported"),
    [
        ("{ type: python, name: end, call: 'ending:end' }", ("validate", "scenario.yaml"), "ending.py"),
        ("{ type: python, name: end, call: 'ending:end' }", ("run", "--scenarios", "scenario.yaml"), "ending.py"),
        ("{ type: ending, name: end }", ("validate", "scenario.yaml"), "ending:Action"),
        ("{ type: http, name: look, path: / }", ("report", "--format", "ending"), "ending:Renderer"),
    ],
)
def test_modules_of_steps_and_plugins_end_no_command_silently(
    folder: Path, step: str, args: tuple[str, ...], imported: str
) -> None:
    (folder / "scenario.yaml").write_text(f"id: it\nflow: [{step}]\n")
    if "report" in args:
        assert run_process(folder, "run", "--scenarios", "scenario.yaml").returncode in {0, 99}
    (folder / "ending.py").write_text("import os\nos._exit(0)\n")
    distribution = folder / "ending-1.0.dist-info"
    distribution.mkdir()
    (distribution / "METADATA").write_text("Metadata-Version: 2.1\nName: ending\nVersion: 1.0\n")
    (distribution / "entry_points.txt").write_text(PLUGIN)
    answer = run_process(folder, *args, environment={"PYTHONPATH": str(folder)})

    assert answer.returncode == 5, answer
    assert f"ended with exit code 0 while it imported {imported}" in answer.stderr


IN_THE_REPORT = (
    "from windtunnel.report.renderers import RENDERERS; RENDERERS['html'] = ('report.html', lambda _: os._exit(0))"
)


GONE = "the process with your code"
SOON = "import asyncio; asyncio.get_running_loop().call_soon(sys.exit, 0); await user.pause(9)"
IN_A_TASK = """import asyncio
    async def leave(): sys.exit(0)
    leaving = asyncio.ensure_future(leave())
    await user.pause(9)"""
CANCELS_ALL = "import asyncio; [task.cancel() for task in asyncio.all_tasks()]"


@pytest.mark.parametrize(
    ("workers", "loading", "running", "words"),
    [
        (1, "", EXITS, GONE),
        (1, "", SOON, "the run ended early"),
        pytest.param(1, "", IN_A_TASK, "the run ended early", marks=pytest.mark.slow),
        pytest.param(1, "", CANCELS_ALL, "the run ended early", marks=pytest.mark.slow),
        pytest.param(1, IN_THE_REPORT, "pass", GONE, marks=pytest.mark.slow),
        pytest.param(2, IN_THE_REPORT, "pass", GONE, marks=pytest.mark.slow),
        pytest.param(
            *(2, "threading.Timer(2, os.kill, [os.getpid(), 9]).start()", "time.sleep(9)", GONE),
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_run_whose_process_is_gone_says_so_in_every_file_and_output(
    folder: Path, workers: int, loading: str, running: str, words: str
) -> None:
    write(folder, loading=loading, running=running)
    inputs = {"scenarios": "code.py", "parallel": "2", "count": "4", "workers": str(workers)}
    outputs, job_summary = folder / "outputs", folder / "job-summary"
    environment = {
        **{f"INPUT_{name.upper()}": value for name, value in inputs.items()},
        "GITHUB_OUTPUT": str(outputs),
        "GITHUB_STEP_SUMMARY": str(job_summary),
        "GITHUB_WORKSPACE": str(folder),
    }
    answer = run_process(folder, "action", environment=environment)

    assert answer.returncode == 5, answer
    run = RunDirectory((folder / "windtunnel-report" / "latest").resolve())
    summary = msgspec.json.decode((run.path / "summary.json").read_bytes(), type=Summary)
    assert (summary.verdict, summary.exit_code) == ("incomplete", 5)
    assert words in str(summary.reasons)
    assert analyse(run).summary == summary
    assert "WINDTUNNEL_VERDICT=incomplete" in (run.path / "ci" / "windtunnel.env").read_text()
    assert words in (run.path / "report.html").read_text()
    assert outputs.read_text().count("verdict<<") == 1
    assert "\nincomplete\n" in outputs.read_text()
    assert "incomplete" in job_summary.read_text()


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_code_that_changes_the_working_directory_moves_no_file_of_the_run(folder: Path, workers: int) -> None:
    write(folder, running="os.chdir('/')")
    answer = run_process(folder, *RUN, "-p", "2", "--workers", str(workers))
    assert answer.returncode == 0, answer
    assert "WINDTUNNEL_VERDICT=pass" in (folder / "runs" / "latest" / "ci" / "windtunnel.env").read_text()


@pytest.mark.slow
def test_a_copy_of_the_process_that_comes_back_from_code_of_the_user_has_no_word(folder: Path) -> None:
    write(folder, loading="os.fork()")
    answer = run_process(folder, *RUN)
    assert answer.returncode == 0, answer
    assert "a copy of this process that your code made with os.fork() did not end itself" in answer.stderr
    assert len([each for each in folder.glob("runs/*") if not each.is_symlink()]) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("loading", "code"),
    [
        ("atexit.register(os._exit, 7)", 0),
        ("threading.Thread(target=sys.exit).start()", 0),
        ("sys.exit(0)", 2),
        ("raise SystemExit", 2),
    ],
)
def test_what_is_said_after_the_last_word_does_not_change_it(folder: Path, loading: str, code: int) -> None:
    write(folder, loading=loading)
    assert run_process(folder, *RUN).returncode == code


def supervised(code: str, *, limits: str = "", first: str = "") -> list[str]:
    """A process that does `first` and then runs `code` as a file of the user, within `limits`."""
    program = (
        f"import os, signal, sys, time\n{first}\n"
        "from windtunnel.cli.child import ChildWatch, Limits\n"
        "from windtunnel.errors import WindtunnelError\n"
        f"watch = ChildWatch(Limits({limits}))\n"
        "def say(text):\n"
        "    sys.stdout.write(f'{text}\\n')\n"
        "    sys.stdout.flush()\n"
        "try:\n"
        "    with watch.importing('code.py'):\n"
        "        say(os.getpid())\n"
        f"        {code}\n"
        "    watch.ended(42)\n"
        "except WindtunnelError as error:\n"
        "    say(f'{type(error).__name__}: {error}')\n"
    )
    return [sys.executable, "-c", program]


def answered(code: str, *, limits: str = "") -> Answer:
    with subprocess.Popen(supervised(code, limits=limits), stdout=-1, stderr=-1, text=True) as process:
        return answer_of(process)


def test_an_import_that_never_ends_is_told_with_its_file() -> None:
    answer = answered("time.sleep(1000)", limits="import_s=0.2")
    assert 'ConfigError: "code.py" is still being imported after 200 ms' in answer.stdout, answer
    assert "help: it is imported before anything is sent" in answer.stdout


def test_code_that_goes_on_after_the_command_is_ended_and_the_exit_code_stands() -> None:
    endless = "import threading; threading.Thread(target=time.sleep, args=(1000,)).start()"
    answer = answered(endless, limits="exit_s=0.2")
    assert answer.returncode == 42, answer
    assert "your code still ran 200 ms after the end of the command" in answer.stderr


@pytest.mark.slow
def test_code_that_closes_every_descriptor_is_heard_no_more() -> None:
    answer = answered("os.closerange(3, 100); time.sleep(1.5)", limits="import_s=60.0")
    assert answer.stdout.endswith(
        "LostProcessError: the process with your code ended with exit code 0, without its result\n"
    ), answer


@pytest.mark.parametrize(
    "noise", ["no message", "5", '["imported"]', '["over", 0]', '["ended", 4096]', "[" * 9_000]
)
def test_what_code_writes_into_the_pipe_by_chance_is_no_message(noise: str) -> None:
    answer = answered(f"os.write(watch._told.descriptor, {noise!r}.encode() + b'\\n')")
    assert (answer.returncode, answer.stderr) == (42, "")


TELLS = (
    "[signal.signal(each, lambda number, _: say(number)) for each in (1, 2, 15)]; say('ready')\n"
    "        while True: signal.pause()"
)


@pytest.mark.parametrize("to_the_group", [False, True], ids=["to the command", "to its group"])
def test_each_signal_reaches_the_child_once(to_the_group: bool) -> None:
    with subprocess.Popen(supervised(TELLS), stdout=-1, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert process.stdout.readline() == "ready\n"
        # One that came twice would be told again before the next one.
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            os.killpg(process.pid, number) if to_the_group else os.kill(process.pid, number)
            assert process.stdout.readline() == f"{number:d}\n"
        process.kill()


def test_a_child_that_hears_no_signal_is_killed_at_the_fourth() -> None:
    deaf = "[signal.signal(each, signal.SIG_IGN) for each in (2, 15, 1)]; say('ready'); time.sleep(1000)"
    # Signals go on coming until the command has told what happened; those after the fourth are not what is tested.
    first = "signal.signal(2, signal.SIG_IGN)"
    with subprocess.Popen(supervised(deaf, first=first), stdout=-1, stderr=-1, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.readline()
        while process.poll() is None:
            process.send_signal(signal.SIGINT)
        assert "did not end after 3 signals and was killed" in process.stdout.read()


def test_the_child_of_a_command_that_is_killed_ends_too() -> None:
    with subprocess.Popen(supervised("say('ready'); time.sleep(1000)"), stdout=-1, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert process.stdout.readline() == "ready\n"
        process.kill()
        assert process.stdout.read() == ""  # the child has closed it as well


@pytest.mark.slow
def test_a_signal_ends_a_run_of_code_that_holds_the_loop(folder: Path) -> None:
    write(folder, running="time.sleep(1000)")
    with started(folder, *RUN) as process:
        until(lambda: list(folder.glob("runs/*/records/0000.jsonl")), process)
        while process.poll() is None:
            process.send_signal(signal.SIGINT)
            signal.sigtimedwait([], 0.2)
        answer = answer_of(process)
    assert answer.returncode in {130, 5}, answer
    assert "Traceback" not in answer.stderr


@pytest.mark.slow
def test_for_a_debugger_code_of_the_user_stays_in_the_process_of_the_command(tmp_path: Path) -> None:
    (tmp_path / "sut.yaml").write_text("name: nobody\nbase_url: http://127.0.0.1:9\n")
    write(tmp_path, loading="sys.stderr.write(f'{os.getpid()}\\n')")
    for environment, same in (({}, False), ({"WINDTUNNEL_ONE_PROCESS": "1"}, True)):
        with started(tmp_path, "validate", "code.py", environment={**ENVIRONMENT, **environment}) as process:
            answer = answer_of(process)
        assert answer.returncode == 0, answer
        assert (answer.stderr.strip() == str(process.pid)) == same
