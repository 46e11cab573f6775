"""`--verbose` marks what a fault of ours did, so that no reader takes it for the doing of the service."""

from __future__ import annotations

import pytest

from tests.support import borne
from windtunnel.engine.ids import InstanceIds
from windtunnel.job.verbose import VerbosePrinter
from windtunnel.model.record import AssertionRecord, Record
from windtunnel.redaction import Redactor


def lines_of(*records: Record) -> list[str]:
    """What is written of some records of one instance."""
    said: list[str] = []
    printer = VerbosePrinter(said.append, Redactor())
    ids = InstanceIds(instance_id="lost-0", correlation_id="c", scenario="shop", phase="inject")
    for record in records:
        printer.on_record(ids, record)
    return said[1:]


def of_assertion(fault: str | None) -> AssertionRecord:
    """A final assertion that failed."""
    return AssertionRecord(
        t=1.0,
        instance_id="lost-0",
        correlation_id="c",
        scenario="shop",
        name="paid",
        outcome="failed",
        fault=fault,
    )


def test_a_step_and_an_instance_that_failed_by_a_fault_name_it() -> None:
    step, instance = borne.lost_reply(0)

    assert lines_of(step, instance) == [
        "✗ browse  http failed, 9 s [injected: lost reply]",
        "    no complete response",
        "✗ lost-0 failed: no complete response [injected: lost reply]",
    ]


@pytest.mark.parametrize(
    ("fault", "line"),
    [
        (None, "✗ paid  assertion failed"),
        ("lost reply", "✗ paid  assertion failed [injected: lost reply]"),
        ("\x1b[31mred\n::error::x", "✗ paid  assertion failed [injected: red ::error::x]"),
    ],
)
def test_an_assertion_names_the_fault_that_made_it_fail(fault: str | None, line: str) -> None:
    assert lines_of(of_assertion(fault)) == [line]
