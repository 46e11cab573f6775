"""Each vocabulary is declared once: tables and published schemas have its words and no others."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest

from tests.support import ROOT
from windtunnel.model import vocabulary
from windtunnel.model.http import ERROR_KINDS, GENERATOR_ERRORS
from windtunnel.model.note import NOTES
from windtunnel.model.verdict import EXIT_CODES, PRECEDENCE
from windtunnel.user_code import scenario

SCHEMAS = ROOT / "schemas"

PUBLISHED = [
    ("record", "$defs/run_started/properties/kind", vocabulary.SegmentKind),
    ("record", "$defs/step/properties/outcome", vocabulary.Outcome),
    ("record", "$defs/instance/properties/outcome", vocabulary.InstanceOutcome),
    ("summary", "$defs/summary/properties/verdict", vocabulary.VerdictWord),
    ("summary", "$defs/threshold/properties/result", vocabulary.ThresholdWord),
    ("summary", "$defs/threshold/properties/aggregate", vocabulary.AggregateName),
    ("summary", "$defs/threshold/properties/operator", vocabulary.Operator),
    ("summary", "$defs/threshold/properties/unit", vocabulary.Unit),
    ("summary", "$defs/metric/properties/type", vocabulary.MetricType),
    ("summary", "$defs/error/properties/outcome", vocabulary.FailureOutcome),
    ("summary", "$defs/change/properties/unit", vocabulary.ChangeUnit),
    ("plan", "properties/load/properties/arrival", vocabulary.Arrival),
    ("plan", "properties/output/properties/bodies", vocabulary.KeepBodies),
    ("scenario", "properties/load/properties/arrival", vocabulary.Arrival),
    ("scenario", "$defs/http/properties/on_failure", vocabulary.OnFailure),
    ("scenario", "$defs/group/properties/on_failure", vocabulary.OnFailure),
    ("scenario", "$defs/feeder/properties/order", vocabulary.RowOrder),
    ("scenario", "$defs/feeder/properties/on_end", vocabulary.OnEnd),
    ("scenario", "$defs/feeder/properties/share", vocabulary.RowShare),
    ("sut", "properties/http/properties/connections", vocabulary.Connections),
]


@pytest.mark.parametrize(("schema", "path", "words"), PUBLISHED)
def test_a_published_schema_has_the_words_of_the_vocabulary(schema: str, path: str, words: Any) -> None:
    found = json.loads((SCHEMAS / f"{schema}.schema.json").read_text(encoding="utf-8"))
    for key in path.split("/"):
        found = found[key]

    assert set(found["enum"]) == set(get_args(words))


def test_every_error_kind_is_described_and_no_other() -> None:
    assert set(ERROR_KINDS) == set(get_args(vocabulary.ErrorKind))
    assert set(ERROR_KINDS) > GENERATOR_ERRORS


def test_every_kind_of_note_has_its_words_and_no_other() -> None:
    assert set(NOTES) == set(get_args(vocabulary.NoteKind))


def test_every_verdict_has_an_exit_code_and_a_place_in_the_order() -> None:
    assert set(EXIT_CODES) == set(get_args(vocabulary.VerdictWord))
    assert PRECEDENCE[0] == "invalid"
    assert PRECEDENCE[-1] == "pass"


def test_user_code_knows_the_same_words_without_importing_the_model() -> None:
    assert scenario.OnFailure == vocabulary.OnFailure
