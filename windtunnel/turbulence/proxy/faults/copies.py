"""`duplicate`: a request is sent on twice, as where something on the way repeats it. The first answer counts."""

from __future__ import annotations

from windtunnel.turbulence.proxy.treatment import Draw, Treatment, WithoutSettings

MOST_KEPT = 1_048_576
"""Bytes of a request that is sent again; a longer one is sent once, and the fault is missed."""


class Duplicate(WithoutSettings):
    """Sends a copy over a connection of its own as soon as the request is complete, and drops its answer."""

    passes_on = True
    says = "are sent on twice"

    def add(self, treatment: Treatment, draw: Draw) -> None:  # noqa: ARG002
        """See `ProxyFault.add`."""
        treatment.twice = True
