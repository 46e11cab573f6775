"""A browser for the whole session, and the page of a run that failed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import borne, chromium, sample_run
from tests.support.reports import bare
from windtunnel.report import html
from windtunnel.report.collect import analyse, build_report


@pytest.fixture(scope="session")
def browser() -> Iterator[chromium.Browser]:
    """Chromium; without one the tests are skipped, unless WINDTUNNEL_REQUIRE_BROWSER asks for it."""
    if chromium.executable() is None and not os.environ.get("WINDTUNNEL_REQUIRE_BROWSER"):
        pytest.skip("no Chromium here; install it, or see that WINDTUNNEL_REQUIRE_BROWSER is set where it must be")
    with chromium.browser() as started:
        yield started


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`report.html` of a run that failed."""
    return _page_of(tmp_path_factory.mktemp("failing"), finish=True)


@pytest.fixture(scope="session")
def unfinished_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`report.html` of a run whose process was killed."""
    return _page_of(tmp_path_factory.mktemp("unfinished"), finish=False)


@pytest.fixture(scope="session")
def disturbed_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`report.html` of a run whose faults a shop did not bear well, with a fault of each kind."""
    directory = borne.write_run(tmp_path_factory.mktemp("disturbed"))
    analysis = analyse(directory)
    report = build_report(directory, analysis.manifest, analysis.summary, analysis.aggregate)
    return directory.write("report.html", html.render(report))


@pytest.fixture(scope="session")
def judged_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`report.html` of a judgement that has everything in it: levels, groups, proxies, a broken bound."""
    page = tmp_path_factory.mktemp("judged") / "report.html"
    page.write_text(html.render(bare(borne.summary("failed"))))
    return page


def _page_of(root: Path, *, finish: bool) -> Path:
    directory = sample_run.write_run(root, finish=finish)
    analysis = analyse(directory)
    report = build_report(directory, analysis.manifest, analysis.summary, analysis.aggregate)
    return directory.write("report.html", html.render(report))
