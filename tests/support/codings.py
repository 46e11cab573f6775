"""Bodies as servers compress them, by the names of Content-Encoding."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Sequence

import brotli

from windtunnel.zstd import zstd_library

zstd = zstd_library()

SKIPPED = b"\x53\x2a\x4d\x18\x04\x00\x00\x00read"
"""A zstd frame that is there to be skipped."""


def gzipped(body: bytes) -> bytes:
    """One member of gzip."""
    return gzip.compress(body, mtime=0)


def deflated(body: bytes, *, bare: bool = False) -> bytes:
    """Deflate data, within the zlib format unless it is bare."""
    stream = zlib.compressobj(wbits=-15 if bare else 15)
    return stream.compress(body) + stream.flush()


def brotlied(body: bytes) -> bytes:
    """Brotli data."""
    return bytes(brotli.compress(body, quality=5))


def zstandard(body: bytes, *, window_log: int = 0) -> bytes:
    """One frame of zstd."""
    return bytes(zstd.compress(body, options={zstd.CompressionParameter.window_log: window_log}))


CODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzipped,
    "deflate": deflated,
    "br": brotlied,
    "zstd": zstandard,
    "identity": bytes,
}


def coded(body: bytes, codings: Sequence[str]) -> bytes:
    """A body in several codings, applied in this order."""
    for name in codings:
        body = CODERS[name](body)
    return body
