"""Text of the SUT, of a scenario or of the system, cleaned before it is shown.

What arrives here may carry escape sequences that recolour a terminal, workflow commands that a CI runner obeys,
line separators that tear a table, or marks that turn the reading direction. None of it is ever needed to
understand a failure.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Sequence

ELLIPSIS = "…"
NO_BREAK = "\N{NO-BREAK SPACE}"
"""Keeps words on one line while text is wrapped, and stays at the begin of code in Markdown."""

LONGEST_REASON = 4_000
"""Characters of a reason or a finding: what helps is at its end, with a line to copy, and is never cut."""
_ESCAPE_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor movements
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # OSC and kin: titles, links
    r"|\x1b[ -/]*[0-~]"  # the short ones
)
# What is not seen: controls, format marks (reading direction, zero width), lone surrogates.
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs"})
_BLANKS = re.compile(r"[\t\n\v\f\r\x1c-\x1f\x85\u2028\u2029]+")
_LINE_ENDS = re.compile(r"\r\n|[\n\v\f\r\x1c-\x1e\x85\u2028\u2029]")
# A runner acts on `::name::` where a line begins (blanks and colours before it don't matter), on `##[name]` and
# `##vso[` anywhere in it.
_LINE_COMMAND = re.compile(r"^((?:\s|\x1b\[[0-9;]*m)*):(?=:)", re.MULTILINE)
_INLINE_COMMAND = re.compile(r"##(?=\[|vso\[)", re.IGNORECASE)


def printable(text: str, *, limit: int | None = None, lines: bool = False) -> str:
    """The text without escape sequences, controls and invisible marks, cut to `limit` characters.

    One line unless `lines`; then every line end is a line feed, and tabs stay.
    """
    if limit is not None:
        # Longer than the limit, since characters are removed, but without reading megabytes to show a line.
        text = text[: 8 * limit + 64]
    if (text.replace("\n", "").replace("\t", "") if lines else text).isprintable():
        return shortened(text, limit)
    text = _ESCAPE_SEQUENCE.sub("", text)
    text = _LINE_ENDS.sub("\n", text) if lines else _BLANKS.sub(" ", text)
    kept = "\n\t" if lines else ""
    shown = "".join(c for c in text if c in kept or unicodedata.category(c) not in _HIDDEN_CATEGORIES)
    return shortened(shown, limit)


def shortened(text: str, limit: int | None) -> str:
    """The text, or its beginning with an ellipsis: at most `limit` characters."""
    return text if limit is None or len(text) <= limit else text[: max(0, limit - 1)] + ELLIPSIS


def for_log(text: str) -> str:
    """Text for a stream that a CI runner scans, with every command made harmless."""
    return _INLINE_COMMAND.sub("# #", _LINE_COMMAND.sub(r"\1: ", text))


# ── Markdown ────────────────────────────────────────────────────────────────────────────────────────────────────

_ACTIVE = re.compile(r"([\\`*\[\]|~$]|(?<!\w)_|_(?!\w)|^[#>+=-])")
_NUMBERED = re.compile(r"^(\d+)([.)])(?=\s|$)")
# A mention, a reference, a link, an emoji; `09:15:12` is none.
_LINKING = re.compile(r"(?:@|#|www\.|:(?=//|(?!\d+:\d)[\w+-]+:))\S", re.IGNORECASE)
# As in "write `rate: 5/s`". Blanks around it, so that no other mark makes a pair with one of these.
_QUOTED = re.compile(r"(?<!\S)(\(?)`([^`]*[^`\s\\][^`]*)`([).,;:]*)(?!\S)")


def code(text: str, *, limit: int = 200) -> str:
    """The text as a code span of Markdown that is safe in a table too; empty for an empty text."""
    shown = for_log(printable(text, limit=limit)).strip()
    if not shown:
        return ""
    # In a table a `|` ends the cell even in a code span, unless escaped; a backslash before that would undo it.
    shown = re.sub(r"\\(?=\|)", r"\\ ", shown).replace("|", r"\|")
    longest = max((len(run) for run in re.findall("`+", shown)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if shown[0] == "`" or shown[-1] == "`" else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def fenced(text: str) -> str:
    """Lines as a block of code: nothing in them is obeyed, and no backticks end it."""
    shown = for_log(printable(text, lines=True)).strip("\n")
    longest = max((len(run) for run in re.findall("`+", shown)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{shown}\n{fence}"


def folded(title: Sequence[str | tuple[str, int]], content: str) -> str:
    """Markdown that is shown when its title is clicked.

    Of the title, plain parts are ours; (text of others, its maximum length) is a part that is shown as code.
    """
    parts = [part if isinstance(part, str) else _html_code(*part) for part in title]
    return f"<details>\n<summary>{''.join(parts)}</summary>\n\n{content}\n\n</details>"


def _html_code(text: str, limit: int) -> str:
    """Text as code in HTML, where Markdown is not read. As code it is no mention, reference or emoji either."""
    return f"<code>{html.escape(for_log(printable(text, limit=limit)).strip())}</code>"


def prose(text: str, *, limit: int = 300) -> str:
    """The text as part of a sentence in Markdown: without markup, links and mentions.

    What is in backticks stays code. A word that would become a mention, a reference, a link or an emoji becomes
    code: nothing is in it that is not seen, so that what is copied is what was written.
    """
    shown = for_log(printable(text, limit=limit)).strip()
    parts, end = [], 0
    for quoted in _QUOTED.finditer(shown):
        before, inside, after = quoted.groups()
        parts += [_inactive(shown[end : quoted.start()], first=not end), before, code(inside, limit=limit), after]
        end = quoted.end()
    return "".join([*parts, _inactive(shown[end:], first=not end)])


def table(head: tuple[str, ...], alignment: str, rows: Sequence[tuple[str, ...]]) -> str:
    """A table of Markdown, of cells that are safe in one."""
    lines = ["| " + " | ".join(head) + " |", f"|{alignment}|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def _inactive(text: str, *, first: bool) -> str:
    """Text without backticks that are a pair. `first`: it begins the line, where some characters act."""
    words = re.split(r"(\s+)", text)
    return "".join(
        _as_code(word) if _LINKING.search(word) else _escaped(word, first=first and not position)
        for position, word in enumerate(words)
    )


def _as_code(word: str) -> str:
    """A word as code, without the punctuation of its sentence."""
    bare = word.rstrip(".,;:)")
    if not _LINKING.search(bare):
        bare = word
    return code(bare, limit=len(word)) + word[len(bare) :]


def _escaped(word: str, *, first: bool) -> str:
    word = word.replace("&", "&amp;").replace("<", "&lt;")
    if not first:
        return _ACTIVE.sub(r"\\\1", f"\0{word}")[1:]
    return _NUMBERED.sub(r"\1\\\2", _ACTIVE.sub(r"\\\1", word))
