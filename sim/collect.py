"""What a finished world says: summary, series, racks and provenance put together as a result."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from math import isnan
from typing import Any

import numpy as np

from sim.catalog.catalog import Region, Sourced
from sim.cost.fleet_cost import PoolUse
from sim.cost.token_cost import hourly_usd
from sim.facility.account import RACK_RATES
from sim.facility.build.constant_marks import marks_of, sources
from sim.facility.metering.levels import Level
from sim.facility.metering.limits import above_limits, limit_warnings, row_figures
from sim.facility.summary import facility_summary, facility_warnings, row_summary
from sim.metrics.activity import OUTPUT_TOKENS, ratio
from sim.metrics.columns import REQUEST_TYPES
from sim.metrics.parquet import ParquetSink
from sim.metrics.racks import rack_table
from sim.metrics.saturation import backlogs, saturation, saturation_warning
from sim.metrics.series import SeriesBlock, load_blocks, series_table
from sim.metrics.sinks import MemorySink
from sim.metrics.summary import Money, RunIdentity, SiteFigures, Window, summarise
from sim.performance.coefficients import joule_interval
from sim.pricing import run_ledger
from sim.provenance import machine, peak_rss_mb, provenance
from sim.result import Result
from sim.scenario.checks.plausible import unusual_values
from sim.scenario.lock import lock_text, sha256
from sim.serving.queues.pool_model import pool_warnings
from sim.table import Table
from sim.units import J_PER_KWH, S_PER_H
from sim.world import World

POWER_LEVELS: tuple[Level, ...] = ("site", "row", "rack")


def collect(world: World) -> Result:
    """Return the result of a world that has run, wholly or in part."""
    end_s = world.clock.now
    world.recorder.close(world.unfinished(), end_s)
    world.attempts.flush()
    window = Window(min(world.scenario.run.warmup_s, end_s), end_s)
    fingerprint = sha256(world.scenario)
    sites, uses = list(_sites(world, window)), list(_pool_uses(world, window))
    ledger = run_ledger(world, uses, [site.energy_usd for site in sites], window.length_s)
    summary = summarise(
        run=RunIdentity(world.scenario.name, fingerprint, world.seed),
        window=window,
        statistics=world.recorder.statistics,
        activity=world.series,
        sites=sites,
        money=Money(ledger, uses, world.router.egress_usd),
        performance=_performance(world),
        extras=_extras(world, window, fingerprint),
    )
    blocks = [
        *load_blocks(
            world.series, world.recorder.flow, world.names.pools, world.names.sites, end_s
        ),
        _service_block(world, end_s),
        *_power_blocks(world),
        *_facility_blocks(world),
        *world.recorded.blocks(world.series.bins, end_s),
    ]
    return Result(
        summary,
        lock_text(world.scenario),
        requests=_request_table(world),
        series=series_table(world.series.bins.starts_s(), blocks),
        racks=_racks(world, window),
    )


def _extras(world: World, window: Window, fingerprint: str) -> dict[str, Any]:
    """Return the keys of the summary beside those of `summarise`."""
    above = above_limits(world.meter, window.length_s)
    flow, pools = world.recorder.flow, world.names.pools
    overload = backlogs(flow, pools, window.start_s, world.arrivals_end_s)
    return {
        "replication": world.replication,
        "interrupted": world.interrupted,
        **saturation(overload),
        "warnings": [*saturation_warning(overload), *_warnings(world, above)],
        "pools": dict(_pools(world)),
        "topology": _topology(world),
        "plant": _plant(world),
        **_facility(world),
        "rows": _rows(world, window),
        "above_limit": above,
        **_fleet(world),
        **({"processes": list(world.process_names)} if world.process_names else {}),
        "provenance": {**_provenance(world, fingerprint), "machine": machine()},
    }


def _request_table(world: World) -> Any:
    sink = world.request_sink
    if isinstance(sink, ParquetSink):
        return sink.path
    if not isinstance(sink, MemorySink):
        message = f"no table comes out of a {type(sink).__name__}"
        raise TypeError(message)
    return Table(REQUEST_TYPES, world.names.by_column(), sink.chunks)


def _sites(world: World, window: Window) -> Iterator[SiteFigures]:
    meter, plant = world.meter, world.plant
    span = meter.points.spans["site"]
    length_s = window.length_s
    for i, (name, site) in enumerate(world.scenario.topology.sites.items()):
        it_j = float(meter.energy_j[span][i])
        region = world.catalog.regions[site.region_data] if site.region_data else None
        yield SiteFigures(
            name=name,
            mean_w=it_j / length_s if length_s else float("nan"),
            peak_w=float(meter.peak_w[span][i]),
            limit_w=float(plant.site_limit_w[i]),
            share_above=float(meter.above_s[span][i]) / length_s if length_s else 0.0,
            **{"it_j": it_j, **_facility_figures(world, name, region)},
        )


def _facility_figures(world: World, site: str, region: Region | None) -> dict[str, Any]:
    """Return energy, price and carbon of a site: by its facility, else by its region's figures."""
    if world.facility is None:
        if region is None:
            return {}
        return {"usd_per_kwh": region.usd_per_kwh, "gco2_per_kwh": region.gco2_per_kwh}
    report = world.facility.energy_report()[site]
    kwh = report["facility_kwh"]
    return {
        "it_j": report["it_kwh"] * J_PER_KWH,  # servers' fans at warm inlets included
        "facility_j": kwh * J_PER_KWH,
        "capped_share": report["capped_share"],
        "usd_per_kwh": _known(report["cost_usd"] / kwh) if kwh else None,
        "gco2_per_kwh": _known(report["carbon_kg"] * 1e3 / kwh) if kwh else None,
    }


