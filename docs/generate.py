"""Writes the reference pages from what they describe: the schemas, and the help of the command line.

python docs/generate.py            write docs/reference/*.md
python docs/generate.py --check    say which of them are not as they would be written, and exit 1
"""

from __future__ import annotations

import itertools
import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "reference"

TITLES = {
    "sut": "The SUT file (`sut.yaml`)",
    "scenario": "Scenario files",
    "plan": "The test plan (`windtunnel.yaml`)",
}
KINDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "array": "list",
    "object": "mapping",
    "null": "null",
}
LIMITS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "above {}",
    "maxLength": "at most {} characters",
}


def pages() -> dict[str, str]:
    """Every page by its name."""
    return {**{f"{name}.md": schema_page(name) for name in TITLES}, "cli.md": cli_page()}


# ── schemas ──────────────────────────────────────────────────────────────────────────────────────────────────


def schema_page(name: str) -> str:
    """A section for every mapping of a schema, with a row for each of its keys."""
    schema = json.loads((ROOT / "schemas" / f"{name}.schema.json").read_text(encoding="utf-8"))
    writer = _SchemaPage(schema)
    lines = [
        f"# {TITLES[name]}",
        "",
        f"Written by `make docs` from [`schemas/{name}.schema.json`](../../schemas/{name}.schema.json).",
        "In an editor that knows YAML schemas, begin the file with",
        f"`# yaml-language-server: $schema=…/{name}.schema.json`.",
        "",
        schema["description"],
        "",
        *writer.section(schema, "Top level"),
    ]
    while writer.waiting:
        lines += writer.section(*writer.waiting.pop(0))
    return "\n".join(lines).rstrip() + "\n"


