"""How a platform's job log folds a phase of the work and shows what is only for looking closer.

The forms are those of GitHub's "Workflow commands for GitHub Actions" and GitLab's "Expand and collapse job log
sections".
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from windtunnel.report.text import printable

_LONGEST = 2000


class LogForm(Protocol):
    """Lines that the platform reads; an empty one is left out."""

    def opening(self, name: str, title: str) -> str:
        """Begin a part that can be folded. `name` is letters and `_`."""

    def closing(self, name: str) -> str:
        """End it."""

    def debug(self, text: str) -> str:
        """Something to see only when looking closer."""


@dataclass(frozen=True, slots=True)
class PlainLog:
    """A terminal, or a platform that folds nothing."""

    def opening(self, name: str, title: str) -> str:
        """Nothing."""
        del name, title
        return ""

    def closing(self, name: str) -> str:
        """Nothing."""
        del name
        return ""

    def debug(self, text: str) -> str:
        """A line that says what it is."""
        return f"debug: {printable(text, limit=_LONGEST)}"


@dataclass(frozen=True, slots=True)
class GitHubLog:
    """Groups; GitHub shows debug lines in a colour of their own."""

    def opening(self, name: str, title: str) -> str:
        """A group, which is folded when the step has ended."""
        del name
        return f"::group::{_escaped(title)}"

    def closing(self, name: str) -> str:
        """The end of the group that was begun last."""
        del name
        return "::endgroup::"

    def debug(self, text: str) -> str:
        """A debug command."""
        return f"::debug::{_escaped(printable(text, limit=_LONGEST))}"


@dataclass(frozen=True, slots=True)
class GitLabLog:
    """Sections with their times. `clock` gives unix seconds."""

    clock: Callable[[], float] = time.time

    def opening(self, name: str, title: str) -> str:
        """A section that can be folded."""
        return f"\x1b[0Ksection_start:{self.clock():.0f}:windtunnel_{name}\r\x1b[0K{printable(title)}"

    def closing(self, name: str) -> str:
        """Its end."""
        return f"\x1b[0Ksection_end:{self.clock():.0f}:windtunnel_{name}\r\x1b[0K"

    def debug(self, text: str) -> str:
        """A line that says what it is."""
        return PlainLog().debug(text)


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
