"""The house as ARCHITECTURE.md draws it: imports point down, files stay small, the edges stay at the edge."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import ROOT

PACKAGE = ROOT / "windtunnel"

OURS: dict[str, set[str]] = {
    "errors": set(),
    "figures": set(),
    "model": {"errors"},
    "redaction": {"model"},
    "interfaces": {"model", "errors"},
    "expressions": {"model", "errors"},
    "user_code": {"errors"},
    "plugins": {"errors"},
    "config": {"model", "errors", "expressions", "user_code", "plugins"},
    "http": {"model", "errors", "interfaces"},
    "actions": {"model", "errors", "interfaces", "expressions", "user_code", "plugins"},
    "metrics": {"model", "errors", "interfaces"},
    "storage": {"model", "errors", "interfaces", "redaction"},
    "verdict": {"model", "errors", "metrics", "expressions"},
    "engine": {
        "model", "errors", "interfaces", "redaction", "expressions", "http", "actions", "storage", "metrics",
    },
    "report": {"model", "errors", "verdict", "metrics", "storage", "redaction", "expressions"},
    "job": {
        "model", "errors", "interfaces", "redaction", "plugins", "expressions", "user_code", "config", "http",
        "metrics", "storage", "verdict", "engine", "report", "terminal", "signals",
    },
    "ci": {"model", "errors", "config", "report", "storage", "redaction", "job", "terminal", "signals"},
    "demo": {"model", "errors", "interfaces"},
    "testing": {"model", "errors", "interfaces"},
}  # fmt: skip
"""What each part may import of ours; all may import `figures`.

`cli`, `api`, `__init__` and `__main__` may import everything."""

THIRD_PARTY: dict[str, set[str]] = {
    "model": {"msgspec"},
    "redaction": {"msgspec"},
    "interfaces": {"msgspec"},
    "expressions": {"faker", "jinja2", "jsonpath_ng", "msgspec"},
    "config": {"yaml", "jsonschema"},
    "http": {"httptools"},
    "actions": {"cssselect", "jsonschema", "lxml", "msgspec", "referencing", "regex"},
    "storage": {"msgspec"},
    "verdict": {"msgspec"},
    "engine": {"uvloop"},
    "report": {"jinja2", "markupsafe", "rich", "msgspec"},
    "job": {"msgspec", "rich"},
    "ci": {"msgspec"},
    "demo": {"aiohttp", "msgspec"},
    "testing": {"msgspec"},
    "cli": {"typer"},
}
"""What each part may import of others; a part that is not named keeps to the standard library."""

TOP = {"cli", "api", "terminal", "signals", "extending", "__init__", "__main__"}
FILES = sorted(PACKAGE.rglob("*.py"))


def part_of(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def imported_modules(path: Path) -> Iterator[str]:
    """Every module a file imports, wherever in the file, also under TYPE_CHECKING."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            if node.module == "windtunnel":
                yield from (f"windtunnel.{alias.name}" for alias in node.names)
            elif node.module:
                yield node.module


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path: Path):
    part = part_of(path)
    allowed = set(OURS) | TOP if part in TOP else OURS[part] | {part, "figures"}
    for module in imported_modules(path):
        names = module.split(".")
        if names[0] == "windtunnel":
            # `import windtunnel` and `from windtunnel import __version__` reach the version only.
            target = names[1] if len(names) > 1 else "__version__"
            assert target == "__version__" or target in allowed, f"{part} may not import {module}"
        elif names[0] not in sys.stdlib_module_names:
            assert names[0] in THIRD_PARTY.get(part, set()), f"{part} may not import {module}"


def test_every_part_of_the_package_stands_in_the_table():
    assert {part_of(path) for path in FILES} <= set(OURS) | TOP


def test_modules_import_each_other_in_no_circle():
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


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_modules_and_functions_stay_small(path: Path):
    text = path.read_text()
    assert text.count("\n") <= 400, f"{path.name} has {text.count(chr(10))} lines"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= 50, f"{path.name}: {node.name} has {length} lines"


def uses_the_edge(node: ast.AST) -> str | None:
    """argv, environment, stdout or the exit of the process, if this node touches one."""
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"print", "exit", "input"}
    ):
        return node.func.id
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        name = f"{node.value.id}.{node.attr}"
        if name in {"sys.exit", "sys.argv", "sys.stdout", "sys.stderr", "os.environ", "os.getenv", "os._exit"}:
            return name
    return None


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_the_command_line_knows_argv_environment_and_stdout(path: Path):
    if part_of(path) in TOP or path.name == "__main__.py":
        return
    for node in ast.walk(ast.parse(path.read_text())):
        touched = uses_the_edge(node)
        assert touched is None, f"{path.name}:{getattr(node, 'lineno', 0)} uses {touched}"


def test_importing_the_package_imports_nothing_heavy():
    script = (
        "import sys, windtunnel; "
        "print(sorted(m for m in sys.modules if m.partition('.')[0] in "
        "{'aiohttp','jinja2','jsonschema','rich','typer','uvloop','yaml','msgspec','asyncio'}))"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_the_command_line_starts_without_the_heavy_libraries():
    script = (
        "import sys, windtunnel.cli.main; "
        "print(sorted(m for m in sys.modules if m.partition('.')[0] in "
        "{'aiohttp','jinja2','jsonschema','jsonpath_ng','uvloop','yaml','asyncio'} and '.' not in m))"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
