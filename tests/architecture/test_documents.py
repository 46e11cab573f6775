"""Code and pages cite only what a reader of this repository can open."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.support import ROOT

RULES = (ROOT / "docs" / "reference" / "rules.md").read_text()
NUMBERS = {int(number) for number in re.findall(r"^(\d+)\. ", RULES, re.MULTILINE)}
THIS = Path(__file__).relative_to(ROOT).as_posix()


def texts() -> dict[str, str]:
    """Every text file of the checkout by its path."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    names = [name for name in listed.stdout.split("\0") if name.endswith((".py", ".md", ".yaml", ".yml", ".json"))]
    return {name: (ROOT / name).read_text() for name in names if (ROOT / name).is_file() and name != THIS}


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: the list of files comes from git")
    return texts()


def test_every_rule_that_code_cites_is_on_the_page_of_rules(pages: dict[str, str]) -> None:
    cited = {(name, int(n)) for name, text in pages.items() for n in re.findall(r"\(rules? (\d+)\)", text)}
    assert cited, "no rule is cited: the pattern of this test is out of date"
    assert {(name, n) for name, n in cited if n not in NUMBERS} == set()


def test_no_page_is_cited_that_is_not_in_the_repository(pages: dict[str, str]) -> None:
    elsewhere = re.compile(r"\bsemantics,? \d|\bdesign/\w+\.md")
    assert [name for name, text in pages.items() if elsewhere.search(text)] == []


def test_every_relative_link_of_a_page_leads_somewhere(pages: dict[str, str]) -> None:
    links = {
        (name, target)
        for name, text in pages.items()
        if name.endswith(".md")
        for target in re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", text)
    }
    assert links
    assert {
        (name, target) for name, target in links if not (ROOT / name).parent.joinpath(target).exists()
    } == set()


def test_every_decision_has_a_number_of_its_own() -> None:
    files = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    titles = [re.match(r"# 0*(\d+)\b", file.read_text()) for file in files]
    numbers = [int(file.name[:4]) for file in files]
    assert numbers
    assert len(set(numbers)) == len(numbers)
    assert [title and int(title[1]) for title in titles] == numbers


def test_no_target_of_make_is_up_to_date_because_a_folder_has_its_name() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
    phony = {name for line in re.findall(r"^\.PHONY:(.*)$", makefile, re.MULTILINE) for name in line.split()}
    assert "docs" in targets
    assert targets - phony == set()
