"""What test files share: builders of runs, records and reports, scripted users, the command line."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
"""The top of the repository."""

SCHEMAS = Path(__file__).parent / "schemas"
"""Schemas of other projects."""
