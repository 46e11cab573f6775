"""The library for zstd, imported when it is first needed: Python's own from 3.14 on, before that its backport."""

from __future__ import annotations

import sys
from typing import Any


def zstd_library() -> Any:
    """The module, which is the same under both names."""
    if sys.version_info >= (3, 14):
        from compression import zstd  # pragma: no cover
    else:
        from backports import zstd
    return zstd
