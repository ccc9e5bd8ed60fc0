import copy
import re

import numpy as np
import pandas as pd
import pytest

from sim.report.charts.latency import latency_charts
from sim.report.charts.map import topology_map
from sim.report.charts.pools import pool_charts
from sim.report.charts.power import site_power_charts
from sim.report.charts.racks import rack_heat_map, rack_shares
from sim.report.formats import GAP


def words(markup):
    return markup.replace(GAP, " ")


def test_latency_tables_hold_the_quantiles_of_the_data(result):
    shown = words(latency_charts(result))
    good = result.requests[~result.requests["warmup"] & (result.requests["tier"] == "premium")]
    p99_ms = 1e3 * good["ttft_s"].quantile(0.99)
    assert f'<th scope="row" class="text">99 %</th><td>{p99_ms:.0f} ms</td>' in shown


def test_slo_targets_are_drawn_with_their_value(result):
    shown = words(latency_charts(result))
    assert {"SLO 500 ms", "SLO 5 s", "SLO 50 ms", "SLO 30 s"} <= set(
        re.findall(r">(SLO [^<]*)</text>", shown)
    )


def test_slo_labels_rise_with_their_targets(result):
    """So that no label is crossed by the line of another target."""
    swapped = copy.deepcopy(result)
    sla = swapped.summary["sla"]
    sla["premium"]["targets"]["ttft_s"], sla["standard"]["targets"]["ttft_s"] = 5.0, 0.5
    for case in (result, swapped):
        shown = words(latency_charts(case))
        found = re.findall(r'y="(-\d+)" dx="-?4" text-anchor="\w+">(SLO [^<]*)<', shown)
        heights = {label: int(height) for height, label in found}
        assert heights["SLO 5 s"] < heights["SLO 500 ms"] < 0


def test_a_target_far_off_is_told_instead_of_drawn(result):
    far = copy.deepcopy(result)
    far.summary["sla"]["standard"]["targets"]["ttft_s"] = 5000.0
    assert "standard (SLO 5,000 s, off the scale)" in words(latency_charts(far))


def test_every_site_has_its_limit_and_peak(result):
    shown, left_out = site_power_charts(result)
    assert left_out == 0
    assert "limit 900 kW" in words(shown)
    assert re.search(r"peak \d+ kW, 180\.\d % of its 90 kW", words(shown))


@pytest.mark.parametrize("limit_kw", [None, float("inf")])
def test_a_site_without_a_limit_says_so(result, limit_kw):
    free = copy.deepcopy(result)
    free.summary["power"]["edge-paris"]["limit_kw"] = limit_kw
    shown = words(site_power_charts(free)[0])
    assert re.search(r"peak 162 kW, no limit given", shown)


def test_a_limit_far_above_the_curve_leaves_the_axis_alone(result):
    roomy = copy.deepcopy(result)
    roomy.summary["power"]["edge-paris"]["limit_kw"] = 5000.0
    shown = words(site_power_charts(roomy)[0])
    assert "limit 5 MW" not in shown
    assert "of its 5 MW" in shown


def test_rack_shares_divide_by_the_limit(result):
    shares, time_s = rack_shares(result)
    assert len(shares) == 40
    name = result.racks["name"].iloc[7]
    mine = result.series[result.series["name"] == name]
    assert shares[name] == pytest.approx(mine["power_w"].to_numpy() / 40e3)
    assert time_s.tolist() == mine["time_s"].tolist()


def test_racks_without_a_limit_are_measured_against_the_highest_peak(result):
    free = copy.deepcopy(result)
    free.racks["limit_w"] = np.inf
    shares, _ = rack_shares(free)
    assert max(column.max() for column in shares.values()) == pytest.approx(1.0)


def test_racks_are_grouped_by_row_of_the_hall(result):
    shown = rack_heat_map(result)
    headings = re.findall(r'class="group"[^>]*>([^<]*)<', shown)
    assert headings == [
        "metro-fra/h1/r1 · 10 racks",
        "metro-fra/h1/r2 · 10 racks",
        "remote-lulea/h1/r1 · 10 racks",
        "remote-lulea/h1/r2 · 6 racks",
        "edge-paris/h1/r1 · 4 racks",
    ]


def _hall(result, rows, racks_per_row):
    names = [f"dc/h1/r{r:03d}/rack-{i:02d}" for r in range(rows) for i in range(racks_per_row)]
    made = copy.copy(result)
    power = np.linspace(1e3, 39e3, 2 * len(names))
    made.series = pd.DataFrame(
        {
            "time_s": [0.0, 60.0] * len(names),
            "kind": "rack",
            "name": np.repeat(names, 2),
            "power_w": power,
        }
    )
    peaks = power.reshape(-1, 2).max(axis=1)
    made.racks = pd.DataFrame(
        {
            "name": names,
            "site": "dc",
            "cooling": "air",
            "type": "t",
            "mean_w": peaks,
            "peak_w": peaks,
            "limit_w": 40e3,
            "headroom_w": 0.0,
            "share_above": 0.0,
        }
    )
    return rack_heat_map(made)


def test_a_long_row_shows_bundles_of_neighbours(result):
    shown = _hall(result, rows=2, racks_per_row=300)
    assert "dc/h1/r001 · 300 racks" in shown
    assert "each line shows the fullest of its racks" in shown
    assert "rack-00 … 03" in shown
    assert "The 200 fullest of 600." in shown


def test_too_many_rows_become_the_lines(result):
    shown = _hall(result, rows=90, racks_per_row=3)
    assert re.findall(r'class="group"[^>]*>([^<]*)<', shown) == ["dc/h1 · 90 rows"]


def test_pools_have_a_line_each(result):
    shown, left_out = pool_charts(result)
    assert left_out == 0
    for title in ("Queue", "Batch", "KV cache"):
        assert f"<strong>{title}</strong>" in shown
    assert re.findall(r'data-name="([^"]*)"', shown)[:4] == [
        "premium-fra",
        "standard-fra",
        "standard-lulea",
        "edge-paris",
    ]


def test_pools_beyond_the_palette_are_counted(result):
    many = copy.copy(result)
    one = result.series[result.series["name"] == "premium-fra"]
    many.series = pd.concat(
        [one.assign(name=f"pool-{i}", batch=one["batch"] + i) for i in range(12)]
    )
    shown, left_out = pool_charts(many)
    assert left_out == 4
    assert "pool-11" in shown
    assert "pool-3<" not in shown


def test_the_map_shows_places_links_and_latencies(result):
    shown = words(topology_map(result))
    assert "Map of 3 sites, 4 user regions and 9 links." in shown
    assert shown.count('class="link trunk"') == 2 * 2
    for name in ("metro-fra", "remote-lulea", "edge-paris", "madrid"):
        assert re.search(rf"<text[^>]*>{name}</text>", shown)
    assert re.search(r"<text[^>]*>18 ms</text>", shown)


def test_places_without_coordinates_are_left_off_the_map(result):
    odd = copy.deepcopy(result)
    odd.topology["sites"]["metro-fra"] = {"kind": "metro"}
    assert "Map of 2 sites" in topology_map(odd)
    odd.topology = {"sites": {"a": {"kind": "metro"}}}
    assert topology_map(odd) == ""


def test_a_single_site_has_a_map(result):
    one = copy.copy(result)
    one.topology = {"sites": {"a": {"kind": "something-new", "lat": 50.0, "lon": 8.0}}}
    assert "Map of 1 site, 0 user regions and 0 links." in topology_map(one)
