"""The run directory is made, found again, and holds no secret."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from windtunnel.errors import ConfigError, EvidenceError
from windtunnel.model.manifest import Manifest
from windtunnel.model.scenario import ABSENT, Feeder
from windtunnel.model.source import Mark, Source
from windtunnel.redaction import Redactor
from windtunnel.storage.directory import RunDirectory, new_run_id


def manifest(run_id: str) -> Manifest:
    return Manifest(
        schema_version=1,
        run_id=run_id,
        version="0",
        started=0.0,
        name="",
        sut="shop",
        base_urls=["http://localhost"],
        scenarios=["checkout"],
        load="1 user",
        seed=1,
        plan_hash="h",
        steps=[],
        thresholds=[],
    )


def make(root: Path, run_id: str) -> RunDirectory:
    directory = RunDirectory.create(root, run_id)
    directory.write_manifest(manifest(run_id))
    return directory


def test_a_run_id_sorts_by_time_and_two_of_one_second_differ() -> None:
    assert re.fullmatch(r"20261122T201512Z-[0-9a-f]{6}", new_run_id(1795378512.0))
    assert new_run_id(1795378512.0) != new_run_id(1795378512.0)
    assert new_run_id(1795378512.0) < new_run_id(1795378513.0)


def test_latest_is_the_newest_run(tmp_path: Path) -> None:
    make(tmp_path, "20260101T000000Z-aaaaaa")
    newest = make(tmp_path, "20260102T000000Z-bbbbbb")

    assert RunDirectory.find("latest", tmp_path).run_id == newest.run_id
    assert (tmp_path / "latest").resolve() == newest.path.resolve()


def test_links_that_killed_processes_left_go_at_the_next_run_and_those_of_others_stay(tmp_path: Path) -> None:
    left, present = tmp_path / ".latest-20260101T000000Z-aaaaaa", tmp_path / ".latest-20260101T000000Z-bbbbbb"
    for link in (left, present):
        link.symlink_to("gone")
    (tmp_path / ".latest-notes").write_text("of the user")
    for path in (left, tmp_path / ".latest-notes"):
        os.utime(path, (0, 0), follow_symlinks=False)
    newest = make(tmp_path, "20260102T000000Z-cccccc")

    names = {path.name for path in tmp_path.iterdir()}
    assert names == {".latest-notes", present.name, newest.run_id, "latest"}


def test_latest_is_found_by_id_where_the_link_is_missing_or_dangling(tmp_path: Path) -> None:
    make(tmp_path, "20260101T000000Z-aaaaaa")
    make(tmp_path, "20260102T000000Z-bbbbbb")
    (tmp_path / "latest").unlink()
    (tmp_path / "latest").symlink_to("gone")

    assert RunDirectory.find("latest", tmp_path).run_id == "20260102T000000Z-bbbbbb"


def test_a_run_is_found_by_id_and_by_path(tmp_path: Path) -> None:
    run = make(tmp_path, "20260101T000000Z-aaaaaa")

    assert RunDirectory.find(run.run_id, tmp_path).path == run.path
    assert RunDirectory.find(str(run.path), Path("elsewhere")).run_id == run.run_id


def test_a_mistyped_run_id_gets_the_nearest_one(tmp_path: Path) -> None:
    make(tmp_path, "20260101T000000Z-aaaaaa")

    with pytest.raises(ConfigError, match=r'did you mean "20260101T000000Z-aaaaaa"\?'):
        RunDirectory.find("20260101T000000Z-aaaaab", tmp_path)


def test_no_run_at_all_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="windtunnel demo"):
        RunDirectory.find("latest", tmp_path / "nothing")


def test_two_runs_never_share_a_directory(tmp_path: Path) -> None:
    make(tmp_path, "20260101T000000Z-aaaaaa")

    with pytest.raises(ConfigError, match="can't write the output folder"):
        RunDirectory.create(tmp_path, "20260101T000000Z-aaaaaa")


def test_an_output_folder_that_is_a_file_is_refused_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")

    with pytest.raises(ConfigError, match="choose another with --output"):
        RunDirectory.create(tmp_path / "runs", "x")


def test_the_manifest_comes_back_equal_and_a_damaged_one_is_said_so(tmp_path: Path) -> None:
    run = make(tmp_path, "20260101T000000Z-aaaaaa")

    assert run.manifest() == manifest(run.run_id)

    (run.path / "manifest.json").write_text("{")
    with pytest.raises(EvidenceError, match=r"manifest\.json"):
        run.manifest()


def test_the_kept_plan_hides_secrets_by_value_and_by_key_and_stays_inside_the_run(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path, "run", Redactor(secrets=["hunter2hunter2"]))
    source = Source(
        file="../up/sut.yaml",
        lines=("headers:", "  Authorization: Bearer abc", "name: hunter2hunter2 shop"),
        marks={("headers", "Authorization"): Mark(line=2, column=18, width=10)},
    )

    run.write_sources([source])

    kept = (run.path / "plan" / "sut.yaml").read_text()
    assert kept == 'headers:\n  Authorization: "[redacted]"\nname: [redacted] shop\n'


def test_files_of_one_name_from_outside_folders_are_all_kept(tmp_path: Path) -> None:
    run = make(tmp_path, "20260101T000000Z-aaaaaa")
    sources = [Source(file=f"/{folder}/a.yaml", lines=(folder,)) for folder in ("one", "two", "three")]

    run.write_sources(sources)

    assert {path.read_text() for path in (run.path / "plan").iterdir()} == {"one\n", "two\n", "three\n"}


def feeder(file: str, **more: object) -> Feeder:
    given: dict[str, Any] = {
        "columns": ("user", "password"),
        "rows": (("ada", "lovelace"), ("x", ABSENT)),
        "size": 10,
    }
    return Feeder(name="shopper", file=file, identity=file, **{**given, **more})


def test_data_files_are_kept_without_what_is_secret_in_them(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path, "run")
    rows = (("ada", "lovelace"), ("a,b", "x"))
    run.write_data(
        [feeder("data/s.csv", rows=rows), feeder("s.json"), feeder("s.jsonl"), feeder("big.csv", size=2**20 + 1)]
    )
    assert (run.path / "plan" / "data" / "s.csv").read_text() == (
        'user,password\nada,[redacted]\n"a,b",[redacted]\n'
    )
    assert json.loads((run.path / "plan" / "s.json").read_text()) == [
        {"user": "ada", "password": "[redacted]"},
        {"user": "x"},
    ]
    assert (run.path / "plan" / "s.jsonl").read_text().splitlines()[1] == '{"user":"x"}'
    assert not (run.path / "plan" / "big.csv").exists()
