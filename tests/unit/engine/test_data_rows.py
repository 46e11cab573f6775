"""Rows of data files: who gets which, whatever the workers, and what happens after the last one."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.journeys import Run, facts_of, get, scenario
from windtunnel.engine.load.feeder import make_readers, rows_end
from windtunnel.engine.load.mix import Mix, Ranks
from windtunnel.model.load import ClosedLoad, OpenLoad, Segment, Stage
from windtunnel.model.plan import LoadPart
from windtunnel.model.scenario import Feeder, Scenario, Step
from windtunnel.redaction import Redactor
from windtunnel.storage.copies import data_text


def feeder(count: int, name: str = "shopper", **more: object) -> Feeder:
    given: dict[str, Any] = {
        "file": f"{name}.csv",
        "identity": f"{name}.csv",
        "columns": ("id", "password"),
        "rows": tuple((f"r{number}", f"secret-{number:04}") for number in range(count)),
        "digest": "d",
    }
    return Feeder(name=name, **{**given, **more})


def shopping(data: Feeder, id: str = "a", **more: object) -> Scenario:
    step = get("look", "/{{ data.shopper.id }}")
    return scenario(step, id=id, data=(data,), **more)


def rows_of(parts: list[LoadPart], count: int, seed: int = 7) -> dict[int, str]:
    """The row of each of the first global indexes whose scenario has data."""
    mixes = [Mix([each.weight for each in part.scenarios], seed) for part in parts]
    feeders = make_readers(parts, mixes, seed=seed, redactor=Redactor())
    rows = {}
    for index in range(count):
        number, track = divmod(index, len(parts))
        chosen = parts[track].scenarios[mixes[track].scenario(number)]
        if chosen.id in feeders:
            rows[index] = feeders[chosen.id][0].row(index, 0)["id"]
    return rows


@given(st.lists(st.booleans(), min_size=1, max_size=40).filter(any), st.integers(0, 500))
def test_a_rank_is_what_counting_would_give_and_has_an_inverse(picked: list[bool], index: int) -> None:
    ranks = Ranks(picked)
    assert ranks.rank(index) == sum(picked[i % len(picked)] for i in range(index))
    found = ranks.index(ranks.rank(index))
    assert found >= index
    assert picked[found % len(picked)]
    assert ranks.rank(found) == ranks.rank(index)


def test_the_nth_instance_of_a_scenario_gets_the_nth_row_however_the_mix_falls() -> None:
    parts = [LoadPart(load=ClosedLoad(), scenarios=(shopping(feeder(1000)), scenario(get("x"), id="b", weight=3)))]
    rows = list(rows_of(parts, 400).values())
    assert rows == [f"r{number}" for number in range(100)]


@given(
    st.lists(
        st.lists(st.tuples(st.integers(1, 5), st.booleans()), min_size=1, max_size=3), min_size=1, max_size=3
    ),
    st.integers(0, 2**32),
    st.sampled_from(["sequential", "shuffle"]),
)
def test_a_unique_row_is_used_once_over_all_scenarios_tracks_and_workers(
    tracks: list[Any], seed: int, order: str
) -> None:
    parts = [
        LoadPart(
            load=ClosedLoad(),
            scenarios=tuple(
                scenario(
                    get("x"),
                    id=f"s{track}-{place}",
                    weight=weight,
                    data=(feeder(2000, share="unique", order=order, on_end="fail"),) if has_data else (),
                )
                for place, (weight, has_data) in enumerate(scenarios)
            ),
        )
        for track, scenarios in enumerate(tracks)
    ]
    used = Counter(rows_of(parts, 300, seed).values())
    assert all(times == 1 for times in used.values())


def test_a_shuffle_uses_every_row_before_any_twice_and_depends_on_the_seed_alone() -> None:
    parts = [LoadPart(load=ClosedLoad(), scenarios=(shopping(feeder(50, order="shuffle")),))]
    rows = list(rows_of(parts, 100).values())
    assert sorted(rows[:50]) == sorted(set(rows))
    assert rows[50:] == rows[:50]
    assert rows[:50] != [f"r{number}" for number in range(50)]
    assert list(rows_of(parts, 100).values()) == rows
    assert list(rows_of(parts, 100, seed=8).values()) != rows


def test_rows_drawn_at_random_are_even_and_the_same_in_every_process() -> None:
    parts = [LoadPart(load=ClosedLoad(), scenarios=(shopping(feeder(10, order="random")),))]
    drawn = Counter(rows_of(parts, 10_000).values())
    assert len(drawn) == 10
    assert all(850 < times < 1150 for times in drawn.values())
    assert rows_of(parts, 20)[13] == rows_of(parts, 14)[13]


@pytest.mark.parametrize(
    "load",
    [
        ClosedLoad(parallel=3, count=100),
        ClosedLoad(parallel=3, duration_s=60),
        ClosedLoad(stages=(Stage(duration_s=600, target=5, name="up"),), start=2),
        OpenLoad(rate=10, duration_s=600),
    ],
    ids=["count", "duration", "stages", "open"],
)
def test_on_end_stop_ends_the_load_after_the_last_row_and_nothing_else(run: Run, load: Any) -> None:
    finished = run(shopping(feeder(7, on_end="stop")), load=load)
    assert sorted(sent.target for sent in finished.transport.sent) == [f"/r{number}" for number in range(7)]
    assert [each.outcome for each in finished.instances] == ["passed"] * 7
    assert finished.ending.reason == "completed"
    assert finished.ending.t - finished.instances[-1].t < 1


def test_in_a_mix_the_load_ends_where_the_next_row_would_be_needed() -> None:
    part = LoadPart(
        load=ClosedLoad(),
        scenarios=(shopping(feeder(5, on_end="stop")), scenario(get("x"), id="b", weight=3)),
    )
    mix = Mix([1, 3], 7)
    end = rows_end(make_readers([part], [mix], seed=7, redactor=Redactor())["a"])
    numbers = [number for number in range(100) if mix.scenario(number) == 0]
    assert end == numbers[5]


def test_on_end_fail_makes_an_instance_without_a_row_an_error_of_the_scenario(run: Run) -> None:
    finished = run(shopping(feeder(2, on_end="fail")), load=ClosedLoad(count=3))
    last = finished.instances[-1]
    assert [each.outcome for each in finished.instances] == ["passed", "passed", "errored"]
    assert (last.error, last.message) == ("data", 'data "shopper" has no row left: shopper.csv has 2')
    assert len(finished.transport.sent) == 2


def test_recycled_rows_come_round_in_the_same_order(run: Run) -> None:
    finished = run(shopping(feeder(2)), load=ClosedLoad(count=5))
    assert [sent.target for sent in finished.transport.sent] == ["/r0", "/r1", "/r0", "/r1", "/r0"]


def test_two_workers_send_together_what_one_sends() -> None:
    one = list(range(20))
    dealt = [number for worker in range(2) for number in one if number % 2 == Segment(number=worker, of=2).number]
    parts = [LoadPart(load=ClosedLoad(), scenarios=(shopping(feeder(20, share="unique", on_end="fail")),))]
    rows = rows_of(parts, 20)
    assert sorted(rows[index] for index in dealt) == sorted(rows.values())


def test_the_value_of_a_column_that_speaks_of_a_secret_stands_in_no_record(run: Run) -> None:
    step = {
        "type": "http",
        "name": "login",
        "path": "/?q={{ data.shopper.password }}",
        "body": "{{ data.shopper.password }}",
        "expect": {"body": {"contains": "welcome {{ data.shopper.password }}"}},
    }
    finished = run(scenario(step, data=(feeder(1),)), bodies="all")
    record = finished.steps[0]
    assert "secret-0000" not in repr(record)
    assert "[redacted]" in facts_of(record).url
    bodies = [body.read_bytes() for body in finished.bodies.iterdir()]
    assert bodies
    assert [body for body in bodies if b"secret-0000" in body] == []


def test_templates_read_the_environment_as_the_file_names_it_in_setups_too(run: Run) -> None:
    look = get("look", "/{{ env.REGION }}")
    sections: dict[str, Any] = {key: one_step(key) for key in ("setup", "user_setup", "teardown")}
    made = scenario(look, env={"REGION": "eu"}, **sections)
    finished = run(made)
    assert [sent.target for sent in finished.transport.sent] == [
        "/setup/eu",
        "/user_setup/eu",
        "/eu",
        "/teardown/eu",
    ]


def one_step(section: str) -> tuple[Step, ...]:
    return scenario(get(section, f"/{section}/{{{{ env.REGION }}}}")).steps


def test_what_a_row_holds_under_a_secret_key_anywhere_within_is_secret() -> None:
    nested = {"login": {"password": "deep-secret", "name": "ann"}, "keys": [{"api_key": 81726354}]}
    data = feeder(1, columns=("user", "password"), rows=((nested, "top-secret"),))
    part = LoadPart(load=ClosedLoad(), scenarios=(shopping(data),))
    readers = make_readers([part], [Mix([1], 7)], seed=7, redactor=Redactor())
    assert readers["a"][0].secrets(0, 0) == ["top-secret", "deep-secret", 81726354]
    shown = data_text(replace(data, file="shopper.json"), Redactor())
    assert "secret" not in shown
    assert "81726354" not in shown
