"""Inventory exports: racks and feeds become sites; every bad row is named."""

from __future__ import annotations

import pytest

from sim.dcim.inventory import feed_power_w, import_sites
from sim.errors import ScenarioError
from sim.scenario.schema.topology import Site

SITES = "name,latitude,longitude,status\nams,52.3,4.9,active\n"
RACKS = (
    "site,location,name,type,u_height\n"
    "ams,h1/r1,k01,HGX air,48\nams,h1/r1,k02,HGX air,48\nams,h1/r2,k03,HGX wet,48\n"
)
FEEDS = (
    "power_panel,rack,name,type,voltage,amperage,phase,max_utilization\n"
    "p1,k01,a,primary,400,63,three-phase,80\n"
    "p2,k01,b,redundant,400,63,three-phase,80\n"
    "p1,k03,a,primary,230,32,single-phase,80\n"
    "p2,k03,b,primary,230,32,single-phase,80\n"
)
PANELS = "name,feeds_from\nmain,\np1,main\np2,main\n"
TYPES = {"HGX air": "hgx-h100-air", "HGX wet": "hgx-h100-liquid"}


def imported(tmp_path, sites=SITES, racks=RACKS, feeds=FEEDS, panels=PANELS):
    paths = []
    texts = {"sites": sites, "racks": racks, "feeds": feeds, "panels": panels}
    for name, text in texts.items():
        paths.append(tmp_path / f"{name}.csv")
        paths[-1].write_text(text)
    return import_sites(*paths, rack_types=TYPES)


def test_racks_and_feeds_become_a_site(tmp_path):
    sites = imported(tmp_path)
    assert sites == {
        "ams": {
            "kind": "metro", "lat": 52.3, "lon": 4.9,
            "halls": {
                "h1": {
                    "rows": {
                        "r1": {"racks": [
                            {"type": "hgx-h100-air", "count": 1, "name": "k01", "power_limit": "34918.1 W"},
                            {"type": "hgx-h100-air", "count": 1, "name": "k02"},
                        ]},
                        "r2": {"racks": [
                            {"type": "hgx-h100-liquid", "count": 1, "name": "k03", "power_limit": "11776 W"},
                        ]},
                    }
                }
            },
        }
    }  # fmt: skip
    assert (
        Site.model_validate(sites["ams"]).halls["h1"].rows["r2"].racks[0].power_limit_w == 11776.0
    )


def test_power_of_a_feed():
    assert feed_power_w(400.0, 63.0, 3, 0.8) == pytest.approx(34_918.0, abs=1.0)
    assert feed_power_w(230.0, 16.0, 1, 1.0) == 3680.0


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"sites": "name,latitude\nams,52\n"}, "sites.csv:1: longitude: got no such column, expected a column longitude"),
        ({"sites": "name,latitude,longitude\nams,152,4\n"}, "sites.csv:2: latitude: got '152', expected a number of degrees from -90 to 90"),
        ({"racks": RACKS + "ams,h1/r2,k01,HGX air,48\n"}, "racks.csv:5: name: got 'k01', expected a rack that is in one row, once (it already stands in h1/r1)"),
        ({"racks": RACKS + "amx,h1/r2,k04,HGX air,48\n"}, "racks.csv:5: site: got 'amx', expected one of the sites: ams (did you mean 'ams'?)"),
        ({"racks": RACKS + "ams,,k04,HGX air,48\n"}, "racks.csv:5: location: got nothing, expected a hall, or hall/row"),
        ({"racks": RACKS + "ams,h1,k04,HGX dry,48\n"}, "racks.csv:5: type: got 'HGX dry', expected one of the rack types: HGX air, HGX wet (did you mean 'HGX air'?)"),
        ({"feeds": FEEDS + "p1,k99,a,primary,400,63,three-phase,80\n"}, "feeds.csv:6: rack: got 'k99', expected a rack of the rack file"),
        ({"feeds": FEEDS + "p1,k02,a,spare,400,63,three-phase,80\n"}, "feeds.csv:6: type: got 'spare', expected primary or redundant"),
        ({"feeds": FEEDS + "p1,k02,a,primary,-400,63,three-phase,80\n"}, "feeds.csv:6: voltage: got '-400', expected a number of volts from 1"),
        ({"feeds": FEEDS + "p1,k02,a,primary,400,63,two-phase,80\n"}, "feeds.csv:6: phase: got 'two-phase', expected single-phase or three-phase"),
        ({"feeds": FEEDS + "p1,k02,a,primary,400,63,three-phase,120\n"}, "feeds.csv:6: max_utilization: got '120', expected a number of percent from 1 to 100"),
        ({"panels": "name,feeds_from\nmain,p1\np1,main\n"}, "panels.csv:2: main: got main -> p1 -> main, expected a tree without a cycle"),
        ({"panels": PANELS + "p1,p2\n"}, "panels.csv:3: p1: got main and p2, expected one element that feeds it"),
        ({"panels": "name,feeds_from\np1,nowhere\n"}, "panels.csv:2: p1: got 'nowhere', expected the name of an element"),
    ],
)  # fmt: skip
def test_a_broken_row_is_named(tmp_path, broken, message):
    with pytest.raises(ScenarioError) as caught:
        imported(tmp_path, **broken)
    lines = str(caught.value).replace(f"{tmp_path}/", "").splitlines()
    assert any(line.startswith(message) for line in lines), lines


def test_all_problems_of_all_files_come_at_once(tmp_path):
    with pytest.raises(ScenarioError) as caught:
        imported(tmp_path, racks=RACKS + "x,,k04,y,48\n", panels="name,feeds_from\na,b\n")
    assert len(caught.value.problems) == 4


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ScenarioError, match="expected a readable CSV file"):
        import_sites(tmp_path / "a.csv", tmp_path / "b.csv", rack_types=TYPES)
