"""From exceptions to the error kinds of `model.http.ERROR_KINDS`: one mapping, at the edge."""

from __future__ import annotations

import errno
import os
import re
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


_SKIP = "or use --insecure"
_ANOTHER_NAME = "set tls: { server_name: HOST }"
_OWN_CERTIFICATE = "give one with tls: { cert: FILE, key: FILE }"
_NO_TLS = "the server does not speak TLS at this port; for plain HTTP write http:// in its URL"
MAYBE_PLAIN = "if this port speaks plain HTTP, write http:// in its URL"

_MISMATCH = re.compile("^(Hostname|IP address) mismatch, (?=certificate)")

_EXPIRED, _NOT_YET_VALID = 10, 9
_OTHER_HOST, _OTHER_ADDRESS = 62, 64
_CURES = {
    _EXPIRED: "renew it",
    _NOT_YET_VALID: "set the clock right",
    _OTHER_HOST: _ANOTHER_NAME,
    _OTHER_ADDRESS: _ANOTHER_NAME,
}
"""What helps against a certificate, by the code of OpenSSL (X509_V_ERR); any other is about trust."""

_REASONS = (
    ("WRONG_VERSION_NUMBER", _NO_TLS),
    ("HTTP_REQUEST", _NO_TLS),
    ("PACKET_LENGTH_TOO_LONG", _NO_TLS),
    ("RECORD_LAYER_FAILURE", _NO_TLS),
    ("PROTOCOL_VERSION", "the server speaks no TLS 1.2 or later; older versions are not supported"),
    ("UNSUPPORTED_PROTOCOL", "the server speaks no TLS 1.2 or later; older versions are not supported"),
    ("UNRECOGNIZED_NAME", f"the server has no certificate for this name; {_ANOTHER_NAME}"),
    ("CERTIFICATE_REQUIRED", f"the server asks for a client certificate; {_OWN_CERTIFICATE}"),
    ("ALERT_CERTIFICATE", f"the server does not accept the client certificate; {_OWN_CERTIFICATE}"),
    ("ALERT_BAD_CERTIFICATE", f"the server does not accept the client certificate; {_OWN_CERTIFICATE}"),
    ("ALERT_UNKNOWN_CA", f"the server does not accept the client certificate; {_OWN_CERTIFICATE}"),
    (
        "HANDSHAKE_FAILURE",
        f"the server refused the handshake: no cipher in common, or no client certificate; {_OWN_CERTIFICATE}",
    ),
    ("UNEXPECTED_EOF", f"the server closed the connection during the handshake; {MAYBE_PLAIN}"),
)
"""What a word in OpenSSL's reason means, and what helps. The words around it differ between versions."""


def tls_failure(error: OSError) -> Failure:
    """The failure for an error during the TLS handshake: what is wrong, and what to write."""
    if isinstance(error, ssl.SSLCertVerificationError):
        code = getattr(error, "verify_code", 0)
        cure = _CURES.get(code, "trust it with tls: { ca: FILE }")
        message = _MISMATCH.sub("", error.verify_message or error.reason or "").rstrip(".")
        return Failure("tls", f"certificate not accepted: {message}; {cure}, {_SKIP}")
    if isinstance(error, ssl.SSLError):
        reason = error.reason or ""
        known = (text for word, text in _REASONS if word in reason.upper().replace(" ", "_"))
        return Failure("tls", next(known, reason.replace("_", " ").lower() or "handshake failed"))
    if _BY_ERRNO.get(error.errno or 0) == "open_files":
        return Failure("open_files", _detail(error))
    return Failure("tls", f"the server closed the connection during the handshake; {MAYBE_PLAIN}")


TLS_BYTES = b"\x15"
"""What an alert of TLS begins with (RFC 8446, 5.1): what a server that speaks TLS answers to plain HTTP.

One byte, so that it makes no difference where the alert is cut.
"""

ONLY_TLS = Failure("tls", "the server speaks TLS at this port; write https:// in its URL")


def connection_lost(error: Exception) -> Failure:
    """The failure for the loss of an open connection; `error` is what asyncio hands to the protocol."""
    if isinstance(error, ssl.SSLError):
        return tls_failure(error)
    return Failure("reset", _detail(error) if isinstance(error, OSError) else None)


def _detail(error: OSError) -> str | None:
    """The system's text for the error number; the exception's own text is full of addresses."""
    return os.strerror(error.errno) if error.errno else None
