"""Energy: sum over accelerators = rack = row = hall = site = integral of the reported series.

``flow`` checks these sums for every run; here the parts are put against each other one by one,
and against powers that can be worked out by hand.
"""

from __future__ import annotations

import numpy as np
import pytest

GIVEN = {"idle": "100 W", "prefill": "700 W", "decode": "400 W"}


@pytest.fixture
def powered(tiny):
    """The tiny scenario with the power of an accelerator given."""
    for pool in tiny["pools"].values():
        pool["power"] = GIVEN
    return tiny


@pytest.mark.parametrize("interval", ["10 ms", "0.7 s", "1 min"])
def test_the_series_holds_all_energy_at_any_width(powered, flow, interval):
    run = flow(powered, overrides=(f"output.series_interval={interval}",))
    assert run.result.summary["energy"]["it_kwh"] > 0.0


def test_the_width_of_the_series_may_be_left_open(powered, flow):
    del powered["output"]
    flow(powered)


def test_accelerators_draw_what_was_given(powered, flow):
    run = flow(powered)
    drawn_w = set(np.round(run.rows[:, 3], 9))
    assert {100.0, 700.0, 400.0} <= drawn_w
    # Between the two: steps that mix prompts and decoding.
    assert min(drawn_w) == 100.0
    assert max(drawn_w) == 700.0


def test_an_idle_plant_draws_its_idle_power(powered, flow):
    run = flow(powered, overrides=("traffic.chat.arrivals.rate=1e-6 req/s",))
    world = run.world
    assert run.result.summary["requests"]["arrived"] == 0
    idle_w = world.power_bounds().idle_w
    assert world.meter.total_j == pytest.approx(idle_w * 8.0, rel=1e-12)


def test_racks_of_the_result_are_the_meter(powered, flow):
    run = flow(powered)
    meter = run.world.meter
    span, racks = meter.points.spans["rack"], run.result.racks
    assert racks["name"].tolist() == list(run.world.plant.rack_names)
    assert racks["mean_w"].to_numpy() * run.end_s == pytest.approx(meter.total_j[span], rel=1e-12)
    by_site_w = racks.groupby("site", observed=True)["mean_w"].sum()
    for site, mean_w in by_site_w.items():
        shown_w = run.result.summary["power"][site]["mean_kw"] * 1e3
        assert mean_w == pytest.approx(shown_w, rel=1e-9)
    assert (racks["peak_w"] >= racks["mean_w"]).all()
    limited = racks["limit_w"] - racks["peak_w"]
    assert racks["headroom_w"].to_numpy() == pytest.approx(limited.to_numpy())


def test_time_above_a_limit_is_counted_to_the_second(powered, flow):
    run = flow(powered)
    span = run.world.meter.points.spans["site"]
    peak_w = run.world.meter.peak_w[span]
    site_w = run.result.series.query("kind == 'site' and name == 'metro'")["power_w"]
    limit_kw = 0.5 * (peak_w[0] + site_w.min()) / 1e3
    tight = flow(powered, overrides=(f"topology.sites.metro.power_limit={limit_kw:.6f} kW",))
    power = tight.result.summary["power"]["metro"]
    assert 0.0 < power["share_above"] < 1.0
    assert power["headroom_kw"] == pytest.approx(limit_kw - peak_w[0] / 1e3, abs=1e-5)
    assert power["peak_kw"] == pytest.approx(peak_w[0] / 1e3)
    # A limit is only watched, nothing is capped.
    assert tight.result.requests.equals(run.result.requests)


def test_tokens_carry_the_energy(powered, flow):
    run = flow(powered)
    energy = run.result.summary["energy"]
    tokens = run.result.requests["output_tokens"].sum()
    assert energy["j_per_output_token"] == pytest.approx(energy["it_kwh"] * 3.6e6 / tokens)


def test_carbon_and_price_need_a_region_for_every_site(powered, flow):
    assert flow(powered).result.summary["carbon"]["kg"] is None
    known = ("topology.sites.far.region_data=sweden",)
    run = flow(powered, overrides=known)
    regions, energy = run.world.catalog.regions, run.result.summary["power"]
    hours = run.end_s / 3600.0
    kg = sum(
        energy[site]["mean_kw"] * hours * regions[region].gco2_per_kwh / 1e3
        for site, region in (("metro", "germany"), ("far", "sweden"))
    )
    assert run.result.summary["carbon"]["kg"] == pytest.approx(kg, rel=1e-9)
    usd = sum(
        energy[site]["mean_kw"] * hours * regions[region].usd_per_kwh
        for site, region in (("metro", "germany"), ("far", "sweden"))
    )
    assert run.result.summary["cost"]["energy_usd"] == pytest.approx(usd, rel=1e-9)


def test_turns_of_the_main_loop_do_not_change_the_energy(powered, flow, monkeypatch):
    import importlib

    one = flow(powered)
    monkeypatch.setattr(importlib.import_module("sim.world"), "EVENTS_PER_TURN", 37)
    many = flow(powered)
    assert len(many.watch.rows) > 10 * len(one.watch.rows)
    assert many.result.requests.equals(one.result.requests)
    assert many.world.meter.total_j == pytest.approx(one.world.meter.total_j, rel=1e-12)
    assert many.world.meter.peak_w == pytest.approx(one.world.meter.peak_w, rel=1e-12)


def test_racks_and_rows_above_their_limit_are_in_the_summary_and_its_warnings(powered, flow):
    rows = "topology.sites.metro.halls.dry.rows.r1"
    tight = (f"{rows}.power_limit=5 kW", f"{rows}.racks.power_limit=5 kW")
    summary = flow(powered, overrides=tight).result.summary
    row = summary["rows"]["metro/dry/r1"]
    assert row["limit_w"] == 5_000.0 < row["peak_w"]
    assert row["share_above"] == 1.0
    assert summary["rows"]["metro/dry/r2"]["limit_w"] is None
    assert {level: found["count"] for level, found in summary["above_limit"].items()} == {
        "rack": 1,
        "row": 1,
    }
    said = " ".join(summary["warnings"])
    assert "row metro/dry/r1 went above the power limit" in said
    assert "rack metro/dry/r1/rack-01 went above the power limit" in said
