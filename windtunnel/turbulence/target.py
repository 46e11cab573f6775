"""Which requests a fault is for: by scenario, step, service, method and path."""

from __future__ import annotations

import re
from collections.abc import Callable

from windtunnel.interfaces import Request
from windtunnel.model.turbulence import FaultTarget


def glob(pattern: str) -> Callable[[str], bool]:
    """Whether a text matches a pattern, where `*` is any text and `?` one character. "" matches everything."""
    if not pattern:
        return lambda _: True
    parts = [{"*": ".*", "?": "."}.get(each, re.escape(each)) for each in pattern]
    matches = re.compile("".join(parts), re.DOTALL).fullmatch
    return lambda text: matches(text) is not None


def path_of(target: str) -> str:
    """The path of a target or an absolute URL, without the query."""
    if "://" in target[:8]:
        _, slash, rest = target.partition("://")[2].partition("/")
        target = f"{slash or '/'}{rest}"
    return target.partition("?")[0].partition("#")[0]


class Matcher:
    """Tells whether requests are those of a target. The method compares without case, names as they are."""

    def __init__(self, target: FaultTarget) -> None:
        self._target = target
        self._path = glob(target.path)

    def takes_scenario(self, scenario: str) -> bool:
        """Whether requests of a scenario can be meant."""
        return self._target.scenario in ("", scenario)

    def takes(self, request: Request) -> bool:
        """Whether a request is meant, in a scenario that is."""
        target, endpoint = self._target, request.endpoint
        return (
            target.step in ("", request.step)
            and target.service in ("", endpoint.service.name)
            and (not target.method or target.method.upper() == endpoint.method.upper())
            and self.takes_path(request.target)
        )

    def takes_path(self, path: str) -> bool:
        """Whether the path of a target is meant, whatever its query."""
        return not self._target.path or self._path(path_of(path))
