"""What a job says of the proxies and the SUT that it starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from windtunnel.engine.run.proxies import Listening, without_user
from windtunnel.engine.sut.process import SutEnd
from windtunnel.job.around import (
    announce_answering,
    announce_end_of_sut,
    announce_not_undone,
    announce_proxies,
    announce_start,
)
from windtunnel.job.observer import TextObserver
from windtunnel.model.turbulence import ProxySpec
from windtunnel.storage.directory import RunDirectory
from windtunnel.turbulence.undo import UndoLog


class Said(TextObserver):
    """Keeps notes and warnings."""

    def __init__(self) -> None:
        super().__init__(width=100)
        self.lines: list[str] = []

    def note(self, text: str) -> None:
        self.lines.append(text)

    def warning(self, text: str) -> None:
        self.lines.append(f"! {text}")


def spec(
    *, export: str = "", service: str = "", upstream: str = "http://payments:9000", port: int = 0
) -> ProxySpec:
    return ProxySpec(
        name="payments", protocol="http", upstream=upstream, export=export, service=service, port=port
    )


URL = "http://127.0.0.1:4100"


@pytest.mark.parametrize(
    ("proxy", "starts_sut", "said"),
    [
        (
            spec(),
            True,
            [
                "proxy payments listens on http://127.0.0.1:4100",
                "! no process is told where proxy payments listens: add `export: NAME` to it for --exec, or a "
                "port of its own, such as `listen: 127.0.0.1:9090`",
            ],
        ),
        (spec(port=4100), True, ["proxy payments listens on http://127.0.0.1:4100"]),
        (
            spec(export="PAYMENTS_URL"),
            True,
            ["proxy payments listens on http://127.0.0.1:4100, for PAYMENTS_URL"],
        ),
        (
            spec(service="default", export="PAYMENTS_URL"),
            True,
            [
                "proxy payments listens on http://127.0.0.1:4100, for the requests of the load to default and "
                "PAYMENTS_URL"
            ],
        ),
        (
            spec(export="PAYMENTS_URL"),
            False,
            [
                "proxy payments listens on http://127.0.0.1:4100, for PAYMENTS_URL",
                "! no process is told PAYMENTS_URL: start the SUT with --exec, or give it http://127.0.0.1:4100 "
                "yourself",
            ],
        ),
    ],
)
def test_a_proxy_says_where_it_is_and_for_whom(proxy: ProxySpec, starts_sut: bool, said: list[str]) -> None:
    observer = Said()

    announce_proxies([Listening(spec=proxy, url=URL)], observer, starts_sut=starts_sut)

    assert observer.lines == said


def test_no_password_of_an_upstream_is_shown() -> None:
    shown = without_user(spec(upstream="postgres://shop:hunter2@db:5432/orders"))

    assert shown.upstream == "postgres://db:5432/orders"


def test_a_command_is_shown_as_a_shell_would_take_it() -> None:
    observer = Said()

    announce_start(("python", "my app.py"), observer)

    assert observer.lines == ["starting python 'my app.py'"]


def test_the_last_lines_of_a_sut_are_shown_without_what_a_terminal_would_do() -> None:
    observer = Said()

    announce_end_of_sut(
        SutEnd(how="ended", last=("one", "\x1b[2Jtwo", "x" * 999)), Path("runs/a/sut.log"), observer
    )
    announce_end_of_sut(None, Path("runs/b/sut.log"), observer)

    (said,) = observer.lines
    head, one, two, long = said.split("\n")
    assert head == "the last lines of runs/a/sut.log:"
    assert one == "  one"
    assert "\x1b" not in two
    assert long == "  " + "x" * 300


def test_a_program_that_listens_already_is_told() -> None:
    observer = Said()

    announce_answering(["http://localhost:8080"], observer)

    assert observer.lines == [
        "! http://localhost:8080 answers before --exec has started its command: does another program listen there?"
    ]


def test_faults_that_are_still_there_come_with_the_command_to_type(tmp_path: Path) -> None:
    observer = Said()
    log = UndoLog.create(tmp_path, hide=str)
    log.add(fault="pause", kind="hook", arguments={}, by_hand="docker unpause db")
    log.close()

    announce_not_undone(
        ["pause: it took longer than 5 s; by hand: docker unpause db"], RunDirectory(tmp_path), observer
    )
    announce_not_undone([], RunDirectory(tmp_path), observer)

    assert observer.lines == [
        "! not undone: pause: it took longer than 5 s; by hand: docker unpause db",
        f"! still there: pause; to undo it: windtunnel turbulence heal --run {tmp_path} --allow hook",
    ]
