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


@pytest.mark.parametrize(
    ("code", "message", "detail"),
    [
        (18, "self-signed certificate", "self-signed certificate; trust it with tls: { ca: FILE }"),
        (
            20,
            "unable to get local issuer certificate",
            "unable to get local issuer certificate; trust it with tls: { ca: FILE }",
        ),
        (10, "certificate has expired", "certificate has expired; renew it"),
        (9, "certificate is not yet valid", "certificate is not yet valid; set the clock right"),
        (
            62,
            "Hostname mismatch, certificate is not valid for 'a.test'.",
            "certificate is not valid for 'a.test'; set tls: { server_name: HOST }",
        ),
        (
            64,
            "IP address mismatch, certificate is not valid for '10.0.0.1'.",
            "certificate is not valid for '10.0.0.1'; set tls: { server_name: HOST }",
        ),
    ],
)
def test_a_certificate_that_is_not_accepted_is_told_with_the_cure(code: int, message: str, detail: str) -> None:
    error = ssl.SSLCertVerificationError(
        1, "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed (_ssl.c:1006)"
    )
    error.verify_code, error.verify_message = code, message
    assert tls_failure(error) == Failure("tls", f"certificate not accepted: {detail}, or use --insecure")


@pytest.mark.parametrize(
    ("reason", "detail"),
    [
        ("WRONG_VERSION_NUMBER", "write http:// in its URL"),
        ("HTTP_REQUEST", "write http:// in its URL"),
        ("TLSV1_ALERT_PROTOCOL_VERSION", "no TLS 1.2 or later"),
        ("UNSUPPORTED_PROTOCOL", "no TLS 1.2 or later"),
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", "refused the handshake"),
        ("ssl/tls alert handshake failure", "refused the handshake"),
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "tls: { cert: FILE, key: FILE }"),
        ("TLSV1_ALERT_UNKNOWN_CA", "does not accept the client certificate"),
        ("TLSV1_UNRECOGNIZED_NAME", "tls: { server_name: HOST }"),
        ("UNEXPECTED_EOF_WHILE_READING", "closed the connection during the handshake"),
        ("BAD_ECPOINT", "bad ecpoint"),
        (None, "handshake failed"),
    ],
)
def test_the_reason_for_a_failed_handshake_is_told_in_words(reason: str | None, detail: str) -> None:
    error = ssl.SSLError(1, "[SSL] (_ssl.c:1006)")
    error.reason = reason  # type: ignore[assignment]  # it can be None
    failure = tls_failure(error)
    assert failure.kind == "tls"
    assert detail in str(failure.detail)


def test_a_broken_handshake_is_a_tls_error_but_no_open_files_are_ours() -> None:
    assert tls_failure(ConnectionResetError(errno.ECONNRESET, "x")).kind == "tls"
    assert tls_failure(OSError(errno.EMFILE, "x")).kind == "open_files"


def test_the_loss_of_an_open_connection_is_a_reset() -> None:
    assert connection_lost(BrokenPipeError(errno.EPIPE, "x")) == Failure("reset", os.strerror(errno.EPIPE))
    assert connection_lost(ConnectionResetError()).kind == "reset"
