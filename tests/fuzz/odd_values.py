"""Values that surprise a reader of files: as YAML, as keys, as pieces of text, as the values of flags."""

from __future__ import annotations

# Laid out by hand: one value a line would hide that there are many of a kind.
# fmt: off
LONG = "x" * 5_000
DIGITS = "9" * 400
MANY_DIGITS = "9" * 5_000  # more than Python makes a number of

OF_EVERY_TYPE = (
    MANY_DIGITS,
    "null", "~", '""', "true", "no", "0", "-1", "1.5", "7", "1e3", "[]", "{}", "[[]]", "[null]", "{a: b}", "a",
    "{1: 2}", "{null: x}", "{true: {false: 1}}", "{'': ''}", "[a, {b: [c, {d: e}]}]", "[1, [2, [3]]]", "{? a}",
    ".nan", ".inf", "-.inf", "1e400", "-0.0", DIGITS, f"-{DIGITS}", f"0x{'f' * 300}", "0o777", "1_000", "+5",
    "9007199254740993", "99999999999999999999", "1e-320", "0.1e-99999", "1:30", "2024-01-01", "12:30:45.5",
)
OF_YAML = (
    "!!binary aGk=", "!!python/object:os.system x", "!custom x", "!!set {a}", "!!omap [a: 1]", "! x", "!!int 5",
    "&x [*x]", "*nowhere", "&y {<<: *y}", "{<<: 5}", "{<<: {a: 1}}", "{<<: [{a: 1}, {b: 2}]}", "{a: 1, a: 2}",
    "{[a]: b}", "{? {a: b} : c}", "{? [a, b] : c}", "[" * 60, "{a: " * 60, "[" * 40 + "]" * 40, "&z a", "<<",
    "|\n  a", ">-\n  a", "- a", "? a", "a: b", "a: b: c", "%YAML 1.1", "---", "...", "@a", "`a`", "#", "a #b",
)
TEXTS = (
    '"\\ud800"', '"\\udfff\\ud800"', '"\\0"', '"\\u202e\\u2066"', '"\\x1b[31m"', "'\t'", '"\\n\\n"', '"\\r"',
    '"\\u2028"', '"\\ufeff"', '"\\x7f\\x9b"', '"a\\0b"', "é", "'漢'", '"\\U0001F600"', '"\\ufffe"', LONG,
    f'"{LONG}"', "' '", "'a b'", "'-'", "'.'", "'..'", "'/'", "'//'", "'\\'", "'%'", "'%s'", "'%00'", "'{0}'",
    "'{}'", "'$'",
)
TEMPLATES = (
    "{{ x }}", "'{{'", "'}}'", "'{{ }}'", "'{{ 1/0 }}'", "'{{ x.y.z }}'", "'{% for i in x %}'",
    "'{{ env.HOME }}'", "'{{ x | nope }}'", "'{{ nope() }}'", "'{{ steps.none.json }}'", "'{{ ''.__class__ }}'",
    "'{# a'", "'{%'", "'{{ [1] * 9 }}'", "'{{ data.nobody.x }}'", "'{{ loop.index }}'",
    "'{{ response.json.a.b }}'", "'{{ {} }}'", "'{% macro m() %}{% endmacro %}'", "'{{ self }}'",
    "'{{ \"\\\\ud800\" }}'", "'{{ 1 if }}'", "'{{ a b }}'",
)
REFERENCES = (
    "${HOME}", "${NO_SUCH}", "'${NO_SUCH:-}'", "'${file:no_such}'", "'$${'", "'${'", "'${}'", "'${a b}'",
    "'${ODD}'", "${ODD}", "${EMPTY}", "'${file:.}'", "'${file:}'", '"${file:a\\0b}"', "'${A:-${B}}'",
    "'${file:test.env}'",
)
PLACES = (
    '"data/a\\0.csv"', '"a\\0.json"', f"data/{'a' * 300}.csv", f"{'a' * 300}.json", "'/\x01'", '"/\\x01"', "/²",
    "http://127.0.0.1:0", "http://[", "http://a:99999/", "http://a:-1", "http://a:x", "http://", "//a",
    "http:a", "http://[::1", "http://[v1.x]", "http://a b/", '"http://a\\tb"', "http://u:p@a/", "ftp://a",
    "http+unix://x", "http://a?b", "http://a#b", "'http://a.'", "'http://..'", "http://é.test",
    f"http://{'a' * 300}/", "http://%41", "http://127.0.0.1:00080", "http://[fe80::1%25eth0]", "http://0x7f.1",
    '"http://\\ud800"', "localhost:0", ":80", ".", "..", "/", "../../x", "no_such.yaml", "everything.yaml",
    "_part.yaml", "steps.py", "data", "x" * 300, '"a\\0b"', '"\\ud800.yaml"', "~root", "body.json",
    "schema.json", "*.yaml", "[", "**", '""', "a/b/../c",
)
QUANTITIES = (
    "5s", "0s", "-1s", "1e9h", "5", "5 s", "5x", "s", "1.s", ".5s", "5ss", "99999999999999999999h", "٣s",
    "1e999s", "100/s", "0/s", "/s", "1/x", "-1/s", "1e9/s", "0.0001/h", f"{DIGITS}/s", "1KiB", "0",
    "99999999TiB", ".", "1..2K", "2xx", "xxx", "999", "200-299", "[200, 200]", "[2xx, x]", "'2XX'", "600", "99",
)
EXPRESSIONS = (
    "'$.a[?(@.b'", "'$'", "'$..'", "'$.a[?(@.b =~ \"(\")]'", "'$.`len`'", "'a.b'", "'$[99999999999]'",
    "'$[::0]'", "'^('", "'(?<n>a)'", "'(?P<n>a)(?P<n>b)'", "'['", "'a{99999}'", "'\\'", "'(?i'", "'(a*)*'",
    "'\\N{nope}'", "'h1[[['", "'::x'", "'//a['", "'//a/@'", "'count(//a)'", "'p(95) < 400ms'", "'p(101) < 1'",
    "'rate < '", "'avg <> 1'", "'p(95) < baseline * 1.3'", "'http_reqs{step:}'", "'{step:a}: rate < 1'",
    "'count > 1e400'",
)
VALUES = (*OF_EVERY_TYPE, *OF_YAML, *TEXTS, *TEMPLATES, *REFERENCES, *PLACES, *QUANTITIES, *EXPRESSIONS)
"""What a node is replaced by, as it is written in YAML."""

