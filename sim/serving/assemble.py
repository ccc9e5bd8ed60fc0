"""From a scenario's pools to running ones: step time, power, memory and placement resolved."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from sim.interfaces import ActivityLog, RequestLog, Scheduler
from sim.rng import Streams
from sim.scenario.catalog import Accelerator, Catalog
from sim.scenario.memory_fit import kv_capacity_tokens, memory_fit
from sim.scenario.plant import Plant
from sim.scenario.schema import Scenario
from sim.scenario.schema_pools import Pool as PoolSection
from sim.serving.coefficient_file import read_coefficients, shipped_coefficients
from sim.serving.coefficients import resolve_power, resolve_step_time
from sim.serving.configuration import Coefficients
from sim.serving.engine import MODES, Engine, KvOptions
from sim.serving.pool import Pool, QueueSettings
from sim.serving.power import PhasePower, constant_decode
from sim.serving.steptime import StepTime
from sim.serving.token_cost import token_cost

# vLLM keeps one block in a hundred free when it admits, so that running requests can grow.
WATERMARK_SHARE = 0.01


@dataclass(frozen=True, slots=True)
class PoolModel:
    """The numbers behind a pool, for the run and for whoever wants to see them.

    Attributes:
        section: the pool as the scenario gives it.
        accelerator: what its replicas run on.
        step_time: coefficients of one engine step.
        power: power of one accelerator by phase.
        kv_tokens: KV-cache capacity of one replica [tokens].
        kv_bytes_per_token: KV cache of one token on each accelerator [bytes].
    """

    section: PoolSection
    accelerator: Accelerator
    step_time: StepTime
    power: PhasePower
    kv_tokens: int
    kv_bytes_per_token: float


def resolve_pool(
    name: str,
    section: PoolSection,
    accelerator: Accelerator,
    catalog: Catalog,
    known: Coefficients | None = None,
) -> PoolModel:
    """Return the numbers of one pool: those given, else fitted, else physical.

    Raises:
        ScenarioError: the model does not fit into the memory of the accelerators.
    """
    model = catalog.models[section.model]
    given = section.step_time
    step_time = resolve_step_time(
        model,
        accelerator,
        section.tensor_parallel,
        section.precision,
        given=StepTime(
            given.a_s,
            given.b_s_per_token,
            given.c_s_per_kv_token,
            given.d_s_per_sqrt_seq,
            given.e_s_per_token2,
            kind="given",
            source="scenario",
        )
        if given
        else None,
        known=known,
    )
    watts = section.power
    power = resolve_power(
        model,
        accelerator,
        section.tensor_parallel,
        section.precision,
        given=constant_decode(
            watts.idle_w, watts.prefill_w, watts.decode_w, kind="given", source="scenario"
        )
        if watts
        else None,
        known=known,
    )
    kv_tokens = section.kv_cache_tokens or kv_capacity_tokens(
        model,
        accelerator,
        section.tensor_parallel,
        section.precision,
        section.batching.max_num_batched_tokens,
        path=f"pools.{name}",
    )
    fit = memory_fit(model, accelerator, section.tensor_parallel, section.precision)
    return PoolModel(section, accelerator, step_time, power, kv_tokens, fit.kv_bytes_per_token)


def known_coefficients(scenario: Scenario) -> Coefficients:
    """Return the shipped coefficients, overridden by the scenario's own files, later ones first.

    Raises:
        ScenarioError: a file is not what `loadbank calibrate` writes.
    """
    known = shipped_coefficients()
    for name in scenario.coefficients:
        known = read_coefficients(scenario.base_dir / name, name).over(known)
    return known


def build_engine(numbers: PoolModel) -> Engine:
    """Return the constants that the replicas of a pool share."""
    batching = numbers.section.batching
    blocks = max(1, numbers.kv_tokens // batching.block_size)
    kv_bytes, swap = numbers.kv_bytes_per_token, batching.swap
    return Engine(
        numbers.step_time,
        numbers.power,
        mode=MODES[batching.mode],
        max_num_seqs=batching.max_num_seqs,
        max_num_batched_tokens=batching.max_num_batched_tokens,
        kv_blocks=blocks,
        block_size=batching.block_size,
        kv=KvOptions(
            watermark_blocks=int(WATERMARK_SHARE * blocks),
            swap_tokens=int(swap.space_bytes // kv_bytes) if swap else 0,
            swap_s_per_token=kv_bytes / swap.link_bytes_per_s if swap else 0.0,
        ),
    )


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
            Pool(
                index,
                plant.site_names.index(section.site),
                plant.pool_cooling(index),
                first,
                count,
                build_engine(numbers),
                QueueSettings(
                    shared=queue.scope == "pool",
                    order=queue.order,
                    dispatch=queue.dispatch,
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
    return pools, models


def _price(pool: Pool, numbers: PoolModel, scenario: Scenario, catalog: Catalog) -> None:
    """Tell a pool what its tokens cost, for policies that compare."""
    section = numbers.section
    grid = scenario.topology.sites[section.site].region_data
    cost = token_cost(
        pool.engine,
        numbers.accelerator,
        section.tensor_parallel,
        catalog.regions[grid] if grid else None,
    )
    pool.usd_per_token, pool.gco2_per_token = cost.usd, cost.gco2


def _patience_s(scenario: Scenario) -> tuple[float, ...]:
    """Return the longest wait in a queue by tier [s], nothing if no tier has one."""
    limits = [tier.queue_timeout_s for tier in scenario.tiers.values()]
    if all(limit is None for limit in limits):
        return ()
    return tuple(inf if limit is None else limit for limit in limits)
