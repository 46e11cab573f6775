"""The one place that opens the files which the files of a test name.

The project is the working directory. For a file that the user names from outside of it, it is the nearest folder
above that file with `windtunnel.yaml`, `sut.yaml` or `.git`, else the file's own folder. Links are followed first:
what counts is where a path really leads. Outside of the project only `/run/secrets`, `/var/run/secrets` and what
`--allow-path` names may be read.

Only regular files are read, and opening one never waits: a named pipe without a writer, a terminal or `/dev/zero`
would keep a job for ever.

It also says which variables no file reads: a CI system hands a job its tokens in them, and the files may come from
the author of a pull request. `--allow-env NAME` is the user's word. Capitals make no difference, since they make
none in an environment on Windows.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from windtunnel.errors import ConfigError, ExpressionError, RefusedError, did_you_mean
from windtunnel.figures import as_written, size

PATH_FLAG = "--allow-path"
MARKERS = ("windtunnel.yaml", "sut.yaml", ".git")
SECRET_FOLDERS = ("/run/secrets", "/var/run/secrets")
"""Where Docker, Podman and Kubernetes mount secrets for a container to read."""

_OF_THE_SYSTEM = ("/proc", "/sys", "/dev")
"""Folders that no project contains, not even one at `/`: the environment of every process is a file there."""

AT_FOLDER = "the path starts at this file's folder"
_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
_PIPE_CHUNK = 64 * 1024

Name = str | os.PathLike[str]


class TooLargeError(ExpressionError):
    """A file that is larger than what reads it takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """What the files of a test may read.

    `folder` is the real path of the project, empty for the working directory. `paths` are the real paths of what
    else may be read, each with all that is below it. `variables` are the variables with tokens of a CI system that
    may be read, in capitals.
    """

    folder: str = ""
    paths: tuple[str, ...] = ()
    variables: frozenset[str] = frozenset()

    @classmethod
    def allowing(cls, paths: Iterable[Name], variables: Iterable[str] = ()) -> Project:
        """The project in the working directory, with what may be read besides.

        Raises ConfigError for a path that can't be one.
        """
        return cls(
            paths=tuple(map(_allowed, paths)),
            variables=frozenset(name.upper() for name in variables),
        )

    def around(self, named: Name, *, fallback: Name | None = None) -> Project:
        """The project of a file that the user named. `fallback` replaces the file's own folder."""
        written, here = os.path.abspath(named), _working_directory()
        try:
            real = os.path.realpath(named)
        except (OSError, ValueError):
            return self  # no file can have such a name
        if here and any(
            _is_below(path, here) for path in (written, os.path.realpath(os.path.dirname(written)), real)
        ):
            return replace(self, folder=here)
        above = Path(written).parents
        found = next((each for each in above if any(os.path.lexists(each / marker) for marker in MARKERS)), None)
        return replace(self, folder=os.path.realpath(found or fallback or os.path.dirname(written)))

    def holds(self, path: Name) -> bool:
        """Whether a path leads into the folder of the project itself."""
        try:
            return _may_read(os.path.realpath(path), self.folder or _working_directory())
        except (OSError, ValueError):
            return False

    def contain(self, path: Name) -> str:
        """The real path of something in the project; it need not exist. Raises RefusedError."""
        try:
            real = os.path.realpath(path)
        except (OSError, ValueError) as error:
            raise _unreadable(path, error) from None
        folder = self.folder or _working_directory()
        if any(_may_read(real, each) for each in (*self.paths, *map(os.path.realpath, SECRET_FOLDERS))):
            return real
        if not _may_read(real, folder):
            parent = os.path.dirname(real)
            named = real if parent == "/" else parent
            raise RefusedError(
                f'"{path}" leads out of the project folder {folder}',
                hint=f"to let files of the project read there, add {PATH_FLAG} {named}",
            )
        if ".git" in real[len(folder) :].lower().split(os.sep):
            # actions/checkout leaves the token of the job in .git/config, GitLab's runner in the URL there.
            raise RefusedError(
                f'"{path}" is not read: below .git stand tokens of the CI system',
                hint=f"to let files of the project read it, add {PATH_FLAG} {real}",
            )
        return real

    def require(self, path: Path) -> Path:
        """The path, of a file that can be opened later.

        Raises ExpressionError for what is outside of the project, absent, or no regular file.
        """
        self.contain(path)
        try:
            _require_regular(path, os.stat(path))
        except (OSError, ValueError) as error:
            raise _unreadable(path, error, AT_FOLDER) from None
        return path

    def read(self, path: Name, *, most: int, absent: str | None = AT_FOLDER) -> bytes:
        """The content of a file of the project. Raises ExpressionError, also for one of more than `most` bytes.

        `absent` is the hint for a file that is not there, if none has a similar name.
        """
        self.contain(path)
        with open_regular(path, absent=absent) as file:
            try:
                content = file.read(most + 1)
            except OSError as error:
                raise _unreadable(path, error) from None
        if len(content) > most:
            raise TooLargeError(f'"{path}" is larger than {size(most)}')
        return content


