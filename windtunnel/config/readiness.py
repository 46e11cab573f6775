"""`--wait-for` and `--target`, `health:` of the SUT file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import SplitResult, urlsplit

from windtunnel.errors import ExpressionError
from windtunnel.expressions.quantities import parse_duration
from windtunnel.model.origin import checked_host, parse_base_url, refuse_unsent, split_url
from windtunnel.model.sut import Health, Service, Sut, WaitFor


def parse_wait_for(text: str) -> WaitFor:
    """What `http://localhost:8080/health` or `db:5432` says. Raises ExpressionError for anything else."""
    is_url = "://" in text
    split = _split(text if is_url else f"tcp://{text}", text)
    host, port = split.hostname, _port(split, text)
    if is_url and split.scheme in ("http", "https") and host and split.username is None:
        split_url(text)
        return WaitFor(text=text, url=text)
    if not is_url and host and port and not (split.path or split.query or split.username):
        return WaitFor(text=text, host=checked_host(host, text), port=port)
    raise ExpressionError(
        f'"{_shown(text)}" is neither a URL nor host:port',
        hint="write a URL such as http://shop:8080/health, or host:port",
    )


def parse_target(text: str) -> str:
    """A base URL without a trailing slash. Raises ExpressionError for anything else."""
    split = _split(text, text)
    _port(split, text)
    if (
        split.scheme not in ("http", "https")
        or not split.hostname
        or split.username is not None
        or split.query
        or split.fragment
    ):
        raise ExpressionError(
            f'"{_shown(text)}" is not a base URL', hint="write it like https://preview-42.example.com"
        )
    parse_base_url(text)
    return text.rstrip("/")


def with_target(sut: Sut, target: str) -> Sut:
    """The SUT with its base URL replaced, and that of every service at the same origin; its host is allowed.

    Raises ExpressionError for an SUT that has no base URL which could be meant.
    """
    host = urlsplit(target).hostname or ""
    services = [*([sut.default] if sut.default else []), *sut.services.values()]
    origins = {_origin(service) for service in services}
    if sut.default is None and len(origins) > 1:
        raise ExpressionError(
            f"{sut.source.file} has services at {len(origins)} origins and no base_url",
            hint="give it `profiles:` and use --profile, or base URLs from the environment: ${SHOP_URL}",
        )
    moved = _origin(services[0])
    return replace(
        sut,
        default=sut.default and replace(sut.default, base_url=target),
        services={
            name: replace(service, base_url=target + urlsplit(service.base_url).path)
            if _origin(service) == moved
            else service
            for name, service in sut.services.items()
        },
        allow_hosts=(*sut.allow_hosts, host),
    )


def parse_health(data: Mapping[str, Any]) -> Health:
    """`health:` as the schema has let it pass."""
    given: dict[str, Any] = {"path": data["path"]}
    if "status_code" in (expect := data.get("expect", {})):
        codes = expect["status_code"]
        given["statuses"] = tuple(map(_status_range, codes if isinstance(codes, list) else [codes]))
    for key in ("timeout", "interval"):
        if key in data:
            given[f"{key}_s"] = parse_duration(data[key])
    return Health(**given)


def _status_range(code: int | str) -> tuple[int, int]:
    """(200, 299) of `2xx`, (200, 209) of `20x`, (200, 200) of 200."""
    text = str(code).lower()
    return int(text.replace("x", "0")), int(text.replace("x", "9"))


def _origin(service: Service) -> tuple[str, str | None, int | None]:
    split = urlsplit(service.base_url)
    if split.scheme not in ("http", "https"):
        return (service.base_url, None, None)
    return (split.scheme, split.hostname, split.port or (443 if split.scheme == "https" else 80))


def _split(url: str, text: str) -> SplitResult:
    if any(character.isspace() for character in text):
        raise ExpressionError(f'"{text}" has a space in it')
    refuse_unsent(text)
    try:
        return urlsplit(url)
    except ValueError as error:
        raise ExpressionError(f'"{_shown(text)}": {error}') from None


def _port(split: SplitResult, text: str) -> int | None:
    try:
        port = split.port
    except ValueError:
        port = 0
    if port == 0:
        raise ExpressionError(f'"{_shown(text)}": the port is not a number from 1 to 65535')
    return port


def _shown(text: str) -> str:
    """What of a URL, with or without its scheme, may be quoted: not who the user is."""
    scheme, mark, rest = text.rpartition("://")
    return scheme + mark + rest.rpartition("@")[2]
