"""The edits that add a step type or a renderer to Windtunnel itself: made in a copy of it, then used.

Packages that do the same from outside are in `test_example_package.py`.
"""

from __future__ import annotations

import json
import shutil
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import ROOT
from tests.support.command_line import run_process

SHOUT = '''
"""The `shout` step: a text in capitals as a variable."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from windtunnel.actions.compile.context import CompileContext
from windtunnel.interfaces import Instance, StepOutcome
from windtunnel.model.scenario import Step


class ShoutAction:
    type = "shout"
    keys = ("text", "into")

    def __init__(self, name: str, text: Callable[[Any], str], into: str) -> None:
        self.name, self._text, self._into = name, text, into

    @classmethod
    def compile(cls, step: Step, context: CompileContext) -> ShoutAction:
        field = context.at(step)
        text = (field / "text").text(step.options["text"])
        (field / "into").variable(step.options["into"])
        return cls(step.name, text, step.options["into"])

    async def run(self, instance: Instance) -> StepOutcome:
        instance.scope[self._into] = self._text(instance.scope).upper()
        return StepOutcome()
'''
TWICE = '''
"""The `twice` step: runs its steps two times."""

from __future__ import annotations

from windtunnel.actions.compile.context import CompileContext
from windtunnel.interfaces import CompiledStep, Instance, StepOutcome
from windtunnel.model.scenario import Step


class TwiceAction:
    type = "twice"
    keys = ("steps",)

    def __init__(self, name: str, steps: tuple[CompiledStep, ...]) -> None:
        self.name, self._steps = name, steps

    @classmethod
    def compile(cls, step: Step, context: CompileContext) -> TwiceAction:
        return cls(step.name, context.block(step.blocks[0]))

    async def run(self, instance: Instance) -> StepOutcome:
        outcome = await instance.run_steps(self._steps)
        return await instance.run_steps(self._steps) if outcome.outcome == "passed" else outcome
'''
COUNTS = '''
"""The numbers of steps."""

from __future__ import annotations

from windtunnel.report.model import Report


def render(report: Report) -> str:
    return "".join(f"{row.step}: {row.count}\\n" for row in report.summary.steps)
'''

COMMON = {
    "type": {"type": "string"},
    "name": {"$ref": "#/$defs/step_name"},
    "when": {"$ref": "#/$defs/condition"},
    "tags": {"$ref": "#/$defs/tags"},
    "on_failure": {"enum": ["stop", "continue"]},
}