def open_regular(path: Name, *, absent: str | None = None) -> BinaryIO:
    """Open a file without waiting. Raises ExpressionError for anything but a regular file that can be read."""
    try:
        # Asked before it is opened: opening some devices does something.
        _require_regular(path, os.stat(path))
        descriptor = os.open(path, os.O_RDONLY | _NEVER_WAITS)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error, absent) from None
    try:
        _require_regular(path, os.fstat(descriptor))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def is_file(path: Name) -> bool:
    """Whether a path leads to a file: unlike `Path.is_file` also for a name that is too long or unreadable."""
    return os.path.isfile(path)


def is_there(path: Name) -> bool:
    """Whether a path leads to anything."""
    return os.path.exists(path)


def is_folder(path: Name) -> bool:
    """Whether a path leads to a folder."""
    return os.path.isdir(path)


def read_named(path: Name, *, most: int, patience_s: float, project: Project = Project()) -> bytes:
    """The content of a file that the user named, which may be a pipe, as in `<(…)`, that ends within `patience_s`.

    Raises ExpressionError. A link in the project that leads out of it is not what the user named.
    """
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        mode = stat.S_IFREG
    if stat.S_ISFIFO(mode):
        return _read_pipe(path, most=most, patience_s=patience_s)
    given_open = os.path.abspath(path).startswith(("/dev/", "/proc/"))  # by a shell: /dev/fd/63, /dev/stdin
    project = Project(paths=(os.path.realpath(path),)) if given_open else project.around(path)
    return project.read(path, most=most, absent=None)


def similar_name(path: Name) -> str | None:
    """A suggestion for a path that doesn't exist: a similar name in the same directory."""
    directory, stem = Path(path).parent, Path(path).stem
    try:
        names = sorted(entry.name for entry in directory.iterdir())
    except (OSError, ValueError):
        return f'there is no directory "{directory}" either'
    # By the stem: that two names end in .yaml doesn't make them similar.
    return did_you_mean(Path(path).name, [name for name in names if did_you_mean(stem, [Path(name).stem])])


def _read_pipe(path: Name, *, most: int, patience_s: float) -> bytes:
    import selectors  # for the one flag that may name a pipe

    end, content = time.monotonic() + patience_s, b""
    try:
        descriptor = os.open(path, os.O_RDONLY | _NEVER_WAITS)
    except OSError as error:
        raise _unreadable(path, error) from None
    with os.fdopen(descriptor, "rb", buffering=0) as pipe, selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while len(content) <= most:
            if not selector.select(max(0.0, end - time.monotonic())):
                raise ExpressionError(
                    f'the pipe "{path}" did not end within {as_written(patience_s)}',
                    hint="close what writes into it, or write the lines into a file",
                )
            piece = pipe.read(_PIPE_CHUNK)
            if piece == b"":
                return content
            content += piece or b""
    raise TooLargeError(f'"{path}" is larger than {size(most)}')


