"""What is published on an index: the wheel holds what runs, the source distribution all that is developed with."""

from __future__ import annotations

import email
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

import windtunnel
from tests.support import ROOT
from tests.support.checkout import project_files

NAME = f"windtunnel-{windtunnel.__version__}"
INSIDE = {
    "schemas/": "windtunnel/schemas/",
    "scenarios/": "windtunnel/demo/scenarios/",
    "windtunnel/": "windtunnel/",
}
"""Where the folders of the checkout lie in the wheel."""


def build(folder: Path, into: Path, *targets: str) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(into)]
    for target in targets:
        command += ["--target", target]
    run(command, folder)


def run(command: Sequence[str], folder: Path, timeout_s: float = 100) -> str:
    answer = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=timeout_s, stdin=subprocess.DEVNULL
    )
    assert answer.returncode == 0, answer.stdout[-4000:] + answer.stderr[-4000:]
    return answer.stdout


@pytest.fixture(scope="module", name="dist")
def build_both(tmp_path_factory: pytest.TempPathFactory) -> Path:
    dist = tmp_path_factory.mktemp("dist")
    build(ROOT, dist, "sdist", "wheel")
    return dist


@pytest.fixture(scope="module", name="unpacked")
def unpack(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(dist / f"{NAME}.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    return folder / NAME


@pytest.mark.slow
def test_the_source_distribution_holds_every_file_of_the_checkout(unpacked: Path) -> None:
    found = {file.relative_to(unpacked).as_posix() for file in unpacked.rglob("*") if file.is_file()}
    assert found - {"PKG-INFO"} == set(project_files()) - {"PKG-INFO"}
    for name in ("tests/conftest.py", "Makefile", "action.yml", "templates/windtunnel.yml", "requirements.lock"):
        assert (unpacked / name).read_bytes() == (ROOT / name).read_bytes()


@pytest.mark.parametrize("program", [".ci/run", ".ci/start-shop", "tests/container/build-image.sh"])
def test_programs_stay_programs(unpacked: Path, program: str) -> None:
    assert os.access(unpacked / program, os.X_OK)


def test_the_wheel_holds_what_runs_and_nothing_else(dist: Path) -> None:
    expected = {
        name.replace(folder, place, 1)
        for name in project_files()
        for folder, place in INSIDE.items()
        if name.startswith(folder)
    }
    with zipfile.ZipFile(next(dist.glob("*.whl"))) as wheel:
        found = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert found == expected


def test_a_wheel_that_is_built_from_the_source_distribution_is_the_same(
    dist: Path, unpacked: Path, tmp_path: Path
) -> None:
    build(unpacked, tmp_path, "wheel")
    [one], [other] = dist.glob("*.whl"), tmp_path.glob("*.whl")
    assert one.read_bytes() == other.read_bytes()


def test_the_index_links_to_everything_a_reader_looks_for(dist: Path) -> None:
    with zipfile.ZipFile(next(dist.glob("*.whl"))) as wheel:
        told = email.message_from_bytes(wheel.read(f"{NAME}.dist-info/METADATA"))
    links = dict(line.split(", ") for line in told.get_all("Project-URL", []))
    assert set(links) == {"Homepage", "Documentation", "Source", "Issues", "Changelog"}
    for place in links.values():
        repository, _, path = place.partition("/windtunnel/action")
        assert repository == "https://github.com"
        if found := path.partition("/main/")[2]:
            assert (ROOT / found).exists(), place


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_tests_pass_in_an_unpacked_source_distribution(unpacked: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-m", "not slow"]
    told = run([*command, "tests/architecture", "tests/unit/ci", "tests/cli"], unpacked, timeout_s=380)
    assert " passed" in told.splitlines()[-1]


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_make_demo_runs_in_an_unpacked_source_distribution(unpacked: Path) -> None:
    told = run(["make", "demo", f"PYTHON={sys.executable}"], unpacked, timeout_s=380)
    assert "report  runs/" in told
