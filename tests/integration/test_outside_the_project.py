"""What the files of a checkout may reach: everything in YAML that names a file or a variable is tried."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

import windtunnel
from tests.support.command_line import Answer, call
from tests.support.tiers import every

SUT = "base_url: http://127.0.0.1:9\n"
SCENARIO = "id: shop\nflow:\n  - { type: http, name: home, path: / }\n"
FLOW = "flow:\n  - { type: http, name: home, path: / }\n"
CANARY = "canary-7f3a9c21"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A project that is valid, with files beside it that would be valid in it, too."""
    folder = tmp_path / "checkout"
    for name, text in {"sut.yaml": SUT, "scenarios/a.yaml": SCENARIO}.items():
        write(folder / name, text)
    for name, text in {
        "token": CANARY,
        "rows.csv": f"name\n{CANARY}\n",
        "schema.json": json.dumps({"type": "object", "title": CANARY}),
        "steps.yaml": f"steps:\n  - {{ type: http, name: {CANARY}, path: / }}\n",
        "sut.yaml": f"base_url: http://{CANARY}.test\n",
        "other.yaml": SCENARIO.replace("shop", CANARY),
        "other.py": f"raise RuntimeError('{CANARY}')\n",
        "helper.py": f"raise RuntimeError('{CANARY}')\n",
        "ca.pem": CANARY,
    }.items():
        write(tmp_path / "outside" / name, text)
    return folder


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def step(more: str) -> str:
    return f"id: shop\nflow:\n  - {{ type: http, name: home, path: /, {more} }}\n"


READERS = {
    "include": ("scenarios/a.yaml", "id: shop\nflow:\n  - { type: include, name: i, file: PLACE/steps.yaml }\n"),
    "data": ("scenarios/a.yaml", "id: shop\ndata: { rows: { file: PLACE/rows.csv } }\n" + FLOW),
    "schema": ("scenarios/a.yaml", step("expect: { schema: PLACE/schema.json }")),
    "part of a schema": (
        "scenarios/a.yaml",
        step('expect: { schema: { properties: { a: { $ref: "PLACE/schema.json" } } } }'),
    ),
    "file": ("scenarios/a.yaml", step("file: PLACE/token")),
    "multipart": ("scenarios/a.yaml", step("multipart: { photo: { file: PLACE/token } }")),
    "several parts": ("scenarios/a.yaml", step("multipart: { photo: [{ file: PLACE/token }] }")),
    "secret in a scenario": ("scenarios/a.yaml", step('headers: { A: "${file:PLACE/token}" }')),
    "secret with a default": ("scenarios/a.yaml", step('headers: { A: "${file:PLACE/token:-x}" }')),
    "secret in a SUT": ("sut.yaml", SUT + 'headers: { A: "${file:PLACE/token}" }\n'),
    "ca": ("sut.yaml", "base_url: https://127.0.0.1:9\ntls: { ca: PLACE/ca.pem }\n"),
    "cert": ("sut.yaml", "base_url: https://127.0.0.1:9\ntls: { cert: PLACE/ca.pem }\n"),
    "key": ("sut.yaml", "base_url: https://127.0.0.1:9\ntls: { cert: sut.yaml, key: PLACE/ca.pem }\n"),
    "step in a setup": (
        "scenarios/a.yaml",
        "id: shop\nsetup:\n  - { type: http, name: s, path: /, file: PLACE/token }\n" + FLOW,
    ),
    "SUT of a plan": ("windtunnel.yaml", "sut: PLACE/sut.yaml\n"),
    "scenario of a plan": ("windtunnel.yaml", "scenarios: [PLACE/other.yaml]\n"),
    "scenario with a weight": ("windtunnel.yaml", "scenarios: [{ path: PLACE/other.yaml, weight: 2 }]\n"),
    "folder of a plan": ("windtunnel.yaml", "scenarios: [PLACE]\n"),
    "glob of a plan": ("windtunnel.yaml", 'scenarios: ["PLACE/oth*.yaml"]\n'),
    "python of a plan": ("windtunnel.yaml", "scenarios: [PLACE/other.py]\n"),
    "glob of python": ("windtunnel.yaml", 'scenarios: ["PLACE/*.py"]\n'),
    "secret in a plan": ("windtunnel.yaml", 'name: "${file:PLACE/token}"\n'),
}
"""Everything that names a file: the file that does, and its text. PLACE is the folder with the others."""


