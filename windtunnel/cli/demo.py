"""`windtunnel demo`."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from windtunnel.cli.options import with_flags
from windtunnel.figures import duration, plural
from windtunnel.terminal import TerminalObserver

if TYPE_CHECKING:
    from windtunnel.demo.settings import Virtue

PORT = 8080


Virtues = Annotated[
    list[str] | None,
    typer.Option(
        "--without",
        metavar="NAME",
        help="With --serve and --turbulence: let the shop do without idempotency, retries, budget (it retries at "
        "once and always), breaker or timeout. May be repeated.",
        show_default=False,
    ),
]
Payments = Annotated[
    int | None,
    typer.Option(
        "--payments",
        metavar="PORT",
        help="With --serve: serve the payment service of the shop on this port, and call it there, or at "
        "PAYMENTS_URL of the environment.",
        show_default=False,
        min=0,
        max=65535,
    ),
]
FailureRate = Annotated[
    float,
    typer.Option(
        "--failure-rate",
        metavar="SHARE",
        help="Share of requests that the shop fails, such as 0.02.",
        min=0,
        max=1,
    ),
]


@with_flags("demo")
def demo(
    serve: Annotated[
        bool,
        typer.Option("--serve", help="Only serve the shop, until Ctrl-C, to run your own scenarios against it."),
    ] = False,
    port: Annotated[
        int | None,
        typer.Option("--port", metavar="PORT", help=f"Port of --serve. Default: {PORT}.", show_default=False),
    ] = None,
    payments: Payments = None,
    without: Virtues = None,
    parallel: Annotated[
        int, typer.Option("--parallel", "-p", metavar="N", help="Number of concurrent users.")
    ] = 20,
    count: Annotated[int, typer.Option("--count", "-n", metavar="N", help="Number of instances.")] = 300,
    failure_rate: FailureRate = 0.0,
    freeze: Annotated[
        bool,
        typer.Option(
            "--freeze",
            help="Compare a closed and an open load on a shop that freezes for 0.5 s every 4 s. Takes 24 s.",
        ),
    ] = False,
    turbulence: Annotated[
        bool,
        typer.Option(
            "--turbulence",
            help="Break the payments of the shop on purpose, and judge how it bears that. Takes 1 min.",
        ),
    ] = False,
    **flags: Any,
) -> None:
    """Start a small shop, run a journey against it and write a report."""
    observer = TerminalObserver.standard(color=flags["color"], quiet=flags["quiet"])
    output = flags["output"]
    _refuse_alone("--without", without, serve or turbulence, "--serve or --turbulence")
    _refuse_alone("--payments", payments, serve, "--serve")
    if serve:
        _serve(PORT if port is None else port, failure_rate, payments, without or [], observer)
    elif freeze:
        raise typer.Exit(_compare_loads(output, observer))
    elif turbulence:
        raise typer.Exit(_disturb(without or [], output, observer))
    else:
        raise typer.Exit(_run(parallel, count, failure_rate, output, observer))


def _refuse_alone(flag: str, value: object, is_with: bool, others: str) -> None:
    """Raise ConfigError for a flag that has no effect without others."""
    from windtunnel.errors import ConfigError

    if value not in (None, []) and not is_with:
        raise ConfigError.of(f"goes with {others}", hint=f"add {others}, or leave {flag} away", flag=flag)


def _serve(
    port: int, failure_rate: float, payments: int | None, without: Sequence[str], observer: TerminalObserver
) -> None:
    from windtunnel.demo.server import RunningShop, run_forever
    from windtunnel.demo.settings import PAYMENTS_URL, Behaviour, ShopSettings
    from windtunnel.errors import ConfigError

    behaviour = Behaviour().without(*_virtues(without))
    payments_url = os.environ.get(PAYMENTS_URL, "")
    try:
        settings = ShopSettings(failure_rate=failure_rate, payments_url=payments_url, behaviour=behaviour)
    except ValueError as error:
        raise ConfigError.of(str(error).replace("payments_url", PAYMENTS_URL)) from None
    if payments is not None:
        settings = settings.serving_payments(payments)

    ports = f"{port}" if payments is None else f"{port} or {payments}"

    def ready(shop: RunningShop) -> None:
        observer.result(f"The demo shop is running at {shop.base_url} (Ctrl-C stops it)")

    try:
        run_forever(settings, host="localhost", port=port, on_ready=ready)
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        raise ConfigError.of(
            f"port {ports} is already taken" if taken else f"can't listen on port {ports}: {error.strerror}",
            hint="choose another port with --port, or stop the program that uses it",
        ) from None


def _virtues(names: Sequence[str]) -> list[Virtue]:
    """What the shop shall do without. Raises ConfigError for what it does not have."""
    from windtunnel.demo.settings import VIRTUES
    from windtunnel.errors import ConfigError, did_you_mean

    unknown = [name for name in names if name not in VIRTUES]
    if unknown:
        hint = did_you_mean(unknown[0], VIRTUES) or f"one of {', '.join(VIRTUES)}"
        raise ConfigError.of(f'the shop has no "{unknown[0]}" to do without', hint=hint, flag="--without")
    return [name for name in VIRTUES if name in names]


def _run(parallel: int, count: int, failure_rate: float, output: str | None, observer: TerminalObserver) -> int:
    """Run the example scenarios against a shop in a process of its own."""
    import tempfile

    from windtunnel.config.overrides import overrides_of
    from windtunnel.demo.journey import example_scenarios, write_sut
    from windtunnel.demo.process import ShopProcess
    from windtunnel.demo.settings import ShopSettings
    from windtunnel.job.request import JobRequest
    from windtunnel.job.run import run_job
    from windtunnel.signals import SignalInterrupts

    settings = ShopSettings(failure_rate=failure_rate)
    with (
        SignalInterrupts(last=True) as interrupts,
        tempfile.TemporaryDirectory(prefix="windtunnel-demo-") as folder,
        ShopProcess(settings) as shop,
    ):
        request = JobRequest(
            sut=str(write_sut(Path(folder), shop.base_url)),
            scenarios=(_shown(example_scenarios()),),
            overrides=overrides_of(parallel=parallel, count=count, output=output, name="demo"),
            argv=tuple(sys.argv[1:]),
        )
        result = run_job(request, environment=os.environ, observer=observer, interrupts=interrupts)
    return result.summary.exit_code


def _disturb(without: Sequence[str], output: str | None, observer: TerminalObserver) -> int:
    """Run the example with faults against a shop whose payments go through a proxy."""
    from windtunnel.config.overrides import overrides_of
    from windtunnel.demo.turbulence import PLAN, course, free_ports, shop_command, what_next
    from windtunnel.job.request import JobRequest
    from windtunnel.job.run import run_job
    from windtunnel.signals import SignalInterrupts

    virtues = _virtues(without)
    port, payments = free_ports(2)
    plan = _shown(PLAN)
    observer.say(course(virtues))
    request = JobRequest(
        plan=plan,
        overrides=overrides_of(exec=shop_command(port, payments, virtues), output=output),
        argv=tuple(sys.argv[1:]),
    )
    environment = {**os.environ, "SHOP_PORT": str(port), "PAYMENTS_PORT": str(payments)}
    with SignalInterrupts(last=True) as interrupts:
        result = run_job(request, environment=environment, observer=observer, interrupts=interrupts)
    if result.summary.verdict != "interrupted":
        observer.say(what_next(virtues, plan))
    return result.summary.exit_code


def _compare_loads(output: str | None, observer: TerminalObserver) -> int:
    """Run a closed and an open load against a shop that freezes at intervals."""
    import tempfile

    from windtunnel.config.overrides import overrides_of
    from windtunnel.demo.journey import write_look, write_sut
    from windtunnel.demo.process import ShopProcess
    from windtunnel.demo.settings import ShopSettings
    from windtunnel.job.request import JobRequest
    from windtunnel.job.run import run_job
    from windtunnel.signals import SignalInterrupts

    loads = {
        "closed": overrides_of(parallel=10, duration="12s", name="frozen shop, closed load", output=output),
        "open": overrides_of(rate="200/s", duration="12s", name="frozen shop, open load", output=output),
    }
    lines = []
    exit_code = 0
    settings = ShopSettings(freeze_s=0.5, freeze_every_s=4.0)
    with (
        SignalInterrupts(last=True) as interrupts,
        tempfile.TemporaryDirectory(prefix="windtunnel-demo-") as folder,
        ShopProcess(settings) as shop,
    ):
        sut, look = write_sut(Path(folder), shop.base_url), write_look(Path(folder))
        for model, overrides in loads.items():
            request = JobRequest(
                sut=str(sut), scenarios=(str(look),), overrides=overrides, argv=tuple(sys.argv[1:])
            )
            summary = run_job(request, environment=os.environ, observer=observer, interrupts=interrupts).summary
            exit_code = max(exit_code, summary.exit_code)
            if summary.verdict == "interrupted":
                return exit_code
            seen = summary.metrics["http_req_duration"].distribution
            if seen is not None:
                lines.append(
                    f"{model:<7} p50 {duration(seen.med):>7}   p99 {duration(seen.p99):>7}   "
                    f"{plural(seen.count, 'request')}"
                )
    observer.result(
        "\n".join(["The shop froze for 500 ms every 4 s. Response times as each load measured them:", *lines])
    )
    return exit_code


def _shown(path: Path) -> str:
    """The path relative to the working directory, if it is below it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
