"""A setup, user_setup or teardown that fails is told in every way out, with the requests that show why."""

from __future__ import annotations

import html
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath

import msgspec
import pytest

from tests.support.command_line import Answer, call
from tests.support.tiers import every
from windtunnel.ci.annotations import summary_annotations
from windtunnel.ci.workspace import Workspace
from windtunnel.demo.process import ShopProcess
from windtunnel.model.summary import ErrorGroup, Summary

HOME = "  - { type: http, name: home, path: / }\n"
CODE = "def fetch(context):\n    raise ValueError('the vault is closed')\n"


@dataclass(frozen=True, kw_only=True)
class Case:
    """What fails in a section, and what is told of it."""

    section: str
    steps: str
    told: str
    shown: str = ""
    variables: str = ""
    verdict: str = "fail"
    instances: tuple[str, ...] = ("buy-user-0", "buy-user-1")


CASES: Mapping[str, Case] = {
    "a login that is refused": Case(
        section="user_setup",
        steps="  - { type: http, name: login, method: POST, path: /no-login, json: { user: ada } }\n",
        told="login: status_code: expected below 400 but got 404",
        shown="/no-login",
    ),
    "a value that is not there": Case(
        section="user_setup",
        steps='  - { type: http, name: login, path: /api/products, extract: { token: "$.nothing" } }\n',
        told="login: extract: ",
        shown="/api/products",
    ),
    "code that raises": Case(
        section="user_setup",
        steps='  - { type: python, name: open, call: "code:fetch" }\n',
        told="open: ValueError: ValueError: the vault is closed",
        shown="the vault is closed",
    ),
    "too many steps": Case(
        section="user_setup",
        steps="  - { type: repeat, name: loop, times: 50, steps: [{ type: http, name: ask, path: / }] }\n"
        "max_steps: 9\n",
        told="ask: max_steps: the instance ran 9 steps, its maximum; raise max_steps",
        shown="the instance ran 9 steps",
    ),
    "a step inside a group": Case(
        section="user_setup",
        steps="  - type: group\n    name: enter\n    steps: [{ type: http, name: badge, path: /no-badge }]\n",
        told="badge: status_code: expected below 400 but got 404",
        shown="/no-badge",
    ),
    "a setup": Case(
        section="setup",
        steps="  - { type: http, name: seed, path: /no-seed }\n",
        told="seed: status_code: expected below 400 but got 404",
        shown="/no-seed",
        verdict="inconclusive",
        instances=("buy-setup",),
    ),
    "a teardown": Case(
        section="teardown",
        steps="  - { type: http, name: clean, path: /no-clean }\n",
        told="clean: status_code: expected below 400 but got 404",
        shown="/no-clean",
        verdict="pass",
        instances=("buy-teardown",),
    ),
}


@pytest.fixture
def folder(tmp_path: Path, shop: ShopProcess) -> Path:
    (tmp_path / "sut.yaml").write_text(f"base_url: {shop.base_url}\n")
    (tmp_path / "code.py").write_text(CODE)
    return tmp_path


def run(folder: Path, case: Case, *args: str) -> tuple[Answer, Summary]:
    (folder / "buy.yaml").write_text(f"id: buy\nflow:\n{HOME}{case.section}:\n{case.steps}")
    load = ("-p", "2", "-n", "8", "--seed", "1")
    answer = call(folder, "run", "--scenarios", "buy.yaml", *load, *args, environment={"COLUMNS": "300"})
    return answer, summary_of(folder)


def newest(folder: Path) -> Path:
    return (folder / "runs" / "latest").resolve()


def summary_of(folder: Path) -> Summary:
    return msgspec.json.decode((newest(folder) / "summary.json").read_bytes(), type=Summary)


def plain(group: ErrorGroup) -> ErrorGroup:
    """Without what differs from run to run."""
    return msgspec.structs.replace(group, first_t=0.0, last_t=0.0, instances=sorted(group.instances))


@pytest.mark.parametrize("case", every(3, CASES.values()), ids=CASES)
def test_it_is_told_in_every_way_out(folder: Path, case: Case) -> None:
    answer, summary = run(folder, case)
    assert summary.verdict == case.verdict, answer.stdout

    [group] = summary.errors
    assert (group.phase, group.scenario, group.file) == (case.section, "buy", "buy.yaml")
    assert f"{group.step}: {group.cause}: {group.example}".startswith(case.told)
    assert set(group.instances) == set(case.instances)
    assert f"name: {group.step}" in "".join(
        (folder / "buy.yaml").read_text().splitlines()[(group.line or 0) - 1 :][:2]
    )
    assert group.count == (8 if case.section == "user_setup" else 1)
    assert group.share == (1.0 if case.section == "user_setup" else 0.0)

    said = f"the {case.section} of buy {group.outcome}"
    assert any(said in each for each in [*summary.reasons, *summary.soundness.findings])
    if case.verdict != "pass":
        assert any(said in reason for reason in summary.reasons)

    place = f"{case.section}: {group.step}"
    beginning = group.example.split("\n")[0].split("'")[0][:20].split('"')[0]  # pages escape quotes and shorten
    assert place in answer.stdout
    assert beginning in answer.stdout
    files = {path.name: path.read_text() for path in newest(folder).rglob("*.*") if path.suffix != ".jsonl"}
    for name in ("summary.md", "junit.xml", "gl-codequality.json", "report.html"):
        assert place in files[name], name
        assert beginning in files[name], name
    for shown in (case.shown, case.instances[0]):
        assert shown in files["report.html"], "the story has the request"

    annotations = summary_annotations(summary, workspace=Workspace(root=PurePath("/w"), folder=PurePath("/w")))
    found = [(each.file, each.line) for each in annotations if each.title == f"buy / {place}: {group.outcome}"]
    assert found == ([] if case.verdict == "pass" else [("buy.yaml", group.line)])


