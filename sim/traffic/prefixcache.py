"""What a prefix cache of a given size would have hit on a trace with block ids."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Mapping, Sequence

from sim.interfaces import PrefixBlocks

CAPACITIES_BLOCKS = (1_000, 10_000, 100_000)


def block_hit_ratio(blocks: PrefixBlocks, capacity_blocks: float) -> float:
    """Return the share of blocks found in a least-recently-used cache.

    Requests are read in order, blocks in order. A hit counts only while no block of the request
    has missed yet; every block becomes the most recent one, and the least recent is evicted while
    there are more than the capacity.

    Args:
        blocks: block ids of each request.
        capacity_blocks: size of the cache [blocks]; inf for one that never evicts.
    """
    cache: OrderedDict[int, None] = OrderedDict()
    hits = 0
    ids, offsets = blocks.ids.tolist(), blocks.offsets.tolist()
    for start, end in itertools.pairwise(offsets):
        unbroken = True
        for block in ids[start:end]:
            if block in cache:
                hits += unbroken
                cache.move_to_end(block)
            else:
                unbroken = False
                cache[block] = None
                if len(cache) > capacity_blocks:
                    cache.popitem(last=False)
    return hits / len(ids) if ids else 0.0


def block_hit_ratios(
    blocks: PrefixBlocks, capacities: Sequence[float] = (*CAPACITIES_BLOCKS, float("inf"))
) -> Mapping[float, float]:
    """Return the hit ratio by capacity [blocks]."""
    return {capacity: block_hit_ratio(blocks, capacity) for capacity in capacities}