def place_of(how: str, file: str, checkout: Path) -> str:
    """How the checkout names the folder beside it: from the folder of a file, absolutely, or by a link."""
    if how == "absolute":
        return str(checkout.parent / "outside")
    if how == "link":
        (checkout / file).parent.joinpath("linked").symlink_to(checkout.parent / "outside")
        return "linked"
    return os.path.relpath(checkout.parent / "outside", (checkout / file).parent)


@pytest.mark.parametrize("how", ["relative", "absolute", "link"])
@pytest.mark.parametrize("reader", every(3, READERS))
def test_a_file_outside_is_refused_where_it_is_named_unless_it_is_allowed(
    checkout: Path, reader: str, how: str
) -> None:
    file, text = READERS[reader]
    write(checkout / file, text.replace("PLACE", place_of(how, file, checkout)))

    answer = call(checkout, "validate")

    told = answer.stdout + answer.stderr
    assert answer.returncode == 2, told
    assert re.search(rf'^{file}:\d+:\d+: "\S+" leads out of the project folder {checkout}$', told, re.MULTILINE)
    assert f"help: to let files of the project read there, add --allow-path {checkout.parent}" in told
    assert CANARY not in told

    allowed = call(checkout, "validate", "--allow-path", "../outside")
    assert "leads out" not in allowed.stdout + allowed.stderr


@pytest.mark.parametrize("reader", ["file", "multipart", "secret in a scenario", "data", "secret in a SUT"])
def test_the_token_that_a_checkout_leaves_in_its_git_folder_is_not_read(checkout: Path, reader: str) -> None:
    file, text = READERS[reader]
    for name, content in {"token": CANARY, "rows.csv": f"name\n{CANARY}\n"}.items():
        write(checkout / ".git" / name, content)
    (checkout / "scenarios/linked").symlink_to(checkout / ".git")
    for place in (
        os.path.relpath(checkout / ".git", (checkout / file).parent),
        str(checkout / "scenarios/linked"),
    ):
        write(checkout / file, text.replace("PLACE", place))
        answer = call(checkout, "validate")
        assert answer.returncode == 2
        assert "is not read: below .git stand tokens of the CI system" in answer.stderr
        assert CANARY not in answer.stdout + answer.stderr
        assert call(checkout, "validate", "--allow-path", ".git").returncode == 0


@pytest.mark.parametrize(
    "socket", ["/var/run/docker.sock", "CHECKOUT/../docker.sock", "CHECKOUT/linked/docker.sock"]
)
def test_a_socket_outside_is_refused_unless_it_is_allowed(checkout: Path, socket: str) -> None:
    (checkout / "linked").symlink_to(checkout.parent / "outside")
    path = socket.replace("CHECKOUT", str(checkout))
    write(checkout / "sut.yaml", f"services: {{ docker: {{ base_url: 'http+unix://{path}' }} }}\n")
    write(checkout / "scenarios/a.yaml", step("service: docker"))
    answer = call(checkout, "validate")
    assert answer.returncode == 2
    assert re.search(r'^sut.yaml:1:33: ".*docker.sock" leads out of the project folder ', answer.stderr)
    assert call(checkout, "validate", "--allow-path", path).returncode == 0


@pytest.mark.parametrize("name", ["sut.yaml", "windtunnel.yaml", "scenarios/b.yaml", "scenarios"])
def test_a_link_in_place_of_a_file_that_everybody_has_is_refused(checkout: Path, name: str) -> None:
    outside = checkout.parent / "outside"
    if name == "scenarios":
        (checkout / "scenarios" / "a.yaml").unlink()
        (checkout / "scenarios").rmdir()
    (checkout / name).unlink(missing_ok=True)
    (checkout / name).symlink_to(outside if name == "scenarios" else outside / "other.yaml")

    answer = call(checkout, "validate")

    told = answer.stdout + answer.stderr
    assert answer.returncode == 2
    assert "leads out of the project folder" in told
    assert CANARY not in told


