"""Profiles of an SUT file: what `--profile` puts over the rest, and what is said about a bad one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.messages import Write, golden, message_of
from windtunnel.config.schemas import load_schema
from windtunnel.config.sut import SutFile, load_sut
from windtunnel.model.sut import Service

SUT = """
    name: Shop
    base_url: http://localhost:8080
    headers: { X-Team: cart, X-Stage: local }
    allow_hosts: [payments.test]
    services:
      catalog: { base_url: "http://localhost:8081", timeout: 5s }
    profiles:
      staging:
        base_url: https://staging.test
        headers: { X-Stage: staging }
        allow_hosts: ["*.staging.test"]
        services:
          catalog: { base_url: "https://catalog.staging.test" }
      slow: { services: { catalog: { timeout: 50s } }, headers: { X-Slow: "yes" } }
    """


def default(file: SutFile) -> Service:
    assert file.sut.default is not None
    return file.sut.default


@pytest.fixture
def sut(write: Write) -> Callable[..., SutFile]:
    path = write("sut.yaml", SUT)

    def load(*profiles: str) -> SutFile:
        return load_sut(path, {}, profiles=profiles)

    return load


def test_without_a_profile_nothing_of_them_counts(sut: Any) -> None:
    plain = sut().sut
    assert plain.default.base_url == "http://localhost:8080"
    assert plain.allow_hosts == ("payments.test",)


def test_a_profile_merges_mappings_replaces_values_and_adds_hosts(sut: Any) -> None:
    staging = sut("staging").sut
    assert staging.name == "Shop"
    assert staging.default.base_url == "https://staging.test"
    assert staging.default.headers == {"X-Team": "cart", "X-Stage": "staging"}
    assert staging.services["catalog"].base_url == "https://catalog.staging.test"
    assert staging.services["catalog"].timeout_s == 5
    assert staging.allow_hosts == ("payments.test", "*.staging.test")


def test_several_profiles_go_over_each_other_in_the_order_given(sut: Any) -> None:
    both = sut("staging", "slow").sut
    assert both.services["catalog"].timeout_s == 50
    assert both.default.headers == {"X-Team": "cart", "X-Stage": "staging", "X-Slow": "yes"}


def test_a_profile_that_is_not_there_is_named_with_the_nearest_one(sut: Any) -> None:
    assert message_of(lambda: sut("stagin")) == golden(
        """
        --profile: there is no profile "stagin" in sut.yaml
          help: did you mean "staging"?
        """
    )


def test_a_file_without_profiles_says_so(write: Write) -> None:
    path = write("sut.yaml", "base_url: http://x.test")
    assert message_of(lambda: load_sut(path, {}, profiles=["a"])) == golden(
        """
        --profile: there is no profile "a" in sut.yaml
          help: add `profiles:` to the file
        """
    )


def test_the_base_url_may_stand_in_the_profiles_alone(write: Write) -> None:
    path = write("sut.yaml", "profiles: { a: { base_url: http://a.test }, b: { name: B } }")
    assert default(load_sut(path, {}, profiles=["a"])).base_url == "http://a.test"
    assert message_of(lambda: load_sut(path, {}, profiles=["b"])).startswith(
        'sut.yaml:1:1: an SUT file needs "base_url" or "services"'
    )


def test_a_problem_of_a_profile_stands_where_the_profile_does(write: Write) -> None:
    path = write("sut.yaml", "base_url: http://x.test\nprofiles:\n  a:\n    base_url: ftp://a.test\n")
    assert message_of(lambda: load_sut(path, {}, profiles=["a"])) == golden(
        """
        sut.yaml:4:15: a base URL must begin with http:// or https://
          4 |     base_url: ftp://a.test
            |               ^^^^^^^^^^^^
          help: write a URL such as http://localhost:8080
        """
    )


def test_only_what_is_used_must_be_in_the_environment(write: Write) -> None:
    text = """
        base_url: http://x.test
        profiles:
          a: { headers: { X-Token: "${TOKEN_A}" } }
          b: { headers: { X-Token: "${TOKEN_B}" } }
        """
    path = write("sut.yaml", text)
    assert default(load_sut(path, {})).headers == {}
    assert default(load_sut(path, {"TOKEN_A": "abc"}, profiles=["a"])).headers == {"X-Token": "abc"}
    message = message_of(lambda: load_sut(path, {"TOKEN_A": "abc"}, profiles=["b"]))
    assert message.startswith("sut.yaml:4:28: the environment has no variable TOKEN_B")
    assert "TOKEN_A" not in message


def test_a_profile_can_say_all_that_the_file_can() -> None:
    schema = load_schema("sut")
    profile = schema["$defs"]["profile"]["properties"]
    assert set(profile) == set(schema["properties"]) - {"profiles"}
    part, whole = schema["$defs"]["part_of_a_service"]["properties"], schema["$defs"]["service"]["properties"]
    assert set(part) == set(whole)
