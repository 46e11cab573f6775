"""`extract`: values of a response that become variables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from windtunnel.actions.compile.context import Field
from windtunnel.actions.response.html_xml import compile_css, compile_xpath
from windtunnel.actions.response.safe_regex import compile_pattern
from windtunnel.actions.response.text import not_json, outline, shorten, show, show_body
from windtunnel.errors import ExpressionError, NotJsonError
from windtunnel.expressions.functions import Scope
from windtunnel.expressions.jsonpath import searched_by
from windtunnel.expressions.template import Template
from windtunnel.model.http import Exchange, header_text

Find = Callable[[Exchange], list[Any]]
"""Finds all values of a source in a response. Raises ExpressionError only."""

FindBeside = Callable[[Exchange, Scope], list[Any]]
"""The same of a source that reads variables."""


class MissingValue(Exception):  # noqa: N818  (a value that isn't there, caught by the step that looks for it)
    """A required value was not found. The message names the source and the content of the response."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Extractor:
    """One variable. `describe` names the source in messages, `show_source` shows its content.

    `none_is_empty`: whether a response in which nothing is found has an empty list of it. `find_beside` is used in
    place of `find` where it is there.
    """

    variable: str
    find: Find
    index: int
    all: bool
    required: bool
    default: Template
    describe: str
    show_source: Callable[[Exchange], str]
    none_is_empty: Callable[[Exchange], bool]
    find_beside: FindBeside | None = None

    def found(self, exchange: Exchange, scope: Scope) -> list[Any]:
        """All values. Raises ExpressionError."""
        return self.find(exchange) if self.find_beside is None else self.find_beside(exchange, scope)

    def into(self, scope: dict[str, Any], exchange: Exchange) -> bool:
        """Set the variable; False when it came from the default. Raises MissingValue, ExpressionError."""
        try:
            beside = self.find_beside
            found = self.find(exchange) if beside is None else beside(exchange, scope)
        except (
            ExpressionError
        ) as error:  # the response is too large for it: that is its failure, not the scenario's
            raise MissingValue(f'extract "{self.variable}": {error}') from None
        if found:
            if self.all:
                scope[self.variable] = found
                return True
            if -len(found) <= self.index < len(found):
                scope[self.variable] = found[self.index]
                return True
        if self.all and self.none_is_empty(exchange):
            scope[self.variable] = []
            return True
        if self.required:
            number = f" number {self.index}" if found else ""
            raise MissingValue(
                shorten(f'extract "{self.variable}": {self.describe}{number} not found in ', 200)
                + self.show_source(exchange)
            )
        scope[self.variable] = self.default(scope)
        return False


class Extraction:
    """The extractors of one step, run in the order in which they are written.

    `names` are the variables; the values of those in `secrets` must not be written anywhere. `reveal` finds these
    in a response; None without one.
    """

    __slots__ = ("_extractors", "names", "reveal", "secrets")

    def __init__(self, extractors: list[_Extractor], secrets: frozenset[str]) -> None:
        self._extractors = tuple(extractors)
        self.names = [extractor.variable for extractor in extractors]
        self.secrets = secrets
        self.reveal = self._secret_values if secrets else None

    def _secret_values(self, exchange: Exchange) -> list[Any]:
        if exchange.error is not None:
            return []
        values: list[Any] = []
        scope: dict[str, Any] = {}
        for each in self._extractors:
            try:
                found = each.found(exchange, scope)
            except ExpressionError:  # the step itself fails with it
                continue
            if found:
                scope[each.variable] = found if each.all else found[min(each.index, len(found) - 1)]
            if each.variable in self.secrets:
                values += found
        return values

    def run(self, exchange: Exchange, scope: dict[str, Any]) -> list[str]:
        """Set the variables and return the names of those that were found.

        Raises MissingValue for the first required one that is not there, ExpressionError for a default that
        can't be rendered.
        """
        missed = None
        for extractor in self._extractors:
            if not extractor.into(scope, exchange):
                missed = {*(missed or ()), extractor.variable}
        return self.names if missed is None else [name for name in self.names if name not in missed]

    def early(self, exchange: Exchange, scope: Scope) -> None:
        """As `run`, for a condition of the step itself; `names_found_early` is what it found."""
        variables: Any = scope
        variables[_EARLY] = self.run(exchange, variables)

    @staticmethod
    def names_found_early(scope: Scope) -> list[str]:
        """What `early` returned for the response that is judged, whose condition holds."""
        names: list[str] = scope[_EARLY]
        return names


