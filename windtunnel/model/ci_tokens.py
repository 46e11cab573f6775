"""The variables in which CI systems hand a job its tokens: no file reads them unless the user says so.

Whoever opens a pull request writes the files; the tokens belong to the job. `--allow-env NAME` is the user's word.
Capitals make no difference, since they make none in an environment on Windows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from windtunnel.errors import RefusedError

FLAG = "--allow-env"

_TOKENS = re.compile(
    r"""GITHUB_TOKEN | ACTIONS_.* | INPUT_GITHUB[-_]TOKEN
      | CI_JOB_TOKEN | CI_JOB_JWT.* | CI_.*_PASSWORD | CI_.*_TOKEN
      | CI_REPOSITORY_URL       # https://gitlab-ci-token:TOKEN@…
      | CIRCLE_OIDC_TOKEN.*""",
    re.VERBOSE | re.IGNORECASE,
)
_SECRET = re.compile("TOKEN|PASSWORD|JWT", re.IGNORECASE)
_USERINFO = re.compile(r"[a-z+]+://[^:/@\s]*:(?P<password>[^/@\s]+)@", re.IGNORECASE)


def is_withheld(name: str, allowed: frozenset[str] = frozenset()) -> bool:
    """Whether files may not read a variable. `allowed` are the names that the user allows, in capitals."""
    return _TOKENS.fullmatch(name) is not None and name.upper() not in allowed


def withheld(name: str) -> RefusedError:
    """What to say about a variable that files may not read, whether it is set or not."""
    return RefusedError(
        f"{name} is not read: it holds a token of the CI system, not a setting of the test",
        hint=f"give the value under another name, or add {FLAG} {name}",
    )


def token_values(environment: Mapping[str, str]) -> frozenset[str]:
    """The tokens themselves, which must never be written, whether a file reads them or not."""
    found = {name: value for name, value in environment.items() if _TOKENS.fullmatch(name)}
    tokens = {value for name, value in found.items() if _SECRET.search(name)}
    return frozenset(
        tokens | {match["password"] for value in found.values() for match in _USERINFO.finditer(value)}
    )
