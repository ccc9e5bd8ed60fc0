"""Scenarios and topologies from files, names and mappings."""

from __future__ import annotations

import contextlib
import copy
from pathlib import Path
from typing import Any

import pydantic
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim.errors import ScenarioError
from sim.load import load_scenario, load_topology
from sim.scenario.schema.scenario import Scenario
from sim.scenario.schema.topology import Link

Small = dict[str, Any]


def problems(source: Any, overrides: tuple[str, ...] = (), **options: Any) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        load_scenario(source, overrides, **options)
    return [str(problem) for problem in caught.value.problems]


def test_quantities_are_si_floats_and_defaults_are_filled_in(small: Small) -> None:
    scenario = load_scenario(small)
    assert scenario.topology.links[0].latency_s == 0.002
    assert scenario.topology.links[0].bandwidth_bps is None
    assert scenario.traffic["chat"].tiers == {"premium": 0.3, "standard": 0.7}
    assert scenario.run.duration_s == 600.0
    assert scenario.run.drain
    assert scenario.pools["main"].batching.max_num_batched_tokens == 8192
    assert scenario.pools["main"].queue.limit is None
    assert scenario.routing.policy == "nearest"


def test_the_order_of_tiers_is_their_priority(small: Small) -> None:
    small["tiers"]["batch"] = {"slo": {"e2e": "1 h"}, "priority": 7}
    scenario = load_scenario(small)
    assert [tier.priority for tier in scenario.tiers.values()] == [0, 1, 7]


def test_a_scenario_cannot_be_changed(small: Small) -> None:
    scenario = load_scenario(small)
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        scenario.run.duration_s = 5.0


def test_python_may_give_si_numbers_under_the_name_with_the_unit(small: Small) -> None:
    small["run"] = {"duration_s": 600}
    small["topology"]["links"][0] = {"from": "north", "to": "metro", "latency_s": 0.002}
    scenario = load_scenario(small)
    assert scenario.run.duration_s == 600.0
    assert scenario.topology.links[0].latency_s == 0.002


def test_a_bare_number_under_the_name_without_the_unit_is_refused_from_python_too(
    small: Small,
) -> None:
    small["run"] = {"duration": 600}
    hint = "(write '600 s' if that is what was meant)"
    assert problems(small) == [
        f"run.duration: got 600, expected a time with its unit, such as '250 ms' {hint}"
    ]


def test_a_value_may_not_be_given_twice(small: Small) -> None:
    small["run"] = {"duration": "10 min", "duration_s": 600.0}
    assert problems(small)[0].startswith("run.duration_s: got unknown key 'duration_s'")


def test_models_can_be_made_in_python() -> None:
    link = Link.model_validate({"from": "a", "to": "b", "latency_s": 0.002})
    assert link == Link.model_validate({"from": "a", "to": "b", "latency": "2 ms"})


def test_the_mapping_is_not_changed(small: Small) -> None:
    before = yaml.safe_dump(small)
    load_scenario(small, ["run.duration=1 h", "topology.links.0.latency=5 ms"])
    assert yaml.safe_dump(small) == before


def test_paths_are_relative_to_the_file(small: Small, tmp_path: Path) -> None:
    (tmp_path / "places").mkdir()
    (tmp_path / "places" / "pair.yaml").write_text(yaml.safe_dump(small["topology"]))
    small["topology"] = "./places/pair.yaml"
    path = tmp_path / "scenario.yaml"
    path.write_text(yaml.safe_dump(small))
    for source in (path, str(path), tmp_path):
        scenario = load_scenario(source)
        assert scenario.topology.name == "pair"
        assert scenario.base_dir == tmp_path


def test_a_mistake_in_an_included_topology_is_placed_in_its_own_file(
    small: Small, tmp_path: Path
) -> None:
    small["topology"]["sites"]["metro"]["kind"] = "metropolis"
    text = yaml.safe_dump(small["topology"])
    line = text.splitlines().index("    kind: metropolis") + 1
    (tmp_path / "pair.yaml").write_text(text)
    small["topology"] = "./pair.yaml"
    small["run"] = {"duration": 5}
    path = tmp_path / "scenario.yaml"
    path.write_text(yaml.safe_dump(small))
    found = problems(path)
    assert found[0].startswith(f"{tmp_path}/pair.yaml:{line}:11: topology.sites.metro.kind: ")
    assert found[1].startswith(f"{path}:")
    assert len(found) == 2


def test_a_topology_in_another_file_that_is_no_yaml(small: Small, tmp_path: Path) -> None:
    (tmp_path / "pair.yaml").write_text("sites: [")
    small["topology"] = "./pair.yaml"
    small["run"] = {"duration": 5}
    path = tmp_path / "scenario.yaml"
    path.write_text(yaml.safe_dump(small))
    assert [text.split(": ")[1] for text in problems(path)] == [
        "got an opening [, expected a closing ] behind it",
        "run.duration",
    ]


def test_an_unknown_name_of_a_shipped_file() -> None:
    for load in (load_scenario, load_topology):
        with pytest.raises(ScenarioError, match="got 'no-such-thing', expected a path"):
            load("no-such-thing")


