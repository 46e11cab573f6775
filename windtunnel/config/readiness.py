"""`--wait-for`, `--target` and `--exec`, `health:` of the SUT file."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import SplitResult, urlsplit

from windtunnel.errors import ExpressionError, Problem
from windtunnel.expressions.quantities import parse_duration
from windtunnel.model.origin import checked_host, parse_base_url, refuse_unsent, split_url
from windtunnel.model.sut import Health, Service, Sut, WaitFor

_OF_A_SHELL = frozenset({"&&", "||", "|", "&", ";", ">", ">>", "<", "2>", "2>&1", "&>", "1>"})
"""Words of a command that a shell does not pass on to it."""

_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")


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


def parse_command(value: Any) -> tuple[str, ...]:
    """The words of a command: as a shell splits them, or a list of them. Raises ExpressionError.

    What only a shell would understand is refused, since the command would get it as an argument.
    """
    if sys.platform == "win32":
        raise ExpressionError("is not available on Windows", hint="start the SUT yourself, and give --wait-for")
    if not isinstance(value, str):
        words = [str(word) for word in value] if isinstance(value, list | tuple) else [str(value)]
    else:
        try:
            words = shlex.split(value)
        except ValueError as error:
            raise ExpressionError(f"{str(error).lower()} in {value}", hint="close every quote") from None
        for word in words:
            if word in _OF_A_SHELL or word.endswith(";"):
                hint = "write --exec \"sh -c '…'\" with the command as a shell reads it"
                raise ExpressionError(f'"{word}" needs a shell, and none reads the command', hint=hint)
        if words and _ASSIGNMENT.match(words[0]):
            hint = f'write --exec "env {words[0]} …"'
            raise ExpressionError(f'"{words[0]}" sets a variable, which is no command', hint=hint)
    if not words or not words[0]:
        raise ExpressionError("is empty", hint='write a command such as --exec "python app.py"')
    if any("\0" in word for word in words):
        raise ExpressionError("has a NUL character in it")
    return tuple(words)


def command_problems(command: Sequence[str], environment: Mapping[str, str]) -> list[Problem]:
    """The problem of a command that is not there."""
    if not command or shutil.which(command[0], path=environment.get("PATH")):
        return []
    if "/" in command[0]:
        message, hint = (
            "is no file that can be executed",
            f"correct the path, or make it executable: chmod +x {command[0]}",
        )
    else:
        message, hint = "is no command here", "correct the name, or give the path of the file: ./NAME"
    return [Problem(flag="--exec", message=f'"{command[0]}" {message}', hint=hint)]


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
