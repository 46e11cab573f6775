"""Data files: what is read of CSV, JSON and JSON lines, and what is said about one that can't be."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.messages import Write, golden, message_of
from tests.support.scenario_files import load_scenarios
from windtunnel.config.assemble import load_all
from windtunnel.config.feeder_files import Format, parse_rows
from windtunnel.model.scenario import ABSENT, Feeder

SCENARIO = "id: a\ndata:\n  shopper: {{ {} }}\nflow: [{{ type: http, name: b, path: / }}]\n"


def feeder(write: Write, name: str, content: str | bytes, more: str = "") -> Feeder:
    write(f"scenarios/{name}", content)
    scenario = write("scenarios/a.yaml", SCENARIO.format(f"file: {name}{more}"))
    (file,) = load_scenarios([scenario], {})
    return file.scenario.data[0]


def complaint(write: Write, name: str, content: str | bytes, more: str = "") -> str:
    return message_of(lambda: feeder(write, name, content, more))


def test_a_csv_file_has_its_columns_in_its_first_line(write: Write) -> None:
    read = feeder(write, "s.csv", "user,mail\nada,a@x\n\n'alan','b'\n")
    assert (read.columns, read.rows) == (("user", "mail"), (("ada", "a@x"), ("'alan'", "'b'")))
    assert (read.order, read.on_end, read.share) == ("sequential", "recycle", "instance")


def test_a_csv_file_may_begin_with_a_byte_order_mark_and_end_lines_as_windows_does(write: Write) -> None:
    assert feeder(write, "s.csv", "\ufeffuser\r\nada\r\n".encode()).rows == (("ada",),)


def test_a_csv_field_may_hold_commas_quotes_and_line_breaks(write: Write) -> None:
    assert feeder(write, "s.csv", 'a,b\n"x, ""y""","1\n2"\n').rows == (('x, "y"', "1\n2"),)


@pytest.mark.parametrize(
    ("name", "content", "more"),
    [
        ("s.csv", "a;b\n1,5;x\n", ', delimiter: ";"'),
        ("s.csv", "sep=;\r\na;b\r\n1,5;x\r\n", ""),
        ("s.csv", '"sep=;"\na;b\n1,5;x\n', ""),
        ("s.csv", "a\tb\n1,5\tx\n", ", delimiter: tab"),
        ("s.csv", "a\tb\n1,5\tx\n", ', delimiter: "\\t"'),
        ("s.tsv", "a\tb\n1,5\tx\n", ""),
        ("s.tsv", "a|b\n1,5|x\n", ', delimiter: "|"'),
        ("s.txt", "a|b\n1,5|x\n", ""),
        ("s.txt", "a;b\n1,5;x\n", ""),
        ("s.txt", 'a,b\n"1,5",x\n', ""),
        ("s.txt", "a\tb\n1,5\tx\n".encode("utf-16"), ""),
        ("s.csv", '# shoppers\na,b\n  # more\n"1,5",x\n', ', comment: "#"'),
    ],
)
def test_what_separates_columns_is_said_by_the_scenario_the_file_or_its_name(
    write: Write, name: str, content: str | bytes, more: str
) -> None:
    read = feeder(write, name, content, more)
    assert (read.columns, read.rows) == (("a", "b"), (("1,5", "x"),))


def test_a_comment_is_none_inside_quotes_nor_behind_a_field_and_lines_are_still_counted(write: Write) -> None:
    content = 'a,b\n# one\n"x\n# y",1 # z\n'
    assert feeder(write, "s.csv", content, ', comment: "#"').rows == (("x\n# y", "1 # z"),)
    said = complaint(write, "s.csv", content + "# two\n1,2,3\n", ', comment: "#"')
    assert said.startswith("scenarios/s.csv:6:1: the header has 2 columns, this row has 3")
    assert feeder(write, "s.csv", '"#a",b\n1,2\n').columns == ("#a", "b")


def test_cells_are_text_unless_they_are_cast_and_then_typed_where_that_loses_nothing(write: Write) -> None:
    content = "a,b,c,d,e\n3,2.5,true,null,\n01234,1.10,True,~,1e3\n"
    assert feeder(write, "s.csv", content).rows[0] == ("3", "2.5", "true", "null", "")
    assert feeder(write, "s.csv", content, ", cast: true").rows == (
        (3, 2.5, True, None, ""),
        ("01234", "1.10", "True", "~", "1e3"),
    )


