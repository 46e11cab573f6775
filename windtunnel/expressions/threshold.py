"""The grammar of thresholds.

    flag       = selector ":" condition                     http_req_duration{step:pay}: p(95) < 400ms
    selector   = metric [ "{" tag ":" value { "," tag ":" value } "}" ]
    value      = text without "," and "}", or in quotes with the escapes of JSON   {step:"search, sort"}
    condition  = aggregate operator limit
    limit      = number [ unit ] | "baseline" [ "*" number | ( "+" | "-" ) number [ unit ] ]
    aggregate  = "avg" | "min" | "max" | "med" | "p(" number ")" | "count" | "rate" | "value"
    operator   = ">" | ">=" | "<" | "<=" | "==" | "===" | "!=" | "!=="

The forms of k6 are a part of this grammar. As there, a bare number on a metric of time is milliseconds.
"""

from __future__ import annotations

import json
import re
from typing import Literal, NamedTuple

from windtunnel import figures
from windtunnel.errors import ExpressionError, Location, did_you_mean
from windtunnel.expressions.quantities import parse_duration, parse_percentage, parse_size
from windtunnel.model.metric import METRICS, Metric
from windtunnel.model.threshold import Threshold
from windtunnel.model.vocabulary import AggregateName, Operator, ThresholdOrigin, Unit

_CONDITION = re.compile(
    r"""\s* (?P<aggregate> [A-Za-z_]\w* ) \s* (?: \( \s* (?P<percentile> [^()]*? ) \s* \) )? \s*
        (?P<op> [<>=!]+ ) \s* (?: (?P<baseline> baseline ) \s* (?: (?P<relation> [*+-] ) \s* | $ ) )?
        (?P<number> (?: [0-9]{1,20}(?:\.[0-9]{1,15})? | \.[0-9]{1,15} )? )
        \s* (?P<unit> [^\s].*? )? \s*""",
    re.VERBOSE,
)
_OPERATORS: dict[str, Operator] = {
    ">": ">",
    ">=": ">=",
    "<": "<",
    "<=": "<=",
    "==": "==",
    "===": "==",
    "!=": "!=",
    "!==": "!=",
}
_PER_SECOND: dict[Unit, Unit] = {"": "/s", "B": "B/s"}
_OTHER_WORDS = {"mean": "avg", "average": "avg", "median": "med", "minimum": "min", "maximum": "max"}
_TAG = re.compile(r"[A-Za-z_][\w.-]*")
_END_OF_TAG = re.compile(r"[:,}]")
_QUOTE_OR_ESCAPE = re.compile(r'\\.|"', re.DOTALL)
_QUOTED = re.compile(r"""\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')\s*""", re.DOTALL).match
_SHAPE = "write an aggregate, an operator and a limit, such as p(95) < 400ms, rate < 1% or count > 100"


_AGAINST = "write baseline, baseline * 1.2 or baseline + 50ms"


Relation = Literal["", "*", "+", "-"]
"""How a limit follows from the baseline; empty when it does not."""


class Comparison(NamedTuple):
    """The parts of a condition. `number` and `unit` are as written: what they mean depends on the metric.

    `relation` to the baseline is "*", "+" or "-"; empty when the number is the limit itself.
    """

    aggregate: str
    percentile: float | None
    op: Operator
    number: str
    unit: str
    relation: Relation = ""


def parse_threshold(
    metric_selector: str,
    condition: str,
    *,
    origin: ThresholdOrigin = "plan",
    where: Location | None = None,
) -> Threshold:
    """The threshold of a selector and a condition.

    Its limit is in microseconds, bytes or a fraction of 1; `name` among the tags becomes `step`. Tags are not
    compared with the plan. Raises ExpressionError for a metric that does not exist, an aggregate the metric
    does not have, or a limit that has the wrong unit.
    """
    metric, tags = parse_selector(metric_selector)
    comparison = parse_condition(condition)
    kind = METRICS[metric]
    if comparison.aggregate not in kind.aggregates:
        raise _wrong_aggregate(metric, kind, comparison.aggregate)
    unit = _unit_of_limit(kind, comparison.aggregate)
    if (
        metric == "iterations"
        and comparison.aggregate == "rate"
        and comparison.unit != "%"
        and not comparison.relation
    ):
        unit = "/s"  # a counter in k6: a limit that is no share is iterations per second
    limit = float(comparison.number) if comparison.relation == "*" else _limit(comparison, unit, metric)
    return Threshold(
        metric=metric,
        aggregate=comparison.aggregate,
        op=comparison.op,
        limit=0.0 if comparison.relation else limit,
        unit=unit,
        percentile=comparison.percentile,
        tags=tags,
        text=f"{_name(comparison)} {comparison.op} {_written_limit(comparison, limit, unit)}",
        baseline_times={"": None, "*": limit}.get(comparison.relation, 1.0),
        baseline_plus={"+": limit, "-": -limit}.get(comparison.relation, 0.0),
        origin=origin,
        where=where,
    )


