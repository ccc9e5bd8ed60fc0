"""``loadbank dcim``: an inventory's CSV exports become a topology that loads."""

from __future__ import annotations

import pytest

from sim.cli import main
from sim.scenario.load import load_topology

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
        main(["dcim", *files, *extra, f"--out={folder / 'topology.yaml'}"])
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
