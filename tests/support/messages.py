"""What a user reads: the complete message of a ConfigError."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import dedent

import pytest

from windtunnel.errors import ConfigError

Write = Callable[[str, "str | bytes"], str]
"""`write(name, content)`, the fixture: writes a file and returns its name."""


def message_of(act: Callable[[], object]) -> str:
    with pytest.raises(ConfigError) as caught:
        act()
    return str(caught.value)


def golden(text: str) -> str:
    """An expected message, indented as the test that holds it."""
    return dedent(text).strip("\n")
