import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from windtunnel.ci.outputs import OUTPUT_NAMES
from windtunnel.cli.action import action
from windtunnel.config.overrides import overrides_of
from windtunnel.errors import ConfigError, EvidenceError, Location, Problem, UnreachableError
from windtunnel.job.interrupts import Interrupts
from windtunnel.job.observer import Observer
from windtunnel.job.request import JobRequest
from windtunnel.job.run import JobResult, run_job
from windtunnel.model.summary import Summary
from windtunnel.storage.directory import RunDirectory

SUMMARY = msgspec.convert(
    {
        "schema_version": 1, "run_id": "r1", "verdict": "fail", "exit_code": 99, "reasons": ["too slow"],
        "run": {
            "name": "", "sut": "shop", "scenarios": ["browse"], "load": "closed", "seed": 1, "version": "0",
            "started": 0, "duration_s": 1, "instances": 1, "passed": 1, "failed": 0, "errored": 0,
            "interrupted": 0,
        },
        "thresholds": [
            {
                "selector": "http_req_duration", "condition": "p(95) < 1ms", "result": "fail", "measured": "3 ms",
                "limit": "1 ms", "samples": 60, "origin": "flag", "metric": "http_req_duration", "aggregate": "p",
                "percentile": 95, "operator": "<", "unit": "us", "value": 3000, "limit_value": 1000,
            }
        ],
        "metrics": {
            "http_reqs": {"type": "counter", "count": 75},
            "http_req_failed": {"type": "rate", "count": 75, "matches": 3, "rate": 0.04},
            "http_req_duration": {
                "type": "trend", "count": 75, "distribution": {
                    "count": 75, "avg": 2, "min": 1, "med": 2, "p90": 2.5, "p95": 2.875, "p99": 3, "p99.9": 3,
                    "max": 3,
                },
            },
        },
        "steps": [], "errors": [], "turbulence": None,
        "soundness": {
            "finished": True, "intact": True, "lag_p99_ms": 0, "lag_max_ms": 0, "littles_law": None, "dropped": 0,
            "late": 0, "cpu": 0, "findings": [],
        },
    },
    Summary,
)  # fmt: skip


@pytest.fixture(autouse=True)
def _in_the_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


class Runner:
    """GitHub's side: the files it names, and what it saw of the job that was asked for."""

    def __init__(
        self, folder: Path, ending: BaseException | None = None, *, exit_code: int = SUMMARY.exit_code
    ) -> None:
        self.folder, self.ending, self.exit_code = folder, ending, exit_code
        self.output, self.summary = folder / "output", folder / "summary"
        self.out = io.StringIO()
        self.requests: list[JobRequest] = []
        self.folders: list[Path] = []
        self.before_html: dict[str, str] = {}
        self.unsaid: Sequence[str] = ()

    def run(
        self,
        job: Callable[..., JobResult] | None = None,
        *,
        variables: Mapping[str, str] = {},
        **inputs: str,
    ) -> int:
        environment = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_WORKSPACE": str(self.folder),
            "GITHUB_OUTPUT": str(self.output),
            "GITHUB_STEP_SUMMARY": str(self.summary),
        } | {f"INPUT_{name.replace('_', '-').upper()}": value for name, value in inputs.items()}
        environment |= variables
        return action(environment, out=self.out, run=job or self._job)

    def _job(
        self,
        request: JobRequest,
        *,
        environment: dict[str, str],
        observer: Observer,
        interrupts: Interrupts,
        on_judged: Callable[[JobResult], Sequence[str]],
    ) -> JobResult:
        self.requests.append(request)
        self.folders.append(Path.cwd())
        observer.result("the table\n::set-output name=verdict::pass")
        observer.note("##[add-mask]x")
        if self.ending is not None:
            raise self.ending
        directory = RunDirectory.create(self.folder / str(request.overrides.output), "r1")
        directory.write("summary.json", "{}")
        directory.write("summary.md", "# Fail\n")
        result = JobResult(summary=SUMMARY, directory=directory, exit_code=self.exit_code)
        self.unsaid = on_judged(result)
        self.before_html = self.outputs
        directory.write("report.html", "<html>")
        return result

    @property
    def outputs(self) -> dict[str, str]:
        lines = self.output.read_text().split("\n") if self.output.exists() else []
        return {name.partition("<<")[0]: value for name, value in zip(lines[0::3], lines[1::3], strict=False)}


