from __future__ import annotations

from typing import Any

import pytest

from windtunnel.errors import ExpressionError
from windtunnel.http.endpoint import IdLineTemplate
from windtunnel.model.sut import IdHeaders

TRACE = "0af7651916cd43dd8448eb211c80319c"


def test_an_instance_is_named_by_four_headers() -> None:
    lines = IdLineTemplate(IdHeaders(), run_id="r").of_instance(instance_id="buy-7", correlation_id=TRACE)
    assert lines.with_span("00f067aa0ba902b7") == (
        ("X-Run-ID", "r"),
        ("X-Instance-ID", "buy-7"),
        ("X-Correlation-ID", TRACE),
        ("traceparent", f"00-{TRACE}-00f067aa0ba902b7-01"),
    )
    assert f"{lines.lines}00f067aa0ba902b7{lines.end}" == (
        "X-Run-ID: r\r\nX-Instance-ID: buy-7\r\n"
        f"X-Correlation-ID: {TRACE}\r\ntraceparent: 00-{TRACE}-00f067aa0ba902b7-01\r\n"
    )


def test_headers_can_be_renamed_or_left_out() -> None:
    ids = IdHeaders(run="Test-Run", instance=None, correlation=None, traceparent=False)
    template = IdLineTemplate(ids, run_id="{r}")
    lines = template.of_instance(instance_id="buy-7", correlation_id=TRACE)
    assert f"{lines.lines}{lines.end}" == "Test-Run: {r}\r\n"
    assert lines.span_prefix == ""
    assert template.names == {"test-run"}


def test_without_an_instance_only_the_run_is_named() -> None:
    assert IdLineTemplate(IdHeaders(), run_id="r").of_run.with_span("") == (("X-Run-ID", "r"),)


@pytest.mark.parametrize("ids", [IdHeaders(run="X Run"), IdHeaders(instance="X\r\nI"), IdHeaders(correlation="ü")])
def test_a_name_that_cannot_be_sent_is_refused(ids: Any) -> None:
    with pytest.raises(ExpressionError):
        IdLineTemplate(ids, run_id="r")
