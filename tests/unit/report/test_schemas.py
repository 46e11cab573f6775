"""The published schemas say what is written: every field, nothing else, and real lines are valid."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from jsonschema import Draft202012Validator

from tests.support import ROOT, borne, sample_run
from windtunnel.model import record, resilience, summary
from windtunnel.model.http import ERROR_KINDS
from windtunnel.model.load import Segment
from windtunnel.model.record import Dropped
from windtunnel.model.summary import SCHEMA_VERSION
from windtunnel.model.verdict import EXIT_CODES
from windtunnel.model.vocabulary import FaultPattern, ResilienceWord
from windtunnel.report import json
from windtunnel.report.model import Report

SCHEMAS = ROOT / "schemas"

RECORD_FORMS = {
    "run_started": record.RunStarted,
    "run_ended": record.RunEnded,
    "request": record.RequestRecord,
    "step": record.StepRecord,
    "assertion": record.AssertionRecord,
    "instance": record.InstanceRecord,
    "dropped": record.Dropped,
    "health": record.Health,
    "phase_begun": record.PhaseRecord,
    "fault": record.FaultRecord,
    "proxied": record.ProxiedRecord,
    "effect": record.EffectRecord,
    "request_facts": record.RequestFacts,
    "timings": record.Timings,
    "failed_check": record.FailedCheck,
    "users": record.Users,
}
SUMMARY_FORMS = {
    "summary": summary.Summary,
    "run": summary.RunInfo,
    "threshold": summary.ThresholdResult,
    "metric": summary.MetricSummary,
    "distribution": summary.Distribution,
    "step": summary.StepSummary,
    "error": summary.ErrorGroup,
    "soundness": summary.Soundness,
    "comparison": summary.Comparison,
    "change": summary.Change,
    "window_span": summary.WindowSpan,
    "run_windows": summary.RunWindows,
    "window_figures": summary.WindowFigures,
    "turbulence": resilience.Resilience,
    "turbulence_phase": resilience.PhaseFigures,
    "turbulence_fault": resilience.FaultFigures,
    "turbulence_band": resilience.Band,
    "turbulence_proxy": resilience.ProxyFigures,
    "turbulence_bound": resilience.Bound,
    "turbulence_level": resilience.Level,
    "turbulence_group": resilience.GroupFigures,
    "turbulence_bucket": resilience.Bucket,
}


def schema(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = msgspec.json.decode((SCHEMAS / f"{name}.schema.json").read_bytes())
    return loaded


def valid(name: str, value: object) -> list[str]:
    return [error.message for error in Draft202012Validator(schema(name)).iter_errors(value)]


CASES = [("record", n, s) for n, s in RECORD_FORMS.items()] + [("summary", n, s) for n, s in SUMMARY_FORMS.items()]


@pytest.mark.parametrize(("file", "name", "struct"), CASES, ids=[f"{f}-{n}" for f, n, _ in CASES])
def test_a_form_has_exactly_the_fields_of_its_struct(file: str, name: str, struct: type[msgspec.Struct]) -> None:
    form = schema(file)["$defs"][name]
    names = {field.encode_name for field in msgspec.structs.fields(struct)}
    tagged = struct.__struct_config__.tag is not None
    # The writer adds the checksum to the line that it made of the record.
    of_a_line = {"type", "crc"} if tagged and file == "record" else {"type"} if tagged else set()
    assert set(form["properties"]) == names | of_a_line
    if tagged:
        assert form["properties"]["type"]["const"] == struct.__struct_config__.tag
    # What is left out at its default can't be required; seq and run_id are stamped by the writer.
    omits = struct.__struct_config__.omit_defaults
    always = {f.encode_name for f in msgspec.structs.fields(struct) if f.required or not omits}
    stamped = {"type", "seq", "run_id"} if tagged else set()
    assert set(form.get("required", [])) == always | stamped


@pytest.mark.parametrize("file", ["record", "summary", "trace"])
def test_every_form_and_field_is_described(file: str) -> None:
    whole = schema(file)
    Draft202012Validator.check_schema(whole)
    assert whole["$defs"]
    for name, form in whole["$defs"].items():
        assert {"title", "description"} <= set(form), name
        for field, definition in form.get("properties", {}).items():
            assert {"title", "description"} <= set(definition) or "$ref" in definition, f"{name}.{field}"


def test_every_line_of_a_run_is_valid(tmp_path: Path) -> None:
    directory = sample_run.write_run(tmp_path, instances=60)
    validator = Draft202012Validator(schema("record"))
    types = set()
    for line in directory.segment(Segment()).read_bytes().splitlines():
        value = msgspec.json.decode(line)
        types.add(value["type"])
        assert not list(validator.iter_errors(value)), value
    parts = {"request_facts", "timings", "failed_check", "users"}
    of_turbulence = {"phase_begun", "fault", "proxied", "effect"}
    assert types == set(RECORD_FORMS) - parts - of_turbulence - {"dropped"}


def test_lines_that_are_rare_are_valid_too() -> None:
    dropped = Dropped(seq=1, run_id="r", t=2.0, scenario="shop", index=4, scheduled=1.5)
    ended = sample_run.run_ended()
    ended.seq, ended.run_id = 2, "r"
    assert valid("record", msgspec.to_builtins(dropped)) == []
    assert valid("record", msgspec.to_builtins(ended)) == []


@pytest.mark.parametrize(
    "line",
    [
        {"type": "step"},
        {"type": "unheard_of", "seq": 0, "run_id": "r", "t": 1.0},
        {"type": "health", "seq": -1, "run_id": "r", "t": 1.0},
        {"type": "health", "seq": 0, "run_id": "r", "t": "now"},
        {"type": "dropped", "seq": 0, "run_id": "r", "t": 1.0, "scenario": "s", "index": 0.5, "scheduled": 1},
    ],
)
def test_what_is_no_record_is_refused(line: dict[str, Any]) -> None:
    assert valid("record", line)


def test_the_summaries_of_runs_are_valid(
    failing_report: Report, unfinished_report: Report, empty_report: Report
) -> None:
    for report in (failing_report, unfinished_report, empty_report):
        assert valid("summary", msgspec.json.decode(json.encode(report.summary))) == []
    borne_in_every_way = [borne.summary(word) for word in get_args(ResilienceWord)]
    for made in (sample_run.summary(), sample_run.compared(), *borne_in_every_way):
        assert valid("summary", msgspec.json.decode(json.encode(made))) == []


@pytest.mark.parametrize(
    "change", [{"verdict": "green"}, {"exit_code": 7}, {"schema_version": 2}, {"thresholds": {}}]
)
def test_what_is_no_summary_is_refused(change: dict[str, Any]) -> None:
    assert valid("summary", msgspec.json.decode(json.encode(sample_run.summary())) | change)


def test_the_words_of_the_schemas_are_those_of_the_code() -> None:
    properties = schema("summary")["$defs"]["summary"]["properties"]
    assert set(properties["verdict"]["enum"]) == set(EXIT_CODES)
    assert set(properties["exit_code"]["enum"]) == {*EXIT_CODES.values(), 143}
    assert properties["schema_version"]["const"] == SCHEMA_VERSION
    judged = schema("summary")["$defs"]["turbulence"]["properties"]
    assert judged["word"]["enum"] == list(get_args(ResilienceWord))
    assert judged["recovery"]["enum"] == list(get_args(resilience.Recovery))
    assert schema("summary")["$defs"]["turbulence_fault"]["properties"]["pattern"]["enum"] == list(
        get_args(FaultPattern)
    )
    error = schema("record")["$defs"]["request_facts"]["properties"]["error"]["description"]
    assert all(kind in error for kind in ERROR_KINDS)