def test_a_module_beside_a_python_step_that_is_a_link_is_not_executed(checkout: Path) -> None:
    write(checkout / "scenarios/a.yaml", 'id: shop\nflow:\n  - { type: python, name: p, call: "helper:f" }\n')
    (checkout / "scenarios/helper.py").symlink_to(checkout.parent / "outside" / "helper.py")
    told = call(checkout, "validate").stderr
    assert "scenarios/a.yaml:3:" in told
    assert "leads out of the project folder" in told
    assert CANARY not in told


@pytest.mark.parametrize("flag", ["--sut=../outside/sut.yaml", "--env-file=../outside/.env"])
def test_what_the_user_names_on_the_command_line_may_be_anywhere(checkout: Path, flag: str) -> None:
    write(checkout.parent / "outside/.env", "A=1\n")
    answer = call(checkout, "run", "--list", flag)
    assert answer.returncode == 0, answer.stderr


def test_the_files_of_a_plan_that_the_user_names_elsewhere_are_in_its_own_project(checkout: Path) -> None:
    theirs = checkout.parent / "theirs"
    write(theirs / ".git", "")
    write(theirs / "sut.yaml", SUT)
    write(theirs / "data/rows.csv", "name\nx\n")
    write(theirs / "load/scenarios/a.yaml", READERS["data"][1].replace("PLACE", "../../data"))
    write(theirs / "load/plan.yaml", "sut: ../sut.yaml\nscenarios: [scenarios]\n")

    assert call(checkout, "validate", "../theirs/load/plan.yaml").returncode == 0

    write(theirs / "load/plan.yaml", f"sut: {checkout}/sut.yaml\nscenarios: [scenarios]\n")
    answer = call(checkout, "validate", "../theirs/load/plan.yaml")
    assert f"leads out of the project folder {theirs}" in answer.stderr


@pytest.mark.parametrize("reader", sorted(set(READERS) - {"folder of a plan", "glob of a plan", "glob of python"}))
def test_a_pipe_in_place_of_a_file_does_not_hang(checkout: Path, reader: str) -> None:
    file, text = READERS[reader]
    write(checkout / file, text.replace("PLACE", os.path.relpath(checkout / "pipes", (checkout / file).parent)))
    (checkout / "pipes").mkdir()
    for each in (checkout.parent / "outside").iterdir():
        os.mkfifo(checkout / "pipes" / each.name)

    answer = call(checkout, "validate")

    if reader == "secret with a default":
        assert answer.returncode == 0
    else:
        assert answer.returncode == 2
        assert "is a named pipe, not a file" in answer.stderr


@pytest.mark.parametrize(
    "args", [("validate", "p"), ("run", "--plan", "p"), ("run", "--sut", "p"), ("run", "--scenarios", "p")]
)
def test_a_pipe_on_the_command_line_does_not_hang(checkout: Path, args: tuple[str, ...]) -> None:
    os.mkfifo(checkout / "p")
    answer = call(checkout, *args)
    assert answer.returncode == 2
    assert '"p" is a named pipe, not a file' in answer.stderr


# ── tokens of CI systems ─────────────────────────────────────────────────────────────────────────────────────────

TOKENS = [
    "GITHUB_TOKEN", "github_token", "ACTIONS_RUNTIME_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_CACHE_URL",
    "INPUT_GITHUB_TOKEN", "CI_JOB_TOKEN", "CI_JOB_JWT_V2", "CI_REGISTRY_PASSWORD", "CI_DEPLOY_PASSWORD",
    "CI_DEPENDENCY_PROXY_PASSWORD", "CI_BUILD_TOKEN", "CI_REPOSITORY_URL", "CIRCLE_OIDC_TOKEN_V2",
]  # fmt: skip


def validated(checkout: Path, scenario: str, *args: str, **environment: str) -> Answer:
    write(checkout / "scenarios/a.yaml", scenario)
    return call(checkout, "validate", *args, environment=environment)


@pytest.mark.parametrize("name", every(4, TOKENS))
@pytest.mark.parametrize(
    "reference", ["${NAME}", "${NAME:-x}", "{{ env.NAME }}", "{{ env['NAME'] }}", "{{ env.NAME | default('x') }}"]
)
def test_no_file_reads_a_token_of_the_ci_system(checkout: Path, name: str, reference: str) -> None:
    scenario = step(f'headers: {{ A: "{reference.replace("NAME", name)}" }}')

    told = validated(checkout, scenario, **{name: CANARY}).stderr
    assert re.search(r"^scenarios/a.yaml:3:\d+: ", told, re.MULTILINE)
    assert f"{name} is not read: it holds a token of the CI system, not a setting of the test" in told
    assert f"help: give the value under another name, or add --allow-env {name}" in told
    assert CANARY not in told
    assert validated(checkout, scenario).stderr == told  # the same when it is not set, or empty
    assert validated(checkout, scenario, **{name: ""}).stderr == told

    assert validated(checkout, scenario, "--allow-env", name, **{name: CANARY}).returncode == 0


