r"""Regular expressions with a time limit: the pattern comes from the scenario, the text from the SUT.

    (a|aa)+$ on 60 letters takes `re` longer than the universe lasts; \\s+$ on 64 KiB of blanks, half a minute.

A limit on the text helps only against the second. So matching has a time limit, kept by the `regex` package. A
harmless pattern (one repetition at most) on a short text is matched by `re`, which is faster.
"""

from __future__ import annotations

import functools
import itertools
import re
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from windtunnel.actions.response.text import show
from windtunnel.errors import ExpressionError
from windtunnel.figures import offset

if TYPE_CHECKING:
    import regex


LIMIT_S = 0.05
"""Maximum seconds of one pattern on one text."""

MAX_MATCHES = 10_000
"""Maximum number of matches that `find_all` returns."""

_SHORT = 2_000
"""Maximum length of a text on which one repetition is harmless: at worst quadratic, 2 ms."""

# Whatever repeats, or chooses between ways to go on: with one of them at most, nothing can nest.
_REPETITIONS = re.compile(r"[*+?{|]")
# What `re` and `regex` read differently, or only one of them knows.
_DIALECT = re.compile(r"\[\[|\\[pPNXRKLmMGh]|--|&&|~~|\|\||\(\?")


class Pattern:
    """A compiled pattern. Its methods raise ExpressionError when a text takes too long."""

    __slots__ = ("_compiled", "_quick", "text")

    def __init__(self, text: str, compiled: regex.Pattern[str], quick: re.Pattern[str] | None) -> None:
        self.text, self._compiled = text, compiled
        self._quick: Callable[[str], Any] | None = quick.search if quick is not None else None

    @property
    def groups(self) -> int:
        """The number of groups."""
        return int(self._compiled.groups)

    def is_in(self, text: str) -> bool:
        """Whether the text contains a match."""
        if self._quick is not None and len(text) <= _SHORT:
            return self._quick(text) is not None
        try:
            return self._compiled.search(text, timeout=LIMIT_S) is not None
        except TimeoutError:
            raise self._too_slow(text) from None

    def find_all(self, text: str, *, group: int, limit: int = MAX_MATCHES) -> list[str]:
        """The first matches (their `group`), in order, without those in which the group takes no part."""
        try:
            matches = self._compiled.finditer(text, timeout=LIMIT_S)
            found = (match.group(group) for match in matches)
            return list(itertools.islice((part for part in found if part is not None), limit))
        except TimeoutError:
            raise self._too_slow(text) from None

    def _too_slow(self, text: str) -> ExpressionError:
        return ExpressionError(
            f"the regular expression {show(self.text, 60)} takes more than {offset(LIMIT_S)} "
            f"on a text of {len(text):,} characters",
            hint="avoid a repetition inside a repetition, as in (a+)+",
        )


@functools.lru_cache(maxsize=256)
def compile_pattern(text: str) -> Pattern:
    """The compiled form. Raises ExpressionError for an invalid regular expression."""
    # Only here: most runs need none, and `windtunnel --version` must not wait for the import.
    import regex

    quick = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of brackets in brackets, which later versions may read as sets
            compiled = regex.compile(text, regex.VERSION0)
            if len(_REPETITIONS.findall(text)) <= 1 and not _DIALECT.search(text):
                quick = re.compile(text)
    except (regex.error, re.error, OverflowError, RecursionError) as error:
        raise ExpressionError(f"{show(text, 60)} is not a regular expression: {error}") from error
    return Pattern(text, compiled, quick)
