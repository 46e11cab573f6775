"""What a violation of a schema means to the person who wrote the file.

jsonschema says `{'metod': 'GET'} is not valid under any of the given schemas`; this module says
`unknown key "metod" in an http step`, at the key, and asks whether "method" was meant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from windtunnel.config.scalars import is_number
from windtunnel.errors import ExpressionError, did_you_mean
from windtunnel.expressions.quantities import (
    is_percentage,
    parse_duration,
    parse_percentage,
    parse_rate,
    parse_size,
    parse_speed,
)
from windtunnel.figures import EXACT, literal, number
from windtunnel.model.source import DataPath

_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}
_YES_AND_NO = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
_LONGEST = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """What jsonschema found: the value at `path` does not hold what `keyword: wanted` of `schema` asks for.

    `of_key`: the value is a key of the mapping at `path`. `root` is the whole schema, to follow references in.
    """

    keyword: str
    wanted: Any
    value: Any
    path: DataPath
    schema: Mapping[str, Any]
    root: Mapping[str, Any]
    of_key: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """A sentence about the value at `path`, or about its key. `missing` are keys that the value needs."""

    message: str
    path: DataPath
    at_key: bool = False
    hint: str | None = None
    missing: tuple[str, ...] = ()


def explain(violation: Violation) -> Iterator[Complaint]:
    """The complaints about one violation."""
    if violation.of_key:
        expected, hint = _with_example(violation.schema["x-expects"])
        if violation.keyword == "enum":
            hint = did_you_mean(violation.value, violation.wanted) or f"one of {', '.join(violation.wanted)}"
        message = f"{_quoted(violation.value)} must be {expected}"
        yield Complaint(message=message, path=(*violation.path, violation.value), at_key=True, hint=hint)
    else:
        yield from _EXPLANATIONS.get(violation.keyword, _wrong_value)(violation)


def describe(value: Any) -> str:
    """A value as part of a sentence: text "abc", 5, true, a list, an empty mapping, nothing."""
    if isinstance(value, str):
        if "\n" in value or "\r" in value:
            return "text with a line break"
        return f"text {_quoted(value)}" if value else "an empty text"
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "nothing"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    if isinstance(value, Mapping):
        return "a mapping" if value else "an empty mapping"
    return _short(literal(value) if isinstance(value, int | float) else str(value))


def one_of(words: Iterable[str], *, last: str = "or") -> str:
    """The words in a row: a, b or c."""
    words = list(words)
    return f" {last} ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def _unknown_keys(found: Violation) -> Iterator[Complaint]:
    known = list(found.schema.get("properties", {}))
    for key in found.value:
        if key not in known:
            hint = did_you_mean(key, known) or found.schema.get("x-hint") or _the_keys(known)
            yield Complaint(
                message=f"unknown key {_quoted(key)} in {_subject(found.schema, found.path)}",
                path=(*found.path, key),
                at_key=True,
                hint=hint,
            )


def _the_keys(known: list[str]) -> str:
    if len(known) == 1:
        return f"the only key here is {known[0]}"
    return f"the keys here are {one_of(known, last='and')}"


def _missing_keys(found: Violation) -> Iterator[Complaint]:
    for key in found.wanted:
        if key not in found.value:
            examples = _resolve(found.schema.get("properties", {}).get(key, {}), found.root).get("examples")
            yield Complaint(
                message=f"{_subject(found.schema, found.path)} needs {_quoted(key)}",
                path=found.path,
                hint=f"add `{key}: {examples[0]}`" if examples else None,
                missing=(key,),
            )


def _alternatives(found: Violation) -> Iterator[Complaint]:
    """`oneOf` and `anyOf` of keys: one of them must be there."""
    if not isinstance(found.value, Mapping):
        return  # its type is complained about elsewhere
    keys = [key for branch in found.wanted for key in branch["required"]]
    present = [key for key in found.value if key in keys]
    subject, needed = _subject(found.schema, found.path), one_of([_quoted(key) for key in keys])
    if not present:
        schema = _resolve(found.schema.get("properties", {}).get(keys[0], {}), found.root)
        example = schema.get("examples", [None])[0]
        yield Complaint(
            message=f"{subject} needs {needed}",
            path=found.path,
            hint=None if example is None else f"add `{keys[0]}: {example}`",
            missing=tuple(keys),
        )
    else:
        message = f"{subject} has {one_of([_quoted(key) for key in present], last='and')}"
        yield Complaint(
            message=message, path=(*found.path, present[-1]), at_key=True, hint=f"keep one of {needed}"
        )


def _forbidden(found: Violation) -> Iterator[Complaint]:
    """`not` of a pair of keys; anything else under `not` is a wrong value."""
    keys = found.wanted.get("required")
    if keys is None:
        yield from _wrong_value(found)
        return
    if not isinstance(found.value, Mapping):
        return  # its type is complained about elsewhere
    second = max(keys, key=list(found.value).index)
    message = f"{one_of([_quoted(key) for key in keys], last='and')} can't be used together"
    yield Complaint(message=message, path=(*found.path, second), at_key=True, hint="keep one of them")


def _missing_companions(found: Violation) -> Iterator[Complaint]:
    """`dependentRequired`: a key that needs another key."""
    for key, companions in found.wanted.items():
        for companion in companions if key in found.value else ():
            if companion not in found.value:
                examples = _resolve(found.schema["properties"][companion], found.root).get("examples")
                yield Complaint(
                    message=f"{_quoted(key)} needs {_quoted(companion)} beside it",
                    path=(*found.path, key),
                    at_key=True,
                    hint=f"add `{companion}: {examples[0]}`" if examples else None,
                )


def _wrong_word(found: Violation) -> Iterator[Complaint]:
    words = [str(word) for word in found.wanted if word is not None]
    hint = None
    if isinstance(found.value, str):
        hint = found.schema.get("x-hints", {}).get(found.value) or did_you_mean(found.value, words)
    expected = found.schema.get("x-expects")
    if expected:
        hint = hint or f"one of {', '.join(words)}"
    message = f"{_name(found.path)} must be {expected or one_of(words)}, not {describe(found.value)}"
    yield Complaint(message=message, path=found.path, hint=hint)


def _wrong_value(found: Violation) -> Iterator[Complaint]:
    """A value of the wrong shape or size: `x-expects` says what it should be."""
    if found.keyword == "format" and (beyond := _beyond_its_range(found)):
        hint = beyond.hint if found.wanted == "windtunnel-share" else None
        yield Complaint(message=f"{_name(found.path)}: {beyond}", path=found.path, hint=hint)
        return
    expected, example = _with_example(_expected(found))
    hint = _type_hint(found.value, found.schema)
    if hint is None and isinstance(found.value, str):
        hint = did_you_mean(
            found.value, [word for word in found.schema.get("examples", ()) if isinstance(word, str)]
        )
    came = describe(found.value)
    if found.keyword in ("minItems", "maxItems") and found.value:
        came = f"a list of {len(found.value):,}"
    if found.keyword == "maxLength":
        came = f"{len(found.value):,}"
    message = f"{_name(found.path)} must be {expected}, not {came}"
    yield Complaint(message=message, path=found.path, hint=hint or example)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A format of the schemas: the types that it is for, and what reads a value of them or raises."""

    types: tuple[type, ...]
    read: Callable[[Any], float]
    above_zero: bool = False

    def holds(self, value: object) -> bool:
        """Whether the value is right; of another type it is told elsewhere. Raises ExpressionError."""
        if isinstance(value, bool) or not isinstance(value, self.types):
            return True
        return self.read(value) > 0 or not self.above_zero


