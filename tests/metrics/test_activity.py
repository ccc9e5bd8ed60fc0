"""Activity of replicas: exact means per pool, site, bin and measuring window."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.metrics.activity import (
    BATCH,
    KV_TOKENS,
    OUTPUT_TOKENS,
    ActivitySeries,
    PoolSizes,
    utilisation,
)

# Pool 0: two replicas of 4 accelerators; pool 1: one replica of 1 accelerator; one site.
SIZES = PoolSizes(
    site=np.array([0, 0]),
    sites=2,
    replicas=np.array([2, 1]),
    accelerators=np.array([4, 1]),
    kv_tokens=np.array([1000.0, 500.0]),
)
REPLICA_POOL = np.array([0, 0, 1])


def row(replica, start_s, end_s, batch=0.0, kv_tokens=0.0, output_tokens=0.0):
    return [replica, start_s, end_s, 100.0, batch, kv_tokens, 0.0, output_tokens]


ROWS = np.array(
    [
        row(0, 0.0, 5.0, batch=8, kv_tokens=400.0, output_tokens=50.0),
        row(0, 5.0, 20.0),
        row(1, 0.0, 20.0),
        row(2, 0.0, 20.0, batch=2, kv_tokens=100.0, output_tokens=40.0),
    ]
)


def activity_of(rows=ROWS, until_s=20.0, **options):
    activity = ActivitySeries(REPLICA_POOL, SIZES, **options)
    activity.advance(rows, until_s)
    return activity


def test_bins_hold_the_integrals():
    bins = activity_of(width_s=10.0).bins
    assert bins.integrals(BATCH).tolist() == [[40.0, 0.0], [20.0, 20.0]]
    assert bins.integrals(KV_TOKENS).tolist() == [[2000.0, 0.0], [1000.0, 1000.0]]
    assert bins.integrals(OUTPUT_TOKENS).tolist() == [[50.0, 0.0], [20.0, 20.0]]


def test_sites_weigh_pools_by_what_is_shared():
    used = activity_of().by_site(20.0)
    assert used.accelerator_busy[0] == pytest.approx((5 * 4 + 20 * 1) / (9 * 20))
    assert used.kv_used[0] == pytest.approx((400 * 5 + 100 * 20) / (2500 * 20))
    assert used.batch_mean[0] == pytest.approx((8 * 5 + 2 * 20) / (3 * 20))
    assert used.batch_busy[0] == pytest.approx((8 * 5 + 2 * 20) / (5 + 20))


def test_a_site_without_pools_has_no_utilisation():
    used = activity_of().by_site(20.0)
    assert np.isnan([used.accelerator_busy[1], used.kv_used[1], used.batch_mean[1]]).all()


def test_the_window_starts_where_the_warm_up_ends():
    activity = activity_of(window_start_s=4.0)
    assert activity.totals[BATCH].tolist() == [8.0, 32.0]
    np.testing.assert_allclose(activity.totals[OUTPUT_TOKENS], [10.0, 32.0])
    assert activity.by_site(16.0).batch_mean[0] == pytest.approx(40.0 / (3 * 16.0))


def test_rows_within_the_warm_up_do_not_count():
    activity = activity_of(window_start_s=30.0)
    assert activity.totals.tolist() == np.zeros((4, 2)).tolist()


def test_no_rows_and_rows_without_length_are_harmless():
    activity = activity_of(np.zeros((0, 8)), until_s=7.0)
    activity.advance(np.array([row(0, 7.0, 7.0, batch=1, output_tokens=1.0)]), 7.0)
    assert activity.bins.count == 7
    assert activity.totals.sum() == 0.0


def test_no_time_has_no_mean():
    used = utilisation(SIZES, np.zeros((4, 2)), np.float64(0.0), sites=False)
    assert np.isnan(used.batch_mean).all()


@given(cuts=st.lists(st.floats(0.01, 19.99), max_size=6), width_s=st.sampled_from([None, 3.0]))
def test_splitting_rows_at_flushes_changes_nothing(cuts, width_s):
    edges = [0.0, *sorted(set(cuts)), 20.0]
    parts = ActivitySeries(REPLICA_POOL, SIZES, window_start_s=2.0, width_s=width_s)
    for low, high in pairwise(edges):
        inside = ROWS[(ROWS[:, 1] < high) & (ROWS[:, 2] > low)].copy()
        length_s = inside[:, 2] - inside[:, 1]
        inside[:, 1] = np.maximum(inside[:, 1], low)
        inside[:, 2] = np.minimum(inside[:, 2], high)
        inside[:, 7] *= (inside[:, 2] - inside[:, 1]) / length_s
        parts.advance(inside, high)
    whole = activity_of(window_start_s=2.0, width_s=width_s)
    np.testing.assert_allclose(parts.totals, whole.totals, rtol=1e-12, atol=1e-12)
    for quantity in (BATCH, KV_TOKENS, OUTPUT_TOKENS):
        np.testing.assert_allclose(
            parts.bins.integrals(quantity), whole.bins.integrals(quantity), rtol=1e-9, atol=1e-9
        )
