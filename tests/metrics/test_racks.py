"""The table of racks."""

from __future__ import annotations

import numpy as np

from sim.metrics.parquet import frame_of
from sim.metrics.racks import RACK_TYPES, rack_table

LABELS = [("m/h1/r1/rack-01", "m", "liquid", "hgx"), ("m/h1/r1/rack-02", "m", "air", "l40s")]


def test_headroom_is_what_the_peak_leaves():
    share = np.array([0.0, 0.25])
    table = rack_table(
        LABELS, np.array([7.0, 8.0]), np.array([9.0, 12.0]), np.array([10.0, 11.0]), share
    )
    frame = frame_of(table)
    assert list(frame.columns) == list(RACK_TYPES)
    assert frame["headroom_w"].tolist() == [1.0, -1.0]
    assert frame["share_above"].tolist() == [0.0, 0.25]
    assert frame.loc[1, ["name", "site", "cooling", "type"]].tolist() == list(LABELS[1])


def test_without_a_limit_there_is_no_headroom():
    one = np.ones(1)
    frame = frame_of(rack_table(LABELS[:1], one, one, np.array([np.inf]), np.zeros(1)))
    assert frame[["limit_w", "headroom_w"]].isna().all(axis=None)


def test_a_plant_without_racks_has_an_empty_table():
    none = np.zeros(0)
    assert len(frame_of(rack_table([], none, none, none, none))) == 0
