"""The power meter against a slow sum instant by instant; energy adds up over all levels."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.facility.metering.meter import PowerMeter

LEVELS = ("rack", "row", "hall", "site")


def row(replica, start_s, end_s, watts):
    return [replica, start_s, end_s, watts, 0.0, 0.0, 0.0, 0.0]


def log(rows):
    """Rows in the order in which replicas write them: when a row ends."""
    return np.array(sorted(rows, key=lambda r: r[2]), dtype=float).reshape(-1, 8)


def power_at(plant, rows, time_s):
    """Power of each rack just after ``time_s``, by loops."""
    accelerators = np.array(plant.node_spare_w)
    for replica, node, count in zip(
        plant.placement_replica, plant.placement_node, plant.placement_count, strict=True
    ):
        level = [r[3] for r in rows if r[0] == replica and r[1] <= time_s < r[2]]
        accelerators[node] += count * sum(level)
    racks = np.array(plant.rack_base_w)
    for node, watts in enumerate(accelerators):
        kind = plant.node_types[plant.node_type[node]]
        racks[plant.node_rack[node]] += float(kind.wall_w(watts))
    return racks


def by_level(plant, racks):
    row_w = np.bincount(plant.rack_row, racks, minlength=len(plant.row_names))
    hall_w = np.bincount(plant.row_hall, row_w, minlength=len(plant.hall_names))
    site_w = np.bincount(plant.hall_site, hall_w, minlength=len(plant.site_names))
    return np.concatenate([racks, row_w, hall_w, site_w])


def reference(plant, rows, from_s):
    """Energy, peak and time above the limit of every point from ``from_s`` on, by loops."""
    limits = np.concatenate(
        [plant.rack_limit_w, plant.row_limit_w, plant.hall_limit_w, plant.site_limit_w]
    )
    instants = sorted({from_s} | {t for r in rows for t in (r[1], r[2]) if t >= from_s})
    energy, peak, above = (np.zeros(len(limits)) for _ in range(3))
    for start, end in itertools.pairwise(instants):
        level = by_level(plant, power_at(plant, rows, start))
        energy += level * (end - start)
        above += (level > limits) * (end - start)
        peak = np.maximum(peak, level)
    return energy, peak, above


@st.composite
def histories(draw):
    """Contiguous activity of three replicas from 0 to 20 s, and the times of the readings."""
    rows = []
    for replica in range(3):
        inner = draw(st.lists(st.integers(1, 199), max_size=8, unique=True))
        times = [0.0, *(n / 10 for n in sorted(inner)), 20.0]
        watts = draw(
            st.lists(
                st.sampled_from([0.0, 110.0, 333.3, 512.7, 700.0]),
                min_size=len(times) - 1,
                max_size=len(times) - 1,
            )
        )
        spans = itertools.pairwise(times)
        rows += [row(replica, a, b, w) for (a, b), w in zip(spans, watts, strict=True)]
    readings = sorted(draw(st.lists(st.floats(0.1, 19.9), max_size=3)))
    return rows, [*readings, 20.0]


def split(rows, from_s, until_s):
    """What the log holds between two readings; rows under way are cut."""
    inside = [r for r in rows if r[1] < until_s and r[2] > from_s]
    return log([row(r[0], max(r[1], from_s), min(r[2], until_s), r[3]) for r in inside])


@settings(max_examples=60, deadline=None)
@given(history=histories(), warmup_s=st.sampled_from([0.0, 3.0, 7.77]))
def test_meter_equals_the_sum_by_loops(make_plant, history, warmup_s):
    plant, (rows, readings) = make_plant(), history
    meter = PowerMeter(plant, warmup_s, interval_s=1.5)
    from_s = 0.0
    for until_s in readings:
        meter.advance(split(rows, from_s, until_s), until_s)
        from_s = until_s
    energy_j, peak_w, above_s = reference(plant, rows, warmup_s)
    np.testing.assert_allclose(meter.energy_j, energy_j, rtol=1e-9)
    np.testing.assert_allclose(meter.peak_w, peak_w, rtol=1e-9)
    np.testing.assert_allclose(meter.above_s, above_s, rtol=1e-9, atol=1e-9)
    for level in LEVELS:
        points = meter.points.spans[level]
        for site in range(2):
            mine = np.array([name[0] == "ab"[site] for name in meter.points.names[points]])
            assert meter.energy_j[points][mine].sum() == pytest.approx(
                meter.energy_j[meter.points.spans["site"]][site], rel=1e-9
            )


@settings(max_examples=30, deadline=None)
@given(history=histories(), width_s=st.sampled_from([None, 0.7, 4.0]))
def test_series_holds_the_energy_and_the_peaks(make_plant, history, width_s):
    plant, (rows, readings) = make_plant(), history
    meter = PowerMeter(plant, interval_s=width_s)
    from_s = 0.0
    for until_s in readings:
        meter.advance(split(rows, from_s, until_s), until_s)
        from_s = until_s
    series = meter.series()
    np.testing.assert_allclose(series.mean_w @ series.length_s, meter.energy_j, rtol=1e-9)
    np.testing.assert_allclose(series.peak_w.max(axis=1), meter.peak_w, rtol=1e-12)
    assert (series.mean_w <= series.peak_w * (1 + 1e-9)).all()


def test_racks_without_replicas_draw_base_and_idle_power(plant):
    meter = PowerMeter(plant)
    meter.advance(log([]), 10.0)
    server = plant.node_types[0]
    expected_w = 400.0 + 2 * float(server.wall_w(2 * 75.0))
    rack = meter.points.names.index("a/h/r2/k1")
    assert meter.power_w[rack] == pytest.approx(expected_w, rel=1e-12)
    assert meter.energy_j[rack] == pytest.approx(10.0 * expected_w, rel=1e-12)


def test_a_level_between_two_changes_at_the_same_instant_is_no_peak(make_plant):
    # Replica 1 hands its load to replica 0 at 5 s; both at once never happens.
    plant = make_plant()
    rows = [row(0, 0, 5, 0.0), row(0, 5, 10, 700.0), row(1, 0, 5, 700.0), row(1, 5, 10, 0.0)]
    for order in (rows, [rows[1], rows[0], rows[3], rows[2]][::-1]):
        meter = PowerMeter(plant)
        meter.advance(np.array(sorted(order, key=lambda r: r[1]), dtype=float), 10.0)
        site = meter.points.names.index("a")
        highest = max(by_level(plant, power_at(plant, rows, t))[site] for t in (0.0, 5.0))
        assert meter.peak_w[site] == pytest.approx(highest, rel=1e-12)


def test_probe_reads_the_exact_mean_since_its_last_reading(plant):
    meter = PowerMeter(plant)
    racks, sites = meter.probe("rack"), meter.probe("site")
    rows = [row(2, 0, 3, 100.0), row(2, 3, 4, 500.0), row(2, 4, 8, 200.0)]
    meter.advance(split(rows, 0.0, 4.0), 4.0)
    low, high = (power_at(plant, rows, t)[3] for t in (0.0, 3.0))
    assert racks.mean_w()[3] == pytest.approx((3 * low + high) / 4, rel=1e-12)
    meter.advance(split(rows, 4.0, 8.0), 8.0)
    last = power_at(plant, rows, 4.0)[3]
    assert racks.mean_w()[3] == pytest.approx(last, rel=1e-12)
    assert sites.mean_w()[1] == pytest.approx((3 * low + high + 4 * last) / 8, rel=1e-12)
    assert racks.mean_w()[3] == pytest.approx(last, rel=1e-12)  # no time passed: power now


def test_a_rack_without_power_draws_nothing(plant):
    meter = PowerMeter(plant)
    meter.advance(log([row(2, 0, 5, 400.0)]), 5.0)
    before_j = meter.energy_j.copy()
    meter.set_energised(np.array([3]), False)
    meter.advance(log([row(2, 5, 9, 400.0)]), 9.0)
    rack, site = meter.points.names.index("b/h/r1/k1"), meter.points.names.index("b")
    assert meter.power_w[[rack, site]].tolist() == [0.0, 0.0]
    assert meter.energy_j[rack] == before_j[rack]
    meter.set_energised(np.array([3]), True)
    assert meter.power_w[rack] == pytest.approx(
        power_at(plant, [row(2, 0, 9, 400.0)], 0.0)[3], rel=1e-12
    )


def test_limits_are_counted_by_point(plant):
    # Rack 0 idles near 1.6 kW and passes its 2.5 kW limit only while replica 0 draws 700 W.
    meter = PowerMeter(plant, warmup_s=1.0)
    rows = [row(0, 0, 4, 100.0), row(0, 4, 6, 1500.0), row(0, 6, 10, 100.0)]
    meter.advance(log(rows), 10.0)
    assert meter.above_s[meter.points.names.index("a/h/r1/k1")] == pytest.approx(2.0, abs=1e-12)
    assert meter.above_s[meter.points.names.index("b/h/r1/k1")] == 0.0
