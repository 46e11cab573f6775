"""The process of a SUT that the run starts: how it is ended, with everything that it started, whatever happens."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.support import ROOT
from tests.support.command_line import until
from tests.support.processes import is_running, parent_of
from windtunnel.engine.sut.keeper import SutTask
from windtunnel.engine.sut.process import SutEnd, SutProcess

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the flag is for Unix systems")
linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux knows every descendant")

FOREVER = "import time\nwhile True: time.sleep(60)\n"


class Command:
    """A program in Python that a SUT process runs; what it tells in files of its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def process(self, program: str, *, grace_s: float = 10.0, more_s: float = 10.0) -> SutProcess:
        (self.folder / "program.py").write_text(textwrap.dedent(program))
        return SutProcess(
            SutTask(
                command=(sys.executable, "program.py"),
                environment={"PATH": os.environ["PATH"]},
                folder=str(self.folder),
                log=self.folder / "sut.log",
                grace_s=grace_s,
            ),
            more_s=more_s,
        )

    def ended(self, program: str) -> SutEnd:
        """How a program ends by itself."""

        async def main() -> SutEnd:
            process = self.process(program, grace_s=0.2)
            async with process.running({}):
                return await process.wait()

        return asyncio.run(main())

    def stopped(
        self,
        program: str,
        *,
        grace_s: float = 10.0,
        more_s: float = 10.0,
        meanwhile: Callable[[SutProcess], Awaitable[None]] | None = None,
    ) -> None:
        """Run a program until it has written the file `ready`, then end it."""

        async def main() -> None:
            process = self.process(program, grace_s=grace_s, more_s=more_s)
            async with process.running({"SHOP_URL": "http://127.0.0.1:9"}):
                await self.is_ready(process)
                if meanwhile is not None:
                    await meanwhile(process)

        asyncio.run(main())

    async def is_ready(self, process: SutProcess) -> None:
        while not (self.folder / "ready").exists():
            assert process.end is None, process.end
            await asyncio.sleep(0.01)

    def told(self, file: str) -> str:
        return (self.folder / file).read_text()


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path)


READY = "from pathlib import Path\nimport os\nPath('pid').write_text(str(os.getpid()))\nPath('ready').touch()\n"


def test_it_has_the_variables_and_the_folder_of_the_run(command: Command) -> None:
    command.stopped("import os\nopen('url', 'w').write(os.environ['SHOP_URL'])\n" + READY + FOREVER)

    assert command.told("url") == "http://127.0.0.1:9"


def test_it_is_asked_to_end_and_may_finish_what_it_does(command: Command) -> None:
    program = """
    import signal, sys
    def end(number, frame):
        open("ended", "a").write(signal.Signals(number).name)
        print("bye", flush=True)
        sys.exit(0)
    signal.signal(signal.SIGTERM, end)
    """
    command.stopped(textwrap.dedent(program) + READY + FOREVER)

    assert command.told("ended") == "SIGTERM"
    assert command.told("sut.log") == "bye\n"


def test_one_that_does_not_end_is_killed(command: Command) -> None:
    command.stopped(
        "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + READY + FOREVER, grace_s=0.2
    )

    assert not is_running(int(command.told("pid")))


@pytest.mark.slow
def test_it_takes_the_signals_that_the_keeper_does_not(command: Command) -> None:
    program = """
    import signal
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    open("blocked", "w").write(repr(blocked))
    """
    command.stopped(textwrap.dedent(program) + READY + FOREVER)

    assert command.told("blocked") == "set()"


CHILDREN = """
import os, subprocess, sys
deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(999)"
child = [sys.executable, "-c", deaf]
pids = [subprocess.Popen(child, start_new_session=new).pid for new in (False, True)]
open("children", "w").write(" ".join(map(str, pids)))
"""


@pytest.mark.slow
def test_one_that_takes_its_time_is_killed_when_the_run_is_in_a_hurry(command: Command) -> None:
    async def main() -> None:
        process = command.process(
            "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + READY + FOREVER
        )

        async def hurry() -> None:
            assert is_running(process.pid or 0)

        async with process.running({}, hurry=hurry):
            await command.is_ready(process)

    asyncio.run(main())

    assert not is_running(int(command.told("pid")))


@linux
def test_what_it_started_ends_with_it_also_in_another_session(command: Command) -> None:
    command.stopped(CHILDREN + READY + FOREVER, grace_s=0.2)

    assert [pid for pid in command.told("children").split() if is_running(int(pid))] == []


@linux
def test_what_a_sut_that_crashed_left_behind_ends_too(command: Command) -> None:
    end = command.ended(CHILDREN + "sys.exit('no more memory')\n")

    assert end.reason == "the command of --exec ended with exit code 1: no more memory (sut.log)"
    assert [pid for pid in command.told("children").split() if is_running(int(pid))] == []


