"""The line of curl that repeats a request: in a shell, curl is told what was sent, byte for byte."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from windtunnel.model.record import Timings
from windtunnel.report.curl import curl_line
from windtunnel.report.model import Body, RequestStory

SHELL = "sh"
ARGUMENTS = "curl() { printf '%d\\0' $#; printf '%s\\0' \"$@\"; case \" $* \" in *' @- '*) cat;; esac; }\n"
"""A `curl` that writes its arguments, and its standard input if it is to read that."""


def request(
    *headers: tuple[str, str],
    method: str = "GET",
    url: str = "http://shop/a",
    body: bytes | None = None,
    length: int | None = None,
    **more: Any,
) -> RequestStory:
    """A request with the headers that we always send, and those given."""
    fields = [("Host", "shop"), ("User-Agent", "windtunnel/1"), ("Accept", "*/*"), *headers]
    if length is not None or body is not None:
        fields.append(("Content-Length", str(len(body or b"") if length is None else length)))
    kept = Body(text="", size=len(body), whole=True, content=body) if body else None
    return RequestStory(
        **{
            "method": method,
            "url": url,
            "service": "",
            "status": 200,
            "error": None,
            "error_detail": None,
            "attempt": 1,
            "span_id": "",
            "failed": False,
            "poll": False,
            "resent": False,
            "bytes_sent": 1,
            "bytes_received": 1,
            "began_us": 0,
            "timings": Timings(),
            "request_headers": tuple(fields),
            "request_body": kept,
            **more,
        }
    )


def told(line: str, environment: dict[str, str] | None = None, *, shell: str = SHELL) -> tuple[list[str], bytes]:
    """What a shell tells curl: its arguments, and its standard input."""
    done = subprocess.run(
        [shell, "-c", ARGUMENTS + line],
        capture_output=True,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", **(environment or {})},
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""
    count, _, rest = done.stdout.partition(b"\0")
    *arguments, fed = rest.split(b"\0", int(count))
    return [each.decode("utf-8", "surrogateescape") for each in arguments], fed


def headers_in(arguments: list[str]) -> list[str]:
    return [value for flag, value in pairwise(arguments) if flag == "-H"]


def test_a_plain_get_is_one_short_line() -> None:
    assert curl_line(request()) == "curl -H 'User-Agent: windtunnel/1' http://shop/a"


def test_a_request_with_a_body_is_one_line_with_what_matters() -> None:
    line = curl_line(
        request(
            ("Content-Type", "application/json"),
            ("X-Empty", ""),
            ("Connection", "close, x-hop"),
            ("X-Hop", "1"),
            method="PATCH",
            body=b'{"name": "it\'s"}',
        )
    )

    assert line == (
        "curl -X PATCH -H 'User-Agent: windtunnel/1' -H 'Content-Type: application/json' -H 'X-Empty;' "
        """--data-raw '{"name": "it'\\''s"}' http://shop/a"""
    )


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (request(method="POST", body=b"a=1"), ["--data-raw", "a=1"]),
        (request(method="POST", length=0), ["--data-raw", ""]),
        (request(method="GET", body=b"a=1"), ["-X", "GET", "--data-raw", "a=1"]),
        (request(method="DELETE"), ["-X", "DELETE"]),
        (request(method="HEAD"), ["--head"]),
        (request(method="POST", body=b"@file"), ["--data-raw", "@file"]),
        (request(url="http://shop/a?x[]={1}"), ["--globoff", "http://shop/a?x[]={1}"]),
        (request(url="http://shop/a/../b"), ["--path-as-is", "http://shop/a/../b"]),
        (request(url="https://shop/a"), ["--http1.1", "https://shop/a"]),
        (request(url="-o/etc/hosts"), ["--url", "-o/etc/hosts"]),
        (request(("Host", "other")), ["-H", "Host: other"]),
        (request(("Accept-Encoding", "gzip")), ["--compressed", "-H", "Accept-Encoding: gzip"]),
        (request(request_headers=()), ["-H", "Accept:", "-H", "User-Agent:"]),
        (request(method="POST", body=b"a"), ["-H", "Content-Type:"]),
    ],
)
def test_curl_is_told_what_it_would_do_otherwise(made: RequestStory, expected: list[str]) -> None:
    arguments, _ = told(curl_line(made))

    rest = iter(arguments)
    assert all(word in rest for word in expected), arguments


def test_our_ids_are_left_out_unless_the_service_repeats_them() -> None:
    trace = "60b0398eb17f5faee8d00d64aae5fb71"
    ids = [("X-Run-ID", "r-1"), ("x-trace", trace), ("traceparent", f"00-{trace}-aae5fb7100000001-01")]

    assert curl_line(request(*ids), ids=(trace,)) == curl_line(request())
    repeated = request(*ids, response_headers=(("X-Request", f"is {trace}"),))
    assert headers_in(told(curl_line(repeated, ids=(trace,)))[0])[1:] == [f"{n}: {v}" for n, v in ids[1:]]
    in_body = request(*ids, response_body=Body(text="of r-1", size=6, whole=True))
    assert headers_in(told(curl_line(in_body, ids=(trace,)))[0])[1:] == ["X-Run-ID: r-1"]


