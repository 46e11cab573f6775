"""The fixture of every test here; what it runs is made in `journeys`."""

from tests.support.journeys import run

__all__ = ["run"]
