"""What `docs/security.md` says, where no other test holds it."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from tests.support import ROOT
from tests.support.command_line import ENVIRONMENT, call
from tests.support.tiers import slow_unless
from windtunnel.config.flags import FLAGS
from windtunnel.project import ENV_FLAG, PATH_FLAG, SECRET_FOLDERS, is_withheld, token_values

PAGE = (ROOT / "docs/security.md").read_text()
RULE = next(
    text for text in re.split(r"^(?=\d+\. )", (ROOT / "docs/reference/rules.md").read_text(), flags=re.MULTILINE)
    if text.startswith("51. ")
)  # fmt: skip
CANARY = "canary-7f3a9c21"


class Echo(BaseHTTPRequestHandler):
    """Answers with what the caller gave it to say."""

    said = f"you said {CANARY}"
    url = ""
    asked: ClassVar[list[str]]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        body = self.said.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def service() -> Iterator[type[Echo]]:
    class Handler(Echo):
        asked: ClassVar[list[str]] = []

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Handler.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield Handler
        server.shutdown()
        thread.join()


@pytest.fixture
def checkout(tmp_path: Path, service: type[Echo]) -> Path:
    (tmp_path / "sut.yaml").write_text(f"base_url: {service.url}\n")
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios/a.yaml").write_text(
        "id: shop\nflow:\n  - { type: http, name: home, path: /, expect: { body: absent } }\n"
    )
    return tmp_path


def test_the_page_and_the_rule_name_the_same_tokens_and_all_of_them_are_withheld() -> None:
    pattern = r"[A-Z_]{4,}(?:_TOKEN|_PASSWORD|_URL|\*|_JWT\*)[A-Z_]*\*?|CI_\*_[A-Z]+"
    listed = re.search(r"whether one is set:\n(.*?)\. `--allow-env", PAGE, re.DOTALL)
    assert listed is not None
    names = {name.strip("`\n ") for name in listed[1].split(",")}
    assert len(names) == 9
    assert names == set(re.findall(pattern, RULE.replace("\\", "")))
    for name in names:
        assert is_withheld(name.replace("*", "X")), name
        assert is_withheld(name.replace("*", "X").lower()), name
        assert not is_withheld(name.replace("*", "X"), frozenset({name.replace("*", "X")}))


def test_the_page_names_the_folders_and_the_flags_that_there_are() -> None:
    assert all(f"`{folder}`" in PAGE for folder in SECRET_FOLDERS)
    flags = {f"--{flag.name}": flag for flag in FLAGS}
    for name in (PATH_FLAG, ENV_FLAG):
        assert f"(input `{flags[name].input}`)" in PAGE
        assert {"run", "validate"} <= set(flags[name].commands)


def test_a_token_that_the_service_echoes_is_hidden_although_no_file_reads_it(checkout: Path) -> None:
    answer = call(checkout, "run", environment={"CI_JOB_TOKEN": CANARY})
    assert answer.returncode != 2, answer.stderr
    assert CANARY not in answer.stdout + answer.stderr
    written = [file for file in (checkout / "runs").rglob("*") if file.is_file()]
    assert written
    assert [file for file in written if CANARY.encode() in file.read_bytes()] == []


@pytest.mark.parametrize("workers", slow_unless(lambda workers: workers == "2", ["1", "2"]))
def test_a_checkout_executes_nothing_by_a_file_with_the_name_of_a_module(
    checkout: Path, service: type[Echo], workers: str
) -> None:
    program = Path(sys.executable).with_name("windtunnel")
    if not program.exists():
        pytest.skip("the command is not installed beside this Python")
    for name in ("msgspec", "uvloop", "jinja2", "yaml", "typer", "sitecustomize", "usercustomize", "conftest"):
        (checkout / f"{name}.py").write_text("open('executed', 'w')\n")
    (checkout / "windtunnel").mkdir()
    (checkout / "windtunnel/__init__.py").write_text("open('executed', 'w')\n")
    (checkout / "evil-1.dist-info").mkdir()
    (checkout / "evil-1.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: evil\nVersion: 1\n")
    (checkout / "evil-1.dist-info/entry_points.txt").write_text("[windtunnel.renderers]\nevil = msgspec:open\n")

    answer = subprocess.run(
        [str(program), "run", "-n", "4", "-p", "4", "--workers", workers],
        cwd=checkout, env=ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, text=True,
    )  # fmt: skip

    assert len(service.asked) == 4, answer.stderr
    assert not (checkout / "executed").exists()
    assert "evil" not in answer.stdout + answer.stderr


def test_the_password_in_a_url_of_the_ci_system_is_a_token() -> None:
    assert token_values({"CI_REPOSITORY_URL": f"https://gitlab-ci-token:{CANARY}@gitlab.test/a.git"}) == {CANARY}
    assert token_values({"CI_REPOSITORY_URL": "https://gitlab.test/a.git", "CI_JOB_TOKEN": ""}) == set()
