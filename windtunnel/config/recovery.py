"""What is left of a scenario that breaks its schema, so that the rest can be compiled and told about as well.

A person who mistyped a key should not learn only in the next round that a variable is unknown too. What the schema
complains about is taken out; a step that can't do without it is replaced by one that sets the same variables.

    metod: GET                      the key goes
    timeout: 5 parsecs              the value goes
    - type: htp                     a stand-in of the same name
    extract: { id: { jsn: $.id } }  stays as a variable that is set
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from windtunnel.config.messages import Complaint
from windtunnel.config.reader import Document
from windtunnel.config.schemas import complaints
from windtunnel.model.source import DataPath

_STEP_LISTS = frozenset({"flow", "steps", "else", "assertions", "setup", "user_setup", "teardown"})
_SETTING = ("extract", "variables")
_MOST_ROUNDS = 5
"""What is taken out may be missed by something around it, which goes in the next round."""


def recover(document: Document, schema: Mapping[str, Any]) -> Document | None:
    """The document without what is wrong with it, every place as it was; None when too little is left."""
    data = copy.deepcopy(document.data)
    if not isinstance(data, dict) or not isinstance(data.get("flow"), list):
        return None
    rest = replace(document, data=data)
    for _ in range(_MOST_ROUNDS):
        found = sorted(complaints(rest, schema), key=lambda complaint: -len(complaint.path))
        if not found:
            return rest
        for complaint in found:
            if not _take_out(data, complaint, document.data):
                return None
    return None


def _take_out(data: dict[str, Any], complaint: Complaint, written: Any) -> bool:
    """Remove or replace what is complained about; False when the scenario can't be told without it.

    `written` is the whole of it as it was: a stand-in sets what has been taken out of its step before.
    """
    path = complaint.path
    # Rows of data files are known by what their feeder says; without it nothing about them is certain.
    if not path or (path[0] in ("data", "flow") and len(path) == 1) or path[0] == "data":
        return False
    parent = _at(data, path[:-1])
    key: Any = path[-1]
    if isinstance(parent, list):
        if len(path) > 1 and path[-2] in _STEP_LISTS:
            if isinstance(key, int) and key < len(parent):
                name = f"unreadable_{'_'.join(map(str, path))}"
                parent[key] = _stand_in(_at(written, path), name, is_assertion=path[0] == "assertions")
            return True
        return _take_out(data, Complaint(message="", path=path[:-1]), written)
    if not isinstance(parent, dict) or key not in parent:
        return True  # it went with something around it
    setting = [index for index, part in enumerate(path[:-1]) if part in _SETTING]
    if setting and not complaint.at_key:
        owner = _at(data, path[: setting[-1] + 1])
        owner[path[setting[-1] + 1]] = "$" if path[setting[-1]] == "extract" else None
    else:
        del parent[key]
    return True


def _at(data: Any, path: DataPath) -> Any:
    for part in path:
        try:
            data = data[part]
        except (LookupError, TypeError):
            return None
    return data


def _stand_in(entry: Any, name: str, *, is_assertion: bool = False) -> dict[str, Any]:
    """A step in place of one that can't be read: of the same name, it sets and receives whatever that one may."""
    given: Mapping[str, Any] = entry if isinstance(entry, Mapping) else {}
    name = given["name"] if isinstance(given.get("name"), str) else name
    if is_assertion:
        return {"type": "assert", "name": name, "expect": {"condition": True}}
    inner = [_stand_in(step, f"{name}_{index}") for index, step in enumerate(_steps_in(given))]
    variables = {"type": "set", "name": f"{name} sets", "variables": dict.fromkeys(_variables_in(given))}
    if not inner and given.get("type") == "set":
        return {**variables, "name": name}
    if inner:
        return {"type": "group", "name": name, "steps": [*inner, variables]}
    request = {"type": "http", "name": name, "path": "/", "extract": dict.fromkeys(_variables_in(given), "$")}
    return {**request, "service": given["service"]} if isinstance(given.get("service"), str) else request


def _steps_in(value: Any) -> Iterator[Any]:
    """The steps directly inside of a step, in whichever list."""
    for key, item in value.items() if isinstance(value, Mapping) else ():
        if key in _STEP_LISTS and isinstance(item, list):
            yield from item
        elif isinstance(item, list):
            for entry in item:
                yield from _steps_in(entry)
        else:
            yield from _steps_in(item)


def _variables_in(value: Any) -> Iterator[str]:
    """Every name that something inside of a step may set."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key in _SETTING and isinstance(item, Mapping):
                yield from (name for name in item if isinstance(name, str) and name.isidentifier())
            elif key == "as" and isinstance(item, str):
                yield item
            elif key == "sets" and isinstance(item, list):
                yield from (name for name in item if isinstance(name, str))
            yield from _variables_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from _variables_in(item)
