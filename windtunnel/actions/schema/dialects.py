"""The dialects that schemas are written in: how a document names its own, and which keywords each one knows.

`$schema`                                        draft-04, 06, 07, 2019-09, 2020-12
`openapi: 3.1.0`, 3.2                            2020-12, or what `jsonSchemaDialect` names
`openapi: 3.0.3`                                 draft-04 without `id`, with `nullable`, `writeOnly`
`swagger: "2.0"`                                 the same, with `x-nullable`

Nothing names one: 2020-12, and for a file the dialect of what refers to it. `format` is an annotation in each.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from windtunnel.errors import ExpressionError


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


_ASSERTIONS = words(
    "type enum multipleOf maximum exclusiveMaximum minimum exclusiveMinimum maxLength minLength pattern maxItems"
    " minItems uniqueItems maxProperties minProperties required"
)
_APPLICATORS = words("allOf anyOf oneOf not items properties additionalProperties $ref")
_DRAFT_04 = _ASSERTIONS | _APPLICATORS | words("additionalItems patternProperties dependencies")
_DRAFT_06 = _DRAFT_04 | words("const contains propertyNames")
_DRAFT_07 = _DRAFT_06 | words("if then else")
_2019_09 = _DRAFT_07 - {"dependencies"} | words(
    "dependentRequired dependentSchemas maxContains minContains unevaluatedItems unevaluatedProperties"
    " $recursiveRef $recursiveAnchor"
)
_2020_12 = _2019_09 - words("additionalItems $recursiveRef $recursiveAnchor") | words(
    "prefixItems $dynamicRef $dynamicAnchor"
)

ANNOTATIONS = words(
    "$schema $id $anchor $comment $vocabulary $defs id definitions title description default examples example"
    " deprecated readOnly writeOnly format contentEncoding contentMediaType contentSchema nullable discriminator"
    " xml externalDocs"
)
"""Keywords that some dialect knows and that refuse nothing."""

KNOWN = _DRAFT_07 | _2019_09 | _2020_12 | ANNOTATIONS
"""Every keyword of some dialect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """A dialect: its `keywords` that can refuse something, and how it reads some of them.

    `ids`: `id` or `$id` gives a schema an address, empty for none. `lone_ref`: what stands beside `$ref` is
    ignored. `boolean_limits`: `exclusiveMinimum` is true or false. `nullable` is the keyword that adds null to
    `type`. `two_way`: a schema serves requests and responses, as in OpenAPI, so that `writeOnly` properties are
    absent from a response. `library` is its class in the package jsonschema, empty for OpenAPI.
    """

    name: str
    keywords: frozenset[str]
    ids: str = "$id"
    lone_ref: bool = False
    boolean_limits: bool = False
    nullable: str = ""
    two_way: bool = False
    library: str = ""

    def __str__(self) -> str:
        return self.name


DRAFT_2020_12 = Dialect(name="JSON Schema 2020-12", keywords=_2020_12, library="Draft202012Validator")
_BY_YEAR: Mapping[str, Dialect] = {
    "draft-04": Dialect(
        name="JSON Schema draft-04",
        keywords=_DRAFT_04,
        ids="id",
        lone_ref=True,
        boolean_limits=True,
        library="Draft4Validator",
    ),
    "draft-06": Dialect(name="JSON Schema draft-06", keywords=_DRAFT_06, lone_ref=True, library="Draft6Validator"),
    "draft-07": Dialect(name="JSON Schema draft-07", keywords=_DRAFT_07, lone_ref=True, library="Draft7Validator"),
    "draft/2019-09": Dialect(name="JSON Schema 2019-09", keywords=_2019_09, library="Draft201909Validator"),
    "draft/2020-12": DRAFT_2020_12,
}
_OF_OPENAPI_30 = _ASSERTIONS | _APPLICATORS
OPENAPI_3_1 = Dialect(name="OpenAPI 3.1", keywords=_2020_12, two_way=True, library="Draft202012Validator")
OPENAPI_3_0 = Dialect(
    name="OpenAPI 3.0",
    keywords=_OF_OPENAPI_30,
    ids="",
    lone_ref=True,
    boolean_limits=True,
    nullable="nullable",
    two_way=True,
)
SWAGGER_2 = replace(OPENAPI_3_0, name="Swagger 2.0", nullable="x-nullable", two_way=False)

_OF_JSON_SCHEMA = re.compile(r"https?://json-schema\.org/(draft[-/][0-9-]+)/(hyper-)?schema#?")
_LATEST = re.compile(r"https?://json-schema\.org/(hyper-)?schema#?")
_OF_OPENAPI = re.compile(r"https?://spec\.openapis\.org/oas/(3\.[0-9])(/.*)?")
_HINT = 'write "https://json-schema.org/draft/2020-12/schema", or that of 2019-09, draft-07, draft-06 or draft-04'


