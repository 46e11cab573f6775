"""Faults on our own requests that installed packages add, in the schema of a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from windtunnel import plugins
from windtunnel.config.schemas import with_types

_COMMON = ("name", "on", "probability", "schedule")


def with_added_faults(schema: Mapping[str, Any], written: Any) -> Mapping[str, Any]:
    """The schema of a plan, with every fault of a package that `written` uses; that may break the schema.

    Raises ConfigError when a package cannot be imported.
    """
    published = schema["$defs"]["request_fault"]["properties"]["type"]["enum"]
    unknown = _types_in(written) - {*published, *schema["$defs"]["proxy_fault"]["properties"]["type"]["enum"]}
    installed = plugins.installed(plugins.FAULTS) if unknown else {}
    found = {name: plugins.require(installed[name]).schema for name in sorted(unknown) if name in installed}
    return with_fault_types(schema, found) if found else schema


def of_plan(schema: Mapping[str, Any], turbulence: Any) -> Mapping[str, Any]:
    """The schema for a plan with this section, which may break it. Raises ConfigError as `with_added_faults`."""
    return with_added_faults(schema, turbulence.get("faults") if isinstance(turbulence, Mapping) else None)


def with_fault_types(schema: Mapping[str, Any], added: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The schema of a plan with more faults on our own requests: `added` maps a type to the schema of its keys.

    The keys that every fault takes are added, and unknown ones refused. The schema handed in is not changed.
    """
    properties = schema["$defs"]["request_abort"]["properties"]
    common = {key: properties[key] for key in _COMMON}
    definitions = {
        name: {
            "title": f"{name} fault",
            **own,
            "required": ["type", *own.get("required", ())],
            "properties": {"type": {"const": name}, **common, **own.get("properties", {})},
        }
        for name, own in added.items()
    }
    return with_types(schema, "request_fault", definitions, place="request_{}")


def _types_in(written: Any) -> set[str]:
    faults: Sequence[Any] = written if isinstance(written, list) else []
    found = [fault.get("type") for fault in faults if isinstance(fault, Mapping) and "engine" not in fault]
    return {kind for kind in found if isinstance(kind, str) and kind != "hook"}