OUTSIDE: Mapping[str, tuple[str, tuple[str, ...], str]] = {
    "a user without a row": (
        "data: { account: { file: accounts.csv, share: user, on_end: fail } }\n",
        ("--rate", "50/s", "-n", "8", "--max-parallel", "2"),
        'data: data "account" has no row for this user: accounts.csv has 1, and 1 more are needed for 2 users',
    ),
    "a start value that has none": (
        'variables: { rest: "{{ 7 % user_index }}" }\n',
        ("-p", "1", "-n", "8"),
        'template: can\'t evaluate "{{ 7 % user_index }}": integer modulo by zero',
    ),
}


@pytest.mark.parametrize("case", OUTSIDE.values(), ids=OUTSIDE)
def test_a_user_setup_that_fails_before_its_first_step_is_told_in_every_way_out(
    folder: Path, shop: ShopProcess, case: tuple[str, tuple[str, ...], str]
) -> None:
    more, load, told = case
    (folder / "accounts.csv").write_text("user\nada\n")
    login = "user_setup: [{ type: wait, name: think, duration: 200ms }]\n"
    (folder / "buy.yaml").write_text(f"id: buy\nflow:\n{HOME}{login}{more}")
    answer = call(folder, "run", "--scenarios", "buy.yaml", *load, environment={"COLUMNS": "300"})
    summary = summary_of(folder)
    assert summary.verdict == "fail", answer.stdout

    [group] = summary.errors
    assert (group.phase, group.scenario, group.step, group.outcome) == ("user_setup", "buy", "", "errored")
    assert f"{group.cause}: {group.example}" == told
    assert any("the user_setup of buy errored" in reason for reason in summary.reasons)
    assert f"user_setup, {told}" in answer.stdout
    words = told.partition(": ")[2].split('"')[0]
    for name in ("summary.md", "junit.xml", "report.html"):
        text = html.unescape((newest(folder) / name).read_text())
        assert words in text, name
        assert "user_setup" in text, name
    assert group.instances[0] in (newest(folder) / "report.html").read_text()
    annotations = summary_annotations(summary, workspace=Workspace(root=PurePath("/w"), folder=PurePath("/w")))
    assert [each.title for each in annotations if "user_setup" in each.title] == ["buy / user_setup: errored"]


@pytest.mark.parametrize("case", every(3, CASES.values()), ids=CASES)
def test_it_is_the_same_from_the_records(folder: Path, case: Case) -> None:
    _, summary = run(folder, case)
    call(folder, "report", "latest", "--format", "json")
    assert summary_of(folder) == summary


@pytest.mark.skipif(sys.platform == "win32", reason="worker processes need a Unix system")
@pytest.mark.slow
def test_it_is_the_same_with_two_workers(folder: Path) -> None:
    case = CASES["a login that is refused"]
    _, alone = run(folder, case)
    _, shared = run(folder, case, "--workers", "2")
    assert [plain(group) for group in shared.errors] == [plain(group) for group in alone.errors]
    assert shared.reasons == alone.reasons


def test_a_user_that_cannot_be_set_up_is_a_warning_where_the_thresholds_allow_it(folder: Path) -> None:
    steps = "  - { type: http, name: login, path: \"/{{ 'no' if user_index == 0 else '' }}\" }\n"
    case = Case(section="user_setup", steps=steps, told="", verdict="pass")
    answer, summary = run(folder, case, "--threshold", "instances: rate > 0%")
    assert (summary.verdict, summary.reasons) == ("pass", []), answer.stdout
    assert any(each.startswith("the user_setup of buy failed ") for each in summary.soundness.findings)
    assert summary.errors[0].instances == ["buy-user-0"]


def test_the_verbose_log_of_one_instance_shows_it_too(folder: Path) -> None:
    case = CASES["a login that is refused"]
    (folder / "buy.yaml").write_text(f"id: buy\nflow:\n{HOME}{case.section}:\n{case.steps}")
    answer = call(folder, "run", "--scenarios", "buy.yaml", "--once", "--verbose")
    assert answer.returncode == 99
    assert "✗ login  http failed" in answer.stdout
    assert "✗ buy-user-0 failed: status_code: expected below 400 but got 404" in answer.stdout


def test_merged_shards_tell_of_the_users_of_each(folder: Path) -> None:
    case = CASES["a login that is refused"]
    parts = []
    for shard in ("1/2", "2/2"):
        _, summary = run(folder, case, "--shard", shard)
        assert (summary.verdict, [group.phase for group in summary.errors]) == ("pass", ["user_setup"])
        parts.append(str(newest(folder)))
    call(folder, "merge", *parts)
    [group] = summary_of(folder).errors
    assert (group.count, group.share, group.file, group.line) == (8, 1.0, "buy.yaml", 5)
    assert set(group.instances) == set(case.instances)
    assert any(reason.startswith("the user_setup of buy failed 8 times") for reason in summary_of(folder).reasons)