def _known(rate: float) -> float | None:
    return None if isnan(rate) else rate


def _pool_uses(world: World, window: Window) -> Iterator[PoolUse]:
    """Yield what each pool used and how it is paid for."""
    paid_s, replica_j = world.fleet.paid_s(), world.meter.replica_j
    tokens = world.series.totals[OUTPUT_TOKENS]
    for pool, numbers, name in zip(world.pools, world.pool_numbers, world.names.pools, strict=True):
        section = numbers.section
        rented = section.cost.basis == "rented"
        on_s = pool.replicas * window.length_s
        if rented and name in paid_s and window.length_s:
            on_s = paid_s[name] - world.paid_before_s.get(name, 0.0)
        mine = [replica.index for replica in pool.members]
        yield PoolUse(
            name=name,
            site=pool.site,
            replica_h=on_s / S_PER_H,
            accelerators=section.tensor_parallel,
            usd_per_h=hourly_usd(numbers.accelerator, section.cost),
            pays_energy=not rented,
            accelerator_j=float(replica_j[mine].sum()) * section.tensor_parallel,
            output_tokens=float(tokens[pool.index]),
        )


def _service_block(world: World, end_s: float) -> SeriesBlock:
    service = world.service
    replicas = ratio(service.integrals(end_s), service.lengths_s(end_s))
    return SeriesBlock("pool", world.names.pools, {"in_service": replicas})


def _power_blocks(world: World) -> Iterator[SeriesBlock]:
    series, points = world.meter.series(), world.meter.points
    for level in POWER_LEVELS:
        span = points.spans[level]
        values = {"power_w": series.mean_w[span], "power_max_w": series.peak_w[span]}
        yield SeriesBlock(level, points.names[span], values)


def _facility(world: World) -> dict[str, Any]:
    """Return what a modelled facility adds to the summary."""
    if world.facility is None:
        return {}
    return {
        **facility_summary(world.facility, world.plant, world.recorder.windows.report()),
        "failed_over": sum(pool.failed_over for pool in world.pools),
    }


