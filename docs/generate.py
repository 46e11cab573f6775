"""Writes the reference from what it describes: the schemas, the commands and the table of flags.

python docs/generate.py            write docs/reference/*.md and the inputs in the files of `PARTS`
python docs/generate.py --check    name the files that are out of date, and exit 1

Those files are otherwise written by hand: the inputs are between a line with `BEGIN inputs` and one with
`END inputs`.
"""

from __future__ import annotations

import itertools
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from windtunnel.ci.inputs import Input

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "reference"

TITLES = {
    "sut": "The SUT file (`sut.yaml`)",
    "scenario": "Scenario files",
    "plan": "The test plan (`windtunnel.yaml`)",
}
PART = re.compile(r"(?P<begin>^[^\n]*BEGIN inputs[^\n]*\n)(?:[^\n]*\n)*?(?P<end>[^\n]*END inputs)", re.MULTILINE)
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


def files() -> dict[Path, str]:
    """Every file that is generated, or has generated parts, as it should be."""
    from windtunnel.ci.inputs import all_inputs

    inputs = all_inputs()
    return {
        **{FOLDER / f"{name}.md": schema_page(name) for name in TITLES},
        FOLDER / "cli.md": cli_page(),
        **{ROOT / name: with_parts(ROOT / name, [write(inputs) for write in PARTS[name]]) for name in PARTS},
    }


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
        *_MORE.get(name, ()),
        "",
        *writer.section(schema, "Top level"),
    ]
    while writer.waiting:
        lines += writer.section(*writer.waiting.pop(0))
    if name == "plan":
        lines += [*_metrics(), *_measures()]
    return "\n".join(lines).rstrip() + "\n"


_MORE = {"scenario": ("What you can write in `{{ }}`: [templates](../templates.md).",)}
"""A line below the description of a page."""


def _metrics() -> Iterator[str]:
    """A row for every metric that a threshold can name."""
    from windtunnel.model.metric import METRICS

    yield from ("## Metrics", "", "What a threshold can ask for, `p` being a percentile such as `p(95)`.", "")
    yield from ("| metric | asks for | what it is |", "|---|---|---|")
    for name, metric in METRICS.items():
        yield f"| `{name}` | {', '.join(f'`{each}`' for each in metric.aggregates)} | {_cell(metric.says)} |"
    yield ""
    yield from (
        "A request's own time is `http_req_duration`; `step_duration` is what a user waits for. The two differ by",
        "retries, polls, redirects and new connections, and a threshold on either can name the step:",
        "`step_duration{step:checkout}: p(95) < 2s`. `instance_duration` holds the pauses of the journey too.",
        "",
    )


def _measures() -> Iterator[str]:
    """A row for every measure of the judge that `turbulence: { judge: { measures: … } }` can limit."""
    from windtunnel.model.resilience import MEASURES

    limits = {"us": "a time: `< 15s`", "%": "a share: `< 50%`", "": "a number: `<= 3`"}
    yield from ("## Measures", "", "What `measures` of the judge section can limit.", "")
    yield from ("| measure | a limit | what it is |", "|---|---|---|")
    for name, measure in MEASURES.items():
        yield f"| `{name}` | {limits[measure.unit]} | {_cell(measure.says)} |"
    yield ""


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
            if keys:
                sentences.append(text.format(", ".join(keys)))
            for branch in schema.get(word, ()):
                beside = [key for one in branch.get("not", {}).get("anyOf", ()) for key in one["required"]]
                if beside and branch["required"]:
                    names = ", ".join(f"`{key}`" for key in beside)
                    sentences.append(f"`{branch['required'][0]}` can also be given together with one of {names}.")
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
        """What a reference leads to; the caller reads the description next to it."""
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

    from windtunnel.cli import completion
    from windtunnel.cli.main import app

    root: Any = typer.main.get_command(app)
    lines = ["# The command line", "", "Written by `make docs` from the help of the commands.", "", root.help, ""]
    lines += ["| option | meaning |", "|---|---|", *map(_option, [*root.params, *completion.options()]), ""]
    for name, command in root.commands.items():
        if not command.hidden:
            lines += command_section(name, command)
    return "\n".join(lines).rstrip() + "\n"


