"""The house as ARCHITECTURE.md draws it: imports point down, files stay small, the edges stay at the edge."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.source import FILES, PACKAGE, name_of, tree_of

OURS: dict[str, set[str]] = {
    "errors": set(),
    "figures": set(),
    "tasks": {"errors"},
    "project": {"errors"},
    "streams": set(),
    "processes": {"errors"},
    "model": {"errors", "project"},
    "encodings": set(),
    "zstd": set(),
    "secret": {"encodings"},
    "redaction": {"model", "encodings", "secret"},
    "interfaces": {"model", "errors"},
    "expressions": {"model", "errors"},
    "user_code": {"errors", "project", "processes"},
    "plugins": {"errors", "processes"},
    "config": {"model", "errors", "project", "secret", "expressions", "user_code", "plugins"},
    "http": {"model", "errors", "project", "interfaces", "zstd"},
    "actions": {"model", "errors", "project", "interfaces", "expressions", "user_code", "plugins"},
    "metrics": {"model", "errors", "interfaces", "turbulence"},
    "storage": {"model", "errors", "interfaces", "secret", "redaction", "zstd"},
    "turbulence": {"model", "errors", "interfaces", "expressions", "http", "plugins"},
    "verdict": {"model", "errors", "metrics", "expressions", "turbulence"},
    "engine": {
        "model", "errors", "interfaces", "secret", "redaction", "expressions", "http", "actions", "storage",
        "metrics", "streams", "processes", "turbulence",
    },
    "report": {"model", "errors", "verdict", "metrics", "storage", "redaction", "expressions"},
    "job": {
        "model", "errors", "project", "interfaces", "encodings", "secret", "redaction", "plugins", "expressions",
        "user_code", "config", "http", "actions", "metrics", "storage", "verdict", "engine", "report", "processes",
        "turbulence",
    },
    "ci": {
        "model", "errors", "project", "interfaces", "encodings", "secret", "redaction", "plugins", "expressions",
        "user_code", "config", "http", "actions", "metrics", "storage", "verdict", "engine", "report", "job",
    },
    "demo": {"model", "errors", "interfaces", "streams"},
    "testing": {"model", "errors", "interfaces"},
}  # fmt: skip
"""What each part may import of ours; all may import `figures` and `tasks`.

`cli` and `api` may import everything, `api` not `cli`. `terminal` and `signals` are for these two alone: the
standard streams and the signal handlers that they hand to a job."""

THIRD_PARTY: dict[str, set[str]] = {
    "model": {"idna", "msgspec"},
    "redaction": {"msgspec"},
    "interfaces": {"msgspec"},
    "expressions": {"faker", "jinja2", "jsonpath_ng", "msgspec"},
    "config": {"yaml", "jsonschema", "msgspec"},
    "http": {"httptools", "brotli"},
    "actions": {"cssselect", "jsonschema", "lxml", "msgspec", "referencing", "regex", "yaml"},
    "storage": {"msgspec"},
    "zstd": {"backports", "compression"},
    "turbulence": {"msgspec"},
    "verdict": {"msgspec"},
    "engine": {"uvloop", "msgspec"},
    "report": {"jinja2", "markupsafe", "rich", "msgspec"},
    "job": {"msgspec"},
    "ci": {"msgspec"},
    "demo": {"aiohttp", "msgspec"},
    "testing": {"msgspec"},
    "cli": {"typer", "shellingham"},
    "terminal": {"rich"},
}
"""What each part may import of others; a part that is not named keeps to the standard library."""

TOP = {"cli", "api", "terminal", "signals", "extending", "__init__", "__main__"}
TOP_IMPORTS: dict[str, set[str]] = {
    "__init__": set(OURS) | {"api"},
    "__main__": {"cli"},
    "api": set(OURS) | {"terminal", "signals"},
    "cli": set(OURS) | {"cli", "terminal", "signals"},
    "extending": set(OURS) - {"job", "ci"},
    "signals": {"job"},
    "terminal": {"ci", "figures", "job", "report"},
}


def part_of(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def imported_modules(path: Path) -> Iterator[str]:
    """Every module a file imports, wherever in the file, also under TYPE_CHECKING."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            if node.module == "windtunnel":
                yield from (f"windtunnel.{alias.name}" for alias in node.names)
            elif node.module:
                yield node.module


