"""The manifest of a run: what runs, and where."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import msgspec

import windtunnel
from windtunnel.engine.plan import Plan
from windtunnel.job.ci_environment import ci_commit, ci_facts
from windtunnel.job.machine import checked_out_commit, host_facts
from windtunnel.model.load import ClosedLoad
from windtunnel.model.manifest import RECORD_VERSION, DataFile, Manifest
from windtunnel.model.plan import TestPlan
from windtunnel.redaction import Redactor
from windtunnel.storage.writer import encodable


def plan_hash(test_plan: TestPlan) -> str:
    """16 hex digits of the files, data, load and thresholds. The seed and the environment do not change them."""
    digest = hashlib.blake2b(digest_size=8)
    for source in sorted(test_plan.sources, key=lambda source: source.file):
        digest.update(source.file.encode("utf-8", "replace"))
        digest.update("\n".join(source.lines).encode("utf-8", "replace"))
    digest.update("".join(feeder.digest for feeder in test_plan.data).encode())
    digest.update(test_plan.describe_load.encode())
    digest.update("\n".join(f"{t.selector}: {t.text}" for t in test_plan.thresholds).encode("utf-8", "replace"))
    return digest.hexdigest()


def run_manifest(
    test_plan: TestPlan,
    plan: Plan,
    *,
    run_id: str,
    started: float,
    argv: tuple[str, ...],
    environment: Mapping[str, str],
    redactor: Redactor,
) -> Manifest:
    """The manifest of a run that is about to start, without secrets.

    What the files name is no secret (a name that comes from the environment is refused), and stays what records
    are found by.
    """
    whole = _manifest(test_plan, plan, run_id=run_id, started=started, argv=argv, environment=environment)
    shown = [redactor.argument(word) for word in whole.argv]
    tracing_url = redactor.url(whole.tracing_url)
    hidden = redactor.struct(msgspec.structs.replace(whole, argv=shown, tracing_url=tracing_url))
    return msgspec.structs.replace(hidden, **{name: getattr(whole, name) for name in _IDENTITY})


_IDENTITY = ("run_id", "scenarios", "steps", "thresholds", "phases", "plan_hash", "commit")


def _manifest(
    test_plan: TestPlan,
    plan: Plan,
    *,
    run_id: str,
    started: float,
    argv: tuple[str, ...],
    environment: Mapping[str, str],
) -> Manifest:
    sut = test_plan.sut
    services = [service for service in (sut.default, *sut.services.values()) if service is not None]
    manifest = Manifest(
        schema_version=RECORD_VERSION,
        run_id=run_id,
        version=windtunnel.__version__,
        started=started,
        name=test_plan.name,
        sut=sut.name,
        base_urls=list(dict.fromkeys(service.base_url for service in services)),
        scenarios=[scenario.id for scenario in test_plan.scenarios],
        load=test_plan.describe_load,
        closed=any(isinstance(part.load, ClosedLoad) for part in test_plan.parts),
        timed=any(not isinstance(part.load, ClosedLoad) or part.load.pace_s for part in test_plan.parts),
        phases=list(test_plan.phases),
        seed=test_plan.seed,
        plan_hash=plan_hash(test_plan),
        segments=test_plan.workers,
        setup=test_plan.setup_segment is not None,
        shard=str(test_plan.shard) if test_plan.shard.of > 1 else "",
        steps=list(plan.rows),
        section_steps=list(plan.section_rows),
        thresholds=list(test_plan.thresholds),
        fail_on=test_plan.fail_on,
        without_baseline=test_plan.without_baseline,
        turbulence=test_plan.turbulence,
        data=[
            DataFile(file=each.file, rows=len(each.rows), size=each.size, sha256=each.digest)
            for each in test_plan.data
        ],
        argv=list(argv),
        tags=dict(test_plan.tags),
        host=host_facts(),
        ci=ci_facts(environment),
        commit=ci_commit(environment) or checked_out_commit(),
        tracing_url=sut.tracing_url,
    )
    return encodable(manifest)  # an argument, a variable or a file name can be no text
