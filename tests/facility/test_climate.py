"""A site takes its weather from its region, key by key, unless the scenario says otherwise."""

from __future__ import annotations

import copy

import pytest

from sim.catalog.catalog import load_catalog
from sim.economics.cells import Cell
from sim.economics.economics import load_economics_study
from sim.economics.places import site_years
from sim.errors import ScenarioError
from sim.simulate import load_scenario
from sim.units import S_PER_Y
from sim.world import World

DAY_S = 86_400.0
SCENARIO = {
    "version": 1,
    "name": "climate",
    "topology": {
        "name": "climate",
        "regions": {"here": {"lat": 0.0, "lon": 0.0}},
        "sites": {
            "dc": {
                "kind": "metro", "lat": 0.0, "lon": 0.0,
                "halls": {"h": {"rows": {"r": {"racks": {"type": "hgx-h100-air"}}}}},
            }
        },
        "links": [{"from": "here", "to": "dc", "latency": "2 ms"}],
    },
    "tiers": {"all": {"slo": {"ttft": "1 s"}}},
    "traffic": {
        "chat": {
            "model": "llama-3.1-8b",
            "regions": {"here": "100 %"},
            "tiers": {"all": "100 %"},
            "arrivals": {"process": "poisson", "rate": "1 req/s"},
            "lengths": {"constant": {"input": "100 tokens", "output": "10 tokens"}},
        }
    },
    "pools": {"p": {"site": "dc", "model": "llama-3.1-8b", "replicas": 1}},
    "run": {"duration": "10 s"},
    "facility": {},
}  # fmt: skip


def weather(region, **said):
    data = copy.deepcopy(SCENARIO)
    if region:
        data["topology"]["sites"]["dc"]["region_data"] = region
    if said:
        data["facility"]["weather"] = {"all": said}
    return World(load_scenario(data), 0).facility.parts.physics.sites[0].weather


def year_c(outside):
    """Return lowest, mean and highest daily mean of a year [degC]."""
    days = [outside.over(d * DAY_S, (d + 1) * DAY_S)[0] for d in range(365)]
    return min(days), sum(days) / 365.0, max(days)


@pytest.mark.parametrize("region", ["sweden", "emirates", "singapore", "us-texas"])
def test_the_year_is_that_of_the_region(region):
    climate = load_catalog().regions[region].climate
    low, mean, high = year_c(weather(region))
    assert mean == pytest.approx(climate.mean_c, abs=0.1)
    assert low == pytest.approx(climate.mean_c - climate.yearly_k, abs=0.1)
    assert high == pytest.approx(climate.mean_c + climate.yearly_k, abs=0.1)


def test_means_over_long_stretches_are_those_of_short_ones():
    outside = weather("sweden", heat_waves=[{"from": "5 h", "until": "30 h", "rise": "9 K"}])
    hours = [outside.over(3600.0 * h, 3600.0 * (h + 1))[0] for h in range(48)]
    minutes = [outside.over(60.0 * m, 60.0 * (m + 1))[0] for m in range(2880)]
    whole = outside.over(0.0, 2.0 * DAY_S)[0]
    assert whole == pytest.approx(sum(hours) / 48.0, abs=1e-9)
    assert whole == pytest.approx(sum(minutes) / 2880.0, abs=1e-9)


def test_the_south_has_its_summer_in_january():
    january, july = (
        weather("australia-melbourne").over(at_s, at_s + DAY_S)[0]
        for at_s in (0.75 * S_PER_Y, 0.25 * S_PER_Y)  # a run without a date begins in April
    )
    assert january > july + 5.0


def test_what_the_scenario_says_goes_before_the_region():
    low, mean, high = year_c(weather("emirates", mean="10 degC"))
    assert mean == pytest.approx(10.0, abs=0.1)
    assert high - low == pytest.approx(16.0, abs=0.3)  # the rest stays the region's


def test_without_a_region_it_is_the_default():
    assert year_c(weather(None))[1] == pytest.approx(12.0, abs=0.1)


def test_every_region_has_a_climate_that_could_be():
    for region in load_catalog().regions.values():
        climate = region.climate
        assert -5.0 < climate.mean_c < 32.0
        assert climate.dew_point_c < climate.mean_c
        assert 0.0 < climate.yearly_k < 20.0


def test_hotter_places_never_cool_for_less():
    study = load_economics_study({"name": "x"})
    cell = Cell("h100-sxm", "hgx-h100-air", "llama-3.1-8b", "steady")
    pue = [
        site_years(cell, study, region, [30e3], 1)[0].pue
        for region in ("sweden", "germany", "us-texas", "singapore", "emirates")
    ]
    assert pue == sorted(pue)
    assert pue[-1] - pue[0] > 0.02


def test_a_part_of_a_climate_is_refused(tmp_path):
    catalog = tmp_path / "mine.yaml"
    catalog.write_text(
        "version: 1\nregions:\n  moon:\n    title: Moon\n    price: 1 USD/kWh\n"
        "    carbon: 1 gCO2/kWh\n    climate: {mean: 3 degC}\n"
        "    sources: {price: [guess, loadbank, 10 %], carbon: [guess, loadbank, 10 %],\n"
        "      climate: [guess, loadbank, 10 %]}\n"
    )
    data = copy.deepcopy(SCENARIO) | {"catalog": [str(catalog)]}
    with pytest.raises(ScenarioError, match="mean, yearly, daily and dew_point"):
        load_scenario(data)
