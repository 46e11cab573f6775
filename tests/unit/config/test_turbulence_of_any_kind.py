"""Whatever the schema of `turbulence` lets pass is a plan that can be shown, or is refused in a sentence."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.messages import golden, message_of
from windtunnel.cli.timeline import timeline_lines
from windtunnel.config.faults_added import with_fault_types
from windtunnel.config.overrides import overrides_of
from windtunnel.config.reader import read_yaml
from windtunnel.config.schemas import load_schema, require_valid, validate
from windtunnel.errors import ConfigError
from windtunnel.job.compile import compile_job, warnings_of_faults
from windtunnel.job.request import JobRequest, load_test_plan

SCHEMA = load_schema("plan")
QUANTITIES = ("5s", "1s", "10s", "20%", "50%", "1B/s", "10KiB/s", "64KiB", 3)
TEXTS = (
    *(
        "home",
        "a",
        "headers",
        "POST",
        "/",
        "*",
        "$.id",
        "+50ms",
        "-50ms",
        "",
        "é",
        "{{ x }}",
        "x\ny",
        "nan",
        "delay",
    ),
    *(
        "rate > 1%",
        "p(95) < 1s",
        "http://a:1",
        "db:5432",
        "[::1]:80",
        ":0",
        "delay",
        "probability",
        "10000h",
        "99.9%",
    ),
)
NAMES = ("a", "instances", "checks", "http_req_duration", "time_to_recover", "lost", "delay", "probability")
NUMBERS = (0, 1, 2, 3, 5, 50, 200, 503, -1, 0.5, 1e6, 2**53)
TARGETS = {"scenario": "browse", "step": "home", "service": "default", "proxy": "a"}


class Written:
    """Writes values that a schema describes, by chance."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)

    def value(self, schema: Mapping[str, Any]) -> Any:
        if "$ref" in schema:
            return self.value(SCHEMA["$defs"][schema["$ref"].split("/")[-1]])
        if "allOf" in schema:
            rule = self.random.choice(schema["allOf"])
            return {**self.value(rule["then"]), "type": rule["if"]["properties"]["type"]["const"]}
        if "then" in schema:
            return self.value(schema[self.random.choice(["then", "else"])])
        if "enum" in schema:
            return self.random.choice(schema["enum"])
        kinds = schema.get("type", "object")
        kind = self.random.choice(kinds) if isinstance(kinds, list) else kinds
        if kind == "object":
            return dict(self.pairs(schema))
        if kind == "array":
            least = schema.get("minItems", 0)
            return [self.value(schema["items"]) for _ in range(self.random.randint(least, least + 1))]
        if kind == "boolean":
            return self.random.random() < 0.5
        if kind in ("integer", "number"):
            return self.random.choice(NUMBERS)
        fits = QUANTITIES if "format" in schema else schema.get("examples", TEXTS)
        return self.random.choice(fits if self.random.random() < 0.7 else TEXTS)

    def pairs(self, schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        for key, inner in schema.get("properties", {}).items():
            if key in schema.get("required", ()) or self.random.random() < 0.4:
                yield key, TARGETS.get(key) if key in TARGETS else self.value(inner)
        if isinstance(schema.get("additionalProperties"), dict):
            yield self.random.choice(NAMES), self.value(schema["additionalProperties"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path, before = tmp_path_factory.mktemp("plan"), Path.cwd()
    (path / "sut.yaml").write_text("base_url: http://localhost:1\n")
    (path / "a.yaml").write_text("id: browse\nflow: [{ type: http, name: home, path: /, method: GET }]\n")
    os.chdir(path)
    yield path
    os.chdir(before)


@given(st.integers(min_value=0, max_value=2**32), st.sampled_from(["faults", "judge", "guards", "proxies"]))
@settings(max_examples=60, deadline=None)
def test_whatever_the_section_holds_it_is_shown_or_refused(folder: Path, seed: int, part: str) -> None:
    written = Written(seed)
    turbulence = {
        "phases": {"steady": "1s", "inject": "10s", "recover": "10s"},
        "proxies": {"a": {"upstream": "http://a:1"}},
        part: [written.value(SCHEMA["$defs"]["fault"])]
        if part == "faults"
        else written.value(SCHEMA["$defs"]["turbulence"]["properties"][part]),
    }
    load = written.random.choice([{"rate": "5/s"}, {"parallel": 2}])
    plan = {"load": load, "turbulence": turbulence, "sut": "sut.yaml", "scenarios": ["a.yaml"]}
    (folder / "plan.yaml").write_text(json.dumps(plan))
    request = JobRequest(plan="plan.yaml", overrides=overrides_of(allow="listen,hook,toxiproxy", seed=1))
    said = shown_or_refused(request)
    assert said
    assert [each for each in said if "{'" in each] == []


def shown_or_refused(request: JobRequest) -> list[str]:
    """The lines that show a plan, or why it is refused."""
    try:
        compiled = compile_job(load_test_plan(request, {}))
    except ConfigError as error:
        return [problem.message for problem in error.problems]
    return [*timeline_lines(compiled), *warnings_of_faults(compiled)]


def test_a_fault_of_a_package_can_be_handed_in() -> None:
    own = {"properties": {"header": {"type": "string"}}, "required": ["header"]}
    schema = with_fault_types(SCHEMA, {"strip_header": own})

    def plan(fault: str) -> Any:
        phases = "{ steady: 1s, inject: 1s, recover: 1s }"
        return read_yaml(
            "f.yaml", f"turbulence:\n  phases: {phases}\n  faults: [{fault}]".encode(), environment={}
        )

    assert validate(plan("{ type: strip_header, header: a, probability: 5% }"), schema) == []
    assert load_schema("plan") == SCHEMA
    assert message_of(lambda: require_valid(plan("{ type: strip_header, heder: a }"), schema)) == golden(
        """
        f.yaml:3:12: a strip_header fault needs "header"
          3 |   faults: [{ type: strip_header, heder: a }]
            |            ^
        f.yaml:3:34: unknown key "heder" in a strip_header fault
          3 |   faults: [{ type: strip_header, heder: a }]
            |                                  ^^^^^
          help: did you mean "header"?
        """
    )
