"""The image, built once; a shop to run against; a user's repository.

Needs podman (and runc, and root, where the base image can't be pulled). Everything runs on loopback.
WINDTUNNEL_CONTAINER_STORE names a folder (a short path) that keeps the image store between test runs.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import ROOT
from tests.support.podman import TAG, Image, finished
from windtunnel.demo.process import ShopProcess


@pytest.fixture(scope="session", name="image")
def build_image() -> Iterator[Image]:
    if shutil.which("podman") is None:
        missing("podman")
    kept = os.environ.get("WINDTUNNEL_CONTAINER_STORE")
    store = Path(kept) if kept else Path(tempfile.mkdtemp(prefix="wt-", dir="/tmp"))
    image = Image(store)
    try:
        built = finished([str(ROOT / "tests/container/build-image.sh"), TAG, str(store)], timeout_s=600)
        assert built.returncode == 0, (built.stdout + built.stderr)[-4000:]
        yield image
    finally:
        if not kept:
            # Layers first, while podman knows what is mounted; then the folder, of which nothing may be left.
            image.podman("rmi", "--all", "--force")
            shutil.rmtree(store)


@pytest.fixture(scope="session", name="tools")
def installed_tools() -> Path:
    """The folder with the programs that check and run CI files: `act`, `actionlint`, …"""
    tools = ROOT / ".ci/tools/bin"
    if not (tools / "act").exists():
        missing("what `make ci-tools` installs")
    return tools


@pytest.fixture(scope="session", name="shop_url")
def open_shop() -> Iterator[str]:
    with ShopProcess() as shop:
        yield shop.base_url


@pytest.fixture(scope="session", name="open_shop")
def open_shop_for_containers() -> Iterator[str]:
    """A shop on every address of this machine, by its address on localhost."""
    command = [sys.executable, "-m", "windtunnel.demo", "--host", "0.0.0.0", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as shop:
        try:
            assert shop.stdout is not None
            [port] = re.findall(r":(\d+)\s*$", shop.stdout.readline())
            yield f"http://localhost:{port}"
        finally:
            shop.terminate()


@pytest.fixture(name="workspace")
def checked_out(tmp_path: Path, shop_url: str) -> Path:
    """A user's repository: a SUT file and two scenarios."""
    workspace = tmp_path / "workspace"
    (workspace / "scenarios").mkdir(parents=True)
    (workspace / "sut.yaml").write_text(f"name: The demo shop\nbase_url: {shop_url}\n")
    for name in ("browse.yaml", "checkout.yaml"):
        shutil.copy(ROOT / "scenarios" / name, workspace / "scenarios" / name)
    return workspace


def missing(what: str) -> None:
    """Skip, or fail where nothing may be skipped."""
    if os.environ.get("WINDTUNNEL_REQUIRE_CONTAINER"):
        pytest.fail(f"not installed, and WINDTUNNEL_REQUIRE_CONTAINER asks for it: {what}")
    pytest.skip(f"not installed: {what}")
