"""The operating system's limits, raised as far as they go before the load starts."""

from __future__ import annotations

import contextlib

__all__ = ["raise_open_file_limit"]


def raise_open_file_limit() -> int:
    """Raise the soft limit of open files to the hard one; returns what holds now, 0 without such a limit."""
    try:
        import resource
    except ImportError:
        return 0
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # macOS reports no hard limit and refuses to set that: keep the soft one then.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    return soft
