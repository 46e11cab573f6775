"""Names that no file can have, wherever a file can be named: each is told, none ends in a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.command_line import Answer, call

LONG = "a" * 5000
FLOW = "flow:\n  - { type: http, name: home, path: / }\n"
INCLUDE = 'id: shop\nflow:\n  - { type: include, name: i, file: "NAME" }\n'
FILES = {
    "include": ("scenarios/a.yaml", INCLUDE),
    "include below": ("scenarios/a.yaml", INCLUDE.replace("NAME", "a/NAME/b.yaml")),
    "data": ("scenarios/a.yaml", 'id: shop\ndata: { rows: { file: "NAME.csv" } }\n' + FLOW),
    "part of a schema": (
        "scenarios/a.yaml",
        "id: shop\nflow:\n  - { type: http, name: home, path: /, "
        'expect: { schema: { properties: { a: { $ref: "NAME" } } } } }\n',
    ),
    "scenario of a plan": ("windtunnel.yaml", 'scenarios: ["NAME"]\n'),
    "glob of a plan": ("windtunnel.yaml", 'scenarios: ["NAME*.yaml"]\n'),
    "SUT of a plan": ("windtunnel.yaml", 'sut: "NAME"\n'),
}
"""The file that names another one, and its text."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "sut.yaml").write_text("base_url: http://127.0.0.1:9\n")
    (tmp_path / "scenarios/a.yaml").write_text("id: shop\n" + FLOW)
    return tmp_path


def require_told(answer: Answer) -> None:
    told = answer.stdout + answer.stderr
    assert answer.returncode == 2, told[-2000:]
    assert "Traceback" not in told


@pytest.mark.parametrize("name", [LONG, "a\\0b"], ids=["too long", "with a null character"])
@pytest.mark.parametrize("kind", FILES)
def test_a_name_that_no_file_can_have_is_told_where_it_stands(project: Path, kind: str, name: str) -> None:
    file, text = FILES[kind]
    (project / file).write_text(text.replace("NAME", name))
    answer = call(project, "validate")
    require_told(answer)
    assert answer.stderr.startswith(f"{file}:")


@pytest.mark.parametrize(
    "words",
    [("validate", LONG), ("validate", f"{LONG}.py"), ("run", "--scenarios", LONG), ("run", "--baseline", LONG)],
    ids=lambda words: " ".join(word[-16:] for word in words),
)
def test_a_name_that_is_too_long_is_told_on_the_command_line(project: Path, words: tuple[str, ...]) -> None:
    require_told(call(project, *words))


def test_a_workspace_whose_name_is_too_long_is_none(project: Path) -> None:
    environment = {"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": LONG, "INPUT_SCENARIOS": LONG}
    require_told(call(project, "action", environment=environment))
