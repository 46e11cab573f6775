"""A run that ends while faults of engines are on: by a signal it undoes them itself, by SIGKILL `heal` does."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.command_line import answer_of, call, started, until
from tests.support.processes import is_running
from tests.support.toxiproxy import Toxiproxy, running
from windtunnel.demo.process import ShopProcess
from windtunnel.turbulence.drivers.toxiproxy_api import Address
from windtunnel.turbulence.drivers.toxiproxy_api import call as tell

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(120),
    pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix"),
]

PLAN = """
sut: sut.yaml
load: {{ rate: 5/s }}
turbulence:
  phases: {{ steady: 100ms, inject: 10m, recover: 1s }}
  faults:
    - name: first
      type: hook
      apply: [sh, -c, "mkdir first && echo $PPID > owner"]
      revert: rmdir first
      verify: test -d first
    - name: second
      type: hook
      apply: mkdir first/second
      revert: rmdir first/second
      verify: test -d first/second
      schedule: {{ at: 100ms }}
    - name: slow
      engine: toxiproxy
      url: "{url}"
      on: {{ proxy: db }}
      type: latency
      attributes: {{ latency: 9 }}
    - {{ name: down, engine: toxiproxy, url: "{url}", on: {{ proxy: cache }}, type: down }}
"""
"""The second fault can only be undone before the first."""

IN_YAML = "id: a\nflow: [{ type: http, name: home, path: /health }]\n"
IN_PYTHON = """
from windtunnel import scenario

@scenario("a")
async def visit(user):
    await user.http.get("/health")
"""
ALLOW = ("--allow", "hook,toxiproxy")


class Disturbed:
    """The folder of a run, and whether its faults are on."""

    def __init__(self, path: Path, server: Toxiproxy) -> None:
        self.path, self.server = path, server

    def prepare(self, shop: ShopProcess, scenario: str) -> None:
        for name in ("db", "cache"):
            told = {"name": name, "upstream": "127.0.0.1:9"}
            asyncio.run(tell(Address.of(self.server.url), "POST", "proxies", body=told))
        (self.path / "sut.yaml").write_text(f"base_url: {shop.base_url}\n")
        (self.path / f"a.{'yaml' if scenario == IN_YAML else 'py'}").write_text(scenario)
        (self.path / "windtunnel.yaml").write_text(PLAN.format(url=self.server.url))

    @property
    def command(self) -> tuple[str, ...]:
        (scenario,) = self.path.glob("a.*")
        return ("run", "--plan", "windtunnel.yaml", "--scenarios", scenario.name, "--output", "runs", *ALLOW)

    @property
    def on(self) -> list[str]:
        """The faults that are on, as the world shows them."""
        proxies = asyncio.run(tell(Address.of(self.server.url), "GET", "proxies"))
        shown = {
            "first": (self.path / "first").is_dir(),
            "second": (self.path / "first" / "second").is_dir(),
            "slow": bool(proxies["db"]["toxics"]),
            "down": not proxies["cache"]["enabled"],
        }
        return [name for name, is_on in shown.items() if is_on]

    def all_on(self) -> bool:
        return len(self.on) == 4

    def heal(self, *more: str) -> tuple[int, list[str]]:
        answer = call(self.path, "turbulence", "heal", *more)
        return answer.returncode, answer.stdout.splitlines()


@pytest.fixture
def disturbed(tmp_path: Path) -> Iterator[Disturbed]:
    with running() as server:
        yield Disturbed(tmp_path, server)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)])
@pytest.mark.parametrize("more", [(), ("--workers", "2")], ids=["one process", "workers"])
def test_a_signal_undoes_everything_within_five_seconds(
    disturbed: Disturbed, shop: ShopProcess, number: signal.Signals, code: int, more: Sequence[str]
) -> None:
    disturbed.prepare(shop, IN_YAML)
    with started(disturbed.path, *disturbed.command, *more) as process:
        until(disturbed.all_on, process)
        process.send_signal(number)
        began = time.monotonic()
        until(lambda: not disturbed.on)
        took_s = time.monotonic() - began
        answer = answer_of(process)

    assert answer.returncode == code, answer.stderr
    assert took_s < 5
    assert disturbed.heal()[1][-1].endswith("nothing to undo")


@pytest.mark.parametrize("scenario", [IN_YAML, IN_PYTHON], ids=["one process", "user code"])
def test_what_a_killed_run_leaves_is_healed_once(disturbed: Disturbed, shop: ShopProcess, scenario: str) -> None:
    disturbed.prepare(shop, scenario)
    with started(disturbed.path, *disturbed.command) as process:
        until(disturbed.all_on, process)
        owner = int((disturbed.path / "owner").read_text())
        process.kill()
        process.wait()
        until(lambda: not is_running(owner))

    assert disturbed.all_on()
    without = disturbed.heal()
    assert without[0] == 5
    assert disturbed.on == ["first", "second"]
    undone = ["undone  second", "undone  first", ran(disturbed, "2 of 2 undone")]
    assert disturbed.heal("--allow", "hook") == (0, undone)
    assert disturbed.on == []
    assert disturbed.heal("--allow", "hook") == (0, [ran(disturbed, "nothing to undo")])


def test_a_command_that_applies_a_fault_ends_with_a_run_that_is_killed(
    disturbed: Disturbed, shop: ShopProcess
) -> None:
    """What it would do after that, no `heal` before it could undo."""
    disturbed.prepare(shop, IN_YAML)
    plan = disturbed.path / "windtunnel.yaml"
    plan.write_text(plan.read_text().replace("echo $PPID > owner", "echo $$ > owner; exec sleep 1000"))
    owner = disturbed.path / "owner"
    with started(disturbed.path, *disturbed.command) as process:
        until(lambda: owner.exists() and owner.read_text().strip(), process)
        process.kill()
        process.wait()

    until(lambda: not is_running(int(owner.read_text())))
    assert disturbed.heal("--allow", "hook")[0] == 0
    assert disturbed.on == []


FLAPPING = """
sut: sut.yaml
load: { rate: 5/s }
turbulence:
  phases: { steady: 100ms, inject: 10m, recover: 1s }
  faults:
    - name: flapping
      type: hook
      apply: [sh, -c, "echo apply >> told; mkdir on"]
      revert: [sh, -c, "echo revert >> told; rmdir on"]
      verify: [sh, -c, "echo verify >> told; test -d on"]
      schedule: { pattern: flap, on: 300ms }
