"""A shop for all tests that leave it as it was."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from windtunnel.demo.process import ShopProcess


@pytest.fixture(scope="session")
def shop() -> Iterator[ShopProcess]:
    """The demo shop as a process, with its default settings."""
    with ShopProcess() as running:
        yield running