def refused_imports(path: Path) -> set[str]:
    part = part_of(path)
    allowed = TOP_IMPORTS[part] if part in TOP else OURS[part] | {part, "figures", "tasks"}
    # `import windtunnel` and `from windtunnel import __version__` reach the version only.
    modules = [module.split(".") for module in imported_modules(path)]
    ours = {names[1] for names in modules if names[0] == "windtunnel" and len(names) > 1}
    theirs = {names[0] for names in modules} - {"windtunnel"} - sys.stdlib_module_names
    return (ours - {"__version__"} - allowed) | (theirs - THIRD_PARTY.get(part, set()))


def test_imports_point_down() -> None:
    assert {name_of(path): refused for path in FILES if (refused := refused_imports(path))} == {}


def test_every_part_of_the_package_stands_in_the_table() -> None:
    assert len(FILES) > 200
    assert {part_of(path) for path in FILES} <= set(OURS) | TOP


def test_modules_import_each_other_in_no_circle() -> None:
    graph: dict[str, set[str]] = {}
    names = {".".join(("windtunnel", *path.relative_to(PACKAGE).with_suffix("").parts)): path for path in FILES}
    for name, path in names.items():
        graph[name] = {module for module in imported_modules(path) if module in names and module != name}
    seen: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, f"imports in a circle: {' -> '.join((*trail, name))}"
        if name not in seen:
            for target in graph[name]:
                visit(target, (*trail, name))
            seen.add(name)

    for name in graph:
        visit(name, ())


def test_modules_stay_small() -> None:
    lengths = {name_of(path): path.read_text().count("\n") for path in FILES}
    assert {name: length for name, length in lengths.items() if length > 400} == {}


def test_functions_stay_small() -> None:
    lengths = {
        f"{name_of(path)}: {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path in FILES
        for node in ast.walk(tree_of(path))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }
    assert {name: length for name, length in lengths.items() if length > 50} == {}


EDGES: dict[str, set[str]] = {
    "print": {"cli"},
    "input": {"cli"},
    "exit": {"cli"},
    "sys.exit": {"cli"},
    "os._exit": {"cli", "__main__"},
    "sys.argv": {"cli"},
    "sys.stdout": {"cli", "terminal", "streams"},
    "sys.stderr": {"cli", "terminal", "streams"},
    "os.environ": {"cli", "api", "terminal"},
    "os.getenv": set(),
    "signal.signal": {"signals", "__main__"},
    "signal.set_wakeup_fd": {"signals"},
    "signal.setitimer": set(),
    "loop.add_signal_handler": {"signals"},
    "asyncio.wait_for": set(),
}
"""What touches the process, and the parts that may; a process that is started for its own work may as well.

`asyncio.wait_for` loses a cancellation before Python 3.12: `tasks.within` does the same and does not."""

PROCESSES = {PACKAGE / "demo" / "__main__.py", PACKAGE / "demo" / "server.py"}
"""The main of the demo shop's process, which prints its address and ends with a signal."""


def used_edges(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, name) of everything in EDGES that a module uses, whatever the name of a loop."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in EDGES:
            yield node.lineno, node.func.id
        elif isinstance(node, ast.Attribute):
            owner = node.value.id if isinstance(node.value, ast.Name) else ""
            name = "loop.add_signal_handler" if node.attr == "add_signal_handler" else f"{owner}.{node.attr}"
            if name in EDGES:
                yield node.lineno, name
        elif isinstance(node, ast.ImportFrom) and node.module in {"os", "sys", "signal"}:
            for alias in node.names:
                if (name := f"{node.module}.{alias.name}") in EDGES:
                    yield node.lineno, name


def test_only_the_edge_knows_argv_environment_streams_exits_and_signals() -> None:
    used = {
        f"{name_of(path)}:{line} uses {name}"
        for path in FILES
        for line, name in used_edges(tree_of(path))
        if path not in PROCESSES and part_of(path) not in EDGES[name]
    }
    assert used == set()


@pytest.mark.parametrize(
    ("source", "edge"),
    [
        ("print('x')", "print"),
        ("import os\nos.environ['A']", "os.environ"),
        ("from os import environ", "os.environ"),
        ("from signal import signal", "signal.signal"),
        ("asyncio.get_running_loop().add_signal_handler(2, stop)", "loop.add_signal_handler"),
    ],
)
def test_a_use_of_the_edge_is_found(source: str, edge: str) -> None:
    assert edge in {name for _, name in used_edges(ast.parse(source))}