def command_section(name: str, command: Any) -> Iterator[str]:
    """The section of one command, from its help; of a group, one for each of its commands."""
    from windtunnel.cli.options import GroupedCommand

    if inside := getattr(command, "commands", {}):
        for below, each in inside.items():
            yield from command_section(f"{name} {below}", each)
        return
    arguments = [parameter for parameter in command.params if parameter.param_type_name == "argument"]
    options = [parameter for parameter in command.params if parameter.param_type_name == "option"]
    wanted = [f"[{_metavar(argument)}]" for argument in arguments]
    line = " ".join([f"windtunnel {name}", *(["[OPTIONS]"] if options else []), *wanted])
    yield from (f"## windtunnel {name}", "", "```", line, "```", "", (command.help or "").strip(), "")
    if arguments:
        yield from ("| argument | meaning |", "|---|---|")
        yield from (f"| `{_metavar(argument)}` | {_cell(argument.help or '')} |" for argument in arguments)
        yield ""
    grouped = isinstance(command, GroupedCommand)
    sections: dict[str, list[Any]] = {}
    for option in options:
        sections.setdefault(option.rich_help_panel or "" if grouped else "", []).append(option)
    for title, members in sections.items():
        if len(sections) > 1:
            yield from (f"### {title}", "")
        yield from ("| option | meaning |", "|---|---|")
        yield from map(_option, members)
        yield ""


def _option(option: Any) -> str:
    value = "" if option.is_flag else f" {_metavar(option)}"
    spelled = ", ".join(f"`{spelling}{value}`" for spelling in [*option.opts, *option.secondary_opts])
    return f"| {spelled} | {_cell(option.help or '')} |"


def _metavar(parameter: Any) -> str:
    return str(parameter.metavar or parameter.name.upper())


# ── the inputs of the action ─────────────────────────────────────────────────────────────────────────────────


def with_parts(path: Path, parts: Sequence[str]) -> str:
    """The text of the file with its generated parts, in their order, replaced by these."""
    text, waiting = path.read_text(encoding="utf-8"), iter(parts)
    text, found = PART.subn(lambda part: part["begin"] + next(waiting) + part["end"], text)
    if found != len(parts):
        raise SystemExit(f"{path}: {found} of {len(parts)} generated parts have their marks")
    return text


def action_inputs(inputs: Iterable[Input]) -> str:
    """The inputs as `action.yml` declares them."""
    lines = []
    for each in inputs:
        lines += [f"  {each.name}:", f"    description: {_quoted(each.help)}", "    required: false"]
        lines += [f"    default: {each.default}"] if each.default else []
    return _lines(lines)


def host_variables(inputs: Iterable[Input]) -> str:
    """The inputs as variables of the composite action."""
    return _lines(f"        {_variable(each)}: ${{{{ inputs.{each.name} }}}}" for each in inputs)


def gitlab_inputs(inputs: Iterable[Input]) -> str:
    """The inputs as GitLab's template declares them."""
    lines = []
    for each in inputs:
        if each.in_gitlab:
            default = GITLAB_DEFAULTS.get(each.name, each.default) or "''"
            lines += [f"    {each.name}:", f"      description: {_quoted(each.help)}", f"      default: {default}"]
    return _lines(lines)


def gitlab_variables(inputs: Iterable[Input]) -> str:
    """The inputs as variables of the job in GitLab."""
    lines = []
    for each in inputs:
        if each.in_gitlab:
            lines += [f"    {_variable(each)}:", f"      value: $[[ inputs.{each.name} ]]", "      expand: false"]
    return _lines(lines)


def readme_table(inputs: Iterable[Input]) -> str:
    """The inputs as a table."""
    rows = [f"| `{each.name}` | {_cell(each.help.rstrip('.'))} |" for each in inputs]
    return _lines(["", "| input | |", "|---|---|", *rows, ""])


def _variable(each: Input) -> str:
    return "INPUT_" + each.name.upper().replace("-", "_")


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


GITLAB_DEFAULTS = {"shard": "auto"}
"""Where the template's default is another one than the action's."""

PARTS: Mapping[str, tuple[Callable[[Iterable[Input]], str], ...]] = {
    "action.yml": (action_inputs,),
    "host/action.yml": (action_inputs, host_variables),
    "templates/windtunnel.yml": (gitlab_inputs, gitlab_variables),
    "README.md": (readme_table,),
}
"""File -> what writes its generated parts, in their order."""


def main(arguments: list[str]) -> int:
    """Write the files, or check them."""
    stale = []
    for path, text in files().items():
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(path.relative_to(ROOT).as_posix())
        if "--check" not in arguments:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if "--check" not in arguments:
        return 0
    if stale:
        print(f"not as `make docs` writes them: {', '.join(stale)}")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
