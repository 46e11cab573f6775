"""What axe-core finds in a page: rules of accessibility that a browser can judge."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from tests.support import ROOT
from tests.support.chromium import Tab

AXE = ROOT / ".ci/tools/node_modules/axe-core/axe.min.js"
"""Fetched by `make ci-tools`."""


def violations(tab: Tab, place: str = "html") -> list[Any]:
    """(rule, what it asks for, the first elements that do otherwise) of each broken rule, in a part of the page.

    Without axe-core the test is skipped, unless WINDTUNNEL_REQUIRE_BROWSER asks for it.
    """
    if not AXE.exists():
        assert not os.environ.get("WINDTUNNEL_REQUIRE_BROWSER"), "axe-core is missing; run `make ci-tools`"
        pytest.skip("axe-core is missing; `make ci-tools` fetches it")
    tab.value(f"{AXE.read_text(encoding='utf-8')}; 0")
    told = "v => [v.id, v.help, v.nodes.slice(0, 3).map(n => n.html)]"
    found: list[Any] = tab.value(f"axe.run({json.dumps(place)}).then(r => r.violations.map({told}))")
    return found
