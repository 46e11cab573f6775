"""The variables in which CI systems hand a job its tokens: no file reads them unless the user says so.

Whoever opens a pull request writes the files; the tokens belong to the job. `--allow-env NAME` is the user's word.
Capitals make no difference, since they make none in an environment on Windows.
"""

from __future__ import annotations

from collections.abc import Mapping

from windtunnel.errors import RefusedError

FLAG = "--allow-env"

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
        hint=f"give the value under another name, or add {FLAG} {name}",
    )


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
