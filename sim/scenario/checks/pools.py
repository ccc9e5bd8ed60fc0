"""What has to be right between the pools of a scenario."""

from __future__ import annotations

from collections.abc import Iterator

from sim.document.findings import Finding, unknown_name
from sim.scenario.schema.pools import Pool
from sim.scenario.schema.scenario import Scenario


def check_prefix_caches(scenario: Scenario) -> Iterator[Finding]:
    """Yield prefix caches whose blocks are not those of the first one: prompts have one set."""
    block_tokens = scenario.prefix_block_tokens
    for name, pool in scenario.pools.items():
        cache = pool.batching.prefix_cache
        if cache is not None and cache.block_tokens != block_tokens:
            place = ("pools", name, "batching", "prefix_cache", "block")
            expected = f"{block_tokens} tokens, as in the pool before"
            yield Finding(place, f"{cache.block_tokens} tokens", expected)


def check_hand_overs(scenario: Scenario) -> Iterator[Finding]:
    """Yield prefill pools without a decode pool beside them, and decode pools without either."""
    pools, targets = scenario.pools, set()
    ready = [name for name, pool in pools.items() if pool.role == "decode"]
    for name, pool in pools.items():
        if pool.hand_over is None:
            continue
        place, to = ("pools", name, "hand_over", "to"), pool.hand_over.to
        targets.add(to)
        if to not in ready:
            yield unknown_name(place, to, "a pool with the role decode", ready)
        elif _cache(pools[to]) != _cache(pool):
            got = f"{to!r}, with {_cache(pools[to])}"
            yield Finding(place, got, f"a pool with {_cache(pool)}")
    for name in ready:
        if name not in targets:
            expected = "a pool that hands over to this one, or the role all"
            yield Finding(("pools", name, "role"), "decode", expected)


def _cache(pool: Pool) -> str:
    """Return what KV caches a pool has, and where."""
    return f"{pool.kv_precision} caches of {pool.model} at {pool.site}"
