"""A workflow of GitHub, run by act over podman's socket, with stand-ins for what would be downloaded.

act runs the steps on this machine, as GitHub's runner does on its own, and a Docker action in a container on a
bridge. The folder with the runner's files, which act mounts only for jobs in containers, is mounted by an option.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.support.podman import Answer, Image, finished

ARTIFACTS = "ACT_ARTIFACTS"
"""The variable that names the folder where the stand-ins keep artifacts, each in a folder of its name."""

_NOTHING = """\
name: Nothing
description: Stands in for an action that would be downloaded.
inputs: { python-version: { description: "" } }
runs: { using: composite, steps: [{ run: "true", shell: bash }] }
"""

_UPLOAD = """
import glob, os, pathlib, shutil, sys
name, path, overwrite = (os.environ[f"INPUT_{key}"] for key in ("NAME", "PATH", "OVERWRITE"))
target = pathlib.Path(os.environ["ACT_ARTIFACTS"], name)
if target.exists() and overwrite != "true":
    sys.exit(f"an artifact with the name {name} already exists")
shutil.rmtree(target, ignore_errors=True)
pattern = path.strip()
found = [pathlib.Path(each) for each in glob.glob(pattern)]
if not found:
    print(f"::warning::No files were found with the provided path: {pattern}")
for each in found:
    # A folder is uploaded as what is in it, unless a wildcard found it.
    inside = target if each.is_dir() and not glob.has_magic(pattern) else target / each.name
    if each.is_dir():
        shutil.copytree(each.resolve(), inside, dirs_exist_ok=True)
    else:
        inside.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(each, inside)
"""

_DOWNLOAD = """
import fnmatch, os, pathlib, shutil, sys
name, pattern, path, merge = (os.environ[f"INPUT_{key}"] for key in ("NAME", "PATTERN", "PATH", "MERGE_MULTIPLE"))
kept = sorted(pathlib.Path(os.environ["ACT_ARTIFACTS"]).iterdir())
if name and not any(each.name == name for each in kept):
    sys.exit(f"Artifact not found for name: {name}")
for each in kept:
    if each.name == name or (not name and fnmatch.fnmatch(each.name, pattern or "*")):
        into = pathlib.Path(path or ".") if name or merge == "true" else pathlib.Path(path or ".", each.name)
        shutil.copytree(each, into, dirs_exist_ok=True)
"""


_CHECKOUT = """
import os, pathlib, shutil
target = pathlib.Path(os.environ["INPUT_PATH"] or ".")
# act has put the commit there already, unless the workflow names a `ref`.
if not target.exists() or not any(target.iterdir()):
    shutil.copytree(os.environ["ACT_COMMIT"], target, dirs_exist_ok=True)
"""


def _composite(script: str, *inputs: str) -> str:
    environment = {f"INPUT_{name.upper().replace('-', '_')}": f"${{{{ inputs.{name} }}}}" for name in inputs}
    step = {"shell": "bash", "env": environment, "run": f"{sys.executable} - <<'SCRIPT'\n{script}SCRIPT\n"}
    return yaml.safe_dump(
        {
            "name": "Files",
            "description": "Stands in for an action of GitHub's, as far as files go.",
            "inputs": {name: {"description": ""} for name in inputs},
            "runs": {"using": "composite", "steps": [step]},
        }
    )


STAND_INS = {
    "actions/checkout": _composite(_CHECKOUT, "persist-credentials", "ref", "path"),
    "actions/setup-python": _NOTHING,
    "actions/upload-artifact": _composite(_UPLOAD, "name", "path", "overwrite", "retention-days"),
    "actions/download-artifact": _composite(_DOWNLOAD, "name", "pattern", "path", "merge-multiple"),
}


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of a workflow or of one of its jobs, ended."""

    answer: Answer
    artifacts: Path

    @property
    def log(self) -> str:
        """What act printed."""
        return self.answer.stdout

    @property
    def outputs(self) -> list[dict[str, str]]:
        """The outputs of each `uses:` step of ours, in order: what act says it was told."""
        told: list[dict[str, str]] = []
        for line in self.log.splitlines():
            if found := re.search(r"::set-output:: ([a-z0-9-]+)=(.*)$", line):
                if not told or found[1] in told[-1]:
                    told.append({})
                told[-1][found[1]] = found[2]
        return told

    @property
    def summaries(self) -> list[str]:
        """The Markdown of each job summary."""
        return re.findall(r"  Summary - (.*?)\n\[[^\n]*\] ", self.log, re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Act:
    """act with the tests' image store, on a checkout in `folder`.

    `actions` names folders for actions that workflows name. `programs` is a folder that comes first on the path.
    """

    program: Path
    image: Image
    docker_host: str
    folder: Path
    actions: Mapping[str, Path] = field(default_factory=dict)
    programs: Path | None = None

    def run(self, workflow: str, *, job: str = "", event: str = "push", payload: Any = None) -> Run:
        """Run the workflow in the file of that name, or one job of it."""
        beside = self.folder.parent
        cache, artifacts = beside / "cache", beside / "artifacts"
        for made in (cache, artifacts):
            made.mkdir(exist_ok=True)
        (beside / "event.json").write_text(json.dumps(payload or {}))
        command = [str(self.program), event, "--workflows", workflow, *(["--job", job] if job else [])]
        command += ["--eventpath", str(beside / "event.json"), "--env", f"{ARTIFACTS}={artifacts}"]
        command += ["--env", f"ACT_COMMIT={self.folder}"]
        command += self._repositories(beside, (self.folder / workflow).read_text())
        command += ["--platform=ubuntu-latest=-self-hosted", f"--container-options=--volume={cache}:{cache}"]
        # The image is built already, by podman itself: a build over the socket could not be told of this machine.
        command += ["--rebuild=false", "--pull=false", "--concurrent-jobs=4", "--defaultbranch=main"]
        first = [str(self.programs)] if self.programs else []
        path = [*first, str(self.image.docker), str(Path(sys.executable).parent), os.environ["PATH"]]
        environment = {
            "DOCKER_HOST": self.docker_host,
            "PATH": os.pathsep.join(path),
            "XDG_CACHE_HOME": str(cache),
        }
        answer = finished(command, folder=self.folder, environment=environment, timeout_s=300)
        return Run(answer=answer, artifacts=artifacts)

    def _repositories(self, beside: Path, text: str) -> list[str]:
        """What makes act take folders for the repositories of actions."""
        options = []
        for name, reference in sorted(set(re.findall(r"uses: ([\w-]+/[\w-]+)(?:/[\w-]+)*@([\w.]+)", text))):
            folder = self.actions.get(name)
            if folder is None:
                folder = beside / "stand-ins" / name
                folder.mkdir(parents=True, exist_ok=True)
                (folder / "action.yml").write_text(STAND_INS[name])
            options.append(f"--local-repository=https://github.com/{name}@{reference}={folder}")
        return options
