"""What a job says before its load starts: what runs, what it waits for, and what limits the result."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from windtunnel.engine.load.forecast import forecast
from windtunnel.engine.plan import Plan
from windtunnel.engine.run.process import local_ports, raise_open_file_limit, shortages
from windtunnel.figures import plural
from windtunnel.http.proxy import proxies_in_use
from windtunnel.job.compile import CompiledJob, warnings_of_faults
from windtunnel.job.observer import Observer
from windtunnel.model.manifest import Manifest
from windtunnel.model.plan import TestPlan

_MOST_BASE_URLS = 3


def announce(compiled: CompiledJob, manifest: Manifest, observer: Observer) -> None:
    """Tell the observer what is about to run, with warnings about certificates, limits and data files."""
    test_plan = compiled.test_plan
    observer.say(f"windtunnel {manifest.version} · run {manifest.run_id} · seed {manifest.seed}")
    observer.say(
        f"{manifest.sut} ({_some(manifest.base_urls)}) · "
        f"{plural(len(test_plan.scenarios), 'scenario')} · {manifest.load}"
        + (f" · {manifest.segments} workers" if manifest.segments > 1 else "")
        + (f" · shard {manifest.shard}" if manifest.shard else "")
    )
    if unchecked := test_plan.sut.unchecked:
        observer.warning(f"the TLS certificate of {', '.join(unchecked)} is not verified")
    for shortage in shortages(test_plan, open_files=raise_open_file_limit(), ports=local_ports()):
        observer.warning(shortage)
    for proxy in proxies_in_use(test_plan.sut):
        observer.note(f"requests go through the proxy {proxy}")
    for threshold in compiled.not_judged:
        observer.note(f"not judged: {threshold} (its scenario is excluded by --only or --skip)")
    _announce_rows(test_plan, compiled.plan, observer)
    for warning in warnings_of_faults(compiled):
        observer.warning(warning)


def _some(base_urls: Sequence[str]) -> str:
    """The first base URLs, and how many there are beside them."""
    more = len(base_urls) - _MOST_BASE_URLS
    return ", ".join([*base_urls[:_MOST_BASE_URLS], *([f"and {more} more"] if more > 0 else [])])


def announce_waits(awaited: Iterable[str], observer: Observer) -> None:
    """What the load waits for: health checks and `--wait-for`."""
    for each in awaited:
        observer.note(f"waiting for {each}")


def announce_reroutes(reroutes: Mapping[str, str], observer: Observer) -> None:
    """Origins (`host:port`) that are reached at another address."""
    for origin, address in reroutes.items():
        observer.note(f"{origin} is reached at {address}, the Docker host (--loopback)")


def _announce_rows(test_plan: TestPlan, plan: Plan, observer: Observer) -> None:
    """Data files that end the load, and data files with too few rows for it or for its users."""
    if not test_plan.data:
        return
    for part in forecast(test_plan, plan):
        for rows in part.rows:
            has = f"{rows.file} has {plural(rows.rows, 'row')}"
            if rows.ends:
                observer.note(f"the load ends after {plural(part.instances or 0, 'instance')}: {has}")
            elif rows.needed is None or rows.needed <= rows.rows:
                continue
            elif rows.on_end == "fail":
                most = "up to " if rows.each == "concurrent user" else ""
                needed = plural(rows.needed, rows.each or "instance")
                observer.warning(f"{has} for {most}{needed}: instances without a row are errors")
            elif rows.each == "user":
                observer.note(f"{has} for {plural(rows.needed, 'user')}: users share rows")
