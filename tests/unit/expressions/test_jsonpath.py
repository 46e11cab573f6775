from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from importlib.metadata import version
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.bounded import outcomes
from windtunnel.errors import ExpressionError
from windtunnel.expressions.json_walk import walk_of
from windtunnel.expressions.jsonpath import compile_jsonpath

CART = {"items": [{"id": "p-1", "price": 5}, {"id": "p-2", "price": 9}], "a b": {"c.d": 1}, "none": None}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$", [CART]),
        ("$.items[0].id", ["p-1"]),
        ("items[1].id", ["p-2"]),
        ("$['items'][0][\"id\"]", ["p-1"]),
        ("$['a b']['c.d']", [1]),
        ("$.none", [None]),
        ("$.items[7].id", []),
        ("$.items.id", []),
        ("$.items[0].id[0]", []),
        ("$.items[0].id.x", []),
        ("$.nothing.at.all.of.this", []),
        ("$[0]", []),
        ("$.items[-1].id", ["p-2"]),
        ("$.items[*].id", ["p-1", "p-2"]),
        ("$..price", [5, 9]),
        ("$.items[?(@.price > 6)].id", ["p-2"]),
        ("$.none[*].id", []),
        ("$['it\\'s']", []),
    ],
)
def test_a_path_lists_what_it_finds(path: str, found: list[Any]) -> None:
    assert compile_jsonpath(path).find(CART) == found


@pytest.mark.parametrize("path", ["", "  ", "$.", "$.items[", "$.items[?(@.price >)]", "$.['a", None, 5])
def test_a_bad_path_is_refused_with_a_hint(path: object) -> None:
    with pytest.raises(ExpressionError, match="is not a JSON path") as caught:
        compile_jsonpath(path)  # type: ignore[arg-type]  # the point of the test
    assert "$.items[0].id" in (caught.value.hint or "")


def test_names_the_general_form_keeps_for_itself_are_names_all_the_same() -> None:
    assert compile_jsonpath("$.where").find({"where": 1}) == [1]
    assert compile_jsonpath("$.größe").find({"größe": 1}) == [1]


@pytest.mark.parametrize("name", ["a b", "2fa", "a:b", "a/b", "#text", "$ref", "-a", "a'b", "x!", "é è", "a=b"])
@pytest.mark.parametrize("around", ["$.{}", "y.{}", "$.x.{}.y", "$..{}", "$.rows[?(@.n == 1)].{}", "$.rows[*].{}"])
def test_a_name_that_needs_quotes_is_refused_with_the_path_to_write(name: str, around: str) -> None:
    with pytest.raises(ExpressionError) as refused:
        compile_jsonpath(around.format(name))
    assert refused.value.hint is not None

    def document(key: str) -> Any:
        inner = {key: {"y": 1}, "n": 1}
        return {key: 2, "y": inner, "x": inner, "rows": [inner]}

    written = compile_jsonpath(refused.value.hint.removeprefix("write "))
    assert written.find(document(name)) == compile_jsonpath(around.format("z")).find(document("z")) != []


@pytest.mark.parametrize(
    ("path", "one", "two"),
    [
        ("$.@odata.count", "$['@odata.count']", "$['@odata'].count"),
        ("@odata.count", "$['@odata.count']", "$['@odata'].count"),
        ("$.value[0].@odata.etag", "$.value[0]['@odata.etag']", "$.value[0]['@odata'].etag"),
        ("$.items@odata.nextLink", "$['items@odata.nextLink']", "$['items@odata'].nextLink"),
        ("$..@odata.type.x", "$..['@odata.type'].x", "$..['@odata'].type.x"),
    ],
)
def test_a_name_with_an_at_sign_before_a_dot_is_refused_with_both_its_readings(
    path: str, one: str, two: str
) -> None:
    with pytest.raises(ExpressionError, match="can be one name or two") as refused:
        compile_jsonpath(path)
    assert refused.value.hint == f"write {one} for one name with a dot, {two} for two"


