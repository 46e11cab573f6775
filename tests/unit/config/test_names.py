"""A value of the environment in a name or a tag is refused: names stand everywhere, and nothing hides them."""

from __future__ import annotations

from pathlib import Path

import pytest

from windtunnel.errors import ConfigError
from windtunnel.job.request import JobRequest
from windtunnel.job.validation import check_job, validate_files

ENVIRONMENT = {"TEAM": "platform-team-7", "STAGE": "eu"}
FILES = {
    "sut.yaml": "base_url: http://shop.test\n",
    "windtunnel.yaml": "sut: sut.yaml\nscenarios: [a.yaml]\n",
    "a.yaml": "id: a\nflow: [{ type: include, name: part, file: _part.yaml }]\n",
    "_part.yaml": "steps: [{ type: http, name: x, path: / }]\n",
    "secret.txt": "from-a-file-1234",
}
TEAM, FILE = "'${TEAM}'", "'${file:secret.txt}'"
STEP = "{ type: http, name: x, path: / }"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def problems() -> list[str]:
    try:
        check_job(JobRequest(plan="windtunnel.yaml"), environment=ENVIRONMENT)
    except ConfigError as error:
        return [f"{problem.where}: {problem.message}" for problem in error.problems]
    return []


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("a.yaml", f"id: '${{TEAM}}'\nflow: [{STEP}]", ("a.yaml:1:", "the id of a scenario can't come from")),
        ("a.yaml", f"id: 'a-${{STAGE}}'\nflow: [{STEP}]", ("a.yaml:1:", "the id of a scenario can't come from")),
        (
            "a.yaml",
            f"id: a\ntags: {{ team: '${{TEAM}}' }}\nflow: [{STEP}]",
            ("a.yaml:2:", "a tag can't come from"),
        ),
        (
            "a.yaml",
            "id: a\nflow: [{ type: http, name: 'x ${TEAM}', path: / }]",
            ("a.yaml:2:", "a name can't come from"),
        ),
        (
            "a.yaml",
            "id: a\nflow: [{ type: group, name: g, steps: [{ type: http, name: '${TEAM}', path: / }] }]",
            ("a.yaml:2:", "a name can't come from"),
        ),
        (
            "a.yaml",
            "id: a\nflow: [{ type: http, name: x, path: /, tags: { team: '${TEAM}' } }]",
            ("a.yaml:2:", "a tag can't come from"),
        ),
        (
            "a.yaml",
            f"id: a\nflow: [{STEP}]\nassertions: [{{ type: assert, name: {TEAM}, expect: {{ body: x }} }}]",
            ("a.yaml:3:", "a name can't come from"),
        ),
        (
            "a.yaml",
            f"id: a\nuser_setup: [{STEP.replace('x', TEAM)}]\nflow: [{STEP}]",
            ("a.yaml:2:", "a name can't come from"),
        ),
        ("a.yaml", f"id: a\nflow: [{STEP.replace('x', FILE)}]", ("a.yaml:2:", "a name can't come from")),
        (
            "_part.yaml",
            "steps: [{ type: http, name: '${TEAM}', path: / }]",
            ("_part.yaml:1:", "a name can't come from"),
        ),
        (
            "windtunnel.yaml",
            FILES["windtunnel.yaml"] + "tags: { team: '${TEAM}' }",
            ("windtunnel.yaml:3:", "a tag can't come from"),
        ),
        (
            "windtunnel.yaml",
            FILES["windtunnel.yaml"] + "load: { stages: [{ duration: 1s, parallel: 1, name: '${TEAM}' }] }",
            ("windtunnel.yaml:3:", "a name can't come from"),
        ),
    ],
)
def test_a_value_of_the_environment_is_refused_in_a_name(
    file: str, text: str, said: tuple[str, str], folder: Path
) -> None:
    (folder / file).write_text(text)

    (problem,) = (each for each in problems() if "can't come from" in each)

    assert problem.startswith(said[0])
    assert said[1] in problem
    assert "platform-team-7" not in problem


def test_a_public_value_is_accepted_in_a_name(folder: Path) -> None:
    (folder / "sut.yaml").write_text(FILES["sut.yaml"] + "public_env: [TEAM]\n")
    (folder / "a.yaml").write_text(f"id: 'a-${{TEAM}}'\ntags: {{ t: '${{TEAM}}' }}\nflow: [{STEP}]")

    assert problems() == []
    assert ("a.yaml", "scenario") in validate_files(["a.yaml"], environment=ENVIRONMENT)


def test_a_default_is_accepted_in_a_name(folder: Path) -> None:
    (folder / "a.yaml").write_text(f"id: 'a-${{NOWHERE:-local}}'\nflow: [{STEP}]")

    assert problems() == []


def test_a_value_beside_a_name_is_accepted(folder: Path) -> None:
    (folder / "a.yaml").write_text(
        f"id: a\nflow: [{{ type: http, name: x, path: /, json: {{ name: {TEAM}, id: {TEAM}, tags: [{TEAM}] }} }}]"
    )

    assert problems() == []


def test_a_file_checked_by_itself_is_held_to_it(folder: Path) -> None:
    (folder / "a.yaml").write_text(f"id: '${{TEAM}}'\nflow: [{STEP}]")

    with pytest.raises(ConfigError, match="public_env: \\[TEAM\\]"):
        validate_files(["a.yaml"], environment=ENVIRONMENT)
