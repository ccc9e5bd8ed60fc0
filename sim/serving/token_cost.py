"""What an output token costs and emits at a pool: a figure to compare pools by, before any run."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from sim.scenario.catalog import Accelerator, Region
from sim.serving.engine import Engine

_J_PER_KWH = 3.6e6
_S_PER_H = 3600.0
LIFE_H = 4 * 8766.0  # the straight-line depreciation of servers that operators report


@dataclass(frozen=True, slots=True)
class TokenCost:
    """Price and carbon of an output token while every replica decodes a full batch.

    Attributes:
        usd: use of the accelerators and their energy [USD]; infinite where no price is known.
        gco2: carbon of their energy [g]; infinite where the grid is unknown.
    """

    usd: float
    gco2: float


def hourly_usd(accelerator: Accelerator) -> float:
    """Return what an hour of an accelerator costs [USD/h], infinite where nothing is known.

    Its purchase price over four years; without one, what owning or else what renting it costs.
    """
    if accelerator.price_usd is not None:
        return accelerator.price_usd / LIFE_H
    known = (accelerator.tco_usd_per_h, accelerator.rent_usd_per_h)
    return next((usd for usd in known if usd is not None), inf)


def token_cost(
    engine: Engine, accelerator: Accelerator, accelerators: int, region: Region | None
) -> TokenCost:
    """Return what a token of a full batch costs on one replica.

    Args:
        engine: constants of the replica.
        accelerator: what it runs on.
        accelerators: how many of them.
        region: price and carbon of its energy; without it energy costs nothing.
    """
    batch = engine.max_num_seqs
    s_per_token = (engine.compute_s[batch] + engine.memory_s[batch]) / batch
    kwh = accelerators * engine.decode_w[batch] * s_per_token / _J_PER_KWH
    usd = accelerators * hourly_usd(accelerator) * s_per_token / _S_PER_H
    if region is None:
        return TokenCost(usd, inf)
    return TokenCost(usd + kwh * region.usd_per_kwh, kwh * region.gco2_per_kwh)
