"""The constants of a scenario: other values for numbers of the catalogue, in one run alone."""

from __future__ import annotations

from typing import Any

import pytest

from sim.catalog.catalog import SECTIONS, catalog_of, load_catalog
from sim.catalog.ranges import uncertain_constants
from sim.errors import ScenarioError
from sim.load import load_scenario
from sim.scenario.lock import lock_text

Small = dict[str, Any]
H100 = "constants.accelerators.h100-sxm"


def test_constants_change_one_number_and_name_the_user_as_its_source(small: Small) -> None:
    small["constants"] = {"accelerators": {"h100-sxm": {"power": {"idle": "90 W"}}}}
    catalog, before = catalog_of(load_scenario(small)), load_catalog()
    changed, shipped = catalog.accelerators["h100-sxm"], before.accelerators["h100-sxm"]
    assert changed.idle_w == 90.0
    assert shipped.idle_w == 75.0
    assert changed.prefill_w == shipped.prefill_w
    assert (changed.sources["idle_w"].kind, changed.sources["idle_w"].source) == ("guess", "user")
    assert catalog.sources["user"].title == "Set in the scenario"
    assert catalog.nodes["server-8x-h100-air"].accelerator_idle_w == 90.0


def test_overrides_reach_constants_also_below_names_with_dots(small: Small) -> None:
    scenario = load_scenario(
        small,
        [f"{H100}.tdp=650 W", 'constants.models."llama-3.1-8b".kv_per_token=100 KiB'],
    )
    catalog = catalog_of(scenario)
    assert catalog.accelerators["h100-sxm"].tdp_w == 650.0
    assert catalog.models["llama-3.1-8b"].kv_bytes_per_token == 102_400.0


def test_a_locked_scenario_keeps_its_constants(small: Small, tmp_path: Any) -> None:
    scenario = load_scenario(small, [f"{H100}.tdp=650 W"])
    lock = tmp_path / "lock.yaml"
    lock.write_text(lock_text(scenario))
    assert catalog_of(load_scenario(lock)).accelerators["h100-sxm"].tdp_w == 650.0


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "constants.accelerators.h100-smx.tdp=5 W",
            r"unknown name 'h100-smx', expected one of the accelerators .*did you mean 'h100-sxm'",
        ),
        (f"{H100}.tdp=5 s", r"h100-sxm.tdp: got '5 s', expected a power with its unit"),
        (f"{H100}.tpd=5 W", r"unknown key 'tpd', expected one of .*did you mean 'tdp'"),
        ("constants.accels.h100-sxm.tdp=5 W", r"'accels', expected one of accelerators, models"),
        (f"{H100}=5", r"h100-sxm: got 5, expected a mapping of keys to values"),
        (
            f"{H100}.tdp={{value: 600 W, range: [1 W, 2 W]}}",
            "expected a range that holds the value",
        ),
    ],
)
def test_mistakes_in_constants_are_told(small: Small, override: str, message: str) -> None:
    with pytest.raises(ScenarioError, match=message) as caught:
        load_scenario(small, [override])
    assert len(caught.value.problems) == 1


def test_null_takes_out_what_is_there(small: Small) -> None:
    small["pools"]["other"] = {"site": "metro", "model": "llama-3.1-8b", "replicas": 1}
    assert list(load_scenario(small, ["pools.other=null"]).pools) == ["main"]


def test_the_middle_of_a_range_is_the_value_of_the_catalogue_and_its_ends_are_its_ends() -> None:
    catalog = load_catalog()
    found = {each.path: each for each in uncertain_constants(catalog, "accelerators", "h100-sxm")}
    idle = found[f"{H100}.power.idle"]
    assert [idle.at(u) for u in (0.0, 0.5, 1.0)] == ["60 W", "75 W", "90 W"]
    assert [idle.at(u) for u in (0.25, 0.75)] == ["67.5 W", "82.5 W"]
    buffers = found[f"{H100}.collective_buffers"]
    assert buffers.at(0.5) == {"tp2": "342 MiB", "tp4": "392 MiB", "tp8": "392 MiB"}
    assert f"{H100}.flops" not in found  # a data sheet without a range


@pytest.mark.parametrize("u", [0.0, 0.5, 1.0])
def test_every_range_of_the_catalogue_can_be_set_to_its_ends(small: Small, u: float) -> None:
    catalog, constants = load_catalog(), dict[str, Any]()
    for section in SECTIONS:
        for name in catalog.entries(section):
            for each in uncertain_constants(catalog, section, name):
                place = constants.setdefault(section, {}).setdefault(name, {})
                *steps, last = each.item.key.split(".")
                for step in steps:
                    place = place.setdefault(step, {})
                place[last] = each.at(u)
    assert sum(len(entries) for entries in constants.values()) > 80
    changed = catalog_of(load_scenario(small | {"constants": constants}))
    if u == 0.5:
        for section in SECTIONS:
            for name, entry in catalog.entries(section).items():
                again = changed.entries(section)[name]
                for each in uncertain_constants(catalog, section, name):
                    attribute = each.item.name
                    if "." not in attribute and hasattr(entry, attribute):
                        assert getattr(again, attribute) == getattr(entry, attribute)
