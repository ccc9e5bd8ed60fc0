"""What the page shows of a modelled facility, and that it shows nothing of it without one."""

import copy
import html
import json
import re

import numpy as np
import pytest

from sim.report import render_report
from sim.report.charts.constraints import constraint_bands
from sim.report.charts.energy import energy_flow
from sim.report.charts.heat import heat_charts
from sim.report.charts.pue import by_degree, pue_over_weather
from sim.report.charts.rack_states import rack_history
from sim.report.formats import GAP
from sim.report.html.facility_sections import facility_sections
from sim.report.html.rack_views import rack_views
from sim.report.terminal.plant_tables import incident_table, limit_table, row_table, target_table


def words(markup):
    text = re.sub(r"<[^>]+>", " ", markup)
    return re.sub(r"\s+", " ", html.unescape(text).replace(GAP, " "))


def test_a_run_without_a_facility_has_none_of_it(result):
    assert facility_sections(result) == []
    page = render_report(result)
    assert "What held racks back" not in page
    assert 'class="sankey"' not in page


def test_a_run_with_a_facility_has_all_of_it(facility_result):
    sections = facility_sections(facility_result)
    assert [section.anchor for section in sections] == ["limits", "racks", "heat", "energy"]
    assert all(section.content for section in sections)
    page = render_report(facility_result)
    assert page.count('class="heat"') == 3  # power, inlet, clock; not once more under Power


def test_energy_flows_add_up_over_the_sites(facility_result):
    shown = words(energy_flow(facility_result))
    assert "all sites, PUE 1.250" in shown
    assert "Grid 2.82 MWh" in shown
    assert "Solar 180 kWh" in shown
    assert "IT 2.4 MWh" in shown
    assert "Accelerators 1.5 MWh · 50.0 %" in shown
    assert "Fans, PSUs, other 810 kWh · 27.0 %" in shown
    assert "Rack equipment 90 kWh · 3.0 %" in shown
    assert "Energy flow of each site" in shown
    assert "Cooling 456 kWh" in shown
    assert "Generator" not in shown


def test_bands_say_what_held_racks_back_and_for_how_long(facility_result):
    shown = words(constraint_bands(rack_history(facility_result)))
    for cause in ("off, too hot", "heat", "power cap"):
        assert re.search(rf"metro-fra {cause} [\d. a-z]+ 1 of 20 5 min", shown), cause
    assert "At 2 other sites nothing held a rack back." in shown


def test_operators_find_targets_incidents_and_rows(facility_result):
    assert "evening 700 kW 900 kW 690 kW 23.3 % 4 s 0 s 0" in words(target_table(facility_result))
    assert "evening standard 500 ms 500 ms" in words(target_table(facility_result))
    happened = words(incident_table(facility_result))
    assert "Fault: cdu-pump metro-fra not in this run" in happened
    assert re.search(r"20 min Rack switched off, too hot metro-fra\S+ 25 min", happened)
    rows = words(row_table(facility_result))
    assert "metro-fra/hall/r1 450 kW 300 kW 150 kW 0 % cooling 90 kW by cooling 12.5 %" in rows


def test_rows_have_their_limits_without_a_facility_too(facility_result):
    bare = copy.deepcopy(facility_result)
    row = {"limit_w": 5e3, "peak_w": 43.5e3, "headroom_w": -38.5e3, "share_above": 0.75}
    endless = {"limit_w": None, "peak_w": 1e3, "headroom_w": None, "share_above": 0.0}
    bare.summary["rows"] = {"m/h/r1": row, "m/h/r2": endless}
    shown = words(row_table(bare))
    assert "m/h/r1 5 kW 43.5 kW −38.5 kW 75 %" in shown
    assert "Stranded" not in shown
    assert "m/h/r2" not in shown


