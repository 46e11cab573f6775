"""Every number that enters has a range; beyond it there is a problem with its place, no traceback and no hang."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tests.support.messages import Write
from windtunnel.config.discovery import Pattern
from windtunnel.config.flags import FLAGS
from windtunnel.config.overrides import overrides_of
from windtunnel.config.plan import load_plan_file
from windtunnel.config.scenario import gather_scenarios
from windtunnel.errors import ConfigError, ExpressionError
from windtunnel.expressions import quantities
from windtunnel.expressions.quantities import parse_duration, parse_rate, parse_size, parse_whole
from windtunnel.job.ci_environment import detected_shard

DIGITS = "9" * 5_000
NUMERIC = {"whole", "count", "users", "duration", "length", "rate", "stages", "workers", "shard", "threshold"}
ABSURD: list[Any] = [
    *(DIGITS, f"-{DIGITS}", "1e30", "1e308", "1e400", "inf", "-inf", "nan", "-1", "0x1f", "1_000", "٣", "²", ""),
    *(f"{DIGITS}h", "9999999999h", f"{DIGITS}/s", "99999999999/s", "0.00000000001/h", f"1s:{DIGITS}", "1s:²"),
    *(f"{DIGITS}s:5", "1s:99999999/s", f"1/{DIGITS}", f"{DIGITS}/{DIGITS}", "²/²"),
    *("http_req_duration: p(95) < 99999999999999999999h", f"http_reqs: count < {DIGITS}"),
    *(10**400, -(10**400), 1e308, math.inf, -math.inf, math.nan, -1, -0.5, True, [], {}, NotImplemented),
]


@pytest.mark.parametrize("value", ABSURD, ids=lambda value: repr(value)[:30] if value != 10**400 else "10**400")
@pytest.mark.parametrize("flag", [flag for flag in FLAGS if flag.kind in NUMERIC], ids=lambda flag: flag.name)
def test_an_absurd_value_of_a_flag_is_a_problem_that_names_the_flag(flag: Any, value: Any) -> None:
    read = overrides_of(**{flag.parameter: value})

    empty = flag.repeatable and value in ([], {})
    assert [problem.flag for problem in read.problems] == ([] if empty else [f"--{flag.name}"])
    assert len(read.problems[0].message if read.problems else "") < 300


PLACES = [
    "parallel: {}",
    "count: {}",
    "duration: {}",
    "pace: {}",
    "graceful_stop: {}",
    "rate: {}",
    "max_parallel: {}",
    "stages: [{{ duration: {}, parallel: 1 }}]",
    "stages: [{{ duration: 1s, parallel: {} }}]",
    "stages: [{{ duration: 1s, rate: {} }}]",
    "start: {}",
]
WRITTEN = [
    *("1e30", "1e308", ".inf", "-.inf", ".nan", "-1", "9" * 900, "9" * 2_000, "0x" + "f" * 500, "9999999999h"),
    *("99999999999/s", "0.00000000000001/s", "9" * 41 + "/s", "9" * 41 + "s"),
]


@pytest.mark.parametrize("number", WRITTEN, ids=lambda text: text[:20])
@pytest.mark.parametrize("place", PLACES)
def test_an_absurd_number_in_a_plan_has_its_place(write: Write, place: str, number: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_plan_file(write("windtunnel.yaml", f"load: {{ {place.format(number)} }}\n"), {})

    where = caught.value.problems[0].where
    assert where is not None
    assert (where.file, where.line) == ("windtunnel.yaml", 1)


@pytest.mark.parametrize("number", ["1e30", ".inf", ".nan", "-1", "9" * 900], ids=lambda text: text[:20])
@pytest.mark.parametrize("place", ["weight: {}", "max_steps: {}", "load: {{ start_after: {} }}"])
def test_an_absurd_number_in_a_scenario_has_its_place(write: Write, place: str, number: str) -> None:
    text = f"id: a\n{place.format(number)}\nflow: [{{ type: http, name: get, path: / }}]\n"
    _, problems = gather_scenarios([Pattern(text=write("a.yaml", text))], {})

    assert [problem.where and problem.where.line for problem in problems] == [2]


@pytest.mark.parametrize(
    ("parse", "most", "beyond", "message"),
    [
        (parse_duration, "10000h", "10000h1us", "is longer than 10,000 hours"),
        (parse_duration, 36_000_000, 36_000_000.1, "is longer than 10,000 hours"),
        (parse_rate, "1000000/s", "1000000.1/s", "is more than 1,000,000 per second"),
        (parse_rate, "0.0001/h", "0.00009/h", "is less than one in 10,000 hours"),
        (parse_size, "1024TiB", 1024**5 + 1, "is more than 1,024 TiB"),
        (
            parse_whole,
            quantities.MAX_WHOLE,
            str(quantities.MAX_WHOLE + 1),
            "must be at most 9,007,199,254,740,991",
        ),
    ],
)
def test_a_quantity_ends_at_its_bound(parse: Any, most: Any, beyond: Any, message: str) -> None:
    assert parse(most) > 0
    with pytest.raises(ExpressionError, match=message):
        parse(beyond)


def test_a_shard_number_of_the_ci_system_that_is_too_long_is_handed_on_as_it_is() -> None:
    assert detected_shard({"CI_NODE_TOTAL": "4", "CI_NODE_INDEX": DIGITS}) == f"{DIGITS}/4"
