"""Files that a scenario includes: names, places, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.messages import Write, golden, message_of
from tests.support.scenario_files import load_scenarios
from windtunnel.config.scenario import ScenarioFile
from windtunnel.model.scenario import walk

LOGIN = """
variables: { user: ann }
steps:
  - { type: http, name: get_token, path: /token }
  - type: group
    name: check
    steps: [{ type: http, name: whoami, path: /me }]
"""


def scenario(*files: str) -> str:
    steps = "".join(f"  - {{ type: include, name: i{n}, file: {file} }}\n" for n, file in enumerate(files, 1))
    return f"id: a\nflow:\n{steps}"


def load(name: str = "scenarios/a.yaml") -> ScenarioFile:
    (file,) = load_scenarios([name], {"TOKEN": "tok-12345678"})
    return file


def error(name: str = "scenarios/a.yaml") -> str:
    return message_of(lambda: load(name))


def test_steps_of_an_included_file_have_its_name_before_their_own_and_their_own_place(write: Write) -> None:
    write("scenarios/a.yaml", scenario("_login.yaml"))
    write("scenarios/_login.yaml", LOGIN)

    file = load()
    steps = list(walk(file.scenario.steps))
    assert [step.name for step in steps] == ["i1", "i1/get_token", "i1/check", "i1/whoami"]
    assert [str(step.source.locate(step.path)) for step in steps[1:]] == [
        "scenarios/_login.yaml:3:5",
        "scenarios/_login.yaml:4:5",
        "scenarios/_login.yaml:6:13",
    ]
    assert [document.source.file for document in file.included] == ["scenarios/_login.yaml"]


def test_a_file_can_be_included_twice_and_is_read_once(write: Write) -> None:
    write("scenarios/a.yaml", scenario("_login.yaml", "../scenarios/_login.yaml"))
    write("scenarios/_login.yaml", LOGIN)

    file = load()
    assert len(file.included) == 1
    assert [step.name for step in walk(file.scenario.steps)][4:] == ["i2", "i2/get_token", "i2/check", "i2/whoami"]


def test_paths_start_at_the_file_that_names_them(write: Write) -> None:
    write("scenarios/a.yaml", scenario("parts/_one.yaml"))
    write("scenarios/parts/_one.yaml", "steps: [{ type: include, name: two, file: ../../shared/_two.yaml }]\n")
    write("shared/_two.yaml", "steps: [{ type: http, name: x, path: / }]\n")

    assert [step.name for step in walk(load().scenario.steps)] == ["i1", "i1/two", "i1/two/x"]


def test_tags_of_the_include_are_those_of_its_steps(write: Write) -> None:
    write(
        "scenarios/a.yaml",
        "id: a\nflow: [{ type: include, name: i, file: _b.yaml, tags: { team: x, tier: 1 } }]\n",
    )
    write("scenarios/_b.yaml", "steps: [{ type: http, name: x, path: /, tags: { team: y } }]\n")

    assert load().scenario.steps[0].blocks[0].steps[0].tags == {"team": "y", "tier": "1"}


def test_a_cycle_is_refused_with_the_chain(write: Write) -> None:
    write("scenarios/a.yaml", scenario("_b.yaml"))
    write("scenarios/_b.yaml", "steps:\n  - { type: include, name: c, file: sub/_c.yaml }\n")
    write("scenarios/sub/_c.yaml", "steps:\n  - { type: include, name: b, file: ../_b.yaml }\n")

    assert error() == golden(
        """
        scenarios/sub/_c.yaml:2:37: a file can't include itself: scenarios/_b.yaml → scenarios/sub/_c.yaml → scenarios/_b.yaml
          2 |   - { type: include, name: b, file: ../_b.yaml }
            |                                     ^^^^^^^^^^
        """  # noqa: E501  the message is one line
    )


def test_a_scenario_cannot_be_included_in_itself(write: Write) -> None:
    write("scenarios/a.yaml", scenario("a.yaml"))

    assert "a file can't include itself: scenarios/a.yaml → scenarios/a.yaml" in error()


@pytest.mark.parametrize(
    ("file", "shown"),
    [
        ("../../_login.yaml", "../_login.yaml"),
        ("/etc/hostname", "/etc/hostname"),
        ("link.yaml", "scenarios/link.yaml"),
    ],
)
def test_leaving_the_project_folder_is_refused(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, shown: str
) -> None:
    write("_login.yaml", LOGIN)
    write("project/scenarios/a.yaml", scenario(file))
    (tmp_path / "project/scenarios/link.yaml").symlink_to(tmp_path / "_login.yaml")
    monkeypatch.chdir(tmp_path / "project")

    assert f'scenarios/a.yaml:3:38: "{shown}" leads out of the project folder {tmp_path}/project' in error()


def test_the_project_of_a_scenario_that_stands_elsewhere_is_its_own_folder(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("_login.yaml", LOGIN)
    write("elsewhere/a.yaml", scenario("../_login.yaml"))
    write("here/x.yaml", "")
    monkeypatch.chdir(tmp_path / "here")

    assert f"leads out of the project folder {tmp_path}/elsewhere" in error("../elsewhere/a.yaml")


def test_a_file_that_is_not_there(write: Write) -> None:
    write("scenarios/a.yaml", scenario("_logn.yaml"))
    write("scenarios/_login.yaml", LOGIN)

    assert error() == golden(
        """
        scenarios/a.yaml:3:38: there is no file "scenarios/_logn.yaml"
          3 |   - { type: include, name: i1, file: _logn.yaml }
            |                                      ^^^^^^^^^^
          help: did you mean "_login.yaml"?
        """
    )


def test_what_is_wrong_in_an_included_file_is_said_at_its_own_line_and_once(write: Write) -> None:
    write("scenarios/a.yaml", scenario("_b.yaml", "_b.yaml"))
    write("scenarios/b.yaml", scenario("_b.yaml").replace("id: a", "id: b"))
    write("scenarios/_b.yaml", "step:\n  - { type: http, name: x, path: / }\n")

    assert message_of(lambda: load_scenarios(["scenarios"], {})) == golden(
        """
        scenarios/_b.yaml:1:1: a file to include needs "steps"
          1 | step:
            | ^^^^^
        scenarios/_b.yaml:1:1: unknown key "step" in a file to include
          1 | step:
            | ^^^^
          help: did you mean "steps"?
        """
    )


def test_names_that_collide_inside_an_included_file_are_found_there(write: Write) -> None:
    write("scenarios/a.yaml", scenario("_b.yaml"))
    step = "  - { type: http, name: x, path: / }\n"
    write("scenarios/_b.yaml", f"steps:\n{step}{step}")

    assert 'scenarios/_b.yaml:3:25: the name "i1/x" is taken by the step at scenarios/_b.yaml:2:25' in error()


def test_files_that_grow_without_bound_are_refused(write: Write) -> None:
    for number in range(15):
        includes = f"  - {{ type: include, name: NAME, file: _{number + 1}.yaml }}\n"
        write(
            f"scenarios/_{number}.yaml", "steps:\n" + includes.replace("NAME", "a") + includes.replace("NAME", "b")
        )
    write("scenarios/_15.yaml", "steps: [{ type: http, name: x, path: / }]\n")
    write("scenarios/a.yaml", scenario("_0.yaml"))

    assert "with this file, the scenario has more than 10,000 steps" in error()


def test_includes_nested_very_deep_are_refused(write: Write) -> None:
    for number in range(25):
        write(f"scenarios/_{number}.yaml", f"steps: [{{ type: include, name: a, file: _{number + 1}.yaml }}]\n")
    write("scenarios/_25.yaml", "steps: [{ type: http, name: x, path: / }]\n")
    write("scenarios/a.yaml", scenario("_0.yaml"))

    assert "includes are nested more than 20 deep" in error()


def test_secrets_that_an_included_file_reads_are_known(write: Write) -> None:
    write("scenarios/a.yaml", scenario("_b.yaml"))
    write(
        "scenarios/_b.yaml",
        "steps: [{ type: http, name: x, path: /, headers: { x-key: '${TOKEN}' } }]\n",
    )

    assert load().included[0].secrets == {"tok-12345678"}


def test_a_file_that_is_included_a_thousand_times_is_looked_for_once(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("scenarios/a.yaml", scenario(*["_b.yaml"] * 30))
    write("scenarios/_b.yaml", scenario(*["_c.yaml"] * 30).replace("id: a\nflow", "steps"))
    write("scenarios/_c.yaml", "steps: [{ type: http, name: get, path: / }]\n")
    asked: list[str] = []
    real = os.path.realpath

    def counted(path: str) -> str:
        asked.append(str(path))
        return real(path)

    monkeypatch.setattr(os.path, "realpath", counted)

    assert len(list(walk(load().scenario.steps))) == 30 + 30 * 30 + 30 * 30
    assert len(asked) < 100, "of 960 includes"


def test_a_file_that_includes_itself_very_often_is_told_so_fifty_times_at_most(write: Write) -> None:
    write("scenarios/a.yaml", scenario(*["_b.yaml"] * 60))
    write("scenarios/_b.yaml", scenario(*["_b.yaml"] * 60).replace("id: a\nflow", "steps"))

    assert error().count("a file can't include itself") == 50
