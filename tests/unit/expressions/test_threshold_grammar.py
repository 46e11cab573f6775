from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windtunnel.errors import ExpressionError, Location
from windtunnel.expressions.threshold import format_limit, parse_flag, parse_selector, parse_threshold
from windtunnel.model.metric import METRICS
from windtunnel.model.threshold import IMPLIED, Threshold
from windtunnel.model.vocabulary import Unit
from windtunnel.report.text import printable


@pytest.mark.parametrize(
    ("metric", "condition", "limit", "text"),
    [
        ("http_req_duration", "p(95)<500", 500_000, "p(95) < 500 ms"),
        ("http_req_duration", "p(99.9) < 2000", 2_000_000, "p(99.9) < 2 s"),
        ("http_req_duration", "avg < 200", 200_000, "avg < 200 ms"),
        ("http_req_duration", "med<100", 100_000, "med < 100 ms"),
        ("http_req_duration", "max<=1s", 1_000_000, "max <= 1 s"),
        ("http_req_duration", "min > 300us", 300, "min > 300 µs"),
        ("http_req_duration", "p( 90 ) < 1m30s", 90_000_000, "p(90) < 90 s"),
        ("http_req_duration", "avg<1001", 1_001_000, "avg < 1.001 s"),
        ("http_req_duration", "count > 100", 100, "count > 100"),
        ("http_req_failed", "rate<0.01", 0.01, "rate < 1%"),
        ("http_req_failed", "rate < 1%", 0.01, "rate < 1%"),
        ("checks", "rate>0.995", 0.995, "rate > 99.5%"),
        ("checks", "rate===1", 1, "rate == 100%"),
        ("checks", "rate !== 0", 0, "rate != 0%"),
        ("http_reqs", "count>100", 100, "count > 100"),
        ("http_reqs", "rate>=50.5", 50.5, "rate >= 50.5/s"),
        ("http_reqs", "rate > 50/s", 50, "rate > 50/s"),
        ("data_received", "count < 10MB", 10_000_000, "count < 10 MB"),
        ("data_sent", "rate < 1.5MiB/s", 1_572_864, "rate < 1.5 MiB/s"),
        ("data_sent", "count < 1000", 1000, "count < 1 kB"),
        ("iterations", "count>=500", 500, "count >= 500"),
        ("vus", "value > 10", 10, "value > 10"),
    ],
)
def test_a_condition_is_read_in_the_unit_of_its_metric(
    metric: str, condition: str, limit: float, text: str
) -> None:
    threshold = parse_threshold(metric, condition)

    assert (threshold.limit, threshold.text) == (limit, text)
    again = parse_threshold(metric, threshold.text)
    assert (again.limit, again.unit, again.op) == (threshold.limit, threshold.unit, threshold.op)


def test_the_implied_threshold_could_have_been_written() -> None:
    assert parse_threshold("instances", "rate == 100%", origin="implied") == IMPLIED


def test_a_percentile_keeps_its_number() -> None:
    threshold = parse_threshold("http_req_duration", "p(99.9)<1s")

    assert (threshold.aggregate, threshold.percentile) == ("p", 99.9)


def test_what_the_caller_knows_stays_with_the_threshold() -> None:
    where = Location(file="plan.yaml", line=3, column=5)
    threshold = parse_threshold("checks", "rate > 99%", where=where)

    assert (threshold.origin, threshold.where) == ("plan", where)


@pytest.mark.parametrize(
    ("selector", "tags"),
    [
        ("http_req_duration", {}),
        (" http_req_duration { step : add to cart } ", {"step": "add to cart"}),
        ("http_req_duration{step:pay,method:POST}", {"step": "pay", "method": "POST"}),
        ("http_req_duration{name:pay}", {"step": "pay"}),
        ('http_req_duration{team:"cart"}', {"team": "cart"}),
        ("group_duration{group:::checkout}", {"group": "checkout"}),
        ("http_reqs{url:http://localhost/{id}}", {"url": "http://localhost/{id}"}),
        ('http_reqs{step:"search, sort"}', {"step": "search, sort"}),
        ('http_reqs{ step : "a}b{" , team : x }', {"step": "a}b{", "team": "x"}),
        (r'http_reqs{step:"say \"hi\" \\ \u00e9"}', {"step": 'say "hi" \\ é'}),
        (r"""http_reqs{step:'it\'s "so", too'}""", {"step": 'it\'s "so", too'}),
        ('http_reqs{step:" kept "}', {"step": " kept "}),
        (r"http_reqs{step:C:\new}", {"step": r"C:\new"}),
        ('http_reqs{step:a 5" disk}', {"step": 'a 5" disk'}),
        ("http_reqs{step:GET /users/{id},method:GET}", {"step": "GET /users/{id}", "method": "GET"}),
    ],
)
def test_a_selector_names_tags(selector: str, tags: dict[str, str]) -> None:
    assert parse_selector(selector)[1] == tags


