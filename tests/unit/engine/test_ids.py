"""The ids of instances: no two of a run share one, and no two runs do."""

from __future__ import annotations

from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from windtunnel.engine.ids import NO_INDEX, RunIds
from windtunnel.model.vocabulary import SectionPhase

PHASES: tuple[SectionPhase, ...] = get_args(SectionPhase)


def correlation_ids(run_id: str) -> list[str]:
    ids = RunIds(run_id)
    made = [ids.of_instance("shop", index=index, user=0, phase="").correlation_id for index in range(-50, 1000)]
    for scenario in ("shop", "shop-2", "other"):
        made += [ids.of_section(phase, scenario).correlation_id for phase in PHASES]
        made += [ids.of_section("user_setup", scenario, user=user).correlation_id for user in range(200)]
    return made


def test_instances_and_sections_of_a_run_have_ids_of_their_own() -> None:
    made = correlation_ids("run-1")

    assert len(set(made)) == len(made)
    assert {len(each) for each in made} == {32}
    assert set("".join(made)) <= set("0123456789abcdef")
    assert len({each[:16] for each in made}) == 1, "the first half is that of the run"


def test_two_runs_share_no_id() -> None:
    assert not set(correlation_ids("run-1")) & set(correlation_ids("run-2"))


@given(st.text(max_size=20), st.integers(0, 2**40), st.text(max_size=300))
def test_ids_depend_on_run_index_and_scenario_alone(run_id: str, index: int, scenario: str) -> None:
    def made() -> list[str]:
        ids = RunIds(run_id)
        return [
            ids.of_instance(scenario, index=index, user=7, phase="x").correlation_id,
            ids.of_section("user_setup", scenario, user=index).correlation_id,
        ]

    assert made() == made()


def test_sections_are_no_instances_of_the_load() -> None:
    setup = RunIds("run-1").of_section("setup", "shop")
    user_setup = RunIds("run-1").of_section("user_setup", "shop", user=3)

    assert (setup.instance_id, setup.index, setup.user, setup.phase) == ("shop-setup", NO_INDEX, NO_INDEX, "setup")
    assert (user_setup.instance_id, user_setup.index, user_setup.user) == ("shop-user-3", NO_INDEX, 3)
