"""The shop: every route of its API, as one aiohttp application.

GET    /                      the home page                GET    /redirect            302 to /
GET    /health                always 200, at once          GET    /api/slow?ms=        answers after so long
GET    /api/products          ?limit= ?category=           GET    /api/search?q=
GET    /api/products/{id}     404 when unknown
POST   /api/login             {"user", "password"}: a token, also as the session cookie; 401
GET    /api/me                who is signed in, by cookie or bearer token; 401
POST   /api/cart              {"item_id", "qty"}: 201 and the cart; opens a session where there is none
GET    /api/cart              DELETE /api/cart
POST   /api/checkout          201 and an order; 402 payment declined, 409 empty cart, 503 payment service
                              unavailable; Idempotency-Key
GET    /api/orders/{id}       pending, shipped a little later
POST   /api/photos            multipart/form-data with item_id and a file photo: 201, its size and SHA-256
POST   /graphql               {"query", "variables", "operationName"}: product(id), products(limit, category);
                              what is wrong with a query comes as `errors` with status 200
GET    /log                   what the shop saw happen to its payment service, as JSON lines
"""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Annotated, TypeVar

import msgspec
from aiohttp import web

from windtunnel.demo.answers import as_json, encode, home_page, listing, problem
from windtunnel.demo.calling import PaymentCalls, ShopLog
from windtunnel.demo.catalog import PRODUCTS, PRODUCTS_BY_ID, in_category, matching
from windtunnel.demo.checkout import REFUSALS, Checkouts
from windtunnel.demo.graphql import GraphQLRequest, answer_query
from windtunnel.demo.payments import PaymentsOverHttp, ids_of, service_of
from windtunnel.demo.settings import Latency, ShopSettings
from windtunnel.demo.state import Bounded, Line, Order, Session, priced
from windtunnel.demo.uploads import take_photo

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Wanted = TypeVar("Wanted")

COOKIE = "session"
MAX_BODY_BYTES = 64 * 1024
MAX_LIMIT = 100
MAX_SLOW_MS = 10_000
DEFAULT_LIMIT = 20
DEFAULT_SLOW_MS = 100
PASSWORDS = {"ada": "lovelace", "alan": "bombe-1940", "grace": "compiler"}


def create_shop(settings: ShopSettings, *, clock: Callable[[], float] = time.monotonic) -> web.Application:
    """The shop as an application, with a state of its own. `clock` gives the seconds that ship the orders."""
    shop = _Shop(settings, clock)
    paced, latencies = shop.paced, settings.latencies
    application = web.Application(client_max_size=MAX_BODY_BYTES)
    application.add_routes(
        [
            web.get("/", paced(latencies.home, shop.home)),
            web.get("/health", shop.health),
            web.get("/redirect", shop.redirect),
            web.get("/api/products", paced(latencies.products, shop.products)),
            web.get("/api/products/{id}", paced(latencies.product, shop.product)),
            web.get("/api/search", paced(latencies.search, shop.search)),
            web.post("/api/login", paced(latencies.login, shop.login)),
            web.get("/api/me", paced(latencies.me, shop.me)),
            web.post("/api/cart", paced(latencies.cart, shop.add_to_cart)),
            web.get("/api/cart", paced(latencies.cart, shop.show_cart)),
            web.delete("/api/cart", paced(latencies.cart, shop.empty_cart)),
            web.post("/api/checkout", paced(latencies.checkout, shop.checkout)),
            web.get("/api/orders/{id}", paced(latencies.order, shop.order)),
            web.post("/api/photos", paced(latencies.photo, take_photo)),
            web.post("/graphql", paced(latencies.graphql, shop.graphql)),
            web.get("/api/slow", shop.slow),
            web.get("/log", shop.log),
        ]
    )
    if shop.payments is not None:
        application.cleanup_ctx.append(shop.payments.opened)
    return application


class _Credentials(msgspec.Struct, frozen=True):
    user: str
    password: str


class _CartItem(msgspec.Struct, frozen=True):
    item_id: str
    qty: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _OrderView:
    """An order as the API shows it."""

    id: str
    status: str
    items: tuple[Line, ...]
    total: float


