"""Messages between the coordinator and its workers, when one of them is gone."""

from __future__ import annotations

import asyncio
import socket
import sys

import pytest

from windtunnel.engine.run.process import run_loop
from windtunnel.engine.workers.messages import Channel, Ready, Start

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="worker processes need a Unix system")


@pytest.mark.parametrize("loop", [run_loop, lambda main: asyncio.run(main())], ids=["uvloop", "asyncio"])
@pytest.mark.parametrize("sent_before", [0, 1])
def test_a_message_to_a_process_that_is_gone_is_no_error(loop: object, sent_before: int) -> None:
    assert callable(loop)

    async def talk() -> None:
        ours, theirs = socket.socketpair()
        channel = await Channel.over(ours)
        for _ in range(sent_before):
            channel.send(Start())
        theirs.close()
        assert await channel.receive() is None
        for _ in range(9):
            channel.send(Ready())
            await asyncio.sleep(0)
        await channel.close()
        channel.send(Ready())

    loop(talk)


def test_half_a_message_of_a_process_that_is_gone_is_none() -> None:
    async def talk() -> None:
        ours, theirs = socket.socketpair()
        channel = await Channel.over(ours)
        theirs.sendall(b"\x00\x00\x00\x00\x00\x00\x00\x09half")
        theirs.close()
        assert await channel.receive() is None
        await channel.close()

    asyncio.run(talk())
