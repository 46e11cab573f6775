"""No error that leaves a job holds a secret, nor any line that it tells."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from windtunnel.config.overrides import overrides_of
from windtunnel.errors import BugError, ConfigError, EvidenceError, UnreachableError
from windtunnel.job.leaving import RedactedObserver, without_secrets
from windtunnel.job.observer import TextObserver
from windtunnel.job.request import JobRequest
from windtunnel.job.validation import check_job, validate_files
from windtunnel.redaction import HIDDEN, Redactor

SECRET = "tok/en+1234567890"
ENVIRONMENT = {"TOKEN": SECRET, "FAR": "postgres://ann:far-away-1234@db.test/shop"}
SUT = "base_url: http://shop.test\n"
SCENARIO = "id: shop\nflow:\n  - {{ type: http, name: look, path: /, {} }}\n"


def problems_of(files: dict[str, str], folder: Path, **flags: object) -> str:
    for name, text in files.items():
        (folder / name).write_text(text)
    request = JobRequest(
        sut="sut.yaml" if "sut.yaml" in files else None,
        scenarios=("scenario.yaml",),
        plan="windtunnel.yaml" if "windtunnel.yaml" in files else None,
        overrides=overrides_of(**flags),
    )
    with pytest.raises(ConfigError) as raised:
        check_job(request, environment=ENVIRONMENT)
    return str(raised.value)


@pytest.mark.parametrize(
    "field",
    [
        'expect: { headers: { x: { matches: "${TOKEN}(" } } }',
        'expect: { json: { "$.a": { type: "${TOKEN}" } } }',
        'expect: { json: { "$.${TOKEN}[": 1 } }',
        'expect: { schema: "${TOKEN}.json" }',
        'extract: { a: { regex: "${TOKEN}(" } }',
        'extract: { a: { css: "${TOKEN}[[" } }',
        'extract: { a: "$.${TOKEN}[" }',
        'query: { a: "{{ ${TOKEN} }}" }',
        'multipart: { a: { file: "${TOKEN}" } }',
        'timeout: "${TOKEN}"',
        'url: "http://${TOKEN}.test/"',
        'url: "${FAR}"',
        'method: "${TOKEN}"',
        'auth: { type: "${TOKEN}" }',
        '"x": "${file:secret.txt}", timeout: "${file:secret.txt}"',
    ],
)
def test_a_problem_in_a_step_does_not_quote_a_secret(
    field: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    files = {"sut.yaml": SUT, "scenario.yaml": SCENARIO.format(field), "secret.txt": SECRET}

    said = problems_of(files, tmp_path)

    assert "scenario.yaml" in said
    assert "1234" not in said.replace("${", "")


@pytest.mark.parametrize(
    "files",
    [
        {"windtunnel.yaml": "sut: ${TOKEN}\nscenarios: [scenario.yaml]\n"},
        {"windtunnel.yaml": "sut: sut.yaml\nthresholds: { http_reqs: ['${TOKEN}'] }\n", "sut.yaml": SUT},
        {"windtunnel.yaml": "load: { count: '${TOKEN}' }\n", "sut.yaml": SUT},
        {"sut.yaml": "base_url: ${FAR}\n"},
        {"sut.yaml": "base_url: 'http://a b${TOKEN}'\n"},
        {"sut.yaml": SUT + "health: { path: '${TOKEN}', timeout: '${TOKEN}' }\n"},
        {"sut.yaml": SUT + "http: { proxy: '${FAR}' }\n"},
        {"sut.yaml": SUT + "auth: { type: basic, user: 'a:${TOKEN}', password: x }\n"},
    ],
)
def test_a_problem_in_a_plan_or_sut_file_does_not_quote_a_secret(
    files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    said = problems_of({"scenario.yaml": SCENARIO.format("method: GET"), **files}, tmp_path)

    assert "1234" not in said


@pytest.mark.parametrize(
    "flags",
    [
        {"target": "http://ann:far-away-1234@127.0.0.1:99999"},
        {"target": "ftp://ann:far-away-1234@x"},
        {"wait_for": ["ann:far-away-1234@x:1"]},
        {"target": "ann:far-away-1234@x"},
        {"wait_for": ["ftp://ann:far-away-1234@x"]},
        {"wait_for": ["http://ann:far-away-1234@x:1"]},
        {"settings": ["password=far-away-1234"]},
    ],
)
def test_a_problem_of_a_flag_does_not_quote_a_secret(
    flags: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    said = problems_of({"sut.yaml": SUT, "scenario.yaml": SCENARIO.format("method: GET")}, tmp_path, **flags)

    assert "1234" not in said


def test_files_checked_by_themselves_do_not_quote_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").write_text(SCENARIO.format('timeout: "${TOKEN}"'))

    with pytest.raises(ConfigError) as raised:
        validate_files(["a.yaml"], environment=ENVIRONMENT)

    assert HIDDEN in str(raised.value)
    assert "1234" not in str(raised.value)


def test_a_public_value_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    sut = SUT + "public_env: [TOKEN]\n"

    said = problems_of({"sut.yaml": sut, "scenario.yaml": SCENARIO.format('timeout: "${TOKEN}"')}, tmp_path)

    assert SECRET in said


def raises(error: Exception) -> Callable[[], None]:
    def act() -> None:
        raise error

    return act


@pytest.mark.parametrize("kind", [UnreachableError, EvidenceError])
def test_an_error_of_the_run_is_raised_without_secrets(kind: type[UnreachableError | EvidenceError]) -> None:
    with pytest.raises(kind) as raised, without_secrets(lambda: Redactor(secrets=[SECRET])):
        raise kind(f"at {SECRET}", hint=f"not {SECRET.upper()}")

    error: Any = raised.value
    assert (str(error), error.hint) == (f"at {HIDDEN}", f"not {HIDDEN}")


def test_the_traceback_of_a_bug_is_raised_without_secrets() -> None:
    with pytest.raises(BugError) as raised, without_secrets(lambda: Redactor(secrets=[SECRET])):
        raise KeyError(SECRET)

    assert str(raised.value).endswith(f"KeyError: '{HIDDEN}'")
    assert raised.value.__suppress_context__


def test_every_line_is_told_without_secrets() -> None:
    shown = TextObserver(width=80)
    observer = RedactedObserver(shown, Redactor(secrets=[SECRET]))

    observer.say(f"a {SECRET}")
    observer.result(f"b {SECRET}")

    assert shown.text == f"a {HIDDEN}\nb {HIDDEN}\n"