def test_what_is_wrong_between_sections_is_told_with_what_is_wrong_inside_them(
    small: Small,
) -> None:
    small["topology"]["links"].insert(0, {"from": "north", "to": "metro", "latency": 5})
    small["topology"]["links"].append({"from": "nord", "to": "metro", "latency": "5 ms"})
    small["tiers"]["standard"]["target"] = "some"
    small["pools"]["main"]["repliacs"] = 5
    small["pools"]["main"]["tiers"] = ["premum"]
    small["traffic"]["chat"]["regions"] = {"nroth": 1.0}
    found = {text.split(": ")[0] for text in problems(small)}
    assert found == {
        "topology.links[0].latency",
        "topology.links[2].from",
        "tiers.standard.target",
        "pools.main.repliacs",
        "pools.main.tiers[0]",
        "traffic.chat.regions.nroth",
    }


def test_an_entry_with_a_mistake_still_counts_as_there(small: Small) -> None:
    small["tiers"]["premium"] = {"slo": {"ttft": 500}}
    small["topology"]["sites"]["metro"]["kind"] = "edgy"
    assert {text.split(": ")[0] for text in problems(small)} == {
        "tiers.premium.slo.ttft",
        "topology.sites.metro.kind",
    }


def test_policies_are_checked_when_they_are_known(small: Small) -> None:
    small["routing"] = {"policy": "my-own"}
    assert load_scenario(small).routing.policy == "my-own"
    assert load_scenario(small, policies=["my-own"]).routing.policy == "my-own"
    expected = "expected a routing policy: my-owl, nearest (did you mean 'my-owl'?)"
    assert problems(small, policies=["nearest", "my-owl"]) == [
        f"routing.policy: got 'my-own', {expected}"
    ]


def test_a_finite_trace_needs_no_duration(small: Small, tmp_path: Path) -> None:
    trace = tmp_path / "t.csv"
    trace.write_text("arrival_s,input_tokens,output_tokens\n0,1,1\n")
    chat = small["traffic"]["chat"]
    del chat["arrivals"], chat["lengths"], small["run"]
    chat["trace"] = {"path": str(trace)}
    assert load_scenario(small).run.duration_s is None
    chat["trace"]["loop"] = True
    assert problems(small)[0].startswith("run.duration: got nothing, expected a duration")


def test_a_path_through_another_site_reaches_the_pool(small: Small) -> None:
    topology = small["topology"]
    topology["sites"]["far"] = {**topology["sites"]["metro"], "kind": "remote"}
    small["pools"]["main"]["site"] = "far"
    assert problems(small)[0].startswith(
        "traffic.chat.regions.north: got 'north', which has no path to far, expected"
    )
    topology["links"].append({"from": "metro", "to": "far", "latency": "10 ms"})
    assert load_scenario(small).pools["main"].site == "far"


def test_racks_are_chosen_by_the_cooling_of_their_hall_or_type(small: Small) -> None:
    small["pools"]["main"]["racks"] = {"cooling": "liquid", "hall": "h1", "row": "r1"}
    assert load_scenario(small).pools["main"].racks.cooling == "liquid"
    small["pools"]["main"]["racks"] = {"cooling": "air"}
    assert problems(small)[0].startswith("pools.main.racks: got a choice that no rack of 'metro'")


def test_a_catalogue_file_adds_names(small: Small, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("models: 5\n")
    small["catalog"] = [str(tmp_path / "mine.yaml")]
    assert problems(small)[0].startswith(f"{tmp_path}/mine.yaml:1:")


@pytest.mark.parametrize("data", [None, 5, "text", [1], {"name": {}}, {"tiers": {"a": 1}}])
@pytest.mark.parametrize("section", ["topology", "tiers", "traffic", "pools", "run", "catalog"])
def test_a_section_of_any_shape_gives_a_message(small: Small, section: str, data: Any) -> None:
    small[section] = data
    assert all(text.startswith((section, "traffic", "pools", "run")) for text in problems(small))


JUNK = st.sampled_from([None, True, -1, 0, 1.5, 10**30, "", "x", "5 kW", [], ["a"], {}, {"a": 1}])


def places(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    nested = [(*place, step) for step, _ in inner]
    for step in list(nested):
        child = value[step[-1]]
        if isinstance(child, (dict, list)):
            nested += places(child, step)
    return nested


@given(data=st.data())
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_junk_anywhere_is_refused_or_read_but_never_crashes(
    small: Small, data: st.DataObject
) -> None:
    small = copy.deepcopy(small)
    for _ in range(data.draw(st.integers(1, 3))):
        *way, last = data.draw(st.sampled_from(places(small)))
        target: Any = small
        for step in way:
            target = target[step]
        if data.draw(st.booleans()):
            target[last] = copy.deepcopy(data.draw(JUNK))  # later changes may reach into it
        else:
            del target[last]
    with contextlib.suppress(ScenarioError):
        assert isinstance(load_scenario(small), Scenario)