def test_what_went_above_its_limit_is_listed_from_site_to_rack(facility_result):
    bare = copy.deepcopy(facility_result)
    place = {"limit_w": 5e3, "peak_w": 22.9e3, "share_above": 0.5}
    racks = [{"name": f"m/h/r/k{number}", **place} for number in range(2)]
    bare.summary["above_limit"] = {
        "rack": {"count": 9, "worst": racks},
        "row": {"count": 1, "worst": [{"name": "m/h/r", **place}]},
    }
    shown = words(limit_table(bare))
    assert "1 row m/h/r 5 kW 22.9 kW 458 % 50 %" in shown
    assert "9 racks; the worst 2 m/h/r/k0 5 kW" in shown
    assert shown.index("1 row") < shown.index("9 racks")
    bare.summary["above_limit"] = {}
    assert limit_table(bare) == ""


def test_a_calm_run_says_so(facility_result):
    calm = copy.deepcopy(facility_result)
    rows = calm.series["kind"] == "rack"
    calm.series.loc[rows, "clock"] = 1.0
    calm.series.loc[rows, "power_w"] = 20e3
    shown = words(constraint_bands(rack_history(calm)))
    assert shown.strip().startswith("Nothing held a rack back")


def test_temperatures_come_with_the_limits_they_reached(facility_result):
    charts, left_out = heat_charts(facility_result, rack_history(facility_result))
    shown = words(charts)
    assert left_out == 0
    assert "metro-fra: inlet air hottest 38.0 °C" in shown
    assert "slows at 32 °C" in shown
    assert "edge-paris: inlet air hottest 24.7 °C" in shown
    assert "metro-fra: clock slowest 60 % of full" in shown
    assert "edge-paris: clock" not in shown
    assert "edge-paris: cold plates" not in shown


def test_pue_is_drawn_by_weather_and_only_if_it_changes(facility_result):
    shown = words(pue_over_weather(facility_result))
    assert "PUE from 1.16 to 1.26" in shown
    steady = copy.deepcopy(facility_result)
    steady.series["outside_c"] = 20.0
    assert pue_over_weather(steady) == ""


def test_means_by_degree():
    points = np.array([[19.8, 1.10], [20.2, 1.20], [21.0, 1.30]])
    assert by_degree(points) == pytest.approx(np.array([[20.0, 1.15, 2.0], [21.0, 1.30, 1.0]]))


def test_one_of_three_maps_is_shown_without_script(facility_result):
    views = rack_views(facility_result, rack_history(facility_result))
    assert views.count('type="radio"') == 3
    assert views.count(' checked=""') == 1
    assert re.findall(r'type="range"[^>]* hidden=""', views)


def test_the_moment_is_one_at_which_racks_were_held_back(facility_result):
    views = rack_views(facility_result, rack_history(facility_result))
    at = int(re.search(r'type="range"[^>]* value="(\d+)"', views)[1])
    clock = views.split('class="panel panel2"')[1]
    boxes = re.findall(r'<rect class="fill ([^"]+)"[^>]*data-levels="([^"]+)"', clock)
    assert len(boxes) == 40
    assert {len(levels) for _, levels in boxes} == {120}
    look, levels = boxes[0]
    # 60 % of the clock is a slowdown of 0.4 of 0.7: the seventh of the ten colours
    assert (look, levels[at]) == ("q6", "6")
    assert [look for look, _ in boxes[1:3]] == ["q0", "q0"]


def test_read_outs_name_every_colour(facility_result):
    views = rack_views(facility_result, rack_history(facility_result))
    scales = [json.loads(html.unescape(s)) for s in re.findall(r'data-steps="([^"]*)"', views)]
    assert {len(steps) for steps in scales} == {11}
    assert scales[2][0] == "below 16.7 °C"
    assert scales[4][0] == "full clock"
    assert scales[4][10] == "switched off"


def test_names_cannot_become_elements(facility_result):
    evil = copy.deepcopy(facility_result)
    name = '"><script>alert(1)</script>'
    for frame in (evil.series, evil.racks):
        frame["name"] = frame["name"].str.replace("metro-fra", name)
    evil.summary["facility"] = {name: evil.summary["facility"]["metro-fra"]}
    assert "<script>alert" not in "".join(s.content for s in facility_sections(evil))
