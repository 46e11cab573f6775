"""From exceptions to the error kinds of `model.http.ERROR_KINDS`: one mapping, at the edge."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from dataclasses import dataclass

from windtunnel.model.vocabulary import ErrorKind

_BY_ERRNO: dict[int, ErrorKind] = {
    errno.ECONNREFUSED: "refused",
    errno.ECONNRESET: "reset",
    errno.ECONNABORTED: "reset",
    errno.EPIPE: "reset",
    errno.ENETUNREACH: "unreachable",
    errno.EHOSTUNREACH: "unreachable",
    errno.ENETDOWN: "unreachable",
    errno.EHOSTDOWN: "unreachable",
    errno.EAFNOSUPPORT: "unreachable",
    errno.EACCES: "unreachable",
    errno.EPERM: "unreachable",
    errno.EMFILE: "open_files",
    errno.ENFILE: "open_files",
    errno.EADDRNOTAVAIL: "ports",
    errno.EADDRINUSE: "ports",
    errno.ETIMEDOUT: "connect_timeout",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a request has no complete response: its kind, and what is known beyond it."""

    kind: ErrorKind
    detail: str | None = None


def connect_failure(error: OSError) -> Failure:
    """The failure for an error while resolving or connecting."""
    if isinstance(error, socket.gaierror):
        return Failure("dns", error.strerror)
    kind = _BY_ERRNO.get(error.errno or 0, "unreachable")
    return Failure(kind, _detail(error))


def tls_failure(error: OSError) -> Failure:
    """The failure for an error during the TLS handshake; it names the problem of a certificate."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return Failure("tls", f"certificate not accepted: {error.verify_message or error.reason}")
    if isinstance(error, ssl.SSLError):
        reason = (error.reason or "").replace("_", " ").lower()
        return Failure("tls", reason or "handshake failed")
    if _BY_ERRNO.get(error.errno or 0) == "open_files":
        return Failure("open_files", _detail(error))
    return Failure("tls", "the server closed the connection during the handshake")


def connection_lost(error: Exception) -> Failure:
    """The failure for the loss of an open connection; `error` is what asyncio hands to the protocol."""
    if isinstance(error, ssl.SSLError):
        return tls_failure(error)
    return Failure("reset", _detail(error) if isinstance(error, OSError) else None)


def _detail(error: OSError) -> str | None:
    """The system's text for the error number; the exception's own text is full of addresses."""
    return os.strerror(error.errno) if error.errno else None