def of_address(address: Any) -> Dialect:
    """The dialect that `$schema` or `jsonSchemaDialect` names. Raises ExpressionError."""
    text = address if isinstance(address, str) else ""
    if _LATEST.fullmatch(text):
        return DRAFT_2020_12
    if found := _OF_JSON_SCHEMA.fullmatch(text):
        dialect = _BY_YEAR.get(found[1])
        if dialect is not None:
            return dialect
    if found := _OF_OPENAPI.fullmatch(text):
        return OPENAPI_3_0 if found[1] == "3.0" else OPENAPI_3_1
    raise ExpressionError(f'"{address}" is no dialect of JSON Schema that can be read', hint=_HINT)


def of_document(contents: Any, inherited: Dialect) -> Dialect:
    """The dialect of a whole file. Raises ExpressionError for a version of OpenAPI that can't be read."""
    if not isinstance(contents, Mapping):
        return inherited
    if is_description(contents):
        return _of_description(contents)
    return of_address(contents["$schema"]) if isinstance(contents.get("$schema"), str) else inherited


def is_description(contents: Any) -> bool:
    """Whether the contents of a file are an OpenAPI or Swagger document, in which schemas are only parts."""
    if not isinstance(contents, Mapping) or "type" in contents:
        return False
    return any(isinstance(contents.get(name), str | float) for name in ("openapi", "swagger"))


def _of_description(contents: Mapping[str, Any]) -> Dialect:
    name = "openapi" if "openapi" in contents else "swagger"
    version = str(contents[name])
    if name == "openapi" and version.startswith("3.0"):
        return OPENAPI_3_0
    if name == "openapi" and version.startswith(("3.1", "3.2")):
        own = contents.get("jsonSchemaDialect")
        return OPENAPI_3_1 if own is None else of_address(own)
    if name == "swagger" and version.startswith("2"):
        return SWAGGER_2
    raise ExpressionError(
        f"{name} {version} can't be read", hint="OpenAPI 3.0, 3.1 and 3.2 and Swagger 2.0 can: correct its version"
    )


def invalid(schema: Any, dialect: Dialect) -> Any:
    """The most relevant violation of the dialect in a schema (a jsonschema error), or None."""
    from jsonschema.exceptions import best_match

    return best_match(_meta_validator(dialect).iter_errors(schema))


@functools.cache
def _meta_validator(dialect: Dialect) -> Any:
    import jsonschema

    if not dialect.library:
        return jsonschema.Draft202012Validator(_openapi_meta(dialect))
    kind = getattr(jsonschema, dialect.library)
    return kind(kind.META_SCHEMA)


def _openapi_meta(dialect: Dialect) -> Mapping[str, Any]:
    """What a Schema Object must be: OpenAPI 3.0.3, 4.7.24; Swagger 2.0, "Schema Object"."""
    schema, count = {"$ref": "#"}, {"type": "integer", "minimum": 0}
    number, text, boolean, schemas = (
        {"type": "number"},
        {"type": "string"},
        {"type": "boolean"},
        {"type": "array", "minItems": 1, "items": schema},
    )
    one_type: Mapping[str, Any] = {"enum": ["array", "boolean", "integer", "number", "object", "string"]}
    properties: Mapping[str, Any] = {
        **dict.fromkeys(("title", "description", "pattern", "format"), text),
        **dict.fromkeys(("maximum", "minimum"), number),
        **dict.fromkeys(("exclusiveMaximum", "exclusiveMinimum", "uniqueItems"), boolean),
        **dict.fromkeys(("readOnly", "writeOnly", dialect.nullable), boolean),
        **dict.fromkeys(
            ("maxLength", "minLength", "maxItems", "minItems", "maxProperties", "minProperties"), count
        ),
        **dict.fromkeys(("allOf", "anyOf", "oneOf"), schemas),
        **dict.fromkeys(("not", "items"), schema),
        "multipleOf": {"type": "number", "exclusiveMinimum": 0},
        "required": {"type": "array", "items": text},
        "enum": {"type": "array", "minItems": 1},
        "type": one_type,
        "properties": {"type": "object", "additionalProperties": schema},
        "additionalProperties": {"if": boolean, "else": schema},
    }
    return {
        "type": "object",
        "if": {"required": ["$ref"]},
        "then": {"properties": {"$ref": text}},
        "else": {"properties": properties},
    }
