"""The data of the page and its script: deterministic, complete, and vendored as it was published."""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
from importlib.resources import files
from typing import Any

import msgspec
import pytest

from windtunnel.report import assets, html
from windtunnel.report.model import Report
from windtunnel.report.page_data import packed

ASSETS = files("windtunnel.report") / "assets"


def unpacked(page: str, part: str) -> Any:
    """A part of the data of a page."""
    found = re.search(f'id="data-{part}">([^<]*)<', page)
    assert found is not None
    return msgspec.json.decode(gzip.decompress(base64.b64decode(found[1])))


@pytest.mark.parametrize("name", assets.UPLOT_SHA256)
def test_what_is_vendored_is_what_was_published(name: str) -> None:
    content = (ASSETS / "vendor" / "uplot" / name).read_bytes()

    assert hashlib.sha256(content).hexdigest() == assets.UPLOT_SHA256[name]


def test_the_page_carries_version_and_licence_of_what_is_vendored() -> None:
    assert assets.script().startswith("/*! uPlot 1.6.32\nThe MIT License (MIT)")
    assert "Copyright (c) 2022 Leon Sorokin" in assets.script()
    assert "uPlot (v1.6.32)" in assets.script()


def test_every_file_of_the_script_is_in_it_after_those_that_it_imports() -> None:
    names = sorted(file.name for file in ASSETS.iterdir() if file.name.endswith(".js"))

    assert sorted(assets.MODULES) == names
    for position, name in enumerate(assets.MODULES):
        imported = re.findall(r'from "\./([^"]+)"', (ASSETS / name).read_text())
        assert set(imported) <= set(assets.MODULES[:position]), name


def test_nothing_in_the_script_inserts_html_or_ends_the_script() -> None:
    own = "\n".join(assets.module(name) for name in assets.MODULES)

    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", own)
    assert not re.search(r"^\s*(import|export)\b", own, re.MULTILINE)
    assert not re.search(r"(?i)</script|<!--", assets.script())


@pytest.mark.parametrize("name", assets.MODULES)
def test_files_of_the_script_stay_small(name: str) -> None:
    assert len((ASSETS / name).read_text().splitlines()) <= 400


def test_data_has_the_same_bytes_each_time() -> None:
    value = {"steps": list(range(1000))}

    assert packed(value) == packed(value)
    assert gzip.decompress(base64.b64decode(packed(value))) == msgspec.json.encode(value)
    assert base64.b64decode(packed(value))[4:8] == bytes(4), "the time in the header of gzip"


def test_the_document_names_steps_and_causes_in_the_order_of_the_tables(failing_report: Report) -> None:
    doc = unpacked(html.render(failing_report), "doc")

    assert [row["step"] for row in doc["steps"]] == [row.step for row in failing_report.summary.steps]
    assert [row["cause"] for row in doc["causes"]] == [group.cause for group in failing_report.summary.errors]