@pytest.mark.parametrize(
    "path", ["$.@type", "$.@graph[0]", "$['@odata.count']", "$['@odata'].count", "$.a-b", "$.é"]
)
def test_a_name_with_an_odd_letter_that_can_mean_one_thing_only_is_found(path: str) -> None:
    document = {"@type": 1, "@graph": [1], "@odata.count": 1, "@odata": {"count": 1}, "a-b": 1, "é": 1}
    assert compile_jsonpath(path).find(document) == [1]


@pytest.mark.parametrize("path", ["$.x[?(@.a.b == 'c.d')].e", "$.x[?(@.tags[0] == 1)].e", "$.x[?(@.a == '].')].e"])
def test_the_at_sign_of_a_filter_is_no_name(path: str) -> None:
    element = {"a": {"b": "c.d"}, "tags": [1], "e": 5}
    assert compile_jsonpath(path).find({"x": [element, {**element, "a": "]."}]})[-1:] == [5]


def test_a_path_can_be_asked_what_it_was() -> None:
    assert compile_jsonpath("$.items[0].id").text == "$.items[0].id"


def test_a_document_nested_very_deep_is_searched_or_said_to_be_too_deep() -> None:
    document: Any = 1
    for _ in range(5000):
        document = [document]
    with suppress(ExpressionError):  # how deep the library can go depends on its version
        assert compile_jsonpath("$..id").find(document) == []


def test_a_letter_of_a_text_is_found_by_neither_form() -> None:
    assert compile_jsonpath("$.a[0]").find({"a": "xyz"}) == []
    assert compile_jsonpath("$.*[0]").find({"a": "xyz", "b": [1]}) == [1]


def test_plain_paths_do_not_load_the_library() -> None:
    code = (
        "import sys; from windtunnel.expressions.jsonpath import compile_jsonpath as c;"
        "assert c('$.a[0]').find({'a': [1]}) == [1]; assert 'jsonpath_ng' not in sys.modules;"
        "assert c('$..a[*]').find({'a': [1]}) == [1]; assert 'jsonpath_ng' not in sys.modules;"
        "c('$.a[?(@.b > 1)]'); assert 'jsonpath_ng' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


_NAMES = st.sampled_from(["a", "b", "items", "get", "keys", "a-b", "_x"])
_DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=4),
    max_leaves=12,
)
_STEPS = st.lists(_NAMES | st.integers(0, 3), max_size=6)


def _segment(key: str | int) -> str:
    return f"[{key}]" if isinstance(key, int) else f".{key}"


def _general(text: str, document: Any) -> list[Any]:
    from jsonpath_ng.ext.parser import parse

    try:
        matches = parse(text).find(document)
        # A letter of a text is no value of the document; older versions of the library find it all the same.
        return [match.value for match in matches if not (match.context and isinstance(match.context.value, str))]
    except (IndexError, KeyError, TypeError):
        return []


@given(_DOCUMENTS, _STEPS)
@settings(max_examples=200)
def test_the_plain_form_finds_what_the_general_form_finds(document: Any, steps: list[str | int]) -> None:
    text = "$" + "".join(map(_segment, steps))

    assert compile_jsonpath(text).find(document) == _general(text, document)


_SEGMENTS = st.lists(
    st.sampled_from(["[*]", ".*", "..*", "..[*]", "..a", "..['items']", "..[0]", "[-1]", "[1:]", "[::2]", "[:-1]"])
    | st.builds(_segment, _NAMES | st.integers(0, 2)),
    min_size=1,
    max_size=4,
)


_LIBRARY = tuple(int(part) for part in version("jsonpath-ng").split(".")[:2])


