"""The series table: long form, means per bin, NaN where a column says nothing."""

from __future__ import annotations

import numpy as np
import pytest

from sim.interfaces import REJECTED
from sim.metrics import series as series_module
from sim.metrics.activity import ActivitySeries, PoolSizes
from sim.metrics.flow import PoolFlow
from sim.metrics.parquet import frame_of
from sim.metrics.series import SERIES_TYPES, SeriesBlock, load_blocks, series_table

POOLS, SITES = ("premium", "standard"), ("metro",)
END_S = 25.0


@pytest.fixture
def blocks(pack, request_factory):
    sizes = PoolSizes(np.zeros(2, int), 1, np.array([1, 3]), np.array([2, 1]), np.full(2, 100.0))
    activity = ActivitySeries(np.array([0, 1, 1, 1]), sizes, width_s=10.0)
    rows = [[replica, 0.0, END_S, 50.0, replica, 20.0, 0.0, 50.0] for replica in range(4)]
    activity.advance(np.array(rows), END_S)
    flow = PoolFlow(2, width_s=10.0)
    request = request_factory(arrival_s=1.98, pool=1)
    request.admitted_s = 12.0
    request.finished_s = 24.0
    flow.add(pack([request]))
    return load_blocks(activity, flow, POOLS, SITES, END_S)


def test_pools_and_sites_have_means_per_bin(blocks):
    frame = frame_of(series_table(np.array([0.0, 10.0, 20.0]), blocks)).set_index(["kind", "name"])
    standard = frame.loc[("pool", "standard")]
    np.testing.assert_allclose(standard["batch"], [2.0, 2.0, 2.0])
    np.testing.assert_allclose(standard["kv_used"], [0.2, 0.2, 0.2])
    np.testing.assert_allclose(standard["busy"], [1.0, 1.0, 1.0])
    np.testing.assert_allclose(standard["queue"], [0.8, 0.2, 0.0])
    np.testing.assert_allclose(standard["arrivals_per_s"], [0.1, 0.0, 0.0])
    np.testing.assert_allclose(standard["requests_per_s"], [0.0, 0.0, 0.2])
    np.testing.assert_allclose(standard["output_tokens_per_s"], [6.0, 6.0, 6.0])
    site = frame.loc[("site", "metro")]
    np.testing.assert_allclose(site["batch"], [1.5, 1.5, 1.5])
    np.testing.assert_allclose(site["busy"], [0.6, 0.6, 0.6])  # the premium replica had no batch
    np.testing.assert_allclose(site["queue"], [0.8, 0.2, 0.0])
    assert frame["power_w"].isna().all()


def test_power_and_load_of_a_site_share_their_rows(blocks):
    power = SeriesBlock("site", SITES, {"power_w": np.array([[1.0, 2.0, 3.0]])})
    rack = SeriesBlock("rack", ("metro/r1", "metro/r2"), {"power_w": np.arange(6.0).reshape(2, 3)})
    frame = frame_of(series_table(np.array([0.0, 10.0, 20.0]), [*blocks, power, rack]))
    assert list(frame.columns) == list(SERIES_TYPES)
    assert frame["kind"].tolist() == ["site"] * 3 + ["rack"] * 6 + ["pool"] * 6
    assert frame["power_w"][:3].tolist() == [1.0, 2.0, 3.0]
    assert frame["batch"][:3].notna().all()
    assert frame["time_s"][3:9].tolist() == [0.0, 10.0, 20.0] * 2
    assert frame["name"][3:9].tolist() == ["metro/r1"] * 3 + ["metro/r2"] * 3
    assert frame["batch"][3:9].isna().all()


def test_chunks_stay_small_and_can_be_read_again(monkeypatch):
    monkeypatch.setattr(series_module, "_CHUNK_ROWS", 25)
    names = tuple(f"rack-{index}" for index in range(7))
    block = SeriesBlock("rack", names, {"power_w": np.arange(70.0).reshape(7, 10)})
    table = series_table(np.arange(10.0), [block])
    for _ in range(2):
        assert [len(chunk["time_s"]) for chunk in table.chunks] == [20, 20, 20, 10]
    power = np.concatenate([chunk["power_w"] for chunk in table.chunks])
    assert power.tolist() == np.arange(70.0).tolist()


def test_a_run_of_no_length_has_no_rows():
    sizes = PoolSizes(np.zeros(1, int), 1, np.ones(1, int), np.ones(1, int), np.ones(1))
    blocks = load_blocks(ActivitySeries(np.zeros(1, int), sizes), PoolFlow(1), ("p",), ("s",), 0.0)
    assert len(frame_of(series_table(np.zeros(0), blocks))) == 0


def test_what_happens_at_the_one_instant_of_a_run_of_no_length_has_no_row(pack, request_factory):
    """A request that is turned away at 0 s: flow and service know of it, no time passes."""
    sizes = PoolSizes(np.zeros(1, int), 1, np.ones(1, int), np.ones(1, int), np.ones(1))
    flow = PoolFlow(1)
    flow.add(pack([request_factory(arrival_s=0.0, finished_s=0.0, status=REJECTED)]))
    blocks = load_blocks(ActivitySeries(np.zeros(1, int), sizes), flow, ("p",), ("s",), 0.0)
    service = SeriesBlock("pool", ("p",), {"in_service": np.full((1, 1), np.nan)})
    assert len(frame_of(series_table(np.zeros(0), [*blocks, service]))) == 0