class _Shop:
    """The handlers and what they share. All state belongs to the event loop that serves the application."""

    def __init__(self, settings: ShopSettings, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._clock = clock
        self._stream = random.Random(settings.seed)
        self._log = ShopLog(time.time)
        self._sessions: Bounded[Session] = Bounded(settings.capacity)
        behaviour = settings.behaviour
        self.payments = PaymentsOverHttp(settings.payments_url) if settings.payments_url else None
        if self.payments is not None:
            ask = self.payments.charge
        else:
            ask = service_of(settings, self._stream).charge
            behaviour = replace(behaviour, payment_timeout_s=0.0)
        calls = PaymentCalls(ask, behaviour, stream=self._stream, log=self._log, clock=clock)
        self._checkouts = Checkouts(
            calls.pay, idempotency=behaviour.idempotency, capacity=settings.capacity, clock=clock
        )
        self._home_page = home_page(PRODUCTS[:6])
        self._first_products = listing(PRODUCTS[:DEFAULT_LIMIT], total=len(PRODUCTS))
        self._product_bodies = {product.id: encode(product) for product in PRODUCTS}

    def paced(self, latency: Latency, handler: Handler) -> Handler:
        """The handler, after its latency, or the failure that was asked for in its place."""
        freeze_s, every_s = self._settings.freeze_s, self._settings.freeze_every_s
        scale, failure_rate, stream = self._settings.latency_scale, self._settings.failure_rate, self._stream

        async def answer(request: web.Request) -> web.StreamResponse:
            if scale:
                await asyncio.sleep(latency.draw(stream) * scale)
            if freeze_s and (left_s := freeze_s - self._clock() % every_s) > 0:
                await asyncio.sleep(left_s)
            if failure_rate and stream.random() < failure_rate:
                return problem(503, "unavailable", "the shop was told to fail this request")
            return await handler(request)

        return answer

    # ------------------------------------------------------------------ pages and products

    async def home(self, _: web.Request) -> web.Response:
        return web.Response(body=self._home_page, headers={"Content-Type": "text/html; charset=utf-8"})

    async def health(self, _: web.Request) -> web.Response:
        return as_json(b'{"status":"ok"}')

    async def redirect(self, _: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "/"})

    async def products(self, request: web.Request) -> web.Response:
        if not request.query_string:
            return as_json(self._first_products)
        limit = _whole_number(request, "limit", default=DEFAULT_LIMIT, lowest=1, highest=MAX_LIMIT)
        if limit is None:
            return problem(400, "bad_limit", f"limit must be a whole number from 1 to {MAX_LIMIT}")
        found = in_category(request.query.get("category"))
        return as_json(listing(found[:limit], total=len(found)))

    async def product(self, request: web.Request) -> web.Response:
        body = self._product_bodies.get(request.match_info["id"])
        return as_json(body) if body else problem(404, "unknown_product", "the shop has no such product")

    async def search(self, request: web.Request) -> web.Response:
        words = request.query.get("q", "").strip()
        if not words:
            return problem(400, "bad_query", "q must say what to look for")
        found = matching(words)
        return as_json(listing(found, query=words, total=len(found)))

    async def graphql(self, request: web.Request) -> web.Response:
        asked = await _body(request, GraphQLRequest)
        return asked if isinstance(asked, web.Response) else as_json(encode(answer_query(asked)))

    async def log(self, _: web.Request) -> web.Response:
        return web.Response(body=self._log.lines(), content_type="application/jsonl")

    async def slow(self, request: web.Request) -> web.Response:
        delay_ms = _whole_number(request, "ms", default=DEFAULT_SLOW_MS, lowest=0, highest=MAX_SLOW_MS)
        if delay_ms is None:
            return problem(400, "bad_delay", f"ms must be a whole number from 0 to {MAX_SLOW_MS}")
        await asyncio.sleep(delay_ms / 1000)
        return as_json(encode({"waited_ms": delay_ms}))

    # ------------------------------------------------------------------ visitors

    async def login(self, request: web.Request) -> web.Response:
        given = await _body(request, _Credentials)
        if isinstance(given, web.Response):
            return given
        if PASSWORDS.get(given.user) != given.password:
            return problem(401, "bad_credentials", "no such user, or another password")
        # A cart filled before signing in is kept; the id is new, so that it cannot have been planted.
        old_id = _session_id(request)
        session = (self._sessions.get(old_id) if old_id else None) or Session()
        if old_id:
            self._sessions.forget(old_id)
        session.user = given.user
        token = self._open(session)
        return as_json(encode({"token": token, "user": given.user}), headers=_cookie(token))

    async def me(self, request: web.Request) -> web.Response:
        session = self._session(request)
        if session is None or session.user is None:
            return problem(401, "not_signed_in", "sign in first", {"WWW-Authenticate": "Bearer"})
        return as_json(encode({"user": session.user}))

    # ------------------------------------------------------------------ the cart and the order

    async def add_to_cart(self, request: web.Request) -> web.Response:
        item = await _body(request, _CartItem)
        if isinstance(item, web.Response):
            return item
        if item.item_id not in PRODUCTS_BY_ID:
            return problem(404, "unknown_item", "the shop has no such item")
        session, headers = self._session(request), None
        if session is None:
            session = Session()
            headers = _cookie(self._open(session))
        session.quantities[item.item_id] = session.quantities.get(item.item_id, 0) + item.qty
        return as_json(encode(priced(session.quantities)), status=201, headers=headers)

    async def show_cart(self, request: web.Request) -> web.Response:
        session = self._session(request)
        return as_json(encode(priced(session.quantities if session else {})))

    async def empty_cart(self, request: web.Request) -> web.Response:
        session = self._session(request)
        if session is not None:
            session.quantities.clear()
        return web.Response(status=204)

    async def checkout(self, request: web.Request) -> web.Response:
        outcome = await self._checkouts.check_out(
            self._session(request),
            owner=_session_id(request),
            key=request.headers.get("Idempotency-Key"),
            ids=ids_of(request.headers),
        )
        if not isinstance(outcome, Order):
            status, message = REFUSALS[outcome]
            return problem(status, outcome, message)
        return as_json(self._order_body(outcome), status=201, headers={"Location": f"/api/orders/{outcome.id}"})

    async def order(self, request: web.Request) -> web.Response:
        order = self._checkouts.orders.get(request.match_info["id"])
        return (
            as_json(self._order_body(order)) if order else problem(404, "unknown_order", "there is no such order")
        )

    def _order_body(self, order: Order) -> bytes:
        shipped = self._clock() - order.placed_s >= self._settings.ship_after_s
        status = "shipped" if shipped else "pending"
        return encode(_OrderView(id=order.id, status=status, items=order.cart.items, total=order.cart.total))

    def _open(self, session: Session) -> str:
        session_id = secrets.token_urlsafe(18)
        self._sessions.put(session_id, session)
        return session_id

    def _session(self, request: web.Request) -> Session | None:
        session_id = _session_id(request)
        return self._sessions.get(session_id) if session_id else None


def _session_id(request: web.Request) -> str | None:
    """The id a request brings: a bearer token, or else the session cookie."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else request.cookies.get(COOKIE)


def _cookie(session_id: str) -> dict[str, str]:
    return {"Set-Cookie": f"{COOKIE}={session_id}; Path=/; HttpOnly; SameSite=Lax"}


def _whole_number(request: web.Request, name: str, *, default: int, lowest: int, highest: int) -> int | None:
    """A number from the query; None when it is not one, or out of its range."""
    text = request.query.get(name)
    if text is None:
        return default
    # Nine ASCII digits at most: int() also takes "1_000", "+5" and other scripts' digits, and huge texts slowly.
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        return None
    return number if lowest <= (number := int(text)) <= highest else None


async def _body(request: web.Request, wanted: type[Wanted]) -> Wanted | web.Response:
    """The JSON body as what it should be, or the 400 that says what is wrong with it."""
    try:
        return msgspec.json.decode(await request.read(), type=wanted)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return problem(400, "bad_body", str(error))
    except RecursionError:
        return problem(400, "bad_body", "the JSON is nested too deeply")
