"""Without faults a TCP proxy passes bytes on as they are, and shows each side what the other does."""

from __future__ import annotations

import pytest

from tests.support.proxying import in_loop, proxied


def test_bytes_pass_both_ways_whoever_speaks_first() -> None:
    async def main() -> None:
        async with proxied(protocol="tcp") as line:
            caller = await line.call()
            upstream = await line.taken()
            await upstream.send(b"220 ready\r\n")
            await caller.exactly(b"220 ready\r\n")
            await caller.send(b"\x00\xff" * 1000)
            await upstream.exactly(b"\x00\xff" * 1000)
            caller.half_close()
            assert await upstream.rest() == b""
            await upstream.send(b"bye")
            upstream.close()
            assert await caller.rest() == b"bye"
            record = await line.record()
            assert (record.bytes_up, record.bytes_down, record.error) == (2000, 14, "")
            assert (record.method, record.path, record.status) == ("", "", 0)

    in_loop(main)


@pytest.mark.parametrize("ending", ["close", "reset"])
def test_each_side_sees_how_the_other_ended(ending: str) -> None:
    async def main() -> None:
        async with proxied(protocol="tcp") as line:
            for first in ("caller", "upstream"):
                ends = {"caller": await line.call(), "upstream": await line.taken()}
                getattr(ends.pop(first), ending)()
                (other,) = ends.values()
                assert await other.is_reset() == (ending == "reset")
                other.close()
                assert (await line.record()).error == {"close": ""}.get(ending, ending)

    in_loop(main)


def test_an_upstream_that_is_not_there_resets_the_caller() -> None:
    async def main() -> None:
        async with proxied(protocol="tcp", upstream="127.0.0.1:1") as line:
            caller = await line.call()
            assert await caller.is_reset()
            assert (await line.record()).error == "refused"

    in_loop(main)
