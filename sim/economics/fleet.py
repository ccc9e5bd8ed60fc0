"""One accelerator of a fleet in money, as an anchor measured it and a place prices it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from sim.catalog.entries import Owner, Region
from sim.economics.anchor import Anchor
from sim.economics.money import mean_load
from sim.economics.places import SiteYear
from sim.units import H_PER_MONTH, S_PER_H, W_PER_KW

HALL = frozenset({"power", "cooling", "building", "land", "retrofit"})
"""Layers that live as long as the hall; the rest of the capital lives with the accelerators."""


@dataclass(frozen=True, slots=True)
class Unit:
    """An accelerator of a chip with its part of all that stands around it.

    Attributes:
        chip: its name.
        month: first month in which it is bought.
        group: accelerators of a replica; fewer serve nothing.
        tokens_per_month: answer tokens at the load at which the target holds.
        idle_w, full_w: power at the site's meter while nothing comes and at that load [W].
        rated_w: IT power for which the hall is built, 0 for what is rented [W].
        it_usd: price of what is replaced with it, by layer [USD].
        hall_usd: price of its part of the hall, by layer [USD].
        upkeep_usd: upkeep and rent of the hall, by layer [USD/month].
        rent_usd: rent by the hour, for a month [USD/month].
        usd_per_kwh: energy, with the water that cooling takes.
        time_low, time_high: interval of its step times, as factors [1].
        missing: prices that nobody gave.
    """

    chip: str
    month: int
    group: int
    tokens_per_month: float
    idle_w: float
    full_w: float
    rated_w: float = 0.0
    it_usd: Mapping[str, float] = field(default_factory=dict)
    hall_usd: Mapping[str, float] = field(default_factory=dict)
    upkeep_usd: Mapping[str, float] = field(default_factory=dict)
    rent_usd: float = 0.0
    usd_per_kwh: float = 0.0
    time_low: float = 1.0
    time_high: float = 1.0
    missing: tuple[str, ...] = ()


def unit_of(
    anchor: Anchor, how: str, year: SiteYear, region: Region, owner: Owner, month: int = 0
) -> Unit:
    """Return one accelerator of an anchor in a place, by a way to own it.

    Args:
        anchor: measured where the target just holds.
        how: the way to own.
        year: what the place adds to its power.
        region: price of energy.
        owner: price of water.
        month: first month in which it is bought.
    """
    load, number = mean_load(anchor, 1.0), anchor.accelerators
    tokens = load.output_tokens_per_s * S_PER_H * H_PER_MONTH / number
    common = {"chip": anchor.cell.chip, "month": month, "group": anchor.tensor_parallel}
    if how == "rented":
        rent = anchor.rent_usd_per_h
        return Unit(
            **common,  # type: ignore[arg-type]
            tokens_per_month=tokens,
            idle_w=0.0,
            full_w=0.0,
            rent_usd=math.nan if rent is None else rent / number * H_PER_MONTH,
            time_low=anchor.time_low,
            time_high=anchor.time_high,
            missing=("rent",) if rent is None else (),
        )
    entries = anchor.standing[how]
    capital = {e.layer: e.outlay_usd for e in entries if e.side == "capital"}
    upkeep = {e.layer: e.usd_per_h for e in entries if e.side == "operating"}
    known = {layer: usd / number for layer, usd in capital.items() if usd is not None}
    water = year.wue_l_per_kwh / year.pue * owner.water_usd_per_l
    return Unit(
        **common,  # type: ignore[arg-type]
        tokens_per_month=tokens,
        idle_w=anchor.idle_w * year.pue / number,
        full_w=load.it_w * year.pue / number,
        rated_w=anchor.rated_w / number,
        it_usd={layer: usd for layer, usd in known.items() if layer not in HALL},
        hall_usd={layer: usd for layer, usd in known.items() if layer in HALL},
        upkeep_usd={k: v * H_PER_MONTH / number for k, v in upkeep.items() if v is not None},
        usd_per_kwh=region.usd_per_kwh + water,
        time_low=anchor.time_low,
        time_high=anchor.time_high,
        missing=tuple(layer for layer, usd in {**capital, **upkeep}.items() if usd is None),
    )


def energy_usd(watts: float, usd_per_kwh: float) -> float:
    """Return what a constant power costs in a month [USD]."""
    return watts / W_PER_KW * H_PER_MONTH * usd_per_kwh
