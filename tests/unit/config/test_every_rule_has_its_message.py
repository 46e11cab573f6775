"""Every rule of the three schemas is broken by a case of messages.txt, so that its message has been read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from windtunnel.config.reader import read_yaml
from windtunnel.config.schemas import load_schema, validator_of

RULES = frozenset(
    {
        *("type", "enum", "const", "pattern", "format", "oneOf", "anyOf", "not"),
        *("minimum", "maximum", "exclusiveMinimum", "minLength", "maxLength"),
        *("minItems", "maxItems", "minProperties"),
    }
)
NEVER_TOLD = frozenset({"if", "not", "oneOf", "anyOf", "examples", "enum"})
"""What stands below these decides, but is never complained about itself."""

CHOSEN_IN_A_PLAN = {
    "hook_fault": ("type", "required type"),
    "toxiproxy_fault": ("type", "required engine"),
    "on_proxy": ("type", "required proxy"),
    "distribution": ("type",),
}
"""The same for a plan: definition -> what is known of it by then."""

CHOSEN = frozenset({"poll", "pause", "part", "matcher", "extraction", "distribution"})
"""Definitions that an `if` leads to, as to those of step types: that they are mappings is known by then."""

Rule = tuple[str, str, str]
"""Schema, place in it, keyword (with the key, for `required`)."""


def rules_of(name: str, schema: Any, place: str = "#") -> Iterator[tuple[int, Rule]]:
    """Every rule, with the identity of the mapping in which it stands."""
    if isinstance(schema, list):
        for index, item in enumerate(schema):
            yield from rules_of(name, item, f"{place}/{index}")
    if not isinstance(schema, Mapping):
        return
    for keyword, value in schema.items():
        if keyword in RULES:
            yield id(schema), (name, place, keyword)
        elif keyword == "required":
            yield from ((id(schema), (name, place, f"required {key}")) for key in value)
        elif keyword == "additionalProperties" and value is False:
            yield id(schema), (name, place, keyword)
    for keyword, value in schema.items():
        if keyword == "properties" or keyword == "$defs":
            for key, inner in value.items():
                yield from rules_of(name, inner, f"{place}/{keyword}/{key}")
        elif keyword not in NEVER_TOLD and isinstance(value, Mapping | list):
            yield from rules_of(name, value, f"{place}/{keyword}")


def known_before(schema: Mapping[str, Any]) -> Iterator[Rule]:
    """The rules that nothing can break, because what they ask for is why they are looked at."""
    steps = schema.get("$defs", {}).get("step", {}).get("allOf", ())
    for place in ("#/$defs/" + name for name in CHOSEN | {step["then"]["$ref"].split("/")[-1] for step in steps}):
        yield from (("scenario", place, "type"), ("scenario", place, "required type"))
        yield "scenario", f"{place}/properties/type", "type"
    yield from (("plan", f"#/$defs/{name}", word) for name, words in CHOSEN_IN_A_PLAN.items() for word in words)
    for kind in ("request", "proxy"):
        for chosen in schema.get("$defs", {}).get(f"{kind}_fault", {}).get("allOf", ()):
            place = chosen["then"]["$ref"]
            yield from (("plan", place, "type"), ("plan", place, "required type"))
            yield "plan", f"{place}/properties/type", "const"


def broken_by_the_cases(name: str, schema: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """Identity and keyword of each rule that a case breaks."""
    text = (Path(__file__).parent / "messages.txt").read_text()
    for case in text.split("\n=== ")[1:]:
        kind, yaml = case.split("\n---\n")[0].split("\n", 1)
        if kind != name and (kind, name) != ("fragment", "scenario"):
            continue
        # A file to include has a schema inside the scenarios'.
        inside = {"$ref": "#/$defs/fragment", "$defs": schema["$defs"]} if kind == "fragment" else schema
        data = read_yaml("f.yaml", yaml.encode(), environment={}).data
        for error in validator_of(inside).iter_errors(data):
            keyword = str(error.validator)
            if keyword == "required":
                assert isinstance(error.instance, dict)
                assert isinstance(error.schema, Mapping)
                yield from (
                    (id(error.schema), f"required {key}")
                    for key in error.schema["required"]
                    if key not in error.instance
                )
            else:
                yield id(error.schema), keyword


@pytest.mark.parametrize("name", ["sut", "scenario", "plan"])
def test_every_rule_has_its_message(name: str) -> None:
    schema = load_schema(name)
    rules = dict.fromkeys(rules_of(name, schema))
    broken = set(broken_by_the_cases(name, schema))
    unread = [
        rule for identity, rule in rules if (identity, rule[2]) not in broken and rule not in known_before(schema)
    ]
    assert unread == [], "write a case for each into messages.txt, and read its message"
