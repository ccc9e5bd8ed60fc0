"""Money from users: what completed requests cost, and credits for those that missed their SLO."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sim.interfaces import COMPLETED
from sim.table import Columns


class TierPrices(Protocol):
    """What the requests of a tier pay."""

    @property
    def input_usd_per_token(self) -> float:
        """Price of a prompt token [USD]."""
        ...

    @property
    def output_usd_per_token(self) -> float:
        """Price of an answer token [USD]."""
        ...

    @property
    def credit(self) -> float:
        """Share of a request's price that is given back when it misses its SLO."""
        ...


class Billing:
    """Revenue and credits per tier, updated chunk by chunk.

    Args:
        tiers: what each tier pays and gets back.
    """

    def __init__(self, tiers: Sequence[TierPrices]) -> None:
        self._input_usd = np.array([tier.input_usd_per_token for tier in tiers])
        self._output_usd = np.array([tier.output_usd_per_token for tier in tiers])
        self._credit = np.array([tier.credit for tier in tiers])
        self.charges = bool((self._input_usd + self._output_usd).any())
        """Whether anybody pays at all."""
        self.revenue_usd = np.zeros(len(tiers))
        """Price of the completed requests by tier [USD]."""
        self.credits_usd = np.zeros(len(tiers))
        """What is given back of it [USD]."""

    def add(self, columns: Columns, attained: NDArray[np.bool_]) -> None:
        """Take requests of the measuring window.

        Args:
            columns: columns of the request table, n rows.
            attained: which of them met their SLO, shape (n,).
        """
        if not self.charges:
            return
        tier = columns["tier"]
        price_usd = (
            self._input_usd[tier] * columns["input_tokens"]
            + self._output_usd[tier] * columns["output_tokens"]
        )
        price_usd[columns["status"] != COMPLETED] = 0.0
        tiers = len(self._credit)
        self.revenue_usd += np.bincount(tier, price_usd, minlength=tiers)
        given_usd = price_usd * self._credit[tier] * ~attained
        self.credits_usd += np.bincount(tier, given_usd, minlength=tiers)
