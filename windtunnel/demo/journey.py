"""What `windtunnel demo` runs: the example scenarios against a shop of its own."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent


def example_scenarios() -> Path:
    """The folder of the examples: next to this module in a wheel, at the top of the repository otherwise."""
    return _example("scenarios", "scenarios")


def example_turbulence() -> Path:
    """The folder of the example with faults."""
    return _example("outage", "examples/turbulence")


def _example(installed: str, in_repository: str) -> Path:
    folder = _PACKAGE / installed
    return folder if folder.is_dir() else _PACKAGE.parents[1] / in_repository


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
