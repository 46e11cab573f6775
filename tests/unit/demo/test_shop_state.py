from __future__ import annotations

from windtunnel.demo.catalog import PRODUCTS, in_category, matching
from windtunnel.demo.state import Bounded, priced


def test_a_full_store_forgets_the_entry_unused_for_longest() -> None:
    store: Bounded[int] = Bounded(2)
    store.put("a", 1)
    store.put("b", 2)
    store.get("a")
    store.put("c", 3)
    assert [store.get(key) for key in "abc"] == [1, None, 3]
    assert len(store) == 2


def test_writing_a_key_again_counts_as_a_use() -> None:
    store: Bounded[int] = Bounded(2)
    store.put("a", 1)
    store.put("b", 2)
    store.put("a", 4)
    store.put("c", 3)
    assert [store.get(key) for key in "abc"] == [4, None, 3]


def test_forgetting_an_unknown_key_is_no_error() -> None:
    store: Bounded[int] = Bounded(2)
    store.put("a", 1)
    store.forget("a")
    store.forget("a")
    assert len(store) == 0


def test_a_total_is_in_whole_cents() -> None:
    assert priced({"p-6": 3, "p-9": 1}).total == 28.6


def test_product_ids_count_from_one_without_gaps() -> None:
    assert [product.id for product in PRODUCTS] == [f"p-{number}" for number in range(1, len(PRODUCTS) + 1)]


def test_an_unknown_category_is_an_empty_shelf() -> None:
    assert in_category("boats") == ()


def test_a_search_looks_at_names_and_categories() -> None:
    assert {product.category for product in matching("lantern")} == {"garden", "travel"}
    assert matching("kitchen") == in_category("kitchen")
