"""A price or an intensity that nobody gave stays unknown, with a facility and without."""

from __future__ import annotations

import pytest
import yaml

from sim import ScenarioError, load_scenario, simulate
from sim.scenario.shipped import shipped

HALL = {
    "version": 1,
    "name": "one",
    "regions": {"users": {"lat": 50.11, "lon": 8.68}},
    "sites": {
        "dc": {
            "kind": "metro",
            "lat": 50.1,
            "lon": 8.7,
            "halls": {"h": {"rows": {"r": {"racks": {"type": "hgx-h100-air", "count": 1}}}}},
        }
    },
    "links": [{"from": "users", "to": "dc", "latency": "1 ms"}],
}
SMALL = {
    "version": 1,
    "name": "base",
    "topology": HALL,
    "tiers": {"standard": {"slo": {"ttft": "2 s", "tpot": "100 ms"}}},
    "traffic": {
        "chat": {
            "model": "llama-3.1-8b",
            "regions": {"users": "100 %"},
            "tiers": {"standard": "100 %"},
            "arrivals": {"process": "poisson", "rate": "2 req/s"},
            "lengths": {"constant": {"input": "500 tokens", "output": "100 tokens"}},
        }
    },
    "pools": {"main": {"site": "dc", "model": "llama-3.1-8b", "replicas": 1}},
    "run": {"duration": "10 s"},
}


def summary(tmp_path, *changes, **sections):
    path = tmp_path / "base.yaml"
    path.write_text(yaml.safe_dump({**SMALL, **sections}))
    return simulate(load_scenario(path, list(changes))).summary


def test_a_facility_invents_no_price_and_no_carbon(tmp_path):
    plain = summary(tmp_path)
    modelled = summary(tmp_path, facility={"interval": "1 s"})
    for found in (plain, modelled):
        assert found["cost"]["energy_usd"] is None
        assert found["cost"]["total_usd"] is None
        assert found["carbon"]["kg"] is None
    assert modelled["facility"]["dc"]["energy_usd"] is None
    assert modelled["facility"]["dc"]["facility_kwh"] > 0.0


def test_what_the_facility_is_told_is_known(tmp_path):
    grid = {"all": {"price": "0.2 USD/kWh", "carbon": "100 gCO2/kWh"}}
    found = summary(tmp_path, facility={"interval": "1 s", "grid": grid})
    kwh = found["facility"]["dc"]["facility_kwh"]
    assert found["cost"]["energy_usd"] == pytest.approx(0.2 * kwh)
    assert found["carbon"]["kg"] == pytest.approx(0.1 * kwh)


@pytest.mark.parametrize("follows", ["price", "carbon"])
def test_a_battery_that_follows_the_unknown_is_refused(tmp_path, follows):
    battery = {
        "capacity": "10 kWh",
        "charge": "5 kW",
        "discharge": "5 kW",
        "policy": f"{follows}-following",
    }
    facility = {"interval": "1 s", "grid": {"all": {"battery": battery}}}
    with pytest.raises(ScenarioError, match=f"battery.policy: got '{follows}-following'"):
        summary(tmp_path, facility=facility)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(shipped("experiments")))
def test_the_same_is_known_with_and_without_a_facility(name):
    """What is known of a shipped scenario's energy price does not depend on modelling its plant."""
    short = ["run.duration=10 s", "run.warmup=0 s"]
    if load_scenario(name).facility is not None:
        pytest.skip("has a facility of its own, with prices of its own")
    plain = simulate(load_scenario(name, short)).summary
    modelled = simulate(load_scenario(name, [*short, "facility={interval: 10 s}"])).summary
    for section, key in (("cost", "energy_usd"), ("carbon", "kg")):
        assert (plain[section][key] is None) == (modelled[section][key] is None)
    for site, region in plain["topology"]["sites"].items():
        assert region == modelled["topology"]["sites"][site]