"""
COMMANDS = ["verify", "apply", "verify", "verify", "revert", "verify"]
"""The commands of one time that a fault is on, in their order."""


@pytest.mark.parametrize("killed_at", range(1, 2 * len(COMMANDS) + 1))
def test_at_whichever_command_a_run_is_killed_heal_leaves_all_as_it_was(
    disturbed: Disturbed, shop: ShopProcess, killed_at: int
) -> None:
    disturbed.prepare(shop, IN_YAML)
    (disturbed.path / "windtunnel.yaml").write_text(FLAPPING)
    told = disturbed.path / "told"
    with started(disturbed.path, *disturbed.command) as process:
        until(lambda: told.exists() and len(told.read_text().split()) >= killed_at, process)
        process.kill()
        process.wait()
    begun = told.read_text().split()

    healed, _ = disturbed.heal("--allow", "hook")

    assert healed == 0
    assert not (disturbed.path / "on").exists()
    assert begun == (COMMANDS * 10)[: len(begun)]
    assert disturbed.heal("--allow", "hook") == (0, [ran(disturbed, "nothing to undo")])


def test_a_process_of_user_code_that_is_killed_leaves_what_heal_undoes(
    disturbed: Disturbed, shop: ShopProcess
) -> None:
    disturbed.prepare(shop, IN_PYTHON)
    with started(disturbed.path, *disturbed.command) as process:
        until(disturbed.all_on, process)
        os.kill(int((disturbed.path / "owner").read_text()), signal.SIGKILL)
        answer = answer_of(process)

    assert answer.returncode == 5
    assert "windtunnel turbulence heal --run" in answer.stderr
    assert disturbed.heal("--allow", "hook")[0] == 0
    assert disturbed.on == []


def test_a_run_that_goes_on_is_not_healed(disturbed: Disturbed, shop: ShopProcess) -> None:
    disturbed.prepare(shop, IN_YAML)
    with started(disturbed.path, *disturbed.command) as process:
        until(disturbed.all_on, process)

        assert disturbed.heal("--allow", "hook") == (2, [])

        assert disturbed.all_on()
        process.send_signal(signal.SIGINT)
        answer_of(process)


def ran(disturbed: Disturbed, said: str) -> str:
    (run,) = (disturbed.path / "runs").glob("2*")
    return f"{run.name}: {said}"