@pytest.mark.parametrize(
    ("made", "variable", "where"),
    [
        (request(("Authorization", "Bearer [redacted]")), "AUTHORIZATION", "Authorization: Bearer {}"),
        (request(("X-Api-Key", "[redacted]")), "X_API_KEY", "X-Api-Key: {}"),
        (request(("X-Shop", "a [redacted]")), "HEADER_X_SHOP", "X-Shop: a {}"),
        (request(("Path", "[redacted]")), "HEADER_PATH", "Path: {}"),
        (request(("Cookie", "GITHUB_TOKEN=[redacted]")), "COOKIE_GITHUB_TOKEN", "Cookie: GITHUB_TOKEN={}"),
        (request(("Cookie", "[redacted]")), "COOKIE", "Cookie: {}"),
        (
            request(url="http://shop/a?b=1&api%20key=[redacted]&c=2"),
            "URL_API_KEY",
            "http://shop/a?b=1&api%20key={}&c=2",
        ),
        (request(url="http://shop/[redacted]/a"), "URL_SECRET", "http://shop/{}/a"),
        (request(method="POST", body=b'{"password":"[redacted]"}'), "BODY_PASSWORD", '{{"password":"{}"}}'),
        (request(method="POST", body=b'{"a":"x [redacted]"}'), "BODY_SECRET", '{{"a":"x {}"}}'),
        (request(method="POST", body=b"a=1&pass-word=[redacted]&b"), "BODY_PASS_WORD", "a=1&pass-word={}&b"),
        (request(method="POST", body=b"<a><pin>[redacted]</pin></a>"), "BODY_PIN", "<a><pin>{}</pin></a>"),
    ],
)
def test_what_is_hidden_is_a_variable_named_after_its_key(made: RequestStory, variable: str, where: str) -> None:
    line = curl_line(made)

    assert re.findall(r"\$\w+", line) == [f"${variable}"]
    arguments, _ = told(line, {variable: 'it\'s "$HOME" `a`'})
    assert where.format('it\'s "$HOME" `a`') in arguments


def test_two_hidden_values_under_one_key_are_two_variables() -> None:
    line = curl_line(request(("X-Token", "[redacted]"), ("X-Token", "[redacted] [redacted]")))

    assert re.findall(r"\$\w+", line) == ["$X_TOKEN", "$X_TOKEN_2", "$X_TOKEN_3"]


def test_a_part_of_a_form_is_written_with_its_line_ends_and_its_secret() -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="password"\r\n\r\n[redacted]\r\n--b--\r\n'
    line = curl_line(request(("Content-Type", "multipart/form-data; boundary=b"), method="POST", body=body))

    assert "\n" not in line
    arguments, fed = told(line, {"BODY_PASSWORD": "100% it's\\n"})
    assert arguments[arguments.index("--data-binary") + 1] == "@-"
    assert fed == body.replace(b"[redacted]", b"100% it's\\n")


@pytest.mark.parametrize(
    "made",
    [
        request(method="POST", length=5_000_000),
        request(method="POST", body=b"the beginning", length=5_000_000),
        replace(
            request(method="POST", body=b"ab"), request_body=Body(text="", size=9_000, whole=False, content=b"ab")
        ),
        request(method="PUT", request_headers=None),
    ],
)
@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_a_body_that_is_not_known_whole_is_told_and_nothing_is_sent(made: RequestStory, shell: str) -> None:
    line = curl_line(made)
    done = subprocess.run([shell, "-c", f"curl() {{ echo sent; }}\n{line}"], capture_output=True, text=True)

    assert done.returncode != 0
    assert done.stdout == ""
    assert "was not kept whole: set BODY to the path of a file with it" in done.stderr
    arguments, _ = told(line, {"BODY": "my body"})
    assert arguments[arguments.index("--data-binary") + 1] == "@my body"


NAMES = st.from_regex(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,12}", fullmatch=True)
VALUES = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=30).map(
    lambda text: text.strip(" \t")
)


@settings(max_examples=40)
@given(
    headers=st.lists(st.tuples(NAMES.map(lambda name: f"X{name}"), VALUES), max_size=3),
    body=st.binary(max_size=60) | st.text(max_size=40).map(lambda text: text.encode("utf-8", "replace")),
    target=st.from_regex(r"[A-Za-z0-9/?:@!$&'()*+,;=._~\[\]%-]{0,20}", fullmatch=True),
)
@example(headers=[("X", "'\"$(id)`id`!!\\")], body=b"-n '%s' \\n\x00\xff\n\n", target="'!*")
@example(headers=[("X", "\x1b[31m\u202e")], body="\u2028é\t".encode(), target="?a=1&b=$HOME")
@example(headers=[("X", "a")], body=b"-e", target="")
def test_a_shell_tells_curl_every_byte_that_was_sent(
    headers: list[tuple[str, str]], body: bytes, target: str
) -> None:
    made = request(*headers, method="POST", url=f"http://shop/{target}", body=body)
    line = curl_line(made)

    assert line.isprintable()
    arguments, fed = told(line)
    assert arguments[-1] == made.url
    expected = [f"{name}: {value}" if value else f"{name};" for name, value in headers]
    assert [each for each in headers_in(arguments) if each.startswith("X")] == expected
    data = arguments.index("--data-raw" if "--data-raw" in arguments else "--data-binary") + 1
    assert (fed if arguments[data] == "@-" else arguments[data].encode("utf-8", "surrogateescape")) == body
