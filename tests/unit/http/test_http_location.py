"""Location headers as servers send them: what is followed, and what is refused in words."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windtunnel.errors import ExpressionError, visible
from windtunnel.http.endpoint import encode_target
from windtunnel.http.location import Location, resolve_location

URL = "http://shop.test:8080/a/b?c=d"


def follow(*fields: bytes, url: str = URL) -> Location:
    return resolve_location(fields, url)


def refused(*fields: bytes) -> str:
    with pytest.raises(ExpressionError) as raised:
        follow(*fields)
    return str(raised.value)


@pytest.mark.parametrize(
    ("came", "target"),
    [
        (b"/next", "/next"),
        (b"next", "/a/next"),
        (b"?only", "/a/b?only"),
        (b"?", "/a/b?"),
        (b"#part", "/a/b?c=d"),
        (b"/x#part", "/x"),
        (b"/x?#part", "/x?"),
        (b"../up", "/up"),
        (b"../../../up", "/up"),
        (b"./", "/a/"),
        (b"..", "/"),
        (b"/a/./b/../c?d=/../e", "/a/c?d=/../e"),
        (b"http://shop.test:8080/a/../b", "/b"),
        (b"/b//c/", "/b//c/"),
        (b"b;x=1?y;z", "/a/b;x=1?y;z"),
        (b"a:b", None),
        (b"./a:b", "/a/a:b"),
        (b"1:2", "/a/1:2"),
        (b"//shop.test:8080", "/"),
        (b"//shop.test:8080?x", "/?x"),
        (b"HTTP://SHOP.test:8080/X", "/X"),
        (b"/%c3%A9%2F%20", "/%c3%A9%2F%20"),
    ],
)
def test_a_location_is_resolved_as_the_standard_says(came: bytes, target: str | None) -> None:
    if target is None:
        assert "is a a: URL" in refused(came)
    else:
        assert follow(came)[1:] == (target, ())
        assert str(follow(came).origin) == "http://shop.test:8080"


@pytest.mark.parametrize(
    ("came", "target"),
    [
        ("/café?q=東京".encode(), "/caf%C3%A9?q=%E6%9D%B1%E4%BA%AC"),
        (b"/caf\xe9?q=\xff", "/caf%E9?q=%FF"),
        (b"/\xc3\xa9/\xe9", "/%C3%A9/%E9"),
        (b"/my file?q=a b", "/my%20file?q=a%20b"),
        (b"/a\tb", "/a%09b"),
        (b"/a\x01\x7f", "/a%01%7F"),
        (b"/a\\b?c\\d", "/a%5Cb?c%5Cd"),
        (b'/<a>"b"{c}|d^e`', "/%3Ca%3E%22b%22%7Bc%7D%7Cd%5Ee%60"),
        (b"/100%", "/100%25"),
        (b"/e\xcc\x81", "/e%CC%81"),
        (b"/\xc2\x85\xc2\xa0", "/%C2%85%C2%A0"),
    ],
)
def test_what_no_url_can_hold_is_encoded_byte_by_byte_and_noted(came: bytes, target: str) -> None:
    assert follow(came)[1:] == (target, ("location_characters",))


def test_the_same_location_twice_counts_once_and_is_noted() -> None:
    assert follow(b"/one", b"/one", b"/one")[1:] == ("/one", ("location_twice",))


@pytest.mark.parametrize(
    ("came", "origin"),
    [
        (b"//b\xc3\xbccher.test/x", "http://xn--bcher-kva.test"),
        (b"https://B\xfccher.test", "https://xn--bcher-kva.test"),
        (b"//[::1]:90/", "http://[::1]:90"),
        (b"http://shop.test:80/", "http://shop.test"),
        (b"http://shop.test:/", "http://shop.test"),
    ],
)
def test_a_location_can_lead_to_another_origin(came: bytes, origin: str) -> None:
    assert str(follow(came).origin) == origin


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ([b""], "the Location header is empty"),
        ([b"", b""], "the Location header is empty"),
        ([b"/a", b"/b"], '2 different Location headers: "/a" and "/b"'),
        ([b"/a", b"/a", b"/b"], '2 different Location headers: "/a" and "/b"'),
        ([b"/a", b"/caf\xe9", b"/c"], '3 different Location headers: "/a" and "/café"'),
        ([b"http://ada:x@shop.test/a"], '"http://…@shop.test/a" has a user name or password in it'),
        ([b"//ada@shop.test/a"], '"//…@shop.test/a" has a user name or password in it'),
        ([b"ftp://shop.test/"], '"ftp://shop.test/" is a ftp: URL; only http and https can be followed'),
        ([b"javascript:alert(1)"], "is a javascript: URL"),
        ([b"shop.test:80/x"], "is a shop.test: URL"),
        ([b"\\\\evil.test/x"], "begins with a backslash in place of /"),
        ([b"/\\evil.test/x"], "begins with a backslash in place of /"),
        ([b"http:\\\\evil.test"], "begins with a backslash in place of /"),
        ([b"http://shop.test\\x"], "has a backslash behind its host in place of /"),
        ([b"http://"], '"http://" has no host'),
        ([b"///x"], '"///x" has no host'),
        ([b"https:/x"], '"https:/x" has no host'),
        ([b"http://:80/"], "the host is missing"),
        ([b"http://shop.test:0/"], "the port is not a number from 1 to 65535"),
        ([b"http://shop.test:99999/"], "the port is not a number from 1 to 65535"),
        ([b"http://shop.test:x/"], "the port is not a number from 1 to 65535"),
        ([b"http://sh op.test/"], "'sh op.test' is not a host name"),
        ([b"http://shop\ttest/"], "is not a host name"),
        ([b"http://[::zz]/"], "is not a"),
        ([b"http://[::1/"], "is not a host name"),
        ([b"http://sh%6fp.test/"], "is not a host name"),
        ([b"//" + b"x" * 9000], "has a host of more than 253 characters"),
    ],
)
def test_each_defect_has_its_own_message_with_what_came(fields: list[bytes], says: str) -> None:
    message = refused(*fields)
    assert says in message
    assert len(message) < 350
    assert message.isprintable()
    assert "ada" not in message


@given(st.binary(max_size=40))
def test_every_byte_of_a_path_arrives_at_the_server(came: bytes) -> None:
    came = came.replace(b"?", b"").replace(b"#", b"").replace(b"%", b"")
    _, target, oddities = follow(b"/x/" + came + b"/x")
    assert encode_target(target) == target
    assert ("location_characters" in oddities) == (unquote_to_bytes(target) != target.encode())
    if not {b".", b".."} & set(came.split(b"/")):
        assert unquote_to_bytes(target) == b"/x/" + came + b"/x"


@given(st.lists(st.binary(max_size=30), min_size=1, max_size=2))
def test_whatever_comes_is_followed_or_refused_in_words(fields: list[bytes]) -> None:
    try:
        _, outcome, _ = follow(*fields)
    except ExpressionError as error:
        outcome = str(error)
    assert visible(outcome).splitlines() == [outcome]
    assert outcome.startswith(("/", "the Location header", "2 different Location headers"))