@dataclass(frozen=True, kw_only=True)
class Copy:
    """A copy of Windtunnel that is edited, and a folder to use it in."""

    root: Path
    folder: Path

    def run(self, *args: str) -> subprocess.CompletedProcess[str]:
        return run_process(self.folder, *args, environment={"PYTHONPATH": str(self.root), "COLUMNS": "200"})

    def edited(self) -> list[str]:
        """The files that differ from Windtunnel's own."""
        ours = {
            path.relative_to(self.root): path for path in self.root.rglob("*") if path.suffix in (".py", ".json")
        }
        return sorted(
            str(name)
            for name, path in ours.items()
            if not (ROOT / name).exists() or path.read_bytes() != (ROOT / name).read_bytes()
        )

    def add_step_type(self, name: str, action: str, code: str, properties: dict[str, object]) -> None:
        """One file, one row (with its import), its schema."""
        actions = self.root / "windtunnel" / "actions"
        (actions / f"{name}.py").write_text(code)
        table = actions / "table.py"
        row, end = f'    "{name}": {action},\n', '    "python": PythonAction,\n'
        text = table.read_text().replace(end, end + row)
        first = "from windtunnel.actions.wait import"
        table.write_text(text.replace(first, f"from windtunnel.actions.{name} import {action}\n{first}"))
        path = self.root / "schemas" / "scenario.schema.json"
        schema = json.loads(path.read_text())
        step = schema["$defs"]["step"]
        step["properties"]["type"]["enum"].append(name)
        rule = {"type": "object", "properties": {"type": {"const": name}}, "required": ["type"]}
        step["allOf"].append({"if": rule, "then": {"$ref": f"#/$defs/{name}"}})
        schema["$defs"][name] = {
            "title": f"{name} step",
            "type": "object",
            "required": ["type", "name", *properties],
            "additionalProperties": False,
            "properties": {**COMMON, **properties},
        }
        path.write_text(json.dumps(schema))


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Copy]:
    root, folder = tmp_path / "copy", tmp_path / "project"
    without_caches = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "windtunnel", root / "windtunnel", ignore=without_caches)
    shutil.copytree(ROOT / "schemas", root / "schemas")
    folder.mkdir()
    with socketserver.ThreadingTCPServer(("localhost", 0), socketserver.BaseRequestHandler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        (folder / "sut.yaml").write_text(f"base_url: http://localhost:{server.server_address[1]}\n")
        yield Copy(root=root, folder=folder)
        server.shutdown()
        thread.join()


@pytest.mark.slow  # copies the project, changes the copy and runs it
def test_a_leaf_step_type_takes_three_edits_and_a_renderer_two(copy: Copy) -> None:
    copy.add_step_type(
        "shout",
        "ShoutAction",
        SHOUT,
        {"text": {"type": "string"}, "into": {"$ref": "#/$defs/variable_name", "x-variables": "set"}},
    )
    assert copy.edited() == [
        "schemas/scenario.schema.json",
        "windtunnel/actions/shout.py",
        "windtunnel/actions/table.py",
    ]
    report = copy.root / "windtunnel" / "report"
    (report / "counts.py").write_text(COUNTS)
    table = report / "renderers.py"
    row, end = '    "counts": ("counts.txt", counts.render),\n', '    "terminal":'
    text = table.read_text().replace(end, row + end, 1)
    table.write_text(text.replace("    dotenv,\n", "    counts,\n    dotenv,\n", 1))
    assert copy.edited()[-2:] == ["windtunnel/report/counts.py", "windtunnel/report/renderers.py"]

    scenario = copy.folder / "shout.yaml"
    loop = "{ type: repeat, name: loop, times: 2, steps: [%s, { type: shout, name: hey, text: %s, into: word }] }"
    check = "{ type: assert, name: loud, expect: { condition: \"word == 'HEY'\" } }"
    first = "{ type: set, name: first, when: 'loop.index == 2', variables: { seen: '{{ word }}' } }"
    scenario.write_text(f"id: shout\nflow:\n  - {loop % (first, 'hey')}\n  - {check}\n")
    valid = copy.run("validate", "sut.yaml", "shout.yaml")
    assert valid.returncode == 0, valid.stderr
    ran = copy.run("run", "--scenarios", "shout.yaml", "-n", "2")
    assert ran.returncode == 4, ran.stdout + ran.stderr
    assert "nothing was tested" in ran.stdout, "its steps send nothing"
    shown = copy.run("report", "--format", "counts")
    assert shown.returncode == 0, shown.stderr
    assert (copy.folder / "runs" / "latest" / "counts.txt").read_text() == "loop: 2\nfirst: 4\nhey: 4\nloud: 2\n"

    scenario.write_text("id: shout\nflow:\n  - { type: shout, name: hey, txet: hey, into: word }\n")
    wrong = copy.run("validate", "sut.yaml", "shout.yaml")
    assert wrong.returncode == 2
    assert 'shout.yaml:3:5: a shout step needs "text"' in wrong.stderr
    assert 'help: did you mean "text"?' in wrong.stderr


@pytest.mark.slow
def test_a_step_type_that_holds_steps_takes_the_same_three_edits(copy: Copy) -> None:
    copy.add_step_type("twice", "TwiceAction", TWICE, {"steps": {"$ref": "#/$defs/steps"}})
    assert copy.edited() == [
        "schemas/scenario.schema.json",
        "windtunnel/actions/table.py",
        "windtunnel/actions/twice.py",
    ]
    inner = "{ type: twice, name: inner, steps: [{ type: set, name: leaf, variables: { a: 1 } }] }"
    (copy.folder / "twice.yaml").write_text(
        f"id: twice\nflow:\n  - {{ type: twice, name: outer, steps: [{inner}] }}\n"
        "  - { type: set, name: after, variables: { b: '{{ a }}' } }\n"
    )
    ran = copy.run("run", "--scenarios", "twice.yaml", "-n", "2")
    assert ran.returncode == 4, ran.stdout + ran.stderr
    assert "2 of 2 instances passed" in ran.stdout
    summary = json.loads((copy.folder / "runs" / "latest" / "summary.json").read_text())
    counted = {row["step"]: (row["action"], row["count"]) for row in summary["steps"]}
    assert counted == {"outer": ("twice", 2), "inner": ("twice", 4), "leaf": ("set", 8), "after": ("set", 2)}
