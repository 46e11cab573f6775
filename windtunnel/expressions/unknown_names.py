"""What is said of a function, filter or test that does not exist, or is given arguments that it does not take.

The nearest of ours comes first, then all there are. Names of other tools lead to ours: Jinja2, Ansible, Helm,
k6, Postman, Artillery, JMeter, Hurl, JavaScript, Python. Imported when a name is unknown or a call is unusual.
"""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from jinja2 import nodes

from windtunnel.errors import ExpressionError, did_you_mean
from windtunnel.expressions.calls import METHODS
from windtunnel.expressions.filters import FILTERS, TESTS
from windtunnel.expressions.functions import FUNCTIONS

PAGE = "docs/templates.md"

_FUNCTION, _FILTER, _TEST = "function", "filter", "test"

_CALLS = {
    "choice": "choice([1, 2, 3])",
    "fake": "fake.name()",
    "hmac": 'hmac(key, text, "sha256")',
    "jwt_sign": "jwt_sign(payload, key)",
    "now": "now()",
    "random_int": "random_int(1, 100)",
    "random_string": "random_string(12)",
    "uuid": "uuid()",
}
"""How each function is called."""

_ELSEWHERE: Mapping[str, str] = {
    "uuid()": "guid randomuuid uuidv4 uuid4 newuuid newguid randomguid touuid generateuuid uuidgen",
    "now() | int": "timestamp epoch unixepoch unixtime unixtimestamp time nowunix getunixtime mktime",
    "(now() * 1000) | int": "timestampms currenttimemillis datenow unixmilli timems nowms epochms milliseconds",
    "now() | iso": "isotimestamp newdate nowiso toisostring isoformat isodate datetime utcnow nowutc",
    'now() | date("%Y-%m-%d")': "strftime dateformat formatdate todate today currentdate localdate formattime",
    'now() | date("%Y-%m-%d", days=1)': "dateadd daysafternow plusdays adddays timeadd daysbeforenow datemodify",
    "x | timestamp": "todatetime parsedate strptime totimestamp dateparse fromisoformat",
    "random_int(1, 100)": "randomint randomnumber randomintbetween randint randrange randominteger rand math",
    "random_string(12)": "randomstring randalphanum randalpha randomalphanumeric randstr randascii",
    "choice([1, 2, 3])": "randomitem randomelement randomchoice sample oneof pick randomarrayelement pickrandom",
    "choice([true, false])": "randomboolean randombool",
    "fake.name()": "faker randomfullname randomname randomusername",
    "fake.first_name()": "randomfirstname",
    "fake.last_name()": "randomlastname",
    "fake.email()": "randomemail email exampleemail",
    "fake.city()": "randomcity",
    "fake.phone_number()": "randomphonenumber randomphone",
    "fake.sentence()": "randomwords randomloremsentence randomword lorem",
    "x | base64": "b64encode b64enc base64encode btoa tobase64 encodebase64 encoding b64",
    "x | unbase64": "b64decode b64dec base64decode atob frombase64 decodebase64 base64d",
    "x | base64url": "base64rawurl b64urlencode base64urlencode base64urlsafe urlsafeb64encode",
    "x | unhex": "fromhex hexdecode hexdec unhexlify",
    "x | hex": "hexencode hexenc tohex hexlify hexdigest",
    "x | sha256": "sha256sum sha256hex sha2 hash digest checksum sha256digest tosha256 sha",
    "x | sha1": "sha1sum sha1hex",
    "x | sha512": "sha512sum sha512hex",
    "x | md5": "md5sum md5hex tomd5",
    'hmac(key, text, "sha256")': "hmacsha256 sha256hmac createhmac hmachex hmacbase64 crypto sign",
    'hmac(key, text, "sha1")': "hmacsha1",
    'hmac(key, text, "sha512")': "hmacsha512",
    'hmac(key, text, "md5")': "hmacmd5",
    "x | jwt": "jwtdecode decodejwt parsejwt readjwt",
    "jwt_sign(payload, key)": "jwtencode signjwt createjwt jwtsign generatejwt",
    "x | tojson": "jsonencode stringify jsonstringify dumps jsondumps tonicejson toprettyjson json tojsonstring",
    "x | fromjson": "parsejson jsonparse loads jsonloads jsondecode jsonload parse",
    'x | urlencode(safe="")': "encodeuricomponent encodeuri urlescape urlquery uriencode quote urlquote",
    "x | urldecode": "decodeuricomponent decodeuri unquote urlunescape uridecode percentdecode",
    "x | raw": "urlraw unescaped noescape",
    "x | length": "len size arraylength",
    "x | string": "str tostring text",
    "x | int": "toint parseint atoi int64 tonumber number integer long",
    "x | float": "tofloat parsefloat float64 double decimal",
    "x | round": "tofixed",
    "x | lower": "lowercase tolower downcase lcase tolowercase",
    "x | upper": "uppercase toupper upcase ucase touppercase",
    "x | trim": "strip trimspace chomp",
    "x[0:5]": "substr substring left mid",
    "x[0]": "nth at index element",
    'x.split(",")': "split splitlist explode",
    '"a" in x': "contains includes match regex search matches has in_list",
    'x.startswith("a")': "startswith hasprefix beginswith",
    'x.endswith("a")': "endswith hassuffix",
    '"%05d" | format(x)': "printf sprintf zfill padleft padstart rjust pad leftpad formatnumber",
    "a ~ b": "concat cat append plus",
    "a if condition else b": "ternary iif ifelse cond",
    'x | default("a")': "coalesce orelse ifnull nvl ifempty",
    "x | length == 0": "empty isempty",
    "x is none": "null nil isnull isnone",
    "x is defined": "exists present isdefined set",
    "x is mapping": "dict object isobject map hash_map",
    "x is sequence": "array isarray islist tuple",
    "x is boolean": "bool isbool",
    'x == "true"': "tobool toboolean booleanvalue",
    "x | e": "htmlescape escapehtml htmlencode",
    'extract: { id: "$.id" } on the step': "jsonpath jsonquery jq xpath gjson",
    "extract: { id: { regex: 'id=(\\d+)' } } on the step": "regexreplace regexsearch regexextract regexfind",
    "env.NAME": "env getenv environ processenvironment lookup osenv dotenv process os",
    "user_index": "vu vuid threadnum userid vuindex",
    "instance_index": "iter iteration loopcount counter increment",
}
"""What to write here -> the names of other tools for it, in lower case without `$`, `_`, `.` and `-`."""

