"""Proxies: which one a request goes through, and the tunnel an encrypted one needs (RFC 9110, 9.3.6)."""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import re
import socket

from windtunnel.http.errors import Failure
from windtunnel.model.origin import Origin, in_ascii, parse_base_url
from windtunnel.model.sut import Proxies, Proxy, Sut

_LONGEST_ANSWER = 16 * 1024
_end_of_head = re.compile(rb"\n\r?\n").search


def proxy_for(origin: Origin, proxies: Proxies) -> Proxy | None:
    """The proxy for requests to an origin, None for none."""
    proxy = proxies.https if origin.scheme == "https" else proxies.http
    if proxy is None or (not proxies.loopback and origin.is_loopback):
        return None
    return None if any(_covers(pattern, origin) for pattern in proxies.bypass) else proxy


def proxies_in_use(sut: Sut) -> list[Proxy]:
    """The proxies that requests to the services go through."""
    bases = [parse_base_url(service.base_url) for service in sut.all_services]
    found = [proxy_for(base.origin, sut.http.proxies) for base in bases if base.socket is None]
    return list(dict.fromkeys(proxy for proxy in found if proxy is not None))


def authorization(proxy: Proxy) -> tuple[tuple[str, str], ...]:
    """The header with our credentials for the proxy, if it has any."""
    if proxy.user is None:
        return ()
    credentials = base64.b64encode(f"{proxy.user}:{proxy.password}".encode()).decode("ascii")
    return (("Proxy-Authorization", f"Basic {credentials}"),)


async def open_tunnel(sock: socket.socket, origin: Origin, proxy: Proxy) -> Failure | None:
    """Ask the proxy that `sock` is connected to for a connection to the origin. Raises OSError."""
    loop = asyncio.get_running_loop()
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    lines = [f"CONNECT {host}:{origin.port} HTTP/1.1", f"Host: {host}:{origin.port}"]
    lines += [f"{name}: {value}" for name, value in authorization(proxy)]
    await loop.sock_sendall(sock, "\r\n".join([*lines, "", ""]).encode("latin-1"))
    answer = b""
    while _end_of_head(answer) is None:
        # Nothing follows the head: the server never begins the TLS handshake.
        piece = await loop.sock_recv(sock, 4096)
        answer += piece
        if not piece or len(answer) > _LONGEST_ANSWER:
            return Failure("proxy", "its answer to CONNECT is not HTTP")
    status_line = answer.strip().partition(b"\n")[0].decode("latin-1").rstrip()
    version, _, status = status_line.partition(" ")
    if not version.upper().startswith("HTTP/1."):
        return Failure("proxy", "its answer to CONNECT is not HTTP")
    return None if status.lstrip()[:1] == "2" else Failure("proxy", f"it answered {status[:80]!r} to CONNECT")


def _covers(pattern: str, origin: Origin) -> bool:
    if pattern == "*":
        return True
    host, colon, port = pattern.rpartition(":")
    if colon and port.isascii() and port.isdigit() and not host.count(":"):
        if port.lstrip("0") != str(origin.port):
            return False
        pattern = host
    address = _address(origin.bare_host)
    if address is not None:
        try:
            return address in ipaddress.ip_network(pattern.strip("[]"), strict=False)
        except ValueError:
            return False
    try:
        suffix = in_ascii(pattern.lower().lstrip("*").lstrip("."))
    except UnicodeError:
        return False
    return origin.bare_host == suffix or origin.bare_host.endswith(f".{suffix}")


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
