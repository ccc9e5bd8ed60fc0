"""``loadbank dcim``: an inventory's exports become a topology, a run's series a trend log."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from sim import load_scenario, simulate
from sim.cli import main
from sim.load import load_topology

SITES = "name,latitude,longitude\nfra1,50.1,8.7\n"
RACKS = "site,location,name,type\nfra1,hall-a/row-1,A01,H100\nfra1,hall-a/row-1,A02,H100\n"
FEEDS = (
    "rack,type,voltage,amperage,phase,max_utilization\n"
    "A01,primary,400,63,three-phase,80\n"
    "A02,primary,400,63,three-phase,{share}\n"
)


def run(folder, *extra, share="80"):
    for name, text in (("sites", SITES), ("racks", RACKS), ("feeds", FEEDS.format(share=share))):
        (folder / f"{name}.csv").write_text(text)
    files = [f"--{name}={folder / name}.csv" for name in ("sites", "racks", "feeds")]
    with pytest.raises(SystemExit) as left:
        main(["dcim", "import", *files, *extra, f"--out={folder / 'topology.yaml'}"])
    return left.value.code


def test_racks_and_feeds_become_a_topology(tmp_path):
    assert run(tmp_path, "--type=H100=hgx-h100-air") == 0
    topology = load_topology(tmp_path / "topology.yaml")
    (first, _) = topology.sites["fra1"].halls["hall-a"].rows["row-1"].racks
    # 400 V, 63 A, three phases, 80 %
    assert round(first.power_limit_w) == 34_918


def test_every_wrong_row_is_told(tmp_path, capsys):
    assert run(tmp_path, "--type=H10=hgx-h100-air", share="-5") == 3
    told = capsys.readouterr().err
    assert "racks.csv:2: type: got 'H100', expected one of the rack types: H10" in told
    assert "feeds.csv:3: max_utilization: got '-5', expected a number of percent" in told


def test_a_type_without_a_rack_is_a_usage_error(tmp_path, capsys):
    assert run(tmp_path, "--type=H100") == 2
    assert "INVENTORY=RACK" in capsys.readouterr().err


@pytest.fixture(scope="module")
def hot_run(tmp_path_factory):
    scenario = load_scenario(
        "heat-wave", ["run.duration=3 min", "run.warmup=0 s", "run.drain=false"]
    )
    result = simulate(scenario)
    return result.save(tmp_path_factory.mktemp("runs") / "hot"), result


def read(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def export(folder, *options):
    with pytest.raises(SystemExit) as left:
        main(["dcim", "export", str(folder), *options])
    return left.value.code


def test_a_run_becomes_a_trend_log_with_time_zone_and_all_points(hot_run, tmp_path):
    folder, result = hot_run
    assert export(folder, f"--out={tmp_path / 'trend.csv'}") == 0
    rows = read(tmp_path / "trend.csv")
    assert [row["timestamp"] for row in rows] == [
        f"2022-07-19T11:0{minute}:00+01:00" for minute in range(3)
    ]
    series = result.series.set_index(["kind", "name", "time_s"])
    for at, row in enumerate(rows):
        site = series.loc[("site", "london-site", 60.0 * at)]
        assert float(row["london-site.facility_w"]) == pytest.approx(site["facility_w"], rel=1e-5)
        rack = series.loc[("rack", "london-site/air/r1/rack-02", 60.0 * at)]
        found = float(row["london-site/air/r1/rack-02.inlet_c"])
        assert found == pytest.approx(rack["inlet_c"], rel=1e-5)
    assert np.isfinite(float(rows[0]["london-site/air/r1.power_w"]))
    assert not any(name.endswith("plate_c") for name in rows[0])  # no rack has cold plates


def test_one_level_and_another_start_can_be_asked_for(hot_run, tmp_path):
    out = tmp_path / "trend.csv"
    assert export(hot_run[0], f"--out={out}", "--level=site", "--start=2026-01-01T00:00:00Z") == 0
    (first, *_) = read(out)
    assert first["timestamp"] == "2026-01-01T00:00:00+00:00"
    assert all(name.startswith("london-site.") for name in first if name != "timestamp")


def test_a_start_without_an_offset_is_a_usage_error(hot_run, tmp_path, capsys):
    assert export(hot_run[0], f"--out={tmp_path / 'x.csv'}", "--start=2026-01-01T00:00:00") == 2
    assert "offset from UTC" in capsys.readouterr().err
