"""From a request to a compiled job, and what is said before its load starts. Nothing is sent."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from windtunnel.cli.preview import preview
from windtunnel.config.overrides import overrides_of
from windtunnel.errors import ConfigError
from windtunnel.job.announce import announce, announce_reroutes, announce_waits
from windtunnel.job.compile import CompiledJob, compile_job
from windtunnel.job.manifest import run_manifest
from windtunnel.job.observer import Observer, TextObserver
from windtunnel.job.progress import Status
from windtunnel.job.request import JobRequest, load_test_plan
from windtunnel.job.run import report_progress, run_job
from windtunnel.job.validation import check_plan
from windtunnel.model.manifest import Manifest
from windtunnel.redaction import Redactor
from windtunnel.terminal import TerminalObserver

SCENARIO = """
id: {id}
data: {{ shopper: {{ file: shoppers.csv, {data} }} }}
flow:
  - {{ type: http, name: home, path: "/{{{{ data.shopper.user }}}}" }}
"""


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sut.yaml").write_text("name: shop\nbase_url: https://localhost:1\n")
    (tmp_path / "shoppers.csv").write_text("user\nada\nalan\n")
    data = {
        "fail": "on_end: fail",
        "stop": "on_end: stop",
        "users": "share: user",
        "users-fail": "share: user, on_end: fail",
    }
    for id, each in data.items():
        (tmp_path / f"{id}.yaml").write_text(SCENARIO.format(id=id, data=each))


def announced(request: JobRequest) -> tuple[str, str]:
    """What `announce` writes to standard output and error."""
    compiled = compile_job(load_test_plan(request, {}))
    out, err = io.StringIO(), io.StringIO()
    observer = TerminalObserver(out=out, err=err, color=False, interactive=False)
    announce(compiled, manifest_of(compiled), observer)
    return out.getvalue(), err.getvalue()


def manifest_of(compiled: CompiledJob) -> Manifest:
    return run_manifest(
        compiled.test_plan,
        compiled.plan,
        run_id="r1",
        started=0.0,
        argv=("run",),
        environment={},
        redactor=Redactor(),
    )


def test_the_url_of_the_tracing_is_in_the_manifest_without_secrets(tmp_path: Path) -> None:
    url = "https://tracing.test/trace/{trace_id}?token=geheim-1234"
    (tmp_path / "sut.yaml").write_text(f"name: shop\nbase_url: http://localhost:1\ntracing_url: {url}\n")

    manifest = manifest_of(compile_job(load_test_plan(JobRequest(scenarios=("fail.yaml",)), {})))

    assert manifest.tracing_url.startswith("https://tracing.test/trace/{trace_id}?token=")
    assert "geheim" not in manifest.tracing_url


def test_what_runs_is_said_first() -> None:
    request = JobRequest(
        scenarios=("fail.yaml",), overrides=overrides_of(parallel=2, count=2, seed=7, shard="1/2")
    )
    out, err = announced(request)
    version, load = out.splitlines()
    assert version.endswith(" · run r1 · seed 7")
    assert load.startswith("shop (https://localhost:1) · 1 scenario · ")
    assert load.endswith(" · shard 1/2")
    assert err == ""


@pytest.mark.parametrize(("services", "named"), [(2, "1, 2"), (3, "1, 2, 3"), (5, "1, 2, 3, and 2 more")])
def test_at_most_three_base_urls_are_named(tmp_path: Path, services: int, named: str) -> None:
    lines = "".join(
        f"  s{number}: {{ base_url: http://localhost:{number} }}\n" for number in range(2, services + 1)
    )
    (tmp_path / "sut.yaml").write_text(f"name: shop\nbase_url: http://localhost:1\nservices:\n{lines}")
    out, _ = announced(JobRequest(scenarios=("fail.yaml",)))
    assert f"shop ({named}) · " in out.replace("http://localhost:", "")


def test_too_few_rows_are_a_warning() -> None:
    request = JobRequest(scenarios=("fail.yaml",), overrides=overrides_of(count=5))
    assert announced(request)[1] == (
        "warning: shoppers.csv has 2 rows for 5 instances: instances without a row are errors\n"
    )


def test_an_open_load_that_reads_no_rows_makes_no_users_of_another_load_uncertain(tmp_path: Path) -> None:
    own = "load: { parallel: 3, duration: 1s }\n"
    (tmp_path / "own.yaml").write_text(SCENARIO.format(id="own", data="share: user") + own)
    (tmp_path / "other.yaml").write_text("id: other\nflow: [{ type: http, name: x, path: / }]\n")
    request = JobRequest(scenarios=("own.yaml", "other.yaml"), overrides=overrides_of(rate=2, count=9))
    assert announced(request)[1] == "shoppers.csv has 2 rows for 3 users: users share rows\n"


@pytest.mark.parametrize(
    ("file", "load", "told"),
    [
        ("users.yaml", {"parallel": 3, "count": 9}, "shoppers.csv has 2 rows for 3 users: users share rows\n"),
        ("users.yaml", {"parallel": 2, "count": 9}, ""),
        ("users.yaml", {"rate": 2, "count": 9}, ""),
        (
            "users-fail.yaml",
            {"rate": 2, "count": 9},
            "warning: shoppers.csv has 2 rows for up to 50 concurrent users: instances without a row are errors\n",
        ),
    ],
)
def test_too_few_rows_for_the_users_are_told(file: str, load: dict[str, Any], told: str) -> None:
    assert announced(JobRequest(scenarios=(file,), overrides=overrides_of(**load)))[1] == told


def test_rows_that_end_the_load_are_a_note() -> None:
    request = JobRequest(scenarios=("stop.yaml",), overrides=overrides_of(count=5))
    assert announced(request)[1] == "the load ends after 2 instances: shoppers.csv has 2 rows\n"


def test_unverified_certificates_are_a_warning() -> None:
    request = JobRequest(scenarios=("fail.yaml",), overrides=overrides_of(insecure=True))
    assert announced(request)[1].startswith("warning: the TLS certificate of ")


def test_a_threshold_on_an_excluded_scenario_is_not_judged() -> None:
    overrides = overrides_of(skip=["stop"], thresholds=["http_req_failed{scenario:stop}: rate < 1%"])
    out, err = announced(JobRequest(scenarios=("fail.yaml", "stop.yaml"), overrides=overrides))
    assert "1 scenario" in out
    assert err == (
        "not judged: http_req_failed{scenario:stop}: rate < 1% (its scenario is excluded by --only or --skip)\n"
    )


def test_waits_and_reroutes_are_notes() -> None:
    out, err = io.StringIO(), io.StringIO()
    observer = TerminalObserver(out=out, err=err, color=False, interactive=False)
    announce_waits(["GET http://localhost:1/health"], observer)
    announce_reroutes({"localhost:1": "172.17.0.1"}, observer)
    assert err.getvalue() == (
        "waiting for GET http://localhost:1/health\n"
        "localhost:1 is reached at 172.17.0.1, the Docker host (--loopback)\n"
    )


class LostTerminal(TextObserver):
    """An observer at a terminal that is closed after the first line of progress."""

    progress_every_s: float | None = 0.0

    def __init__(self) -> None:
        super().__init__(width=100)
        self.shown: list[Status] = []

    def progress(self, status: Status) -> None:
        self.shown.append(status)
        if len(self.shown) > 1:
            raise OSError("the terminal is gone")


def test_progress_that_cannot_be_shown_ends_without_an_error() -> None:
    request = JobRequest(scenarios=("fail.yaml",), overrides=overrides_of(count=2))
    parts = compile_job(load_test_plan(request, {})).parts
    observer = LostTerminal()
    asyncio.run(report_progress(parts.test_plan, parts.aggregate(), observer))
    assert [(status.planned, status.done) for status in observer.shown] == [(2, 0.0), (2, 0.0)]


def _checked(request: JobRequest, observer: Observer) -> None:
    del observer
    check_plan(request, environment={})


def _previewed(request: JobRequest, observer: Observer) -> None:
    preview(request, environment={}, observer=observer, listing=False)


def _run(request: JobRequest, observer: Observer) -> None:
    run_job(request, environment={}, observer=observer)


@pytest.mark.parametrize("command", [_checked, _previewed, _run])
def test_each_command_finds_the_same_problems_and_shows_nothing(
    command: Callable[[JobRequest, Observer], None], tmp_path: Path
) -> None:
    (tmp_path / "wrong.yaml").write_text(
        'id: wrong\nflow:\n  - { type: http, name: home, path: "/{{ nothing }}" }\n'
    )
    observer = TextObserver(width=100)
    with pytest.raises(ConfigError) as raised:
        command(JobRequest(scenarios=("wrong.yaml",)), observer)
    [problem] = raised.value.problems
    assert "nothing" in problem.message
    assert observer.text == ""
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("command", [_checked, _previewed, _run])
def test_each_command_refuses_a_threshold_that_matches_nothing(
    command: Callable[[JobRequest, Observer], None], tmp_path: Path
) -> None:
    overrides = overrides_of(thresholds=["http_req_failed{step:nowhere}: rate < 1%"])
    with pytest.raises(ConfigError, match="nowhere"):
        command(JobRequest(scenarios=("fail.yaml",), overrides=overrides), TextObserver(width=100))
    assert not (tmp_path / "runs").exists()
