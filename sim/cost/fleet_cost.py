"""What the fleet costs: accelerators by the hour, their energy, and data sent to users, by pool."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class PoolUse:
    """What a pool used in the measuring window.

    Attributes:
        name: name of the pool.
        site: index of its site.
        replica_h: replica-hours that are paid for [h].
        accelerators: accelerators per replica.
        usd_per_h: price of an hour of one accelerator [USD/h], infinite where unknown.
        pays_energy: whether energy comes on top of that price.
        accelerator_j: energy of its accelerators [J]; the energy of a site, servers and cooling
            included, is divided between its pools in this proportion.
        output_tokens: tokens that it produced.
    """

    name: str
    site: int
    replica_h: float
    accelerators: int
    usd_per_h: float
    pays_energy: bool
    accelerator_j: float
    output_tokens: float

    @property
    def accelerators_usd(self) -> float:
        """Price of its accelerators [USD], infinite where unknown."""
        return self.replica_h * self.accelerators * self.usd_per_h if self.replica_h else 0.0


@dataclass(frozen=True, slots=True)
class FleetUse:
    """What the fleet used in the measuring window.

    Attributes:
        pools: what each pool used.
        egress_usd: price of the data sent to users [USD].
    """

    pools: Sequence[PoolUse]
    egress_usd: float


def fleet_cost(
    fleet: FleetUse, site_energy_usd: Sequence[float | None], completed: int
) -> dict[str, Any]:
    """Return the cost of the fleet and of each pool, as plain values.

    Args:
        fleet: what the pools used.
        site_energy_usd: price of each site's energy [USD], None where unknown.
        completed: requests that were completed; with retries or a cascade their tokens are fewer
            than those produced.
    """
    pools = fleet.pools
    energy_usd = [_energy_usd(pool, pools, site_energy_usd) for pool in pools]
    tokens = sum(pool.output_tokens for pool in pools)
    by_pool = {
        pool.name: {
            "replica_hours": pool.replica_h,
            "accelerators_usd": pool.accelerators_usd,
            "energy_usd": energy,
            "usd": pool.accelerators_usd + energy,
            "output_tokens": pool.output_tokens,
            "token_share": pool.output_tokens / tokens if tokens else math.nan,
            "usd_per_mtoken": _per_mtoken(pool.accelerators_usd + energy, pool.output_tokens),
        }
        for pool, energy in zip(pools, energy_usd, strict=True)
    }
    hosting = {pool.site for pool in pools}
    idle_usd = [
        math.nan if usd is None else usd
        for site, usd in enumerate(site_energy_usd)
        if site not in hosting
    ]
    total_usd = math.fsum(
        [*(entry["usd"] for entry in by_pool.values()), *idle_usd, fleet.egress_usd]
    )
    return {
        "accelerators_usd": math.fsum(pool.accelerators_usd for pool in pools),
        "fleet_usd": total_usd,
        "fleet_usd_per_mtoken": _per_mtoken(total_usd, tokens),
        "fleet_usd_per_request": total_usd / completed if completed else math.nan,
        "pools": by_pool,
    }


def _energy_usd(
    pool: PoolUse, pools: Sequence[PoolUse], site_energy_usd: Sequence[float | None]
) -> float:
    """Return a pool's part of the energy of its site [USD], NaN where it is not known."""
    if not pool.pays_energy:
        return 0.0
    usd = site_energy_usd[pool.site]
    whole_j = sum(other.accelerator_j for other in pools if other.site == pool.site)
    if usd is None:
        return math.nan
    return usd * pool.accelerator_j / whole_j if whole_j else 0.0


def _per_mtoken(usd: float, tokens: float) -> float:
    return usd / (tokens / 1e6) if tokens else math.nan
