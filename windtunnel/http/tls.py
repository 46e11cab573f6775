"""TLS settings as ssl contexts. Making one reads the system's certificates, which takes milliseconds."""

from __future__ import annotations

import ssl

from windtunnel.errors import ConfigError
from windtunnel.model.sut import Tls


def client_context(tls: Tls) -> ssl.SSLContext:
    """The context for connections under `tls`. Raises ConfigError when one of its files can't be used."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if tls.ca is not None:
        _load_ca(context, tls.ca)
    if tls.cert is not None:
        _load_own(context, tls.cert, tls.key)
    return context


def _load_ca(context: ssl.SSLContext, ca: str) -> None:
    try:
        context.load_verify_locations(ca)
    except ssl.SSLError:
        raise ConfigError.of(
            f"tls.ca: {ca} holds no certificate", hint="it must be a PEM file with BEGIN CERTIFICATE lines"
        ) from None
    except OSError as error:
        raise ConfigError.of(f"tls.ca: {ca} can't be read: {error.strerror}") from None


def _load_own(context: ssl.SSLContext, cert: str, key: str | None) -> None:
    try:
        # Without an answer of ours OpenSSL would ask for the password of an encrypted key on the terminal.
        context.load_cert_chain(cert, key, password=lambda: "")
    except ssl.SSLError as error:
        reason = (error.reason or "no certificate with its key in it").replace("_", " ").lower()
        raise ConfigError.of(
            f"tls.cert: {cert} can't be used{f' with {key}' if key else ''}: {reason}",
            hint="tls.cert and tls.key must be PEM files that belong together, the key without a password",
        ) from None
    except OSError as error:
        raise ConfigError.of(f"tls.cert: {cert} or its key can't be read: {error.strerror}") from None
