"""Where a job runs, and the help for what it lacks there: the line to type or to paste, whole.

| place | is | the help names |
|---|---|---|
| action | the GitHub Action | inputs and steps of the workflow |
| gitlab | a job of GitLab | `.gitlab-ci.yml`, inputs of the template |
| docker | our image, by hand or in another CI system | the whole `docker run` line |
| container | any other container | flags and names of containers |
| machine | a laptop, a runner without a container | flags |
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from windtunnel.errors import Lack, Problem
from windtunnel.redaction import Redactor

IMAGE_VARIABLE = "WINDTUNNEL_IMAGE"
"""The variable with which our image tells its name."""

CHECKOUT = "- uses: actions/checkout@v7"
BASE_URL = "base_url: http://shop:8080"

Place = Literal["action", "gitlab", "docker", "container", "machine"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Where a job runs.

    `own_network`: localhost is the container. `image` is the name of ours, `mounted`: a folder of the machine is
    mounted at the working directory or above it. `checked_out`: a repository is in it or in a folder of it. `argv`
    is what was typed after `windtunnel`, without secrets.
    """

    place: Place = "machine"
    own_network: bool = False
    image: str = ""
    mounted: bool = True
    checked_out: bool = True
    argv: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, environment: Mapping[str, str], *, in_container: bool, argv: Sequence[str] = (), folder: Path
    ) -> Surroundings:
        """Those of this process. `folder` is the workspace of the job, or the working directory."""
        hide = Redactor().argument
        return cls(
            place=_place(environment, in_container),
            image=environment.get(IMAGE_VARIABLE, ""),
            # The host action, which has the network of its runner, is the one whose path the runner tells.
            own_network=in_container and not environment.get("GITHUB_ACTION_PATH"),
            mounted=any(os.path.ismount(each) for each in (folder, *folder.parents) if each != each.parent),
            checked_out=_has_repository(folder),
            argv=tuple(hide(word) for word in argv),
        )

    def cured(self, problem: Problem) -> Problem:
        """The problem with the help that holds here, if it is about something that the job lacks."""
        hint = _HELP[problem.lacks](self, problem) if problem.lacks else None
        return replace(problem, hint=hint) if hint else problem

    def cured_all(self, problems: Iterable[Problem]) -> list[Problem]:
        """The problems, each with its help. What they have in common is the help of the first alone."""
        found: list[Problem] = []
        for problem in map(self.cured, problems):
            again = problem.lacks and any(each.lacks and each.hint == problem.hint for each in found)
            found.append(replace(problem, hint=None) if again else problem)
        return found

    def docker_line(self, *options: str) -> str:
        """The command that mounts the folder, with everything that was typed."""
        command = shlex.join(self.argv) or "run"
        return " ".join(["docker run --rm", *options, f'-v "$PWD:/work" -w /work {self.image}', command])

    @property
    def loopback_help(self) -> str | None:
        """The help for a server on localhost that does not answer; None where localhost is what it seems."""
        if not self.own_network:
            return None
        if self.place == "action":
            return (
                "localhost is the container of this action. For a server that a step started write "
                "`uses: windtunnel/action/host@v1`; for one under `services:` its label: `target: http://shop:8080`"
            )
        if self.place == "gitlab":
            return (
                "localhost is the container of this job. For a server under `services:` write its alias: "
                f"`{BASE_URL}`; one that the script started must be there before this command"
            )
        if self.place == "container":
            return (
                f"localhost is this container. For another container write its name: `{BASE_URL}`; for a server "
                "of the machine around it start this container with `--network host`"
            )
        return (
            "localhost is this container. For a server of the machine around it run "
            f"`{self.docker_line('--network host')}`; for another container write its name: `{BASE_URL}`"
        )

    @property
    def forgotten(self) -> str | None:
        """The help where no file of the user can be here: the mount or the checkout was forgotten."""
        if self.place == "docker" and not self.mounted:
            return f"no folder is mounted; in the folder with your files run\n    {self.docker_line()}"
        if self.place == "action" and not self.checked_out:
            return f"no repository is in the workspace; before this step add\n    {CHECKOUT}"
        if self.place == "gitlab" and not self.checked_out:
            return (
                "no repository is in the project folder; for the job write\n    variables: { GIT_STRATEGY: fetch }"
            )
        return None

    def setting(self, name: str, value: str) -> str:
        """How a value is given here: as an input of the action or of GitLab's template, else as a flag."""
        return f"`{name}: {value}`" if self.place in ("action", "gitlab") else f"`--{name} {value}`"


def _no_default_sut(where: Surroundings, problem: Problem) -> str:
    make = f"make sut.yaml with the line\n    {BASE_URL}\n  or name yours: "
    return where.forgotten or problem.hint or make + where.setting("sut", "shop/sut.yaml")


def _no_default_scenarios(where: Surroundings, problem: Problem) -> str:
    named = where.setting("scenarios", "shop/scenarios/")
    return where.forgotten or problem.hint or f"make the folder scenarios/, or name yours: {named}"


def _no_file(where: Surroundings, problem: Problem) -> str | None:
    return where.forgotten or problem.hint


def _no_output(where: Surroundings, _: Problem) -> str:
    if where.place == "docker":
        owner = '--user "$(id -u):$(id -g)"'
        return f"mount a folder that this user may write to\n    {where.docker_line(owner)}"
    return f"make the folder writable, or choose another: {where.setting('output-dir', 'runs')}"


_HELP: Mapping[Lack, Callable[[Surroundings, Problem], str | None]] = {
    "default-sut": _no_default_sut,
    "default-scenarios": _no_default_scenarios,
    "file": _no_file,
    "output": _no_output,
}
"""What a job can lack -> its help."""


def _place(environment: Mapping[str, str], in_container: bool) -> Place:
    # Only the action has inputs: a step that calls the command has the variables of GitHub too.
    if environment.get("GITHUB_ACTIONS") == "true" and any(name.startswith("INPUT_") for name in environment):
        return "action"
    if environment.get("GITLAB_CI") == "true":
        return "gitlab"
    if environment.get(IMAGE_VARIABLE):
        return "docker"
    return "container" if in_container else "machine"


def _has_repository(folder: Path) -> bool:
    try:
        return any((each / ".git").exists() for each in (folder, *folder.iterdir()))
    except OSError:
        return False
