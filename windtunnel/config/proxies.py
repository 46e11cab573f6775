"""The proxies of a plan to their model."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlsplit

from windtunnel.config.reader import Document
from windtunnel.errors import ExpressionError, Problem
from windtunnel.model.origin import checked_host
from windtunnel.model.source import DataPath
from windtunnel.model.turbulence import ProxySpec
from windtunnel.model.vocabulary import ProxyProtocol

T = TypeVar("T")

_ON_HTTP = ("http", "https")
_PORTS = {"http": 80, "https": 443}
_ANY = "0.0.0.0"  # noqa: S104  what an address without a host means; the command line has to allow it
_UPSTREAM = "write a URL with a port, such as http://payments:9000 or tcp://db:5432"
_LISTEN = "write an address and a port, such as 127.0.0.1:0 or [::1]:8080; port 0 is a free one"


def parse_upstream(text: str) -> SplitResult:
    """The parts of `http://payments:9000` or `postgres://user:secret@db:5432/shop`. Raises ExpressionError.

    No message has more of the URL than its host: it may hold a password.
    """
    try:
        split = urlsplit(text if "://" in text else f"tcp://{text}")
        port = split.port or _PORTS.get(split.scheme)
    except ValueError:
        raise ExpressionError("the URL of the upstream can't be read", hint=_UPSTREAM) from None
    if not split.hostname or any(each.isspace() for each in text):
        raise ExpressionError("the URL of the upstream has no host", hint=_UPSTREAM)
    checked_host(split.hostname, split.hostname)
    if not port:
        raise ExpressionError(f'the upstream "{split.hostname}" has no port', hint=_UPSTREAM)
    if split.scheme in _ON_HTTP and (split.path.strip("/") or split.query or split.fragment):
        raise ExpressionError("the upstream of an http proxy has no path: it forwards that of the request")
    return split


def parse_listen(text: str) -> tuple[str, int]:
    """(host, port) of `127.0.0.1:0`. Raises ExpressionError."""
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not (port.isascii() and port.isdigit()) or int(port[:6]) > 65535:
        raise ExpressionError(f'"{text}" is not an address to listen on', hint=_LISTEN)
    try:
        address = "localhost" if host == "localhost" else str(ipaddress.ip_address(host or _ANY))
    except ValueError:
        raise ExpressionError(f'"{host}" is not an IP address', hint=_LISTEN) from None
    return address, int(port)


class ProxyReader:
    """Reads the proxies of one file; gathers their problems."""

    def __init__(self, document: Document) -> None:
        self.problems: list[Problem] = []
        self._document = document

    def read(self, data: Mapping[str, Mapping[str, Any]], path: DataPath) -> tuple[ProxySpec, ...]:
        """The proxies that could be read."""
        read = [self._proxy(name, written, (*path, name)) for name, written in data.items()]
        found = [proxy for proxy in read if proxy is not None]
        self._require_different(found, path)
        return tuple(found)

    def _require_different(self, proxies: Sequence[ProxySpec], path: DataPath) -> None:
        """Two proxies can't have the same address, nor be told by the same variable."""
        exports: dict[str, str] = {}
        addresses: dict[tuple[str, int], str] = {}
        for proxy in proxies:
            other = exports.setdefault(proxy.export, proxy.name)
            if proxy.export and other != proxy.name:
                message = f'the variable {proxy.export} has the URL of the proxy "{other}"'
                self._note(message, (*path, proxy.name, "export"), hint="give each proxy a variable of its own")
            other = addresses.setdefault((proxy.host, proxy.port), proxy.name)
            if proxy.port and other != proxy.name:
                message = f'the proxy "{other}" listens on this address'
                self._note(message, (*path, proxy.name, "listen"), hint="choose another port; 0 is a free one")

    def _proxy(self, name: str, written: Mapping[str, Any], path: DataPath) -> ProxySpec | None:
        before = len(self.problems)
        upstream = written.get("upstream", "")
        split = self._attempt(parse_upstream, upstream, (*path, "upstream")) if upstream else None
        address = self._attempt(parse_listen, written.get("listen", "127.0.0.1:0"), (*path, "listen"))
        understood: ProxyProtocol = "tcp" if split is not None and split.scheme not in _ON_HTTP else "http"
        protocol: ProxyProtocol = written.get("protocol", understood)
        if protocol == "http" and understood == "tcp" and "://" in upstream:
            message = f"an http proxy can't speak {split.scheme if split else understood} to its upstream"
            self._note(message, (*path, "upstream"), hint="write protocol: tcp")
        if address is None or len(self.problems) > before:
            return None
        return ProxySpec(
            name=name,
            protocol=protocol,
            host=address[0],
            port=address[1],
            upstream=upstream,
            export=written.get("export", ""),
            service=written.get("service", ""),
            where=self._document.source.locate(path, key=True),
        )

    def _attempt(self, parse: Callable[[str], T], text: str, path: DataPath) -> T | None:
        try:
            return parse(text)
        except ExpressionError as error:
            self._note(str(error), path, hint=error.hint)
            return None

    def _note(self, message: str, path: DataPath, *, hint: str | None) -> None:
        self.problems.append(self._document.problem(message, path, hint=hint))
