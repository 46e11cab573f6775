"""The limit of a measure of the judge: `< 15s`, `<= 1.2`, `< 100%`, `== 0`.

    limit      = operator number [ unit ]
    operator   = ">" | ">=" | "<" | "<=" | "==" | "!="

A time has a unit, a share a percent sign; the share of an error budget can be more than 100%.
"""

from __future__ import annotations

import re
from typing import NamedTuple, get_args

from windtunnel.errors import ExpressionError, did_you_mean
from windtunnel.expressions.quantities import parse_duration
from windtunnel.expressions.threshold import format_limit
from windtunnel.model.resilience import MEASURES
from windtunnel.model.vocabulary import Operator

_LIMIT = re.compile(r"\s*(?P<op>[<>=!]+)\s*(?P<limit>\S.*?)\s*")
_NUMBER = re.compile(r"[0-9]{1,15}(\.[0-9]{1,15})?")
_OPERATORS: dict[str, Operator] = {operator: operator for operator in get_args(Operator)}
_EXAMPLES = {"us": "< 15s", "%": "< 100%", "": "< 1.2"}


class MeasureCondition(NamedTuple):
    """A parsed limit, in the unit of its measure. `text` is the condition as it is printed."""

    op: Operator
    limit: float
    text: str


def parse_measure_limit(measure: str, text: str) -> MeasureCondition:
    """The condition on a measure of `MEASURES`. Raises ExpressionError for an unknown one, or a wrong limit."""
    row = MEASURES.get(measure)
    if row is None:
        hint = did_you_mean(measure, MEASURES) or f"the measures are {', '.join(MEASURES)}"
        raise ExpressionError(f'there is no measure "{measure}"', hint=hint)
    hint = f"write an operator and a limit, such as {_EXAMPLES[row.unit]}"
    match = _LIMIT.fullmatch(text)
    if match is None or match["op"] not in _OPERATORS:
        raise ExpressionError(f'"{text.strip()}" is no limit of {measure}', hint=hint)
    op, written = _OPERATORS[match["op"]], match["limit"]
    if row.unit == "us":
        if _NUMBER.fullmatch(written):
            raise ExpressionError(f'"{text.strip()}" has no unit: {measure} is a time', hint=hint)
        limit = round(parse_duration(written) * 1e6, 3)
    else:
        number = written.removesuffix("%").rstrip() if row.unit == "%" else written
        if not _NUMBER.fullmatch(number) or (row.unit == "%") != written.endswith("%"):
            raise ExpressionError(f'"{text.strip()}" is no limit of {measure}', hint=hint)
        limit = float(number) / 100 if row.unit == "%" else float(number)
    return MeasureCondition(op=op, limit=limit, text=f"{op} {format_limit(limit, row.unit)}")
