"""The baseline: the run that another one is compared with, as `--baseline` names it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec

from windtunnel.errors import ConfigError
from windtunnel.job.request import JobRequest
from windtunnel.model.summary import Baseline
from windtunnel.project import is_file, is_folder
from windtunnel.storage.directory import RunDirectory

NONE = "none"
"""The value of `--baseline` for a run without one."""

FLAG = "--baseline"

_TYPES = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "null": "nothing",
    "array": "a list",
    "object": "a mapping",
}

_HINT = "name a run, a folder of runs or a summary.json"


def read_baseline(text: str | None, root: Path, *, flag: str = FLAG) -> Baseline | None:
    """The baseline for a run id, a path or `latest`; None for None and `none`.

    A folder of runs, such as a downloaded artifact, means the newest run in it. Raises ConfigError when the run
    does not exist, or its file is not a summary. `flag` is the flag that names it; empty for an argument.
    """
    if text is None or text == NONE:
        return None
    hint = f"{_HINT}; without a baseline, use --baseline none" if flag else _HINT
    file = _summary_file(text, root, flag=flag, hint=hint)
    try:
        return msgspec.json.decode(file.read_bytes(), type=Baseline)
    except OSError as error:
        raise ConfigError.of(f"can't read {file}: {error.strerror}", hint=hint, flag=flag) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message = f"{file} is not the summary of a run: {_in_words(error)}"
        raise ConfigError.of(message, hint=hint, flag=flag) from None


def _in_words(error: Exception) -> str:
    """What a decoder says, without Python's names of types: `Expected text, got a number - at `$.run.name`."""
    said = str(error)
    for name, words in _TYPES.items():
        said = said.replace(f"`{name}`", words)
    return said


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
