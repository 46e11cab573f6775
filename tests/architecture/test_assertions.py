"""No test passes because a collection was empty: each has an assertion outside loops that may be empty."""

from __future__ import annotations

import ast

from tests.support import ROOT

FILES = sorted(path for path in (ROOT / "tests").rglob("test_*.py") if "cases" not in path.parts)

Function = ast.FunctionDef | ast.AsyncFunctionDef


def is_filled(values: ast.expr, names: set[str]) -> bool:
    """Whether an expression is written out and holds something; `names` do."""
    if isinstance(values, ast.Tuple | ast.List | ast.Set):
        return bool(values.elts)
    if isinstance(values, ast.Dict):
        return bool(values.keys)
    if isinstance(values, ast.Name):
        return values.id in names
    if not isinstance(values, ast.Call):
        return False
    if isinstance(values.func, ast.Attribute):
        return values.func.attr in {"items", "keys", "values"} and is_filled(values.func.value, names)
    called = values.func.id if isinstance(values.func, ast.Name) else ""
    same_length = {"zip", "enumerate", "sorted", "reversed", "list", "tuple", "set"}
    return called == "range" or (called in same_length and all(is_filled(each, names) for each in values.args[:2]))


def filled_names(tree: ast.AST) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if isinstance(target, ast.Name) and is_filled(node.value, names):
                names.add(target.id)
    return names


def asserts_only_in_loops(test: Function, names: set[str]) -> bool:
    """Whether there are assertions, and all of them are in loops over collections that may be empty."""
    loops = [
        node
        for node in ast.walk(test)
        if isinstance(node, ast.While)
        or (isinstance(node, ast.For | ast.AsyncFor) and not is_filled(node.iter, names))
    ]
    inside = {id(node) for loop in loops for node in ast.walk(loop)}
    checks = [node for node in ast.walk(test) if isinstance(node, ast.Assert) or "pytest.raises" in called(node)]
    return bool(checks) and all(id(check) in inside for check in checks)


def called(node: ast.AST) -> str:
    return ast.unparse(node.func) if isinstance(node, ast.Call) else ""


def offenders(source: str) -> list[str]:
    tree = ast.parse(source)
    names = filled_names(tree)
    tests = [node for node in ast.walk(tree) if isinstance(node, Function) and node.name.startswith("test_")]
    return [test.name for test in tests if asserts_only_in_loops(test, names)]


def test_an_assertion_stands_outside_of_loops_that_may_be_empty() -> None:
    assert {str(path): found for path in FILES if (found := offenders(path.read_text()))} == {}


def test_such_a_loop_is_found() -> None:
    assert offenders("def test_a():\n    for x in found():\n        assert x\n") == ["test_a"]
    assert offenders("def test_a():\n    for x in (1, 2):\n        assert x\n") == []
    assert offenders("def test_a():\n    assert found()\n    for x in found():\n        assert x\n") == []
