"""Changes one thing in a text: a node of its YAML or JSON tree, or its characters and bytes.

The rest of the text stays as it was written, so that places in messages can be compared with it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

import yaml

from tests.fuzz.odd_values import KEYS, PIECES, VALUES


@dataclass(frozen=True, kw_only=True)
class Part:
    """A piece of the text: a value, or the key of a pair. `is_mapping`: a pair can be put in behind its start."""

    start: int
    end: int
    is_key: bool = False
    is_mapping: bool = False
    is_flow: bool = False

    def of(self, text: str) -> str:
        return text[self.start : self.end]


@functools.cache
def parts_of(text: str) -> tuple[Part, ...]:
    """Every key and value of a text that is YAML; none when it can't be read."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError):
        return ()
    return tuple(_parts(text, root, set())) if root is not None else ()


def _parts(text: str, node: yaml.Node, seen: set[int], *, is_key: bool = False) -> Iterator[Part]:
    if id(node) in seen:  # an alias
        return
    seen.add(id(node))
    start, end = node.start_mark.index, node.end_mark.index
    yield Part(
        start=start,
        end=start + len(text[start:end].rstrip()),
        is_key=is_key,
        is_mapping=isinstance(node, yaml.MappingNode),
        is_flow=bool(getattr(node, "flow_style", False)),
    )
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _parts(text, item, seen)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _parts(text, key, seen, is_key=True)
            yield from _parts(text, value, seen)


class Mutator:
    """Draws changes from one stream of random numbers."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._of_tree: tuple[Callable[[str, Sequence[Part]], str], ...] = (
            *[self._replace] * 6,
            *[self._replace_key] * 2,
            *(
                self._add_pair,
                self._add_known_pair,
                self._cross,
                self._wrap,
                self._drop,
                self._double,
                self._piece,
            ),
        )
        self._of_text: tuple[Callable[[str], str], ...] = (
            *(self._insert, self._insert, self._delete, self._repeat, self._cut, self._swap_lines),
            *(self._double_line, self._indent, self._delete_line),
        )

    def tree(self, text: str) -> bytes:
        """The text with one node changed."""
        parts = parts_of(text)
        changed = (
            self._random.choice(self._of_tree)(text, parts) if parts else self._random.choice(self._of_text)(text)
        )
        return changed.encode("utf-8", "surrogatepass")

    def text(self, text: str) -> bytes:
        """The text with some of its characters or bytes changed."""
        for _ in range(self._random.choice((1, 1, 1, 2, 3))):
            text = self._random.choice(self._of_text)(text)
        raw = text.encode("utf-8", "surrogatepass")
        if self._random.random() < 0.15 and raw:
            at = self._random.randrange(len(raw))
            raw = raw[:at] + bytes([self._random.randrange(256)]) + raw[at + self._random.randrange(2) :]
        return raw

    def _value(self) -> str:
        return self._random.choice(VALUES)

    def _one(self, parts: Sequence[Part], *, keys: bool = False) -> Part:
        return self._random.choice([part for part in parts if part.is_key == keys] or list(parts))

    def _replace(self, text: str, parts: Sequence[Part]) -> str:
        part = self._one(parts)
        return text[: part.start] + self._value() + text[part.end :]

    def _replace_key(self, text: str, parts: Sequence[Part]) -> str:
        part = self._one(parts, keys=True)
        return text[: part.start] + self._random.choice(KEYS) + text[part.end :]

    def _add_pair(self, text: str, parts: Sequence[Part]) -> str:
        return self._with_pair(text, parts, f"{self._random.choice(KEYS)}: {self._value()}")

    def _add_known_pair(self, text: str, parts: Sequence[Part]) -> str:
        """A key that is somewhere in the file, where it may not belong."""
        key = self._one(parts, keys=True).of(text)
        return self._with_pair(
            text, parts, f"{key}: {self._random.choice((self._one(parts).of(text), self._value()))}"
        )

    def _with_pair(self, text: str, parts: Sequence[Part], pair: str) -> str:
        mappings = [part for part in parts if part.is_mapping]
        if not mappings:
            return self._replace(text, parts)
        part = self._random.choice(mappings)
        if part.is_flow:
            return f"{text[: part.start + 1]} {pair}, {text[part.start + 1 :]}"
        indent = " " * (part.start - text.rfind("\n", 0, part.start) - 1)
        return f"{text[: part.start]}{pair}\n{indent}{text[part.start :]}"

    def _cross(self, text: str, parts: Sequence[Part]) -> str:
        part, other = self._one(parts), self._one(parts)
        return text[: part.start] + other.of(text) + text[part.end :]

    def _wrap(self, text: str, parts: Sequence[Part]) -> str:
        part = self._one(parts)
        before, after = self._random.choice(
            (("[", "]"), ("{x: ", "}"), ('"', '"'), ("[[", "]]"), ("&w ", ""), ("!t ", ""))
        )
        return text[: part.start] + before + part.of(text) + after + text[part.end :]

    def _drop(self, text: str, parts: Sequence[Part]) -> str:
        part = self._random.choice(parts)
        return text[: part.start] + text[part.end :]

    def _double(self, text: str, parts: Sequence[Part]) -> str:
        part = self._one(parts)
        copies = ", ".join([part.of(text)] * self._random.choice((2, 3, 30)))
        return f"{text[: part.start]}[{copies}]{text[part.end :]}"

    def _piece(self, text: str, parts: Sequence[Part]) -> str:
        """A strange piece in the middle of a value."""
        part = self._random.choice(parts)
        at = self._random.randint(part.start, part.end)
        return text[:at] + self._random.choice(PIECES) + text[at:]

    def _insert(self, text: str) -> str:
        at = self._random.randint(0, len(text))
        return text[:at] + self._random.choice(PIECES) + text[at:]

    def _delete(self, text: str) -> str:
        at = self._random.randint(0, len(text))
        return text[:at] + text[at + self._random.choice((1, 1, 2, 10, 100)) :]

    def _repeat(self, text: str) -> str:
        at = self._random.randint(0, len(text))
        piece = text[at : at + self._random.choice((1, 5, 50))]
        return text[:at] + piece * self._random.choice((2, 3, 100)) + text[at:]

    def _cut(self, text: str) -> str:
        return text[: self._random.randint(0, len(text))]

    def _swap_lines(self, text: str) -> str:
        lines = text.split("\n")
        here, there = self._random.randrange(len(lines)), self._random.randrange(len(lines))
        lines[here], lines[there] = lines[there], lines[here]
        return "\n".join(lines)

    def _double_line(self, text: str) -> str:
        lines = text.split("\n")
        here = self._random.randrange(len(lines))
        return "\n".join([*lines[:here], lines[here], *lines[here:]])

    def _delete_line(self, text: str) -> str:
        lines = text.split("\n")
        here = self._random.randrange(len(lines))
        return "\n".join([*lines[:here], *lines[here + 1 :]])

    def _indent(self, text: str) -> str:
        lines = text.split("\n")
        here = self._random.randrange(len(lines))
        lines[here] = self._random.choice((" ", "  ", "\t", "    ")) + lines[here]
        return "\n".join(lines)
