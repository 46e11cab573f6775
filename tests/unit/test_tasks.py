"""Tasks never outlive the block or call that started them, and none of their exceptions is lost."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Generator
from typing import Any

import pytest

from windtunnel.job.interrupts import Interrupted
from windtunnel.tasks import all_of, background, came_from_outside, cancel, cancel_and_wait, first_of, within
from windtunnel.testing.virtual_clock import run_virtual


class Task:
    """A coroutine that notes when it starts and how it ends, so that a test can tell that it has."""

    def __init__(self, name: str, log: list[str]) -> None:
        self.name, self.log = name, log

    async def run(
        self,
        seconds: float,
        *,
        error: Exception | None = None,
        cleanup_s: float = 0.0,
        on_cancel: Exception | None = None,
    ) -> str:
        self.log.append(f"{self.name} starts")
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            try:
                await asyncio.sleep(cleanup_s)
            finally:
                self.log.append(f"{self.name} is cancelled at {now():g}")
            if on_cancel is not None:
                raise on_cancel from None
            raise
        self.log.append(f"{self.name} ends at {now():g}")
        if error is not None:
            raise error
        return self.name


def now() -> float:
    return asyncio.get_running_loop().time()


@pytest.fixture
def log() -> list[str]:
    return []


@pytest.fixture
def unraised(monkeypatch: pytest.MonkeyPatch) -> list[BaseException]:
    """The exceptions that reached the handler of the event loop."""
    found: list[BaseException] = []
    monkeypatch.setattr(
        asyncio.BaseEventLoop, "call_exception_handler", lambda _, context: found.append(context["exception"])
    )
    return found


def test_background_tasks_run_beside_the_block_and_are_cancelled_at_its_end(log: Any) -> None:
    async def main() -> str:
        async with background(Task("short", log).run(1), Task("long", log).run(60)):
            await asyncio.sleep(2)
            log.append("the block ends")
        return f"left at {now():g}"

    assert run_virtual(main()) == "left at 2"
    assert log == ["short starts", "long starts", "short ends at 1", "the block ends", "long is cancelled at 2"]


def test_the_end_of_a_block_waits_for_the_cleanup_of_its_tasks(log: Any) -> None:
    async def main() -> float:
        async with background(Task("slow", log).run(60, cleanup_s=5)):
            await asyncio.sleep(1)
        return now()

    assert run_virtual(main()) == 6


def test_an_exception_of_a_background_task_ends_the_block_at_once(log: Any) -> None:
    async def main() -> None:
        with pytest.raises(ValueError, match="broken"):
            async with background(Task("bad", log).run(1, error=ValueError("broken")), Task("good", log).run(60)):
                await Task("block", log).run(60)
        # The cancellation that ended the block is over: the next wait is not cancelled.
        await asyncio.sleep(1)
        task = asyncio.current_task()
        assert task is not None
        assert getattr(task, "cancelling", lambda: 0)() == 0

    run_virtual(main())
    assert log[-2:] == ["block is cancelled at 1", "good is cancelled at 1"]


def test_an_exception_of_the_block_cancels_the_background_tasks(log: Any) -> None:
    async def main() -> None:
        async with background(Task("beside", log).run(60)):
            await Task("block", log).run(1, error=KeyError("block"))

    with pytest.raises(KeyError, match="block"):
        run_virtual(main())
    assert log[-1] == "beside is cancelled at 1"


def test_an_exception_that_a_background_task_raises_when_it_is_cancelled_is_raised(log: Any) -> None:
    async def main() -> None:
        async with background(Task("beside", log).run(60, on_cancel=OSError("disk full"))):
            await asyncio.sleep(1)

    with pytest.raises(OSError, match="disk full"):
        run_virtual(main())


def test_of_two_exceptions_that_of_the_block_is_raised_and_the_other_reaches_the_loop(
    log: Any, unraised: Any
) -> None:
    other = OSError("disk full")

    async def main() -> None:
        async with background(Task("beside", log).run(60, on_cancel=other)):
            await Task("block", log).run(1, error=KeyError("block"))

    with pytest.raises(KeyError):
        run_virtual(main())
    assert unraised == [other]


def test_of_two_background_exceptions_the_first_in_time_is_raised(log: Any, unraised: Any) -> None:
    late, early = ValueError("late"), ValueError("early")

    async def main() -> None:
        async with background(Task("a", log).run(60, on_cancel=late), Task("b", log).run(1, error=early)):
            await asyncio.sleep(60)

    with pytest.raises(ValueError, match="early"):
        run_virtual(main())
    assert unraised == [late]


def test_a_block_that_is_cancelled_from_outside_ends_its_tasks_first(log: Any) -> None:
    async def block() -> None:
        async with background(Task("beside", log).run(60, cleanup_s=2)):
            await asyncio.sleep(60)

    async def main() -> float:
        task = asyncio.create_task(block())
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return now()

    assert run_virtual(main()) == 3
    assert log[-1] == "beside is cancelled at 3"


def test_an_exception_takes_precedence_over_a_cancellation_from_outside(log: Any) -> None:
    async def block() -> None:
        async with background(Task("beside", log).run(60, on_cancel=OSError("disk full"))):
            await asyncio.sleep(60)

    async def main() -> None:
        task = asyncio.create_task(block())
        await asyncio.sleep(1)
        task.cancel()
        await task

    with pytest.raises(OSError, match="disk full"):
        run_virtual(main())


@pytest.mark.parametrize("error", [None, ValueError("late")])
def test_a_task_that_lets_the_block_end_and_ends_itself_at_the_same_moment(error: Any) -> None:
    async def beside(event: asyncio.Event) -> None:
        await asyncio.sleep(1)
        event.set()
        if error is not None:
            raise error

    async def main() -> str:
        event = asyncio.Event()
        async with background(beside(event)):
            await event.wait()
        return "left"

    if error is None:
        assert run_virtual(main()) == "left"
    else:
        with pytest.raises(ValueError, match="late"):
            run_virtual(main())


def test_a_task_that_is_due_when_the_block_ends_is_cancelled(log: Any) -> None:
    async def main() -> None:
        async with background(Task("beside", log).run(1)):
            await Task("block", log).run(1)

    run_virtual(main())
    assert log[-1] == "beside is cancelled at 1"


def test_first_of_returns_the_first_result_and_ends_the_others_before(log: Any) -> None:
    async def main() -> tuple[str, float]:
        winner = await first_of(Task("slow", log).run(60, cleanup_s=2), Task("quick", log).run(1))
        return winner, now()

    assert run_virtual(main()) == ("quick", 3)
    assert log[-1] == "slow is cancelled at 3"


def test_of_coroutines_that_end_at_once_the_first_in_order_wins(log: Any) -> None:
    async def main() -> str:
        return await first_of(Task("a", log).run(1), Task("b", log).run(1))

    assert run_virtual(main()) == "a"


def test_of_coroutines_that_end_at_once_one_that_raises_is_raised(log: Any) -> None:
    async def main() -> str:
        return await first_of(Task("a", log).run(1), Task("b", log).run(1, error=ValueError("b")))

    with pytest.raises(ValueError, match="b"):
        run_virtual(main())


@pytest.mark.parametrize("error", [ValueError("lost"), None])
def test_first_of_raises_what_the_winner_or_a_loser_raises(log: Any, error: Any) -> None:
    winner = Task("a", log).run(1, error=error)
    loser = Task("b", log).run(60, on_cancel=None if error else ValueError("lost"))

    with pytest.raises(ValueError, match="lost"):
        run_virtual(first_of(winner, loser))
    assert log[-1] == "b is cancelled at 1"


@pytest.mark.parametrize("start", [lambda *each: first_of(*each), lambda *each: all_of(each)])
def test_a_call_that_is_cancelled_from_outside_ends_its_tasks_first(log: Any, start: Any) -> None:
    async def main() -> float:
        task = asyncio.ensure_future(start(Task("a", log).run(60, cleanup_s=2), Task("b", log).run(60)))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return now()

    assert run_virtual(main()) == 3
    assert log[2:] == ["b is cancelled at 1", "a is cancelled at 3"]


def test_a_second_cancellation_cuts_the_cleanup_short_and_is_raised(log: Any) -> None:
    async def main() -> float:
        task = asyncio.create_task(first_of(Task("a", log).run(60, cleanup_s=10), Task("b", log).run(1)))
        await asyncio.sleep(2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return now()

    assert run_virtual(main()) == 2
    assert log[-1] == "a is cancelled at 2"


def test_all_of_returns_the_results_in_order(log: Any) -> None:
    assert run_virtual(all_of([Task("a", log).run(2), Task("b", log).run(1)])) == ["a", "b"]
    assert run_virtual(all_of([])) == []


def test_an_exception_of_one_of_all_cancels_the_others(log: Any) -> None:
    tasks = [Task("a", log).run(60), Task("b", log).run(1, error=ValueError("b"))]

    with pytest.raises(ValueError, match="b"):
        run_virtual(all_of(tasks))
    assert log[-1] == "a is cancelled at 1"


def test_cancel_and_wait_leaves_what_has_ended_alone(log: Any) -> None:
    async def main() -> list[bool]:
        tasks = [asyncio.create_task(Task(name, log).run(seconds)) for name, seconds in (("a", 1), ("b", 60))]
        await asyncio.sleep(2)
        await cancel_and_wait(tasks)
        return [task.cancelled() for task in tasks]

    assert run_virtual(main()) == [False, True]


async def raises(error: BaseException) -> bool:
    try:
        raise error
    except BaseException as caught:  # noqa: BLE001  every kind is asked about
        return came_from_outside(caught)


async def is_cancelled(*, by: Callable[[asyncio.Task[bool]], object]) -> bool:
    """Whether a task that waits is told that its cancellation came from outside."""

    async def waits() -> bool:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError as error:
            return came_from_outside(error)
        return False

    task = asyncio.create_task(waits())
    await asyncio.sleep(0)
    by(task)
    return await task


@pytest.mark.parametrize("kind", [asyncio.CancelledError, GeneratorExit, SystemExit, ValueError])
def test_what_code_raises_itself_does_not_come_from_outside(kind: type[BaseException]) -> None:
    assert not asyncio.run(raises(kind()))


def test_a_cancellation_comes_from_outside_when_it_is_ours() -> None:
    assert asyncio.run(is_cancelled(by=cancel))
    assert not asyncio.run(is_cancelled(by=lambda task: task.cancel()))


def test_a_coroutine_that_is_closed_after_its_loop_is_ended_from_outside() -> None:
    seen: list[bool] = []
    generator = closed_at_a_yield(seen)
    next(generator)
    generator.close()
    assert seen == [True]


def closed_at_a_yield(seen: list[bool]) -> Generator[None, None, None]:
    try:
        yield
    except GeneratorExit as error:
        seen.append(came_from_outside(error))
        raise


def test_ctrl_c_comes_from_outside_where_pythons_own_handler_raises_it() -> None:
    handler = signal.getsignal(signal.SIGINT)
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        assert came_from_outside(KeyboardInterrupt())
        signal.signal(signal.SIGINT, lambda *_: None)
        assert not came_from_outside(KeyboardInterrupt())
        assert came_from_outside(Interrupted(signal.SIGINT))
    finally:
        signal.signal(signal.SIGINT, handler)


def test_what_ends_within_its_time_gives_its_result(log: Any) -> None:
    assert run_virtual(within(2, Task("a", log).run(1))) == "a"
    assert run_virtual(within(None, Task("b", log).run(1000))) == "b"


def test_what_takes_longer_is_cancelled_and_waited_for(log: Any) -> None:
    async def main() -> float:
        with pytest.raises(asyncio.TimeoutError):
            await within(2, Task("a", log).run(60, cleanup_s=3))
        return now()

    assert run_virtual(main()) == 5
    assert log[-1] == "a is cancelled at 5"


@pytest.mark.parametrize(
    ("seconds", "task"),
    [(2, {"seconds": 1, "error": ValueError("lost")}), (2, {"seconds": 60, "on_cancel": ValueError("lost")})],
)
def test_what_it_raises_comes_out_in_time_or_later(log: Any, seconds: float, task: Any) -> None:
    with pytest.raises(ValueError, match="lost"):
        run_virtual(within(seconds, Task("a", log).run(**task)))


@pytest.mark.parametrize("turns", range(5))
def test_a_cancellation_that_comes_together_with_the_result_is_not_lost(turns: int) -> None:
    """As `asyncio.wait_for` does before Python 3.12: the task around it then goes on for ever."""

    async def main() -> None:
        result = asyncio.get_running_loop().create_future()
        went_on: list[str] = []

        async def wait() -> None:
            await within(60, _awaited(result))
            await asyncio.sleep(60)
            went_on.append("went on")

        waiting = asyncio.create_task(wait())
        await asyncio.sleep(1)
        result.set_result("done")
        for _ in range(turns):
            await asyncio.sleep(0)
        cancel(waiting)
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert (went_on, now()) == ([], 1)

    run_virtual(main())


async def _awaited(future: asyncio.Future[str]) -> str:
    return await future
