"""`sut.yaml` to a Sut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from windtunnel.config.profiles import is_in_unused_profile, profile_problems, with_profiles
from windtunnel.config.reader import Document, read_file
from windtunnel.config.readiness import parse_health
from windtunnel.config.scalars import ReadEnvironment, texts
from windtunnel.config.schemas import load_schema, place_of, require_valid
from windtunnel.errors import ConfigError, ExpressionError, Problem
from windtunnel.expressions.quantities import parse_duration, parse_size
from windtunnel.model.auth import Auth, auth_objections, auth_of
from windtunnel.model.origin import checked_host, in_ascii, parse_base_url, refuse_unsent
from windtunnel.model.source import DataPath
from windtunnel.model.sut import (
    DEFAULT_SERVICE,
    HttpSettings,
    IdHeaders,
    Proxies,
    Proxy,
    Redactions,
    Service,
    Sut,
    Tls,
)
from windtunnel.project import Project

_DEFAULT_TIMEOUT_S = 30.0
_UNIX = "http+unix://"
_LONGEST_SOCKET_PATH = 103  # macOS takes 103 bytes, Linux 107


@dataclass(frozen=True, slots=True, kw_only=True)
class SutFile:
    """A Sut and what else its file says: the variables of the environment that may be shown."""

    sut: Sut
    document: Document
    public_env: frozenset[str] = frozenset()


def load_sut(
    path: str | Path,
    environment: Mapping[str, str],
    *,
    profiles: Sequence[str] = (),
    project: Project | None = None,
) -> SutFile:
    """Read an SUT file, with profiles of its own put over it. Raises ConfigError with every problem in it.

    `project` is the one that the file must be in; its own, if it was named by the user and not by a plan.
    """
    document = _read(path, environment, profiles, project)
    data = document.data
    if isinstance(environment, ReadEnvironment):
        environment.public = frozenset(data.get("public_env", ()))
    problems: list[Problem] = []
    services = {name: _service(document, ("services", name), name, problems) for name in data.get("services", {})}
    default = _service(document, (), DEFAULT_SERVICE, problems) if "base_url" in data else None
    http = _http(document, data.get("http", {}), environment, problems)
    allow_hosts = _allowed_hosts(document, data.get("allow_hosts", ()), problems)
    if problems:
        raise ConfigError(sorted(problems, key=place_of))
    any_service = default or next(iter(services.values()))
    redact = data.get("redact", {})
    sut = Sut(
        name=data.get("name") or urlsplit(any_service.base_url).netloc or any_service.base_url,
        default=default,
        services=services,
        ids=_ids(data.get("ids", {})),
        http=http,
        redact=_redactions(redact, [service.auth for service in (default, *services.values()) if service]),
        allow_hosts=allow_hosts,
        health=parse_health(data["health"]) if "health" in data else None,
        tracing_url=data.get("tracing_url", ""),
        source=document.source,
        env=document.env,
        withheld=document.withheld,
    )
    return SutFile(sut=sut, document=document, public_env=frozenset(data.get("public_env", ())))


def _read(
    path: str | Path, environment: Mapping[str, str], profiles: Sequence[str], project: Project | None
) -> Document:
    """The file as it stands with the profiles over it, valid."""
    document = read_file(
        path, environment, project=project, unused=lambda place: is_in_unused_profile(place, profiles)
    )
    schema = load_schema("sut")
    if not profiles:
        require_valid(document, schema)
        return document
    # The base URL may be in the profiles only.
    require_valid(document, {key: value for key, value in schema.items() if key != "anyOf"})
    if problems := profile_problems(document, profiles):
        raise ConfigError(problems)
    document = with_profiles(document, profiles)
    require_valid(document, schema)
    return document


def _service(document: Document, path: DataPath, name: str, problems: list[Problem]) -> Service:
    """A service, from the mapping at `path`: with the file's own headers and timeout underneath."""
    whole, own = document.data, document.data
    for key in path:
        own = own[key]
    base_url = own["base_url"]
    if complaint := _url_problem(base_url) or _elsewhere(document, base_url):
        message, hint = complaint
        problems.append(document.problem(message, (*path, "base_url"), hint=hint))
    return Service(
        name=name,
        base_url=base_url.rstrip("/"),
        headers=texts(_merged(whole.get("headers", {}), own.get("headers", {}))),
        timeout_s=parse_duration(own.get("timeout", whole.get("timeout", _DEFAULT_TIMEOUT_S))),
        tls=_tls(document, (*path, "tls"), own.get("tls", {}), problems),
        auth=_auth(document, path if "auth" in own else (), own if "auth" in own else whole, problems),
    )