@pytest.mark.parametrize(
    ("name", "content", "more", "message"),
    [
        ("s.csv", "sep=;\na;b\n", ", delimiter: tab", 'this line says that the columns are separated by ";"'),
        ("s.json", "[]", ", cast: true", "`cast` is for text in columns, and this file holds JSON"),
        ("s.csv", "a\n1\n", ', delimiter: "#", comment: "#"', "the same character separates the columns"),
        ("s.csv", "a;b\n1;2\n", "", 'help: write `delimiter: ";"`'),
        ("s.csv", "#a,b\n1,2\n", "", 'help: write `comment: "#"` to leave such lines out'),
        ("s.csv", "a\n1\n", ', delimiter: ";;"', '"delimiter" must be one character, not text'),
    ],
)
def test_what_does_not_fit_a_data_file_is_said_with_what_to_write(
    write: Write, name: str, content: str, more: str, message: str
) -> None:
    assert message in complaint(write, name, content, more)


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=6)


@given(
    st.integers(1, 4).flatmap(
        lambda width: st.lists(
            st.lists(CELLS, min_size=width, max_size=width).filter(lambda row: any(map(str.strip, row))),
            min_size=1,
        )
    ),
    st.sampled_from([",", ";", "\t", "|", ":", " ", "·"]),
)
def test_any_table_that_python_writes_is_read_back(rows: list[list[str]], delimiter: str) -> None:
    columns = [f"c{number}" for number in range(len(rows[0]))]
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows([columns, *rows])
    table = parse_rows("a.csv", text.getvalue(), Format(delimiter=delimiter))
    assert (list(table.columns), [list(row) for row in table.rows]) == (columns, rows)


def test_a_row_is_data_and_nothing_in_it_is_a_template(write: Write) -> None:
    assert feeder(write, "s.csv", "a\n{{ uuid() }}\n${HOME}\n").rows == (("{{ uuid() }}",), ("${HOME}",))


def test_json_values_keep_their_types_and_keys_may_be_left_out(write: Write) -> None:
    read = feeder(write, "s.json", '[{"a": 1, "b": [true]}, {"a": null}]')
    assert (read.columns, read.rows) == (("a", "b"), ((1, [True]), (None, ABSENT)))


def test_json_lines_split_at_line_feeds_alone(write: Write) -> None:
    assert feeder(write, "s.jsonl", '{"a": "x\u2028y"}\n\n{"a": 2}\n').rows == (("x\u2028y",), (2,))


def test_unique_rows_never_come_round_again_so_the_end_is_an_error_unless_said_otherwise(write: Write) -> None:
    assert feeder(write, "s.csv", "a\n1\n", ", share: unique").on_end == "fail"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("s.csv", "a,b\n1,2\n3\n", "scenarios/s.csv:3:1: the header has 2 columns, this row has 1"),
        ("s.csv", 'a,b\n"1\n2",3\n4,5,6\n', "scenarios/s.csv:4:1: the header has 2 columns, this row has 3"),
        ("s.csv", 'a\n"open\n', "scenarios/s.csv:2:1: not CSV: unexpected end of data"),
        ("s.csv", "", "scenarios/s.csv: the file is empty"),
        ("s.csv", "a,b\n", "scenarios/s.csv: there are no rows in it"),
        ("s.csv", "a,,c\n1,2,3\n", "scenarios/s.csv:1:1: column 2 has no name"),
        ("s.csv", "a,b,a\n1,2,3\n", 'scenarios/s.csv:1:1: two columns are called "a"'),
        ("s.csv", "a;b\n1;2\n", 'scenarios/s.csv:1:1: the columns are separated by ";", not by commas'),
        ("s.tsv", "a,b\n1,2\n", "scenarios/s.tsv:1:1: the columns are separated by commas, not by tabs"),
        ("s.csv", "a,b\n1,2\n,\n", "scenarios/s.csv:3:1: this row is empty in every column"),
        ("s.csv", 'a,b\n"1\n2",2\n\n" "," "\n', "scenarios/s.csv:5:1: this row is empty in every column"),
        ("s.txt", 'a\n""\n', "scenarios/s.txt:2:1: this row is empty in every column"),
        (
            "s.csv",
            "#a,b\n1,2\n",
            'scenarios/s.csv:1:1: the line with the names of the columns begins with "#"',
        ),
        ("s.csv", b"\xff\xfea\x00\n\xdc", "scenarios/s.csv: its first bytes say UTF-16, and it is not"),
        ("s.csv", b"a\n\xff\n", "scenarios/s.csv:2:1: not UTF-8: byte 0xff"),
        ("s.csv", b"a\n\x00\n", "scenarios/s.csv:2:1: this is a binary file, not text"),
        ("s.json", '{"a": 1}', "scenarios/s.json:1:1: expected a list of objects"),
        ("s.json", '[{"a": 1},\n 5]', "scenarios/s.json:2:1: a row must be an object, not a number"),
        ("s.json", '[{"a": 1}\n {"a": 2}]', "scenarios/s.json:2:1: not JSON: expected , or ] after this object"),
        ("s.json", '[{"a": 1},', "scenarios/s.json:1:11: not JSON: Expecting value"),
        ("s.json", '[{"a": NaN}]', "scenarios/s.json: NaN is not JSON"),
        ("s.json", '[{"a": 1, "a": 2}]', 'scenarios/s.json: the key "a" occurs twice'),
        ("s.json", "[]", "scenarios/s.json: there are no rows in it"),
        ("s.json", "[] []", "scenarios/s.json:1:1: unexpected text after the end of the list"),
        ("s.json", '[{"a": ' + "[" * 100_000, "scenarios/s.json: nested too deep"),
        ("s.jsonl", '{"a": 1}\n[2]\n', "scenarios/s.jsonl:2:1: a row must be an object, not a list"),
        ("s.jsonl", '{"a": 1}\n{"a"\n', "scenarios/s.jsonl:2:5: not JSON: Expecting ':' delimiter"),
    ],
)
def test_a_file_that_can_not_be_read_says_where(
    write: Write, name: str, content: str | bytes, message: str
) -> None:
    said = complaint(write, name, content).splitlines()[0]
    assert said == message


