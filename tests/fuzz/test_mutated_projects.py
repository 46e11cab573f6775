"""Whatever is changed in a project of a user, the answer is success or problems in words, each at its place.

`make fuzz MINUTES=10` looks for more.
"""

from __future__ import annotations

import pytest

from tests.fuzz.cases import Project, case_of, faults_of
from tests.fuzz.mutations import parts_of


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(folder=tmp_path_factory.mktemp("project"))


def test_the_seeds_are_valid_and_have_parts_to_change(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.folder)
    unchanged = case_of(project, 0, 0).without_changes()
    assert list(faults_of(project, unchanged)) == []
    assert project.is_valid(unchanged)
    assert sum(len(parts_of(text)) for name, text in project.seeds.items() if name.endswith(".yaml")) > 500


@pytest.mark.parametrize(
    "numbers",
    [range(10), *(pytest.param(range(n, n + 150), marks=pytest.mark.slow) for n in range(10, 1510, 150))],
    ids=lambda numbers: f"{numbers.start}-{numbers.stop - 1}",
)
def test_a_changed_project_is_answered_in_words(
    project: Project, monkeypatch: pytest.MonkeyPatch, numbers: range
) -> None:
    monkeypatch.chdir(project.folder)
    faults = {
        case.name: found
        for case in (case_of(project, 11, number) for number in numbers)
        if (found := list(faults_of(project, case)))
    }
    assert faults == {}