_NUMBERS = (str, int, float)


def _or_share(read: Callable[[Any], float]) -> Callable[[Any], float]:
    """What also reads a share of the whole: `40%`."""
    return lambda value: parse_percentage(value) if is_percentage(value) else read(value)


QUANTITIES: Mapping[str, Quantity] = {
    "windtunnel-duration": Quantity(types=_NUMBERS, read=parse_duration),
    "windtunnel-positive-duration": Quantity(types=_NUMBERS, read=parse_duration, above_zero=True),
    "windtunnel-size": Quantity(types=(str, int), read=parse_size, above_zero=True),
    "windtunnel-rate": Quantity(types=(str,), read=parse_rate),
    "windtunnel-share": Quantity(types=_NUMBERS, read=parse_percentage),
    "windtunnel-moment": Quantity(types=_NUMBERS, read=_or_share(parse_duration)),
    "windtunnel-span": Quantity(types=_NUMBERS, read=_or_share(parse_duration), above_zero=True),
    "windtunnel-speed": Quantity(types=(str,), read=parse_speed),
    "windtunnel-part": Quantity(types=(str, int), read=_or_share(parse_size)),
    "windtunnel-part-of-body": Quantity(
        types=_NUMBERS, read=lambda value: 0.0 if value == "headers" else parse_percentage(value)
    ),
}
"""Name of a format -> what it is."""


