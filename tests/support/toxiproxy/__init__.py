"""A stand-in for Toxiproxy 2.12: its HTTP API and its toxics, as its README and its server's answers say.

There is no server of Toxiproxy in the package registries. Two clients that are not ours, those of npm and PyPI,
are driven against this one (`tests/integration/test_toxiproxy_stand_in.py`): our driver is not its only judge.
"""

from tests.support.toxiproxy.server import Toxiproxy, running

__all__ = ["Toxiproxy", "running"]
