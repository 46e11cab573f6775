"""The workflows of the README, of `docs/ci/` and of the page on security, run as they stand by act.

The checkout of `windtunnel/action` is what a release makes of it: its actions run the image by its digest. What is
not here is replaced: the service by the demo shop, the load by a small one; `npm`, `gh` and `docker compose` have
stand-ins.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import ROOT, recipes
from tests.support.act import Act, Run
from tests.support.checkout import tracked_copy
from tests.support.podman import TAG, Image, finished

pytestmark = [pytest.mark.container, pytest.mark.timeout(600)]

PUBLISHED = "ghcr.io/windtunnel/action"
WORKFLOWS = {block.page: block for block in recipes.blocks("yaml") if block.file.startswith(".github/workflows/")}

PROGRAMS = {
    "npm": "exit 0",
    "gh": """
case "$1 $2" in
  "run list") echo 1 ;;
  "run download") [ "$4 $6" = "--name --dir" ] && mkdir -p "$7" && cp -r "$ACT_ARTIFACTS/$5/." "$7" ;;
esac
""",
    "docker": """
if [ "$1" = compose ]; then exit 0; fi
exec "$(IFS=:; for folder in $PATH; do
  [ "$folder" != "$(dirname "$0")" ] && [ -x "$folder/docker" ] && echo "$folder/docker" && break
done)" "$@"
""",
}

PULL_REQUEST: dict[str, Any] = {"pull_request": {"number": 7, "head": {"ref": "try"}, "base": {"ref": "main"}}}


def of_this_machine(text: str, shop_url: str) -> str:
    """The text of a workflow or plan, with what is here in the place of what is not."""
    text = re.sub(r"^    services:\n(?:      .*\n)+(?=    steps:)", "", text, flags=re.MULTILINE)
    text = re.sub(r"http://(?:shop:8080|localhost:[38]0[08]0)(?:/health)?", shop_url, text)
    text = text.replace("https://staging.example.com", shop_url)
    text = text.replace("${{ secrets.PREVIEW_API_TOKEN }}", "not-a-token")
    text = re.sub(r"(duration: )(?:1h|5m|2m|1m)\b", r"\g<1>3s", text)
    text = re.sub(r"within: 5m", "within: 2s", text)
    text = re.sub(r"rate: (?:2000|20)/s", "rate: 40/s", text)
    text = re.sub(r"parallel: (?:50|100)\b", "parallel: 8", text)
    return re.sub(r"count: (?:500|1000)\b", "count: 60", text)


@pytest.fixture(scope="module", name="released")
def pinned(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository at a release: `.ci/pin-image` has put the digest of the published image into it."""
    folder = tmp_path_factory.mktemp("released") / "action"
    tracked_copy(folder)
    assert image.podman("tag", TAG, f"{PUBLISHED}:latest").returncode == 0
    [told] = json.loads(image.podman("image", "inspect", f"{PUBLISHED}:latest").stdout)
    [reference] = [name for name in told["RepoDigests"] if name.startswith(PUBLISHED)]
    answer = finished([str(folder / ".ci/pin-image"), reference, str(folder)])
    assert answer.returncode == 0, answer.stderr
    return folder


@pytest.fixture(scope="module", name="docker_host")
def spoken_by_podman(image: Image) -> Iterator[str]:
    with image.socket() as docker_host:
        yield docker_host


@pytest.fixture(name="repository")
def of_a_user(tmp_path: Path, image: Image, tools: Path, docker_host: str, released: Path, open_shop: str) -> Act:
    """A repository with the files that the pages take for granted."""
    folder = tmp_path / "checkout"
    (folder / "scenarios").mkdir(parents=True)
    for name in ("browse.yaml", "checkout.yaml", "order.yaml"):
        shutil.copy(ROOT / "scenarios" / name, folder / "scenarios")
    shutil.copytree(ROOT / "scenarios/data", folder / "scenarios/data")
    shutil.copytree(ROOT / "scenarios/parts", folder / "scenarios/parts")
    (folder / "sut.yaml").write_text(f"name: The demo shop\nbase_url: {open_shop}\n")
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, script in PROGRAMS.items():
        (programs / name).write_text(f"#!/bin/sh\n{script}")
        (programs / name).chmod(0o755)
    return Act(
        program=tools / "act",
        image=image,
        docker_host=docker_host,
        folder=folder,
        actions={"windtunnel/action": released},
        programs=programs,
    )


