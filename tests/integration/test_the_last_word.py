"""A verdict is the last word: whatever happens to the files of a run until it is told, and the only one."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from tests.support.command_line import ENVIRONMENT
from tests.support.meddling import MEDDLE, MEDDLING, MOVED_TO, look
from tests.support.tiers import every, slow_unless
from windtunnel.config.overrides import overrides_of
from windtunnel.demo.process import ShopProcess
from windtunnel.errors import EvidenceError
from windtunnel.job.observer import TextObserver
from windtunnel.job.request import JobRequest
from windtunnel.job.run import JobResult, run_job
from windtunnel.report.collect import analyse
from windtunnel.storage.directory import RunDirectory

Meddle = Callable[[Path], object]


class Onlooker(TextObserver):
    """Sees the phases of a job, and meddles at the beginning of one."""

    def __init__(self, phase: str, meddle: Callable[[], object]) -> None:
        super().__init__(width=100)
        self._phase, self._meddle = phase, meddle

    @contextlib.contextmanager
    def section(self, name: str, title: str) -> Iterator[None]:
        if name == self._phase:
            self._meddle()
        yield


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def newest() -> Path:
    return (Path("runs") / "latest").resolve()


def run(
    shop: ShopProcess, *, workers: int = 1, at: str = "", meddle: Meddle = lambda run: None
) -> tuple[JobResult, str]:
    """A run of ten instances with all bodies kept; the result, and what the terminal shows."""
    Path("sut.yaml").write_text(f"base_url: {shop.base_url}\n")
    Path("plan.yaml").write_text("output: { bodies: all }\n")
    request = JobRequest(
        sut="sut.yaml",
        plan="plan.yaml",
        scenarios=(look,),
        overrides=overrides_of(
            parallel=2, count=10, seed=8, workers=workers, thresholds=("instances: rate == 100%",)
        ),
    )
    observer = Onlooker(at, lambda: meddle(newest()))
    judged: list[str] = []

    def on_judged(result: JobResult) -> Sequence[str]:
        if at == "judged" and not judged:
            meddle(newest())
        judged.append(result.summary.verdict)
        return ()

    result = run_job(request, environment={}, observer=observer, on_judged=on_judged)
    assert judged[-1] == result.summary.verdict
    return result, observer.text


def told(run: Path) -> Mapping[str, str]:
    """The verdict by each file that has one."""
    found = {}
    if (run / "summary.json").exists():
        found["summary.json"] = json.loads((run / "summary.json").read_bytes())["verdict"]
    if (run / "ci/windtunnel.env").exists():
        lines = (run / "ci/windtunnel.env").read_text().splitlines()
        found["windtunnel.env"] = dict(line.split("=", 1) for line in lines)["WINDTUNNEL_VERDICT"]
    for name in ("report.html", "summary.md"):
        if (run / name).exists():
            text = (run / name).read_text()
            found[name] = "incomplete" if "incomplete" in text else "another"
    return found


FILES = ("summary.json", "windtunnel.env", "report.html", "summary.md")


def judged_again(run: Path) -> str:
    try:
        return analyse(RunDirectory(run)).summary.verdict
    except EvidenceError:
        return "incomplete"


@pytest.mark.parametrize("workers", slow_unless(lambda workers: workers == 2, [1, 2]))
def test_a_run_that_is_left_alone_passes(shop: ShopProcess, workers: int) -> None:
    result, text = run(shop, workers=workers)
    assert (result.summary.verdict, result.exit_code) == ("pass", 0), result.summary.reasons
    assert "✓ pass" in text
    assert judged_again(newest()) == "pass"


MOMENTS = ("load", "report", "judged")


@pytest.mark.parametrize("what", every(3, MEDDLING))
@pytest.mark.parametrize("at", slow_unless(lambda at: at == "load", MOMENTS))
def test_what_is_done_to_the_files_of_a_run_makes_it_incomplete_now_and_ever_after(
    shop: ShopProcess, monkeypatch: pytest.MonkeyPatch, what: str, at: str
) -> None:
    if at == "load":
        monkeypatch.setenv(MEDDLE, what)
    result, text = run(shop, at=at, meddle=MEDDLING[what])

    assert (result.summary.verdict, result.exit_code) == ("incomplete", 5), result.summary.reasons
    assert "! incomplete" in text
    assert told(result.directory.path) == dict.fromkeys(FILES, "incomplete")
    if (result.directory.path / "manifest.json").exists():
        assert judged_again(result.directory.path) == "incomplete"
    if at == "load" and Path("runs", MOVED_TO).exists():
        assert judged_again(Path("runs", MOVED_TO)) == "incomplete"


@pytest.mark.parametrize("what", slow_unless(lambda what: what == "the records are cut", MEDDLING))
def test_what_is_done_to_the_files_of_a_worker_makes_the_run_incomplete(
    shop: ShopProcess, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setenv(MEDDLE, what)
    result, _ = run(shop, workers=2)
    assert (result.summary.verdict, result.exit_code) == ("incomplete", 5), result.summary.reasons
    assert told(result.directory.path) == dict.fromkeys(FILES, "incomplete")


def test_what_is_done_is_said(shop: ShopProcess) -> None:
    result, _ = run(shop, at="report", meddle=MEDDLING["the records are cut"])
    [reason] = result.summary.reasons
    assert reason.startswith("records/0000.jsonl was cut to ")


def test_outputs_that_a_workflow_can_not_read_make_the_run_incomplete(shop: ShopProcess) -> None:
    run(shop)
    Path("sut.yaml").write_text(f"base_url: {shop.base_url}\n")
    request = JobRequest(sut="sut.yaml", scenarios=(look,), overrides=overrides_of(count=2))

    result = run_job(
        request,
        environment={},
        observer=TextObserver(width=100),
        on_judged=lambda _: ["can't write /output: it is a directory"],
    )

    assert (result.summary.verdict, result.exit_code) == ("incomplete", 5)
    assert result.summary.reasons == ["can't write /output: it is a directory"]
    assert told(result.directory.path) == dict.fromkeys(FILES, "incomplete")


SMALL_DISK = """
mkdir windtunnel-report && mount -t tmpfs -o size=1m tmpfs windtunnel-report
head -c $(( 1024 * (1024 - {room}) )) /dev/zero > windtunnel-report/filler
{python} -m windtunnel action
code=$?
rm windtunnel-report/filler
cp -r windtunnel-report kept
exit $code
"""


def has_mount_namespaces() -> bool:
    return shutil.which("unshare") is not None and (
        subprocess.run(
            ["unshare", "-Urm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True
        ).returncode
        == 0
    )


@pytest.mark.skipif(not has_mount_namespaces(), reason="no file system can be mounted here")
@pytest.mark.parametrize("room_kib", slow_unless(lambda kib: kib == 40, [16, 28, 40, 52, 64, 76, 88, 1000]))
def test_on_a_disk_with_little_room_left_every_file_and_output_says_the_same(
    shop: ShopProcess, tmp_path: Path, room_kib: int
) -> None:
    (tmp_path / "sut.yaml").write_text(f"base_url: {shop.base_url}\n")
    (tmp_path / "look.yaml").write_text("id: look\nflow: [{ type: http, name: look, path: /api/products }]\n")
    done = subprocess.run(
        ["unshare", "-Urm", "sh", "-c", SMALL_DISK.format(room=room_kib, python=sys.executable)],
        env={
            **ENVIRONMENT,
            "GITHUB_OUTPUT": str(tmp_path / "output"),
            "INPUT_SUT": "sut.yaml",
            "INPUT_SCENARIOS": "look.yaml",
            "INPUT_COUNT": "20",
        },
        capture_output=True,
        text=True,
    )
    assert "Traceback" not in done.stdout + done.stderr
    word = {0: "pass", 5: "incomplete"}[done.returncode]
    if room_kib in {16, 40, 1000}:
        assert word == ("pass" if room_kib == 1000 else "incomplete")
    log = " ".join((done.stdout + done.stderr).split())
    assert ("No space left on device" in log) == (word == "incomplete")
    outputs = (tmp_path / "output").read_text().split("\n")
    assert outputs[1] == word
    for run in (tmp_path / "kept").glob("2*"):
        said = told(run)
        assert set(said.values()) <= {word, *(["another"] if word == "pass" else [])}
        assert not list(run.rglob("*.tmp"))
