"""The job log of a CI system: sections that can be folded, and debug lines.

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
    """The control lines of a platform; an empty one is not written."""

    def opening(self, name: str, title: str) -> str:
        """The line that starts a section. `name` is letters and `_`."""

    def closing(self, name: str) -> str:
        """The line that ends it."""

    def debug(self, text: str) -> str:
        """A debug line."""


@dataclass(frozen=True, slots=True)
class PlainLog:
    """A terminal, or a platform without sections."""

    def opening(self, name: str, title: str) -> str:
        """Nothing."""
        del name, title
        return ""

    def closing(self, name: str) -> str:
        """Nothing."""
        del name
        return ""

    def debug(self, text: str) -> str:
        """The text after `debug:`."""
        return f"debug: {printable(text, limit=_LONGEST)}"


@dataclass(frozen=True, slots=True)
class GitHubLog:
    """Groups, and debug commands, which GitHub shows in another colour."""

    def opening(self, name: str, title: str) -> str:
        """The start of a group, which GitHub folds when the step has ended."""
        del name
        return f"::group::{_escaped(title)}"

    def closing(self, name: str) -> str:
        """The end of the last group."""
        del name
        return "::endgroup::"

    def debug(self, text: str) -> str:
        """A debug command."""
        return f"::debug::{_escaped(printable(text, limit=_LONGEST))}"


@dataclass(frozen=True, slots=True)
class GitLabLog:
    """Sections with their times. `clock` returns Unix seconds."""

    clock: Callable[[], float] = time.time

    def opening(self, name: str, title: str) -> str:
        """The start of a section."""
        return f"\x1b[0Ksection_start:{self.clock():.0f}:windtunnel_{name}\r\x1b[0K{printable(title)}"

    def closing(self, name: str) -> str:
        """The end of a section."""
        return f"\x1b[0Ksection_end:{self.clock():.0f}:windtunnel_{name}\r\x1b[0K"

    def debug(self, text: str) -> str:
        """The text after `debug:`."""
        return PlainLog().debug(text)


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