def _rows(world: World, window: Window) -> dict[str, dict[str, Any]]:
    """Return the power of rows and, of a modelled facility, what keeps their limits from use."""
    found: dict[str, dict[str, Any]] = dict(row_figures(world.meter, window.length_s))
    if world.facility is not None:
        for name, stranded in row_summary(world.facility, world.plant).items():
            found[name] |= stranded
    return found


def _facility_blocks(world: World) -> Iterator[SeriesBlock]:
    """Yield what only a modelled facility knows: heat, losses and clocks over time.

    The facility looks at its own interval, so its bins may be wider than those of the meter; each
    of its values then stands for all the bins that it covers.
    """
    if world.facility is None:
        return
    series = world.facility.parts.account.series()
    starts_s = world.series.bins.starts_s()
    at = np.clip(np.searchsorted(series.start_s, starts_s, side="right") - 1, 0, None)
    sites = {name: values[:, at] for name, values in series.sites.items()}
    cooling_w = sum(sites[name] for name in ("fans_w", "pumps_w", "chiller_w", "reject_w"))
    yield SeriesBlock(
        "site",
        world.names.sites,
        {
            "facility_w": sites["facility_w"],
            "cooling_w": np.asarray(cooling_w),
            "loss_w": sites["loss_w"],
            "outside_c": sites["outside_c"],
            "price_usd_per_kwh": sites["price_usd_per_kwh"],
            "carbon_g_per_kwh": sites["carbon_g_per_kwh"],
        },
    )
    racks = {name: series.racks[name][:, at] for name in RACK_RATES}
    yield SeriesBlock("rack", world.plant.rack_names, racks)


def _racks(world: World, window: Window) -> Table:
    meter, plant = world.meter, world.plant
    span = meter.points.spans["rack"]
    length_s = window.length_s or float("nan")
    cooling = ("air", "liquid")
    labels = [
        (name, plant.site_names[site], cooling[kind], rack_type)
        for name, site, kind, rack_type in zip(
            plant.rack_names, plant.rack_site, plant.rack_cooling, plant.rack_type, strict=True
        )
    ]
    return rack_table(
        labels,
        meter.energy_j[span] / length_s,
        meter.peak_w[span],
        plant.rack_limit_w,
        meter.above_s[span] / length_s,
    )


def _performance(world: World) -> dict[str, float]:
    wall_s = time.perf_counter() - world.started[0]
    cpu_s = time.process_time() - world.started[1]
    return {
        "wall_s": wall_s,
        "cpu_s": cpu_s,
        "requests_per_cpu_s": world.source.emitted / cpu_s if cpu_s else float("nan"),
        "peak_rss_mb": peak_rss_mb() or float("nan"),
        "simpy_events": world.clock.processed_events(),
    }


def _pools(world: World) -> Iterator[tuple[str, dict[str, Any]]]:
    for pool, numbers, name in zip(world.pools, world.pool_numbers, world.names.pools, strict=True):
        yield (
            name,
            {
                "site": numbers.section.site,
                "model": numbers.section.model,
                "accelerator": numbers.accelerator.name,
                "engine": numbers.section.engine,
                "engine_version": numbers.section.engine_version or "current",
                "precision": numbers.section.precision,
                "tensor_parallel": numbers.section.tensor_parallel,
                "replicas": pool.replicas,
                "kv_tokens": numbers.kv_tokens,
                "step_time": {
                    "kind": numbers.step_time.kind,
                    "basis": numbers.step_time.basis,
                    "source": numbers.step_time.source,
                    "interval": [numbers.step_time.time_low, numbers.step_time.time_high],
                },
                "power": {
                    "kind": numbers.power.kind,
                    "source": numbers.power.source,
                    "interval": [numbers.power.low, numbers.power.high],
                },
                "j_per_token_interval": list(joule_interval(numbers.step_time, numbers.power)),
                **pool.report(),
            },
        )


