"""A data file with `share: user`: each user has one row, which its user_setup and all of its instances see."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.journeys import Finished, Run, get, scenario, section
from tests.unit.engine.test_data_rows import feeder
from windtunnel.engine.load.feeder import FeederReader, make_readers
from windtunnel.engine.load.mix import Mix
from windtunnel.model.load import ClosedLoad, Load, OpenLoad, Segment, Stage
from windtunnel.model.plan import LoadPart, first_users_of
from windtunnel.model.scenario import Feeder, Scenario
from windtunnel.redaction import Redactor
from windtunnel.testing.scripted import Answer, Sent

ORDERS = ("sequential", "shuffle", "random")


def accounts(count: int, **more: Any) -> Feeder:
    return feeder(count, share="user", **more)


def journey(data: Feeder, id: str = "a", **more: Any) -> Scenario:
    """Each request names the user and its row: `/login/3/r3` in the user_setup, then `/look/3/r3`."""
    seen = f"{{{{ user_index }}}}/{{{{ data.{data.name}.id }}}}"
    login = section(get("login", f"/login/{seen}"))
    return scenario(get("look", f"/look/{seen}"), id=id, data=(data,), user_setup=login, **more)


def slowly(_sent: Sent) -> Answer:
    return Answer(latency_s=1)


def readers_of(parts: list[LoadPart], seed: int = 7) -> dict[str, FeederReader]:
    mixes = [Mix([each.weight for each in part.scenarios], seed) for part in parts]
    made = make_readers(parts, mixes, seed=seed, redactor=Redactor())
    return {id: readers[0] for id, readers in made.items()}


def rows_seen(finished: Finished, kind: str) -> dict[int, set[str]]:
    """The rows that each user named in its requests of a kind."""
    seen: dict[int, set[str]] = defaultdict(set)
    for sent in finished.transport.sent:
        sort, user, row = sent.target.strip("/").split("/")
        if sort == kind:
            seen[int(user)].add(row)
    return dict(seen)


LOADS: dict[str, Load] = {
    "count": ClosedLoad(parallel=4, count=40),
    "duration": ClosedLoad(parallel=4, duration_s=3, pace_s=0.5),
    "users that come, go and come again": ClosedLoad(
        stages=tuple(Stage(duration_s=20, target=target, name=f"s{n}") for n, target in enumerate([4, 1, 4, 0])),
        pace_s=1,
    ),
    "open": OpenLoad(rate=20, duration_s=2, max_parallel=4),
}


@pytest.mark.parametrize("load", LOADS.values(), ids=LOADS)
@pytest.mark.parametrize("order", ORDERS)
def test_a_user_has_one_row_in_its_user_setup_and_in_every_instance(run: Run, load: Load, order: str) -> None:
    finished = run(journey(accounts(9, order=order)), load=load)
    logged_in, looked = rows_seen(finished, "login"), rows_seen(finished, "look")
    assert looked == logged_in
    assert all(len(rows) == 1 for rows in looked.values())
    if order == "sequential":
        assert looked == {user: {f"r{user}"} for user in looked}
    else:
        again = run(journey(accounts(9, order=order)), load=load)
        assert rows_seen(again, "look") == looked


def test_users_that_run_several_scenarios_of_a_mix_have_one_row_of_the_file_in_all_of_them(run: Run) -> None:
    both = [journey(accounts(9, order="shuffle"), id=id) for id in ("a", "b")]
    finished = run(*both, load=ClosedLoad(parallel=3, count=60), answers=slowly)
    assert {len(rows) for rows in rows_seen(finished, "look").values()} == {1}
    assert len({row for rows in rows_seen(finished, "look").values() for row in rows}) == 3


@given(
    st.lists(st.tuples(st.integers(1, 6), st.sampled_from(["has", "mixed", "none"])), min_size=1, max_size=4),
    st.integers(1, 4),
    st.integers(0, 2**32),
    st.sampled_from(["sequential", "shuffle"]),
)
def test_no_two_users_share_a_row_over_all_loads_and_any_number_of_workers_deals_the_same(
    tracks: list[tuple[int, str]], workers: int, seed: int, order: str
) -> None:
    data = accounts(sum(users for users, _ in tracks), order=order, on_end="fail")
    parts = []
    for track, (users, kind) in enumerate(tracks):
        scenarios = [scenario(get("x"), id=f"s{track}", data=() if kind == "none" else (data,))]
        if kind == "mixed":
            scenarios.append(scenario(get("x"), id=f"t{track}", weight=2, data=(data,)))
        load = OpenLoad(rate=1, count=9, max_parallel=users) if track % 2 else ClosedLoad(parallel=users, count=99)
        parts.append(LoadPart(load=load, scenarios=tuple(scenarios)))
    users_of = {
        each.id: [first + user for user in range(part.load.most_at_once)]
        for part, first in zip(parts, first_users_of(parts), strict=True)
        for each in part.scenarios
    }
    one = {
        (id, user): reader.row(0, user)["id"]
        for id, reader in readers_of(parts, seed).items()
        for user in users_of[id]
    }
    for part in parts:  # scenarios of one load share its users
        for user in users_of[part.scenarios[0].id]:
            assert len({one[each.id, user] for each in part.scenarios if each.data}) <= 1
    rows = {user: row for (_, user), row in one.items()}
    assert len(set(rows.values())) == len(rows)
    dealt = {}
    for worker in range(workers):  # each makes readers of its own, and asks at indexes of its own
        segment = Segment(number=worker, of=workers)
        for id, reader in readers_of(parts, seed).items():
            for place, user in enumerate(users_of[id]):
                if place % segment.of == segment.number:
                    dealt[id, user] = reader.row(worker * 1000 + place, user)["id"]
    assert dealt == one


def test_a_load_whose_users_read_no_row_takes_none_from_the_file() -> None:
    others = LoadPart(load=OpenLoad(rate=1000, count=9), scenarios=(scenario(get("x"), id="others"),))
    users = LoadPart(load=ClosedLoad(parallel=2, count=9), scenarios=(journey(accounts(2, on_end="fail")),))
    reader = readers_of([others, users])["a"]
    assert [reader.row(0, user)["id"] for user in (10_000, 10_001)] == ["r0", "r1"]


def test_more_users_than_rows_share_them_in_turn(run: Run) -> None:
    finished = run(journey(accounts(2, on_end="recycle")), load=ClosedLoad(parallel=5, count=50), answers=slowly)
    assert rows_seen(finished, "look") == {user: {f"r{user % 2}"} for user in range(5)}


def test_a_user_of_an_open_load_without_a_row_is_an_error_that_says_how_many_are_missing(run: Run) -> None:
    load = OpenLoad(rate=10, count=4, max_parallel=6)
    finished = run(journey(accounts(2, on_end="fail")), load=load, answers=slowly)
    said = 'data "shopper" has no row for this user: shopper.csv has 2, and 4 more are needed for 6 users'
    errored = [each for each in finished.instances if each.outcome == "errored" and each.phase != "user_setup"]
    assert [(each.error, each.message) for each in errored] == [("user_setup", f"user_setup: {said}")] * 2
    assert set(rows_seen(finished, "login")) == {0, 1}


def test_a_secret_of_the_row_stands_in_no_record_of_the_user_setup_nor_of_an_instance(run: Run) -> None:
    seen = "/{{ data.shopper.password }}"
    made = scenario(get("look", seen), data=(accounts(3),), user_setup=section(get("login", seen)))
    finished = run(made, load=ClosedLoad(parallel=3, count=6), answers=slowly, bodies="all")
    assert {sent.target for sent in finished.transport.sent} == {f"/secret-000{user}" for user in range(3)}
    assert "secret-000" not in repr(finished.records)


def test_a_variable_made_of_the_users_row_is_set_in_the_user_setup(run: Run) -> None:
    login = section(get("login", "/{{ greeting }}"))
    variables = {"name": "{{ data.shopper.id }}", "greeting": "hello-{{ name }}", "n": "{{ data.other.id }}"}
    other = feeder(5, name="other")
    made = scenario(get("look", "/{{ n }}"), data=(accounts(3), other), user_setup=login, variables=variables)
    finished = run(made, load=ClosedLoad(parallel=2, count=4), answers=slowly)
    targets = [sent.target for sent in finished.transport.sent]
    assert sorted(targets) == ["/hello-r0", "/hello-r1", "/r0", "/r1", "/r2", "/r3"]
