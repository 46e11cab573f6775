"""A generator that runs out of something says so, and never blames the system under test."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.tiers import every, slow_unless
from windtunnel.demo.process import ShopProcess

ENVIRONMENT = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "NO_COLOR": "1", "COLUMNS": "200"}
JOURNEY = "id: look\nflow: [{ type: http, name: look, path: /api/products }, { type: wait, duration: 300ms }]\n"

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits are set as Linux has them")


def write(folder: Path, base_url: str) -> None:
    (folder / "sut.yaml").write_text(f"name: shop\nbase_url: {base_url}\n")
    (folder / "scenarios").mkdir()
    (folder / "scenarios" / "look.yaml").write_text(JOURNEY)


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=100)


@pytest.mark.slow
def test_too_few_open_files_are_foretold_and_make_the_run_inconclusive(tmp_path: Path) -> None:
    with ShopProcess() as shop:
        write(tmp_path, shop.base_url)
        job = f"{sys.executable} -m windtunnel run --parallel 100 --count 300"
        done = run(tmp_path, "sh", "-c", f"ulimit -n 64; exec {job}")
    assert "warning: 100 concurrent instances can need 150 open files, but the limit here is 64" in done.stderr
    assert done.returncode != 0
    assert "this machine ran out of file descriptors; raise the limit with `ulimit -n`" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


SMALL_NETWORK = """
ip link set lo up
echo "40000 40007" > /proc/sys/net/ipv4/ip_local_port_range
{python} -m windtunnel demo --serve --port 8080 > shop.log 2>&1 &
shop=$!
for _ in $(seq 600); do grep -q "running at" shop.log && break; sleep 0.1; done
{python} -m windtunnel run --parallel 30 --count 60
code=$?
kill $shop
exit $code
"""


def has_network_namespaces() -> bool:
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        return False
    return subprocess.run(["unshare", "-rn", "true"], capture_output=True).returncode == 0


@pytest.mark.slow
@pytest.mark.skipif(not has_network_namespaces(), reason="no network namespace can be made here")
def test_too_few_ports_are_foretold_and_make_the_run_inconclusive(tmp_path: Path) -> None:
    write(tmp_path, "http://127.0.0.1:8080")
    done = run(tmp_path, "unshare", "-rn", "sh", "-c", SMALL_NETWORK.format(python=sys.executable))
    assert "warning: 30 concurrent instances can need as many local ports, but there are 8 here" in done.stderr
    assert done.returncode != 0
    assert "this machine ran out of local ports; keep connections alive" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize("limit", slow_unless(lambda limit: limit == 10, [5, 8, 10, 14, 31]))
@pytest.mark.parametrize("command", every(2, ["validate", "run --count 3", "run --count 3 --workers 2"]))
def test_far_too_few_open_files_are_told_before_anything_is_sent(tmp_path: Path, command: str, limit: int) -> None:
    write(tmp_path, "http://127.0.0.1:9")
    done = run(tmp_path, "sh", "-c", f"ulimit -n {limit}; exec {sys.executable} -m windtunnel {command}")
    assert "Traceback" not in done.stdout + done.stderr
    if command == "validate":
        assert done.returncode == 0
    else:
        assert done.returncode == 2
        assert f"this process may open {limit} files, and the run needs at least" in done.stderr
        assert "help: raise the limit: ulimit -n 1024" in done.stderr
        assert not (tmp_path / "runs").exists()