def _beyond_its_range(found: Violation) -> ExpressionError | None:
    """Why a quantity that is written right is too large or too small; None for one that is written wrong."""
    try:
        QUANTITIES[str(found.wanted)].read(found.value)
    except ExpressionError as error:
        return None if " is not a " in str(error) else error
    return None


def _with_example(expected: str) -> tuple[str, str | None]:
    """What is expected, and a hint with the examples that it names: "a duration", "write 250ms or 5s"."""
    expected, _, example = expected.partition(" such as ")
    return expected.rstrip(","), f"write {example}" if example else None


def _expected(found: Violation) -> str:
    """What the schema says it expects, or its limit where that is what was passed and isn't in the sentence."""
    said: str | None = found.schema.get("x-expects")
    if found.keyword == "maxLength" or (
        found.keyword in ("maximum", "maxItems")
        and not (said and (_number(found.wanted) in said or found.wanted == 2))
    ):
        return _requirement(found)
    return said or _requirement(found)


_EXPLANATIONS: dict[str, Callable[[Violation], Iterator[Complaint]]] = {
    "additionalProperties": _unknown_keys,
    "required": _missing_keys,
    "oneOf": _alternatives,
    "anyOf": _alternatives,
    "not": _forbidden,
    "dependentRequired": _missing_companions,
    "enum": _wrong_word,
}
"""Keyword of JSON Schema to the function that puts it into words; `_wrong_value` takes the others."""


def _requirement(found: Violation) -> str:
    """What a keyword asks for, where the schema doesn't say it in `x-expects`."""
    limit = found.wanted
    if found.keyword == "type":
        return one_of(_TYPES[name] for name in ([limit] if isinstance(limit, str) else limit))
    phrases = {
        "minimum": f"at least {_number(limit)}",
        "maximum": f"at most {_number(limit)}",
        "minLength": "text that is not empty",
        "maxLength": f"text of at most {limit} characters",
        "maxItems": f"a list with {_number(limit)} or fewer items",
        "minItems": f"a list with {limit} or more items",
        "minProperties": f"a mapping with {limit} or more keys",
        "const": describe(limit),
        "pattern": f"text that matches {limit}",
    }
    return phrases.get(found.keyword, f"as {found.keyword} says ({limit})")


def _number(limit: Any) -> str:
    return number(limit, digits=EXACT) if isinstance(limit, int | float) else str(limit)


def _type_hint(value: Any, schema: Mapping[str, Any]) -> str | None:
    """How to mend the usual slips of type."""
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if isinstance(value, str):
        if "boolean" in types and value.lower() in _YES_AND_NO:
            return f"write {_YES_AND_NO[value.lower()]}"
        if ("integer" in types or "number" in types) and "string" not in types and is_number(value):
            return f"write {value} without quotes"
        if types == ["array"] and value:
            return f"write it as a list: [{_quoted(value)}]"
        if types == ["object"] and "{{" in value:
            return schema.get("x-hint")
    elif types == ["string"] and "x-expects" not in schema and isinstance(value, bool | int | float):
        return f"put it into quotes: {_quoted(describe(value))}"
    return None


def _subject(schema: Mapping[str, Any], path: DataPath) -> str:
    """What the mapping is: the title in its schema, with an article; or its place."""
    title = schema.get("title")
    if not title:
        return _name(path)
    return f"{'an' if title[0] in 'aeio' or title.startswith(('http', 'SUT')) else 'a'} {title}"


def _name(path: DataPath) -> str:
    """How a sentence calls the value at `path`: `"count"`, `item 2 of "scenarios"`, or the file."""
    if not path:
        return "the file"
    if isinstance(path[-1], str):
        return _quoted(path[-1])
    names = [part for part in path if isinstance(part, str)]
    return f"item {path[-1] + 1} of {_quoted(names[-1])}" if names else f"item {path[-1] + 1}"


def _resolve(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema with what it refers to."""
    reference = schema.get("$ref", "")
    if not reference.startswith("#/$defs/"):
        return schema
    return {**root["$defs"][reference.removeprefix("#/$defs/")], **schema}


def _quoted(text: str) -> str:
    return f'"{_short(text)}"'


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
