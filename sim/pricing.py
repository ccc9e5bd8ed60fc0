"""Prices a world on one basis: what stands there before a run, and the ledger after it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import isfinite

import numpy as np

from sim.catalog.entries import Accelerator, Owner
from sim.cost.capital import Installed, site_entries
from sim.cost.finance import annuity
from sim.cost.fleet_cost import PoolUse
from sim.cost.ledger import Entry, Ledger, Work
from sim.cost.token_cost import hourly_usd
from sim.errors import Problem, ScenarioError
from sim.facility.metering.nodes import rated_racks_w
from sim.interfaces import COMPLETED, FloatArray
from sim.plant.hardware import LIQUID
from sim.plant.plant import Plant
from sim.registry import nearest_hint
from sim.serving.queues.pool_model import PoolModel
from sim.units import H_PER_MONTH, H_PER_YEAR, S_PER_H, S_PER_Y
from sim.world import World

PROMPT, CONTEXT = 2048, 1024  # tokens at which the work of a token is weighed


def run_ledger(
    world: World, uses: Sequence[PoolUse], energy_usd: Sequence[float | None], length_s: float
) -> Ledger:
    """Return the ledger of a run.

    Args:
        world: that has run.
        uses: what each pool used, in the order of the pools.
        energy_usd: price of each site's energy in the window, None where unknown [USD].
        length_s: length of the measuring window [s].
    """
    hours = length_s / S_PER_H
    owner = owner_of(world)
    works = tuple(_works(world, uses, length_s))
    entries = [
        *standing_entries(world),
        *(_operating(world, uses, energy_usd, hours, owner) if hours else ()),
        *(_income(world, hours) if hours else ()),
    ]
    order = {"capital": 0, "operating": 1, "income": 2}
    entries.sort(key=lambda entry: order[entry.side])
    if rate := world.scenario.economics.income.cost_passed_on:
        cost = Ledger(tuple(entries)).cost.usd_per_h
        usd = None if cost is None else cost * rate
        entries.append(Entry("income", "cost passed on", usd, kind="given"))
    return Ledger(
        tuple(entries),
        works,
        hours,
        output_tokens=sum(use.output_tokens for use in uses),
        requests=world.recorder.statistics.completed_in_window,
    )


def standing_entries(world: World) -> list[Entry]:
    """Return what is spent whether requests come or not: capital and upkeep of all that stands."""
    owner = owner_of(world)
    return [
        *(
            entry
            for site in installed(world)
            for entry in site_entries(site, owner, world.scenario.economics)
        ),
        *_given_prices(world),
        *_own_assets(world, owner),
    ]


def standing_usd_per_h(world: World) -> dict[str, float | None]:
    """Return what each pool costs before anything runs: capital, upkeep or rent [USD/h].

    Its energy comes on top where it owns its accelerators. None where a price is unknown.
    """
    entries = standing_entries(world)
    for at, (name, numbers) in enumerate(
        zip(world.plant.pool_names, world.pool_numbers, strict=True)
    ):
        if numbers.section.cost.basis == "rented":
            number = world.plant.pool_replicas(at) * numbers.section.tensor_parallel
            usd_per_h = number * hourly_usd(numbers.accelerator, numbers.section.cost)
            known = usd_per_h if isfinite(usd_per_h) else None
            entries.append(Entry("operating", "rent", known, pool=name))
    pools = Ledger(tuple(entries), tuple(_standing(world))).by_pool()
    return {name: pools[name].usd_per_h for name in world.plant.pool_names}


def _standing(world: World) -> Iterator[Work]:
    """Yield the pools with their parts of what stands, none of which has done anything."""
    plant = world.plant
    rented, priced = _rented_and_priced(world)
    owned, bought = (_by_site(plant, _without(world, pools)) for pools in (rented, priced))
    for at, name in enumerate(plant.pool_names):
        site = world.pools[at].site
        number = plant.pool_replicas(at) * world.pool_numbers[at].section.tensor_parallel
        yield Work(
            name,
            plant.site_names[site],
            number,
            site_share=0.0 if rented[at] else number / owned[site],
            bought_share=0.0 if priced[at] else number / bought[site],
        )


def _rented_and_priced(world: World) -> tuple[list[bool], list[bool]]:
    """Return which pools are rented, and which have a price of their own or are rented."""
    costs = [numbers.section.cost for numbers in world.pool_numbers]
    rented = [cost.basis == "rented" for cost in costs]
    given = [cost.accelerator_usd_per_h is not None for cost in costs]
    return rented, [any(pair) for pair in zip(rented, given, strict=True)]


def _by_site(plant: Plant, node_accelerators: FloatArray) -> list[float]:
    sites, site = len(plant.site_names), plant.rack_site[plant.node_rack]
    found: list[float] = np.bincount(site, node_accelerators, sites).tolist()
    return found


def owner_of(world: World) -> Owner:
    """Return the owner that a scenario names.

    Raises:
        ScenarioError: the catalogue has none of that name.
    """
    name, known = world.scenario.economics.owner, world.catalog.owners
    if name in known:
        return known[name]
    expected, hint = "one of " + ", ".join(known), nearest_hint(name, [*known])
    raise ScenarioError([Problem("economics.owner", repr(name), expected, hint=hint)])


def installed(world: World) -> Iterator[Installed]:
    """Yield what is owned at each site: all that stands there but for what is rented.

    A rack of which a part is rented counts for the rest of it. Accelerators of pools that have a
    price of their own are left out of the numbers of accelerators alone.
    """
    plant, sites, racks = world.plant, len(world.plant.site_names), len(world.plant.rack_names)
    owned, bought = (_without(world, pools) for pools in _rented_and_priced(world))
    whole = np.bincount(plant.node_rack, plant.node_accelerators, racks)
    kept = np.bincount(plant.node_rack, owned, racks) / np.maximum(whole, 1.0)
    rated_w, site = rated_racks_w(plant) * kept, plant.rack_site
    built_w = np.bincount(site, rated_w, sites)
    share = np.minimum(1.0, plant.site_limit_w / np.maximum(built_w, 1e-300))
    liquid = plant.rack_cooling == LIQUID
    node_site = site[plant.node_rack]
    for at, name in enumerate(plant.site_names):
        here = node_site == at
        counts = np.bincount(plant.node_type[here], bought[here], len(plant.node_types)).tolist()
        wet, dry = liquid & (site == at), ~liquid & (site == at)
        yield Installed(
            name,
            list(_by_accelerator(world, counts)),
            air_racks=float(kept[dry].sum()),
            liquid_racks=float(kept[wet].sum()),
            air_w=float(rated_w[dry].sum() * share[at]),
            liquid_w=float(rated_w[wet].sum() * share[at]),
        )


def _without(world: World, pools: Sequence[bool]) -> FloatArray:
    """Return the accelerators of each node that are ours, without those of some pools [1]."""
    plant = world.plant
    left = plant.node_accelerators.astype(np.float64)
    if world.scenario.economics.unplaced == "others":
        left -= plant.node_spare
    theirs = np.array(pools)[plant.replica_pool][plant.placement_replica]
    np.subtract.at(left, plant.placement_node[theirs], plant.placement_count[theirs])
    return left


def _given_prices(world: World) -> Iterator[Entry]:
    """Yield what accelerators cost whose pool says so, host and network included."""
    for at, (name, numbers) in enumerate(
        zip(world.plant.pool_names, world.pool_numbers, strict=True)
    ):
        cost = numbers.section.cost
        if cost.basis == "owned" and cost.accelerator_usd_per_h is not None:
            number = world.plant.pool_replicas(at) * numbers.section.tensor_parallel
            usd_per_h = number * cost.accelerator_usd_per_h
            about = f"{number} at {cost.accelerator_usd_per_h:g} USD/h"
            site = world.plant.site_names[world.pools[at].site]
            yield Entry("capital", "accelerators", usd_per_h, site, name, kind="given", about=about)


def _by_accelerator(world: World, counts: Sequence[float]) -> Iterator[tuple[Accelerator, float]]:
    """Yield each accelerator with its number, from numbers by node type."""
    found: dict[str, float] = {}
    for kind, number in zip(world.plant.node_types, counts, strict=True):
        found[kind.accelerator] = found.get(kind.accelerator, 0.0) + number
    for name, number in found.items():
        if number:
            yield world.catalog.accelerators[name], number


def _own_assets(world: World, owner: Owner) -> Iterator[Entry]:
    economics = world.scenario.economics
    given = economics.cost_of_capital
    rate = owner.cost_of_capital if given is None else given
    for name, asset in economics.assets.items():
        yearly = annuity(asset.price, rate, asset.life / S_PER_Y, asset.residual)
        about = f"{asset.price:,.0f} USD"
        site = asset.site or ""
        usd_per_h = yearly / H_PER_YEAR
        yield Entry(
            "capital", name, usd_per_h, site, kind="given", about=about, outlay_usd=asset.price
        )


def _operating(
    world: World,
    uses: Sequence[PoolUse],
    energy_usd: Sequence[float | None],
    hours: float,
    owner: Owner,
) -> Iterator[Entry]:
    """Yield what was spent in the window, as money per hour of it."""
    reports = world.facility.energy_report() if world.facility is not None else {}
    for at, (site, usd) in enumerate(zip(world.plant.site_names, energy_usd, strict=True)):
        report = reports.get(site, {})
        ours = 1.0 - _rented_share(uses, at)
        demand = report.get("demand_usd", 0.0)
        energy = None if usd is None else (usd - demand) * ours / hours
        yield Entry("operating", "energy", energy, site, kind="given", about="at its tariff")
        if demand:
            about = "highest quarter of an hour, the run's part of a month"
            yield Entry(
                "operating", "demand", demand * ours / hours, site, kind="given", about=about
            )
        if litres := report.get("water_l", 0.0):
            mark = owner.sources.get("water_usd_per_l")
            usd_per_h = litres * owner.water_usd_per_l / hours
            kind = mark.kind if mark else "given"
            yield Entry("operating", "water", usd_per_h, site, kind=kind, about=f"{litres:,.0f} l")
    for use in uses:
        if not use.pays_energy:
            rent = use.accelerators_usd / hours if isfinite(use.accelerators_usd) else None
            about = f"{use.replica_h * use.accelerators:,.1f} accelerator-hours"
            yield Entry("operating", "rent", rent, pool=use.name, kind="analyst", about=about)
    if world.router.egress_usd:
        usd_per_h = world.router.egress_usd / hours
        yield Entry("operating", "egress", usd_per_h, kind="given", about="data sent to users")
    licences = world.scenario.economics.licences_per_month
    if licences:
        yield Entry("operating", "licences", licences / H_PER_MONTH, kind="given")


def _rented_share(uses: Sequence[PoolUse], site: int) -> float:
    """Return the part of a site's energy that the rent of pools includes [1]."""
    here = [use for use in uses if use.site == site]
    whole = math.fsum(use.accelerator_j for use in here)
    rented = math.fsum(use.accelerator_j for use in here if not use.pays_energy)
    return rented / whole if whole else 0.0


