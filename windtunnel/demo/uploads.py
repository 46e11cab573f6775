"""A photo of a product, as multipart/form-data: read piece by piece, kept nowhere."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from aiohttp import BodyPartReader, web

from windtunnel.demo.answers import as_json, encode, problem
from windtunnel.demo.catalog import PRODUCTS_BY_ID

MAX_PHOTO_BYTES = 4 * 1024 * 1024
_MAX_FIELD_BYTES = 1024
_MAX_PARTS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class _Photo:
    """What came, so that a client can see that it arrived whole."""

    item_id: str
    filename: str
    content_type: str
    size: int
    sha256: str


async def take_photo(request: web.Request) -> web.Response:
    """201 and the received parts; 400, 404, 413 or 415 for an upload that is not accepted."""
    if request.content_type != "multipart/form-data":
        return problem(415, "not_multipart", "send multipart/form-data")
    try:
        return await _read(request)
    except ValueError as error:
        return problem(400, "bad_body", str(error))


async def _read(request: web.Request) -> web.Response:
    item_id, photo = "", None
    parts = await request.multipart()
    for _ in range(_MAX_PARTS):
        part = await parts.next()
        if part is None:
            break
        if not isinstance(part, BodyPartReader):
            return problem(400, "bad_body", "parts inside of parts are not taken")
        if part.name == "item_id":
            item_id = (await part.read_chunk(_MAX_FIELD_BYTES)).decode("utf-8", "replace")
        elif part.name == "photo":
            photo = await _digest(part)
            if photo is None:
                return problem(413, "too_large", f"a photo has at most {MAX_PHOTO_BYTES:,} bytes")
    if photo is None:
        return problem(400, "no_photo", 'the part "photo" is missing')
    if item_id not in PRODUCTS_BY_ID:
        return problem(404, "unknown_item", "the shop has no such item")
    filename, content_type, size, digest = photo
    shown = _Photo(item_id=item_id, filename=filename, content_type=content_type, size=size, sha256=digest)
    return as_json(encode(shown), status=201)


async def _digest(part: BodyPartReader) -> tuple[str, str, int, str] | None:
    """File name, content type, size and hash of a part; None when it is too large."""
    digest, size = hashlib.sha256(), 0
    while chunk := await part.read_chunk():
        size += len(chunk)
        if size > MAX_PHOTO_BYTES:
            return None
        digest.update(chunk)
    content_type = part.headers.get("Content-Type", "application/octet-stream")
    return part.filename or "", content_type, size, digest.hexdigest()