DAEMON = """
import os, sys, time
from pathlib import Path
if os.fork():
    os._exit(0)
os.setsid()
if os.fork():
    os._exit(0)
Path("pid").write_text(str(os.getpid()))
Path("ready").touch()
"""


@linux
def test_a_daemon_runs_until_it_is_ended(command: Command) -> None:
    async def still_there(process: SutProcess) -> None:
        assert process.end is None

    command.stopped(DAEMON + FOREVER, meanwhile=still_there)

    assert not is_running(int(command.told("pid")))


@pytest.mark.slow
@linux
def test_a_daemon_that_ends_is_told(command: Command) -> None:
    end = command.ended(DAEMON + "print('no disk', flush=True)\n")

    assert end.last == ("no disk",)


@linux
def test_it_ends_when_the_process_that_looks_after_it_is_killed(command: Command) -> None:
    pids: list[int] = []

    async def kill_keeper(process: SutProcess) -> None:
        assert process.pid is not None
        os.kill(parent_of(process.pid), signal.SIGKILL)
        end = await process.wait()
        assert "our process for it was ended by SIGKILL" in end.how
        pids.append(process.pid)

    command.stopped(READY + FOREVER, meanwhile=kill_keeper)

    until(lambda: not is_running(pids[0]))


@pytest.mark.slow
@linux
def test_a_signal_to_all_processes_of_the_run_leaves_the_keeper_at_work(command: Command) -> None:
    async def signal_keeper(process: SutProcess) -> None:
        assert process.pid is not None
        keeper = parent_of(process.pid)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(keeper, number)
        assert is_running(keeper)
        assert process.end is None

    command.stopped(READY + FOREVER, meanwhile=signal_keeper)

    assert not is_running(int(command.told("pid")))


COORDINATOR = """
import asyncio, os, sys, time
from pathlib import Path
from windtunnel.engine.sut.keeper import SutTask
from windtunnel.engine.sut.process import SutProcess

async def main():
    command = (sys.executable, "program.py")
    task = SutTask(command=command, environment=dict(os.environ), folder=".", log=Path("sut.log"))
    async with SutProcess(task).running({}):
        while not Path("ready").exists():
            await asyncio.sleep(0.01)
        if os.fork() == 0:
            Path("copy").write_text(str(os.getpid()))
            time.sleep(600)
        await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.mark.slow
@linux
def test_a_keeper_that_does_not_answer_is_killed_with_its_command(command: Command) -> None:
    async def stop_keeper(process: SutProcess) -> None:
        assert process.pid is not None
        os.kill(parent_of(process.pid), signal.SIGSTOP)

    command.stopped(READY + FOREVER, grace_s=0.1, more_s=0.1, meanwhile=stop_keeper)

    until(lambda: not is_running(int(command.told("pid"))))


@pytest.mark.slow
@linux
def test_it_ends_with_a_killed_run_though_a_copy_of_that_lives_on(command: Command) -> None:
    command.process(READY + FOREVER)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", COORDINATOR], cwd=command.folder, env=environment) as run:
        copy = command.folder / "copy"
        until(lambda: copy.exists() and copy.read_text(), None)
        run.kill()
    try:
        until(lambda: not is_running(int(command.told("pid"))))
    finally:
        os.kill(int(copy.read_text()), signal.SIGKILL)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"\x7fELF not really", "Exec format error"),
        (b"#!/no/such/interpreter\n", "No such file or directory"),
    ],
)
def test_a_file_that_can_not_be_executed_is_told(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "app").write_bytes(content)
    (tmp_path / "app").chmod(0o755)

    async def main() -> SutEnd:
        process = SutProcess(
            SutTask(command=("./app",), environment={}, folder=str(tmp_path), log=tmp_path / "sut.log")
        )
        async with process.running({}):
            return await process.wait()

    assert asyncio.run(main()).reason == f"the command of --exec could not be started: {why}"


@pytest.mark.slow
def test_output_that_comes_faster_than_it_is_kept_does_not_hold_the_sut(command: Command) -> None:
    program = "for number in range(200_000): print('line', number, 'of a SUT that has a lot to say')\n"

    end = command.ended(program + "print('done')\nraise SystemExit(3)\n")

    assert end.last[-1] == "done"
    assert (command.folder / "sut.log").stat().st_size < 6_000_000


def test_a_last_line_without_an_end_in_sight_is_told_in_part(command: Command) -> None:
    end = command.ended("for _ in range(30): print('x' * 70_000)\nraise SystemExit(1)\n")

    assert end.last == ("x" * 500,) * 20
