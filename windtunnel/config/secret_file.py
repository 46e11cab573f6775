"""Files that hold one secret each, as Docker, Kubernetes and CI systems mount them."""

from __future__ import annotations

from pathlib import Path

from windtunnel.config.references import ReadSecret

MAX_SECRET_BYTES = 64 * 1024


def secrets_beside(file: str) -> ReadSecret:
    """What reads the secrets that `file` refers to: a relative path starts at its folder."""
    folder = Path(file).parent

    def read(path: str) -> tuple[str | None, str]:
        name = folder / path
        try:
            with name.open("rb") as opened:
                content = opened.read(MAX_SECRET_BYTES + 1)
            if len(content) > MAX_SECRET_BYTES:
                return None, f'"{name}" is larger than 64 KiB, too large for a secret'
            # An editor and `echo` end a file with a line break that is not part of the secret.
            return content.decode("utf-8-sig").rstrip("\r\n"), ""
        except FileNotFoundError:
            return None, f'there is no file "{name}"'
        except UnicodeDecodeError:
            return None, f'"{name}" is not UTF-8 text'
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            return None, f'"{name}" can\'t be read: {reason}'

    return read
