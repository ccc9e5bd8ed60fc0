"""What a run says of its facility: energy by use, rows, load targets and who paid, incidents."""

from __future__ import annotations

import numpy as np
import pytest
from facility_run import BUSY_W, fault, run

from sim import load_scenario, simulate

CHANGES = [
    *("run.duration=3 min", "run.warmup=1 min", "run.drain=false"),
    "facility.curtailment=[{name: noon, site: london-site, limit: 70 kW, from: 90 s, until: 150 s}]",
    "facility.faults=[{kind: pdu, site: london-site, row: air/r1, at: 170 s}]",
]


@pytest.fixture(scope="module")
def summary():
    return simulate(load_scenario("heat-wave", CHANGES)).summary


def test_it_energy_is_split_without_a_rest(summary):
    site = summary["facility"]["london-site"]
    parts = ("accelerator_kwh", "server_parts_kwh", "rack_base_kwh")
    assert all(site[part] > 0.0 for part in parts)
    assert sum(site[part] for part in parts) == pytest.approx(site["it_kwh"], rel=1e-12)


def test_a_load_target_is_found_by_its_name_with_what_each_tier_paid(summary):
    order = summary["curtailment"]["noon"]
    assert (order["site"], order["limit_w"], order["strict"]) == ("london-site", 70_000.0, False)
    assert order["comply_s"] <= 30.0
    tier = order["tiers"]["standard"]
    assert tier["before"]["ttft_s"]["n"] > 0 < tier["during"]["ttft_s"]["n"]
    factor = tier["during"]["ttft_s"]["p99"] / tier["before"]["ttft_s"]["p99"]
    assert tier["ttft_p99_factor"] == pytest.approx(factor)


def test_incidents_have_time_place_and_cause(summary):
    events = {(e["cause"], e["place"]): e["time_s"] for e in summary["incidents"]["events"]}
    assert events["pdu", "london-site/air/r1"] == 170.0
    assert events["feed", "london-site/air/r1"] == 170.0
    assert summary["incidents"]["counts"]["feed"] == 1


def test_rows_say_what_strands_their_power(summary):
    row = summary["rows"]["london-site/air/r1"]
    # Three racks under a limit of 123 kW; the plant and the aisle take less.
    assert row["binding"] == "cooling"
    assert row["stranded_w"]["cooling"] >= 25_000.0
    assert row["stranded_w"]["sla"] is None
    assert row["headroom_w"] == pytest.approx(row["limit_w"] - row["peak_w"])


def test_guesses_of_the_physics_are_listed_with_those_of_the_catalogue(summary):
    guesses = {(g["entry"], g["field"]) for g in summary["provenance"]["guesses"]}
    assert ("facility.rack", "metal_j_per_k") in guesses
    assert ("facility.plate", "j_per_k") not in guesses  # no rack has cold plates
    assert ("facility.weather", "mean_c") in guesses  # the scenario says the default, 12 degC
    assert any(source["name"] == "opengate" for source in summary["provenance"]["sources"])


def test_accelerators_are_metered_in_the_window_while_their_rack_has_power(make_plant):
    """Window from 20 to 100 s; the racks of row r1 are off from 60 s on, those of site b never."""
    plant = make_plant()
    facility, _ = run(plant, 100.0, warmup_s=20.0, faults=[fault("pdu", "60 s", row="h/r1")])
    meter = facility.parts.meter
    assert meter.on_s.tolist() == [40.0, 40.0, 80.0, 80.0]
    idle_w = np.array([75.0 * spare for spare in (3, 0, 4, 6)])  # accelerators of no replica
    busy = np.array([1, 4, 0, 2])
    expected_j = (idle_w + busy * BUSY_W) * meter.on_s
    np.testing.assert_allclose(meter.accelerator_j(), expected_j, rtol=1e-12)
