"""Names may not come from the environment: they stand in every record, metric and report, and are never hidden."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from windtunnel.config.plan import PlanFile
from windtunnel.config.reader import Document
from windtunnel.config.scalars import FILE
from windtunnel.config.scenario import ScenarioFile
from windtunnel.errors import Problem
from windtunnel.model.scenario import walk
from windtunnel.model.source import DataPath


def problems_of_names(
    scenarios: Sequence[ScenarioFile], *, plan: PlanFile | None = None, public: Collection[str] = ()
) -> list[Problem]:
    """A problem for each name and tag into which a value of the environment went that is not `public`."""
    found: dict[Problem, None] = {}
    if plan is not None:
        faults = _faults(plan.document.data.get("turbulence", {}), ("turbulence",))
        places = [("tags",), *_stages(plan.document), *faults]
        found.update(dict.fromkeys(_of_document(plan.document, places, public)))
    for file in scenarios:
        documents = {document.source.file: document for document in (file.document, *file.included)}
        places = [("id",), ("tags",), *_stages(file.document), *_faults(file.document.data, ())]
        found.update(dict.fromkeys(_of_document(file.document, places, public)))
        for step in (*walk(file.scenario.sections), *walk(file.scenario.assertions)):
            if step.source.file in documents:
                places = [(*step.path, name) for name in ("name", "tags", "service")]
                found.update(dict.fromkeys(_of_document(documents[step.source.file], places, public)))
    return list(found)


def _stages(document: Document) -> Iterator[DataPath]:
    load = document.data.get("load", {})
    yield from (("load", "stages", index, "name") for index, _ in enumerate(load.get("stages", ())))


def _faults(around: Mapping[str, Any], path: DataPath) -> Iterator[DataPath]:
    yield from ((*path, "faults", index, "name") for index, _ in enumerate(around.get("faults", ())))


def _of_document(document: Document, places: Sequence[DataPath], public: Collection[str]) -> Iterator[Problem]:
    for path, names in document.taken.items():
        place = next((place for place in places if path[: len(place)] == place), None)
        secret = [name for name in names if name not in public]
        if place is None or not secret:
            continue
        what = {"id": "the id of a scenario", "tags": "a tag"}.get(str(place[-1]), "a name")
        if secret[0].startswith(FILE):
            yield document.problem(f"{what} can't come from a file with a secret", path, hint="write it here")
            continue
        yield document.problem(
            f"{what} can't come from the environment, whose values are secret ({', '.join(secret)})",
            path,
            hint=f"if it may be shown, list it in the SUT file: public_env: [{', '.join(secret)}]",
        )
