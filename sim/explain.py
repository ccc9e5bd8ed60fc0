"""What the simulator understood of a scenario, before it runs: load, capacity, power, warnings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import islice
from math import inf, isfinite
from typing import Any

import numpy as np

from sim.interfaces import ArrivalBlock, FloatArray
from sim.scenario.schema import Scenario
from sim.scenario.schema_pools import Pool as PoolSection
from sim.scenario.schema_topology import Topology
from sim.serving.handover import PrefillPool
from sim.serving.pool_model import pool_warnings
from sim.serving.saturation import saturated_rate_per_s
from sim.simulate import World

UNSEEN_LENGTHS = (512.0, 256.0)  # prompt and answer where the sample has none of a model [tokens]
SAMPLE_BLOCKS = 25  # of traffic; a block is some thousands of requests
BUSY = 0.95  # a load above this share of capacity grows queues for hours


@dataclass(frozen=True, slots=True)
class SiteView:
    """What stands at a site and what it can draw; powers in watts, None without a limit."""

    name: str
    kind: str
    halls: int
    racks: int
    nodes: int
    idle_w: float | None = None
    peak_w: float | None = None
    limit_w: float | None = None


@dataclass(frozen=True, slots=True)
class PoolView:
    """One pool: hardware, limits, and what a saturated replica gets through."""

    name: str
    site: str
    model: str
    accelerator: str
    cooling: str
    replicas: int
    tensor_parallel: int
    kv_tokens: int
    capacity_per_s: float
    step_s: float
    coefficients: str
    source: str
    features: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LoadView:
    """Offered load of one tier and model against the pools that may serve it."""

    tier: str
    model: str
    requests_per_s: float
    input_tokens: float
    output_tokens: float
    capacity_per_s: float
    fastest_ttft_s: float
    fastest_tpot_s: float

    @property
    def share(self) -> float:
        """Offered load as a share of capacity."""
        return self.requests_per_s / self.capacity_per_s if self.capacity_per_s else inf


@dataclass(frozen=True, slots=True)
class Explanation:
    """Tables and warnings about a scenario or a topology."""

    name: str
    sites: tuple[SiteView, ...]
    pools: tuple[PoolView, ...] = ()
    loads: tuple[LoadView, ...] = ()
    links: tuple[Mapping[str, Any], ...] = ()
    warnings: tuple[str, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; infinite numbers become None."""
        return {key: _plain(value) for key, value in asdict(self).items()}


def explain_topology(topology: Topology) -> Explanation:
    """Return what a topology comes to, without a scenario."""
    from sim.scenario.catalog import load_catalog
    from sim.scenario.hardware import expand

    hardware = expand(topology, load_catalog())
    site_of_node = hardware.rack_site[hardware.node_rack]
    racks = np.bincount(hardware.rack_site, minlength=len(hardware.site_names))
    nodes = np.bincount(site_of_node, minlength=len(hardware.site_names))
    sites = tuple(
        SiteView(
            name,
            site.kind,
            len(site.halls),
            int(racks[i]),
            int(nodes[i]),
            limit_w=site.power_limit_w,
        )
        for i, (name, site) in enumerate(topology.sites.items())
    )
    return Explanation(topology.name, sites, links=tuple(_links(topology)))


def explain(scenario: Scenario) -> Explanation:
    """Return what a scenario comes to: sites, pools, load and warnings.

    Load is measured on the first requests of the traffic itself, so it is right for any mixture
    of traces and generators, and says nothing of what a trace does later.

    Raises:
        ScenarioError: the scenario cannot be placed on its hardware.
        TraceError: a trace file is wrong.
    """
    return explain_world(World(scenario, seed=0))


def explain_world(world: World) -> Explanation:
    """Return what a world that has not run comes to, as `explain`."""
    scenario = world.scenario
    sample = list(islice(world.workload.blocks(), SAMPLE_BLOCKS))
    lengths = _mean_lengths(sample, len(world.models))
    pools = tuple(_pool_views(world, lengths))
    sites = tuple(_site_views(world))
    loads = tuple(_load_views(world, sample, lengths, pools))
    warnings = (
        *_load_warnings(scenario, loads, pools),
        *_power_warnings(sites),
        *_source_notes(world),
    )
    return Explanation(
        scenario.name, sites, pools, loads, tuple(_links(scenario.topology)), warnings
    )


def _mean_lengths(sample: list[ArrivalBlock], models: int) -> FloatArray:
    """Return mean prompt and answer length by model, shape (models, 2) [tokens]."""
    lengths = np.tile(UNSEEN_LENGTHS, (models, 1))
    for model in range(models):
        mine = [(block, rows) for block in sample if (rows := block.model == model).any()]
        if mine:
            inputs = np.concatenate([block.input_tokens[rows] for block, rows in mine])
            outputs = np.concatenate([block.output_tokens[rows] for block, rows in mine])
            lengths[model] = inputs.mean(), outputs.mean()
    return lengths


