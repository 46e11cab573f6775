"""Which of several jobs that share one load this one is."""

from __future__ import annotations

from collections.abc import Mapping

_VARIABLES = (
    ("CI_NODE_INDEX", "CI_NODE_TOTAL", 1),  # GitLab, with `parallel:` on the job; the total is 1 without
    ("CIRCLE_NODE_INDEX", "CIRCLE_NODE_TOTAL", 0),  # CircleCI, with `parallelism:`
)
"""(variable with the number of the job, variable with how many there are, what the first of them is called)."""


def detected_shard(environment: Mapping[str, str]) -> str | None:
    """`2/4` as the CI system numbers its parallel jobs, `1/1` where there is one; None where nothing says so."""
    for index, total, first in _VARIABLES:
        if of := environment.get(total):
            number = environment.get(index) or str(first)
            return f"{int(number) - first + 1}/{of}" if number.isdecimal() else f"{number}/{of}"
    return None