def parse_flag(text: str) -> Threshold:
    """The threshold of `--threshold 'metric{a:b}: p(95) < 400ms'`. Raises ExpressionError."""
    brace, colon = text.find("{"), text.find(":")
    if 0 <= brace < colon:
        end = _tags(text, brace + 1)[1]
        colon = -1 if end is None else text.find(":", end)
    if colon >= 0:
        return parse_threshold(text[:colon], text[colon + 1 :], origin="flag")
    raise ExpressionError(
        f'"{text}" has no ":" between the metric and its condition',
        hint="write the metric, a colon and a condition, such as http_req_duration: p(95) < 400ms",
    )


def parse_selector(text: str) -> tuple[str, dict[str, str]]:
    """The metric and the tags of `metric{tag:value,…}`; `name` becomes `step`. Raises ExpressionError."""
    metric, brace, _ = text.partition("{")
    metric = metric.strip()
    if metric not in METRICS:
        hint = did_you_mean(metric, METRICS) or f"the metrics are {', '.join(METRICS)}"
        raise ExpressionError(f'there is no metric "{metric}"', hint=hint)
    if not brace:
        return metric, {}
    pairs, end = _tags(text, text.index("{") + 1)
    if end is None or text[end:].strip():
        raise ExpressionError(f'"{text.strip()}" has no closing brace', hint=f"write {metric}{{step:NAME}}")
    tags: dict[str, str] = {}
    for written, tag, value in pairs:
        if not value or not _TAG.fullmatch(tag):
            raise ExpressionError(
                f'"{written}" is not a tag with its value',
                hint=f"write {metric}{{step:NAME,method:POST}}; a value with , or }} stands in quotes",
            )
        tag = "step" if tag == "name" else tag
        if tag == "group":
            value = value.removeprefix("::")  # k6 begins every group's name with it
        if tag in tags:
            raise ExpressionError(f'the tag "{tag}" is given twice', hint="`name` is another word for `step`")
        tags[tag] = value
    return metric, tags


def _tags(text: str, start: int) -> tuple[list[tuple[str, str, str]], int | None]:
    """(what is between the braces, as (written, tag, value); where the text goes on behind the closing brace).

    `start` is behind the opening brace. None: there is no closing one.
    """
    pairs: list[tuple[str, str, str]] = []
    while True:
        found = _END_OF_TAG.search(text, start)
        end, value = len(text) if found is None else found.start(), ""
        tag = text[start:end].strip()
        if text[end : end + 1] == ":":
            value, end = _value(text, end + 1)
        pairs.append((text[start:end].strip(), tag, value))
        if text[end : end + 1] != ",":
            return pairs, end + 1 if text[end : end + 1] == "}" else None
        start = end + 1


def _value(text: str, start: int) -> tuple[str, int]:
    """(the value of a tag, where the `,` or `}` behind it is). Braces within it that match belong to it."""
    quoted = _QUOTED(text, start)
    if quoted is not None and text[quoted.end() : quoted.end() + 1] in ",}":
        return _unquoted(quoted[1], quoted.start(1)), quoted.end()
    if quoted is not None:
        raise ExpressionError(
            f"column {quoted.end(1) + 1}: there is text behind the closing quote",
            hint=r"write , or } there, or \" for a quote inside the value",
        )
    written = text[start:].lstrip()
    if written[:1] in {'"', "'"}:
        raise ExpressionError(
            f"column {len(text) - len(written) + 1}: the quote is not closed: {written}",
            hint=f"close it with {written[0]}; a quote inside is written \\{written[0]}",
        )
    depth = 0
    for position in range(start, len(text)):
        character = text[position]
        if not depth and character in ",}":
            return text[start:position].strip(), position
        depth += (character == "{") - (character == "}")
    return text[start:].strip(), len(text)


def _unquoted(quoted: str, start: int) -> str:
    """The text of a value in quotes, which has the escapes of JSON."""
    inside = quoted[1:-1]
    if quoted[0] == "'":
        # In single quotes it is the other quote that needs no escape.
        in_double = {"\\'": "'", '"': '\\"'}
        inside = _QUOTE_OR_ESCAPE.sub(lambda found: in_double.get(found[0], found[0]), inside)
    try:
        return str(json.loads(f'"{inside}"', strict=False))
    except ValueError as error:
        raise ExpressionError(
            f"column {start + 1}: {quoted} has an escape that does not exist",
            hint=r"write \" for a quote, \\ for a backslash, \u00e9 for a character by its number",
        ) from error


