from __future__ import annotations

from typing import Any

import pytest

from windtunnel.http.errors import Failure
from windtunnel.http.redirects import Follow, carried_headers, decide_redirect
from windtunnel.model.origin import Origin

SHOP = Origin(scheme="http", host="shop.test", port=80)


def decide(
    status: int = 302, *, method: str = "GET", location: str | None = "/next", followed: int = 0
) -> Follow | Failure | None:
    return decide_redirect(
        status=status,
        method=method,
        url="http://shop.test/a/b?c=d",
        locations=[] if location is None else [location.encode()],
        followed=followed,
        is_allowed=lambda origin: origin.host.endswith("shop.test"),
    )


@pytest.mark.parametrize(
    ("status", "method", "next_method", "keeps_body"),
    [
        (301, "GET", "GET", True),
        (301, "POST", "GET", False),
        (302, "POST", "GET", False),
        (302, "PUT", "PUT", True),
        (302, "HEAD", "HEAD", True),
        (303, "POST", "GET", False),
        (303, "PUT", "GET", False),
        (303, "DELETE", "GET", False),
        (303, "HEAD", "HEAD", False),
        (303, "GET", "GET", False),
        (307, "POST", "POST", True),
        (308, "POST", "POST", True),
        (308, "DELETE", "DELETE", True),
    ],
)
def test_the_status_decides_on_method_and_body(
    status: int, method: str, next_method: str, keeps_body: bool
) -> None:
    follow = decide(status, method=method)
    assert isinstance(follow, Follow)
    assert (follow.method, follow.keeps_body) == (next_method, keeps_body)


@pytest.mark.parametrize(
    ("location", "origin", "target", "leaves"),
    [
        ("/next", SHOP, "/next", False),
        ("next?x=1#part", SHOP, "/a/next?x=1", False),
        ("http://shop.test", SHOP, "/", False),
        ("//cdn.shop.test/x", Origin(scheme="http", host="cdn.shop.test", port=80), "/x", True),
        ("https://shop.test/x", Origin(scheme="https", host="shop.test", port=443), "/x", True),
        ("http://shop.test:8080/x", Origin(scheme="http", host="shop.test", port=8080), "/x", True),
    ],
)
def test_a_location_is_read_relative_to_the_request(location: str, origin: Any, target: str, leaves: bool) -> None:
    follow = decide(location=location)
    assert isinstance(follow, Follow)
    assert (follow.origin, follow.target, follow.leaves_origin) == (origin, target, leaves)


@pytest.mark.parametrize("status", [200, 300, 304, 305, 404])
def test_other_answers_are_final(status: int) -> None:
    assert decide(status) is None


def test_a_redirect_without_a_location_is_final() -> None:
    assert decide(location=None) is None


def test_ten_redirects_are_followed_and_not_one_more() -> None:
    assert isinstance(decide(followed=9), Follow)
    assert decide(followed=10) == Failure("too_many_redirects")


def test_a_host_that_is_not_allowed_is_named_without_its_path() -> None:
    assert decide(location="http://evil.test/?token=secret") == Failure(
        "host_not_allowed", "redirected to http://evil.test"
    )


def test_a_location_that_cannot_be_followed_is_a_protocol_error_in_words() -> None:
    assert decide(location="mailto:a@b.test") == Failure(
        "protocol", 'the Location header "mailto:a@b.test" is a mailto: URL; only http and https can be followed'
    )


SENT = (("Host", "shop.test"), ("Accept", "a/b"), ("Authorization", "x"), ("Content-Type", "text/plain"))
DEFAULTS = (("Accept", "*/*"),)


def test_on_the_same_origin_headers_stay_and_those_of_the_body_go_with_it() -> None:
    kept = decide(307)
    dropped = decide(303)
    assert isinstance(kept, Follow)
    assert isinstance(dropped, Follow)
    assert set(carried_headers(SENT, kept, defaults=DEFAULTS)) == set(SENT)
    assert carried_headers(SENT, dropped, defaults=DEFAULTS) == SENT[:3]


def test_nothing_the_user_said_goes_to_another_origin() -> None:
    kept = decide(307, location="https://shop.test/")
    dropped = decide(303, location="https://shop.test/")
    assert isinstance(kept, Follow)
    assert isinstance(dropped, Follow)
    assert carried_headers(SENT, kept, defaults=DEFAULTS) == (*DEFAULTS, SENT[3])
    assert carried_headers(SENT, dropped, defaults=DEFAULTS) == DEFAULTS
