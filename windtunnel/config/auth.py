"""What is secret in the `auth` of steps, written there by hand."""

from __future__ import annotations

from windtunnel.model.auth import auth_objections, auth_of
from windtunnel.model.scenario import Scenario, walk


def auth_secrets(scenario: Scenario) -> frozenset[str]:
    """The tokens, passwords and keys of its steps; templates are none, and what is wrong is told elsewhere."""
    found = [step.options["auth"] for step in walk(scenario.steps) if isinstance(step.options.get("auth"), dict)]
    return frozenset(
        secret
        for auth in found
        if not any(auth_objections(auth))
        for secret in auth_of(auth).secrets
        if "{{" not in secret
    )
