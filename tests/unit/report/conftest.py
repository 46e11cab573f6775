"""Reports to render, without a run."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tests.support import sample_run
from windtunnel.report.collect import analyse, build_report
from windtunnel.report.model import Report


@pytest.fixture(scope="session")
def failing_report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The report of a run that failed, from its records."""
    return report_of(tmp_path_factory.mktemp("failing"))


@pytest.fixture(scope="session")
def unfinished_report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The report of a run whose process was killed."""
    return report_of(tmp_path_factory.mktemp("unfinished"), finish=False)


@pytest.fixture(scope="session")
def empty_report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The report of a run that sent nothing."""
    return report_of(tmp_path_factory.mktemp("empty"), instances=0)


def report_of(root: Path, *, instances: int = 300, finish: bool = True) -> Report:
    directory = sample_run.write_run(root, instances=instances, finish=finish)
    analysis = analyse(directory)
    report = build_report(directory, analysis.manifest, analysis.summary, analysis.aggregate)
    return dataclasses.replace(report, directory=f"runs/{directory.run_id}")
