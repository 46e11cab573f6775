"""The stand-in for Toxiproxy, driven by two clients that are not ours: it answers as they expect of a Toxiproxy.

What our driver is tested against (`tests/unit/turbulence/test_toxiproxy.py`) is therefore not only our own reading
of the documentation.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support import services
from tests.support.services import APPS
from tests.support.toxiproxy import running

pytestmark = pytest.mark.slow

UPSTREAM = "127.0.0.1:9"
TOXICS = [
    ["latency_downstream", "latency", "downstream", 0.5, {"latency": 300, "jitter": 5}],
    ["up", "bandwidth", "upstream", 1.0, {"rate": 7}],
]


def told_by(command: Sequence[str]) -> Any:
    answer = subprocess.run(command, capture_output=True, text=True, timeout=services.START_TIMEOUT_S)
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


def test_the_client_of_pypi_finds_what_it_knows() -> None:
    with running() as server:
        address = urlsplit(server.url)
        told = told_by(
            [
                services.python(),
                str(APPS / "toxiproxy_client.py"),
                str(address.hostname),
                str(address.port),
                UPSTREAM,
            ]
        )
        assert server.proxies == {}

    assert told == {
        "version": "2.12.0",
        "created": ["db", True, UPSTREAM, "127.0.0.1"],
        "toxics": TOXICS,
        "twice": "ProxyExists: toxic already exists",
        "no such toxic": "InvalidToxic: invalid toxic type",
        "gone": "NotFound: toxic not found",
        "down": False,
        "up again": [True, True],
        "populated": ["cache"],
        "reset": [],
        "left": [],
    }


def test_the_client_of_npm_finds_what_it_knows() -> None:
    services.node_program("json-server")  # what npm installs is there
    with running() as server:
        command = [services.program("node"), str(APPS / "toxiproxy_client.mjs"), f"{services.INSTALLED}/"]
        told = told_by([*command, server.url, UPSTREAM])
        assert server.proxies == {}

    assert told == {
        "version": "2.12.0",
        "created": ["db", True, UPSTREAM, "127.0.0.1"],
        "toxics": TOXICS,
        "changed": ["latency_downstream", "latency", "downstream", 1, {"latency": 301, "jitter": 5}],
        "twice": "Request failed with status code 409",
        "noSuchToxic": "Request failed with status code 400",
        "gone": "Request failed with status code 404",
        "noSuchProxy": "Request failed with status code 404",
        "removed": "Request failed with status code 404",
        "down": False,
        "upAgain": [True, True],
        "populated": ["cache"],
        "reset": "Request failed with status code 404",
        "left": [],
    }
