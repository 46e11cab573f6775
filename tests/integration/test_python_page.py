"""`docs/python.md` read literally: each of its examples runs, and what its tables and sentences name is there."""

from __future__ import annotations

import inspect
import re
import runpy
from pathlib import Path
from typing import Any

import msgspec
import pytest

import windtunnel
from tests.support import ROOT
from windtunnel.actions.python.context import Context
from windtunnel.actions.python.http import Http
from windtunnel.actions.python.requests import RequestOptions
from windtunnel.actions.python.response import Response
from windtunnel.demo.process import ShopProcess
from windtunnel.demo.shop import PASSWORDS

PAGE = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(?:yaml|python)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
ROWS = dict(re.findall(r"^\| (.*?) \| (.*) \|$", PAGE, re.MULTILINE))


def block(mark: str) -> str:
    (found,) = [each for each in BLOCKS if mark in each]
    return str(found)


def words(text: str) -> list[str]:
    """The names in code: `json(path, …)` is json."""
    return re.findall(r"`(\w+)", text)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shop: ShopProcess) -> Path:
    monkeypatch.chdir(tmp_path)
    accounts = "".join(f"{user},{password}\n" for user, password in PASSWORDS.items())
    (tmp_path / "accounts.csv").write_text(f"user,password\n{accounts}")
    (tmp_path / "sut.yaml").write_text(f"base_url: {shop.base_url}\n")
    return tmp_path


def run(shop: ShopProcess, **more: Any) -> windtunnel.Result:
    services = {name: {"base_url": shop.base_url} for name in ("catalog", "cart")}
    result = windtunnel.run(
        sut={"base_url": shop.base_url, "services": services}, **{"parallel": 2, "count": 4, "seed": 1, **more}
    )
    assert result.summary.run.passed == result.summary.run.instances > 0, result.output
    return result


def test_no_block_of_the_page_is_left_out() -> None:
    marks = ("type: python", "def sign(", '"checkout_flow"', '"look_at_my_account"', "windtunnel.run(", "shop_url")
    assert sorted(BLOCKS) == sorted({block(mark) for mark in marks if mark != "windtunnel.run("} | {job()})


def job() -> str:
    return block("import windtunnel\n")


def test_the_step_signs_what_later_steps_read(folder: Path, shop: ShopProcess) -> None:
    (folder / "signing.py").write_text(block("def sign("))
    step = "".join(f"  {line}\n" for line in block("type: python").splitlines())
    (folder / "signed.yaml").write_text(
        "id: signed\nvariables: { key: top-secret-key, cart_id: 7 }\nflow:\n"
        f"{step}"
        '  - { type: http, name: send, path: "/api/products?signature={{ signature }}" }\n'
        '  - { type: set, name: length, variables: { digits: "{{ signature | length }}" } }\n'
        '  - { type: assert, name: whole, expect: { condition: "digits == 64" } }\n'
    )
    run(shop, scenarios="signed.yaml")


@pytest.mark.parametrize("mark", ['"checkout_flow"', '"look_at_my_account"'])
def test_a_scenario_of_the_page_passes(folder: Path, shop: ShopProcess, mark: str) -> None:
    (folder / "shopping.py").write_text(block(mark).replace("user.pause(1, 3)", "user.pause(0, 0.01)"))
    run(shop, scenarios="shopping.py")


def test_the_run_of_the_page_prints_what_it_says(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "scenarios").mkdir()
    (folder / "scenarios" / "look.yaml").write_text("id: look\nflow: [{ type: http, name: look, path: / }]\n")
    exec(job().replace('duration="30s"', 'duration="100ms"'), {})
    word, requests, report = capsys.readouterr().out.splitlines()[-1].split()
    assert word in {"pass", "inconclusive", "fail"}  # of times, which depend on this machine
    assert int(requests) > 0
    assert Path(report).is_file()


def test_the_test_of_the_page_passes_with_the_scenario_of_the_example_for_pytest(shop: ShopProcess) -> None:
    example = runpy.run_path(str(ROOT / "examples" / "pytest" / "test_shop.py"))
    names: dict[str, Any] = {"windtunnel": windtunnel, "buy": example["buy"]}
    exec(block("shop_url"), names)
    names["test_a_crowd_can_buy"](shop.base_url)


def test_every_member_of_the_user_in_the_table_is_one_and_every_option_can_be_given() -> None:
    members = {name for left in ROWS for name in re.findall(r"`(?:with )?user\.(\w+)", left)}
    assert members >= {"http", "pause", "check", "expect", "group", "step", "variables", "data", "random", "stop"}
    assert [name for name in members if not hasattr(windtunnel.User, name)] == []
    (options,) = [words(right) for left, right in ROWS.items() if left == "… options"]
    known = {*inspect.signature(Http.request).parameters, *msgspec.structs.asdict(RequestOptions())}
    assert [name for name in options if name not in known] == []
    (methods,) = [words(right.partition(";")[0]) for left, right in ROWS.items() if "http.get" in left]
    assert [name for name in methods if not hasattr(Http, name)] == []


@pytest.mark.parametrize(
    ("before", "after", "owner"),
    [
        ("A response has ", "Values you pass", Response),
        ("The context has ", "The step is one", Context),
    ],
)
def test_what_a_sentence_says_that_something_has_is_there(before: str, after: str, owner: type) -> None:
    sentence = PAGE.partition(before)[2].partition(after)[0]
    names = words(sentence)
    assert len(names) >= 8
    assert [name for name in names if not hasattr(owner, name)] == []


def test_the_decorator_takes_what_the_page_names() -> None:
    sentence = PAGE.partition("The decorator takes what a scenario file has: ")[2].partition(". The file")[0]
    assert set(words(sentence)) <= set(inspect.signature(windtunnel.scenario).parameters)
