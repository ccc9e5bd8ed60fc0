"""From a scenario's pools to running ones: step time, power, memory and placement resolved."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from sim.catalog.catalog import Catalog
from sim.cost.token_cost import hourly_usd, token_cost
from sim.interfaces import ActivityLog, RequestLog, Scheduler
from sim.plant.memory_fit import kv_bytes_per_token
from sim.plant.plant import Plant
from sim.rng import Streams
from sim.scenario.schema.pools import Pool as PoolSection
from sim.scenario.schema.scenario import Scenario
from sim.serving.engine.handover import AffinityPrefillPool, DecodePool, PrefillPool
from sim.serving.queues.affinity import AFFINITY, AffinityPool
from sim.serving.queues.pool import Pool, QueueSettings
from sim.serving.queues.pool_model import PoolModel, build_engine, known_coefficients, resolve_pool
from sim.shared_link import SharedLink


def build_pools(
    scenario: Scenario,
    plant: Plant,
    catalog: Catalog,
    *,
    clock: Scheduler,
    streams: Streams,
    activity: ActivityLog,
    requests: RequestLog,
) -> tuple[list[Pool], list[PoolModel]]:
    """Return the scenario's pools in its order, with the numbers behind each.

    Raises:
        ScenarioError: a model does not fit into the memory of its accelerators.
    """
    pools: list[Pool] = []
    models: list[PoolModel] = []
    known = known_coefficients(scenario)
    first = 0
    for index, (name, section) in enumerate(scenario.pools.items()):
        numbers = resolve_pool(
            name, section, plant.pool_accelerator(index, catalog), catalog, known
        )
        queue = section.queue
        count = plant.pool_replicas(index)
        pools.append(
            pool_class(section)(
                index,
                plant.site_names.index(section.site),
                plant.pool_cooling(index),
                first,
                count,
                build_engine(numbers),
                QueueSettings(
                    shared=queue.scope == "pool",
                    order=queue.order,
                    dispatch="least-loaded" if queue.dispatch == AFFINITY else queue.dispatch,
                    limit=inf if queue.limit is None else queue.limit,
                    patience_s=_patience_s(scenario),
                ),
                clock=clock,
                activity=activity,
                requests=requests,
                uniform=streams.uniform("dispatch", name),
            )
        )
        models.append(numbers)
        first += count
        _price(pools[-1], numbers, scenario, catalog)
    _connect(scenario, catalog, pools, models, clock)
    return pools, models


def pool_class(section: PoolSection) -> type[Pool]:
    """Return the kind of pool that a section of a scenario asks for."""
    if section.role == "decode":
        return DecodePool
    by_prompt = section.queue.dispatch == AFFINITY and section.queue.scope == "replica"
    if section.hand_over is not None:
        return AffinityPrefillPool if by_prompt else PrefillPool
    return AffinityPool if by_prompt else Pool


def _connect(
    scenario: Scenario,
    catalog: Catalog,
    pools: Sequence[Pool],
    models: Sequence[PoolModel],
    clock: Scheduler,
) -> None:
    """Tell the pools that only process prompts where their requests go."""
    by_name = dict(zip(scenario.pools, pools, strict=True))
    for pool, numbers in zip(pools, models, strict=True):
        section = numbers.section
        to = by_name[section.hand_over.to] if section.hand_over else None
        if section.hand_over and isinstance(pool, PrefillPool) and isinstance(to, DecodePool):
            model = catalog.models[section.model]
            bytes_per_token = kv_bytes_per_token(model, 1, section.kv_precision)
            link = SharedLink(clock, section.hand_over.bandwidth_bps)
            pool.connect(to, link, section.hand_over.latency_s, bytes_per_token)


def _price(pool: Pool, numbers: PoolModel, scenario: Scenario, catalog: Catalog) -> None:
    """Tell a pool what its tokens cost, for policies that compare."""
    section = numbers.section
    grid = scenario.topology.sites[section.site].region_data
    cost = token_cost(
        pool.engine,
        section.tensor_parallel,
        hourly_usd(numbers.accelerator, section.cost),
        catalog.regions[grid] if grid else None,
        energy_is_paid=section.cost.basis == "owned",
    )
    pool.usd_per_token, pool.gco2_per_token = cost.usd, cost.gco2


def _patience_s(scenario: Scenario) -> tuple[float, ...]:
    """Return the longest wait in a queue by tier [s], nothing if no tier has one."""
    limits = [tier.queue_timeout_s for tier in scenario.tiers.values()]
    if all(limit is None for limit in limits):
        return ()
    return tuple(inf if limit is None else limit for limit in limits)
