"""`python -m windtunnel.demo`: the shop as a program. Prints one line when it is open, ending in its URL."""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from collections.abc import Sequence

import msgspec

from windtunnel.demo.server import RunningShop, run_forever
from windtunnel.demo.settings import PAYMENTS_URL, VIRTUES, ShopSettings
from windtunnel.streams import make_lasting


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until stopped; the exit code is 0, or 2 when the arguments or the address can't be used."""
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        settings = _settings(given)
    except ValueError as error:
        parser.error(str(error))
    try:
        run_forever(settings, given.host, given.port, _say_ready, lifeline=0 if given.with_stdin else None)
    except OSError as error:
        sys.stderr.write(f"can't listen on {given.host} port {given.port}: {error.strerror or error}\n")
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m windtunnel.demo", description="A small shop to test.")
    parser.add_argument("--host", default="localhost", help="address to listen on (default: localhost)")
    parser.add_argument("--port", type=_port, default=8080, help="0 takes a free one (default: 8080)")
    parser.add_argument("--seed", type=int, help="of the latencies and failures")
    parser.add_argument("--latency", type=float, metavar="FACTOR", help="multiplies every latency; 0 for none")
    parser.add_argument("--failure-rate", type=float, metavar="RATE", help="share of answers that are 503, 0 to 1")
    parser.add_argument("--payment-delay", type=float, metavar="SECONDS", help="what a payment takes")
    parser.add_argument("--payments", type=_port, metavar="PORT", help="serve the payment service there as well")
    parser.add_argument("--payment-places", type=int, metavar="N", help="payments that it works on at a time")
    parser.add_argument(
        "--without", action="append", default=[], choices=VIRTUES, help="behave wrongly; may be repeated"
    )
    parser.add_argument("--settings", default="{}", metavar="JSON", help="any shop setting; the options above win")
    parser.add_argument("--with-stdin", action="store_true", help="stop when standard input ends")
    return parser


def _port(text: str) -> int:
    if 0 <= (port := int(text)) <= 65535:
        return port
    raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")


def _settings(given: argparse.Namespace) -> ShopSettings:
    """The settings that were asked for; ValueError when they can't be meant."""
    options = {
        "seed": given.seed,
        "latency_scale": given.latency,
        "failure_rate": given.failure_rate,
        "payment_delay_s": given.payment_delay,
        "payment_places": given.payment_places,
    }
    settings = msgspec.json.decode(given.settings, type=ShopSettings)
    if given.payments is not None:
        settings = settings.serving_payments(given.payments)
    # A parent says in the settings where the payments are.
    payments_url = "" if given.with_stdin else os.environ.get(PAYMENTS_URL, "")
    settings = dataclasses.replace(
        settings,
        payments_url=settings.payments_url or payments_url,
        behaviour=settings.behaviour.without(*given.without),
    )
    return dataclasses.replace(settings, **{name: value for name, value in options.items() if value is not None})


def _say_ready(shop: RunningShop) -> None:
    sys.stdout.write(f"The demo shop is running at {shop.base_url}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    make_lasting()
    raise SystemExit(main())