NO_EXTRACTION = Extraction([], frozenset())
_EARLY = "_extracted"


def compile_extraction(field: Field, extract: Any) -> Extraction:
    """The extractors of an `extract` mapping (or None): name -> JSON path or `{json|header|…: …}`."""
    extractors: list[_Extractor] = []
    secrets = set()
    for name, spec in field.mapping(extract).items():
        here = field / name
        if isinstance(spec, str):
            spec = {"json": spec}
            extractor = _extractor(here, name, spec, written_as_text=True)
        elif isinstance(spec, Mapping):
            extractor = _extractor(here, name, spec, before=[each.variable for each in extractors])
        else:
            here.problem("expected a JSON path or a source here", hint=_HINT)
            extractor = None
        if extractor is not None:
            extractors.append(extractor)
            if here.boolean(spec.get("secret"), False):
                secrets.add(name)
    return Extraction(extractors, frozenset(secrets))


def declare_extracted(field: Field, extract: Any) -> None:
    """Note the variables of an `extract` mapping (or None): the steps that come after can read them."""
    for name in field.mapping(extract):
        (field / name).variable(str(name))


_HINT = '"$.items[0].id", or { header: location }, { cookie: session }, { regex: "id=(\\\\d+)" }, { status: true }'


def _extractor(
    field: Field,
    name: str,
    spec: Mapping[str, Any],
    *,
    written_as_text: bool = False,
    before: Iterable[str] = (),
) -> _Extractor | None:
    """One variable; None after problems were noted. `before` are those that the step has extracted by then."""
    field.only_keys(spec, (*_SOURCES, "from", "index", "default", "required", "all", "secret"))
    finding = _finding(field, spec, before, written_as_text=written_as_text)
    if finding is None:
        return None
    source, find, find_beside, describe, show_source = finding
    index = spec.get("index", 0)
    if isinstance(index, bool) or not isinstance(index, int):
        (field / "index").problem(f"expected a whole number, not {show(index, 60)}")
        index = 0
    required = (field / "required").boolean(spec.get("required"), "default" not in spec)
    insists = "default" in spec or spec.get("required") is True
    if required and "default" in spec:
        (field / "required").problem("`required` and `default` can't be combined", hint="remove one of them")
    return _Extractor(
        variable=name,
        find=find,
        index=index,
        all=(field / "all").boolean(spec.get("all"), False),
        required=required,
        default=(field / "default").template(spec.get("default")),
        describe=describe,
        show_source=show_source,
        none_is_empty=_never if insists else _lists_nothing(spec[source]) if source == "json" else _always,
        find_beside=find_beside,
    )


def _finding(
    field: Field, spec: Mapping[str, Any], before: Iterable[str], *, written_as_text: bool
) -> tuple[str, Find, FindBeside | None, str, Callable[[Exchange], str]] | None:
    """The key of the source, how it finds, its name in messages, and what to show; None after a problem."""
    sources = [source for source in (*_SOURCES, "from") if source in spec]
    if sources == ["from"]:
        field.problem("`from` needs `regex` beside it", hint='{ from: "{{ location }}", regex: "code=([^&]+)" }')
        return None
    if len(sources) == 1:
        (source,) = sources
        find, name, show_source = _SOURCES[source](field if written_as_text else field / source, spec[source])
        return source, find, None, name, show_source
    if len(sources) != 2 or "regex" not in sources or {"status", "form"} & set(sources):
        field.problem(f"an extract needs exactly one of {', '.join(_SOURCES)}", hint=_HINT)
        return None
    from windtunnel.actions.response import searched

    (source,) = (each for each in sources if each != "regex")
    pattern = field.attempt(lambda: compile_pattern(str(spec["regex"])), compile_pattern(""))
    if source == "from":
        return source, *searched.in_variable(field / "from", spec["from"], pattern, before)
    return source, *searched.in_source(pattern, _SOURCES[source](field / source, spec[source]))


def _always(_exchange: Exchange) -> bool:
    return True


def _never(_exchange: Exchange) -> bool:
    return False