def test_a_missing_file_is_named_where_the_scenario_names_it(write: Write) -> None:
    write("scenarios/shoppers.csv", "a\n1\n")
    scenario = write("scenarios/b.yaml", SCENARIO.format("file: shopers.csv"))
    assert message_of(lambda: load_scenarios([scenario], {})) == golden(
        """
        scenarios/b.yaml:3:20: there is no file "scenarios/shopers.csv"
          3 |   shopper: { file: shopers.csv }
            |                    ^^^^^^^^^^^
          help: did you mean "shoppers.csv"?
        """
    )


def test_the_name_of_a_file_says_what_it_is(write: Write) -> None:
    assert complaint(write, "s.xlsx", b"PK") == golden(
        """
        scenarios/a.yaml:3:20: "s.xlsx" is not the name of a data file
          3 |   shopper: { file: s.xlsx }
            |                    ^^^^^^
          help: the name must end in .csv, .tsv, .tab, .txt, .json, .jsonl, .ndjson
        """
    )


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (", share: unique, order: random", "`order: random` can repeat rows, and `share: unique` forbids it"),
        (", share: unique, on_end: recycle", "`on_end: recycle` repeats rows, and `share: unique` forbids it"),
        (", order: random, on_end: stop", "rows drawn at random never end, so `on_end: stop` does nothing"),
        (", share: user, order: random, on_end: stop", "with `share: user` a user keeps its row"),
        (", share: user, order: random, on_end: fail", "rows drawn at random never end, so `on_end: fail` does"),
    ],
)
def test_what_contradicts_itself_is_a_problem(write: Write, more: str, message: str) -> None:
    assert message in complaint(write, "s.csv", "a\n1\n", more)


@pytest.mark.parametrize(("share", "rows"), [("unique", "unique rows"), ("user", "rows of users")])
def test_scenarios_that_share_the_rows_of_a_file_take_them_in_one_order(
    write: Write, share: str, rows: str
) -> None:
    write("scenarios/s.csv", "a\n1\n")
    write("sut.yaml", "base_url: http://x.test")
    for name, order in (("a", "sequential"), ("b", "shuffle")):
        write(
            f"scenarios/{name}.yaml",
            f"id: {name}\ndata: {{ row: {{ file: s.csv, share: {share}, order: {order} }} }}\n"
            "flow: [{ type: http, name: x, path: / }]\n",
        )
    assert message_of(lambda: load_all(environment={}, random_seed=1)).splitlines()[0] == (
        f"scenarios/b.yaml:2:22: the {rows} of this file are taken in another order (sequential) "
        "at scenarios/a.yaml:2:22"
    )


@given(st.lists(st.dictionaries(st.text(min_size=1, max_size=5), st.text(max_size=9), min_size=1), min_size=1))
def test_json_and_json_lines_say_the_same(rows: list[dict[str, str]]) -> None:
    lines = "\n".join(json.dumps(row) for row in rows)
    assert parse_rows("a.json", json.dumps(rows)) == parse_rows("a.jsonl", lines)