def test_one_token_that_is_allowed_allows_no_other(checkout: Path) -> None:
    scenario = step('headers: { A: "${CI_JOB_TOKEN}", B: "${GITHUB_TOKEN}" }')
    told = validated(
        checkout, scenario, "--allow-env=CI_JOB_TOKEN", CI_JOB_TOKEN=CANARY, GITHUB_TOKEN=CANARY
    ).stderr
    assert "GITHUB_TOKEN is not read" in told
    assert "CI_JOB_TOKEN is not read" not in told


def test_a_token_by_way_of_an_env_file_is_a_token_too(checkout: Path) -> None:
    write(checkout / ".env", f"CI_JOB_TOKEN={CANARY}\nTEXT=${{CI_JOB_TOKEN}}\n")
    told = validated(checkout, step('headers: { A: "${CI_JOB_TOKEN}" }'), "--env-file=.env").stderr
    assert "CI_JOB_TOKEN is not read" in told
    assert validated(checkout, step('headers: { A: "${TEXT}" }'), "--env-file=.env").returncode == 0


def test_a_name_that_a_template_puts_together_finds_no_token(checkout: Path) -> None:
    answer = validated(checkout, step("headers: { A: \"{{ env['GITHUB_' ~ 'TOKEN'] }}\" }"), GITHUB_TOKEN=CANARY)
    assert CANARY not in answer.stdout + answer.stderr


def test_a_text_that_speaks_of_a_token_is_no_template(checkout: Path) -> None:
    scenario = SCENARIO.replace("id: shop\n", "id: shop\ndescription: needs no env.GITHUB_TOKEN\n")
    assert validated(checkout, scenario, GITHUB_TOKEN=CANARY).returncode == 0


def test_a_profile_that_is_not_used_may_name_a_token_and_a_file_outside(checkout: Path) -> None:
    more = 'profiles: { ci: { headers: { A: "${CI_JOB_TOKEN}", B: "${file:/etc/hostname}" } } }\n'
    write(checkout / "sut.yaml", SUT + more)
    assert call(checkout, "validate").returncode == 0
    told = call(checkout, "validate", "--profile", "ci").stderr
    assert "CI_JOB_TOKEN is not read" in told
    assert "leads out of the project folder" in told


@pytest.mark.parametrize("name", ["GITHUB_REPOSITORY", "CI_COMMIT_SHA", "CI_TOKENS", "MY_TOKEN", "SHOP_PASSWORD"])
def test_every_other_variable_is_read(checkout: Path, name: str) -> None:
    assert validated(checkout, step(f'headers: {{ A: "${{{name}}}" }}'), **{name: CANARY}).returncode == 0


# ── GitLab's variables of the type file ──────────────────────────────────────────────────────────────────────────


def test_the_file_of_a_gitlab_variable_is_read_and_what_else_is_there_is_not(checkout: Path) -> None:
    beside = Path(f"{checkout}.tmp")
    write(beside / "ROWS_CSV", "unused")
    write(beside / "SHOP_KEY", CANARY)
    write(beside / "gitlab_runner_env", CANARY)
    environment = {
        "GITLAB_CI": "true", "CI_PROJECT_DIR": str(checkout), "SHOP_KEY": f"{beside}/SHOP_KEY",
        "WRONG": f"{beside}/gitlab_runner_env",
    }  # fmt: skip

    def tried(name: str, **more: str) -> Answer:
        scenario = step(f'headers: {{ A: "${{file:{beside}/{name}}}" }}')
        return validated(checkout, scenario, **{**environment, **more})

    assert tried("SHOP_KEY").returncode == 0
    assert "leads out" in tried("gitlab_runner_env").stderr
    assert "leads out" in tried("SHOP_KEY", GITLAB_CI="").stderr
    assert "leads out" in tried("SHOP_KEY", CI_PROJECT_DIR="/elsewhere").stderr


