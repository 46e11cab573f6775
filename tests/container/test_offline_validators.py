"""Every CI file of this repository, under the checks that its platform's users run, all offline."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from tests.support import ROOT, recipes
from tests.support.podman import Answer, finished

pytestmark = pytest.mark.container

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
ACTIONS = [ROOT / "action.yml", ROOT / "host/action.yml"]


def names(files: list[Path]) -> list[str]:
    return [str(file.relative_to(ROOT)) for file in files]


def passed(answer: Answer) -> bool:
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return True


def test_there_are_workflows_to_check() -> None:
    assert names(WORKFLOWS) == [
        f".github/workflows/{name}.yml" for name in ("image", "release", "self-test", "test")
    ]


def test_actionlint_finds_nothing_in_the_workflows(tools: Path) -> None:
    assert passed(finished([str(tools / "actionlint"), *names(WORKFLOWS)], folder=ROOT))


@pytest.mark.parametrize(
    ("schema", "files"), [("vendor.github-workflows", WORKFLOWS), ("vendor.github-actions", ACTIONS)]
)
def test_workflows_and_actions_are_what_github_s_schemas_say(tools: Path, schema: str, files: list[Path]) -> None:
    assert passed(
        finished([str(tools / "check-jsonschema"), "--builtin-schema", schema, *names(files)], folder=ROOT)
    )


@pytest.mark.parametrize("name", names([*WORKFLOWS, *ACTIONS]))
def test_the_action_validator_takes_each_file(tools: Path, name: str) -> None:
    validator = tools.parent / "node_modules/.bin/action-validator"
    assert passed(finished([str(validator), name], folder=ROOT))


def test_zizmor_finds_no_way_to_misuse_workflows_or_actions(tools: Path) -> None:
    assert passed(
        finished([str(tools / "zizmor"), "--offline", "--no-progress", ".github", *names(ACTIONS)], folder=ROOT)
    )


def test_zizmor_would_see_an_input_that_becomes_part_of_a_script(tools: Path, tmp_path: Path) -> None:
    text = (ROOT / "host/action.yml").read_text()
    assert "INPUT_SUT: ${{ inputs.sut }}" in text
    (tmp_path / "action.yml").write_text(
        text.replace("run: exec bash", 'run: echo "${{ inputs.sut }}"; exec bash')
    )
    answer = finished([str(tools / "zizmor"), "--offline", "--no-progress", str(tmp_path / "action.yml")])
    assert answer.returncode != 0
    assert "template-injection" in answer.stdout


def test_hadolint_finds_nothing_in_the_dockerfile(tools: Path) -> None:
    assert passed(finished([str(tools / "hadolint"), "Dockerfile"], folder=ROOT))


def test_gitlab_s_schema_takes_both_parts_of_the_template_and_our_pipeline(tools: Path, tmp_path: Path) -> None:
    header, body = (ROOT / "templates/windtunnel.yml").read_text().split("\n---\n")
    assert set(yaml.safe_load(header)) == {"spec"}
    (tmp_path / "header.yml").write_text(header)
    # GitLab puts the values in before it looks at the types.
    (tmp_path / "body.yml").write_text(body.replace("$[[ inputs.allow-failure ]]", "[4]"))
    files = [str(tmp_path / "header.yml"), str(tmp_path / "body.yml"), str(ROOT / ".gitlab-ci.yml")]
    assert passed(finished([str(tools / "check-jsonschema"), "--builtin-schema", "vendor.gitlab-ci", *files]))


def test_a_release_pins_the_published_image_and_stays_valid(tools: Path, tmp_path: Path) -> None:
    for name in (*names(ACTIONS), "templates/windtunnel.yml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    reference = "ghcr.io/windtunnel/action@sha256:" + "0123456789abcdef" * 4
    assert passed(finished([str(ROOT / ".ci/pin-image"), reference, str(tmp_path)]))

    action, host = (yaml.safe_load((tmp_path / name).read_text()) for name in names(ACTIONS))
    assert action["runs"] == {"using": "docker", "image": f"docker://{reference}", "args": ["action"]}
    assert host["runs"]["steps"][0]["env"]["WINDTUNNEL_IMAGE"] == reference
    [spec, _] = yaml.safe_load_all((tmp_path / "templates/windtunnel.yml").read_text())
    assert spec["spec"]["inputs"]["image"]["default"] == reference
    schema = [str(tools / "check-jsonschema"), "--builtin-schema", "vendor.github-actions"]
    assert passed(finished([*schema, *names(ACTIONS)], folder=tmp_path))


def test_a_release_is_not_pinned_by_anything_but_a_digest(tmp_path: Path) -> None:
    answer = finished([str(ROOT / ".ci/pin-image"), "ghcr.io/windtunnel/action:latest", str(tmp_path)])
    assert answer.returncode == 1
    assert "usage" in answer.stderr


SCHEMAS = {
    ".github/workflows/": "vendor.github-workflows",
    ".gitlab-ci.yml": "vendor.gitlab-ci",
    ".circleci/config.yml": "vendor.circle-ci",
    "compose.yaml": "vendor.compose-spec",
}
DOCUMENTED = [block for block in recipes.blocks("yaml") if block.file.startswith(tuple(SCHEMAS))]


def test_the_pages_have_files_for_every_platform() -> None:
    assert len(DOCUMENTED) >= 12
    assert all(any(block.file.startswith(place) for block in DOCUMENTED) for place in SCHEMAS)


@pytest.mark.parametrize("block", DOCUMENTED, ids=str)
def test_a_documented_file_is_what_its_platform_takes(block: recipes.Block, tools: Path, tmp_path: Path) -> None:
    file = tmp_path / Path(block.file).name
    file.write_text(block.text)
    [schema] = [schema for place, schema in SCHEMAS.items() if block.file.startswith(place)]
    assert passed(finished([str(tools / "check-jsonschema"), "--builtin-schema", schema, str(file)]))
    if schema == "vendor.github-workflows":
        assert passed(finished([str(tools / "actionlint"), str(file)]))
        (tmp_path / "policy.yml").write_text(recipes.block(".github/zizmor.yml").text)
        audit = [str(tools / "zizmor"), "--offline", "--no-progress", "--config", str(tmp_path / "policy.yml")]
        assert passed(finished([*audit, str(file)]))
