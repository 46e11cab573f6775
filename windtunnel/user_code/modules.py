"""Python files of the user: loading them, and finding functions in them.

A file is a module of its own, under a name that its path and content make: the same content is executed once a
process, and a file that has changed anew. Its folder is on the module search path from then on, so that it can
import other modules in its folder.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
import traceback
from importlib.abc import Loader
from pathlib import Path
from types import ModuleType
from typing import Any

from windtunnel.errors import ConfigError, ExpressionError, Location, describe, did_you_mean, is_interrupt
from windtunnel.processes import watch
from windtunnel.project import Project

MAX_CODE_BYTES = 16 * 1024 * 1024
_PREFIX = "windtunnel_code_"


def load_module(path: str, project: Project) -> ModuleType:
    """The module of a file of the project. Raises ConfigError, with the line, for one that cannot be executed."""
    file, content = Path(path), read_code(path, project)
    resolved = str(file.resolve())
    digest = hashlib.blake2b(resolved.encode() + b"\0" + content, digest_size=8).hexdigest()
    name = f"{_PREFIX}{file.stem}_{digest}"
    if name in sys.modules:
        return sys.modules[name]
    _search(file.parent)
    spec = importlib.util.spec_from_file_location(name, resolved)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with watch().importing(path):
        _execute(spec.loader, module, path, resolved, content)
    return module


def _execute(loader: Loader, module: ModuleType, path: str, resolved: str, content: bytes) -> None:
    name = module.__name__
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except BaseException as error:
        sys.modules.pop(name, None)
        if is_interrupt(error):
            raise
        raise _not_loadable(path, resolved, content, error) from None


def read_code(path: str, project: Project) -> bytes:
    """The content of a Python file of the project. Raises ConfigError."""
    try:
        return project.read(path, most=MAX_CODE_BYTES, absent=None)
    except ExpressionError as error:
        raise ConfigError.of(str(error), hint=error.hint) from None


def function_in(folder: str, call: str, project: Project) -> Any:
    """The function that `module:function` names, in a module in the scenario's folder or an installed one.

    Raises ConfigError without a place; the caller adds it.
    """
    module_name, colon, function_name = call.partition(":")
    if not colon or not module_name or not function_name:
        raise ConfigError.of(f'"{call}" is not module:function', hint="call: my_module:my_function")
    module = _module_named(folder, module_name, project)
    function: Any = module
    for part in function_name.split("."):
        if not hasattr(function, part):
            known = [name for name, value in vars(module).items() if callable(value) and name[0] != "_"]
            message = f'there is no function "{function_name}" in the module "{module_name}"'
            raise ConfigError.of(message, hint=did_you_mean(function_name, known))
        function = getattr(function, part)
    if not callable(function):
        raise ConfigError.of(f'"{function_name}" of the module "{module_name}" can\'t be called')
    return function


def _module_named(folder: str, name: str, project: Project) -> ModuleType:
    beside = Path(folder, f"{name}.py")
    if "." not in name and os.path.lexists(beside):
        return load_module(str(beside), project)
    _search(Path(folder))
    with watch().importing(name):
        return _imported(folder, name)


def _imported(folder: str, name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            near = did_you_mean(name, [path.stem for path in Path(folder).glob("*.py")])
            hint = near or f"put {name}.py into the scenario's folder, {folder or '.'}, or install the package"
            raise ConfigError.of(f'there is no module "{name}"', hint=hint) from None
        raise ConfigError.of(f'the module "{name}" can\'t be imported: {error}') from None
    except BaseException as error:
        if is_interrupt(error):
            raise
        raise ConfigError.of(f'the module "{name}" can\'t be imported: {_describe(error)}') from None


def _search(folder: Path) -> None:
    """Let modules be imported from a folder."""
    resolved = str(folder.resolve())
    if resolved not in sys.path:
        sys.path.insert(0, resolved)


def _not_loadable(path: str, resolved: str, content: bytes, error: BaseException) -> ConfigError:
    """The error of executing a file, at the last line of its own that was reached."""
    line, column = 0, 1
    if isinstance(error, SyntaxError) and error.filename == resolved:
        line, column = error.lineno or 0, error.offset or 1
    else:
        for frame in traceback.extract_tb(error.__traceback__):
            if frame.filename == resolved:
                line = frame.lineno or 0
    lines = content.decode("utf-8", "replace").splitlines()
    excerpt = lines[line - 1] if 0 < line <= len(lines) else ""
    if column == 1:
        column += len(excerpt) - len(excerpt.lstrip())
    where = Location(
        file=path, line=line, column=column, excerpt=excerpt, width=max(1, len(excerpt.rstrip()) - column + 1)
    )
    if isinstance(error, ModuleNotFoundError):
        hint = "install it in the same environment, or put it into this file's folder"
        return ConfigError.of(f"this file can't be loaded: {error}", where=where, hint=hint)
    return ConfigError.of(f"this file can't be loaded: {_describe(error)}", where=where)


def _describe(error: BaseException) -> str:
    return f"{type(error).__name__}: {error.msg}" if isinstance(error, SyntaxError) else describe(error)
