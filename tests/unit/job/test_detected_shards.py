"""Which shard a job is, as its CI system says."""

from __future__ import annotations

import pytest

from windtunnel.job.ci_environment import detected_shard


@pytest.mark.parametrize(
    ("environment", "shard"),
    [
        ({"CI_NODE_INDEX": "1", "CI_NODE_TOTAL": "4"}, "1/4"),
        ({"CI_NODE_INDEX": "4", "CI_NODE_TOTAL": "4"}, "4/4"),
        ({"CI_NODE_TOTAL": "1"}, "1/1"),
        ({"CIRCLE_NODE_INDEX": "0", "CIRCLE_NODE_TOTAL": "4"}, "1/4"),
        ({"CIRCLE_NODE_INDEX": "3", "CIRCLE_NODE_TOTAL": "4"}, "4/4"),
        ({"CI_NODE_INDEX": "x", "CI_NODE_TOTAL": "4"}, "x/4"),
        ({"GITHUB_ACTIONS": "true"}, None),
        ({}, None),
    ],
)
def test_gitlab_counts_its_parallel_jobs_from_1_and_circleci_from_0(
    environment: dict[str, str], shard: str | None
) -> None:
    assert detected_shard(environment) == shard
