"""What else can happen to the files of a run while it is running: other processes, cleaning jobs, people."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from windtunnel import User, scenario

MEDDLE, MOVED_TO = "MEDDLE", "elsewhere"


def _segment(run: Path) -> Path:
    return max((run / "records").glob("0*.jsonl"))


def _append(run: Path) -> None:
    with _segment(run).open("ab") as file:
        file.write(b'{"type":"health","seq":99,"run_id":"x","t":1}\n')


def _cut(run: Path) -> None:
    os.truncate(_segment(run), _segment(run).stat().st_size - 7)


def _overwrite(run: Path) -> None:
    with _segment(run).open("r+b") as file:
        file.seek(40)
        file.write(b"7")


def _replace_by_a_copy(run: Path) -> None:
    copy = run / "copy"
    shutil.copyfile(_segment(run), copy)
    copy.replace(_segment(run))


def _replace_by_a_link(run: Path) -> None:
    moved = run.parent / "records-elsewhere"
    _segment(run).rename(moved)
    _segment_name = run / "records" / "0000.jsonl"
    (_segment_name if not _segment_name.exists() else run / "records" / "0001.jsonl").symlink_to(moved)


def _empty_manifest(run: Path) -> None:
    (run / "manifest.json").write_bytes(b"")


def _other_threshold(run: Path) -> None:
    manifest = run / "manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"seed": 8', b'"seed": 7'))


def _lose_a_body(run: Path) -> None:
    min((run / "bodies").iterdir()).unlink()


def _remove_the_plan(run: Path) -> None:
    shutil.rmtree(run / "plan")


MEDDLING: dict[str, Callable[[Path], object]] = {
    "the records are removed": lambda run: _segment(run).unlink(),
    "the records are moved": lambda run: _segment(run).rename(run / "records" / "mine.txt"),
    "the records are cut": _cut,
    "the records are emptied": lambda run: os.truncate(_segment(run), 0),
    "something is appended to the records": _append,
    "one byte of the records is changed": _overwrite,
    "the records are replaced by a copy": _replace_by_a_copy,
    "the records are replaced by a link to them": _replace_by_a_link,
    "a record file is added": lambda run: shutil.copyfile(_segment(run), run / "records" / "0009.jsonl"),
    "the folder of the records is moved": lambda run: (run / "records").rename(run / "old"),
    "the folder of the run is moved": lambda run: run.rename(run.parent / MOVED_TO),
    "the folder of the run is removed": shutil.rmtree,
    "the manifest is removed": lambda run: (run / "manifest.json").unlink(),
    "the manifest is emptied": _empty_manifest,
    "the manifest is changed": _other_threshold,
    "a kept body is removed": _lose_a_body,
    "the folder of the bodies is removed": lambda run: shutil.rmtree(run / "bodies"),
    "the plan that ran is removed": _remove_the_plan,
}
"""What happens, in words -> how, given the run directory."""


@scenario("look")
async def look(user: User) -> None:
    """A journey; in its middle the variable `MEDDLE` says what happens to the newest run."""
    response = await user.http.get(None, "/api/products", name="get_products")
    user.check("some_products", len(response.json("$.items")) > 0)
    if user.index == 5 and (what := os.environ.get(MEDDLE)):
        MEDDLING[what]((Path("runs") / "latest").resolve())
