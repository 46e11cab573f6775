from __future__ import annotations

import errno
import os
import socket
import ssl

import pytest

from windtunnel.http.errors import Failure, connect_failure, connection_lost, tls_failure
from windtunnel.model.http import ERROR_KINDS
from windtunnel.model.vocabulary import ErrorKind


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ECONNREFUSED, "refused"),
        (errno.ECONNRESET, "reset"),
        (errno.EHOSTUNREACH, "unreachable"),
        (errno.ENETUNREACH, "unreachable"),
        (errno.EMFILE, "open_files"),
        (errno.ENFILE, "open_files"),
        (errno.EADDRNOTAVAIL, "ports"),
        (errno.ETIMEDOUT, "connect_timeout"),
        (errno.ENODEV, "unreachable"),
    ],
)
def test_what_the_system_says_of_a_connection_becomes_a_kind(number: int, kind: ErrorKind) -> None:
    error = OSError(number, "Multiple exceptions: [Errno …] Connect call failed ('10.0.0.1', 80)")
    assert connect_failure(error) == Failure(kind, os.strerror(number))
    assert kind in ERROR_KINDS


def test_a_name_that_cannot_be_resolved_is_a_dns_error() -> None:
    failure = connect_failure(socket.gaierror(socket.EAI_NONAME, "Name or service not known"))
    assert failure == Failure("dns", "Name or service not known")


def test_a_bad_certificate_is_named() -> None:
    error = ssl.SSLCertVerificationError(
        1, "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed (_ssl.c:1006)"
    )
    error.verify_message = "self-signed certificate"
    assert tls_failure(error) == Failure("tls", "certificate not accepted: self-signed certificate")


def test_a_broken_handshake_is_a_tls_error_but_no_open_files_are_ours() -> None:
    assert tls_failure(ConnectionResetError(errno.ECONNRESET, "x")).kind == "tls"
    assert tls_failure(OSError(errno.EMFILE, "x")).kind == "open_files"


def test_the_loss_of_an_open_connection_is_a_reset() -> None:
    assert connection_lost(BrokenPipeError(errno.EPIPE, "x")) == Failure("reset", os.strerror(errno.EPIPE))
    assert connection_lost(ConnectionResetError()).kind == "reset"
