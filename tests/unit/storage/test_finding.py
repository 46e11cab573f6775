"""Runs are found below a folder at any depth, as CI systems lay downloaded artifacts down."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.support import sample_run
from windtunnel.errors import ConfigError
from windtunnel.job.baseline import read_baseline
from windtunnel.report.collect import analyse
from windtunnel.storage.directory import RunDirectory, summary_text
from windtunnel.storage.finding import runs_below
from windtunnel.storage.merging import find_shards, merge_into, merged_manifest

LAYOUTS = {
    "each artifact a folder with the run's folder": "shards/shard-{n}/{run_id}",
    "each artifact the run itself": "shards/shard-{n}",
    "all artifacts in one folder": "shards/{run_id}",
    "deeper, below folders with blanks": "a b/shards/job {n}/work/windtunnel-report/{run_id}",
}


def run_id(number: int) -> str:
    return f"2026010{number}T000000Z-aaaaaa"


def shard(root: Path, number: int, *, of: int = 2, place: str = "{run_id}") -> Path:
    """One of two shards, moved to a place below `root`."""
    made = sample_run.write_run(
        root / "made", run_id=run_id(number), instances=3, shard=f"{number}/{of}", number=number - 1
    )
    target = root / place.format(n=number, run_id=run_id(number))
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(made.path, target)
    shutil.rmtree(root / "made")
    return target


def merged(root: Path, *names: str) -> RunDirectory:
    shards = find_shards(names, root / "runs")
    target = RunDirectory.create(root / "merged", "20260109T000000Z-bbbbbb")
    merge_into(target, shards, merged_manifest(shards, run_id=target.run_id))
    return target


@pytest.mark.parametrize("place", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("named", ["the folder", "what a shell makes of folder/*"])
def test_shards_are_found_wherever_their_artifacts_lie(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, named: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for number in (1, 2):
        shard(tmp_path, number, place=place)
    folder = Path(place).parts[0]
    names = [folder] if named == "the folder" else [str(path) for path in Path(folder).iterdir()]

    summary = analyse(merged(tmp_path, *names)).summary

    assert summary.run.instances == 6
    assert summary.verdict != "incomplete", summary.reasons


def test_the_link_to_the_newest_run_and_a_path_within_a_folder_name_no_run_twice(tmp_path: Path) -> None:
    runs = [shard(tmp_path, number, place="shards/{run_id}") for number in (1, 2)]
    (tmp_path / "shards/latest").symlink_to(runs[1].name)

    names = [str(tmp_path / "shards"), str(tmp_path / "shards/latest"), str(runs[0])]

    assert sorted(found.path for found in find_shards(names, tmp_path)) == runs


def test_a_copy_that_an_upload_made_of_the_link_to_the_newest_run_is_no_second_run(tmp_path: Path) -> None:
    runs = [shard(tmp_path, number, place="shards/shard-{n}/{run_id}") for number in (1, 2)]
    for run in runs:
        shutil.copytree(run, run.parent / "latest")
    assert runs_below(tmp_path) == runs

    shutil.rmtree(runs[1])
    assert runs_below(tmp_path) == [runs[0], tmp_path / "shards/shard-2/latest"], "the only one that is left"
    (tmp_path / "shards/shard-2/latest/manifest.json").write_text("{")
    assert runs_below(tmp_path) == [runs[0], tmp_path / "shards/shard-2/latest"], "damaged, which merge will tell"


def test_a_link_in_a_folder_is_not_followed(tmp_path: Path) -> None:
    shard(tmp_path, 1, place="elsewhere/{run_id}")
    inside = shard(tmp_path, 2, place="shards/{run_id}")
    (tmp_path / "shards/out").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "shards/round").symlink_to(tmp_path / "shards")

    assert runs_below(tmp_path / "shards") == [inside]


def test_files_of_a_run_and_of_other_programs_are_no_runs(tmp_path: Path) -> None:
    run = shard(tmp_path, 1, place="{run_id}")
    (run / "plan/copy/records").mkdir(parents=True)
    shutil.copy(run / "manifest.json", run / "plan/copy")
    (tmp_path / "public").mkdir()
    (tmp_path / "public/manifest.json").write_text('{"name": "a web app"}')

    assert runs_below(tmp_path) == [run]


def test_a_folder_without_a_run_says_what_to_upload(tmp_path: Path) -> None:
    (tmp_path / "shards/shard-1").mkdir(parents=True)
    (tmp_path / "shards/shard-1/report.html").write_text("")

    with pytest.raises(ConfigError, match=r"there is no run in the folder '.*shards'\n.*keep the whole folder"):
        find_shards([str(tmp_path / "shards")], tmp_path)


@pytest.mark.parametrize("name", ["shards/*", "shards/shard-9"])
def test_a_path_where_nothing_is_says_so(tmp_path: Path, name: str) -> None:
    shard(tmp_path, 1, place="{run_id}")
    with pytest.raises(ConfigError, match="there is no run and no folder '") as told:
        find_shards([name], tmp_path)
    assert "name a run or a folder that holds runs" in str(told.value)


def test_copies_of_one_run_are_told_as_such(tmp_path: Path) -> None:
    first = shard(tmp_path, 1, place="shards/shard-1/{run_id}")
    shard(tmp_path, 2, place="shards/shard-2/{run_id}")
    shutil.copytree(first, tmp_path / "shards/again/x")

    with pytest.raises(ConfigError, match=f"are copies of one run, {run_id(1)}\n.*name only .*again/x"):
        merged(tmp_path, str(tmp_path / "shards"))


def test_of_a_shard_that_ran_again_the_older_run_is_named(tmp_path: Path) -> None:
    for number, place in ((1, "shards/new"), (2, "shards/{run_id}")):
        shard(tmp_path, number, place=place)
    older = sample_run.write_run(tmp_path / "shards", run_id="20250101T000000Z-aaaaaa", instances=3, shard="1/2")
    manifest = json.loads((older.path / "manifest.json").read_text())
    manifest["started"] -= 1000
    (older.path / "manifest.json").write_text(json.dumps(manifest))

    with pytest.raises(ConfigError, match=r"are both shard 1/2\n.*20250101T000000Z-aaaaaa is the older one"):
        merged(tmp_path, str(tmp_path / "shards"))


def test_two_shards_whose_ids_are_the_same_by_chance_are_merged(tmp_path: Path) -> None:
    for number in (1, 2):
        made = sample_run.write_run(
            tmp_path / f"job-{number}", run_id=run_id(1), instances=3, shard=f"{number}/2", number=number - 1
        )
        assert made.run_id == run_id(1)

    summary = analyse(merged(tmp_path, *(str(tmp_path / f"job-{number}") for number in (1, 2)))).summary

    assert summary.run.instances == 6
    assert summary.verdict != "incomplete", summary.reasons


def test_a_missing_shard_makes_the_whole_incomplete(tmp_path: Path) -> None:
    for number in (1, 3):
        shard(tmp_path, number, of=3, place="shards/shard-{n}")

    summary = analyse(merged(tmp_path, str(tmp_path / "shards"))).summary

    assert summary.verdict == "incomplete"
    assert any("shard 2/3 is missing" in reason for reason in summary.reasons)


def test_what_an_earlier_merge_left_in_the_folder_is_not_merged_again(tmp_path: Path) -> None:
    shards = [shard(tmp_path, number, place="{run_id}") for number in (1, 2)]
    earlier = merged(tmp_path, *map(str, shards))

    assert [found.path for found in find_shards([str(tmp_path)], tmp_path)] == shards
    with pytest.raises(ConfigError, match="is a whole run, not a shard"):
        merged_manifest(find_shards([str(earlier.path)], tmp_path), run_id="x")


def test_many_whole_runs_in_a_folder_are_told_in_a_few_lines(tmp_path: Path) -> None:
    for number in range(1, 9):
        sample_run.write_run(tmp_path / "runs", run_id=run_id(number), instances=1)

    with pytest.raises(ConfigError, match=r"and 3 more whole runs") as told:
        merged_manifest(find_shards([str(tmp_path / "runs")], tmp_path), run_id="x")
    assert len(told.value.problems) == 6
    assert "name a folder that holds no other runs" in str(told.value)


def test_a_folder_that_can_not_be_searched_to_its_end_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a/b/c").mkdir(parents=True)
    with pytest.raises(ConfigError, match=r"holds more than 3 folders\n.*name one nearer to the runs"):
        runs_below(tmp_path, most_folders=3)
    assert runs_below(tmp_path, most_folders=4) == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads every folder")
def test_a_folder_that_can_not_be_read_is_told_for_a_run_could_lie_there(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0)
    with pytest.raises(ConfigError, match=r"can't read the folder .*closed: Permission denied"):
        runs_below(tmp_path)


def test_a_folder_stands_for_the_newest_run_in_it_where_one_run_is_asked_for(tmp_path: Path) -> None:
    for number, place in ((2, "artifacts/a"), (1, "artifacts/b/{run_id}")):
        run = shard(tmp_path, number, place=place)
        (run / "summary.json").write_bytes(summary_text(analyse(RunDirectory(run)).summary))

    assert RunDirectory.find(str(tmp_path / "artifacts"), Path("runs")).path == tmp_path / "artifacts/a"
    baseline = read_baseline(str(tmp_path / "artifacts"), tmp_path)
    assert baseline is not None
    assert baseline.run_id == run_id(2)
