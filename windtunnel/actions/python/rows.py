"""The rows of data files as code of the user reads them: `user.data.account.email` and `["account"]["email"]`.

They are those of the scope, each time anew, so that they can't be changed by code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from windtunnel.errors import did_you_mean

_METHODS = frozenset({"get", "items", "keys", "values"})
"""What others call to read a mapping, such as `json.dumps`: keys of these names are read as items."""

_MAX_SHOWN = 8


class Row(dict[str, Any]):
    """A row, or an object in one. A key is read as an item or as an attribute, unless it is one of `_METHODS`."""

    def __init__(self, values: Mapping[str, Any], what: str) -> None:
        super().__init__({key: _readable(value, f"{what}.{key}") for key, value in values.items()})
        object.__setattr__(self, "_what", what)

    def __getattribute__(self, name: str) -> Any:
        if not name.startswith("__") and name not in _METHODS and dict.__contains__(self, name):
            return dict.__getitem__(self, name)
        return super().__getattribute__(name)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise AttributeError(type(self)._missing(self, name))

    def __missing__(self, name: str) -> NoReturn:
        raise KeyError(type(self)._missing(self, name))

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise AttributeError(f'"{name}" can\'t be set in a row of a data file; set user.variables["{name}"]')

    def __setitem__(self, name: str, value: Any) -> NoReturn:
        raise TypeError(f'"{name}" can\'t be set in a row of a data file; set user.variables["{name}"]')

    def __reduce__(self) -> tuple[type[dict[str, Any]], tuple[dict[str, Any]]]:
        return dict, (dict(self),)

    def _missing(self, name: object) -> str:
        return _without(f'{object.__getattribute__(self, "_what")} has no column "{name}"', name, self, "columns")


class Rows(Row):
    """The row of each data file, by its name in the scenario."""

    def __init__(self, rows: Mapping[str, Mapping[str, Any]]) -> None:
        super().__init__(rows, "data")

    def _missing(self, name: object) -> str:
        if not self:
            return f'there is no data file named "{name}": the scenario has none here'
        return _without(f'there is no data file named "{name}"', name, self, "names")


def rows_of(scope: Mapping[str, Any]) -> Rows:
    """The rows of an instance, or of a user in its `user_setup`."""
    return Rows(scope.get("data", {}))


def _readable(value: Any, what: str) -> Any:
    """The value of a cell; the objects in it as rows."""
    if isinstance(value, dict):
        return Row(value, what)
    if isinstance(value, list):
        return [_readable(each, f"{what}[{place}]") for place, each in enumerate(value)]
    return value


def _without(message: str, name: object, known: dict[str, Any], kind: str) -> str:
    hint = did_you_mean(str(name), list(known))
    shown = ", ".join(list(known)[:_MAX_SHOWN]) + (", …" if len(known) > _MAX_SHOWN else "")
    return f"{message}: {hint} The {kind} are {shown}" if hint else f"{message}; the {kind} are {shown}"
