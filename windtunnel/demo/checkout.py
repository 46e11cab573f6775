"""The checkout: one key is one purchase, a declined payment gives the cart back, a paid cart becomes an order."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

from windtunnel.demo.payment import Payment, PaymentAnswer
from windtunnel.demo.state import Bounded, Order, Session, priced

Refusal = Literal["empty_cart", "payment_declined", "payment_unavailable"]
"""Why a checkout made no order. The cart is as it was."""

REFUSALS: dict[Refusal, tuple[int, str]] = {
    "empty_cart": (409, "there is nothing in the cart"),
    "payment_declined": (402, "the payment service declined; the cart is as it was"),
    "payment_unavailable": (503, "the payment service can't be reached; the cart is as it was"),
}
"""The status and the message of each checkout that made no order."""

Pay = Callable[[Payment], Awaitable[PaymentAnswer]]
"""Makes one payment, in as many attempts as it takes."""


class Checkouts:
    """Places the orders, and keeps them.

    Without `idempotency` a key means nothing and the cart stays as it is: the same request again is another order.
    """

    def __init__(self, pay: Pay, *, idempotency: bool, capacity: int, clock: Callable[[], float]) -> None:
        self._pay = pay
        self._idempotency = idempotency
        self._clock = clock
        self._running: Bounded[asyncio.Future[Order | Refusal]] = Bounded(capacity)
        self._order_numbers = itertools.count(1)
        self.orders: Bounded[Order] = Bounded(capacity)

    async def check_out(
        self, session: Session | None, *, owner: str | None, key: str | None, ids: Mapping[str, str]
    ) -> Order | Refusal:
        """Buy what is in the cart of a session. `owner` is the id of the session, `ids` the headers to pass on."""
        # One key is one purchase of one session, also when it comes again before the first answer.
        purchase = f"{owner} {key}" if key and self._idempotency else None
        running = self._running.get(purchase) if purchase else None
        if running is None:
            if session is None or not session.quantities:
                return "empty_cart"
            running = asyncio.ensure_future(self._place(session, purchase, ids))
            if purchase:
                self._running.put(purchase, running)
        outcome = await asyncio.shield(running)
        # A purchase that failed may be tried again with its key, unless that has begun meanwhile.
        if not isinstance(outcome, Order) and purchase and self._running.get(purchase) is running:
            self._running.forget(purchase)
        return outcome

    async def _place(self, session: Session, purchase: str | None, ids: Mapping[str, str]) -> Order | Refusal:
        quantities, cart = session.quantities, priced(session.quantities)
        if self._idempotency:
            # Taken before the payment, so that a second checkout meanwhile can't pay for it again.
            session.quantities = {}
        answer = await self._pay(Payment(amount=cart.total, key=self._payment_key(purchase), ids=ids))
        if answer != "accepted":
            if self._idempotency:
                for item_id, qty in quantities.items():
                    session.quantities[item_id] = session.quantities.get(item_id, 0) + qty
            return "payment_declined" if answer == "declined" else "payment_unavailable"
        order = Order(id=f"o-{next(self._order_numbers)}", cart=cart, placed_s=self._clock())
        self.orders.put(order.id, order)
        return order

    def _payment_key(self, purchase: str | None) -> str:
        """What marks the attempts at one payment. A purchase names a session, which is a secret."""
        if not self._idempotency:
            return ""
        return hashlib.sha256(purchase.encode()).hexdigest()[:32] if purchase else secrets.token_hex(16)