def _auth(document: Document, path: DataPath, around: Mapping[str, Any], problems: list[Problem]) -> Auth:
    """The `auth` of the mapping at `path`."""
    if "auth" not in around:
        return Auth()
    data, here = _evaluated(around["auth"]), (*path, "auth")
    found = [
        document.problem(message, here if key is None else (*here, key), key=key is not None, hint=hint)
        for key, message, hint in auth_objections(data)
    ]
    headers = {name.lower() for name in around.get("headers", {})}
    if not found and data["type"] != "none" and "authorization" in headers:
        message = "`auth` and the Authorization header both set credentials"
        found.append(document.problem(message, here, key=True, hint="remove one of them"))
    problems += [problem for problem in found if problem not in problems]
    if found:
        return Auth()
    return Auth(written=data, place=here) if _has_templates(data) else auth_of(data)


def _has_templates(data: Any) -> bool:
    """Whether something in it is a template, by its look alone."""
    if isinstance(data, Mapping):
        return any(map(_has_templates, data.values()))
    if isinstance(data, list):
        return any(map(_has_templates, data))
    return isinstance(data, str) and ("{{" in data or "{%" in data or "{#" in data)


def _evaluated(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """The data with templates that read nothing evaluated; it stays as it is if there is another template."""
    try:
        return {key: _constant(value) for key, value in data.items()} if _has_templates(data) else data
    except ExpressionError:
        return data  # what is wrong with it is told where it is compiled, for a step


def _constant(value: Any) -> Any:
    """The value with its texts evaluated. Raises ExpressionError for one that is not constant."""
    if isinstance(value, Mapping):
        return {key: _constant(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_constant(item) for item in value]
    if not _has_templates(value):
        return value
    from windtunnel.expressions.template import compile_text

    template = compile_text(value)
    if template.constant:
        return template({})
    raise ExpressionError("not constant")


def _url_problem(url: str) -> tuple[str, str | None] | None:
    """Why a text can't be a base URL (message and hint), or None."""
    example = "write a URL such as http://localhost:8080"
    if url.startswith("http+unix:"):
        return _socket_problem(url.removeprefix(_UNIX))
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        # The error quotes what it takes for the port, which may be a password with a slash in it.
        return f"not a URL: {str(error).partition(' as ')[0]}", example
    if parts.scheme not in ("http", "https"):
        return "a base URL must begin with http:// or https://", _scheme_hint(url)
    if not host or url != url.strip() or any(character.isspace() for character in url):
        return "a base URL needs a host and no spaces", example
    if parts.username is not None or parts.password is not None:
        return "a base URL must not hold a user or password", "send them in a header, such as Authorization"
    if parts.query or parts.fragment or url.endswith(("?", "#")):
        return (
            "a base URL must not have a query or a fragment",
            "write them with the steps: query: { name: value }",
        )
    if port == 0:
        return "port 0 is not valid", example
    try:
        parse_base_url(url)
    except ExpressionError as error:
        return str(error), error.hint or example
    return None


def _elsewhere(document: Document, url: str) -> tuple[str, str | None] | None:
    """Why a file may not name a socket (message and hint), or None. That of Docker is the whole machine."""
    if not url.startswith(_UNIX):
        return None
    try:
        document.source.project.contain(url.removeprefix(_UNIX))
    except ExpressionError as error:
        return str(error), error.hint
    return None


def _socket_problem(path: str) -> tuple[str, str | None] | None:
    """Why a text after `http+unix://` can't be the path of a socket, or None."""
    if not path.startswith("/"):
        return "a Unix socket needs its whole path", "write it like http+unix:///run/shop.sock"
    if "\0" in path:
        return "no file can have such a name", None
    if len(path.encode()) > _LONGEST_SOCKET_PATH:
        return (
            f"the path of a Unix socket can have {_LONGEST_SOCKET_PATH} bytes, this has {len(path.encode())}",
            None,
        )
    return None


def _scheme_hint(url: str) -> str:
    return "write a URL such as http://localhost:8080" if "://" in url else f"write http://{url.lstrip('/')}"


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Headers in which those of `above` win, whatever their capitals; null takes one away."""
    won = {name.lower() for name in above}
    return {**{name: value for name, value in below.items() if name.lower() not in won}, **above}


def _allowed_hosts(document: Document, hosts: Sequence[str], problems: list[Problem]) -> tuple[str, ...]:
    """Names and `*.suffix`, in small letters; what is neither is noted."""
    for index, host in enumerate(hosts):
        try:
            checked_host(host.removeprefix("*.").lower(), host)
        except ExpressionError:
            message, hint = (
                f'"{host}" is not a host name',
                "write a name such as payments.test; any port is allowed",
            )
            problems.append(document.problem(message, ("allow_hosts", index), hint=hint))
    return tuple(host.lower() for host in hosts)


def _tls(document: Document, path: DataPath, data: Mapping[str, Any], problems: list[Problem]) -> Tls:
    files: dict[str, str] = {}
    for name in ("ca", "cert", "key"):
        if name in data:
            file = Path(document.source.file).parent / data[name]
            files[name] = str(file)
            try:
                document.source.project.require(file)
            except ExpressionError as error:
                problems.append(document.problem(str(error), (*path, name), hint=error.hint))
    if "key" in data and "cert" not in data:
        hint = "add `cert:`, the certificate it belongs to"
        problems.append(document.problem("`key` needs `cert`", (*path, "key"), key=True, hint=hint))
    server_name = data.get("server_name")
    try:
        server_name = server_name and in_ascii(server_name)
    except UnicodeError:
        problems.append(document.problem(f'"{server_name}" is not a host name', (*path, "server_name")))
    return Tls(verify=data.get("verify", True), server_name=server_name, **files)


def _http(
    document: Document, data: Mapping[str, Any], environment: Mapping[str, str], problems: list[Problem]
) -> HttpSettings:
    given: dict[str, Any] = {}
    if "max_body" in data:
        given["max_body"] = parse_size(data["max_body"])
    if "dns_ttl" in data:
        given["dns_ttl_s"] = parse_duration(data["dns_ttl"])
    if "connections" in data:
        given["connections"] = data["connections"]
    if "strict" in data:
        given["strict"] = data["strict"]
    try:
        if "proxy" not in data:
            given["proxies"] = proxies_of_environment(environment)
        elif data["proxy"] is not None:
            proxy = parse_proxy(data["proxy"])
            given["proxies"] = Proxies(http=proxy, https=proxy, loopback=True)
    except ExpressionError as error:
        if "proxy" in data:
            problems.append(document.problem(str(error), ("http", "proxy"), hint=error.hint))
        else:
            problems.append(Problem(message=str(error), hint=error.hint))
    return HttpSettings(**given)


def _redactions(data: Mapping[str, Any], auths: Sequence[Auth]) -> Redactions:
    """What the file calls secret, and the names under which keys are sent."""
    auths = [auth for auth in auths if auth.secrets or auth.written]
    query = [name for auth in auths for name in auth.names_in_query]
    headers = [name for auth in auths for name in auth.names_in_headers]
    return Redactions(
        headers=tuple(dict.fromkeys([*data.get("headers", ()), *headers])),
        json=tuple(data.get("json", ())),
        query=tuple(dict.fromkeys([*data.get("query", ()), *query])),
    )


def _ids(data: Mapping[str, Any]) -> IdHeaders:
    names = {key: None if value is False else value for key, value in data.items() if key != "traceparent"}
    return IdHeaders(**names, traceparent=data.get("traceparent", True))


_HINT = "write a URL such as http://proxy.test:3128"


def parse_proxy(url: str) -> Proxy:
    """The proxy a URL means. Raises ExpressionError; what is secret in the URL is not in the message."""
    try:
        refuse_unsent(url)
        parts = urlsplit(url if "://" in url else f"http://{url}")
        host, port = parts.hostname, parts.port
    except (ExpressionError, ValueError):
        raise ExpressionError("a proxy must be a URL", hint=_HINT) from None
    if parts.scheme != "http":
        raise ExpressionError(f"the scheme of a proxy must be http, not {parts.scheme}", hint=_HINT)
    if not host:
        raise ExpressionError("a proxy needs a host", hint=_HINT)
    if port == 0:
        raise ExpressionError("the port of a proxy must be a number from 1 to 65535", hint=_HINT)
    host = checked_host(host, "a proxy")
    user = None if parts.username is None else unquote(parts.username)
    return Proxy(host=host, port=port or 80, user=user, password=unquote(parts.password or ""))


def proxies_of_environment(environment: Mapping[str, str]) -> Proxies:
    """What http_proxy, https_proxy, all_proxy and no_proxy say; small letters win over capitals.

    Raises ExpressionError that names the variable.
    """
    found: dict[str, Proxy] = {}
    for scheme in ("http", "https"):
        for name in (f"{scheme}_proxy", f"{scheme}_proxy".upper(), "all_proxy", "ALL_PROXY"):
            if environment.get(name):
                try:
                    found[scheme] = parse_proxy(environment[name])
                except ExpressionError as error:
                    raise ExpressionError(f"the environment variable {name}: {error}", hint=error.hint) from None
                break
    bypass = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    patterns = tuple(pattern.strip() for pattern in bypass.split(",") if pattern.strip())
    return Proxies(http=found.get("http"), https=found.get("https"), bypass=patterns)
