"""The shop as a program and as a child: it starts, serves, and is gone afterwards."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from windtunnel.demo.__main__ import main
from windtunnel.demo.process import ShopProcess
from windtunnel.demo.settings import PAYMENTS_URL, Latencies, Latency, ShopSettings

QUICK = ShopSettings(latency_scale=0, payment_delay_s=0)
PROGRAM = [sys.executable, "-m", "windtunnel.demo", "--port", "0"]

# Starts a shop, says where it is, and waits for ever: a parent to be killed.
PARENT = """
import sys
from windtunnel.demo.process import ShopProcess
with ShopProcess() as shop:
    print(shop.base_url, flush=True)
    sys.stdin.read()
"""

posix_only = pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as response:
        body: bytes = response.read()
        return body


def port_of(base_url: str) -> int:
    return int(base_url.rsplit(":", 1)[1])


def assert_closed(base_url: str) -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port_of(base_url)), timeout=10)


def test_a_shop_process_serves_and_is_gone_afterwards() -> None:
    with ShopProcess(QUICK) as shop:
        pid = shop.pid
        assert pid is not None
        assert pid != os.getpid()
        assert json.loads(get(f"{shop.base_url}/api/products"))["items"][0]["id"] == "p-1"
        base_url = shop.base_url
    assert shop.pid is None
    assert_closed(base_url)


def test_a_shop_process_is_gone_after_an_exception_too() -> None:
    shop = ShopProcess(QUICK)
    with pytest.raises(ZeroDivisionError), shop:
        raise ZeroDivisionError
    assert_closed(shop.base_url)


def test_all_settings_reach_the_process() -> None:
    latencies = Latencies(home=Latency(median_s=0.0))
    with (
        ShopProcess(ShopSettings(latencies=latencies, failure_rate=1)) as shop,
        pytest.raises(urllib.error.HTTPError, match="503") as raised,
    ):
        get(shop.base_url)
    raised.value.close()


@posix_only
def test_the_shop_dies_with_its_parent() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with parent:
        assert parent.stdout is not None
        base_url = parent.stdout.readline().decode().strip()
        assert get(f"{base_url}/health")
        parent.kill()
        # The shop holds the parent's standard error as well: it ends only when both are gone.
        _, errors = parent.communicate(timeout=100)
        assert errors == b""
    assert_closed(base_url)


@posix_only
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_program_ends_cleanly_on_a_signal(number: signal.Signals) -> None:
    with subprocess.Popen(PROGRAM, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as shop:
        assert shop.stdout is not None
        assert shop.stdout.readline().startswith(b"The demo shop is running at http://localhost:")
        shop.send_signal(number)
        output, errors = shop.communicate(timeout=100)
        assert (shop.returncode, output, errors) == (0, b"", b"")


def test_the_program_stops_when_its_input_ends_if_asked_to() -> None:
    command = [*PROGRAM, "--with-stdin"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as shop:
        assert shop.stdout is not None
        assert shop.stdout.readline()
        _, errors = shop.communicate(timeout=100)
        assert (shop.returncode, errors) == (0, b"")


def test_the_program_says_that_a_port_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main(["--port", port]) == 2
    assert f"can't listen on localhost port {port}" in capsys.readouterr().err


@pytest.mark.parametrize(
    "wrong",
    [["--failure-rate", "2"], ["--port", "70000"], ["--latency", "-1"], ["--settings", '{"capacity": 0}']],
    ids=" ".join,
)
def test_the_program_refuses_what_cannot_be_meant(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(wrong)
    assert ended.value.code == 2
    assert "error:" in capsys.readouterr().err


def test_starting_a_shop_process_does_not_import_aiohttp() -> None:
    code = "import sys, windtunnel.demo.process; raise SystemExit('aiohttp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=100, check=False).returncode == 0


@pytest.mark.parametrize(("options", "status"), [([], 503), (["--with-stdin"], 201)], ids=["program", "child"])
def test_the_program_pays_where_its_environment_says_and_a_child_where_its_parent_says(
    options: list[str], status: int
) -> None:
    environment = {**os.environ, PAYMENTS_URL: "http://127.0.0.1:9"}
    command = [*PROGRAM, "--without", "retries", *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as shop:
        assert shop.stdout is not None
        assert buy(shop.stdout.readline().split()[-1].decode()) == status
        shop.terminate()


def buy(base_url: str) -> int:
    """The status of a checkout."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    with opener.open(f"{base_url}/api/cart", data=b'{"item_id": "p-1"}', timeout=10):
        pass
    try:
        with opener.open(f"{base_url}/api/checkout", data=b"", timeout=10) as response:
            status: int = response.status
            return status
    except urllib.error.HTTPError as error:
        with error:
            return error.code
