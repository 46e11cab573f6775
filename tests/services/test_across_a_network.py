"""A SUT in a network of its own, where `--exec` starts it: proxies across the network, and the network cut.

A network namespace of Linux takes the place of another machine; a pair of virtual interfaces leads to it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.support.command_line import run_process, started, until
from tests.support.processes import is_running
from windtunnel.model.record import FaultRecord, ProxiedRecord, Record, StepRecord
from windtunnel.storage.directory import RunDirectory
from windtunnel.storage.reader import RecordReader

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="namespaces of Linux")]

SHOP = """
import http.server, os, sys, urllib.request

class Shop(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if "PAYMENTS_URL" in os.environ:
            headers = {"traceparent": self.headers["traceparent"]}
            charge = urllib.request.Request(os.environ["PAYMENTS_URL"] + "/charge", headers=headers)
            urllib.request.urlopen(charge).read()
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass

print(os.environ.get("PAYMENTS_URL"), flush=True)
open("pid", "w").write(str(os.getpid()))
http.server.ThreadingHTTPServer((sys.argv[1], 8000), Shop).serve_forever()
"""


@dataclass(frozen=True, kw_only=True)
class Network:
    """A namespace, our interface to it, and the addresses of both ends."""

    name: str
    interface: str
    ours: str
    theirs: str

    @property
    def is_up(self) -> bool:
        return "state UP" in ip("link", "show", self.interface)


def ip(*words: str) -> str:
    return subprocess.run(["ip", *words], capture_output=True, text=True, check=True).stdout


@pytest.fixture
def network() -> Iterator[Network]:
    if shutil.which("ip") is None or os.geteuid() != 0:
        pytest.skip("network namespaces need the program `ip` and root")
    number = os.getpid() % 250
    network = Network(
        name=f"wt-{os.getpid()}",
        interface=f"wt{os.getpid()}a"[:15],
        ours=f"10.199.{number}.1",
        theirs=f"10.199.{number}.2",
    )
    inside, other = ("netns", "exec", network.name, "ip"), f"wt{os.getpid()}b"[:15]
    try:
        ip("netns", "add", network.name)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no network namespace here: {error.stderr}")
    try:
        ip("link", "add", network.interface, "type", "veth", "peer", "name", other, "netns", network.name)
        ip("addr", "add", f"{network.ours}/24", "dev", network.interface)
        ip("link", "set", network.interface, "up")
        ip(*inside, "addr", "add", f"{network.theirs}/24", "dev", other)
        ip(*inside, "link", "set", other, "up")
        yield network
    finally:
        ip("netns", "delete", network.name)  # takes both interfaces with it


class Project:
    """A shop in another network, and a plan about it."""

    def __init__(self, path: Path, network: Network) -> None:
        self.path, self.network = path, network
        (path / "shop.py").write_text(SHOP)
        (path / "sut.yaml").write_text(f"base_url: http://{network.theirs}:8000\ntimeout: 500ms\n")
        (path / "scenarios").mkdir()
        (path / "scenarios" / "home.yaml").write_text("id: home\nflow: [{ type: http, name: home, path: / }]\n")

    def plan(self, **sections: Any) -> None:
        (self.path / "plan.yaml").write_text(json.dumps({"load": {"rate": "20/s"}, "turbulence": sections}))

    def run(self, *flags: str) -> list[str]:
        inside = ["ip", "netns", "exec", self.network.name, sys.executable, "shop.py", self.network.theirs]
        return ["run", "--plan", "plan.yaml", "--exec", shlex.join(inside), *flags]

    @property
    def latest(self) -> RunDirectory:
        return RunDirectory((self.path / "runs" / "latest").resolve())

    @property
    def records(self) -> list[Record]:
        return list(RecordReader(self.latest.segments()))

    @property
    def pid(self) -> int:
        return int((self.path / "pid").read_text())


@pytest.fixture
def project(tmp_path: Path, network: Network) -> Project:
    return Project(tmp_path, network)


@contextlib.contextmanager
def payments() -> Iterator[str]:
    """What the shop calls, on this machine alone."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


PHASES = {"steady": "1s", "inject": "1s", "recover": "1s"}


def test_proxies_stand_in_both_directions_of_a_network(project: Project) -> None:
    with payments() as upstream:
        listen = f"{project.network.ours}:0"
        project.plan(
            phases=PHASES,
            proxies={
                "front": {"service": "default"},
                "payments": {"upstream": upstream, "listen": listen, "export": "PAYMENTS_URL"},
            },
        )
        answer = run_process(project.path, *project.run("--allow", "listen"))

    ours = Counter(record.correlation_id for record in project.records if isinstance(record, StepRecord))
    seen = {
        name: Counter(
            record.correlation_id
            for record in project.records
            if isinstance(record, ProxiedRecord) and record.proxy == name
        )
        for name in ("front", "payments")
    }
    assert len(ours) == 60, answer.stdout
    assert seen == {"front": ours, "payments": ours}
    assert (project.latest.path / "sut.log").read_text().startswith(f"http://{project.network.ours}:")
    assert not is_running(project.pid)


def test_other_machines_reach_a_proxy_only_by_the_command_line(project: Project) -> None:
    proxy = {"upstream": "http://127.0.0.1:9", "listen": f"{project.network.ours}:0"}
    project.plan(phases=PHASES, proxies={"payments": proxy})

    answer = run_process(project.path, *project.run())

    assert answer.returncode == 2
    assert "--allow listen" in answer.stderr
    assert not (project.path / "pid").exists()


def cut(network: Network) -> dict[str, str]:
    """The fault that there is no network."""
    return {
        "name": "no network",
        "type": "hook",
        "apply": f"ip link set {network.interface} down",
        "revert": f"ip link set {network.interface} up",
    }


def test_a_network_that_is_cut_and_comes_back_is_judged(project: Project) -> None:
    project.plan(
        phases={"steady": "3s", "inject": "2s", "recover": "6s"},
        faults=[cut(project.network)],
        judge={"recover": {"within": "5s", "hold": "1s"}},
    )

    answer = run_process(project.path, *project.run("--allow", "hook"))

    events = [record.event for record in project.records if isinstance(record, FaultRecord)]
    summary = json.loads((project.latest.path / "summary.json").read_text())["turbulence"]
    assert events == ["on", "applied", "off"], answer.stderr
    failed = {phase["name"]: phase["failed_share"] for phase in summary["phases"]}
    assert summary["recovery"] == "recovered", summary
    assert failed["steady"] == 0
    assert failed["inject"] > 0.5
    assert project.network.is_up
    assert not is_running(project.pid)


def test_a_run_that_is_killed_leaves_no_sut_and_heals_the_network(project: Project) -> None:
    project.plan(phases={"steady": "200ms", "inject": "60s", "recover": "1s"}, faults=[cut(project.network)])

    with started(project.path, *project.run("--allow", "hook")) as process:
        until(lambda: (project.path / "pid").exists() and not project.network.is_up, process)
        process.kill()
        process.wait()
        until(lambda: not is_running(project.pid))
    answer = run_process(project.path, "turbulence", "heal", "--run", "latest", "--allow", "hook")

    assert answer.returncode == 0, answer.stderr
    assert project.network.is_up
