"""How many files a reader opens to follow one command: those in which a function is called.

Counted for `windtunnel validate` of a two-step scenario, in this process, with every module imported before.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import windtunnel
from tests.support import ROOT
from tests.support.command_line import call

PACKAGE = ROOT / "windtunnel"
MAX_FILES = 40

SUT = "name: shop\nbase_url: http://localhost:8080\n"
SCENARIO = """
id: buy
flow:
  - type: http
    name: get_products
    method: GET
    path: /api/products
    expect: { status_code: 200, json: { "$.items": { exists: true } } }
    extract: { item_id: "$.items[0].id" }
  - type: http
    name: add_to_cart
    method: POST
    path: "/api/cart/{{ item_id }}"
    json: { item_id: "{{ item_id }}", qty: 1 }
"""


def files_entered(run: Callable[[], object]) -> list[str]:
    """The files of the package in which a function is called while `run` runs."""
    entered: set[str] = set()

    def called(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call" and frame.f_code.co_name != "<module>":
            entered.add(frame.f_code.co_filename)

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        run()
    finally:
        sys.setprofile(before)
    inside = [Path(name) for name in entered if Path(name).is_relative_to(PACKAGE)]
    return sorted(str(path.relative_to(PACKAGE)) for path in inside)


def test_validating_a_two_step_scenario_enters_few_files(tmp_path: Path) -> None:
    for module in pkgutil.walk_packages(windtunnel.__path__, "windtunnel."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    (tmp_path / "sut.yaml").write_text(SUT)
    (tmp_path / "buy.yaml").write_text(SCENARIO)
    answers = []
    entered = files_entered(lambda: answers.append(call(tmp_path, "validate", "sut.yaml", "buy.yaml")))
    assert [answer.returncode for answer in answers] == [0]
    assert "actions/http.py" in entered
    assert len(entered) <= MAX_FILES, "\n".join(entered)
