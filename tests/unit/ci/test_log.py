import pytest

from windtunnel.ci.log import GitHubLog, GitLabLog, PlainLog
from windtunnel.terminal import log_form


@pytest.mark.parametrize(
    ("environment", "form"),
    [
        ({"GITHUB_ACTIONS": "true"}, GitHubLog),
        ({"GITLAB_CI": "true"}, GitLabLog),
        ({"GITHUB_ACTIONS": ""}, PlainLog),
        ({}, PlainLog),
    ],
)
def test_the_form_is_that_of_the_platform(environment: dict[str, str], form: type) -> None:
    assert type(log_form(environment)) is form


def test_github_has_groups() -> None:
    assert GitHubLog().opening("run", "Run") == "::group::Run"
    assert GitHubLog().closing("run") == "::endgroup::"


def test_gitlab_has_sections_with_their_times() -> None:
    log = GitLabLog(clock=lambda: 1_700_000_000.4)
    assert log.opening("run", "Run") == "\x1b[0Ksection_start:1700000000:windtunnel_run\r\x1b[0KRun"
    assert log.closing("run") == "\x1b[0Ksection_end:1700000000:windtunnel_run\r\x1b[0K"


def test_a_terminal_folds_nothing() -> None:
    assert PlainLog().opening("run", "Run") == PlainLog().closing("run") == ""


def test_what_is_for_looking_closer_is_one_line_that_commands_nothing() -> None:
    hostile = "100%\n::error::x\x1b[2J"
    assert GitHubLog().debug(hostile) == "::debug::100%25 ::error::x"
    assert PlainLog().debug(hostile) == GitLabLog().debug(hostile) == "debug: 100% ::error::x"
