"""What the shop remembers: sessions with their carts, and orders; only so many of each."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from windtunnel.demo.catalog import PRODUCTS_BY_ID

Value = TypeVar("Value")


class Bounded(Generic[Value]):
    """A mapping that holds at most `capacity` entries and forgets the one unused for longest."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._entries: OrderedDict[str, Value] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: str) -> Value | None:
        """The value of a key, which counts as a use of it; None when unknown or forgotten."""
        value = self._entries.get(key)
        if value is not None:
            self._entries.move_to_end(key)
        return value

    def put(self, key: str, value: Value) -> None:
        """Remember a value, at the cost of the oldest when full."""
        self._entries[key] = value
        self._entries.move_to_end(key)
        if len(self._entries) > self._capacity:
            self._entries.popitem(last=False)

    def forget(self, key: str) -> None:
        """Drop a key, known or not."""
        self._entries.pop(key, None)


@dataclass(slots=True, kw_only=True)
class Session:
    """One visitor, owned by the shop: `quantities` is the cart, product id to quantity."""

    user: str | None = None
    quantities: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A row of a cart or an order; `price` is for one piece."""

    item_id: str
    name: str
    price: float
    qty: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cart:
    """A cart with its prices, as the API shows it; `count` is the number of pieces."""

    items: tuple[Line, ...]
    count: int
    total: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A paid cart. `placed_s` is the shop's clock at that moment."""

    id: str
    cart: Cart
    placed_s: float


def priced(quantities: dict[str, int]) -> Cart:
    """The cart that these quantities make; every id must be in the catalogue."""
    lines = tuple(
        Line(item_id=product.id, name=product.name, price=product.price, qty=qty)
        for product, qty in ((PRODUCTS_BY_ID[item_id], qty) for item_id, qty in quantities.items())
    )
    total = round(sum(line.price * line.qty for line in lines), 2)
    return Cart(items=lines, count=sum(line.qty for line in lines), total=total)
