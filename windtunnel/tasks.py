"""Structured concurrency: tasks that never outlive the block or the call that started them.

    async with background(a(), b()): …    a and b run during the block and are cancelled at its end
    await first_of(a(), b())              the result of whichever ends first; the other is cancelled
    await all_of([a(), b()])              the results of all; after an error the others are cancelled
    await within(seconds, a())            its result, if it ends in time; else it is cancelled
    await cancel_and_wait(tasks)          what the four above end with
    came_from_outside(error)              whether an exception is none of the code that it came out of

Every task has ended when these return or raise, also when the caller is cancelled meanwhile. No exception of a
task is lost: the first one is raised, a further one goes to the exception handler of the event loop. An exception
takes precedence over a cancellation, as in `asyncio.TaskGroup` (Python 3.11; this runs on 3.10).
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from weakref import WeakSet

from windtunnel.errors import is_interrupt

T = TypeVar("T")

_CANCELLED: WeakSet[asyncio.Task[Any]] = WeakSet()
"""The tasks that were cancelled here. One that cancels itself, or raises CancelledError, is not among them."""


@asynccontextmanager
async def background(*coroutines: Coroutine[Any, Any, object]) -> AsyncIterator[None]:
    """Run coroutines during a block, and cancel those that have not ended at its end.

    When one of them raises, the block is cancelled and the exception comes out of the `async with`.
    """
    block = asyncio.current_task()
    assert block is not None
    tasks = [asyncio.create_task(each) for each in coroutines]
    is_over = False
    failed: asyncio.Task[object] | None = None

    def on_end(task: asyncio.Task[object]) -> None:
        nonlocal failed
        if failed is None and not is_over and _error(task) is not None:
            failed = task
            cancel(block)

    for task in tasks:
        task.add_done_callback(on_end)
    try:
        yield
    except asyncio.CancelledError:
        is_over = True
        await _cancel_and_raise(tasks, first=failed)
        raise
    except BaseException as error:
        is_over = True
        await cancel_and_wait(tasks)
        _report(tasks, but=error)
        raise
    else:
        is_over = True
        await _cancel_and_raise(tasks, first=failed)
    finally:
        if failed is not None:
            _CANCELLED.discard(block)
            if sys.version_info >= (3, 11):
                block.uncancel()


async def first_of(*coroutines: Coroutine[Any, Any, T]) -> T:
    """The result of the first coroutine that ends, or its exception; the others are cancelled.

    Of several that end at once, one that raises counts before one that returns, and an earlier one before a later.
    """
    tasks = [asyncio.create_task(each) for each in coroutines]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError:
        await _cancel_and_raise(tasks)
        raise
    winner = next(task for task in tasks if task in done)
    await _cancel_and_raise(tasks, first=winner)
    return winner.result()


async def all_of(coroutines: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """The results of all coroutines, which run at the same time. An exception of one cancels the others."""
    tasks = [asyncio.create_task(each) for each in coroutines]
    try:
        if tasks:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    except asyncio.CancelledError:
        await _cancel_and_raise(tasks)
        raise
    await _cancel_and_raise(tasks)
    return [task.result() for task in tasks]


async def within(seconds: float | None, awaited: Awaitable[T]) -> T:
    """The result of what ends in time, or its exception. Without `seconds` it may take any time.

    Raises asyncio.TimeoutError where it does not, once it has been cancelled and has ended. In place of
    `asyncio.wait_for`, which before Python 3.12 loses a cancellation that comes together with the result.
    """
    task = asyncio.create_task(_awaited(awaited))
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
    except asyncio.CancelledError:
        await _cancel_and_raise([task])
        raise
    if not done:
        await _cancel_and_raise([task])
        if task.cancelled():
            raise asyncio.TimeoutError
    return task.result()


async def _awaited(awaited: Awaitable[T]) -> T:
    return await awaited


async def cancel_and_wait(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks and return when all of them have ended.

    A cancellation that arrives meanwhile is raised afterwards. Exceptions of the tasks are left in them.
    """
    pending = {task for task in tasks if not task.done()}
    for task in pending:
        cancel(task)
    interrupted = False
    while pending:
        try:
            _, pending = await asyncio.wait(pending)
        except asyncio.CancelledError:
            # A second cancellation reaches a task that is still cleaning up after the first.
            interrupted = True
            pending = {task for task in pending if not task.done()}
            for task in pending:
                cancel(task)
    if interrupted:
        raise asyncio.CancelledError


def cancel(task: asyncio.Task[Any]) -> None:
    """Cancel a task: a CancelledError in it came from outside from now on."""
    _CANCELLED.add(task)
    task.cancel()


def was_cancelled_here(task: asyncio.Task[Any]) -> bool:
    """Whether a task that was cancelled was cancelled by `cancel`, and not by code that ran in it or beside it."""
    return task in _CANCELLED


def came_from_outside(error: BaseException) -> bool:
    """Whether an exception out of foreign code ends that code from outside: a cancellation, Ctrl-C, a closed loop.

    A coroutine can raise CancelledError, GeneratorExit and KeyboardInterrupt itself, or cancel its own task: a
    mistake like any other, which must not end the task around it. To be asked where the exception is caught.
    """
    if isinstance(error, asyncio.CancelledError):
        return (task := _current_task()) is not None and task in _CANCELLED
    if isinstance(error, GeneratorExit):
        return _current_task() is None
    return is_interrupt(error)


def _current_task() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:  # there is no loop
        return None


async def _cancel_and_raise(tasks: Sequence[asyncio.Task[Any]], *, first: asyncio.Task[Any] | None = None) -> None:
    """End tasks, then raise the exception that came first: that of `first`, or else of the earliest in order."""
    try:
        await cancel_and_wait(tasks)
    finally:
        in_order = tasks if first is None else [first, *tasks]
        error = next((error for task in in_order if (error := _error(task)) is not None), None)
        if error is not None:
            _report(tasks, but=error)
            raise error


def _error(task: asyncio.Task[Any]) -> BaseException | None:
    return None if not task.done() or task.cancelled() else task.exception()


def _report(tasks: Iterable[asyncio.Task[Any]], *, but: BaseException) -> None:
    """Give the exceptions that cannot be raised, since another one is, to the handler of the loop."""
    for task in tasks:
        error = _error(task)
        if error is not None and error is not but:
            task.get_loop().call_exception_handler(
                {"message": "a task failed while another exception was raised", "exception": error, "task": task}
            )
