"""What an output token costs and emits at a pool: a figure to compare pools by, before any run."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Protocol

from sim.catalog.catalog import Accelerator, Region
from sim.scenario.schema.cost import PoolCost
from sim.units import H_PER_YEAR, J_PER_KWH, S_PER_H

LIFE_H = 4 * H_PER_YEAR  # the straight-line depreciation of servers that operators report


class DecodingEngine(Protocol):
    """What the price of a token needs to know of an engine; the arrays go by batch size."""

    max_num_seqs: int
    tokens_per_step: float
    compute_s: list[float]
    memory_s: list[float]
    decode_w: list[float]


@dataclass(frozen=True, slots=True)
class TokenCost:
    """Price and carbon of an output token while every replica decodes a full batch.

    Attributes:
        usd: use of the accelerators and their energy [USD]; infinite where no price is known.
        gco2: carbon of their energy [g]; infinite where the grid is unknown.
    """

    usd: float
    gco2: float


def hourly_usd(accelerator: Accelerator, cost: PoolCost) -> float:
    """Return what an hour of an accelerator costs [USD/h], infinite where nothing is known.

    What the pool says; else the rent, or of one that is owned the purchase price over four years;
    else what owning or what renting it costs.
    """
    if cost.accelerator_usd_per_h is not None:
        return cost.accelerator_usd_per_h
    bought, rent = accelerator.price_usd, accelerator.rent_usd_per_h
    if cost.basis == "rented" and rent is not None:
        return rent
    written_off = None if bought is None else bought / LIFE_H
    known = (written_off, accelerator.tco_usd_per_h, rent)
    return next((usd for usd in known if usd is not None), inf)


def token_cost(
    engine: DecodingEngine,
    accelerators: int,
    accelerator_usd_per_h: float,
    region: Region | None,
    *,
    energy_is_paid: bool = True,
) -> TokenCost:
    """Return what a token of a full batch costs on one replica.

    Args:
        engine: constants of the replica.
        accelerators: how many it runs on.
        accelerator_usd_per_h: what an hour of one of them costs [USD/h].
        region: price and carbon of its energy; without it energy costs nothing.
        energy_is_paid: whether energy comes on top of the price per hour.
    """
    batch = engine.max_num_seqs
    step_s = engine.compute_s[batch] + engine.memory_s[batch]
    s_per_token = step_s / (batch * engine.tokens_per_step)
    kwh = accelerators * engine.decode_w[batch] * s_per_token / J_PER_KWH
    usd = accelerators * accelerator_usd_per_h * s_per_token / S_PER_H
    if region is None:
        return TokenCost(usd, inf)
    energy_usd = kwh * region.usd_per_kwh if energy_is_paid else 0.0
    return TokenCost(usd + energy_usd, kwh * region.gco2_per_kwh)
