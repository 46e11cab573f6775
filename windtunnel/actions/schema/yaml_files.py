"""OpenAPI documents in YAML: the scalars of YAML 1.2 that JSON knows, and keys that are always text.

In YAML 1.1, which PyYAML reads, `yes` and `on` are booleans and `2026-01-02` is a date; the responses of an
OpenAPI document have keys such as `200`, which a reference names as text.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STRING = "tag:yaml.org,2002:str"


class _Loader(_Base):  # type: ignore[misc]  # the class that is there
    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  the name is the library's

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        """The mapping of a node, its keys as they are written."""
        self.flatten_mapping(node)
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                key.tag = _STRING
        return super().construct_mapping(node, deep)


def _whole_number(_loader: Any, node: Any) -> int:
    text = node.value
    return int(text[2:], 8) if text.startswith("0o") else int(text, 16 if text.startswith("0x") else 10)


for _tag, _pattern, _first in (
    ("null", "~|null|Null|NULL|", "~nN\0"),
    ("bool", "true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", "[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+.0123456789",
    ),
    ("merge", "<<", "<"),
):
    _resolver = re.compile(f"^(?:{_pattern})$")
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", _resolver, [*_first.replace("\0", ""), *([""] if "\0" in _first else [])]
    )
_Loader.add_constructor("tag:yaml.org,2002:int", _whole_number)


def load(content: bytes) -> Any:
    """The value of a document. Raises yaml.YAMLError."""
    return yaml.load(content, Loader=_Loader)  # noqa: S506  a safe loader
