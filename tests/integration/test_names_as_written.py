"""Names of steps and scenarios as people write them, through a whole run: every place shows them right."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.support.command_line import Answer, call
from windtunnel.demo.process import ShopProcess
from windtunnel.expressions.threshold import parse_selector

NAMES = (
    "GET /users/{id}",
    "search, sort",
    'a "quoted" one',
    "it's",
    "a:b",
    "50% of it",
    "käse ☕ 東京",
    "a|b `c` <d> & [e]",
    r"C:\new {x}",
    "team=cart",
    "family 👨\u200d👩\u200d👧",
    "}: p(95) < 1, {",
)
SCENARIO = 'GET /{all}: 100%, "käse" [1]'


@pytest.fixture
def folder(tmp_path: Path, shop: ShopProcess) -> Path:
    steps = [{"type": "http", "name": name, "path": "/api/products"} for name in NAMES]
    last = {"type": "assert", "name": "same, again", "step": NAMES[1], "expect": {"status_code": 200}}
    read = {"type": "set", "name": "y", "variables": {"v": "{{ steps['GET /users/{id}'].status }}"}}
    yaml = {"id": SCENARIO, "flow": [*steps, read], "assertions": [last]}
    thresholds = {f"http_reqs{{step:{json.dumps(name)}}}": ["count > 100"] for name in NAMES[1:]}
    (tmp_path / "a.yaml").write_text(json.dumps(yaml))
    (tmp_path / "b.py").write_text(
        'import windtunnel\n\n\n@windtunnel.scenario("b, {c}")\nasync def b(user):\n'
        f"    await user.http.get(None, '/api/products', name={NAMES[0]!r})\n"
    )
    (tmp_path / "sut.yaml").write_text(f"base_url: {shop.base_url}\n")
    (tmp_path / "windtunnel.yaml").write_text(
        "scenarios: [a.yaml, b.py]\nload: { count: 2 }\nthresholds:\n"
        '  http_reqs{step:"GET /users/{id}",scenario:"b, {c}"}: ["count > 100"]\n'
        + "".join(f"  {json.dumps(selector)}: {json.dumps(entry)}\n" for selector, entry in thresholds.items())
    )
    return tmp_path


def run(folder: Path, *args: str, output: str = "first") -> tuple[Answer, Path]:
    """Run the plan; return the answer and the folder of the run."""
    answer = call(folder, "run", "--output", output, "--seed", "1", *args)
    summaries = list((folder / output).rglob("summary.json"))
    assert len(summaries) == 1, answer.stderr
    return answer, summaries[0].parent


def selected(text: str) -> list[str]:
    """The step of each selector in the lines of reasons."""
    lines = re.findall(r"- (http_reqs.*): count > 100 failed", text)
    return [parse_selector(line)[1]["step"] for line in lines]


def visible(name: str) -> str:
    """The name as a report shows it: without invisible marks."""
    return name.replace("\u200d", "")


def test_every_file_and_the_terminal_show_a_name_as_written(folder: Path) -> None:
    answer, run_folder = run(folder)
    summary = json.loads((run_folder / "summary.json").read_text())
    junit = ElementTree.fromstring((run_folder / "junit.xml").read_text())
    issues = json.loads((run_folder / "ci/gl-codequality.json").read_text())
    labels = re.findall(r'step="((?:[^"\\]|\\.)*)"', (run_folder / "metrics.prom").read_text())
    html = unescape((run_folder / "report.html").read_text())
    markdown = (run_folder / "summary.md").read_text()
    judged = [parse_selector(each["selector"])[1] for each in summary["thresholds"][1:]]

    assert answer.returncode == 99
    assert [row["step"] for row in summary["steps"] if row["scenario"] == SCENARIO][: len(NAMES)] == list(NAMES)
    assert judged == [{"step": NAMES[0], "scenario": "b, {c}"}, *({"step": name} for name in NAMES[1:])]
    assert selected(answer.stdout) == list(NAMES[:10])
    assert {visible(name) for name in NAMES} <= {each.get("name") for each in junit.iter("testcase")}
    assert {SCENARIO, "b, {c}"} <= {each.get("name") for each in junit.iter("testsuite")}
    assert {visible(name) for name in NAMES} <= {json.loads(f'"{label}"') for label in labels}
    assert len({issue["fingerprint"] for issue in issues}) == len(NAMES)
    for name in map(visible, NAMES):
        assert name in html
        assert f"`{name}`" in markdown or name.replace("|", r"\|") in markdown
        assert f"  {name}  " in answer.stdout


def test_a_baseline_is_found_by_every_name(folder: Path) -> None:
    _, before = run(folder)
    flags = [f"http_req_duration{{step:{json.dumps(name)}}}: count <= baseline" for name in NAMES[1:]]
    thresholds = [word for flag in flags for word in ("--threshold", flag)]
    _, now = run(folder, "--baseline", str(before), *thresholds, output="second")
    results = json.loads((now / "summary.json").read_text())["thresholds"]

    assert [each["result"] for each in results if "baseline" in each["condition"]] == ["pass"] * len(flags)


@pytest.mark.parametrize(
    ("flags", "left"),
    [
        (("--only", SCENARIO), SCENARIO),
        (("--only", "GET /{all}*"), SCENARIO),
        (("--only", "b, {c}"), "b, {c}"),
        (("--skip", SCENARIO), "b, {c}"),
    ],
)
def test_a_scenario_is_picked_by_the_name_as_written(folder: Path, flags: tuple[str, str], left: str) -> None:
    answer = call(folder, "run", "--list", *flags)

    assert [each for each in (SCENARIO, "b, {c}") if each in answer.stdout] == [left], answer.stderr


def test_an_unclosed_quote_in_the_plan_is_told_at_its_column(folder: Path) -> None:
    (folder / "windtunnel.yaml").write_text("""thresholds:\n  'http_reqs{step:"search, sort}': ["count > 1"]\n""")
    answer = call(folder, "run")

    assert answer.returncode == 2
    assert 'windtunnel.yaml:2:3: column 16: the quote is not closed: "search, sort}' in answer.stderr
