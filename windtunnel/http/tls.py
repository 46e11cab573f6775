"""TLS settings as ssl contexts. Making one reads the system's certificates, which takes milliseconds."""

from __future__ import annotations

import ssl

from windtunnel.errors import ConfigError
from windtunnel.model.sut import Tls

__all__ = ["client_context"]


def client_context(tls: Tls) -> ssl.SSLContext:
    """The context for connections under `tls`. Raises ConfigError when the CA file can't be used."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if tls.ca is not None:
        try:
            context.load_verify_locations(tls.ca)
        except ssl.SSLError:
            raise ConfigError.of(
                f"tls.ca: {tls.ca} holds no certificate", hint="it must be a PEM file with BEGIN CERTIFICATE lines"
            ) from None
        except OSError as error:
            raise ConfigError.of(f"tls.ca: {tls.ca} can't be read: {error.strerror}") from None
    return context
