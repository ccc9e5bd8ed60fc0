"""What can be said of a candidate without a run: its rent, and whether it is hopeless."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sim.errors import InputError, ModelLimitError
from sim.experiment.plan_constraints import Bound

PRICE = "price_usd_per_h"


@dataclass(frozen=True, slots=True)
class Hopeless:
    """Why a candidate needs no run.

    Attributes:
        reason: in words.
        more: whether more capacity ``helps``, ``hurts`` or does ``neither``.
    """

    reason: str
    more: str


def screen_scenario(
    base: Path, overrides: Sequence[str], bounds: Sequence[Bound]
) -> list[Hopeless]:
    """Return the reasons why a candidate cannot work, by closed formulas alone.

    Offered load above the roofline throughput of the pools that may serve it, a tier whose fastest
    possible answer is slower than its limit, and idle power above a limit.

    Args:
        base: the scenario file.
        overrides: what the candidate changes.
        bounds: the constraints of the plan.
    """
    from sim.explain import explain
    from sim.scenario.load import load_scenario

    try:
        view = explain(load_scenario(base, overrides=list(overrides)))
    except InputError as error:
        return [Hopeless(str(error), "neither")]
    found = []
    limits = {bound.metric: bound.limit for bound in bounds if bound.upper}
    for load in view.loads:
        tier = f"{load.tier} on {load.model}"
        if load.share >= 1.0:
            found.append(Hopeless(f"{tier}: offered load is {load.share:.2f} of capacity", "helps"))
        for name, fastest_s in (("ttft_s", load.fastest_ttft_s), ("tpot_s", load.fastest_tpot_s)):
            metrics = [f"latency.tiers.{load.tier}.{name}.{q}" for q in ("mean", "p50", "p99")]
            if any(fastest_s > limits.get(metric, fastest_s) for metric in metrics):
                text = f"{tier}: {name} cannot be below {fastest_s:.3g} s"
                found.append(Hopeless(text, "neither"))
    for site in view.sites:
        limit_w = limits.get(f"power.{site.name}.peak_kw", float("inf")) * 1000.0
        if site.idle_w is not None and site.idle_w > limit_w:
            text = f"{site.name}: {site.idle_w / 1000:.1f} kW at idle"
            found.append(Hopeless(text, "hurts"))
    return found


def rent_usd_per_h(
    base: Path, overrides: Sequence[str], rents_usd_per_h: Mapping[str, float]
) -> float:
    """Return the rent of all accelerators that belong to a replica [USD/h].

    Args:
        base: the scenario file.
        overrides: what the candidate changes.
        rents_usd_per_h: rent of an accelerator by name, before that of the catalogue [USD/h].

    Raises:
        ModelLimitError: the catalogue has no rent for one of the accelerators.
    """
    from sim.scenario.catalog import load_catalog
    from sim.scenario.load import load_scenario
    from sim.scenario.plant import build_plant

    scenario = load_scenario(base, overrides=list(overrides))
    catalog = load_catalog([scenario.base_dir / file for file in scenario.catalog])
    plant = build_plant(scenario, catalog)
    rents = []
    for node in plant.node_types:
        known = catalog.accelerators[node.accelerator].rent_usd_per_h
        rent = rents_usd_per_h.get(node.accelerator, known)
        if rent is None:
            text = f"the catalogue has no rent for {node.accelerator}; give it under plan.rents"
            raise ModelLimitError(text)
        rents.append(rent)
    kinds = plant.node_type[plant.placement_node]
    counts = zip(plant.placement_count.tolist(), kinds.tolist(), strict=True)
    return float(sum(count * rents[kind] for count, kind in counts))


def rent_or_nan(
    base: Path, overrides: Sequence[str], rents_usd_per_h: Mapping[str, float]
) -> float:
    """Return the rent of a candidate as `rent_usd_per_h`, NaN where it has no room."""
    try:
        return rent_usd_per_h(base, overrides, rents_usd_per_h)
    except InputError:
        return float("nan")
