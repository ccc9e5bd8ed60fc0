"""Offered load against the pools that may serve it, by tier, model and site."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import inf

import numpy as np

from sim.explain.views import LoadView, PoolView, SiteLoadView
from sim.interfaces import ArrivalBlock, FloatArray
from sim.scenario.schema.scenario import Scenario
from sim.world import World

BUSY = 0.95  # a load above this share of capacity grows queues for hours


def load_views(
    world: World, sample: list[ArrivalBlock], lengths: FloatArray, pools: tuple[PoolView, ...]
) -> Iterator[LoadView]:
    """Yield the load of every tier and model that occurs in a sample."""
    scenario = world.scenario
    span_s = _span_s(sample)
    for t, tier in enumerate(scenario.tiers):
        for m, model in enumerate(world.models):
            mine = [(block.tier == t) & (block.model == m) for block in sample]
            count = sum(int(np.count_nonzero(rows)) for rows in mine)
            if not count:
                continue
            serving = [
                i for i, pool in enumerate(scenario.pools.values()) if pool.serves(model, tier)
            ]
            prompts = [world.pool_numbers[i] for i in serving]
            answers = [world.pool_numbers[answers_at(scenario, i)] for i in serving]
            inputs, outputs = lengths[m]
            ttft_s = (pool.step_s(inputs, 0.0, 0.0, inputs**2 / 2.0) for pool in prompts)
            tpot_s = (pool.step_s(0.0, inputs, 1.0) / pool.tokens_per_step for pool in answers)
            yield LoadView(
                tier,
                model,
                count / span_s if span_s else 0.0,
                float(inputs),
                float(outputs),
                _capacity_per_s(scenario, pools, serving),
                min(ttft_s, default=inf),
                min(tpot_s, default=inf),
            )


def site_load_views(
    world: World, sample: list[ArrivalBlock], pools: tuple[PoolView, ...]
) -> Iterator[SiteLoadView]:
    """Yield the load of every site, tier and model if all requests went to the nearest pool."""
    span_s = _span_s(sample)
    if not span_s:
        return
    sites, candidates = world.names.sites, world.router.tables.candidates
    keys = np.concatenate([np.column_stack((b.region, b.model, b.tier)) for b in sample])
    offered: dict[tuple[str, int, int], int] = {}
    for key, count in zip(*np.unique(keys, axis=0, return_counts=True), strict=True):
        region, model, tier = key.tolist()
        nearest = next(iter(candidates[region, model, tier]), None)
        if nearest is not None:
            at = sites[nearest.site], tier, model
            offered[at] = offered.get(at, 0) + int(count)
    scenario = world.scenario
    for (site, tier, model), count in offered.items():
        names = list(scenario.tiers)[tier], world.models[model]
        serving = [
            i
            for i, pool in enumerate(scenario.pools.values())
            if pool.site == site and pool.serves(names[1], names[0])
        ]
        capacity_per_s = _capacity_per_s(scenario, pools, serving)
        yield SiteLoadView(site, *names, count / span_s, capacity_per_s)


def _span_s(sample: list[ArrivalBlock]) -> float:
    return max((float(block.arrival_s[-1]) for block in sample if len(block)), default=0.0)


def answers_at(scenario: Scenario, pool: int) -> int:
    """Return the pool in which the answers to what arrives at ``pool`` are produced."""
    names = list(scenario.pools)
    hand_over = scenario.pools[names[pool]].hand_over
    return pool if hand_over is None else names.index(hand_over.to)


def _capacity_per_s(
    scenario: Scenario, pools: tuple[PoolView, ...], serving: Iterable[int]
) -> float:
    """Return what pools get through together: the lesser of prompts and answers [requests/s]."""
    prompts_per_s: dict[int, float] = {}
    for pool in serving:
        answers = answers_at(scenario, pool)
        prompts_per_s[answers] = prompts_per_s.get(answers, 0.0) + pools[pool].capacity_per_s
    return sum(min(rate, pools[at].capacity_per_s) for at, rate in prompts_per_s.items())


def load_warnings(
    scenario: Scenario, loads: tuple[LoadView, ...], pools: tuple[PoolView, ...]
) -> Iterator[str]:
    """Yield a warning for every load that its pools cannot carry, or not fast enough."""
    for load in loads:
        yield from _slo_warnings(scenario, load)
        if load.share > BUSY:
            yield (
                f"tier {load.tier}: {load.requests_per_s:.3g} requests/s of {load.model} against a "
                f"capacity of {load.capacity_per_s:.3g}/s: queues will grow"
                f"{_unless(scenario, load.model)}"
            )
    # Tiers that share pools may each find room and still be too much together.
    for model in dict.fromkeys(load.model for load in loads):
        mine = [load for load in loads if load.model == model]
        offered_per_s = sum(load.requests_per_s for load in mine)
        sections = scenario.pools.values()
        serving = [i for i, s in enumerate(sections) if s.model == model and s.role == "all"]
        capacity_per_s = _capacity_per_s(scenario, pools, serving)
        if offered_per_s > BUSY * capacity_per_s and all(load.share <= BUSY for load in mine):
            yield (
                f"all tiers: {offered_per_s:.3g} requests/s of {model} against a capacity of "
                f"{capacity_per_s:.3g}/s: queues will grow{_unless(scenario, model)}"
            )


def _unless(scenario: Scenario, model: str) -> str:
    """Return what a capacity cannot know before the run, for a warning."""
    pools = (pool for pool in scenario.pools.values() if pool.model == model)
    cached = any(pool.batching.prefix_cache for pool in pools)
    return ", unless prefix caches save enough of the prompts" if cached else ""


def _slo_warnings(scenario: Scenario, load: LoadView) -> Iterator[str]:
    slo = scenario.tiers[load.tier].slo
    if slo.ttft_s is not None and slo.ttft_s < load.fastest_ttft_s:
        yield (
            f"tier {load.tier}: ttft {slo.ttft_s:g} s is below the {load.fastest_ttft_s:.3g} s "
            f"that {load.model} needs for a mean prompt on an empty replica"
        )
    if slo.tpot_s is not None and slo.tpot_s < load.fastest_tpot_s:
        yield (
            f"tier {load.tier}: tpot {slo.tpot_s:g} s is below the {load.fastest_tpot_s:.3g} s "
            f"that {load.model} needs for a token on an empty replica"
        )
