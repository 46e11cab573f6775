"""Our own pipeline, run by gitlab-ci-local with its shell executor: template, red job, shards and merge."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import ROOT
from tests.support.checkout import tracked_copy
from tests.support.gitlab import Pipeline, run_pipeline

pytestmark = [pytest.mark.container, pytest.mark.timeout(400)]


@pytest.fixture(scope="module", name="pipeline")
def run_ours(tools: Path, tmp_path_factory: pytest.TempPathFactory, shop_url: str) -> Pipeline:
    for _ in range(4):
        folder = tracked_copy(tmp_path_factory.mktemp("gitlab") / "project")
        pipeline = run_pipeline(tools, folder, {"SHOP_URL": shop_url})
        if not pipeline.lost_race:
            break
    return pipeline


def test_the_pipeline_is_green_since_its_red_job_may_fail(pipeline: Pipeline) -> None:
    assert pipeline.answer.returncode == 0, pipeline.told


def test_the_template_runs_with_its_inputs_and_keeps_the_run(pipeline: Pipeline) -> None:
    summary = pipeline.summary("passes")
    assert (summary["verdict"], summary["run"]["instances"]) == ("pass", 200)
    assert [result["selector"] for result in summary["thresholds"]] == ["instances", "http_req_failed"]


def test_a_failed_threshold_ends_the_job_with_its_own_exit_code(pipeline: Pipeline) -> None:
    summary = pipeline.summary("must-fail", "windtunnel-red")
    assert (summary["verdict"], summary["exit_code"], summary["run"]["instances"]) == ("fail", 99, 20)
    assert "WARN  must-fail" in pipeline.answer.stdout


def test_an_inconclusive_run_is_a_warning(pipeline: Pipeline) -> None:
    summary = pipeline.summary("inconclusive", "windtunnel-inconclusive")
    assert (summary["verdict"], summary["exit_code"]) == ("inconclusive", 4)
    assert "WARN  inconclusive" in pipeline.answer.stdout


@pytest.mark.parametrize(("job", "output"), [("must-fail", "red"), ("inconclusive", "inconclusive")])
def test_a_job_that_fails_keeps_its_reports(pipeline: Pipeline, job: str, output: str) -> None:
    [folder] = pipeline.artifacts(job)
    latest = folder / f"windtunnel-{output}/latest"
    assert all((latest / name).is_file() for name in ("junit.xml", "report.html", "ci/gl-codequality.json"))


def test_every_report_that_the_template_names_is_written(pipeline: Pipeline) -> None:
    [_, body] = yaml.safe_load_all((ROOT / "templates/windtunnel.yml").read_text())
    reports = body["$[[ inputs.job ]]"]["artifacts"]["reports"]
    assert set(reports) == {"junit", "metrics", "load_performance", "codequality", "annotations", "dotenv"}
    [folder] = pipeline.artifacts("passes")
    named = [path for paths in reports.values() for path in (paths if isinstance(paths, list) else [paths])]
    files = [path.replace("$[[ inputs.output-dir ]]", "windtunnel-report") for path in named]
    of_nothing_that_ran = [
        "windtunnel-report/invalid/junit.xml",
        "windtunnel-report/invalid/ci/gl-codequality.json",
    ]
    assert sorted(path for path in files if not (folder / path).is_file()) == sorted(of_nothing_that_ran)


def test_later_jobs_can_read_the_outcome_as_variables(pipeline: Pipeline) -> None:
    [folder] = pipeline.artifacts("passes")
    lines = (folder / "windtunnel-report/latest/ci/windtunnel.env").read_text().splitlines()
    assert {"WINDTUNNEL_VERDICT=pass", "WINDTUNNEL_EXIT_CODE=0", "WINDTUNNEL_INSTANCES=200"} <= set(lines)


def test_two_shards_merged_give_the_totals_of_one_run(pipeline: Pipeline, shop_url: str, tmp_path: Path) -> None:
    parts = [
        json.loads((folder / "windtunnel-report/latest/summary.json").read_text())
        for folder in pipeline.artifacts("shards")
    ]
    assert [part["run"]["instances"] for part in parts] == [51, 50]

    (tmp_path / "shop.yaml").write_text(f"name: The demo shop\nbase_url: {shop_url}\n")
    load = ["--scenarios", str(ROOT / "scenarios"), "--parallel", "4", "--count", "101", "--seed", "7", "--quiet"]
    command = [sys.executable, "-m", "windtunnel", "run", "--sut", "shop.yaml", *load]
    subprocess.run(command, cwd=tmp_path, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    whole = json.loads((tmp_path / "runs/latest/summary.json").read_text())

    merged = pipeline.summary("merge", "merged")
    assert (merged["verdict"], merged["run"]["instances"]) == (whole["verdict"], whole["run"]["instances"])
    assert totals(merged) == totals(whole)


def totals(summary: dict[str, Any]) -> dict[tuple[str, str], tuple[int, int]]:
    """How often every step of every scenario ran and failed."""
    return {(step["scenario"], step["step"]): (step["count"], step["failed"]) for step in summary["steps"]}
