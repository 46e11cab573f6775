"""What to do about a redirect: follow it, how, or not. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from windtunnel.errors import ExpressionError
from windtunnel.http.endpoint import Pairs
from windtunnel.http.errors import Failure
from windtunnel.model.origin import Origin, split_url
from windtunnel.model.vocabulary import NoteKind

REDIRECT_STATUSES = frozenset({301, 302, 303, 307, 308})
MAX_REDIRECTS = 10

_ABOUT_THE_BODY = frozenset({"content-type", "content-encoding", "content-language", "content-location", "digest"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Follow:
    """The next request. Without `keeps_body` the body and the headers about it are dropped; at another origin
    (`leaves_origin`) Authorization, Cookie and every header of the user are dropped too. `oddities` is what the
    response is noted for.
    """

    method: str
    origin: Origin
    target: str
    keeps_body: bool
    leaves_origin: bool
    oddities: tuple[NoteKind, ...] = ()


def decide_redirect(
    *,
    status: int,
    method: str,
    url: str,
    locations: Sequence[bytes],
    followed: int,
    is_allowed: Callable[[Origin], bool],
) -> Follow | Failure | None:
    """The request that a response to `method url` asks for in its Location headers, after `followed` before it.

    None: the response is final. A Failure: it may not be followed. `is_allowed` says whether
    a request may go to an origin.
    """
    if status not in REDIRECT_STATUSES or not locations:
        return None
    if followed >= MAX_REDIRECTS:
        return Failure("too_many_redirects")
    from windtunnel.http.location import resolve_location  # its patterns take time, and not every run needs it

    try:
        origin, target, oddities = resolve_location(locations, url)
    except ExpressionError as error:
        return Failure("protocol", str(error))
    if not is_allowed(origin):
        return Failure("host_not_allowed", f"redirected to {origin}")
    next_method = _next_method(status, method)
    return Follow(
        method=next_method,
        origin=origin,
        target=target,
        keeps_body=next_method == method and status != 303,
        leaves_origin=origin != split_url(url)[0],
        oddities=oddities,
    )


def carried_headers(headers: Pairs, follow: Follow, *, defaults: Pairs) -> Pairs:
    """The headers of a request that the next one has too; Host is always made anew for another origin."""
    kept = defaults if follow.leaves_origin else tuple(p for p in headers if p[0].lower() not in _ABOUT_THE_BODY)
    if not follow.keeps_body:
        return kept
    return (*kept, *(pair for pair in headers if pair[0].lower() in _ABOUT_THE_BODY))


def _next_method(status: int, method: str) -> str:
    """RFC 9110, 15.4: 303 asks for GET, 301 and 302 turn POST into GET as every browser does, 307 and 308 keep."""
    if status == 303 and method != "HEAD":
        return "GET"
    if status in (301, 302) and method == "POST":
        return "GET"
    return method
