"""Every input and output of action.yml: the same in the host action, in GitLab's template and in the README."""

import re

import yaml

from tests.support import ROOT
from windtunnel.model.verdict import EXIT_CODES

ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
HOST = yaml.safe_load((ROOT / "host/action.yml").read_text())
SPEC, JOB = yaml.safe_load_all((ROOT / "templates/windtunnel.yml").read_text())
TEMPLATE = SPEC["spec"]["inputs"]
README = (ROOT / "README.md").read_text()

# What concerns GitHub's own page, comments and token; a job of GitLab has no such thing.
GITHUB_ONLY = {"summary", "annotations", "comment", "comment-key", "matrix", "github-token"}
GITLAB_ONLY = {"job", "stage", "image", "allow-failure"}


def variable(name: str) -> str:
    return "INPUT_" + name.upper().replace("-", "_")


def test_the_host_action_has_the_same_inputs() -> None:
    assert HOST["inputs"] == ACTION["inputs"]


def test_the_host_action_hands_on_every_input_as_a_variable() -> None:
    [step] = HOST["runs"]["steps"]
    handed = {name: value for name, value in step["env"].items() if name.startswith("INPUT_")}
    assert handed == {variable(name): f"${{{{ inputs.{name} }}}}" for name in ACTION["inputs"]}
    assert "${{" not in step["run"]


def test_the_host_action_has_the_same_outputs() -> None:
    assert list(HOST["outputs"]) == list(ACTION["outputs"])
    for name, output in HOST["outputs"].items():
        assert output["description"] == ACTION["outputs"][name]["description"]
        assert output["value"] == f"${{{{ steps.run.outputs.{name} }}}}"


def test_the_template_has_the_inputs_that_mean_something_there() -> None:
    assert set(TEMPLATE) == set(ACTION["inputs"]) - GITHUB_ONLY | GITLAB_ONLY
    for name in set(TEMPLATE) - GITLAB_ONLY:
        assert TEMPLATE[name]["description"] == ACTION["inputs"][name]["description"]


def test_the_template_hands_on_every_input_as_it_is() -> None:
    variables = JOB["$[[ inputs.job ]]"]["variables"]
    assert variables == {
        variable(name): {"value": f"$[[ inputs.{name} ]]", "expand": False} for name in set(TEMPLATE) - GITLAB_ONLY
    }


def test_the_readme_names_every_input_and_output() -> None:
    tables = dict(re.findall(r"\| (input|output) \| \|\n\|---\|---\|\n((?:\|.*\n)+)", README))
    for kind in ("input", "output"):
        named = re.findall(r"^\| `([a-z0-9-]+)` \|", tables[kind], re.MULTILINE)
        assert named == list(ACTION[f"{kind}s"]), kind


def test_the_template_makes_a_warning_of_an_inconclusive_run_alone() -> None:
    assert JOB["$[[ inputs.job ]]"]["allow_failure"] == {"exit_codes": "$[[ inputs.allow-failure ]]"}
    assert (TEMPLATE["allow-failure"]["type"], TEMPLATE["allow-failure"]["default"]) == ("array", [4])


def test_gitlab_s_page_explains_every_exit_code_of_a_verdict() -> None:
    page = (ROOT / "docs/ci/gitlab.md").read_text()
    told = {int(code) for row in re.findall(r"^\| ([\d, ]+) \|", page, re.MULTILINE) for code in row.split(", ")}
    assert told == set(EXIT_CODES.values()) - {130, 143}
