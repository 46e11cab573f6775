"""The reference pages are what `make docs` writes from the schemas and the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from functools import reduce
from operator import getitem
from typing import Any

import pytest

from tests.support import ROOT


def test_the_reference_pages_are_as_they_would_be_written_now() -> None:
    check = [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"]
    answer = subprocess.run(check, capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", ""), "run `make docs`"


def undescribed(schema: Any, root: Any, place: str = "#") -> Iterator[str]:
    if isinstance(schema, list):
        for index, item in enumerate(schema):
            yield from undescribed(item, root, f"{place}/{index}")
    if not isinstance(schema, dict):
        return
    for key, value in schema.get("properties", {}).items():
        while "description" not in value and "$ref" in value:
            value = reduce(getitem, value["$ref"].split("/")[1:], root)
        if not value.get("description", "").rstrip("`").endswith((".", "…")):
            yield f"{place}/{key}"
    for key, value in schema.items():
        if key not in ("if", "not", "oneOf", "anyOf", "examples"):
            yield from undescribed(value, root, f"{place}/{key}")


@pytest.mark.parametrize("name", ["sut", "scenario", "plan"])
def test_every_key_is_described_by_a_sentence(name: str) -> None:
    schema = json.loads((ROOT / "schemas" / f"{name}.schema.json").read_text())
    assert list(undescribed(schema, schema)) == []


def test_every_link_inside_a_page_leads_to_a_section() -> None:
    pages = list((ROOT / "docs" / "reference").glob("*.md"))
    assert pages
    for page in pages:
        text = page.read_text()
        headings = {line[3:].lower() for line in text.splitlines() if line.startswith("## ")}
        anchors = {"".join(c for c in title if c.isalnum() or c in " _-").replace(" ", "-") for title in headings}
        links = {part.partition(")")[0] for part in text.split("](#")[1:]}
        assert links <= anchors
