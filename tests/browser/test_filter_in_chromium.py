"""The filter of the list of instances: what it finds, and in words what is wrong with it."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.chromium import Browser, Tab
from windtunnel.report import assets

pytestmark = pytest.mark.browser

INSTANCES: list[dict[str, Any]] = [
    {
        "id": "checkout-1",
        "correlation_id": "a" * 32,
        "scenario": "checkout",
        "outcome": "failed",
        "duration_us": 900_000,
        "offset_us": 5,
        "user": 3,
        "failed_step": "add_to_cart",
        "message": "Out of Stock",
        "steps": [
            {
                "name": "browse",
                "outcome": "passed",
                "duration_us": 700_000,
                "requests": [{"method": "GET", "status": 200}],
            },
            {
                "name": "add_to_cart",
                "outcome": "failed",
                "duration_us": 1_000,
                "error": "check",
                "checks": [["status", 0, "200", "500"]],
                "requests": [{"method": "POST", "url": "http://shop/cart", "status": 500, "service": "shop"}],
            },
        ],
    },
    {
        "id": "checkout-2",
        "scenario": "checkout",
        "outcome": "passed",
        "duration_us": 400_000,
        "offset_us": 9,
        "steps": [
            {"name": "add_to_cart", "outcome": "passed", "duration_us": 600_000, "requests": [{"status": 201}]}
        ],
    },
    {
        "id": "browse-3",
        "scenario": "browse",
        "outcome": "errored",
        "duration_us": 2_000,
        "fault": "lost reply",
        "user": 0,
        "steps": [
            {
                "name": "add to cart",
                "outcome": "errored",
                "requests": [{"error": "timeout", "fault": "lost reply"}],
            }
        ],
        "assertions": [{"name": "order is paid", "outcome": "skipped"}],
    },
]


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Iterator[Tab]:
    with browser.tab() as opened:
        opened.value(f"{assets.module('filter.js')}; globalThis.f = $filter; 0")
        yield opened


def found(tab: Tab, text: str) -> list[str]:
    """Ids of what a filter finds, in its order."""
    answer: list[str] = tab.value(
        f"""(() => {{ const given = {json.dumps(INSTANCES)};
        const {{ terms, sort }} = f.parseFilter({json.dumps(text)});
        const textOf = instance => JSON.stringify(instance).toLowerCase();
        const left = given.filter(each => f.matches(terms, each, textOf));
        return (sort ? left.sort(f.ORDERS[sort]) : left).map(each => each.id); }})()"""
    )
    return answer


ONE, TWO, THREE = "checkout-1", "checkout-2", "browse-3"


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("", [ONE, TWO, THREE]),
        ("s:failed", [ONE]),
        ("s:failed,errored", [ONE, THREE]),
        ("-s:passed", [ONE, THREE]),
        ("outcome:passed", [TWO]),
        ("step:add_to_cart", [ONE, TWO]),
        ("step:add*cart", [ONE, TWO, THREE]),
        ('step:"add to cart"', [THREE]),
        ("step:order*paid s:skipped", [THREE]),
        ("-step:browse", [TWO, THREE]),
        ("s:failed step:add_to_cart", [ONE]),
        ("s:failed step:browse", []),
        ("s:passed step:browse", [ONE]),
        ("status:500", [ONE]),
        ("status:500 step:browse", []),
        ("status:2xx", [ONE, TWO]),
        ("status:>=400", [ONE]),
        ("status:0", [THREE]),
        ("-status:200", [TWO, THREE]),
        ("scenario:checkout", [ONE, TWO]),
        (">500ms", [ONE]),
        ("step:add_to_cart >500ms", [TWO]),
        ("<=.4s", [TWO, THREE]),
        (">1µs <3ms", [THREE]),
        ("error:timeout", [THREE]),
        ("fault:*", [THREE]),
        ("check:stat", [ONE]),
        ("cause:status", [ONE]),
        ("cause:stat", []),
        ("step:add_to_cart cause:check", [ONE]),
        ("url:POST", [ONE]),
        ("service:shop", [ONE]),
        ("user:0", [THREE]),
        ("user:<=3", [ONE, THREE]),
        (f"id:{'a' * 32}", [ONE]),
        ("stock", [ONE]),
        ('"out of stock"', [ONE]),
        ('-"out of stock"', [TWO, THREE]),
        ("http://shop", [ONE]),
        ("sort:fastest", [THREE, TWO, ONE]),
        ("sort:slowest scenario:checkout", [ONE, TWO]),
        ("sort:last", [TWO, ONE, THREE]),
        ("SCENARIO:Checkout s:failed", [ONE]),
    ],
)
def test_a_filter_finds(tab: Tab, text: str, ids: list[str]) -> None:
    assert found(tab, text) == ids


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("s:faild", "Did you mean s:failed?"),
        ("scenaro:checkout", "Did you mean scenario:?"),
        ("stat:500", "Did you mean status:?"),
        ("qqqqqq:1", "Known are s: step: status:"),
        ("status:abc", "takes a status such as 500, 5xx, >=400, or 0 for no response"),
        ("status:", "takes a status"),
        (">500", "a time needs a unit. Type >500ms or >500s."),
        (">500kg", "a time needs a unit"),
        ("<soon", "is no time"),
        ("sort:slow", "Did you mean sort:slowest?"),
        ("user:anna", "the number of a user"),
    ],
)
def test_a_mistake_is_told_in_words_and_the_rest_applies(tab: Tab, text: str, problem: str) -> None:
    told = tab.value(f"f.parseFilter({json.dumps(text)}).problems")

    assert len(told) == 1
    assert told[0].startswith(f"“{text}”")
    assert problem in told[0]
    assert found(tab, f"{text} s:failed") == [ONE]


def test_an_order_is_set_without_touching_the_rest(tab: Tab) -> None:
    assert tab.value("""f.withSort('s:failed "a b" sort:id', "slowest")""") == 's:failed "a b" sort:slowest'
    assert tab.value("""f.withSort("sort:id x", "")""") == "x"


@pytest.mark.parametrize("value", ["a", "two words", 'a "quoted" one', "back\\\\slash", "a,b", "json $.items[0]"])
def test_any_value_is_found_by_the_word_that_is_made_of_it(tab: Tab, value: str) -> None:
    given = [{"outcome": "failed", "steps": [{"name": name}]} for name in (value, "other")]

    found = tab.value(
        f"""(() => {{ const word = f.termOf("step", {json.dumps(value)});
        const {{ terms, problems }} = f.parseFilter(word + " -s:passed");
        return [problems, terms.length, ...{json.dumps(given)}.map(each => f.matches(terms, each, () => ""))];
        }})()"""
    )

    assert found == [[], 2, True, False]


def test_any_text_is_read_at_once(tab: Tab) -> None:
    """What comes with a link is anything."""
    dice = random.Random(11)
    alphabet = [*'abs:->=<*",\\ \t5xms.', "step:", "status:", "sort:", '"', "\u202e", "👍", "e\u0301", "\ud83d"]
    texts = ["".join(dice.choices(alphabet, k=dice.randrange(40))) for _ in range(3_000)]
    texts += ["a*" * 5_000 + "b", '"' * 20_000, "\\" * 20_000, "s:" + "x" * 20_000, ">" * 20_000, "x:" * 5_000]
    answer = tab.value(
        f"""(() => {{ const given = {json.dumps(INSTANCES)}; const begun = performance.now();
        let last = 0; for (const text of {json.dumps(texts)}) {{ const {{ terms, problems }} = f.parseFilter(text);
          given.filter(each => f.matches(terms, each, x => JSON.stringify(x))); f.withSort(text, "id");
          last += problems.length; }}
        return [last, performance.now() - begun]; }})()"""
    )

    assert answer[0] > 100