def test_a_flag_is_split_at_the_first_colon_outside_braces() -> None:
    threshold = parse_flag("http_req_duration{step:a:b}: p(95) < 400ms")

    assert threshold.tags == {"step": "a:b"}
    assert (threshold.text, threshold.origin) == ("p(95) < 400 ms", "flag")


def test_a_flag_is_not_split_inside_quotes() -> None:
    threshold = parse_flag('http_req_duration{step:"}: {, a"}: p(95)<400')

    assert (threshold.tags, threshold.text) == ({"step": "}: {, a"}, "p(95) < 400 ms")


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("GET /cart", "GET /cart"),
        ("a:b", "a:b"),
        ("50%", "50%"),
        ("GET /users/{id}", '"GET /users/{id}"'),
        ("search, sort", '"search, sort"'),
        ('"quoted"', r'"\"quoted\""'),
        ("käse ☕", "käse ☕"),
        ("a\u200db", r'"a\u200db"'),
    ],
)
def test_a_selector_is_written_with_quotes_only_where_it_needs_them(value: str, written: str) -> None:
    assert Threshold(metric="checks", aggregate="rate", op=">", limit=0, tags={"step": value}).selector == (
        f"checks{{step:{written}}}"
    )


@given(
    st.dictionaries(
        st.sampled_from(["step", "scenario", "group", "team"]),
        st.one_of(st.text(min_size=1), st.text(alphabet=""",{}:"'\\ a\u200d\U000e0067\n""", min_size=1)).filter(
            str.strip
        ),
        max_size=3,
    )
)
@settings(max_examples=300)
def test_every_name_can_be_read_back_from_the_selector_it_stands_in(tags: dict[str, str]) -> None:
    selector = Threshold(metric="checks", aggregate="rate", op=">", limit=0, tags=tags).selector

    assert parse_selector(selector) == ("checks", tags)
    assert parse_flag(f"{selector}: rate > 99%").tags == tags
    assert parse_selector(printable(selector)) == ("checks", tags)