def _fleet(world: World) -> dict[str, Any]:
    """Return what users, router and fleet did beside serving."""
    in_service_s = world.service.integrals(world.clock.now).sum(axis=1)
    hours = dict(zip(world.names.pools, (in_service_s / S_PER_H).tolist(), strict=True))
    found: dict[str, Any] = {
        "service_hours": hours,
        **world.users.report(),
        **world.fleet.report(),
    }
    if world.router.unreachable or world.fleet.injector is not None:
        found["unreachable"] = world.router.unreachable
    admission, cascade = world.router.admission, world.cascade
    if admission is not None:
        found["admission"] = {
            tier: {"shed": shed, "over_usage": over}
            for tier, shed, over in zip(
                world.names.tiers, admission.shed, admission.over_usage, strict=True
            )
        }
    if cascade is not None:
        found["cascade"] = cascade.report()
    return found


def _warnings(world: World, above: Mapping[str, dict[str, Any]]) -> Iterator[str]:
    if world.interrupted:
        yield f"the run was interrupted at {world.clock.now:.1f} s; figures cover that part only"
    yield from unusual_values(world.scenario)
    yield from limit_warnings(above)
    first = 0
    for pool, numbers, name in zip(world.pools, world.pool_numbers, world.names.pools, strict=True):
        seen = world.observed.of(first, pool.replicas)
        first += pool.replicas
        for warning in pool_warnings(numbers, *seen):
            yield f"pool {name}: {warning}"
        if pool.too_long:
            yield (
                f"pool {name}: {pool.too_long} requests were rejected because they are longer "
                f"than the KV cache of any of its replicas"
            )
        if pool.beyond_context:
            yield (
                f"pool {name}: {pool.beyond_context} requests were rejected because prompt and "
                f"answer are longer than max_model_len"
            )
    if world.facility is not None:
        yield from facility_warnings(world.facility, world.plant)
    yield from world.workload.notes
    yield from _nothing_measured(world)


def _nothing_measured(world: World) -> Iterator[str]:
    statistics, warmup_s = world.recorder.statistics, world.scenario.run.warmup_s
    if not statistics.fates.sum():
        yield "no request arrived, so there is no figure of latency or SLA"
    elif not statistics.measured_fates.sum():
        yield (
            f"no request arrived after the warm-up of {warmup_s:g} s, so there is no figure of "
            f"latency or SLA"
        )


def _topology(world: World) -> dict[str, Any]:
    topology = world.scenario.topology
    return {
        "regions": {name: {"lat": r.lat, "lon": r.lon} for name, r in topology.regions.items()},
        "sites": {
            name: {"kind": site.kind, "lat": site.lat, "lon": site.lon}
            for name, site in topology.sites.items()
        },
        "links": [
            {"from": link.start, "to": link.end, "latency_s": link.latency_s}
            for link in topology.links
        ],
    }


def _plant(world: World) -> dict[str, int]:
    """Return how much hardware there is, whether or not it serves."""
    plant = world.plant
    return {
        "sites": len(plant.site_names),
        "racks": len(plant.rack_names),
        "accelerators": int(plant.node_accelerators.sum()),
    }


def _provenance(world: World, fingerprint: str) -> dict[str, Any]:
    catalog, used = world.catalog, {}
    for numbers in world.pool_numbers:
        used[f"accelerators.{numbers.accelerator.name}"] = numbers.accelerator.sources
        used[f"models.{numbers.section.model}"] = catalog.models[numbers.section.model].sources
    for node in world.plant.node_types:
        used[f"nodes.{node.name}"] = node.sources
    for rack in dict.fromkeys(world.plant.rack_type):
        used[f"racks.{rack}"] = catalog.racks[rack].sources
    for site in world.scenario.topology.sites.values():
        if site.region_data:
            used[f"regions.{site.region_data}"] = catalog.regions[site.region_data].sources
    facility = world.scenario.facility
    if world.facility is not None and facility is not None:
        used |= marks_of(facility, world.plant.site_names, world.facility.parts.methods)
    entries: Mapping[str, Mapping[str, Sourced]] = used
    return provenance(fingerprint, world.seed, entries, {**catalog.sources, **sources()})
