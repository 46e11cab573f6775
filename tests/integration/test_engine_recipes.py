"""Every hook of `docs/turbulence-engines.md`, run as far as this machine can: applied, found and undone."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.support.hooks import REACH, assert_works, recipes
from tests.support.kubernetes import Kubernetes
from windtunnel.model.turbulence import Phases
from windtunnel.turbulence.driven import DrivenFault
from windtunnel.turbulence.drivers.hook import HookDriver
from windtunnel.turbulence.drivers.toxiproxy import ToxiproxyDriver

NAMESPACE = "shop"


@contextlib.contextmanager
def a_process() -> Iterator[None]:
    _require("ps")
    with subprocess.Popen(["sleep", "1000"]) as process:
        Path("shop.pid").write_text(str(process.pid))
        try:
            yield
        finally:
            process.kill()


@contextlib.contextmanager
def a_network(*, of: str = "") -> Iterator[None]:
    """A network namespace `shop` whose loopback interface is up, where this machine lets us make one."""
    _require("ip", "tc")
    if subprocess.run(["ip", "netns", "add", NAMESPACE], capture_output=True).returncode:
        pytest.skip("this machine lets us make no network namespace")
    try:
        subprocess.run(["ip", "-n", NAMESPACE, "link", "set", "lo", "up"], check=True)
        if of:
            probe = ["tc", "-n", NAMESPACE, "qdisc", "add", "dev", "lo", "root", *of.split()]
            if subprocess.run(probe, capture_output=True).returncode:
                pytest.skip(f"the kernel of this machine has no {of.split()[0]}")
            subprocess.run(["tc", "-n", NAMESPACE, "qdisc", "del", "dev", "lo", "root"], check=True)
        yield
    finally:
        subprocess.run(["ip", "netns", "del", NAMESPACE], check=True)


@contextlib.contextmanager
def a_cluster() -> Iterator[None]:
    """The API of Kubernetes as far as these commands use it, with a deployment of three replicas."""
    _require("kubectl")
    with Kubernetes().running() as url, pytest.MonkeyPatch.context() as patch:
        Path("kubeconfig").write_text(
            f"apiVersion: v1\nkind: Config\ncurrent-context: here\n"
            f"clusters: [{{ name: here, cluster: {{ server: '{url}' }} }}]\n"
            f"contexts: [{{ name: here, context: {{ cluster: here, user: me }} }}]\n"
            f"users: [{{ name: me, user: {{}} }}]\n"
        )
        Path("deny.yaml").write_text(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: { name: deny-payments }\n"
            "spec: { podSelector: { matchLabels: { app: payments } }, policyTypes: [Ingress] }\n"
        )
        patch.setenv("KUBECONFIG", str(Path("kubeconfig").absolute()))
        patch.setenv("HOME", str(Path.cwd()))
        yield


PLACES: dict[str, Callable[[], AbstractContextManager[None]]] = {
    "freeze the shop": a_process,
    "no payments": a_cluster,
    "payments cut off": a_cluster,
    "slow network": lambda: a_network(of="netem delay 1ms"),
    "narrow network": lambda: a_network(of="tbf rate 1mbit burst 10kb latency 400ms"),
    "cable pulled": a_network,
}
"""Where each recipe runs here. Those of Docker run in `tests/container`."""

IN_CONTAINERS = {"pause the container", "kill the container"}


def _require(*programs: str) -> None:
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"not installed: {program}")


def test_every_hook_of_the_page_is_run_somewhere() -> None:
    hooks = {name for name, written in recipes().items() if written.type == "hook"}
    assert hooks == set(PLACES) | IN_CONTAINERS


@pytest.mark.slow
@pytest.mark.parametrize("name", PLACES)
def test_a_recipe_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    with PLACES[name]():
        assert_works(recipes()[name])


@pytest.mark.parametrize("name", recipes())
def test_a_recipe_is_one_that_a_plan_accepts(name: str) -> None:
    fault = recipes()[name]
    driver = (HookDriver if fault.engine == "hook" else ToxiproxyDriver)(REACH)

    driven = DrivenFault(fault, Phases(steady_s=1, inject_s=60, recover_s=1), seed=1, driver=driver)

    assert driven.bands