class _SchemaPage:
    """Writes the sections of one page. `waiting` are the mappings that were named and have no section yet."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self.schema = schema
        self.waiting: list[tuple[Mapping[str, Any], str]] = []
        self.named: dict[int, str] = {}

    def section(self, schema: Mapping[str, Any], title: str) -> Iterator[str]:
        yield f"## {title}"
        yield ""
        if about := schema.get("description") if title != "Top level" else None:
            yield from (about, "")
        if steps := [rule["then"] for rule in schema.get("allOf", ()) if "then" in rule and "if" in rule]:
            links = [self.link(self.resolve(step)) for step in steps]
            yield from (f"`type` says which of these it is: {', '.join(links)}.", "")
            return
        ways = [self.link(self.resolve(schema[word])) for word in ("then", "else") if word in schema]
        if ways and "properties" not in schema:
            yield from (f"{' or '.join(ways)}.", "")
        keys = schema.get("properties", {})
        if keys:
            yield from ("| key | value | meaning |", "|---|---|---|")
            for key, value in keys.items():
                resolved = self.resolve(value)
                required = " (required)" if key in schema.get("required", ()) else ""
                meaning = value.get("description") or resolved.get("description", "")
                meaning = _cell(meaning) + ("" if "Example:" in meaning else self.example(resolved))
                yield f"| `{key}`{required} | {_cell(self.kind(value))} | {meaning} |"
            yield ""
        if choices := self.choices(schema):
            yield from (choices, "")
        others = schema.get("additionalProperties")
        if isinstance(others, Mapping):
            yield from (f"Any name → {self.kind(others)}.", "")

    def choices(self, schema: Mapping[str, Any]) -> str:
        """Which keys exclude each other."""
        sentences = []
        for word, text in (("oneOf", "Exactly one of {}."), ("anyOf", "At least one of {}.")):
            keys = [f"`{key}`" for branch in schema.get(word, ()) for key in branch.get("required", ())]
            if keys and not any("not" in branch for branch in schema[word]):
                sentences.append(text.format(", ".join(keys)))
        for rule in schema.get("allOf", ()):
            one = self.resolve(rule).get("oneOf", ())
            keys = [f"`{key}`" for branch in one for key in branch.get("required", ())]
            if keys:
                sentences.append(f"At most one of {', '.join(keys)}.")
        return " ".join(sentences)

    def kind(self, value: Mapping[str, Any]) -> str:
        """What a value may be, in a few words, with links to the mappings it may be."""
        resolved = self.resolve(value)
        chosen = [self.resolve(resolved[word]) for word in ("then", "else") if word in resolved]
        # A definition that only chooses between a mapping and something else is described by both.
        mappings = [option for option in (resolved, *chosen) if self.is_mapping(option)]
        if mappings and resolved in mappings and not resolved.get("items"):
            is_section = resolved.get("properties") or resolved.get("allOf") or resolved.get("title")
            return self.link(resolved) if is_section and not self.is_open(resolved) else self.entries(resolved)
        words = self.words(resolved) or ("any value" if chosen else "")
        inside = self.resolve(resolved.get("items", {}))
        if "x-expects" in resolved and self.is_mapping(inside):
            words += f": {self.link(inside)}"
        links = [self.link(option) for option in mappings if option is not resolved]
        return " or ".join(filter(None, [words, *links])) or "any value"

    def words(self, schema: Mapping[str, Any]) -> str:
        if "enum" in schema:
            return ", ".join(f"`{word}`" for word in dict.fromkeys(map(_word, schema["enum"])))
        if "const" in schema:
            return f"`{json.dumps(schema['const'])}`"
        if expects := schema.get("x-expects"):
            return str(expects)
        types = schema.get("type", ())
        types = [types] if isinstance(types, str) else types
        words = [KINDS[name] for name in types if not (name == "object" and "then" in schema)]
        if "array" in types and isinstance(schema.get("items"), Mapping):
            words = [f"list of: {self.kind(schema['items'])}" if word == "list" else word for word in words]
        limits = [text.format(f"{schema[word]:,}") for word, text in LIMITS.items() if word in schema]
        return ", ".join(filter(None, [" or ".join(words), *limits]))

    def entries(self, schema: Mapping[str, Any]) -> str:
        """A mapping whose keys the user chooses."""
        others = schema.get("additionalProperties")
        inner = self.kind(others) if isinstance(others, Mapping) else "any value"
        return f"mapping: name → {inner}"

    def is_open(self, schema: Mapping[str, Any]) -> bool:
        """Whether all of its keys are the user's choice."""
        return not schema.get("properties") and isinstance(schema.get("additionalProperties"), Mapping)

    def is_mapping(self, schema: Mapping[str, Any]) -> bool:
        types = schema.get("type")
        return "properties" in schema or types == "object" or ("allOf" in schema and "title" in schema)

    def link(self, schema: Mapping[str, Any]) -> str:
        """A link to the section of a mapping, which is written later when it isn't yet."""
        found = self.named.get(id(schema))
        if found is None:
            title = schema.get("title", "mapping")
            taken = set(self.named.values())
            found = next(name for name in _numbered(title) if name not in taken)
            self.named[id(schema)] = found
            self.waiting.append((schema, found))
        anchor = re.sub(r"[^a-z0-9 _-]", "", found.lower()).replace(" ", "-")
        return f"[{found}](#{anchor})"

    def example(self, schema: Mapping[str, Any]) -> str:
        examples = [example for example in schema.get("examples", ()) if not isinstance(example, bool)]
        return f" Example: `{_cell(str(examples[0]))}`." if examples else ""

    def resolve(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a reference leads to; the description beside it is the caller's to read."""
        while "$ref" in schema:
            found = self.schema
            for key in schema["$ref"].split("/")[1:]:
                found = found[key]
            schema = found
        return schema


def _numbered(title: str) -> Iterator[str]:
    yield title
    yield from (f"{title} ({number})" for number in itertools.count(2))


def _word(word: object) -> str:
    return "null" if word is None else str(word)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


# ── the command line ─────────────────────────────────────────────────────────────────────────────────────────


def cli_page() -> str:
    """A section for every command, from its own help."""
    import typer.main

    from windtunnel.cli.main import app

    root: Any = typer.main.get_command(app)
    lines = ["# The command line", "", "Written by `make docs` from the help of the commands.", "", root.help, ""]
    for name, command in root.commands.items():
        if not command.hidden:
            lines += _command(name, command)
    return "\n".join(lines).rstrip() + "\n"


def _command(name: str, command: Any) -> Iterator[str]:
    arguments = [parameter for parameter in command.params if parameter.param_type_name == "argument"]
    options = [parameter for parameter in command.params if parameter.param_type_name == "option"]
    wanted = [f"[{_metavar(argument)}]" for argument in arguments]
    line = " ".join([f"windtunnel {name}", *(["[OPTIONS]"] if options else []), *wanted])
    yield from (f"## windtunnel {name}", "", "```", line, "```", "", (command.help or "").strip(), "")
    if arguments:
        yield from ("| argument | meaning |", "|---|---|")
        yield from (f"| `{_metavar(argument)}` | {_cell(argument.help or '')} |" for argument in arguments)
        yield ""
    if options:
        yield from ("| option | meaning |", "|---|---|")
        for option in options:
            value = "" if option.is_flag else f" {_metavar(option)}"
            spelled = ", ".join(f"`{spelling}{value}`" for spelling in [*option.opts, *option.secondary_opts])
            yield f"| {spelled} | {_cell(option.help or '')} |"
        yield ""


def _metavar(parameter: Any) -> str:
    return str(parameter.metavar or parameter.name.upper())


def main(arguments: list[str]) -> int:
    """Write the pages, or check them."""
    stale = []
    for name, text in pages().items():
        path = FOLDER / name
        if "--check" in arguments:
            if not path.is_file() or path.read_text(encoding="utf-8") != text:
                stale.append(name)
        else:
            FOLDER.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if stale:
        print(f"not as `make docs` writes them: {', '.join(stale)}")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