KEYS = (
    "null", "~", "1", "1.5", "true", '""', "'a b'", '"\\n"', '"\\ud800"', '"\\0"', "<<", "'<<'", "é", "? [a]",
    "[a]", "{a: b}", "&k key", "*k", LONG, "'{{ x }}'", "${HOME}", "-", "'#'", "'*'", "__class__", "self",
    "steps", "data", "type", "name", "steps", "flow", "id", "json", "file", "if", "else", "when", "expect",
    "services", "base_url", "run_id", "item", "loop", "_random", "response", "2024-01-01", "x-a", "'a:b'",
    "'http_reqs{a:b}'", "'$.a['",
)
"""What a key is replaced by."""

PIECES = (
    "\0", "\x01", "\x1b[31m", "\x7f", "\x85", "\r", "\r\n", "\n", "\t", " ", "\ufeff", "\u2028", "\u202e",
    "\ud800", "{", "}", "[", "]", ",", ":", ": ", "- ", "? ", "'", '"', "#", "&a ", "*a", "!x ", "|", ">", "%",
    "@", "`", "<<: ", "{{", "}}", "{%", "${", "$", "\\", "é", "漢", "0", "-", ".", "\n---\n", "\n...\n", "\n  ",
    "NaN", "Infinity", "1e999",
)
"""What is put into a text."""

FLAG_VALUES = (
    MANY_DIGITS, f"{MANY_DIGITS}/{MANY_DIGITS}", f"1s:{MANY_DIGITS}", f"a:{MANY_DIGITS}", f"n={MANY_DIGITS}",
    "²", "1s:²", "²/²", "a:²", "a:²:1.2.3.4", "a b:1.2.3.4", ":1.2.3.4", "a:99999:1.2.3.4", "http://a:²", "²/s",
    "data/a\0.csv", "a" * 300 + ".yaml", "http://\ud800.test", "http://a/\ud800", "é=1", "a=\udcff", "-0",
    "", " ", "0", "-1", "1", "2", "1.5", "1e3", DIGITS, LONG, "nan", "inf", "none", "auto", "true", "latest",
    ".", "\0", "a\0b", "\x1b[31m", "\udcff", "\ud800", "é", "\u202e", "\n", "a\nb", "٣", "=", "a=", "=a", "a=b",
    "a='", "5s", "0s", "-5s", "1e9h", "1/s", "0/s", "1s:1", "1s:1,1s:0", "a=1s:1/s", "1s:", ":1", "1/2", "2/1",
    "0/0", "1/1", "http://127.0.0.1:0", "http://127.0.0.1:65536", "http://[::1]:1", "http://[", "http://a:b",
    "http://", "http://a", "http://\x01", "http://a\udcff", "http://a\u202eb", "127.0.0.1:0", "127.0.0.1:1",
    ":1", "a:99999", "[::1", "a:b:c", "https://u:p@a/b?c#d", "http+unix:///x", "http+unix://", "ftp://a",
    "a:127.0.0.1", "a:0:127.0.0.1", "a:[::1]", "a:1:::1", "://", "//", "http://a.:80", f"http://{'a' * 300}",
    "rate < 1", "http_reqs: count > 1", "x: y", "a{b:c}", "http_req_duration: p(95) < 400ms",
    "http_req_duration: p(95) < baseline * 2", "http_reqs{step:é}: rate > 0", "sut.yaml", "windtunnel.yaml",
    "scenarios", "scenarios/*.yaml", "no_such", "[", "**", "~", "test.env", 'a="', "staging", "uniform",
    "poisson", "errors", "never", "strict", "gateway", "n=1", "words=[1", "limit=${X}", "team=*",
)
"""Values of flags, and of variables of the environment."""
# fmt: on
