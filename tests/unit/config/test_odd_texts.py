"""URLs, numbers and texts that no user means: each is refused where it is read, in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.command_line import call
from windtunnel.config.overrides import overrides_of
from windtunnel.config.sut import parse_proxy
from windtunnel.errors import ConfigError, ExpressionError
from windtunnel.job.request import JobRequest
from windtunnel.job.validation import check_job

ODD_URLS = [
    *("http://127.0.0.1:0", "http://127.0.0.1:65536", "http://127.0.0.1:-1", "http://127.0.0.1:²", "http://a:+1"),
    *("http://a\x01b", "http://a\x7f", "http://\ud800.test", "http://a/\udcff", "http://a\tb", "http://a\u202eb"),
    *("http://[::1", "http://[::zz]", "http://..", f"http://{'a' * 70}.test\x00", "http://-", "http://a b"),
]


@pytest.mark.parametrize("url", ODD_URLS)
@pytest.mark.parametrize("flag", ["target", "wait_for"])
def test_a_flag_takes_no_url_that_can_not_be_reached(flag: str, url: str) -> None:
    [problem] = overrides_of(**{flag: url}).problems
    assert problem.flag == f"--{flag.replace('_', '-')}"
    assert problem.text.replace("\t", " ").isprintable()


@pytest.mark.parametrize("url", [each for each in ODD_URLS if each.isprintable()])
def test_neither_does_a_proxy_or_an_sut_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    with pytest.raises(ExpressionError):
        parse_proxy(url)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").write_text("id: a\nflow: [{ type: http, name: a, path: / }]\n")
    for text in (
        f"base_url: '{url}'\n",
        "base_url: http://a\nauth: { type: oauth2, client_id: a, client_secret: b, token_url: '" + url + "' }\n",
    ):
        (tmp_path / "sut.yaml").write_text(text)
        with pytest.raises(ConfigError) as raised:
            check_job(JobRequest(scenarios=("a.yaml",)), environment={})
        assert [problem.where is not None for problem in raised.value.problems] == [True]


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        *(
            ("resolve", each)
            for each in (":1.2.3.4", "a b:1.2.3.4", "a:0:1.2.3.4", "a:99999:1.2.3.4", "a:²:1.2.3.4")
        ),
        *(("shard", each) for each in ("²/²", "9" * 5_000 + "/2", "1/" + "9" * 5_000, "٣/٣")),
        *(("stages", each) for each in ("1s:²", "1s:" + "9" * 5_000, "²s:1")),
        *(("settings", each) for each in ("a=\udcff", "é=1")),
        *(("tags", each) for each in ("a=\udcff", "\udcff=a")),
        *(("rate", each) for each in ("²/s", "\udcff", "1/\udcff")),
    ],
)
def test_a_flag_takes_no_odd_text(flag: str, value: str) -> None:
    [problem] = overrides_of(**{flag: value}).problems
    assert problem.text.isprintable()


def test_a_value_of_the_environment_that_is_not_utf_8_is_named_at_its_place(tmp_path: Path) -> None:
    (tmp_path / "sut.yaml").write_text('base_url: http://a\nheaders: { X: "${BYTES}" }\n')
    (tmp_path / "a.yaml").write_text("id: a\nflow: [{ type: http, name: a, path: '/{{ env.BYTES }}' }]\n")
    answer = call(tmp_path, "validate", "sut.yaml", "a.yaml", environment={"BYTES": "a\udcff"})
    assert answer.returncode == 2
    assert "sut.yaml:2:15: the value of BYTES is not UTF-8 text" in answer.stderr
    assert "a.yaml:2:37: the value of BYTES is not UTF-8 text" in answer.stderr
    assert "help: set BYTES anew" in answer.stderr


@pytest.mark.parametrize("path", ["a\0b", "\ud800"])
def test_a_folder_to_allow_is_one_that_can_be(path: str) -> None:
    with pytest.raises(ConfigError) as raised:
        check_job(JobRequest(overrides=overrides_of(allow_paths=[path])), environment={})
    [problem] = raised.value.problems
    assert problem.flag == "--allow-path"


def test_names_that_no_file_can_have(tmp_path: Path) -> None:
    for name in ("x" * 300, "a\udcff" * 100, "x/" * 3_000):
        answer = call(tmp_path, "validate", name)
        assert answer.returncode == 2
        assert "Traceback" not in answer.stderr