def _income(world: World, hours: float) -> Iterator[Entry]:
    """Yield what users pay; credits are income that is given back."""
    statistics, income = world.recorder.statistics, world.scenario.economics.income
    billing, tiers = statistics.billing, world.names.tiers
    if billing.charges:
        for tier, paid, given in zip(
            tiers, billing.revenue_usd.tolist(), billing.credits_usd.tolist(), strict=True
        ):
            yield Entry("income", "tokens", paid / hours, tier=tier, kind="given")
            if given:
                yield Entry("income", "credits", -given / hours, tier=tier, kind="given")
    done = statistics.measured_fates[:, COMPLETED].tolist()
    for tier, price in income.per_request.items():
        usd_per_h = done[tiers.index(tier)] * price / hours
        yield Entry("income", "requests", usd_per_h, tier=tier, kind="given")
    for each in income.subscriptions:
        usd_per_h = each.users * each.price_per_month / H_PER_MONTH
        about = f"{each.users:,.0f} users at {each.price_per_month:g} USD a month"
        yield Entry("income", "subscriptions", usd_per_h, tier=each.tier, kind="given", about=about)
    if income.reserved_per_month:
        usd_per_h = income.reserved_per_month / H_PER_MONTH
        yield Entry("income", "reserved", usd_per_h, kind="given")


