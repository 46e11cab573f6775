"""A shop for all tests that leave it as it was, and the event loops."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from tests.support.loops import LOOPS, Run, run_on
from tests.support.tiers import slow_unless
from windtunnel.demo.process import ShopProcess


@pytest.fixture(scope="session")
def shop() -> Iterator[ShopProcess]:
    """The demo shop as a process, with its default settings."""
    with ShopProcess() as running:
        yield running


@pytest.fixture(params=slow_unless(lambda loop: loop == list(LOOPS)[-1], LOOPS))
def run(request: pytest.FixtureRequest) -> Run:
    """Run a coroutine to its end, on one event loop after the other."""
    return lambda coroutine: run_on(request.param, coroutine)


@pytest.fixture(autouse=True)
def _only_own_garbage() -> Iterator[None]:
    """A run begins with a collection of all garbage: not of what earlier tests left, which can be 600 MB."""
    gc.freeze()
    yield
    gc.unfreeze()
