"""From a scenario to the recorder and the activity series of its run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sim.metrics.activity import ActivitySeries, PoolSizes
from sim.metrics.columns import REQUEST_TYPES, RunNames
from sim.metrics.parquet import ParquetSink
from sim.metrics.recorder import Recorder
from sim.metrics.sinks import MemorySink, RequestSink
from sim.metrics.sla import TierTargets
from sim.metrics.tier_windows import SiteWindow, TierWindows
from sim.plant.plant import Plant
from sim.scenario.schema.scenario import Scenario
from sim.scenario.schema.sla import Price
from sim.scenario.schema.tiers import Tier


def build_recorder(
    scenario: Scenario, plant: Plant, models: tuple[str, ...], spool: Path | None
) -> tuple[Recorder, RequestSink]:
    """Return the recorder of a run and where its request table goes.

    Args:
        scenario: the validated scenario.
        plant: its plant.
        models: names of the models that traffic asks for, by index.
        spool: Parquet file for the request table, or None to keep it in memory.
    """
    names = _run_names(scenario, plant, models)
    sink: RequestSink = MemorySink()
    if spool is not None:
        spool.parent.mkdir(parents=True, exist_ok=True)
        sink = ParquetSink(spool, REQUEST_TYPES, names.by_column())
    recorder = Recorder(
        names,
        [_targets(name, tier) for name, tier in scenario.tiers.items()],
        sink,
        warmup_s=scenario.run.warmup_s,
        exact_up_to=scenario.output.exact_quantiles,
        width_s=scenario.output.series_interval_s,
        windows=_order_windows(scenario, plant),
    )
    return recorder, sink


def _order_windows(scenario: Scenario, plant: Plant) -> TierWindows:
    """Return two windows per load target: as long before it as it lasts, and during it."""
    windows = []
    for order in scenario.facility.curtailment if scenario.facility else ():
        if order.site not in plant.site_names:
            continue  # the facility says so
        site, span_s = plant.site_names.index(order.site), order.until_s - order.from_s
        windows.append(SiteWindow(site, order.from_s - span_s, order.from_s))
        windows.append(SiteWindow(site, order.from_s, order.until_s))
    return TierWindows(windows, tuple(scenario.tiers), scenario.output.exact_quantiles)


def _targets(name: str, tier: Tier) -> TierTargets:
    slo, price = tier.slo, tier.price or Price()
    return TierTargets(
        name,
        slo.ttft_s,
        slo.tpot_s,
        slo.e2e_s,
        tier.target,
        tier.require,
        price.input_usd_per_token,
        price.output_usd_per_token,
        price.credit,
    )


def build_series(scenario: Scenario, plant: Plant, kv_tokens: Sequence[int]) -> ActivitySeries:
    """Return the activity series of a run.

    Args:
        scenario: the validated scenario.
        plant: its plant.
        kv_tokens: KV-cache capacity of one replica of each pool [tokens].
    """
    sections = list(scenario.pools.values())
    sizes = PoolSizes(
        site=_pool_site(scenario, plant),
        sites=len(plant.site_names),
        replicas=np.array([plant.pool_replicas(pool) for pool in range(len(sections))]),
        accelerators=np.array([section.tensor_parallel for section in sections]),
        kv_tokens=np.array(kv_tokens, dtype=np.float64),
    )
    run, output = scenario.run, scenario.output
    return ActivitySeries(plant.replica_pool, sizes, run.warmup_s, output.series_interval_s)


def _run_names(scenario: Scenario, plant: Plant, models: tuple[str, ...]) -> RunNames:
    return RunNames(
        tiers=tuple(scenario.tiers),
        regions=tuple(scenario.topology.regions),
        models=models,
        sites=plant.site_names,
        pools=plant.pool_names,
        pool_site=_pool_site(scenario, plant),
    )


def _pool_site(scenario: Scenario, plant: Plant) -> np.ndarray:
    return np.array([plant.site_names.index(pool.site) for pool in scenario.pools.values()])
