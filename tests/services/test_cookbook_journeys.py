"""The cookbook's journeys on services of other makers, ten users each, from what the page shows alone."""

from __future__ import annotations

import contextlib
import csv
import json
import shutil
import sqlite3
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import windtunnel
from tests.support import ROOT
from tests.support.cookbook import Recipe, recipes
from tests.support.services import ACCOUNTS, CERTIFICATES, Service

pytestmark = pytest.mark.slow

USERS = 10
ROUNDS = 2
ON_SERVICES = [recipe for recipe in recipes() if recipe.service]


@pytest.fixture(name="kitchen")
def folder_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the page speaks of."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "scenarios" / "data" / "photo.png", tmp_path)
    shutil.copy(CERTIFICATES / "test-only-localhost.pem", tmp_path / "ca.pem")
    with (tmp_path / "accounts.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("user", "password"), *ACCOUNTS.items()])
    return tmp_path


def run(recipe: Recipe, service: Service, folder: Path, *, seed: int = 1) -> windtunnel.Result:
    """The recipe's files as they are on the page, with ten users. The same seed draws the same keys again."""
    recipe.write(folder)
    flags: dict[str, Any] = {"parallel": USERS, "count": USERS * ROUNDS, "seed": seed}
    return windtunnel.run(sut="sut.yaml", scenarios=recipe.scenario_file, environment=service.environment, **flags)


def named(recipe: str) -> Recipe:
    (found,) = [each for each in ON_SERVICES if each.id == recipe]
    return found


@pytest.mark.parametrize("recipe", ON_SERVICES, ids=str)
def test_the_journey_passes_with_ten_users(request: Any, kitchen: Path, recipe: Recipe) -> None:
    result = run(recipe, request.getfixturevalue(recipe.service), kitchen)
    summary = result.summary.run
    assert summary.passed == summary.instances == USERS * ROUNDS, result.output
    # That this machine was too busy to be sure of times is no fault of a journey.
    assert result.verdict.word in {"pass", "inconclusive"}, result.output


@pytest.mark.parametrize(
    ("recipe", "counted"),
    [
        ("one_account_per_user", "SELECT last_login, username FROM auth_user WHERE last_login > ?"),
        ("one_account_per_user", "SELECT expire_date, session_key FROM django_session WHERE expire_date > ?"),
        ("token_by_password", "SELECT created, user_id FROM oauth2_provider_accesstoken WHERE created > ?"),
    ],
)
def test_each_user_signs_in_once_with_an_account_of_its_own(
    django: Service, kitchen: Path, recipe: str, counted: str
) -> None:
    with contextlib.closing(sqlite3.connect(django.folder / "portal.sqlite3")) as database:
        before = max((row[0] for row in database.execute(counted, [""])), default="")
        run(named(recipe), django, kitchen)
        seen = [row[1] for row in database.execute(counted, [before])]
    assert len(seen) == len(set(seen)) == USERS


def test_a_form_is_saved_with_all_that_was_filled_in(django: Service, kitchen: Path) -> None:
    result = run(named("sign_in_by_form"), django, kitchen)
    given = """SELECT name, count(permission_id) FROM auth_group
        JOIN auth_group_permissions ON group_id = auth_group.id GROUP BY name"""
    with contextlib.closing(sqlite3.connect(django.folder / "portal.sqlite3")) as database:
        counts = dict(database.execute(given))
    run_id = Path(result.directory).name
    assert [counts[f"{run_id} sign_in_by_form-{index}"] for index in range(USERS * ROUNDS)] == [2] * 20


def test_an_order_that_is_sent_twice_is_one(django: Service, kitchen: Path) -> None:
    def kept() -> int:
        with urllib.request.urlopen(f"{django.url}/orders/kept") as answer:
            return int(json.load(answer)["orders"])

    before = kept()
    run(named("idempotency_key"), django, kitchen, seed=2)
    assert kept() - before == USERS * ROUNDS


@pytest.mark.parametrize(
    ("recipe", "written", "changed", "refused"),
    [
        ("sign_in_by_form", "fields: { username", "fields: { csrfmiddlewaretoken: null, username", "sign_in"),
        ("sign_in_by_form", "pass word 1", "pass word 2", "sign_in"),
        ("code_with_pkce", 'code_verifier: "{{ verifier }}"', 'code_verifier: "{{ random_string(64) }}"', "token"),
        ("code_with_pkce", "payload.nonce == nonce", "payload.nonce == state", "token"),
        ("signed_webhook", "env.HOOK_SECRET", "env.HOOK_SECRET ~ 1", "hook"),
        ("signed_webhook", '"{{ now() | int }}"', '"{{ now() | int - 301 }}"', "hook"),
        ("s3_by_sigv4", "s3/aws4_request", "iam/aws4_request", "put_photo"),
        ("s3_by_sigv4", 'body: "{{ content }}"', 'body: "{{ content }}!"', "put_photo"),
        ("upload_with_digest", 'body: "{{ content }}"', 'body: "{{ content }} "', "upload"),
        ("files_behind_tls", "{ type: http, name: put,", "{ type: http, name: put, auth: { type: none },", "put"),
    ],
)
def test_what_is_not_right_is_refused(
    request: Any, kitchen: Path, recipe: str, written: str, changed: str, refused: str
) -> None:
    found = named(recipe)
    assert written in found.scenario
    wrong = replace(found, scenario=found.scenario.replace(written, changed))
    result = run(wrong, request.getfixturevalue(found.service), kitchen)
    failures = {step.step: step.failed for step in result.summary.steps if step.failed}
    assert failures == {refused: USERS * ROUNDS}, result.output