def parse_condition(text: str) -> Comparison:
    """The parts of `p(95) < 400ms`. Raises ExpressionError for anything but a condition."""
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise ExpressionError(f'"{text.strip()}" is not a condition', hint=_SHAPE)
    aggregate, operator, percentile = match["aggregate"], match["op"], match["percentile"]
    if operator not in _OPERATORS:
        raise ExpressionError(f'there is no operator "{operator}"', hint="use one of > >= < <= == !=")
    if re.fullmatch(r"p[0-9.]+", aggregate):
        raise ExpressionError(f'there is no aggregate "{aggregate}"', hint=f"did you mean p({aggregate[1:]})?")
    if (aggregate == "p") != (percentile is not None):
        raise ExpressionError(f'"{text.strip()}" is not a condition', hint=_SHAPE)
    relation: Relation = "*" if match["baseline"] else ""
    if match["relation"] in ("+", "-"):
        relation = "+" if match["relation"] == "+" else "-"
    number = match["number"] or ("1" if match["baseline"] and not match["relation"] else "")
    if not number or (relation == "*" and match["unit"]):
        raise ExpressionError(
            f'"{text.strip()}" is not a condition', hint=_AGAINST if match["baseline"] else _SHAPE
        )
    return Comparison(
        aggregate=aggregate,
        percentile=None if percentile is None else _percentile(percentile),
        op=_OPERATORS[operator],
        number=number,
        unit=(match["unit"] or ""),
        relation=relation,
    )


def format_limit(value: float, unit: Unit, *, digits: int = figures.EXACT) -> str:
    """A limit, or a measured value in so many digits: `400 ms`, `1.2 s`, `99.5%`, `10 MiB`, `100/s`."""
    if unit == "us":
        return figures.duration(value / 1000, digits=digits)
    if unit == "%":
        return figures.share(value, digits=digits)
    if unit == "B" or unit == "B/s":
        return figures.size(value, digits=digits) + unit[1:]
    return figures.number(value, digits=digits) + unit


def _percentile(text: str) -> float:
    number = float(text) if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text) else -1.0
    if not 0 <= number <= 100:
        raise ExpressionError(f'"{text}" is not a percentile', hint="write a number from 0 to 100: p(95), p(99.9)")
    return number


def _wrong_aggregate(metric: str, kind: Metric, aggregate: str) -> ExpressionError:
    allowed = ", ".join("p(N)" if name == "p" else name for name in kind.aggregates)
    meant = _OTHER_WORDS.get(aggregate)
    hint = f"did you mean {meant}?" if meant in kind.aggregates else f"{metric} has {allowed}"
    return ExpressionError(f'{metric} is a {kind.type}; it has no "{aggregate}"', hint=hint)


def _unit_of_limit(kind: Metric, aggregate: AggregateName) -> Unit:
    """The unit of an aggregate's value, which may differ from the unit of the metric."""
    if kind.type == "counter":
        return _PER_SECOND[kind.unit] if aggregate == "rate" else kind.unit
    return "" if aggregate == "count" else kind.unit


def _limit(comparison: Comparison, unit: Unit, metric: str) -> float:
    """The limit as a number in `unit`. Raises ExpressionError for a unit of another kind."""
    written = f"{comparison.number}{comparison.unit}"
    try:
        if unit == "us":
            # Rounded: 1.001 * 1e6 is 1000999.9999999999, and the limit is compared with whole microseconds.
            return round(parse_duration(written if comparison.unit else f"{written}ms") * 1e6, 3)
        if unit == "%":
            return parse_percentage(written)
        if unit in ("B", "B/s"):
            return float(parse_size(written.removesuffix("/s") if unit == "B/s" else written))
    except ExpressionError as error:
        raise ExpressionError(
            f'"{written}" can\'t be the limit of {_name(comparison)} of {metric}: {error}', hint=error.hint
        ) from None
    if comparison.unit not in ("", unit):
        raise ExpressionError(
            f'"{written}" can\'t be the limit of {_name(comparison)} of {metric}',
            hint=f"write a plain number{', counted per second' if unit == '/s' else ''}",
        )
    return float(comparison.number)


def _written_limit(comparison: Comparison, limit: float, unit: Unit) -> str:
    if comparison.relation == "*":
        return "baseline" if limit == 1 else f"baseline * {figures.number(limit, digits=figures.EXACT)}"
    # In the grammar's own form, unlike what is written for people: `90 s` and `10000`, so that it can be parsed.
    if unit == "us" and limit >= 60e6:
        printed = f"{figures.number(limit / 1e6, digits=figures.EXACT)} s"
    else:
        printed = format_limit(limit, unit)
    printed = printed.replace(",", "")
    return f"baseline {comparison.relation} {printed}" if comparison.relation else printed


def _name(comparison: Comparison) -> str:
    if comparison.percentile is None:
        return comparison.aggregate
    return f"p({figures.number(comparison.percentile, digits=figures.EXACT)})"
