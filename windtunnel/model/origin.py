"""Where requests go: origins and URLs (RFC 3986), and the rule for the hosts that they may go to."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, urlsplit

from windtunnel.errors import ExpressionError
from windtunnel.model.sut import Sut

_UNIX = "http+unix://"
_LONGEST_LABEL = 63
_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?\.?").fullmatch
_is_loopback_v4 = re.compile(r"127(?:\.[0-9]{1,3}){3}").fullmatch
_NOT_IN_A_URL = re.compile(r"[^\w\-.~:/?@!$&'()*+,;=%\[\]]", re.ASCII)
_AUTHORITY = re.compile(r"https?://[^/?]*", re.IGNORECASE)
_FORBIDDEN = re.compile("[\x00-\x20\x7f\ud800-\udfff]").search

IN_A_URL = "-._~:/?@!$&'()*+,;=%[]"
"""What can stand in a URL besides letters and digits, so that it need not be encoded once more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Scheme (http or https), host (lower case, an IPv6 address without brackets) and port of a server."""

    scheme: str
    host: str
    port: int

    @property
    def bare_host(self) -> str:
        """The host without the dot of the DNS root: `shop.test.` and `shop.test` are the same server.

        As in browsers the two are different origins, so that headers of one do not go to the other.
        """
        return self.host.rstrip(".")

    @property
    def is_loopback(self) -> bool:
        """Whether the host is this machine itself, by name or address."""
        host = self.bare_host
        if host == "localhost" or host.endswith(".localhost"):
            return True
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return address.is_loopback or address.is_unspecified

    @property
    def is_secure(self) -> bool:
        """Whether browsers trust the way there (W3C Secure Contexts, 3.1): over TLS, or to this machine itself."""
        if self.scheme == "https":
            return True
        host = self.bare_host
        return host in {"localhost", "::1"} or host.endswith(".localhost") or _is_loopback_v4(host) is not None

    @property
    def authority(self) -> str:
        """The value of the Host header: the port only where it is not the scheme's default."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseUrl:
    """The parts of a service's base URL; `path` has no trailing slash (empty for the root).

    `socket` is the path of a Unix socket to connect to in place of the origin's host and port.
    """

    origin: Origin
    path: str = ""
    socket: str | None = None

    def __str__(self) -> str:
        return f"{self.origin}{self.path}"


def parse_base_url(text: str) -> BaseUrl:
    """Split a base URL into its parts. Raises ExpressionError, with what to write instead."""
    if text.startswith(_UNIX):
        # The whole path is the socket's; the Host header says localhost, as it would over TCP.
        return BaseUrl(origin=Origin(scheme="http", host="localhost", port=80), socket=text.removeprefix(_UNIX))
    parts = _split(text)
    if parts.query or parts.fragment:
        raise ExpressionError(f"{text}: a base URL has no query and no fragment")
    return BaseUrl(origin=_origin_of(parts, text), path=parts.path.rstrip("/"))


def split_url(text: str) -> tuple[Origin, str]:
    """An absolute URL as its origin and its target (path and query, at least `/`; the fragment is dropped).

    Raises ExpressionError for anything that is not an http or https URL.
    """
    parts = _split(text)
    target = parts.path or "/"
    return _origin_of(parts, text), f"{target}?{parts.query}" if parts.query else target


def _split(text: str) -> SplitResult:
    refuse_unsent(text)
    try:
        return urlsplit(text)
    except ValueError as error:
        raise ExpressionError(f"{text}: {error}") from None


def percent_encoded(text: str, *, safe: str) -> str:
    """The text with all but letters, digits, `_.-~` and the `safe` characters encoded, byte by byte.

    What came in a header is given as `model.http.wire_text`, so that its bytes are those that are encoded.
    """
    try:
        return quote(text, safe=safe, errors="surrogateescape")
    except UnicodeEncodeError:
        return quote(text, safe=safe, errors="replace")


def legal(url: str) -> str:
    """The URL without its fragment, which is never sent, and with every illegal character encoded."""
    if _NOT_IN_A_URL.search(url) is None:
        return url
    url = url.partition("#")[0]
    absolute = _AUTHORITY.match(url)  # which is not percent-encoded: its host has letters of its own
    begin = absolute.end() if absolute else 0
    return url[:begin] + percent_encoded(url[begin:], safe=IN_A_URL)


