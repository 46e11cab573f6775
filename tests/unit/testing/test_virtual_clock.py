"""Virtual time passes only when everybody waits."""

from __future__ import annotations

import asyncio

import pytest

from windtunnel.testing.virtual_clock import EPOCH, VirtualClock, run_virtual


def test_an_hour_of_waiting_takes_no_time() -> None:
    clock = VirtualClock()

    async def main() -> tuple[float, float]:
        await clock.sleep(3600)
        return clock.now(), clock.unix()

    now, unix = run_virtual(main())  # in real time, the timeout of the test would end it

    assert now == pytest.approx(3600)
    assert unix == pytest.approx(EPOCH + 3600)


def test_tasks_wake_in_the_order_of_their_timers() -> None:
    async def main() -> list[str]:
        woken: list[str] = []

        async def sleeper(name: str, seconds: float) -> None:
            await asyncio.sleep(seconds)
            woken.append(name)

        await asyncio.gather(sleeper("late", 20), sleeper("early", 1), sleeper("middle", 5))
        return woken

    assert run_virtual(main()) == ["early", "middle", "late"]


def test_waiting_for_what_never_comes_is_an_error_instead_of_a_hang() -> None:
    async def main() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(RuntimeError, match="virtual time stands still"):
        run_virtual(main())
