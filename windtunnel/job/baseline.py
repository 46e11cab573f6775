"""The baseline: the run that another one is compared with, as `--baseline` names it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from windtunnel.errors import ConfigError, EvidenceError
from windtunnel.job.request import JobRequest
from windtunnel.model.summary import SCHEMA_VERSION, Baseline
from windtunnel.project import is_file, is_folder
from windtunnel.storage.directory import RunDirectory
from windtunnel.storage.files import read_json

NONE = "none"
"""The value of `--baseline` for a run without one."""

FLAG = "--baseline"

_HINT = "name a run, a folder of runs or a summary.json"


def read_baseline(text: str | None, root: Path, *, flag: str = FLAG) -> Baseline | None:
    """The baseline for a run id, a path or `latest`; None for None and `none`.

    A folder of runs, such as a downloaded artifact, means the newest run in it. Raises ConfigError when the run
    does not exist, or its file is not a summary. `flag` is the flag that names it; empty for an argument.
    """
    if text is None or text == NONE:
        return None
    hint = f"{_HINT}; without a baseline, use --baseline none" if flag else _HINT
    try:
        file = _summary_file(text, root, flag=flag, hint=hint)
        return read_json(file, Baseline, what="summary", version=SCHEMA_VERSION, links=True)
    except EvidenceError as error:
        raise ConfigError.of(str(error), hint=error.hint or hint, flag=flag) from None
    except (OSError, ValueError) as error:
        # A name that can be no path, such as one that is too long.
        said = error.strerror if isinstance(error, OSError) else error
        raise ConfigError.of(f"can't read {text[:80]!r}: {said}", hint=hint, flag=flag) from None


def without_missing(request: JobRequest) -> JobRequest:
    """The request, with `--baseline none` for a path where nothing is, as on the first run of a project."""
    named = request.overrides.baseline
    if named is None or named == NONE or not is_absent(named):
        return request
    return replace(request, overrides=replace(request.overrides, baseline=NONE))


def is_absent(text: str) -> bool:
    """Whether a path does not exist or is an empty folder, as for an artifact that was never made."""
    path = Path(text)
    return not is_file(path) and not (is_folder(path) and any(path.iterdir()))


def _summary_file(text: str, root: Path, *, flag: str, hint: str) -> Path:
    path = Path(text)
    if is_file(path):
        return path
    if any(is_file(path / name) for name in ("summary.json", "manifest.json")):
        return path / "summary.json"
    try:
        named, folder = ("latest", path) if is_folder(path) else (text, root)
        run = RunDirectory.find(named, folder, hint=hint)
    except ConfigError as error:
        raise ConfigError(replace(problem, flag=flag) for problem in error.problems) from None
    return run.path / "summary.json"
