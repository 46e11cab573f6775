"""`duplicate`: a request is sent on twice, as where something on the way repeats it. The first answer counts."""

from __future__ import annotations

from windtunnel.turbulence.proxy.treatment import HTTP, Draw, Treatment
from windtunnel.turbulence.settings import Settings

MOST_KEPT = 1_048_576
"""Bytes of a request that is sent again; a longer one is sent once, and the fault is missed."""


class Duplicate:
    """Sends a copy over a connection of its own as soon as the request is complete, and drops its answer."""

    keys = ()
    main = ""
    passes_on = True
    waits = False
    protocols = HTTP

    @classmethod
    def compile(cls, settings: Settings) -> Duplicate:  # noqa: ARG003  it has none
        """See `ProxyFaultType.compile`."""
        return cls()

    @property
    def words(self) -> str:
        """See `ProxyFault.words`."""
        return "are sent on twice"

    def add(self, treatment: Treatment, draw: Draw) -> None:  # noqa: ARG002
        """See `ProxyFault.add`."""
        treatment.twice = True
