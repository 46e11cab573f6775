"""What `windtunnel demo` runs: the example scenarios against a shop of its own."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent


def example_scenarios() -> Path:
    """The folder of the examples: next to this module in a wheel, at the top of the repository otherwise."""
    installed = _PACKAGE / "scenarios"
    return installed if installed.is_dir() else _PACKAGE.parents[1] / "scenarios"


def write_sut(folder: Path, base_url: str) -> Path:
    """Write the SUT file of a running shop and return its path."""
    path = folder / "sut.yaml"
    path.write_text(f'name: "Demo shop"\nbase_url: "{base_url}"\n', encoding="utf-8")
    return path


def write_look(folder: Path) -> Path:
    """Write a scenario of one request and return its path."""
    path = folder / "look.yaml"
    path.write_text(
        "id: look\nflow: [{ type: http, name: list_products, path: /api/products }]\n", encoding="utf-8"
    )
    return path