def refuse_unsent(text: str) -> None:
    """Raise ExpressionError for what no URL can hold; urlsplit silently removes tabs and line ends."""
    if _FORBIDDEN(text):
        raise ExpressionError(f"{text!r}: a URL has no spaces and no control characters")


def _origin_of(parts: SplitResult, text: str) -> Origin:
    if parts.scheme not in _DEFAULT_PORTS:
        raise ExpressionError(f"{text}: not an http or https URL", hint="write it like https://example.test/path")
    if parts.username is not None or parts.password is not None:
        raise ExpressionError(
            f"{parts.scheme}://…@{parts.hostname}: credentials do not belong into a URL",
            hint="send them in an Authorization header",
        )
    return _host_and_port(parts, text)


def read_authority(scheme: str, authority: str, text: str) -> Origin:
    """The origin of a scheme and `host:port`, both in `text`. Raises ExpressionError."""
    try:
        if _FORBIDDEN(authority):
            raise ValueError
        parts = urlsplit(f"{scheme}://{authority}")
    except ValueError:
        raise ExpressionError(f"{text}: {authority!r} is not a host name") from None
    return _host_and_port(parts, text)


def _host_and_port(parts: SplitResult, text: str) -> Origin:
    try:
        port = parts.port
    except ValueError:
        port = -1
    if port is not None and not 0 < port < 65536:
        raise ExpressionError(f"{text}: the port is not a number from 1 to 65535")
    host = checked_host(parts.hostname or "", text)
    return Origin(scheme=parts.scheme, host=host, port=port or _DEFAULT_PORTS[parts.scheme])


def checked_host(host: str, text: str) -> str:
    """The host as sent: an address, or a name in ASCII. Raises ExpressionError; it stands in `text`."""
    if ":" in host:
        try:
            return str(ipaddress.IPv6Address(host))
        except ValueError:
            raise ExpressionError(f"{text}: {host!r} is not an IPv6 address") from None
    try:
        ascii_host = in_ascii(host)
    except UnicodeError:
        ascii_host = ""
    if not _HOST_NAME(ascii_host):
        raise ExpressionError(f"{text}: {host!r} is not a host name" if host else f"{text}: the host is missing")
    return ascii_host


def in_ascii(name: str) -> str:
    """A host name with its labels in ASCII, as browsers write them: `bücher` is `xn--bcher-kva`.

    This is IDNA 2008 over UTS 46, in which `ß` is a letter of its own; the codec of Python knows IDNA 2003 alone.
    Browsers also take signs that IDNA 2008 has no name for, such as emoji. Raises UnicodeError.
    """
    if name.isascii():
        return name
    import idna  # needs milliseconds, and few names need it

    try:
        return idna.encode(name, uts46=True).decode()
    except idna.InvalidCodepoint:
        labels = idna.uts46_remap(name, std3_rules=False).split(".")
    coded = [label if label.isascii() else f"xn--{label.encode('punycode').decode()}" for label in labels]
    if any(len(label) > _LONGEST_LABEL for label in coded):
        raise UnicodeError("a label is too long")
    return ".".join(coded)


class HostRules:
    """Which hosts a request may go to: exact names, or `*.suffix` for every name below one; any port.

    A trailing dot makes no difference, in a pattern or in a host; nor does it whether a name is written in ASCII.
    This is the only such rule: compiling a step and sending a request both ask it.
    """

    __slots__ = ("_exact", "_suffixes")

    def __init__(self, patterns: Iterable[str]) -> None:
        lowered = [in_ascii(pattern.strip().lower()).rstrip(".") for pattern in patterns]
        self._exact = frozenset(pattern.strip("[]") for pattern in lowered if not pattern.startswith("*."))
        self._suffixes = tuple(pattern[1:] for pattern in lowered if pattern.startswith("*."))

    @classmethod
    def of(cls, sut: Sut) -> HostRules:
        """The rules of a SUT file: the hosts of its services and `allow_hosts`.

        Raises ExpressionError for a base URL that can't be used.
        """
        own = [parse_base_url(service.base_url).origin.host for service in sut.all_services]
        return cls([*sut.allow_hosts, *own])

    def allow(self, origin: Origin) -> bool:
        """Whether a request may go to this origin."""
        host = origin.bare_host
        return host in self._exact or host.endswith(self._suffixes)