def run(act: Act, page: str, shop: str, **how: Any) -> Run:
    """Run the workflow of a page, in a commit with the other files of that page."""
    for block in recipes.blocks("yaml"):
        if block.page == page and block.file in (WORKFLOWS[page].file, "windtunnel.yaml"):
            file = act.folder / block.file
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(of_this_machine(block.text, shop))
    author = ["-c", "user.name=Tests", "-c", "user.email=tests@example.com"]
    for command in (
        ["init", "--quiet", "--initial-branch", "main"],
        ["add", "--all"],
        [*author, "commit", "--quiet", "--allow-empty", "--message", "All of it"],
    ):
        assert finished(["git", *command], folder=act.folder).returncode == 0
    return act.run(WORKFLOWS[page].file, **how)


def ran_well(ended: Run) -> bool:
    """Nothing failed in any run. That this machine was too busy to be sure of times is no fault of a recipe."""
    told = [json.loads(outputs["json"]) for outputs in ended.outputs if "json" in outputs]
    assert told, ended.log[-6000:] + ended.answer.stderr[-2000:]
    for each in told:
        assert each["verdict"] in {"pass", "inconclusive"}, ended.log[-6000:]
        assert (each["error_rate"], each["thresholds_failed"]) == (0, 0), each
        assert each["instances"] > 0, each
    all_passed = all(each["verdict"] == "pass" for each in told)
    return (ended.answer.returncode == 0) == all_passed


EVENTS: dict[str, tuple[str, Any]] = {
    "README.md": ("pull_request", PULL_REQUEST),
    "docs/security.md": ("pull_request", PULL_REQUEST),
    "docs/ci/service-container.md": ("pull_request", PULL_REQUEST),
    "docs/ci/localhost.md": ("pull_request", PULL_REQUEST),
    "docs/ci/docker-compose.md": ("pull_request", PULL_REQUEST),
    "docs/ci/matrix.md": ("pull_request", PULL_REQUEST),
    "docs/ci/nightly-soak.md": ("workflow_dispatch", {}),
    "docs/ci/shards.md": ("workflow_dispatch", {}),
    "docs/ci/baseline.md": ("push", {}),
    "docs/ci/preview-deployment.md": ("deployment_status", None),
}
KEPT = {
    "README.md": {"windtunnel"},
    "docs/ci/docker-compose.md": {"windtunnel"},
    "docs/ci/matrix.md": {"windtunnel-browse", "windtunnel-checkout", "windtunnel-order"},
    "docs/ci/nightly-soak.md": {"soak"},
    "docs/ci/shards.md": {"shard-1", "shard-2", "shard-3", "shard-4", "windtunnel"},
    "docs/ci/baseline.md": {"windtunnel-baseline"},
}
"""The artifacts that a workflow leaves."""


def test_every_page_with_a_workflow_is_run() -> None:
    assert set(EVENTS) == set(WORKFLOWS)


@pytest.mark.parametrize("page", [page for page in EVENTS if page != "docs/ci/shards.md"])
def test_a_documented_workflow_passes(repository: Act, open_shop: str, page: str) -> None:
    event, payload = EVENTS[page]
    if event == "deployment_status":
        payload = {"deployment": {"sha": "main"}, "deployment_status": {"state": "success"}}
        payload["deployment_status"]["environment_url"] = open_shop

    ended = run(repository, page, open_shop, event=event, payload=payload)

    assert ran_well(ended), ended.log[-6000:] + ended.answer.stderr[-2000:]
    assert {folder.name for folder in ended.artifacts.iterdir()} == KEPT.get(page, set())


def test_the_shards_of_four_jobs_are_merged_into_one_run(repository: Act, open_shop: str) -> None:
    ended = run(repository, "docs/ci/shards.md", open_shop, event="workflow_dispatch")

    merged = json.loads((ended.artifacts / "windtunnel/latest/summary.json").read_text())
    assert merged["run"]["instances"] == 120, ended.log[-6000:]
    # act does not promise to start four jobs at the same time, and the verdict then says so.
    assert merged["verdict"] in {"pass", "inconclusive"}, merged["reasons"]
    assert (ended.answer.returncode == 0) == (merged["verdict"] == "pass")
    assert {folder.name for folder in ended.artifacts.iterdir()} == KEPT["docs/ci/shards.md"]
    assert re.search(r"4 shards|120 of 120 instances", ended.log)


def test_a_pull_request_is_compared_with_the_baseline_that_main_left(repository: Act, open_shop: str) -> None:
    run(repository, "docs/ci/baseline.md", open_shop, event="push")

    ended = run(repository, "docs/ci/baseline.md", open_shop, event="pull_request", payload=PULL_REQUEST)

    # Whether it is slower than a moment ago is not for this test to say; that it was judged is.
    [summary] = ended.summaries
    assert "### Against the baseline" in summary, ended.log[-6000:]
    assert re.search(r"(?:pass|fail) \| `http_req_duration` \| `p\(95\) < baseline \* 1\.3 \(", summary), summary