@pytest.mark.skipif(_LIBRARY < (1, 16), reason="earlier versions of the library read * in their own way")
@given(_DOCUMENTS, _SEGMENTS)
@settings(max_examples=300)
def test_the_walked_form_finds_what_the_general_form_finds(document: Any, segments: list[str]) -> None:
    text = "$" + "".join(segments)

    assert walk_of(text) is not None
    assert compile_jsonpath(text).find(document) == _general(text, document)


_LARGE = {"items": [{"id": i, "name": "a" * 40, "tags": [{"a": 1}, 2], "text": "b" * 5000} for i in range(60_000)]}
_TOO_MUCH = [
    "$..*..*",
    "$..*..*..id",
    "$..[*]..[*]",
    "$.items[?(@.id > 5)].id",
    "$.items[?(@.tags[?(@.a == 1)])].id",
    "$.items[?(@.text =~ 'b+c')]",
    "$.items[*].text.`sub(/b+c/, x)`",
    "$.items[*].text.`split(b, *, -1)`",
    "$..*.`str()`",
    r"$.items[\id].id",
    "$.items[*].id where $..name",
    "$.items[*].id + $.items[*].id",
    "$.items[*].id | $.items[*].name",
]


def judge(path: str) -> str:
    """What a path finds in a large document."""
    try:
        return f"{len(compile_jsonpath(path).find(_LARGE)):,} values"
    except ExpressionError as error:
        return str(error)


@pytest.fixture(scope="module")
def said() -> dict[str, str]:
    return outcomes(judge, _TOO_MUCH)


@pytest.mark.parametrize("path", _TOO_MUCH)
def test_a_path_that_looks_at_too_much_of_a_large_document_says_so(path: str, said: dict[str, str]) -> None:
    assert said.get(path, "no end").endswith("looks at more than 1,000,000 values of this document")


def test_a_list_of_a_large_document_is_read_as_usual() -> None:
    assert len(compile_jsonpath("$.items[*].tags[0].a").find(_LARGE)) == 60_000
    assert compile_jsonpath("$.items[1:3].id").find(_LARGE) == [1, 2]


@pytest.mark.parametrize("path", ["$.a[?(@.b =~ '(a|aa)+$')]", "$.a.`sub(/(a*)*b/, x)`"])
def test_a_pattern_in_a_path_that_could_take_for_ever_is_refused(path: str) -> None:
    with pytest.raises(ExpressionError, match="more than one repetition"):
        compile_jsonpath(path)


@pytest.mark.parametrize("path", ["$.text * 1000000000", "1000000000 * $.text", "$.list * 1000000000"])
def test_a_path_repeats_no_text_and_no_list(path: str) -> None:
    assert compile_jsonpath(path).find({"text": "abc", "list": [1]}) == []
    assert compile_jsonpath("$.a * $.b").find({"a": 6, "b": 7}) == [42]


@st.composite
def _documents_and_ways(draw: st.DrawFn) -> tuple[Any, list[str | int], Any]:
    """A document, the way to a value that is in it, and the value."""
    document: Any = draw(_DOCUMENTS)
    value = document
    way: list[str | int] = []
    while isinstance(value, list | dict) and value and draw(st.booleans() | st.just(True)):
        key: Any = draw(st.sampled_from(sorted(value) if isinstance(value, dict) else range(len(value))))
        way.append(key)
        value = value[key]
    return document, way, value


@given(_documents_and_ways())
@settings(max_examples=150)
def test_every_value_is_found_by_the_way_to_it(case: tuple[Any, list[str | int], Any]) -> None:
    document, way, value = case

    assert compile_jsonpath("$" + "".join(map(_segment, way))).find(document) == [value]
    quoted = "$" + "".join(f"[{key!r}]" for key in way)
    assert compile_jsonpath(quoted).find(document) == [value]


def test_a_path_that_the_library_reads_but_can_not_follow_is_a_problem() -> None:
    with pytest.raises(ExpressionError, match="JSON path not supported"):
        compile_jsonpath("$&$")
