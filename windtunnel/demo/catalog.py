"""What the shop sells: a fixed list, so that a scenario can rely on it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One thing on the shelf. `stock` is what the page shows: the shop restocks by night and never runs out."""

    id: str
    name: str
    category: str
    price: float
    stock: int


_SHELVES: dict[str, tuple[tuple[str, float, int], ...]] = {
    "kitchen": (
        ("Copper kettle", 39.9, 24),
        ("Enamel teapot", 27.5, 31),
        ("Oak chopping board", 18.0, 60),
        ("Cast iron pan", 44.0, 17),
        ("Stoneware mug", 9.5, 140),
        ("Linen tea towel", 6.9, 200),
    ),
    "garden": (
        ("Watering can", 22.0, 38),
        ("Hand trowel", 11.5, 75),
        ("Terracotta pot", 7.9, 120),
        ("Bird feeder", 16.4, 42),
        ("Garden lantern", 29.0, 26),
        ("Wool gloves", 12.8, 90),
    ),
    "desk": (
        ("Brass desk lamp", 64.0, 14),
        ("Ruled notebook", 5.5, 260),
        ("Fountain pen", 34.0, 33),
        ("Walnut pen tray", 21.0, 29),
        ("Paper globe", 48.5, 11),
        ("Felt desk mat", 19.9, 54),
    ),
    "travel": (
        ("Canvas rucksack", 72.0, 19),
        ("Steel flask", 24.5, 66),
        ("Pocket lantern", 13.9, 81),
        ("Folding map case", 17.0, 37),
        ("Wool travel rug", 55.0, 22),
        ("Leather tag", 8.0, 150),
    ),
}


def _stocked() -> tuple[Product, ...]:
    rows = [(category, *row) for category, shelf in _SHELVES.items() for row in shelf]
    return tuple(
        Product(id=f"p-{number}", name=name, category=category, price=price, stock=stock)
        for number, (category, name, price, stock) in enumerate(rows, start=1)
    )


PRODUCTS = _stocked()
PRODUCTS_BY_ID = {product.id: product for product in PRODUCTS}


def in_category(category: str | None) -> tuple[Product, ...]:
    """The products of a category, all of them for None; an unknown category is an empty shelf."""
    if category is None:
        return PRODUCTS
    return tuple(product for product in PRODUCTS if product.category == category)


def matching(words: str) -> tuple[Product, ...]:
    """The products whose name or category holds every word, in any case."""
    wanted = words.lower().split()
    return tuple(
        product
        for product in PRODUCTS
        if all(word in f"{product.name} {product.category}".lower() for word in wanted)
    )
