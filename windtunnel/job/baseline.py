"""The run that another one is compared with, as the command line names it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from windtunnel.errors import ConfigError
from windtunnel.model.baseline import Baseline
from windtunnel.storage.directory import RunDirectory

NONE = "none"
"""What is given where there can't be a baseline yet."""

_HINT = "name a run, a folder of runs or a summary.json; where there can't be one yet, say --baseline none"


def read_baseline(text: str | None, root: Path) -> Baseline | None:
    """The baseline that a run id, a path or `latest` means; None when nothing or `none` was said.

    A folder of runs, such as an artifact that was downloaded, stands for the newest in it. Raises ConfigError when
    there is none, or what is there is no summary.
    """
    if text is None or text == NONE:
        return None
    file = _summary_file(text, root)
    try:
        return msgspec.json.decode(file.read_bytes(), type=Baseline)
    except OSError as error:
        raise ConfigError.of(f"can't read {file}: {error.strerror}", hint=_HINT, flag="--baseline") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError.of(
            f"{file} is not the summary of a run: {error}", hint=_HINT, flag="--baseline"
        ) from None


def is_absent(text: str) -> bool:
    """Whether nothing at all is at a path: an artifact that was never made, or a folder with nothing in it."""
    path = Path(text)
    return not path.exists() or (path.is_dir() and not any(path.iterdir()))


def _summary_file(text: str, root: Path) -> Path:
    path = Path(text)
    if path.is_file():
        return path
    if any((path / name).is_file() for name in ("summary.json", "manifest.json")):
        return path / "summary.json"
    try:
        run = RunDirectory.find("latest", path) if path.is_dir() else RunDirectory.find(text, root)
    except ConfigError as error:
        problem = error.problems[0]
        nearest = problem.hint if problem.hint and problem.hint.startswith("did you mean") else _HINT
        raise ConfigError.of(problem.message, hint=nearest, flag="--baseline") from None
    return run.path / "summary.json"