_NEVER_WAITS = sum(getattr(os, name, 0) for name in ("O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY"))


def _require_regular(path: Name, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        kind = next((kind for is_kind, kind in _KINDS if is_kind(found.st_mode)), "something else")
        raise ExpressionError(f'"{path}" is {kind}, not a file')


def _allowed(path: Name) -> str:
    try:
        return os.path.realpath(path)
    except (OSError, ValueError):
        raise ConfigError.of("no folder can have such a name", flag=PATH_FLAG) from None


def _unreadable(path: Name, error: OSError | ValueError, absent: str | None = None) -> ExpressionError:
    if isinstance(error, FileNotFoundError):
        return ExpressionError(f'there is no file "{path}"', hint=similar_name(path) or absent)
    reason = (error.strerror or str(error)) if isinstance(error, OSError) else "no file can have such a name"
    return ExpressionError(f'"{path}" can\'t be read: {reason}')


def _may_read(real: str, folder: str) -> bool:
    if not _is_below(real, folder):
        return False
    special = next((each for each in _OF_THE_SYSTEM if _is_below(real, each)), None)
    return special is None or _is_below(folder, special)


def _is_below(path: str, folder: str) -> bool:
    path, folder = os.path.normcase(path), os.path.normcase(folder)
    return bool(folder) and (path == folder or path.startswith(folder.rstrip(os.sep) + os.sep))


def _working_directory() -> str:
    """The real path; empty when the directory was removed."""
    try:
        return os.path.realpath(Path.cwd())
    except OSError:
        return ""


# ── variables ────────────────────────────────────────────────────────────────────────────────────────────────────

ENV_FLAG = "--allow-env"

_NAMES = frozenset({"GITHUB_TOKEN", "INPUT_GITHUB_TOKEN", "INPUT_GITHUB-TOKEN", "CI_JOB_TOKEN"})
_BEGINNINGS = ("ACTIONS_", "CI_JOB_JWT", "CIRCLE_OIDC_TOKEN")
_ENDS_IN_GITLAB = ("_PASSWORD", "_TOKEN")
_WITH_USERINFO = "CI_REPOSITORY_URL"
"""https://gitlab-ci-token:TOKEN@…"""

_SECRET = ("TOKEN", "PASSWORD", "JWT")


def is_withheld(name: str, allowed: frozenset[str] = frozenset()) -> bool:
    """Whether files may not read a variable. `allowed` are the names that the user allows, in capitals."""
    name = name.upper()
    return _holds_a_token(name) and name not in allowed


def withheld(name: str) -> RefusedError:
    """What to say about a variable that files may not read, whether it is set or not."""
    return RefusedError(
        f"{name} is not read: it holds a token of the CI system, not a setting of the test",
        hint=f"give the value under another name, or add {ENV_FLAG} {name}",
    )


def without_tokens(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment for a command that a plan names: what its files may not read is not in it."""
    return {name: value for name, value in environment.items() if not is_withheld(name)}


def token_values(environment: Mapping[str, str]) -> frozenset[str]:
    """The tokens themselves, which must never be written, whether a file reads them or not."""
    values = set()
    for name, value in environment.items():
        if not _holds_a_token(name.upper()):
            continue
        if any(word in name.upper() for word in _SECRET):
            values.add(value)
        elif name.upper() == _WITH_USERINFO:
            userinfo = value.partition("://")[2].partition("/")[0].rpartition("@")[0]
            values.add(userinfo.partition(":")[2])
    return frozenset(values - {""})


def _holds_a_token(name: str) -> bool:
    """Whether a name, in capitals, is that of a token."""
    return (
        name in _NAMES
        or name.startswith(_BEGINNINGS)
        or (name.startswith("CI_") and name.endswith(_ENDS_IN_GITLAB))
        or name == _WITH_USERINFO
    )
