"""The payment service over HTTP: the application that serves it, and how the shop reaches it.

POST   /charge                {"amount"}: 201 {"status": "accepted"}, 402 declined, 503 too much to do;
                              Idempotency-Key: the money of one key is taken once
GET    /health                always 200, at once
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping

import aiohttp
import msgspec
from aiohttp import web

from windtunnel.demo.answers import as_json, encode, problem
from windtunnel.demo.payment import Payment, PaymentAnswer, PaymentService
from windtunnel.demo.settings import ShopSettings

PASSED_ON = ("X-Correlation-ID", "traceparent", "tracestate")
"""The headers of a request that the shop sends along with its own to the payment service."""

_KEY = "Idempotency-Key"


class _Charge(msgspec.Struct, frozen=True):
    amount: float


class _Charged(msgspec.Struct, frozen=True):
    status: PaymentAnswer


def service_of(settings: ShopSettings, stream: random.Random) -> PaymentService:
    """The payment service that a shop's settings ask for."""
    return PaymentService(
        delay_s=settings.payment_delay_s,
        failure_rate=settings.payment_failure_rate,
        stream=stream,
        places=settings.payment_places,
        queue=settings.payment_queue,
        capacity=settings.capacity,
    )


def ids_of(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of a request that follow it wherever it leads."""
    return {name: value for name in PASSED_ON if (value := headers.get(name)) is not None}


def create_payments(settings: ShopSettings) -> web.Application:
    """The payment service as an application, with a state of its own."""
    service = service_of(settings, random.Random(settings.seed))

    async def charge(request: web.Request) -> web.Response:
        try:
            charge = msgspec.json.decode(await request.read(), type=_Charge)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return problem(400, "bad_body", str(error))
        key = request.headers.get(_KEY, "")
        answer = await service.charge(Payment(amount=charge.amount, key=key, ids=ids_of(request.headers)))
        if answer == "accepted":
            return as_json(encode(_Charged(status=answer)), status=201)
        if answer == "declined":
            return problem(402, "payment_declined", "the payment was declined")
        return problem(503, "too_busy", "too many payments wait already")

    async def health(_: web.Request) -> web.Response:
        return as_json(b'{"status":"ok"}')

    async def closed(_: web.Application) -> None:
        await service.close()

    application = web.Application(client_max_size=4096)
    application.on_cleanup.append(closed)
    application.add_routes([web.post("/charge", charge), web.get("/health", health)])
    return application


class PaymentsOverHttp:
    """The payment service at a URL. What can't be reached or understood is a payment that `failed`."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/") + "/charge"
        self._session: aiohttp.ClientSession | None = None

    async def opened(self, _: web.Application) -> AsyncIterator[None]:
        """Connections for as long as an application is served: one for its `cleanup_ctx`."""
        # How long to wait is the caller's business, and so is how many may wait.
        connector = aiohttp.TCPConnector(limit=0)
        timeout = aiohttp.ClientTimeout(total=None)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as self._session:
            yield

    async def charge(self, payment: Payment) -> PaymentAnswer:
        """Ask for one payment."""
        assert self._session is not None, "the shop is not served yet"
        headers = {**payment.ids, "Content-Type": "application/json"}
        if payment.key:
            headers[_KEY] = payment.key
        body = encode(_Charge(amount=payment.amount))
        try:
            async with self._session.post(self._url, data=body, headers=headers) as response:
                if response.status == 402:
                    return "declined"
                if response.status != 201:
                    return "failed"
                return msgspec.json.decode(await response.read(), type=_Charged).status
        except (aiohttp.ClientError, OSError, asyncio.TimeoutError, msgspec.DecodeError, UnicodeDecodeError):
            return "failed"
