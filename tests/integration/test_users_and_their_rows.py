"""Users of the demo shop who sign in with a row of a data file, and a setup whose session the teardown has."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.command_line import Answer, call
from tests.support.tiers import slow_unless
from windtunnel.demo.process import ShopProcess
from windtunnel.demo.shop import PASSWORDS
from windtunnel.model.record import InstanceRecord, StepRecord
from windtunnel.storage.directory import RunDirectory
from windtunnel.storage.reader import RecordReader

SHOPPING = """
id: shopping
data: { account: { file: accounts.csv, share: user, order: shuffle } }
user_setup:
  - type: http
    name: login
    method: POST
    path: /api/login
    json: { user: "{{ data.account.user }}", password: "{{ data.account.password }}" }
flow:
  - type: http
    name: me
    path: "/api/me?as={{ data.account.user }}"
    expect: { json: [{ path: $.user, equals: "{{ data.account.user }}" }] }
  - { type: wait, name: rest, duration: 20ms }
"""

IN_PYTHON = """
from windtunnel import User, scenario


@scenario("shopping", data={"account": {"file": "accounts.csv", "share": "user", "order": "shuffle"}})
async def shopping(user: User) -> None:
    row = user.data.account
    await user.http.post(None, "/api/login", name="login", json={"user": row.user, "password": row["password"]})
    me = await user.http.get(None, "/api/me", name="me", query={"as": row.user})
    user.check("it is me", me.json("$.user") == row.user)
    await user.pause(0.02)
"""

SESSIONS = """
id: sessions
variables: { owner: "owner-{{ uuid() }}" }
setup:
  - type: http
    name: login
    method: POST
    path: "/api/login?for={{ owner }}"
    json: { user: ada, password: ADA }
    extract: { user: $.user }
  - { type: python, name: compute, call: "code:compute", sets: [key] }
flow:
  - { type: http, name: stranger, path: "/api/me?key={{ key }}", expect: { status_code: 401 } }
teardown:
  - type: http
    name: still_me
    path: "/api/me?for={{ owner }}&key={{ key }}"
    expect: { json: [{ path: $.user, equals: "{{ user }}" }] }
"""

CODE = "def compute(context):\n    context.variables['key'] = context.variables['user'].upper()\n"

LOADS = {
    "closed": ("--parallel", "4", "--count", "24"),
    "users that come and go": ("--stages", "400ms:4,200ms:1,400ms:4"),
    "open": ("--rate", "40/s", "--count", "24", "--max-parallel", "4"),
}

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="worker processes need a Unix system")


@pytest.fixture
def folder(tmp_path: Path, shop: ShopProcess) -> Path:
    accounts = "".join(f"{user},{password}\n" for user, password in PASSWORDS.items())
    files = {
        "sut.yaml": f"base_url: {shop.base_url}\n",
        "accounts.csv": f"user,password\n{accounts}",
        "shopping.yaml": SHOPPING,
        "shopping.py": IN_PYTHON,
        "sessions.yaml": SESSIONS.replace("ADA", PASSWORDS["ada"]),
        "code.py": CODE,
    }
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    return tmp_path


def run(folder: Path, file: str, *args: str) -> tuple[Answer, list[Path]]:
    """A run of a scenario file, and its folder; several where it is shared between two shards."""
    shards = [("--shard", f"{number}/2") for number in (1, 2)] if "two shards" in args else [()]
    given = [arg for arg in args if arg != "two shards"]
    folders = []
    for shard in shards:
        answer = call(folder, "run", "--scenarios", file, "--seed", "3", *given, *shard)
        assert answer.returncode in {0, 4}, (
            answer.stdout + answer.stderr
        )  # 4: this machine was too busy for a time
        folders.append((folder / "runs" / "latest").resolve())
    return answer, folders


def records_of(folders: list[Path]) -> list[Any]:
    records = [record for folder in folders for record in RecordReader(RunDirectory(folder).segments())]
    found = [record for record in records if isinstance(record, StepRecord | InstanceRecord)]
    assert {record.outcome for record in found} == {"passed"}
    return found


def names_of(folders: list[Path]) -> dict[int, set[str]]:
    """The names under which each user asked who it is."""
    records = records_of(folders)
    users = {each.instance_id: each.user for each in records if isinstance(each, InstanceRecord)}
    found: dict[int, set[str]] = {}
    for record in records:
        if isinstance(record, StepRecord) and record.step == "me":
            assert record.request is not None
            found.setdefault(users[record.instance_id], set()).add(record.request.url.partition("as=")[2])
    return found


WAYS = {"one process again": (), "two workers": ("--workers", "2"), "two shards": ("two shards", "--workers", "2")}


CASES = [(file, load, way) for file in ("shopping.yaml", "shopping.py") for load in LOADS for way in WAYS]


@pytest.mark.parametrize("case", slow_unless(lambda case: case == ("shopping.py", "closed", "two workers"), CASES))
def test_every_user_signs_in_as_itself_and_as_the_same_in_any_number_of_processes(
    folder: Path, case: tuple[str, str, str]
) -> None:
    file, load, way = case
    alone = names_of(run(folder, file, *LOADS[load])[1])
    assert {name for names in alone.values() for name in names} <= set(PASSWORDS)
    names = names_of(run(folder, file, *LOADS[load], *WAYS[way])[1])
    assert all(len(each) == 1 for each in names.values())
    both = names.keys() & alone.keys()  # which slots an open load takes depends on the time
    assert {user: names[user] for user in both} == {user: alone[user] for user in both}


@pytest.mark.parametrize("way", slow_unless(lambda way: way == "one process again", WAYS))
def test_a_teardown_goes_on_with_the_session_of_its_setup_and_instances_begin_without_one(
    folder: Path, way: str
) -> None:
    _, folders = run(folder, "sessions.yaml", "--parallel", "4", "--count", "8", *WAYS[way])
    steps = [each for each in records_of(folders) if isinstance(each, StepRecord)]
    urls = {
        phase: [each.request.url for each in steps if each.request and each.phase == phase]
        for phase in ("setup", "", "teardown")
    }
    owners = [url.partition("for=")[2] for url in urls["setup"]]
    assert [url.partition("for=")[2] for url in urls["teardown"]] == [f"{owner}&key=ADA" for owner in owners]
    assert len(owners) == len(folders)
    assert all(url.endswith("/api/me?key=ADA") for url in urls[""])