def test_importing_the_package_imports_nothing_heavy() -> None:
    script = (
        "import sys, windtunnel; "
        "print(sorted(m for m in sys.modules if m.partition('.')[0] in "
        "{'aiohttp','jinja2','jsonschema','rich','typer','uvloop','yaml','msgspec','asyncio'}))"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_the_command_line_starts_without_the_heavy_libraries() -> None:
    script = (
        "import sys, windtunnel.cli.main; "
        "print(sorted(m for m in sys.modules if m.partition('.')[0] in "
        "{'aiohttp','jinja2','jsonschema','jsonpath_ng','uvloop','yaml','asyncio'} and '.' not in m))"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_a_run_from_python_imports_nothing_of_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("id: a\nflow: [{ type: http, name: home, path: / }]\n")
    script = (
        "import sys, windtunnel.api, windtunnel\n"
        "result = windtunnel.run(sut={'base_url': 'http://127.0.0.1:9'}, scenarios='a.yaml')\n"
        "assert result.verdict.word == 'unreachable', result.output\n"
        "assert 'unreachable' in result.output.lower(), result.output\n"
        "print([m for m in sys.modules if m.startswith('windtunnel.cli') or m == 'typer'])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert answer.stdout.strip() == "[]"


MACHINES_READ = {
    "report/openmetrics.py": "the format of OpenMetrics",
    "report/junit.py": "seconds in XML",
    "report/dotenv.py": "variables of a shell",
    "ci/log.py": "the time stamp of a GitLab section",
    "demo/answers.py": "prices in the shop's own pages",
}
"""Files that format numbers themselves, since no person of ours reads them."""

ROUNDING_FORMAT = re.compile(r"\.\d|[eEfFgGnG%]$|^[+ ]")
PERCENT_FORMAT = re.compile(r"%[-+ 0#]*\d*(\.\d+)?[eEfFgG]|\{[^{}]*:[^{}]*(\.\d+[eEfFgGn%]?|[eEfFgG%])\}")


def formatted_numbers(tree: ast.AST) -> Iterator[int]:
    """The lines that put a number into digits: `{x:.2f}`, `"%.3g" % x`, `"{:g}".format(x)`, `format(x, "e")`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FormattedValue) and isinstance(node.format_spec, ast.JoinedStr):
            spec = "".join(str(part.value) for part in node.format_spec.values if isinstance(part, ast.Constant))
            if ROUNDING_FORMAT.search(spec) and not spec.startswith("%"):  # `%Y-%m-%d` is a date
                yield node.lineno
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
            if _says(node.left, PERCENT_FORMAT):
                yield node.lineno
        elif isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute) and node.func.attr == "format":
                if _says(node.func.value, PERCENT_FORMAT):
                    yield node.lineno
            elif isinstance(node.func, ast.Name) and node.func.id == "format" and len(node.args) == 2:
                yield node.lineno


def _says(node: ast.AST, pattern: re.Pattern[str]) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and bool(pattern.search(node.value))


def test_numbers_for_people_are_put_into_digits_by_figures_alone() -> None:
    formatting = {name_of(path): lines for path in FILES if (lines := list(formatted_numbers(tree_of(path))))}
    others = {name: lines for name, lines in formatting.items() if name != "figures.py"}

    assert {name: lines for name, lines in others.items() if name not in MACHINES_READ} == {}
    assert MACHINES_READ.keys() <= others.keys(), "one formats no number any more: take it off the list"


@pytest.mark.parametrize(
    "source",
    [
        'f"{x:.2g} ms"',
        'f"{x:+}"',
        'f"{x:,.1f}"',
        '"%.3f" % x',
        '"{:g}".format(x)',
        'f"{x:.{n}f}"',
        'format(x, "e")',
    ],
)
def test_a_number_format_is_seen(source: str) -> None:
    assert list(formatted_numbers(ast.parse(source))) == [1]


@pytest.mark.parametrize(
    "source", ['f"{count:,}"', 'f"{name:>5}"', 'f"{index:016x}"', 'f"{at:%Y-%m-%d}"', '"%s of %d" % x']
)
def test_a_count_a_name_an_id_and_a_date_are_no_number_format(source: str) -> None:
    assert list(formatted_numbers(ast.parse(source))) == []


OPENS = {"open", "read_text", "read_bytes", "fdopen"}
THEIR_OWN = {"config/schemas.py"}
"""Reads files of the package itself."""


def opened_by(path: Path) -> set[str]:
    called = {
        node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name)
    }
    own = {"open"} if path.name == "steps.py" else set()  # Fragments.open, which reads nothing itself
    return called & OPENS - own


def test_what_reads_the_files_of_a_test_opens_none_itself() -> None:
    """`project.py` does, which knows what may be read."""
    opening = {
        name_of(path): opens
        for path in FILES
        if part_of(path) in ("config", "actions", "user_code") and (opens := opened_by(path))
    }
    assert opening.keys() == THEIR_OWN
