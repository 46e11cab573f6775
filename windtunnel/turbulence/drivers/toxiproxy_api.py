"""Toxiproxy's HTTP API: one call, one connection, to the address of the plan and nowhere else."""

from __future__ import annotations

import asyncio
import io
import json
import ssl
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from typing import Any, cast
from urllib.parse import quote, urlsplit

import windtunnel
from windtunnel.errors import ExpressionError
from windtunnel.figures import as_written
from windtunnel.tasks import within

DEFAULT_URL = "http://127.0.0.1:8474"

CALL_S = 3.0
"""Seconds that a call has."""

_LARGEST = 8 * 1024 * 1024
"""The maximum size of an answer in bytes."""

_LONGEST_SAID = 300
"""Characters that are quoted of what an answer says."""

_URL_HINT = f"write the URL of its API, such as {DEFAULT_URL}"


class CallError(Exception):
    """Why there is no answer. `status` is that of an answer which is no success, 0 without one."""

    def __init__(self, message: str, *, status: int = 0) -> None:
        self.status = status
        super().__init__(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where the API is. `path` is what comes before `/proxies`, "" as a rule."""

    url: str
    host: str
    port: int
    path: str
    tls: bool

    @classmethod
    def of(cls, url: str) -> Address:
        """The address that a URL says. Raises ExpressionError for anything else."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise ExpressionError(f'"{url}" is not a URL', hint=_URL_HINT) from None
        if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
            raise ExpressionError(f'"{url}" is not the URL of an API', hint=_URL_HINT)
        if "@" in parts.netloc:
            raise ExpressionError("the URL holds a user name, which Toxiproxy does not know", hint=_URL_HINT)
        if not (host + parts.path).isascii() or any(each <= " " for each in host + parts.path):
            raise ExpressionError("the URL holds a character that has to be encoded", hint=_URL_HINT)
        tls = parts.scheme == "https"
        return cls(
            url=url.rstrip("/"), host=host, port=port or (443 if tls else 80), path=parts.path.rstrip("/"), tls=tls
        )

    def place(self, *names: str) -> str:
        """The URL of what has this path of names, as it is typed."""
        return f"{self.url}{_path(names)}"


async def call(address: Address, method: str, *names: str, body: Any = None) -> Any:
    """The JSON of an answer, its text where it is none, None where it is empty.

    Raises CallError where there is no answer in time, or one that is no success.
    """
    try:
        return await within(CALL_S, _call(address, method, names, body))
    except asyncio.TimeoutError:
        raise CallError(f"Toxiproxy at {address.url} did not answer within {as_written(CALL_S)}") from None
    except HTTPException:  # one that is an OSError as well: the connection was closed without an answer
        raise CallError(f"{address.url} does not answer as Toxiproxy does") from None
    except OSError as error:
        said = error.reason if isinstance(error, ssl.SSLError) else error.strerror
        raise CallError(f"can't reach Toxiproxy at {address.url}: {said or error}") from None
    except (ValueError, RecursionError):
        raise CallError(f"{address.url} does not answer as Toxiproxy does") from None


def quoted(said: object) -> str:
    """What an API says, short and on one line: anything may answer there."""
    text = str(said)[: _LONGEST_SAID + 1]
    plain = "".join(each if each.isprintable() else " " for each in text)
    return plain if len(plain) <= _LONGEST_SAID else f"{plain[:_LONGEST_SAID]}…"


async def _call(address: Address, method: str, names: tuple[str, ...], body: Any) -> Any:
    content = b"" if body is None else json.dumps(body).encode()
    head = [
        f"{method} {address.path}{_path(names)} HTTP/1.1",
        f"Host: {_authority(address)}",
        f"User-Agent: windtunnel/{windtunnel.__version__}",
        "Accept: application/json",
        "Connection: close",
        *([] if body is None else ["Content-Type: application/json"]),
        *([] if method == "GET" else [f"Content-Length: {len(content)}"]),
    ]
    context = ssl.create_default_context() if address.tls else None
    reader, writer = await asyncio.open_connection(address.host, address.port, ssl=context)
    try:
        writer.write("\r\n".join([*head, "", ""]).encode() + content)
        received = await _until_end(reader)
    finally:
        writer.close()
    return _answer(received, method)


async def _until_end(reader: asyncio.StreamReader) -> bytes:
    received = b""
    while piece := await reader.read(64 * 1024):
        received += piece
        if len(received) > _LARGEST:
            raise ValueError("too large")
    return received


class _Received:
    """What came, as `http.client` reads it: as from a socket."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def makefile(self, *_: object) -> io.BytesIO:
        return io.BytesIO(self._content)


def _answer(received: bytes, method: str) -> Any:
    response = HTTPResponse(cast(Any, _Received(received)), method=method)
    response.begin()
    text = response.read().decode("utf-8", "replace")
    try:
        value = json.loads(text) if text.strip() else None
    except ValueError:
        value = text.strip()
    if 200 <= response.status < 300:
        return value
    # Of versions before 2.1 the key was `title`.
    said = next((value[key] for key in ("error", "title") if isinstance(value, dict) and key in value), "")
    raise CallError(quoted(said) or f"Toxiproxy answered {response.status}", status=response.status)


def _authority(address: Address) -> str:
    host = f"[{address.host}]" if ":" in address.host else address.host
    return f"{host}:{address.port}"


def _path(names: tuple[str, ...]) -> str:
    return "".join(f"/{quote(name, safe='')}" for name in names)
