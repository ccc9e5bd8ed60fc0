import json
import re

import numpy as np

from sim.report.charts.axes import time_axis
from sim.report.charts.heatmap import OVER, HeatGroup, HeatRow, heat_map, levels, step_class


def made(rows, row_px=14):
    groups = [
        HeatGroup("hall <1>", tuple(HeatRow(f"rack-{i}", np.array(r)) for i, r in enumerate(rows)))
    ]
    return heat_map(groups, time_axis(0.0, 60.0), row_px, "words")


def test_levels_are_tenths_of_the_limit():
    shares = np.array([0.0, 0.0999, 0.1, 0.95, 1.0, 1.0 + 1e-6, np.nan, -0.2])
    assert levels(shares).tolist() == [0, 0, 1, 9, 9, OVER, -1, 0]
    assert [step_class(level) for level in (0, 9, OVER)] == ["q0", "q9", "over"]


def test_runs_of_equal_cells_become_one_stroke():
    drawn = made([[0.5, 0.5, np.nan, 1.2], [0.5, 0.5, 0.5, 0.5]])
    paths = dict(re.findall(r'class="cell (\w+)" d="([^"]*)"', drawn))
    assert paths == {"q5": "M0 26h2M0 40h4", "over": "M3 26h1"}


def test_rows_carry_names_where_they_are_high_enough():
    assert ">rack-1</text>" in made([[0.1], [0.2]])
    assert ">rack-1</text>" not in made([[0.1], [0.2]], row_px=6)


def test_a_long_name_loses_its_middle_and_keeps_what_tells_it_apart():
    names = ["remote-hamina", "remote-mo-i-rana", "remote-lulea"]
    rows = tuple(HeatRow(name, np.array([0.1])) for name in names)
    shown = heat_map([HeatGroup("sites", rows)], time_axis(0.0, 60.0), 14, "words")
    for label in ("remo…-hamina", "remo…-i-rana", "remote-lulea"):
        assert f">{label}</text>" in shown
    assert 'class="y wide"' in shown
    assert 'class="y"' in made([[0.1]])  # short names leave the room to the map


def test_read_outs_find_group_and_row():
    groups = re.search(r'data-groups="([^"]*)"', made([[0.1], [0.2]]))[1]
    assert json.loads(groups.replace("&quot;", '"').replace("&lt;", "<").replace("&gt;", ">")) == [
        [19, "hall <1>", ["rack-0", "rack-1"]]
    ]
