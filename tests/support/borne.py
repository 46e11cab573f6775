"""How a shop bore its faults, made by hand: ten seconds steady, twenty with faults, thirty to recover."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from msgspec.structs import replace

from tests.support import sample_run
from tests.support.turbulent_run import BEGAN, STEADY, Service, TurbulentRun, down, fault
from tests.support.turbulent_run import PHASES as RUN_PHASES
from windtunnel.model.load import Segment
from windtunnel.model.record import (
    InstanceRecord,
    Record,
    RequestFacts,
    RunEnded,
    StepRecord,
    Timings,
)
from windtunnel.model.resilience import (
    NOT_JUDGED,
    Band,
    Bound,
    Bucket,
    FaultFigures,
    GroupFigures,
    Level,
    PhaseFigures,
    ProxyFigures,
    Resilience,
)
from windtunnel.model.summary import Summary
from windtunnel.model.turbulence import Turbulence
from windtunnel.model.vocabulary import ResilienceWord, TurbulencePhase
from windtunnel.storage.directory import RunDirectory
from windtunnel.storage.writer import RecordWriter

BROWNOUT, LOST = "payments brownout", "lost reply"
PHASES: tuple[tuple[TurbulencePhase, float, float], ...] = (
    ("steady", 5.0, 15.0),
    ("inject", 15.0, 35.0),
    ("recover", 35.0, 65.0),
)
OUTAGE = down(14.0, 26.0)
FOR_EVER = down(14.0, 99.0)
STUCK = (
    "the faults are gone and the load is the same, but the system is stuck: in the last half of recover it passed "
    "12.5% of the instances a second that it passed before the faults"
)
SENTENCES: dict[ResilienceWord, str] = {
    "resilient": "the system held its steady state throughout",
    "degraded": "the system degraded 2 s after the first fault, and recovered 8 s after the last one ended",
    "failed": "instances: rate > 95% did not hold during the faults: 61.4%",
    "metastable": STUCK,
    "not_judged": f'the fault "{LOST}" never fired: no request came that it had to be done to',
}


def resilience(word: ResilienceWord = "degraded", **changes: Any) -> Resilience:
    """A judgement with everything in it; its figures are those of a system that degraded and recovered."""
    made = Resilience(
        word=word,
        headline=SENTENCES[word],
        reasons=[SENTENCES[word]],
        seed=42,
        bucket_s=1.0,
        phases=_phases(),
        faults=_faults(),
        proxies=_proxies(),
        bounds=_bounds(word),
        levels=[
            Level(fault="slower and slower", level="100 ms", held=True, measured="p(95) 212 ms"),
            Level(fault="slower and slower", level="400 ms", held=False, measured="p(95) 1.31 s"),
            Level(fault="slower and slower", level="800 ms", held=None, measured="no data"),
        ],
        groups=[
            GroupFigures(name="disturbed", instances=320, passed=201, p95_ms=1_310.0),
            GroupFigures(name="control", instances=80, passed=79, p95_ms=88.0),
        ],
        buckets=[_bucket(second) for second in range(5, 65)],
        time_to_degrade_s=2.0,
        time_to_recover_s=8.0,
        recovery="recovered",
        error_budget_used=3.2,
        duplicates=1,
        lost=0,
        fail_fast_ms=2_010.0,
        rate_afterwards=0.99,
    )
    if word == "resilient":
        good = [replace(each, passed=20, failed=0, good=True) for each in made.buckets]
        made = replace(made, time_to_degrade_s=None, time_to_recover_s=None, buckets=good, recovery="not_needed")
    elif word == "metastable":
        made = replace(made, time_to_recover_s=None, recovery="never", rate_afterwards=0.125)
    elif word == "not_judged":
        made = replace(made, faults=[replace(f, asked=0, applied=0) if f.name == LOST else f for f in made.faults])
    return replace(made, **changes)


def summary(word: ResilienceWord = "degraded", **changes: Any) -> Summary:
    """The summary of a run in which every threshold held and the faults were borne in this way."""
    judged = resilience(word, **changes)
    plain = sample_run.summary()
    held = [each for each in plain.thresholds if each.result == "pass"]
    sound = plain.soundness
    verdict, code, reasons = "pass", 0, []
    if word in {"failed", "metastable"}:
        verdict, code, reasons = "fail", 99, list(judged.reasons)
    elif word == "not_judged":
        verdict, code, reasons = "inconclusive", 4, [f"{NOT_JUDGED}{reason}" for reason in judged.reasons]
    elif word == "degraded":
        sound = replace(sound, findings=[*judged.reasons])
    run = replace(plain.run, passed=1900, failed=13, instances=1913, load="20 starts/s in phases", duration_s=65.4)
    changed: dict[str, Any] = {"verdict": verdict, "exit_code": code, "reasons": reasons}
    return replace(plain, thresholds=held, soundness=sound, run=run, errors=[], turbulence=judged, **changed)


def write_run(root: Path, service: Service = OUTAGE) -> RunDirectory:
    """A run of a shop that is down for a while after its fault, with answers that a fault of ours threw away."""
    run = TurbulentRun(
        service=service,
        turbulence=Turbulence(phases=RUN_PHASES, steady_state=STEADY, faults=(fault(BROWNOUT), fault(LOST))),
        more=[record for number in range(3) for record in lost_reply(number)],
        ended=None,
    )
    directory = RunDirectory.create(root, "run")
    directory.write_manifest(run.manifest())
    writer = RecordWriter(directory.segment(Segment()), run_id="run")
    records = sorted(run.records(), key=lambda record: record.t)
    writer.write(records)
    writer.end(RunEnded(t=records[-1].t + 0.5, reason="completed", counts={}))
    writer.close()
    return directory


def lost_reply(number: int, *, took_us: int = 9_000_000) -> list[Record]:
    """An instance that failed because a fault threw its answer away; longer than any other."""
    began = BEGAN + 13.0 + number
    ids: dict[str, Any] = {
        "instance_id": f"lost-{number}",
        "correlation_id": f"{number:032x}",
        "scenario": "shop",
        "phase": "inject",
        "fault": LOST,
        "message": "no complete response",
    }
    request = RequestFacts(
        method="POST",
        url="http://shop/cart",
        service="shop",
        error="closed",
        failed=True,
        bytes_sent=120,
        fault=LOST,
        timings_us=Timings(wait=took_us),
    )
    step = StepRecord(
        t=began + took_us / 1e6,
        step="browse",
        action="http",
        outcome="failed",
        error="closed",
        duration_us=took_us,
        request=request,
        **ids,
    )
    instance = InstanceRecord(
        t=step.t,
        index=10_000 + number,
        user=0,
        outcome="failed",
        scheduled=began,
        started=began,
        duration_us=took_us,
        response_time_us=took_us,
        failed_step="browse",
        error="closed",
        **ids,
    )
    return [step, instance]


def _phases() -> list[PhaseFigures]:
    figures: dict[str, Any] = {
        "steady": {"passed": 200, "instances": 200, "injected": 0, "p95_ms": 81.0, "failed_share": 0.0},
        "inject": {"passed": 280, "instances": 387, "injected": 13, "p95_ms": 1_310.0, "failed_share": 0.27},
        "recover": {"passed": 592, "instances": 600, "injected": 0, "p95_ms": 84.0, "failed_share": 0.0133},
    }
    return [
        PhaseFigures(
            name=name,
            begin_s=begin_s,
            end_s=end_s,
            requests=4 * figures[name]["instances"],
            rate=figures[name]["passed"] / (end_s - begin_s),
            p50_ms=21.0,
            p99_ms=2 * figures[name]["p95_ms"],
            **figures[name],
        )
        for name, begin_s, end_s in PHASES
    ]


def _faults() -> list[FaultFigures]:
    place: dict[str, Any] = {"file": "turbulence.yaml"}
    return [
        FaultFigures(
            name=BROWNOUT,
            kind="latency",
            what="latency (delay: 800ms) on POST /charge* at the proxy payments, 60% of requests",
            pattern="ramp",
            asked=241,
            applied=241,
            bands=[Band(begin_s=15.0, end_s=30.0)],
            line=12,
            **place,
        ),
        FaultFigures(
            name=LOST,
            kind="lose_response",
            what="lose_response on step add_to_cart, 5% of requests",
            pattern="flap",
            asked=15,
            applied=13,
            bands=[Band(begin_s=15.0 + 4 * number, end_s=17.0 + 4 * number) for number in range(5)],
            line=18,
            **place,
        ),
        FaultFigures(
            name="slower and slower",
            kind="latency",
            what="latency (delay: 100ms) on service shop",
            pattern="sweep",
            asked=90,
            applied=90,
            bands=[
                Band(begin_s=15.0 + 6.0 * number, end_s=21.0 + 6.0 * number, level=level)
                for number, level in enumerate(("100 ms", "400 ms", "800 ms"))
            ],
            line=21,
            **place,
        ),
    ]


def _proxies() -> list[ProxyFigures]:
    return [
        ProxyFigures(
            name="payments",
            requests=1_420,
            logical=1_110,
            amplification=1.279,
            amplification_steady=1.0,
            in_flight_max=38,
            retries=310,
            retry_gap_p50_ms=104.0,
            synchrony=0.83,
        ),
        ProxyFigures(name="redis", requests=88, logical=0),
    ]


def _bounds(word: ResilienceWord) -> list[Bound]:
    place: dict[str, Any] = {"file": "turbulence.yaml"}
    broken = word == "failed"
    return [
        Bound(
            name="steady_state",
            condition="http_req_duration: p(95) < 400 ms",
            result="held",
            measured="81 ms",
            line=5,
            **place,
        ),
        Bound(
            name="min_injected",
            condition="at least 20, each fault at least once",
            result="no_data" if word == "not_judged" else "held",
            measured="344 times",
            reason=SENTENCES["not_judged"] if word == "not_judged" else None,
        ),
        Bound(
            name="during",
            condition="instances: rate > 95%",
            result="broken" if broken else "held",
            measured="61.4%" if broken else "97.4%",
            reason=SENTENCES["failed"] if broken else None,
            line=31,
            **place,
        ),
        Bound(
            name="unaffected",
            condition="browse_flow keeps the steady state",
            result="held",
            measured="http_req_failed{scenario:browse_flow}: 0%, http_req_duration{scenario:browse_flow}: 12 ms",
            file="/home/someone/projects/shop/tests/load/turbulence/outage/windtunnel.yaml",
            line=53,
        ),
        Bound(name="recover", condition="within 15 s, good for 5 s", result="held", measured="8 s"),
    ]


def _bucket(second: int) -> Bucket:
    begin_s, end_s = float(second), second + 1.0
    phase = next(name for name, begin, end in PHASES if begin <= second < end)
    bad = 17 <= second < 41
    faults = _faults()
    return Bucket(
        begin_s=begin_s,
        end_s=end_s,
        phase=phase,
        passed=12 if bad else 20,
        failed=6 if bad else 0,
        injected=1 if 15 <= second < 28 else 0,
        p95_ms=1_310.0 if bad else 82.0,
        good=None if second == 40 else not bad,
        faults=[f.name for f in faults if any(b.begin_s < end_s and b.end_s > begin_s for b in f.bands)],
    )
