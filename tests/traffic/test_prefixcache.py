"""The rule of the prefix-cache oracle, by hand and on a real trace."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.interfaces import PrefixBlocks
from sim.traffic.prefixcache import block_hit_ratio
from sim.traffic.reader import read_trace


def blocks(*requests):
    ids = [block for request in requests for block in request]
    offsets = np.concatenate([[0], np.cumsum([len(request) for request in requests])])
    return PrefixBlocks(np.array(ids), offsets, 512)


def test_a_repeated_prefix_hits():
    assert block_hit_ratio(blocks([1, 2, 3], [1, 2, 4]), math.inf) == pytest.approx(2 / 6)


def test_nothing_hits_after_the_first_miss():
    assert block_hit_ratio(blocks([1, 2, 3], [9, 2, 3]), math.inf) == 0.0


def test_a_full_cache_forgets_the_least_recent_block():
    assert block_hit_ratio(blocks([1], [2], [3], [1]), 2) == 0.0
    assert block_hit_ratio(blocks([1], [2], [1], [3], [1]), 2) == pytest.approx(2 / 5)


def test_no_blocks_no_hits():
    assert block_hit_ratio(blocks(), 10) == 0.0


@pytest.mark.parametrize(
    ("capacity", "ratio"),
    [(1000, 0.0825), (3000, 0.1878), (10_000, 0.4235), (30_000, 0.6242), (math.inf, 0.6396)],
)
def test_the_published_ratios_of_the_mooncake_trace(shared_data, capacity, ratio):
    path = shared_data / "traces/mooncake/synthetic_trace.jsonl"
    if not path.is_file():
        pytest.skip("the Mooncake synthetic trace is not in ../shared/data")
    trace = read_trace(path)
    assert len(trace.blocks.ids) == 121_877
    assert block_hit_ratio(trace.blocks, capacity) == pytest.approx(ratio, abs=5e-5)