def _lists_nothing(path: Any) -> Callable[[Exchange], bool]:
    """Whether what a path chooses from is there: finding nothing in an empty list differs from finding no list."""
    container = searched_by(path) if isinstance(path, str) else None
    if container is None:
        return _never
    find = container.find

    def is_there(exchange: Exchange) -> bool:
        try:
            return any(isinstance(value, list | dict) for value in find(exchange.json))
        except (ValueError, RecursionError):
            return False

    return is_there


Source = tuple[Find, str, Callable[[Exchange], str]]


def _json(field: Field, path: Any) -> Source:
    compiled = field.jsonpath(path)
    find_in = compiled.find

    def find(exchange: Exchange) -> list[Any]:
        try:
            return find_in(exchange.json)
        except (NotJsonError, RecursionError):
            return []

    return find, str(path), _show_json


def _show_json(exchange: Exchange) -> str:
    try:
        return outline(exchange.json)
    except NotJsonError as error:
        return f"a body that is {not_json(exchange, error)}"


def _header(_place: Field, name: Any) -> Source:
    wanted = str(name)
    return lambda exchange: list(exchange.headers.all(wanted)), f"header {wanted}", _show_headers


def _show_headers(exchange: Exchange) -> str:
    return (
        f"the headers {shorten(', '.join(exchange.headers))}" if exchange.headers else "a response without headers"
    )


def _cookie(_place: Field, name: Any) -> Source:
    wanted = str(name)

    def find(exchange: Exchange) -> list[Any]:
        value = response_cookies(exchange).get(wanted)
        return [] if value is None else [value]

    return find, f"cookie {wanted}", _show_cookies


def _show_cookies(exchange: Exchange) -> str:
    names = ", ".join(response_cookies(exchange))
    return f"the cookies {shorten(names)}" if names else "a response that sets no cookies"


def _regex(field: Field, pattern: Any) -> Source:
    compiled = field.attempt(lambda: compile_pattern(str(pattern)), compile_pattern(""))
    group = 1 if compiled.groups else 0
    return lambda exchange: compiled.find_all(exchange.text, group=group), f"regex {show(pattern)}", show_body


def _css(field: Field, selector: Any) -> Source:
    return field.attempt(lambda: compile_css(str(selector)), _NOWHERE), f"css {show(selector)}", show_body


def _xpath(field: Field, path: Any) -> Source:
    return field.attempt(lambda: compile_xpath(str(path)), _NOWHERE), f"xpath {show(path)}", show_body


_NOWHERE: Find = lambda _exchange: []  # noqa: E731  of this type, which a function's own would not be


def _link(_place: Field, rel: Any) -> Source:
    from windtunnel.actions.response.links import linked

    wanted = str(rel)
    return lambda exchange: linked(exchange, wanted), f"link {wanted}", show_links


def show_links(exchange: Exchange) -> str:
    """The `Link` headers of a response in which a link is missing."""
    came = exchange.headers.all("link")
    return f"the Link headers {shorten(', '.join(came))}" if came else "a response without a Link header"


def _form(field: Field, selector: Any) -> Source:
    from windtunnel.actions.response.html_forms import compile_form

    return field.attempt(lambda: compile_form(str(selector)), _NOWHERE), f"form {show(selector)}", show_body


def _status(field: Field, wanted: Any) -> Source:
    if wanted is not True:
        field.problem("`status` takes true: the variable becomes the status code", hint="status: true")
    return lambda exchange: [exchange.status], "status", lambda exchange: str(exchange.status)


_SOURCES: Mapping[str, Callable[[Field, Any], Source]] = {
    "json": _json,
    "header": _header,
    "cookie": _cookie,
    "regex": _regex,
    "css": _css,
    "xpath": _xpath,
    "link": _link,
    "form": _form,
    "status": _status,
}
"""Every source by the name it has in YAML."""


def response_cookies(exchange: Exchange) -> dict[str, str]:
    """Name to value, without quotes around it, of every Set-Cookie header; the last one of a name wins.

    RFC 6265, 5.2: cut at `;`.
    """
    cookies = {}
    for header in exchange.headers.raw("set-cookie"):
        name, equals, value = (part.strip(b" \t") for part in header.partition(b";")[0].partition(b"="))
        if equals and name:
            is_quoted = len(value) > 1 and value[:1] == value[-1:] == b'"'
            cookies[str(header_text(name))] = header_text(value[1:-1] if is_quoted else value)
    return cookies
