"""The built image and how to run it, with podman; and podman under docker's name and with docker's socket."""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

TAG = "localhost/windtunnel:test"
TIMEOUT_S = 120
Answer = subprocess.CompletedProcess[str]


class Image:
    """The image in the store that `build-image.sh` filled."""

    def __init__(self, store: Path) -> None:
        self.store = store

    @property
    def docker(self) -> Path:
        """The folder whose `docker` is podman with this store."""
        return self.store / "bin"

    def podman(self, *arguments: str) -> Answer:
        """Podman itself, as a person at a terminal would call it."""
        return finished([str(self.docker / "docker"), *arguments])

    def run(self, *arguments: str, options: Sequence[str] = (), network: str = "host") -> Answer:
        """A container that ends; its exit code is the answer's."""
        return self.podman("run", "--rm", "--network", network, *options, TAG, *arguments)

    @contextlib.contextmanager
    def socket(self) -> Iterator[str]:
        """Docker's API, spoken by podman, as a value for DOCKER_HOST."""
        path = self.store / "docker.sock"
        command = f". {shlex.quote(str(self.store / 'env.sh'))}; exec podman system service --time 0 unix://{path}"
        service = subprocess.Popen(["sh", "-c", command], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + 20
            while not path.exists():
                assert time.monotonic() < deadline, "podman's API does not come up"
                assert service.poll() is None, "podman's API ended"
                time.sleep(0.05)
            yield f"unix://{path}"
        finally:
            service.terminate()
            service.wait(20)
            path.unlink(missing_ok=True)


def finished(
    command: Sequence[str],
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    timeout_s: float = TIMEOUT_S,
) -> Answer:
    """What a program said, and how it ended."""
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        stdin=subprocess.DEVNULL,
        cwd=folder,
        env={**os.environ, **(environment or {})},
    )


def mounted(workspace: Path) -> list[str]:
    """The options of the documented line: `-v "$PWD:/work" -w /work`."""
    return ["--volume", f"{workspace}:/work", "--workdir", "/work"]