def test_inputs_become_the_job(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    runner.run(
        sut="sut.yaml", scenarios="a\nb", parallel="5", count="50", duration="30s", thresholds="checks: rate > 99%"
    )
    [request] = runner.requests
    assert (request.sut, request.scenarios) == ("sut.yaml", ("a", "b"))
    assert request.overrides == overrides_of(
        sut="sut.yaml",
        scenarios=["a", "b"],
        parallel=5,
        count=50,
        duration="30s",
        thresholds=("checks: rate > 99%",),
        output="windtunnel-report",
    )
    assert request.argv == (
        "run",
        "--parallel=5",
        "--count=50",
        "--duration=30s",
        "--sut=sut.yaml",
        "--thresholds=checks: rate > 99%",
        "--scenarios=a",
        "--scenarios=b",
        "--output-dir=windtunnel-report",
    )


def test_a_judged_run_gives_its_exit_code_outputs_and_summary(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    assert runner.run() == 99
    outputs = runner.outputs
    assert tuple(outputs) == OUTPUT_NAMES
    told = json.loads(outputs.pop("json"))
    assert outputs == {
        "verdict": "fail",
        "exit-code": "99",
        "run-id": "r1",
        "report-dir": "windtunnel-report/r1",
        "report-html": "windtunnel-report/r1/report.html",
        "summary-json": "windtunnel-report/r1/summary.json",
        "summary-md": "windtunnel-report/r1/summary.md",
        "junit": "",
        "thresholds-total": "1",
        "thresholds-failed": "1",
        "instances": "1",
        "requests": "75",
        "error-rate": "0.04",
        "p95-ms": "2.875",
        "resilience": "",
        "time-to-recover-s": "",
    }
    assert (told["verdict"], told["exit_code"], told["error_rate"]) == ("fail", 99, 0.04)
    assert told["thresholds"][0]["measured"] == "3 ms"
    assert told["reasons"] == ["too slow"]
    assert runner.summary.read_text() == "# Fail\n"
    assert runner.out.getvalue().endswith(
        "::error title=Threshold%3A fail::http_req_duration: p(95) < 1ms, measured 3 ms (n = 60)\n"
    )


def test_only_our_own_annotations_command_the_runner(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    runner.run()
    commands = [line for line in runner.out.getvalue().split("\n") if line.lstrip().startswith("::")]
    assert [line.partition(" ")[0] for line in commands] == ["::error"]
    assert "the table" in runner.out.getvalue()
    assert "##[" not in runner.out.getvalue()


PLACE = Location(file="sut.yaml", line=2, column=1)


def test_notes_and_warnings_of_a_run_name_inputs(tmp_path: Path) -> None:
    runner = Runner(tmp_path)

    def job(request: JobRequest, *, observer: Observer, **more: Any) -> JobResult:
        observer.note("exit 0 instead of 99: --fail-on is never")
        observer.warning("not judged: x (excluded by --only or --skip)")
        return runner._job(request, observer=observer, **more)

    runner.run(job)
    assert "exit 0 instead of 99: `fail-on` is never" in runner.out.getvalue()
    assert "warning: not judged: x (excluded by `only` or `skip`)" in runner.out.getvalue()


NOT_GITHUB: list[dict[str, str]] = [
    {"GITHUB_ACTIONS": "", "GITLAB_CI": "true", "CI": "true"},
    {"GITHUB_ACTIONS": "", "CIRCLECI": "true"},
    {"GITHUB_ACTIONS": "false", "JENKINS_URL": "http://ci.invalid"},
    {"GITHUB_ACTIONS": ""},
]


@pytest.mark.parametrize("variables", NOT_GITHUB, ids=["gitlab", "circleci", "jenkins", "laptop"])
@pytest.mark.parametrize(
    "ending", [None, ConfigError.of("no such key", where=PLACE, hint="remove it"), UnreachableError("no answer")]
)
def test_no_log_but_githubs_has_its_commands_and_each_problem_is_said_once(
    tmp_path: Path, variables: dict[str, str], ending: BaseException | None
) -> None:
    runner = Runner(tmp_path, ending)
    runner.summary.mkdir()  # which is a warning
    runner.run(variables=variables, baseline="last-week")  # which is a notice
    log = runner.out.getvalue()
    assert [line for line in log.split("\n") if line.startswith("::")] == []
    assert log.count(f"warning: can't write {runner.summary}") == 1
    assert log.count("no baseline at last-week") == 1
    if ending is not None:
        assert log.count(str(ending)) == 1


def test_on_github_a_problem_is_said_once_too_with_its_place_and_its_help(tmp_path: Path) -> None:
    problems = [Problem(message=f"no such key {n}", where=PLACE, hint=f"remove {n}") for n in range(12)]
    runner = Runner(tmp_path, ConfigError(problems))
    runner.run(annotations="10")
    log = runner.out.getvalue().replace("%0A", "\n")
    assert [log.count(f"sut.yaml:2:1: no such key {n}\n  help: remove {n}\n") for n in range(12)] == [1] * 12


def test_a_help_that_an_annotation_would_cut_is_whole_in_the_log(tmp_path: Path) -> None:
    runner = Runner(tmp_path, ConfigError.of("x\n" * 2_500, hint="remove it"))
    runner.run()
    assert "\n  help: remove it\n" in runner.out.getvalue()


@pytest.mark.parametrize(
    ("ending", "verdict", "exit_code", "remark"),
    [
        (
            ConfigError.of("no such key", where=PLACE, hint="remove it"),
            "invalid",
            2,
            "::error file=sut.yaml,line=2,title=Windtunnel%3A invalid::"
            "sut.yaml:2:1: no such key%0A  help: remove it",
        ),
        (
            UnreachableError("nobody answers"),
            "unreachable",
            3,
            "::error title=Windtunnel%3A unreachable::nobody answers",
        ),
        (EvidenceError("disk full"), "incomplete", 5, "::error title=Windtunnel%3A incomplete::disk full"),
        (ZeroDivisionError(), "error", 1, "::error title=Windtunnel%3A error::bug in windtunnel"),
        (
            KeyboardInterrupt(),
            "interrupted",
            130,
            "::error title=Windtunnel%3A interrupted::the job was cancelled before its load started",
        ),
    ],
)
def test_outputs_are_written_when_there_was_no_run(
    tmp_path: Path, ending: BaseException, verdict: str, exit_code: int, remark: str
) -> None:
    runner = Runner(tmp_path, ending)
    assert runner.run() == exit_code
    outputs = runner.outputs
    assert json.loads(outputs.pop("json"))["verdict"] == verdict
    told = {"verdict": verdict, "exit-code": str(exit_code), "junit": "windtunnel-report/invalid/junit.xml"}
    assert outputs == {**dict.fromkeys(OUTPUT_NAMES[:-1], ""), **told}
    assert f'message="{verdict}"' in (tmp_path / outputs["junit"]).read_text()
    assert runner.summary.read_text().startswith(f"## Windtunnel: {verdict}\n\n```text\n")
    assert remark in runner.out.getvalue()


def test_a_bug_is_shown_with_its_traceback(tmp_path: Path) -> None:
    runner = Runner(tmp_path, ValueError("odd\n::error::forged"))
    runner.run()
    assert "Traceback" in runner.out.getvalue()
    assert "\n::error::forged" not in runner.out.getvalue()


@pytest.mark.parametrize(
    ("name", "text"), [("duration", "soon"), ("thresholds", "http_req_duration p(95)"), ("count", "few")]
)
def test_a_malformed_input_is_invalid_and_named(tmp_path: Path, name: str, text: str) -> None:
    runner = Runner(tmp_path)
    values: dict[str, Any] = {name: text}
    assert runner.run(run_job, **values) == 2
    assert runner.outputs["verdict"] == "invalid"
    assert f'invalid::input "{name}": ' in runner.out.getvalue()


def test_earlier_contents_of_the_runners_files_stay(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    runner.summary.write_text("earlier\n")
    runner.run()
    assert runner.summary.read_text() == "earlier\n# Fail\n"


def test_outputs_that_can_not_be_written_are_told_to_the_job_whose_verdict_they_are(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    runner.output.mkdir()
    runner.run()
    assert runner.unsaid == [f"can't write {runner.output}: Is a directory"]


def test_a_summary_file_that_can_not_be_written_is_said_and_changes_no_verdict(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    runner.summary.mkdir()
    assert runner.run() == 99
    assert f"::warning title=Windtunnel::can't write {runner.summary}: Is a directory" in runner.out.getvalue()
    assert runner.outputs["verdict"] == "fail"


def test_without_the_runners_files_the_verdict_is_still_the_exit_code(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    assert action({}, out=runner.out, run=runner._job) == 99


def test_outputs_and_summary_are_there_before_the_html_and_renewed_after_it(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    runner.run()
    assert runner.before_html["verdict"] == "fail"
    assert runner.before_html["report-html"] == ""
    assert runner.outputs["report-html"] == "windtunnel-report/r1/report.html"
    assert runner.output.read_text().count("verdict<<") == 1
    assert runner.summary.read_text() == "# Fail\n"


def test_the_summary_can_be_left_out(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    assert runner.run(summary="false") == 99
    assert not runner.summary.exists()


def test_annotations_can_be_fewer_or_none(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    runner.run(annotations="0")
    assert "::error" not in runner.out.getvalue()


def test_paths_start_at_the_working_directory_and_outputs_at_the_workspace(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    runner = Runner(tmp_path, ConfigError.of("no such key", where=PLACE))
    runner.run(working_directory="app")
    assert runner.folders == [tmp_path / "app"]
    assert "::error file=app/sut.yaml,line=2," in runner.out.getvalue()
    assert Path.cwd() == tmp_path


def test_a_working_directory_that_is_not_there_is_invalid_and_named(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    assert runner.run(working_directory="gone") == 2
    assert 'invalid::input "working-directory": can\'t change to "gone": No such file' in runner.out.getvalue()


def test_more_flags_come_as_args(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    runner.run(args="--name 'night run'", count="3")
    assert (runner.requests[0].overrides.name, runner.requests[0].overrides.load.count) == ("night run", 3)


@pytest.mark.parametrize("args", ["--no-such-flag", "--help", "--name", "stray"])
def test_args_that_run_does_not_take_are_invalid_and_named(tmp_path: Path, args: str) -> None:
    runner = Runner(tmp_path)
    assert runner.run(args=args) == 2
    assert 'invalid::input "args": ' in runner.out.getvalue()


@pytest.mark.parametrize("flag", ["--list", "--dry-run"])
def test_a_flag_that_sends_nothing_on_the_command_line_starts_no_load_here(tmp_path: Path, flag: str) -> None:
    runner = Runner(tmp_path)
    assert runner.run(args=f"--name nightly {flag}") == 2
    assert runner.requests == []
    assert f'invalid::input "args": {flag} shows what would run' in runner.out.getvalue()
    assert "give `only-validate: true`" in runner.summary.read_text()


def test_files_can_be_checked_and_nothing_sent(tmp_path: Path) -> None:
    (tmp_path / "sut.yaml").write_text("base_url: http://localhost:1\n")
    (tmp_path / "a.yaml").write_text("id: a\nflow:\n  - { type: http, name: home, path: / }\n")
    runner = Runner(tmp_path)
    assert runner.run(only_validate="true", scenarios="a.yaml") == 0
    assert runner.requests == []
    assert runner.outputs["verdict"] == "pass"
    assert runner.summary.read_text().startswith("## Windtunnel: files are valid\n")
    assert "2 files valid, nothing was sent" in runner.summary.read_text()
    assert runner.run(only_validate="true", scenarios="b.yaml") == 2


def test_a_baseline_that_is_not_there_yet_is_a_notice_and_no_error(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    assert runner.run(baseline="last-week/summary.json") == 99
    assert runner.requests[0].overrides.baseline == "none"
    assert "::notice title=Windtunnel::no baseline at last-week/summary.json" in runner.out.getvalue()


def test_a_baseline_that_is_there_is_compared_with(tmp_path: Path) -> None:
    (tmp_path / "summary.json").write_text("{}")
    runner = Runner(tmp_path)
    runner.run(baseline="summary.json")
    assert runner.requests[0].overrides.baseline == "summary.json"
    assert "::notice" not in runner.out.getvalue()


def test_fail_on_never_ends_well_and_still_says_what_the_verdict_is(tmp_path: Path) -> None:
    runner = Runner(tmp_path, exit_code=0)
    assert runner.run(fail_on="never") == 0
    assert runner.requests[0].overrides.fail_on == "never"
    assert (runner.outputs["verdict"], runner.outputs["exit-code"]) == ("fail", "99")


NESTED = b'{"pull_request": ' + b"[" * 200_000


@pytest.mark.parametrize(
    "event", [NESTED, b"", b"\xff\xfe{", b"[]", b'{"pull_request": {"number": 1e999}}', b"1" * 5_000, None]
)
def test_whatever_the_file_of_the_event_holds_the_verdict_stays(tmp_path: Path, event: bytes | None) -> None:
    if event is None:
        (tmp_path / "event").mkdir()
    else:
        (tmp_path / "event").write_bytes(event)
    runner = Runner(tmp_path)
    variables = {"GITHUB_EVENT_PATH": str(tmp_path / "event"), "GITHUB_REPOSITORY": "a/b"}
    assert runner.run(variables=variables, comment="always", github_token="t") == 99
    assert "::notice title=Windtunnel::no comment on the pull request: " in runner.out.getvalue()
    assert "Traceback" not in runner.out.getvalue()


ODD = ["", "x" * 300, "/", "../..", "a\udcffb", "http://[", "9" * 5_000, "\x1b[31m::error::", "/dev/null"]


@pytest.mark.parametrize("value", ODD)
@pytest.mark.parametrize(
    "variable",
    [
        *("GITHUB_API_URL", "GITHUB_GRAPHQL_URL", "GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID"),
        *("GITHUB_WORKSPACE", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_EVENT_PATH", "GITHUB_REF_NAME"),
        *("CI_NODE_TOTAL", "CI_NODE_INDEX", "GITHUB_ACTOR"),
    ],
)
def test_whatever_the_variables_of_ci_hold_the_verdict_stays(tmp_path: Path, variable: str, value: str) -> None:
    event = tmp_path / "event"
    event.write_text('{"pull_request": {"number": 7}}')
    offline = "http://127.0.0.1:9"
    variables = {
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_REPOSITORY": "a/b",
        "GITHUB_RUN_ID": "1",
        "GITHUB_API_URL": offline,
        "GITHUB_GRAPHQL_URL": offline,
        "GITHUB_SERVER_URL": offline,
    }
    runner = Runner(tmp_path)
    code = runner.run(variables={**variables, variable: value}, comment="always", github_token="t", shard="1/1")
    assert code in (99, 2 if variable == "GITHUB_OUTPUT" else 99)
    assert "Traceback" not in runner.out.getvalue()
    assert "bug in windtunnel" not in runner.out.getvalue()


def test_a_fault_in_what_ci_shows_is_a_warning_and_the_verdict_stays(tmp_path: Path) -> None:
    """Here: the folder that the summary of the job is read from became a file that is no text of ours."""

    def job(request: JobRequest, *, on_judged: Callable[[JobResult], None], **_: object) -> JobResult:
        result = JobResult(summary=SUMMARY, directory=Surprising(tmp_path / "r1"), exit_code=99)
        on_judged(result)
        return result

    runner = Runner(tmp_path)
    assert runner.run(job) == 99
    assert "Traceback" not in runner.out.getvalue()


class Surprising(RunDirectory):
    """A run whose `summary.md` is there when it is looked for, and can't be read."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        (path / "summary.md").parent.mkdir()
        (path / "summary.md").symlink_to("/proc/self/mem")


def test_problems_are_in_the_code_quality_report_at_their_lines_or_at_the_pipeline(tmp_path: Path) -> None:
    problems = [
        Problem(message="no such key", where=PLACE, hint="remove it"),
        Problem(message="expected a number", flag="--count"),
        Problem(message="bad", where=Location(file="/etc/x.yaml", line=3, column=1)),
    ]
    runner = Runner(tmp_path, ConfigError(problems))
    gitlab = {"GITHUB_ACTIONS": "", "GITLAB_CI": "true", "CI_CONFIG_PATH": "ci/load.yml"}
    runner.run(variables=gitlab, output_dir="runs", count="5")
    issues = json.loads((tmp_path / "runs" / "invalid" / "ci" / "gl-codequality.json").read_text())
    assert [(each["description"], *each["location"].values()) for each in issues] == [
        ("no such key; remove it", "sut.yaml", {"begin": 2}),
        ('input "count": expected a number', "ci/load.yml", {"begin": 1}),
        ("/etc/x.yaml:3:1: bad", "ci/load.yml", {"begin": 1}),
    ]


def test_no_link_in_place_of_the_folder_of_problems_is_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "windtunnel-report").mkdir()
    (tmp_path / "windtunnel-report" / "invalid").symlink_to(tmp_path / "elsewhere")
    runner = Runner(tmp_path, ConfigError.of("no such key"))
    assert runner.run() == 2
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert runner.outputs["junit"] == ""


OUTSIDE = ["/etc", "..", "../runs", "sub/../../runs", "/github/workspace/runs", "away", "away/deep/runs", "round"]


@pytest.mark.parametrize("folder", OUTSIDE)
@pytest.mark.parametrize("name", ["output_dir", "working_directory"])
def test_a_folder_outside_of_the_workspace_is_refused_before_anything_runs(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, name: str, folder: str
) -> None:
    (tmp_path / "away").symlink_to(tmp_path_factory.mktemp("elsewhere"))
    (tmp_path / "round").symlink_to("round")
    runner = Runner(tmp_path)

    values: dict[str, Any] = {name: folder}
    assert runner.run(None, **values) == 2

    assert runner.requests == []
    assert runner.outputs["verdict"] == "invalid"
    assert (
        f'input "{name.replace("_", "-")}": "{folder}" leads out of the workspace {tmp_path}'
        in runner.out.getvalue()
    )
    assert "help: give a folder relative to the workspace" in runner.out.getvalue()


def test_a_flag_among_the_arguments_leads_out_no_more_than_the_input(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    assert runner.run(args="--output /etc") == 2
    assert runner.requests == []


@pytest.mark.parametrize("folder", ["runs", "./a/../runs", "near/runs", "WORKSPACE/runs", "."])
def test_a_folder_in_the_workspace_is_taken_however_it_is_written(tmp_path: Path, folder: str) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "near").symlink_to("there")
    runner = Runner(tmp_path)
    runner.run(output_dir=folder.replace("WORKSPACE", str(tmp_path)))
    assert len(runner.requests) == 1


def test_a_folder_is_in_the_workspace_also_from_a_working_directory(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    runner = Runner(tmp_path)
    runner.run(working_directory="shop", output_dir="../runs")
    assert len(runner.requests) == 1
    assert runner.run(working_directory="shop", output_dir="../../runs") == 2