def _pool_views(world: World, lengths: FloatArray) -> Iterator[PoolView]:
    for pool, numbers, name in zip(
        world.pools, world.pool_numbers, world.scenario.pools, strict=True
    ):
        section = numbers.section
        known = section.model in world.models
        inputs, outputs = lengths[world.models.index(section.model)] if known else UNSEEN_LENGTHS
        rate_per_s, step_s = saturated_rate_per_s(numbers, inputs, outputs)
        capacity_per_s = rate_per_s * pool.replicas
        if isinstance(pool, PrefillPool):
            capacity_per_s = min(capacity_per_s, pool.sends_per_s(inputs))
        yield PoolView(
            name,
            section.site,
            section.model,
            numbers.accelerator.name,
            pool.cooling,
            pool.replicas,
            section.tensor_parallel,
            numbers.kv_tokens,
            capacity_per_s,
            step_s,
            numbers.step_time.kind,
            numbers.step_time.source,
            tuple(_features(section)),
        )


def _features(section: PoolSection) -> Iterator[str]:
    if section.hand_over is not None:
        yield f"prompts only, then to {section.hand_over.to}"
    if section.role == "decode":
        yield "answers only"
    if section.batching.prefix_cache is not None:
        yield "prefix cache"
    if section.kv_precision != "bf16":
        yield f"{section.kv_precision} KV cache"
    if section.expert_parallel > 1:
        yield f"experts on {section.expert_parallel}"
    if section.data_parallel > 1:
        yield f"attention in {section.data_parallel} copies"
    drafted = section.speculative
    if drafted is not None:
        source = drafted.draft_model or "prompt look-up"
        yield f"{drafted.tokens} tokens drafted by {source}"


def _site_views(world: World) -> Iterator[SiteView]:
    idle_w, peak_w = world.power_bounds()
    plant = world.plant
    racks = np.bincount(plant.rack_site, minlength=len(plant.site_names))
    nodes = np.bincount(plant.rack_site[plant.node_rack], minlength=len(plant.site_names))
    for i, name in enumerate(plant.site_names):
        limit_w = float(plant.site_limit_w[i])
        yield SiteView(
            name,
            plant.site_kind[i],
            int(np.count_nonzero(plant.hall_site == i)),
            int(racks[i]),
            int(nodes[i]),
            float(idle_w[i]),
            float(peak_w[i]),
            limit_w if isfinite(limit_w) else None,
        )


def _load_views(
    world: World, sample: list[ArrivalBlock], lengths: FloatArray, pools: tuple[PoolView, ...]
) -> Iterator[LoadView]:
    scenario = world.scenario
    span_s = max((float(block.arrival_s[-1]) for block in sample if len(block)), default=0.0)
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
            answers = [world.pool_numbers[_answers_at(scenario, i)] for i in serving]
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


def _answers_at(scenario: Scenario, pool: int) -> int:
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
        answers = _answers_at(scenario, pool)
        prompts_per_s[answers] = prompts_per_s.get(answers, 0.0) + pools[pool].capacity_per_s
    return sum(min(rate, pools[at].capacity_per_s) for at, rate in prompts_per_s.items())


def _load_warnings(
    scenario: Scenario, loads: tuple[LoadView, ...], pools: tuple[PoolView, ...]
) -> Iterator[str]:
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


def _power_warnings(sites: tuple[SiteView, ...]) -> Iterator[str]:
    for site in sites:
        if site.limit_w is not None and site.peak_w is not None and site.peak_w > site.limit_w:
            yield (
                f"site {site.name}: {site.peak_w / 1e3:.0f} kW if everything runs at once, above "
                f"its limit of {site.limit_w / 1e3:.0f} kW"
            )


def _source_notes(world: World) -> Iterator[str]:
    for numbers, name in zip(world.pool_numbers, world.scenario.pools, strict=True):
        limit = numbers.section.batching.max_num_seqs
        for warning in pool_warnings(numbers, limit):
            yield f"pool {name}: {warning}"
    for name, entry in world.scenario.traffic.items():
        if entry.system_prompt_tokens and not world.scenario.prefix_block_tokens:
            yield (
                f"traffic {name}: its system prompt is processed for every request, because no "
                f"pool has a prefix cache"
            )
        if entry.sessions is not None:
            yield f"traffic {name}: the rate of sessions follows from the run, so it is not in load"


def _links(topology: Topology) -> Iterator[Mapping[str, Any]]:
    for link in topology.links:
        yield {
            "from": link.start,
            "to": link.end,
            "latency_s": link.latency_s,
            "jitter_s": link.jitter_s,
            "bandwidth_bps": link.bandwidth_bps,
            "shared": link.shared,
            "egress_usd_per_gb": link.egress_usd_per_gb,
        }


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value
