"""`run --once --verbose` against the demo shop: everything is shown, nothing secret is."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from windtunnel.config.overrides import overrides_of
from windtunnel.demo.process import ShopProcess
from windtunnel.demo.settings import ShopSettings
from windtunnel.job.request import JobRequest
from windtunnel.job.run import run_job
from windtunnel.terminal import TerminalObserver

SCENARIO = """
id: a
weight: 5
data: { shopper: { file: shoppers.csv } }
flow:
  - type: http
    name: sign_in
    method: POST
    path: /api/login
    json: { user: "{{ data.shopper.user }}", password: "{{ data.shopper.password }}" }
    extract: { pass: { json: "$.token", secret: true } }
  - { type: http, name: me, path: "/api/search?q={{ pass }}", headers: { X-Pass: "{{ pass }}" } }
  - { type: http, name: gone, path: /nowhere, expect: { status_code: 200 } }
assertions: [{ type: assert, name: fine, expect: { status_code: 200 } }]
"""


def test_each_scenario_runs_once_and_shows_all_but_its_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").write_text(SCENARIO)
    (tmp_path / "b.yaml").write_text("id: b\nflow: [{ type: http, name: home, path: / }]\n")
    (tmp_path / "shoppers.csv").write_text("user,password\nalan,bombe-1940\n")
    out = io.StringIO()
    terminal = TerminalObserver(out=out, err=out, color=False, interactive=False)
    with ShopProcess(ShopSettings()) as shop:
        (tmp_path / "sut.yaml").write_text(f"base_url: {shop.base_url}\n")
        request = JobRequest(scenarios=("a.yaml", "b.yaml"), overrides=overrides_of(once=True), verbose=True)
        result = run_job(request, environment={}, observer=terminal)
    said = out.getvalue()
    assert result.summary.verdict == "fail"
    for line in (
        "✓ sign_in  http passed",
        f"    → POST {shop.base_url}/api/login",
        '      {"user":"alan","password":"[redacted]"}',
        "    ← 200, ",
        "    extracted pass",
        "      X-Pass: [redacted]",
        "✗ gone  http failed",
        "    ✗ status_code: expected 200, got 404",
        "- fine  assertion skipped",
        "✓ home  http passed",
    ):
        assert line in said, said
    assert "bombe-1940" not in said
    assert said.count("(correlation id ") == 2
