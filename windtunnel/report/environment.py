"""What ran where: the plain facts of the manifest, named for a reader."""

from __future__ import annotations

import shlex

from windtunnel.report.model import Report


def environment(report: Report) -> list[tuple[str, str]]:
    """(name, value) of everything known about how the run came to be; what is unknown is left out."""
    manifest = report.manifest
    facts = [
        ("Windtunnel", manifest.version),
        ("Command", shlex.join(manifest.argv)),
        ("Base URLs", ", ".join(manifest.base_urls)),
        ("Reached at", ", ".join(f"{origin} at {address}" for origin, address in manifest.reroutes.items())),
        ("Scenarios", ", ".join(manifest.scenarios)),
        ("Load", manifest.load),
        ("Seed", str(manifest.seed)),
        ("Plan", manifest.plan_hash),
        ("Tags", ", ".join(f"{key}={value}" for key, value in manifest.tags.items())),
        ("Run directory", report.directory),
    ]
    facts += [(_named(key), value) for key, value in manifest.host.items()]
    facts += [(f"CI {key.replace('_', ' ')}", value) for key, value in manifest.ci.items()]
    return [(name, value) for name, value in facts if value]


def _named(key: str) -> str:
    """`cpu_count` as `Cpu count`: the keys are ours, plain words."""
    words = key.replace("_", " ")
    return words[:1].upper() + words[1:]
