"""The hooks of `docs/turbulence-engines.md` for Docker, on a container that runs."""

from __future__ import annotations

import os

import pytest

from tests.support.hooks import assert_works, recipes
from tests.support.podman import TAG, Image
from windtunnel.turbulence.drivers.driver import Reach

pytestmark = pytest.mark.container


@pytest.mark.parametrize("name", ["pause the container", "kill the container"])
def test_a_recipe_works(image: Image, name: str) -> None:
    """Podman under the name of docker; its store is that of the test."""
    sleeping = ["--detach", "--name", "shop", "--network", "host", "--entrypoint", "sleep", TAG, "1000"]
    started = image.podman("run", *sleeping)
    assert started.returncode == 0, started.stderr
    path = f"{image.docker}{os.pathsep}{os.environ['PATH']}"
    try:
        assert_works(recipes()[name], Reach(environment={**os.environ, "PATH": path}, hide=str))
    finally:
        image.podman("rm", "--force", "--time", "0", "shop")