def _works(world: World, uses: Sequence[PoolUse], length_s: float) -> Iterator[Work]:
    """Yield what each pool did for each tier and model."""
    usage, names = world.recorder.statistics.usage, world.names
    paid_j = [use.accelerator_j if use.pays_energy else 0.0 for use in uses]
    site_j = np.bincount([use.site for use in uses], paid_j).tolist()
    parts = zip(_standing(world), uses, world.pool_numbers, strict=True)
    for at, (standing, use, numbers) in enumerate(parts):
        prompt_s, answer_s = _token_seconds(numbers)
        busy, output = {}, {}
        for t, tier in enumerate(names.tiers):
            for m, model in enumerate(names.models):
                prompt = float(usage.input_tokens[at, t, m])
                answer = float(usage.output_tokens[at, t, m])
                if prompt or answer:
                    busy[tier, model] = prompt * prompt_s + answer * answer_s
                    output[tier, model] = answer
        yield replace(
            standing,
            energy_share=paid_j[at] / site_j[use.site] if site_j[use.site] else 0.0,
            busy_s=busy,
            available_s=world.plant.pool_replicas(at) * length_s,
            replicas=world.plant.pool_replicas(at),
            output_tokens=output,
        )


def _token_seconds(numbers: PoolModel) -> tuple[float, float]:
    """Return the time that a prompt and an answer token take a replica at capacity [s]."""
    batch = numbers.section.batching.max_num_seqs
    prompt_s = numbers.step_s(PROMPT, 0.0, 0.0, PROMPT * PROMPT / 2.0) / PROMPT
    step_s = numbers.step_s(0.0, CONTEXT, batch)
    return prompt_s, step_s / (batch * numbers.tokens_per_step)
