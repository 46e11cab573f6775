"""`python -m windtunnel` and the `windtunnel` command."""

from __future__ import annotations

import os
import signal
from types import FrameType


def main() -> None:
    """Run the command. A signal that comes while Python imports ends the process with a line and no traceback."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end)
    from windtunnel.cli.process import run

    run()


def _end(number: int, frame: FrameType | None) -> None:
    del frame
    try:
        os.write(2, f"interrupted by {signal.Signals(number).name}, nothing was sent\n".encode())
    finally:
        os._exit(130 if number == signal.SIGINT else 143)


if __name__ == "__main__":
    main()