_OURS = {name.replace("_", ""): ours for ours, names in _ELSEWHERE.items() for name in names.split()}
_MARKS = re.compile(r"[$_.-]")


def elsewhere(name: str) -> str | None:
    """What to write for a name of another tool, such as `$guid` or `b64encode`; None for any other."""
    return _OURS.get(_MARKS.sub("", name).lower())


def unknown_name(kind: str, name: str) -> ExpressionError:
    """The error for a function, filter or test (`kind`) that does not exist."""
    known = KNOWN[kind]
    cure = _moved(kind, name) or elsewhere(name)
    near = difflib.get_close_matches(name.lower(), known, n=3, cutoff=0.6)
    if cure is None and near:
        cure = f'did you mean "{near[0]}"?'
    elif cure is not None:
        cure = cure if " is a " in cure else f"write {cure}"
    listed = [*near, *(each for each in known if each not in near)]
    before = "" if cure is None else f"{cure} " if cure.endswith("?") else f"{cure}; "
    hint = f"{before}{kind}s: {', '.join(listed)} ({PAGE})"
    return ExpressionError(f'there is no {kind} "{name}"', hint=hint, word=name)


def require_arguments(
    name: str, function: Callable[..., Any], call: nodes.Call | nodes.Filter | nodes.Test, *, value: int = 0
) -> None:
    """Raise ExpressionError for arguments that a function does not take; `value`: how many it gets before them."""
    if call.dyn_args is not None or call.dyn_kwargs is not None:
        return
    signature = inspect.signature(function)
    named = [str(pair.key) for pair in call.kwargs]
    try:
        signature.bind(*[None] * (value + len(call.args)), **dict.fromkeys(named))
    except TypeError as error:
        taken = list(signature.parameters)[value:]
        wrong = next((each for each in named if each not in taken), None)
        near = did_you_mean(wrong, taken) if wrong else None
        usage = f"{'x | ' if value else ''}{name}" + (f"({', '.join(taken)})" if taken or not value else "")
        more = "; add | base64 for base64" if name == "hmac" or name.startswith(("md5", "sha")) else ""
        hint = f"{near} {usage}" if near else f"write {usage}{more}"
        raise ExpressionError(f"{name}: {error}", hint=hint, word=wrong or name) from None


def dollar_sign(text: str) -> str | None:
    """The hint for a template with a name of Postman, Artillery and others, such as `$guid`; None without one."""
    found = re.search(r"\{\{\s*\$([A-Za-z][\w.]*)", text)
    if found is None:
        return None
    name = found[1]
    if name.startswith(("env.", "processEnvironment.", "dotenv.")):
        return f"write env.{name.partition('.')[2]}"
    ours = elsewhere(name) or (_CALLS.get(name) if name in FUNCTIONS else None)
    return (
        f"write {ours} for ${name}" if ours else f"write {name} without the $, or a function: {_listed(_FUNCTION)}"
    )


def _moved(kind: str, name: str) -> str | None:
    """How to write what exists as something else."""
    if kind != _FUNCTION and name in FUNCTIONS:
        return f"{name} is a function: {_CALLS[name]}"
    if kind != _FILTER and name in FILTERS:
        return f"{name} is a filter: x | {name}"
    if kind != _TEST and name in TESTS:
        return f"{name} is a test: x is {name}"
    if kind != _TEST and any(name in methods for methods in METHODS.values()):
        return f"{name} is a method: x.{name}(…)"
    return None


def _listed(kind: str) -> str:
    return ", ".join(KNOWN[kind])


def _names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(name for name in names if name.isalnum() or "_" in name))


KNOWN: Mapping[str, tuple[str, ...]] = {
    _FUNCTION: _names([*FUNCTIONS, "namespace", "range"]),
    _FILTER: _names(FILTERS),
    _TEST: _names(TESTS),
}
"""Every name of a kind that a message lists; operators such as `==` are no names."""
