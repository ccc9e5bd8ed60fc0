"""Workloads: tiers and regions by shares, order in time, and randomness that stays in its lane."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.interfaces import ArrivalBlock
from sim.rng import Streams
from sim.traffic.arrivals.arrivals import GammaRenewal, Poisson
from sim.traffic.demand import ReplayDemand, SyntheticDemand
from sim.traffic.lengths import ConstantLengths, Lognormal, LognormalLengths
from sim.traffic.trace import Labels, Trace, make_trace
from sim.traffic.workload import NamedWorkload, Shares, Spread, merge

ONE = Spread(Shares((0,), (1.0,)))
HALVES = Spread(Shares((1, 0), (0.5, 0.5)))
LENGTHS = LognormalLengths(Lognormal(100, 1.0), Lognormal(50, 1.0))


def workload(name="chat", demand=None, tiers=HALVES, regions=HALVES, seed=7, until_s=500.0):
    demand = demand or SyntheticDemand(Poisson(20.0), LENGTHS)
    return NamedWorkload(name, demand, ONE, tiers, regions, Streams(seed), until_s=until_s)


def column(source, name):
    return np.concatenate([getattr(block, name) for block in source.blocks()])


class Fixed:
    """A workload of given blocks of arrival times."""

    def __init__(self, model, *blocks):
        self.model, self.given = model, blocks

    def blocks(self):
        for times in self.given:
            arrivals = np.array(times, dtype=float)
            zero = np.zeros(len(arrivals), dtype=np.int64)
            yield ArrivalBlock(arrivals, zero + 1, zero + 1, zero, zero, zero + self.model, zero)


def test_shares_point_into_the_runs_names_and_need_not_sum_to_one(generator):
    shares = Shares.of({"paris": 1.0, "berlin": 3.0}, ["berlin", "madrid", "paris"])
    assert shares == Shares((2, 0), (0.25, 0.75))
    picked = np.bincount(shares.pick(100_000, generator), minlength=3) / 1e5
    assert picked == pytest.approx([0.75, 0.0, 0.25], abs=4 * np.sqrt(0.19 / 1e5))


def test_the_same_seed_gives_the_same_requests_again_and_again():
    first, second = workload(), workload()
    for name in ("arrival_s", "input_tokens", "output_tokens", "tier", "region"):
        assert (column(first, name) == column(first, name)).all()
        assert (column(first, name) == column(second, name)).all()
    assert column(workload(seed=8), "arrival_s")[0] != column(first, "arrival_s")[0]
    assert column(workload(name="code"), "arrival_s")[0] != column(first, "arrival_s")[0]


CHANGES = {
    "tiers": (workload(tiers=ONE), "tier"),
    "regions": (workload(regions=ONE), "region"),
    "lengths": (workload(demand=SyntheticDemand(Poisson(20.0), ConstantLengths(9, 9))), "lengths"),
}


@pytest.mark.parametrize("changed", CHANGES)
def test_changing_one_thing_moves_nothing_else(changed):
    other, moved = CHANGES[changed]
    for name in ("arrival_s", "input_tokens", "output_tokens", "tier", "region"):
        same = np.array_equal(column(workload(), name), column(other, name))
        assert same == (name != moved and not (moved == "lengths" and name.endswith("_tokens")))


def test_another_arrival_process_keeps_the_lengths_and_tiers_of_the_nth_request():
    bursty = workload(demand=SyntheticDemand(GammaRenewal(20.0, 3.0), LENGTHS))
    for name in ("input_tokens", "tier", "region"):
        assert (column(bursty, name)[:5000] == column(workload(), name)[:5000]).all()


def test_no_request_arrives_at_or_after_the_end():
    replay = ReplayDemand(make_trace([0, 1, 2, 3], [1] * 4, [1] * 4))
    assert column(workload(demand=replay, until_s=2.0), "arrival_s").tolist() == [0, 1]


def test_a_looped_trace_starts_again_after_its_span():
    trace = make_trace([0.5, 1.0], [10, 20], [1, 2], span_s=4.0)
    looped = workload(demand=ReplayDemand(trace, loop=True), until_s=9.0)
    assert column(looped, "arrival_s").tolist() == [0.5, 1.0, 4.5, 5.0, 8.5]
    assert column(looped, "input_tokens").tolist() == [10, 20, 10, 20, 10]


def test_labels_of_the_trace_choose_the_tier_where_they_are_known():
    trace = make_trace([0, 1, 2, 3], [1] * 4, [1] * 4)
    codes = np.array([1, 0, 1, -1], dtype=np.int32)
    labels = {"tier": Labels(codes, ("dev", "prod"))}
    labelled = Trace(trace.arrival_s, trace.input_tokens, trace.output_tokens, 4.0, labels=labels)
    by_label = Spread(Shares((3,), (1.0,)), "tier", {"prod": 2})
    source = workload(demand=ReplayDemand(labelled), tiers=by_label)
    assert column(source, "tier").tolist() == [2, 3, 2, 3]


times = st.lists(
    st.lists(st.integers(0, 50), max_size=5).map(sorted), max_size=5
).map(lambda blocks: np.split(np.sort(np.concatenate([[], *blocks])), len(blocks) or 1)
      if sum(map(len, blocks)) % max(len(blocks), 1) == 0 else [np.sort(np.concatenate(blocks))])  # fmt: skip


@given(st.lists(times, min_size=1, max_size=4))
def test_merging_loses_nothing_and_keeps_time_order_and_ties(parts):
    merged = merge([Fixed(model, *blocks) for model, blocks in enumerate(parts)])
    got = [
        (t, m)
        for block in merged.blocks()
        for t, m in zip(block.arrival_s.tolist(), block.model.tolist(), strict=True)
    ]
    expected = [
        (t, model) for model, blocks in enumerate(parts) for block in blocks for t in block.tolist()
    ]
    assert [t for t, _ in got] == sorted(t for t, _ in expected)
    assert sorted(got) == sorted(expected)


def test_ties_inside_one_merged_block_keep_the_order_of_the_workloads():
    merged = merge([Fixed(0, [1, 2, 2]), Fixed(1, [2, 2, 3]), Fixed(2, [2])])
    rows = [
        (t, m)
        for block in merged.blocks()
        for t, m in zip(block.arrival_s.tolist(), block.model.tolist(), strict=True)
    ]
    assert rows == [(1, 0), (2, 0), (2, 0), (2, 1), (2, 1), (2, 2), (3, 1)]


def test_endless_workloads_merge_without_reading_ahead():
    fast = workload("fast", SyntheticDemand(Poisson(100.0), LENGTHS), until_s=np.inf)
    slow = workload("slow", SyntheticDemand(Poisson(0.01), LENGTHS), until_s=np.inf)
    blocks = list(itertools.islice(merge([fast, slow]).blocks(), 5))
    arrivals = np.concatenate([block.arrival_s for block in blocks])
    assert (np.diff(arrivals) >= 0).all()
    assert 10_000 < len(arrivals) < 60_000