@pytest.mark.parametrize(
    ("flag", "message", "hint"),
    [
        ("http_req_duraton: avg<5", 'no metric "http_req_duraton"', 'did you mean "http_req_duration"'),
        ("zebra: avg<5", 'no metric "zebra"', "the metrics are http_reqs"),
        ("http_req_duration: p95<5", 'no aggregate "p95"', "did you mean p(95)?"),
        ("http_req_duration: p<5", "is not a condition", "p(95) < 400ms"),
        ("http_req_duration: avg(5)<5", "is not a condition", "p(95) < 400ms"),
        ("http_req_duration: mean<5", 'has no? ?"mean"|no "mean"', "did you mean avg?"),
        ("http_req_duration: p(101)<5", '"101" is not a percentile', "0 to 100"),
        ("http_req_duration: p(x)<5", '"x" is not a percentile', "0 to 100"),
        ("http_req_duration: p(95) => 5", 'no operator "=>"', ">="),
        ("http_req_duration: p(95) < 5MB", "is not a duration", "250ms"),
        ("http_req_duration: p(95) < -5", "is not a condition", "p(95) < 400ms"),
        ("http_req_duration: p(95)", "is not a condition", "p(95) < 400ms"),
        ("http_req_duration", 'has no ":"', "a colon"),
        ("http_req_duration{step:a: avg<5", 'has no ":"', "a colon"),
        ("http_req_duration{step:a}b: avg<5", "closing brace", "{step:NAME}"),
        ("http_req_duration{step}: avg<5", '"step" is not a tag', "{step:NAME"),
        ("http_req_duration{}: avg<5", "is not a tag", "{step:NAME"),
        ("http_req_duration{step:a, b}: avg<5", '"b" is not a tag', "in quotes"),
        ('http_req_duration{step:"a, b}: avg<5', "column 24: the quote is not closed", 'close it with "'),
        ("http_reqs{step:a,team:'b}: avg<5", "column 23: the quote is not closed", "close it with '"),
        ('http_reqs{step:"a": avg<5', "column 19: there is text behind the closing quote", "write , or }"),
        ('http_reqs{step:"a"', 'has no ":"', "a colon"),
        ('http_reqs{step:"a" b}: avg<5', "column 19: there is text behind the closing quote", "write , or }"),
        (r'http_reqs{step:"a\x"}: avg<5', "column 16: .* escape that does not exist", "a backslash"),
        ("http_req_duration{name:a,step:b}: avg<5", 'tag "step" is given twice', "another word"),
        ("checks: avg > 1", 'checks is a rate; it has no "avg"', "checks has rate"),
        ("checks: rate > 95", "more than 100%", "5%"),
        ("checks: rate > 5ms", "is not a percentage", "5%"),
        ("http_reqs: rate > 5%", '"5%" can.t be the limit of rate of http_reqs', "per second"),
        ("http_reqs: count > 5s", '"5s" can.t be the limit of count of http_reqs', "plain number"),
        ("data_sent: count > 5s", "is not a size", "10MiB"),
    ],
)
def test_what_is_wrong_is_said_with_a_way_out(flag: str, message: str, hint: str) -> None:
    with pytest.raises(ExpressionError, match=message) as caught:
        parse_flag(flag)
    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("value", "unit", "printed"),
    [
        (400_000, "us", "400 ms"),
        (1_200_000, "us", "1.2 s"),
        (90_000_000, "us", "1 min 30 s"),
        (412_345, "us", "412.345 ms"),
        (83, "us", "83 µs"),
        (0, "us", "0 ms"),
        (0.995, "%", "99.5%"),
        (1, "%", "100%"),
        (0.99999999, "%", "99.999999%"),
        (0.00000001, "%", "0.000001%"),
        (1 / 3, "%", "33.3333333333333%"),
        (10 * 2**20, "B", "10 MiB"),
        (10_000_000, "B", "10 MB"),
        (2**20, "B/s", "1 MiB/s"),
        (512, "B", "512 B"),
        (100, "", "100"),
        (12_345_678, "", "12,345,678"),
        (2.5, "", "2.5"),
        (99.8765432, "/s", "99.8765432/s"),
    ],
)
def test_limits_and_measurements_are_printed_with_their_unit(value: float, unit: Unit, printed: str) -> None:
    assert format_limit(value, unit) == printed


_CONDITIONS = st.sampled_from(sorted(METRICS)).flatmap(
    lambda metric: st.tuples(
        st.just(metric),
        st.sampled_from(METRICS[metric].aggregates),
        st.sampled_from([">", ">=", "<", "<=", "==", "!="]),
        st.integers(0, 1000) if METRICS[metric].unit != "%" else st.just(0),
        st.integers(0, 999),
    )
)


@given(_CONDITIONS)
@settings(max_examples=150)
def test_the_normalised_text_means_the_same_threshold(parts: tuple[str, str, str, int, int]) -> None:
    metric, aggregate, operator, whole, thousandths = parts
    fraction = "" if METRICS[metric].unit == "B" else f".{thousandths:03}"
    name = "p(99)" if aggregate == "p" else aggregate
    threshold = parse_threshold(metric, f"{name}{operator}{whole}{fraction}")

    assert parse_threshold(metric, threshold.text) == threshold


@given(st.text(max_size=30), st.text(alphabet="p(95)<>=ms% rateavg.0", max_size=20))
@settings(max_examples=150)
def test_no_text_raises_anything_but_expression_error(selector: str, condition: str) -> None:
    for metric in (selector, "checks", "http_req_duration", "data_sent"):
        try:
            parse_threshold(metric, condition)
            parse_flag(f"{metric}:{condition}")
        except ExpressionError:
            pass
