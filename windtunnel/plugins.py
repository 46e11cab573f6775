"""Step types, renderers and faults that installed packages add, by entry points of their distributions.

    [project.entry-points."windtunnel.actions"]
    echo = "windtunnel_echo:EchoAction"

Nothing is imported, and no metadata read, before a name is used that Windtunnel does not know.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from windtunnel.errors import ConfigError, describe, is_interrupt
from windtunnel.processes import watch

ACTIONS = "windtunnel.actions"
RENDERERS = "windtunnel.renderers"
FAULTS = "windtunnel.faults"

GROUPS = {ACTIONS: "step type", RENDERERS: "renderer", FAULTS: "fault"}
"""Every group of entry points, and the kind of thing in it."""

_REQUIRED = {
    ACTIONS: ("keys", "compile", "schema"),
    RENDERERS: ("file_name", "render"),
    FAULTS: ("keys", "main", "passes_on", "compile", "schema"),
}
"""The attributes that an object of each group must have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """A step type, renderer or fault of an installed distribution."""

    group: str
    name: str
    distribution: str
    version: str
    entry: EntryPoint

    def __str__(self) -> str:
        return f"{GROUPS[self.group]} {self.name} ({self.distribution} {self.version})"


def installed(group: str) -> dict[str, Plugin]:
    """Everything of a group that is installed, by name; nothing is imported. Raises ConfigError when two
    distributions want the same name.
    """
    found: dict[str, Plugin] = {}
    for entry in sorted(entry_points(group=group), key=lambda each: each.name):
        distribution = entry.dist
        plugin = Plugin(
            group=group,
            name=entry.name,
            distribution=distribution.name if distribution else "an unnamed distribution",
            version=distribution.version if distribution else "",
            entry=entry,
        )
        other = found.setdefault(entry.name, plugin)
        if other.distribution != plugin.distribution:
            raise ConfigError.of(
                f'both {other.distribution} and {plugin.distribution} add a {GROUPS[group]} "{entry.name}"',
                hint="uninstall one of them",
            )
    return found


def require(plugin: Plugin) -> Any:
    """Import a plugin. Raises ConfigError, naming the distribution, if it cannot be used."""
    with watch().importing(plugin.entry.value):
        added = _load(plugin)
    missing = [name for name in _REQUIRED[plugin.group] if not hasattr(added, name)]
    if missing:
        raise _broken(plugin, f"{plugin.entry.value} has no {', '.join(missing)}")
    return added


def _load(plugin: Plugin) -> Any:
    try:
        return plugin.entry.load()
    except BaseException as error:
        if is_interrupt(error):
            raise
        raise _broken(plugin, f"importing {plugin.entry.value} failed with {describe(error)}") from None


def _broken(plugin: Plugin, why: str) -> ConfigError:
    added = f'the {GROUPS[plugin.group]} "{plugin.name}" of {plugin.distribution} {plugin.version}'
    return ConfigError.of(
        f"{added} can't be used: {why}",
        hint=f"update or uninstall {plugin.distribution}",
    )
