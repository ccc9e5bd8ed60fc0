"""What the fleet and its pools cost in the window: cuts of the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sim.cost.ledger import Ledger, per_mtoken, ratio, times, total


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


ACCELERATORS: Final = frozenset({"accelerators", "rent"})


def fleet_cost(ledger: Ledger, uses: Sequence[PoolUse]) -> dict[str, Any]:
    """Return what the fleet and each pool cost in the window, all in, as plain values.

    Args:
        ledger: of the run; every figure here is a cut of it.
        uses: what the pools used, in their order.
    """
    hours, tokens = ledger.window_h, sum(use.output_tokens for use in uses)
    pools = ledger.by_pool()
    accelerators = ledger.by_pool(lambda entry: entry.layer in ACCELERATORS)
    energy = ledger.by_pool(lambda entry: entry.layer in ledger.energy_layers)
    whole = times(ledger.cost.usd_per_h, hours)
    by_pool = {
        use.name: {
            "replica_hours": use.replica_h,
            "accelerators_usd": times(accelerators[use.name].usd_per_h, hours),
            "energy_usd": times(energy[use.name].usd_per_h, hours),
            "usd": times(pools[use.name].usd_per_h, hours),
            "output_tokens": use.output_tokens,
            "token_share": use.output_tokens / tokens if tokens else None,
            "usd_per_mtoken": per_mtoken(
                times(pools[use.name].usd_per_h, hours), use.output_tokens
            ),
        }
        for use in uses
    }
    own = total(entry for entry in ledger.entries if entry.layer in ACCELERATORS)
    return {
        "accelerators_usd": times(own.usd_per_h, hours),
        "fleet_usd": whole,
        "usd_per_mtoken": per_mtoken(whole, tokens),
        "fleet_usd_per_mtoken": per_mtoken(whole, tokens),
        "fleet_usd_per_request": ratio(whole, ledger.requests),
        "pools": by_pool,
    }
