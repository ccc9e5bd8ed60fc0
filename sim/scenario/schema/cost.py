"""What the accelerators of a pool cost, whoever owns them."""

from __future__ import annotations

from typing import Literal

from sim.document.quantities import UsdPerHour
from sim.scenario.schema.base import Section


class PoolCost(Section):
    """How the accelerators of a pool are paid for."""

    basis: Literal["owned", "rented"] = "owned"
    """Owned: paid for all the time, and their energy comes on top. Rented: paid for while a replica
    is on or starting, energy included."""
    accelerator_usd_per_h: UsdPerHour | None = None
    """Price of an hour of one accelerator, its part of host and network included. Unless given it
    is that of the catalogue: the annuity of its price where owned, the rent where rented."""