# ── where a run is written ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("directory", ["../outside/runs", "OUTSIDE", "linked/runs", "scenarios/../../runs"])
def test_a_plan_writes_no_run_outside_of_the_project(checkout: Path, directory: str) -> None:
    outside = checkout.parent / "outside"
    (checkout / "linked").symlink_to(outside)
    write(checkout / "windtunnel.yaml", f"output: {{ directory: {directory.replace('OUTSIDE', str(outside))} }}\n")
    before = sorted(checkout.parent.rglob("*"))

    for command in ("validate", "run"):
        answer = call(checkout, command)
        assert answer.returncode == 2
        assert answer.stderr.startswith("windtunnel.yaml:1:22: the folder of the runs, ")
        assert "help: name it with --output FOLDER" in answer.stderr

    assert sorted(checkout.parent.rglob("*")) == before
    assert call(checkout, "run", "--dry-run", "--output", "../outside/runs").returncode == 0


def test_a_link_in_place_of_the_folder_of_the_runs_is_refused(checkout: Path) -> None:
    (checkout / "runs").symlink_to(checkout.parent / "outside")
    told = call(checkout, "run").stderr
    assert 'the folder of the runs, "runs", leads out of the project' in told


# ── from Python ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_sut_that_a_program_holds_names_files_of_its_project(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(checkout)
    write(checkout / "ca.pem", "no certificate")

    def told(ca: Path, *allowed: str) -> str:
        sut = {"base_url": "https://127.0.0.1:9", "tls": {"ca": str(ca)}}
        with pytest.raises(windtunnel.ConfigError) as caught:
            windtunnel.load(sut=sut, scenarios="scenarios", allow_paths=allowed)
        return str(caught.value)

    assert "holds no certificate" in told(checkout / "ca.pem")
    assert "leads out of the project" in told(checkout.parent / "outside" / "ca.pem")
    assert "holds no certificate" in told(checkout.parent / "outside" / "ca.pem", "../outside")


def test_a_program_allows_a_token_by_its_name(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(checkout)
    write(checkout / "scenarios/a.yaml", step('headers: { A: "${CI_JOB_TOKEN}" }'))
    environment = {"CI_JOB_TOKEN": CANARY}
    with pytest.raises(windtunnel.ConfigError, match="CI_JOB_TOKEN is not read"):
        windtunnel.load(environment=environment)
    assert CANARY in windtunnel.load(environment=environment, allow_env="CI_JOB_TOKEN").secrets


def test_the_tokens_of_a_job_are_secrets_also_when_no_file_reads_them(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(checkout)
    secrets = windtunnel.load(
        environment={
            "GITHUB_TOKEN": "ghs_1234567890",
            "INPUT_GITHUB-TOKEN": "ghs_0987654321",
            "ACTIONS_RUNTIME_URL": "https://pipelines.test/",
            "CI_REPOSITORY_URL": "https://gitlab-ci-token:glcbt-12345678@gitlab.test/a.git",
            "CI_PROJECT_NAME": "projectname",
        }
    ).secrets
    assert secrets == {"ghs_1234567890", "ghs_0987654321", "glcbt-12345678"}


def test_what_no_file_reads_of_the_environment_is_shown_in_a_message(checkout: Path) -> None:
    write(checkout / "plan.yaml", "sut: ../outside/sut.yaml\n")
    for file in ("plan.yaml", "scenarios/a.yaml"):
        write(checkout / "scenarios/a.yaml", step("file: ../../outside/token"))
        told = call(checkout, "validate", file, environment={"SHOWN": str(checkout)}).stderr
        assert f"leads out of the project folder {checkout}" in told


def test_a_link_in_place_of_an_env_file_leads_out_only_where_the_user_says_so(checkout: Path) -> None:
    write(checkout.parent / "outside/.env", "A=1\n")
    (checkout / ".env").symlink_to(checkout.parent / "outside/.env")
    for command in (("validate",), ("run", "--list")):
        told = call(checkout, *command, "--env-file=.env").stderr
        assert f'--env-file: ".env" leads out of the project folder {checkout}' in told
        assert call(checkout, *command, "--env-file=.env", "--allow-path=../outside").returncode == 0
